"""Matching from file to file: a gazetteer and records as CSV, decisions and candidates as CSV, of whatever size.

Here belong reading and writing these files, accounting for their rows, and the way through a gazetteer that does not
fit in memory: it is parted by postcode district into temporary files, and one district is held at a time. How an
address is decided is `match`.
"""

from __future__ import annotations

import codecs
import csv
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from pipelines.address.gazetteer import Entry, no_garbage_collection
from pipelines.address.match import MARGIN, MATCHED, MOST_CANDIDATES, NONE, REVIEW, Decision, Matcher
from pipelines.address.standardise import LONGEST, postcode_of, read

GAZETTEER_NEEDS = ("uprn", "address")
RECORDS_NEED = ("record_id", "address")
OUTPUT = ("record_id", "uprn", "precision", "outcome", "reason", "score", "building_uprn")
CANDIDATES = ("record_id", "rank", "uprn", "score", "address", "postcode", "differs")
REJECTED = ("file", "row", "column", "reason")
# Words for a BLPU that is in use, planned, and no longer there; the gazetteers' own codes among them.
STATUSES = {
    **dict.fromkeys(("", "approved", "live", "1", "alternative", "3", "in use"), "live"),
    **dict.fromkeys(("provisional", "candidate", "5", "6"), "provisional"),
    **dict.fromkeys(("historic", "historical", "8", "retired"), "historic"),
    **dict.fromkeys(("rejected", "7", "9"), "rejected"),
}
# Above this many bytes a gazetteer is parted: some 600,000 addresses, which take about a gigabyte when read.
LARGEST_WHOLE = 80_000_000
# Rows held in memory before they are written to the files of their districts.
MOST_HELD = 200_000
NO_DISTRICT = "none"


class FileUnusable(Exception):
    """A file cannot be used; the message says which, what was wanted and what was found."""


@dataclass
class Account:
    """Rows of the two files: read = kept + rejected; and what the kept records came to, by outcome."""

    gazetteer_read: int = 0
    gazetteer_kept: int = 0
    records_read: int = 0
    records_kept: int = 0
    # Rows whose record_id an earlier row has: each is answered, but whoever joins by it gets several.
    records_repeated: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Record:
    """One record: where it stands in its file (for its order), its reference, address and postcode as given."""

    row: int
    record_id: str
    address: str
    postcode: str


Reject = Callable[[Path, int, str, str], None]


def match_files(gazetteer: Path, records: Path, output: Path, largest_whole: int = LARGEST_WHOLE) -> Account:
    """Match every record of a CSV file against a gazetteer in another, and write what each came to.

    Writes `output` (one row per record in their order), beside it `<name>_candidates.csv` (up to five properties for
    each record) and `<name>_rejected.csv` (rows of either file that could not be used). Each is written aside and
    moved into place at the end, so that a stop halfway leaves the former files. Raises `FileUnusable`.
    """
    account = Account()
    beside = [output.with_name(f"{output.stem}_{what}{output.suffix}") for what in ("candidates", "rejected")]
    for path in (output, *beside):
        if path.resolve() in (gazetteer.resolve(), records.resolve()):
            raise FileUnusable(f"{path}: would be written over what it is made from; choose another --output")
    for path in (gazetteer, records):
        if not path.exists() or path.is_dir():
            found = "a folder" if path.is_dir() else "no such file"
            raise FileUnusable(f"{path}: wanted a CSV file; found {found}")
    with ExitStack() as open_files, no_garbage_collection():
        decided, candidates, rejected = (
            open_files.enter_context(_written_aside(path)) for path in (output, *beside)
        )
        decisions, possible, refused = (
            csv.writer(to, lineterminator="\n") for to in (decided, candidates, rejected)
        )
        decisions.writerow(OUTPUT)
        possible.writerow(CANDIDATES)
        refused.writerow(REJECTED)

        def reject(path: Path, row: int, column: str, reason: str) -> None:
            refused.writerow((path.name, row, column, reason))

        entries = read_gazetteer(gazetteer, account, reject)
        given = read_records(records, account, reject)
        if gazetteer.stat().st_size > largest_whole:
            decided_on = _by_district(entries, given, output.parent)
        else:
            matcher = Matcher(entries)
            decided_on = ((record, matcher.match(record.address, record.postcode)) for record in given)
        for record, decision in decided_on:
            account.outcomes[decision.outcome] += 1
            if decision.outcome != MATCHED:
                account.reasons[decision.reason.split(":")[0]] += 1
            decisions.writerow(
                (
                    record.record_id,
                    decision.uprn or "",
                    decision.precision,
                    decision.outcome,
                    decision.reason,
                    decision.score,
                    decision.building_uprn or "",
                )
            )
            for rank, one in enumerate(decision.candidates, 1):
                differs = "; ".join(e.said for e in one.evidence if e.verdict != "same")
                possible.writerow(
                    (record.record_id, rank, one.uprn, one.score, one.address, one.postcode, differs)
                )
        if not account.gazetteer_kept:
            raise FileUnusable(
                f"{gazetteer}: wanted at least one row with a UPRN and an address; found {account.gazetteer_read} "
                "rows, none of them usable"
            )
    return account


def read_gazetteer(path: Path, account: Account, reject: Reject) -> Iterator[Entry]:
    """The entries of a gazetteer in CSV with a header; columns as `Entry` names them, at least uprn and address.

    Rejects rows without a UPRN of 1 to 12 digits, with a status that is not known, or with nothing of an address.
    """
    for row, values, problem in _rows(path, GAZETTEER_NEEDS, Entry._fields):
        account.gazetteer_read += 1
        if problem:
            reject(path, row, "", problem)
            continue
        uprn = uprn_in(values["uprn"])
        if uprn is None:
            reject(path, row, "uprn", "wanted a UPRN of 1 to 12 digits")
            continue
        if uprn % 1_000_000 == 0:
            reject(path, row, "uprn", "wanted a UPRN; found one that a spreadsheet has rounded")
            continue
        status = STATUSES.get(values.get("status", "").strip().lower())
        if status is None:
            reject(path, row, "status", f"wanted one of {', '.join(sorted(filter(None, STATUSES)))}")
            continue
        texts = {
            name: values.get(name, "").strip()
            for name in Entry._fields
            if name not in ("uprn", "parent_uprn", "usrn", "status", "easting", "northing")
        }
        if not any(texts[name] for name in ("address", "street", "building_name", "organisation")):
            reject(path, row, "address", "wanted an address; found none")
            continue
        if max(map(len, texts.values())) > LONGEST:
            reject(
                path,
                row,
                "address",
                f"wanted an address of at most {LONGEST:,} characters; found a longer one",
            )
            continue
        account.gazetteer_kept += 1
        yield Entry(
            uprn=uprn,
            parent_uprn=uprn_in(values.get("parent_uprn", "")),
            usrn=uprn_in(values.get("usrn", "")),
            status=status,
            easting=_number(values.get("easting", "")),
            northing=_number(values.get("northing", "")),
            **texts,
        )


def read_records(path: Path, account: Account, reject: Reject) -> Iterator[Record]:
    """The records of a CSV file with a header: record_id, address and, where there is one, postcode.

    Rejects rows without a record_id: a decision could not be brought back to them.
    """
    seen: set[str] = set()
    for row, values, problem in _rows(path, RECORDS_NEED, (*RECORDS_NEED, "postcode")):
        account.records_read += 1
        if problem:
            reject(path, row, "", problem)
            continue
        if not values["record_id"].strip():
            reject(path, row, "record_id", "wanted a reference of the record; found none")
            continue
        account.records_kept += 1
        account.records_repeated += values["record_id"] in seen
        seen.add(values["record_id"])
        yield Record(row, values["record_id"], values["address"], values.get("postcode", ""))


def uprn_in(text: str) -> int | None:
    """A UPRN (or USRN) in a CSV cell: digits, perhaps padded, perhaps with a `.0` behind; None for anything else."""
    digits = text.strip().removesuffix(".0").lstrip("0")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 12 else None


def _number(text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        return None


def _encoding(path: Path) -> str:
    """UTF-16 where the file says so, UTF-8 where all of it is, else Windows-1252 as spreadsheets write plain CSV."""
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    with path.open(encoding="utf-8-sig", newline="") as text:
        try:
            while text.read(1_000_000):
                pass
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _rows(
    path: Path, needed: Sequence[str], known: Sequence[str]
) -> Iterator[tuple[int, dict[str, str], str]]:
    """Rows as {column: text}, with the row's number as a spreadsheet counts records and what is wrong with its width.

    Header names in any case.
    """
    try:
        with path.open("rb") as head:
            start = head.read(4)
        if start[:2] == b"PK":
            raise FileUnusable(
                f"{path}: wanted a CSV file; found a ZIP or a spreadsheet: save it as CSV (UTF-8)"
            )
        with path.open(encoding=_encoding(path), newline="") as text:
            first = text.readline()
            delimiter = max(",;\t|", key=first.count)
            names = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
            if missing := [name for name in needed if name not in names]:
                raise FileUnusable(
                    f"{path}:1: wanted the column(s) {', '.join(missing)}; found {', '.join(names) or 'nothing'}"
                )
            at = [(name, names.index(name)) for name in known if name in names]
            if repeated := [name for name, _ in at if names.count(name) > 1]:
                raise FileUnusable(
                    f"{path}:1: wanted the column {repeated[0]} once; found it {names.count(repeated[0])} times"
                )
            for row, cells in enumerate(csv.reader(text, delimiter=delimiter, strict=True), 2):
                if not any(cells):
                    continue
                if len(cells) < len(names) or any(cells[len(names) :]):
                    yield row, {}, f"wanted {len(names)} fields, as the header has; found {len(cells)}"
                else:
                    yield row, {name: cells[i] for name, i in at}, ""
    except UnicodeDecodeError as error:
        raise FileUnusable(
            f"{path}: wanted text; found bytes that are none: save it as CSV (UTF-8)"
        ) from error
    except csv.Error as error:
        raise FileUnusable(
            f"{path}: wanted CSV; found a quotation mark that is not closed, or another row that is none ({error})"
        ) from error


@contextmanager
def _written_aside(path: Path) -> Iterator[TextIO]:
    """A file to write that takes its place only when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Always of the same name, so that what a killed run left is written over by the next.
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    try:
        with open(
            aside, "x", encoding="utf-8", newline="", opener=lambda name, flags: os.open(name, flags, 0o600)
        ) as to:
            yield to
            to.flush()
            os.fsync(to.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


# --- a gazetteer that does not fit in memory ----------------------------------------------------------------


def _by_district(
    entries: Iterator[Entry], records: Iterator[Record], beside: Path
) -> Iterator[tuple[Record, Decision]]:
    """Decide district by district: first in the district of each record's postcode, then in those of its town.

    The second round is for records that have no postcode, or did not match there: a wrong postcode is common. A record
    that names neither postcode nor town of the gazetteer is for review, since it might be anywhere.
    """
    folder = Path(tempfile.mkdtemp(prefix=".districts-", dir=beside))
    try:
        districts, towns = _part(entries, folder)
        waiting: dict[str, list[Record]] = defaultdict(list)
        order: list[Record] = []
        for record in records:
            order.append(record)
            outward = _outward(record)
            waiting[outward if outward in districts else NO_DISTRICT].append(record)
        found: dict[int, list[Decision]] = defaultdict(list)
        later: dict[str, list[Record]] = defaultdict(list)
        for record in waiting.pop(NO_DISTRICT, []):
            for district in sorted(_districts_of_town(record, towns)):
                later[district].append(record)
        for district in sorted(waiting):
            matcher = Matcher(_parted(folder, district))
            for record in waiting[district]:
                decision = matcher.match(record.address, record.postcode)
                found[record.row].append(decision)
                if decision.outcome != MATCHED:
                    for other in sorted(_districts_of_town(record, towns) - {district}):
                        later[other].append(record)
        for district in sorted(later):
            matcher = Matcher(_parted(folder, district))
            for record in later[district]:
                found[record.row].append(matcher.match(record.address, record.postcode))
        for record in order:
            yield record, _pooled(found.get(record.row, []))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _outward(record: Record) -> str:
    _, outward = postcode_of(record.postcode)
    return outward or read(record.address).outward


def _part(entries: Iterator[Entry], folder: Path) -> tuple[set[str], dict[tuple[str, ...], set[str]]]:
    """Write the entries to a file per district; returns the districts, and the districts of each town and locality."""
    districts: set[str] = set()
    towns: dict[tuple[str, ...], set[str]] = defaultdict(set)
    seen: dict[str, tuple[str, ...]] = {}
    held: dict[str, list[Entry]] = defaultdict(list)

    def flush() -> None:
        for district, rows in held.items():
            with (folder / f"{district}.csv").open("a", encoding="utf-8", newline="") as to:
                csv.writer(to, lineterminator="\n").writerows(rows)
        held.clear()

    for at, entry in enumerate(entries, 1):
        district = postcode_of(entry.postcode)[1] or NO_DISTRICT
        districts.add(district)
        for place in (entry.town, entry.locality):
            if place:
                words = seen.get(place)
                if words is None:
                    words = seen[place] = read(place).words
                towns[words].add(district)
        held[district].append(entry)
        if at % MOST_HELD == 0:
            flush()
    flush()
    return districts, towns


def _parted(folder: Path, district: str) -> Iterator[Entry]:
    path = folder / f"{district}.csv"
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as text:
        for row in csv.reader(text):
            values: dict[str, Any] = dict(zip(Entry._fields, row, strict=True))
            for name in ("uprn", "parent_uprn", "usrn"):
                values[name] = int(values[name]) if values[name] else None
            for name in ("easting", "northing"):
                values[name] = float(values[name]) if values[name] else None
            yield Entry(**values)


def _districts_of_town(record: Record, towns: dict[tuple[str, ...], set[str]]) -> set[str]:
    """The districts of the towns that the record's address names, best told by the longest name nearest its end."""
    words = read(record.address, record.postcode).words
    for end in range(len(words), 0, -1):
        for start in range(max(0, end - 4), end):
            if found := towns.get(words[start:end]):
                return found
    return set()


def _pooled(decisions: list[Decision]) -> Decision:
    """One decision from those of several districts: the match, where no other district has as good a one.

    What is for review in one district is so since little agrees there, unless it agrees better than the match.
    """
    if not decisions:
        why = "the record names neither a postcode nor a town of the gazetteer, which is too large to search everywhere"
        return Decision(REVIEW, None, None, "", 0, why)
    decisions = sorted(decisions, key=lambda d: (d.outcome == NONE, -d.score))
    best = next((d for d in decisions if d.outcome == MATCHED), decisions[0])
    candidates = tuple(
        sorted((c for d in decisions for c in d.candidates), key=lambda c: (-c.score, c.uprn))[
            :MOST_CANDIDATES
        ]
    )
    rivals = [
        d
        for d in decisions
        if d is not best
        and d.outcome != NONE
        and best.score - d.score < (MARGIN if d.outcome == MATCHED else 0)
    ]
    if best.outcome == MATCHED and rivals:
        return Decision(
            REVIEW, None, None, "", best.score, f"{len(rivals) + 1} properties agree equally well", candidates
        )
    return replace(best, candidates=candidates)
