"""What people decided on doubtful addresses: kept by the hash of the wording, and when a decision still holds.

`restricted/review/decisions.csv` holds the decision in force for each wording, `decisions_log.csv` every decision that
was ever made or withdrawn. Neither holds an address: a hash, a choice, a UPRN, who, when, and under which edition of
the gazetteer; and a note, where somebody wrote one. Both are replaced in one step, so that a run which is killed leaves
the former file whole. Every writer holds the run lock. What a decision does to a record is the matching step's.
"""

from __future__ import annotations

import datetime
import os
import re
import stat
import uuid
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from pipelines.review.spreadsheet import CellUnreadable, SheetUnreadable, as_csv, day_in, read_sheet, uprn_in

FOLDER = "review"
FILE, LOG = "decisions.csv", "decisions_log.csv"
Choice = Literal["property", "building", "none"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
COLUMNS = (
    "record_hash", "choice", "uprn", "decided_by", "decided_on", "gazetteer_version", "candidates_seen", "note",
)  # fmt: skip
LOG_COLUMNS = (
    "event", "record_hash", "choice", "uprn", "decided_by", "decided_on", "gazetteer_version", "candidates_seen",
    "entered_by",
)  # fmt: skip
_HASH = re.compile(r"[0-9a-f]{8,128}")


class DecisionsUnreadable(Exception):
    """The file of decisions cannot be used, so that no run may match addresses; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a person decided on one wording.

    `choice` is `property` (it is that `uprn`), `building` (no better than the building `uprn`) or `none` (no property
    of the gazetteer; `uprn` is None). `gazetteer_version` is the edition it was decided under and `candidates_seen` the
    fingerprint of the candidates shown (see `queue.fingerprint`). `note` is what the person wrote beside it.
    """

    record_hash: str
    choice: Choice
    uprn: int | None
    decided_by: str
    decided_on: datetime.date
    gazetteer_version: str
    candidates_seen: str
    note: str = ""


@dataclass(frozen=True)
class Kept:
    """What keeping decisions came to: how many wordings had none before, had another, had the same."""

    new: int
    replaced: int
    as_before: int


def review_folder(restricted: Path) -> Path:
    """The folder of the review queue, made where it is missing, closed to all but its owner."""
    folder = restricted / FOLDER
    folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    folder.chmod(stat.S_IRWXU)
    return folder


def read_decisions(restricted: Path) -> dict[str, Ruling]:
    """The decisions in force, by record hash; none where no decision was ever made.

    Raises `DecisionsUnreadable` where the file is damaged: rather no run than one that forgets what people decided.
    """
    path = restricted / FOLDER / FILE
    if not path.exists():
        return {}
    try:
        sheet = read_sheet(path, COLUMNS[:-1])
    except (OSError, SheetUnreadable) as error:
        raise DecisionsUnreadable(f"{error}. {_what_to_do(path)}") from None
    found: dict[str, Ruling] = {}
    for number, reason in sheet.wrong:
        raise DecisionsUnreadable(f"{path}, row {number}: {reason}. {_what_to_do(path)}")
    for number, row in sheet.rows:
        try:
            ruling = _ruling(row)
            if ruling.record_hash in found:
                raise CellUnreadable("record_hash: a hash that an earlier row has, too")
        except CellUnreadable as error:
            raise DecisionsUnreadable(f"{path}, row {number}, {error}. {_what_to_do(path)}") from None
        found[ruling.record_hash] = ruling
    return found


def still_holds(ruling: Ruling, live_uprns: Container[int]) -> bool:
    """Whether a decision still counts: always where it was `none`, else while its UPRN is in use.

    `live_uprns` are the UPRNs in use (live or provisional) of the present gazetteer, all or those that rulings name
    (`queue.uprns_in_use`).
    Another edition of the gazetteer, or other candidates, do not end it: they have it listed to be looked at again.
    """
    return ruling.choice == "none" or ruling.uprn in live_uprns


def keep_decisions(restricted: Path, rulings: Sequence[Ruling], entered_by: str) -> Kept:
    """Merge decisions into those in force; a later one (in the sequence) replaces an earlier one of the same wording.

    All are in force, and on disk, or none is. A decision that is in force already changes nothing and is not logged
    again. Raises `DecisionsUnreadable` as `read_decisions`, OSError where the disk is full.
    """
    before = read_decisions(restricted)
    now, events = dict(before), list[tuple[str, Ruling]]()
    for ruling in rulings:
        former = now.get(ruling.record_hash)
        if former is not None and _same(former, ruling):
            continue
        events.append(("replaced" if former else "decided", ruling))
        now[ruling.record_hash] = ruling
    touched = {ruling.record_hash for ruling in rulings}
    changed = {one for one in touched if one not in before or not _same(before[one], now[one])}
    if events:
        _log(restricted, events, entered_by)
    if now != before:
        _write(restricted, now)
    new = sum(one not in before for one in touched)
    return Kept(new, len(changed) - new, len(touched) - len(changed))


def withdraw_decisions(restricted: Path, hashes: Iterable[str], entered_by: str) -> int:
    """Take decisions out of force, so that the matcher alone decides again; returns how many there were."""
    now = read_decisions(restricted)
    gone = [now.pop(one) for one in sorted(set(hashes)) if one in now]
    if gone:
        _log(restricted, [("withdrawn", ruling) for ruling in gone], entered_by)
        _write(restricted, now)
    return len(gone)


def drop_notes(restricted: Path, but: Container[str]) -> int:
    """Empty the notes of wordings whose hash is not among `but`: what people wrote goes with the records.

    Returns how many there were.
    """
    now = read_decisions(restricted)
    stale = [one for one, ruling in now.items() if ruling.note and one not in but]
    if stale:
        _write(restricted, now | {one: replace(now[one], note="") for one in stale})
    return len(stale)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a restricted file (0600) in one step: a reader sees the old content or the new, never a part."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with os.fdopen(
            os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb"
        ) as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _same(one: Ruling, other: Ruling) -> bool:
    """Whether two decisions say the same; when and by whom it was first decided stays then."""
    return replace(one, decided_by="", decided_on=other.decided_on) == replace(other, decided_by="")


def _ruling(row: dict[str, str]) -> Ruling:
    record_hash, choice = row["record_hash"], row["choice"]
    if not _HASH.fullmatch(record_hash):
        raise CellUnreadable("record_hash: wanted a hash in hexadecimal digits; found something else")
    if choice not in CHOICES:
        raise CellUnreadable(f"choice: wanted one of {', '.join(CHOICES)}; found something else")
    uprn = None
    try:
        if row["uprn"]:
            uprn = uprn_in(row["uprn"])
    except CellUnreadable as error:
        raise CellUnreadable(f"uprn: wanted a UPRN; found {error}") from None
    if (uprn is None) != (choice == "none"):
        raise CellUnreadable(
            "uprn: wanted one for a property or building, and none for `none`; found otherwise"
        )
    try:
        day = day_in(row["decided_on"])
    except CellUnreadable as error:
        raise CellUnreadable(f"decided_on: wanted a day; found {error}") from None
    return Ruling(
        record_hash, choice, uprn, row["decided_by"], day, row["gazetteer_version"], row["candidates_seen"],
        row.get("note", ""),
    )  # fmt: skip


def _what_to_do(path: Path) -> str:
    return (
        f"Correct it, or bring {path.name} back from a backup ({LOG} beside it tells what was decided); until then "
        "no address is matched, or decisions would be lost in silence"
    )


def _write(restricted: Path, rulings: dict[str, Ruling]) -> None:
    rows = [
        (
            r.record_hash,
            r.choice,
            r.uprn,
            r.decided_by,
            r.decided_on,
            r.gazetteer_version,
            r.candidates_seen,
            r.note,
        )
        for _, r in sorted(rulings.items())
    ]
    replace_file(review_folder(restricted) / FILE, as_csv(COLUMNS, rows))


def _log(restricted: Path, events: Sequence[tuple[str, Ruling]], entered_by: str) -> None:
    """Add to the log, before the decisions themselves: what is in force is always in it."""
    path = review_folder(restricted) / LOG
    rows = [
        (event, r.record_hash, r.choice, r.uprn, r.decided_by, r.decided_on, r.gazetteer_version, r.candidates_seen,
         entered_by)
        for event, r in events
    ]  # fmt: skip
    added = as_csv(LOG_COLUMNS, rows)
    if path.exists():
        added = path.read_bytes() + added.partition(b"\r\n")[2]
    replace_file(path, added)
