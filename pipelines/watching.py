"""What has changed in an authority folder since the last run: which files are new, and which tables they concern.

Here belongs looking at files: whether one is whole, whether its content is new, what is to be said of it. A look
changes nothing and starts nothing; what it has to remember for the next look is a text, the cursor. No Dagster: the
sensor that starts runs is `orchestrate.sensors`.

A file is what it holds (SHA-256), together with the date in its name, which says as at when the extract describes: a
file that is touched, moved or renamed otherwise is the same file.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines.authority import Authority, Dataset, Source
from pipelines.extracts import CARRIED, date_in_name
from pipelines.gazetteer_files import RECORDS
from pipelines.ingest import dataset_table, files_table, source_table
from pipelines.tables import Table
from pipelines.warehouse import Warehouse

# A ZIP file or workbook without its end, or a file without anything, is still being copied; after so long it is broken.
HALF_COPIED_SECONDS = 900
# A file that a run could not open, though a look can, is tried again: not in every run that could be started.
TRY_AGAIN_SECONDS = 60
# A look has to end within the minute that Dagster gives it: more than this is read at the next one.
LARGEST_LOOK_BYTES = 2_000_000_000
PACKED = {".zip", ".xlsx"}
GAZETTEER = "sources.llpg"


@dataclass(frozen=True)
class Used:
    """A file that the last run of its table looked at: its path as shown, its SHA-256, and `read`, `refused`, ...

    The SHA-256 is empty where the file was not opened (past retention), or could not be.
    """

    file: str
    sha256: str
    status: str

    @property
    def is_unread(self) -> bool:
        """Whether it was there and could not be opened: its drive was busy, or another program had it."""
        return self.status == "refused" and not self.sha256


@dataclass(frozen=True)
class Look:
    """What one look found. `concerned` holds, by table (`stage.name`), why: the files or the description, as shown.

    `waiting` and `notes` are sentences for people: what is not ready yet, and what was noticed but starts nothing.
    `key` is the same for the same request, and another for any other; empty where nothing is concerned.
    """

    concerned: Mapping[str, tuple[str, ...]]
    waiting: tuple[str, ...]
    notes: tuple[str, ...]
    key: str
    cursor: str


@dataclass
class _Cursor:
    """`files`: by path, [size, mtime, when it was first seen so, SHA-256 or empty]; `asked`: by table, what for."""

    files: dict[str, list[Any]] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    asked_at: dict[str, float] = field(default_factory=dict)
    requests: int = 0

    @classmethod
    def read(cls, text: str | None) -> _Cursor:
        """From text; one that cannot be read is as good as none."""
        try:
            return cls(**json.loads(text)) if text else cls()
        except (ValueError, TypeError):
            return cls()

    def text(self) -> str:
        """As text; the same cursor, the same text."""
        return json.dumps(self.__dict__, sort_keys=True, separators=(",", ":"))


def files_used(warehouse: Warehouse, authority: Authority) -> dict[str, tuple[Used, ...]]:
    """By table, the files that its last run looked at, from the warehouse; none for a table that is not there."""
    used = {}
    every: list[Source | Dataset] = [*authority.sources, *authority.datasets]
    for described in every:
        table = _table(described)
        files = files_table(table)
        path = warehouse.read_path(files.stage, files.name)
        if path is not None and warehouse.facts(table.stage, table.name) is not None:
            rows = pq.read_table(path, columns=["file", "sha256", "status"]).to_pylist()
            used[table.full_name] = tuple(
                Used(row["file"].partition(CARRIED)[0], row["sha256"], row["status"]) for row in rows
            )
    return used


def look(
    authority: Authority,
    used: Mapping[str, Sequence[Used]],
    cursor: str | None,
    now: float,
    settle_seconds: float = 60,
    known: Container[str] | None = None,
) -> Look:
    """Look at every file that a description names.

    `used` is `files_used`, `cursor` what the look before returned, `now` seconds since 1970. A file counts when two
    looks at least `settle_seconds` apart found it with the same size and time of change. Tables (`stage.name`) that are
    not among the `known` are looked at once they are.
    """
    before, after = _Cursor.read(cursor), _Cursor()
    after.requests, after.asked, after.asked_at = before.requests, dict(before.asked), dict(before.asked_at)
    concerned: dict[str, tuple[str, ...]] = {}
    waiting: list[str] = []
    notes: list[str] = []
    wanted: dict[str, str] = {}
    budget = [LARGEST_LOOK_BYTES]
    every: list[Source | Dataset] = [*authority.sources, *authority.datasets]
    for described in every:
        name = _table(described).full_name
        if known is not None and name not in known:
            notes.append(
                f"{name}: its description is new, and is waited for until the definitions are loaded again"
            )
            continue
        paths = (
            authority.source_files(described)
            if isinstance(described, Source)
            else authority.dataset_files(described)
        )
        settled: dict[str, str] = {}  # what a file is, by its path as shown
        unsettled = False
        of_table = used.get(name, ())
        unread = {one.file for one in of_table if one.is_unread}
        for path in paths:
            shown = authority.shown(path)
            remembered = before.files.get(str(path))
            if remembered and shown in unread:
                remembered = [*remembered[:3], ""]  # it is opened again, whether or not it has changed
            seen, why = _settled(path, remembered, now, settle_seconds, budget)
            if seen is not None:
                after.files[str(path)] = seen
            if why:
                unsettled = True
                waiting.append(f"{shown}: {why}")
            elif seen is not None:
                settled[shown] = _mark(shown, seen[3])
        description = _description(described, authority)
        after.descriptions[name] = before.descriptions.get(name, description)
        if unsettled:
            continue  # a month's delivery may be several files: none of it is read before all of it is there
        news = _news(settled, of_table, notes)
        if before.descriptions.get(name, description) != description:
            news = (*news, authority.shown(described.path))
        digest = _digest([description, *sorted(settled.values())])
        is_asked = after.asked.get(name) == digest
        if is_asked and unread and now - after.asked_at.get(name, 0.0) >= TRY_AGAIN_SECONDS:
            is_asked = False
        if news and is_asked:
            notes.append(
                f"{', '.join(news)}: a run was started for this and did not finish; see why among the runs, and start "
                "it again there"
            )
        elif news:
            concerned[name] = news
            after.descriptions[name] = description
            after.asked[name], after.asked_at[name] = digest, now
            wanted[name] = _digest([digest, *sorted(f"{one.file} {one.sha256}" for one in of_table)])
    if GAZETTEER in concerned:  # its delivery holds what these are made of, too
        for other in sorted(f"sources.{name}" for name in RECORDS):
            concerned.setdefault(other, concerned[GAZETTEER])
    key = ""
    if concerned:
        after.requests += 1
        key = f"{_digest([f'{name} {of}' for name, of in sorted(wanted.items())])[:20]}-{after.requests}"
    return Look(concerned, tuple(waiting), tuple(notes), key, after.text())


def _table(described: Source | Dataset) -> Table:
    return source_table(described) if isinstance(described, Source) else dataset_table(described)


def _news(settled: Mapping[str, str], used: Sequence[Used], notes: list[str]) -> tuple[str, ...]:
    """The files that make a run worth while; what else there is to say goes to the notes."""
    known = {_mark(one.file, one.sha256): one.file for one in used}
    # A file past retention is not opened, so that nobody knows what it holds.
    unread = {one.file for one in used if not one.sha256}
    # Its drive was gone, say: what was read of it is in use, and marked as older than it need be.
    missing = {one.file for one in used if one.status == "missing"}
    first: dict[str, str] = {}
    news = []
    for shown, mark in settled.items():
        if mark in first:
            notes.append(f"{shown} is a copy of {first[mark]}: remove one of them")
        elif shown in missing or (mark not in known and shown not in unread):
            news.append(shown)
        elif mark in known and known[mark] != shown and known[mark] not in settled:
            notes.append(f"{shown} is {known[mark]} under another name: nothing has to be made again")
        first.setdefault(mark, shown)
    for one in used:
        if _mark(one.file, one.sha256) in first:
            continue
        if one.status == "refused" and settled:
            news.append(one.file)  # it stood in the way, and is gone or another file now
        elif one.status == "read" and one.file not in settled:
            until = " until the next run" if settled else ": is a drive missing, or was it moved?"
            notes.append(f"{one.file} is gone; what was read of it stays in use{until}")
    return tuple(dict.fromkeys(news))


def _settled(
    path: Path, before: list[Any] | None, now: float, settle_seconds: float, budget: list[int]
) -> tuple[list[Any] | None, str]:
    """What the cursor is to remember of a file, and why it does not count yet (empty where it does)."""
    seen = before
    try:
        found = path.stat()
        if before is None or before[:2] != [found.st_size, found.st_mtime_ns]:
            return [found.st_size, found.st_mtime_ns, now, ""], "it has just come, or is still being copied"
        seen = list(before)
        if seen[3]:
            return seen, ""
        if now - seen[2] < settle_seconds:
            return seen, "it has just come, or is still being copied"
        if opened := [lock for lock in _locks(path) if lock.exists()]:
            return seen, f"it is open in another program, which has put {opened[0].name} beside it"
        is_whole = found.st_size > 0 and (path.suffix.lower() not in PACKED or zipfile.is_zipfile(path))
        if not is_whole and now - seen[2] < HALF_COPIED_SECONDS:
            return seen, "it is not whole yet"
        if budget[0] <= 0:
            return seen, "it is read at the next look"
        budget[0] -= found.st_size
        with path.open("rb") as stream:
            seen[3] = hashlib.file_digest(stream, "sha256").hexdigest()
        after = path.stat()
        if [after.st_size, after.st_mtime_ns] != seen[:2]:
            return [after.st_size, after.st_mtime_ns, now, ""], "it is still being copied"
        return seen, ""
    except FileNotFoundError:
        return None, ""  # gone since the folder was read
    except OSError as error:
        # What is remembered stays, so that the next look tries again instead of waiting for it to settle anew.
        return seen, f"it cannot be read: {error.strerror or type(error).__name__}"


def _locks(path: Path) -> tuple[Path, Path]:
    """The files that Excel and LibreOffice put beside a workbook that is open."""
    return path.with_name(f"~${path.name}"), path.with_name(f".~lock.{path.name}#")


def _mark(shown: str, sha256: str) -> str:
    """What a file is: its content, with the date in its name and its ending, by which its content is read."""
    name = Path(shown)
    return f"{sha256} {date_in_name(name.stem) or ''} {name.suffix.lower()}"


def _description(described: Source | Dataset, authority: Authority) -> str:
    """The SHA-256 of a description that stands in the authority folder; empty for one that comes with the software."""
    if not described.path.is_relative_to(authority.folder):
        return ""
    return hashlib.sha256(described.path.read_bytes()).hexdigest()


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
