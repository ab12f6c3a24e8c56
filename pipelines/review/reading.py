"""Reading decisions back: from the page's file or the edited worksheet, each row believed only where it can be right.

Rows read = kept + not decided + rejected, each rejected row with its number and the reason, never with what it holds.
A wrong decision puts records of many people on a wrong place, so a row in doubt is refused: one whose UPRN a
spreadsheet has spoilt, or whose columns were sorted apart.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.review.decisions import Choice, Ruling
from pipelines.review.queue import IN_USE, MOST_CANDIDATES, Item, status_of, wordings
from pipelines.review.spreadsheet import CellUnreadable, day_in, read_sheet, uprn_in

NEEDED = ("record_hash", "decision")
LONGEST_NAME, LONGEST_NOTE = 80, 200
_BUILDING = re.compile(r"(?:building|b)(?:\s+(.+))?", re.IGNORECASE)
_NONE = ("none", "n")
_NOT_ASCII_WORD = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Answers:
    """What a file of decisions came to: rows read = len(rulings) + not_decided + len(rejected).

    `rulings` are in the order of the rows; `rejected` holds row number (the header is row 1) and reason.
    """

    rulings: tuple[Ruling, ...]
    not_decided: int
    rejected: tuple[tuple[int, str], ...]

    @property
    def rows_read(self) -> int:
        """Rows below the header that are not blank."""
        return len(self.rulings) + self.not_decided + len(self.rejected)


def read_answers(
    con: duckdb.DuckDBPyConnection, path: Path, decided_by: str, today: datetime.date
) -> Answers:
    """The decisions of a file, held against the tables as they are now.

    `decided_by` is who decided where a row does not say, and may be empty; a row that gives no day is of `today`.
    Raises `SheetUnreadable` where the file is no such table, OSError where it cannot be opened.
    """
    sheet = read_sheet(path, NEEDED)
    hashes = sorted({row["record_hash"] for _, row in sheet.rows})
    items = wordings(con, "record_hash IN (SELECT unnest(?))", hashes)
    rejected = list(sheet.wrong)
    taken: list[tuple[int, Ruling]] = []
    not_decided = 0
    for number, row in sheet.rows:
        if not row["decision"]:
            not_decided += 1
            continue
        try:
            taken.append((number, _ruling(row, items.get(row["record_hash"]), decided_by, today)))
        except CellUnreadable as error:
            rejected.append((number, str(error)))
    statuses = status_of(con, {ruling.uprn for _, ruling in taken if ruling.uprn is not None})
    rulings = []
    for number, ruling in taken:
        if ruling.uprn is None or statuses.get(ruling.uprn) in IN_USE:
            rulings.append(ruling)
        elif ruling.uprn in statuses:
            rejected.append(
                (number, f"its UPRN is {statuses[ruling.uprn]} in the gazetteer: choose one in use")
            )
        else:
            rejected.append((number, "its UPRN is not in the gazetteer (was it rounded, or mistyped?)"))
    return Answers(tuple(rulings), not_decided, tuple(sorted(rejected)))


def _ruling(row: dict[str, str], item: Item | None, decided_by: str, today: datetime.date) -> Ruling:
    """The decision of one row, its UPRN not yet looked up; raises `CellUnreadable` with what is wrong."""
    if item is None:
        raise CellUnreadable(
            "its record_hash is not one of the present addresses: is the worksheet of another output, or has the "
            "address left the extracts?"
        )
    if row.get("address") and _letters(row["address"]) != _letters(item.address):
        raise CellUnreadable(
            "its address is not that of its record_hash: was a column sorted or filled by itself?"
        )
    choice, uprn = _choice(row, item)
    name = row.get("decided_by", "") or decided_by
    if not name:
        raise CellUnreadable(
            "nobody is named in decided_by: fill it in, or give `--by NAME` for the whole file"
        )
    note = row.get("note", "")
    if len(name) > LONGEST_NAME or len(note) > LONGEST_NOTE:
        raise CellUnreadable(
            f"decided_by or note is too long: wanted at most {LONGEST_NAME} and {LONGEST_NOTE} characters"
        )
    day = today
    if row.get("decided_on"):
        try:
            day = day_in(row["decided_on"])
        except CellUnreadable as error:
            raise CellUnreadable(f"decided_on holds {error}") from None
        if day > today:
            raise CellUnreadable("decided_on is a day still to come")
    # Where the candidates are still those that the person saw, the decision is as good as made today.
    seen = row.get("candidates_seen", "")
    version = item.gazetteer_version if seen == item.candidates_seen else row.get("gazetteer_version", "")
    return Ruling(
        item.record_hash, choice, uprn, " ".join(name.split()), day, version, seen, " ".join(note.split())
    )


def _choice(row: dict[str, str], item: Item) -> tuple[Choice, int | None]:
    decision = row["decision"].strip().lower().removesuffix(".0")
    if decision in _NONE:
        return "none", None
    if building := _BUILDING.fullmatch(decision):
        return "building", _building(building[1], row, item)
    if len(decision) == 1 and decision.isdecimal():
        return "property", _candidate(int(decision), row, item)
    try:
        return "property", uprn_in(decision)
    except CellUnreadable as error:
        raise CellUnreadable(
            f"its decision is {error}; wanted a number from 1 to {MOST_CANDIDATES}, a UPRN, `building` or `none`"
        ) from None


def _building(named: str | None, row: dict[str, str], item: Item) -> int:
    if named:
        try:
            return uprn_in(named)
        except CellUnreadable as error:
            raise CellUnreadable(f"its building is {error}") from None
    if item.building_uprn is None:
        raise CellUnreadable("its building is not known: write `building` and the building's UPRN")
    shown = row.get("uprn", "") or row.get("building_uprn", "")
    if _readable(shown) not in (None, item.building_uprn):
        raise CellUnreadable("its building is another one now: decide again in a new worksheet")
    return item.building_uprn


def _candidate(number: int, row: dict[str, str], item: Item) -> int:
    """The UPRN of a candidate that was chosen by its number."""
    if not 1 <= number <= MOST_CANDIDATES:
        raise CellUnreadable(f"its decision is a number that no candidate has; wanted 1 to {MOST_CANDIDATES}")
    shown = _readable(row.get("uprn", "") or row.get(f"candidate_{number}_uprn", ""))
    if item.candidates and row.get("candidates_seen") == item.candidates_seen:
        if number > len(item.candidates):
            raise CellUnreadable(f"its decision is {number}, and it has {len(item.candidates)} candidate(s)")
        uprn = item.candidates[number - 1].uprn
        # A spreadsheet may have spoilt the UPRN in its cell (None); another one means that columns were mixed up.
        if shown not in (None, uprn):
            raise CellUnreadable(
                f"the UPRN beside candidate {number} is not that candidate's: was a column sorted by itself?"
            )
        return uprn
    if shown is None:
        raise CellUnreadable(
            "its candidates have changed since the worksheet was written, and the UPRN of the one chosen cannot be "
            "read: decide again in a new worksheet"
        )
    return shown


def _readable(cell: str) -> int | None:
    try:
        return uprn_in(cell)
    except CellUnreadable:
        return None


def _letters(text: str) -> str:
    """What of an address comes through every encoding."""
    return _NOT_ASCII_WORD.sub("", text).upper()
