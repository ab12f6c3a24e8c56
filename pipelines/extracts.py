"""Which of a dataset's extracts are used, of which date each is, and what change files come to at each date.

Here belongs how successive extracts of one dataset stand to each other (`extracts`, `corrections` and `parts` of its
description): what replaces what, what would count twice, and the state of a dataset that comes as changes. What the
rows of one file mean is `ingest`; what must not be read any longer is `forgetting`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from pipelines.authority import AsAtColumn, Dataset
from pipelines.formats import FileRefused
from pipelines.tables import Table, quoted, text_literal

DATE_IN_NAME = r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])(?:[-_.]?(0[1-9]|[12]\d|3[01]))?(?!\d)"
SUPERSEDED, LATER = "superseded", "after_as_at"
# Rows of one extract that stand, all their columns alike, in an earlier one too: more than this share is no chance.
MOST_SHARED_PERCENT = 20
# Changes of records that nobody knows: more than this share, and a file between is missing.
MOST_UNKNOWN_PERCENT = 5
# Events dated after their extract: a few are slips, more say that the date of the extract is wrong.
MOST_AFTER_PERCENT, FEW_AFTER = 5, 4
INSERT, UPDATE, DELETE = "insert", "update", "delete"
# Part of the name under which a state's rows stand that an earlier file brought: `tax_2026-08.csv @ 2026-09-30`.
CARRIED = " @ "


def date_in_name(stem: str) -> datetime.date | None:
    """The last date in a file's name; a month alone means its last day."""
    return _dated(stem)[0]


def _dated(stem: str) -> tuple[datetime.date | None, int]:
    """The last date in a name, and where it ends (0 where there is none)."""
    found: tuple[datetime.date | None, int] = (None, 0)
    for match in re.finditer(DATE_IN_NAME, stem):
        year, month, day = match.groups()
        first_of_next = datetime.date(int(year) + int(month) // 12, int(month) % 12 + 1, 1)
        try:
            dated = (
                datetime.date(int(year), int(month), int(day))
                if day
                else first_of_next - datetime.timedelta(1)
            )
        except ValueError:
            continue
        found = (dated, match.end())
    return found


def date_of(dataset: Dataset, path: Path) -> datetime.date | None:
    """The date of an extract: given, or from its file name (`2026-09-30`, `20260930`; `2026-09` means its last day).

    None where its rows carry it, or where none is told and none is needed. Raises `FileRefused` where one is needed.
    """
    if isinstance(dataset.as_at, datetime.date):
        return dataset.as_at
    if isinstance(dataset.as_at, AsAtColumn):
        return None
    found = date_in_name(path.stem)
    if found is None and (dataset.kind == "stock" or dataset.succession in {"full", "changes"}):
        raise FileRefused(
            f"wanted a date in the file's name (such as {dataset.name}_2026-09.csv); found none: rename the file, or "
            "set `as_at`"
        )
    return found


def stands_alone(dataset: Dataset) -> bool:
    """Whether each extract tells how things stand at the date in its name, whatever the others tell."""
    return dataset.succession == "snapshot" and dataset.as_at == "file_name"


@dataclass(frozen=True)
class Chosen:
    """What becomes of a dataset's files: those to read, in the order in which they follow each other; and why not, of
    those that another one supersedes and those that may not be used beside another.
    """

    used: tuple[Path, ...]
    superseded: dict[Path, str] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)

    def without(self, held: Mapping[str, str], shown: Callable[[Path], str]) -> Chosen:
        """The same with some files (as shown) refused for the reason given, or passed over where none is given."""
        why = {path: held[shown(path)] for path in self.used if shown(path) in held}
        return replace(
            self,
            used=tuple(path for path in self.used if why.get(path) != ""),
            refused=self.refused | {path: reason for path, reason in why.items() if reason},
        )


def choose(
    dataset: Dataset,
    paths: Iterable[Path],
    shown: Callable[[Path], str],
    up_to: datetime.date | None = None,
) -> Chosen:
    """Which of a dataset's files are used; with `up_to`, as it would have been on that day.

    Two files of one date are one too many, unless the description says that an extract comes in `parts`, or that
    of two the later one stands (`corrections: replace`). The later one is told by its name alone, never by the time at
    which it was written, which any copy changes: what follows the date in it, nothing before something, numbers by
    their size.
    """
    of_date: dict[datetime.date | None, list[Path]] = {}
    for path in paths:
        try:
            dated = date_of(dataset, path)
        except FileRefused:
            dated = None  # reading it tells why
        if up_to is None or not _is_later(dataset, dated, up_to):
            of_date.setdefault(dated, []).append(path)
    superseded: dict[Path, str] = {}
    refused: dict[Path, str] = {}
    may_be_many = dataset.parts or (
        dataset.succession == "append" and isinstance(dataset.as_at, datetime.date)
    )
    for dated, files in of_date.items():
        files.sort(key=_turn)
        if dated is None or may_be_many or len(files) == 1:
            continue
        if dataset.corrections == "replace":
            *former, last = files
            for path in former:
                if _before_date(path) == _before_date(last):
                    superseded[path] = f"superseded: {shown(last)} corrects it, for {dated}"
                else:
                    refused[last] = (
                        f"a second extract of {dated} beside {shown(path)}, and their names do not tell which is the "
                        f"later: name it as the other up to the date, and say after it what it is, such as "
                        f"{path.stem}_corrected{path.suffix}"
                    )
        else:
            for path in files[1:]:
                refused[path] = (
                    f"a second extract of {dated} beside {shown(files[0])}: both together would count twice. Take the "
                    "one away that does not hold; or say in the description `corrections: replace` (the later name "
                    "stands for that date) or `parts: true` (each extract comes in several files)"
                )
    used = [path for dated in sorted(of_date, key=_undated_first) for path in of_date[dated]]
    used = [path for path in used if path not in superseded]
    good = [path for path in used if path not in refused]
    if dataset.succession == "full" and good:
        last_date = date_of_or_none(dataset, good[-1])
        for path in good:
            if date_of_or_none(dataset, path) not in (None, last_date):  # reading an undated one tells why
                superseded[path] = f"superseded: {shown(good[-1])}, of {last_date}, holds everything anew"
        used = [path for path in used if path not in superseded]
    return Chosen(tuple(used), superseded, refused)


def date_of_or_none(dataset: Dataset, path: Path) -> datetime.date | None:
    """The date of an extract, None also where one is needed and not told."""
    try:
        return date_of(dataset, path)
    except FileRefused:
        return None


def _is_later(dataset: Dataset, dated: datetime.date | None, up_to: datetime.date) -> bool:
    # The one date of all files of events says how far they go, not when each was made.
    is_stated = isinstance(dataset.as_at, datetime.date) and dataset.kind == "flow"
    return dated is not None and dated > up_to and not is_stated


def _undated_first(dated: datetime.date | None) -> datetime.date:
    return dated or datetime.date.min


def _before_date(path: Path) -> str:
    return path.stem[: _dated(path.stem)[1]].casefold()


def _turn(path: Path) -> tuple[str, tuple[tuple[int, int, str], ...], str]:
    """By what precedes the date and the date itself, then by what follows it, numbers by their size."""
    tail = re.findall(r"\d+|\D+", path.stem[_dated(path.stem)[1] :].casefold())
    return _before_date(path), tuple((1, int(t), "") if t.isdigit() else (0, 0, t) for t in tail), path.name


# --- what the rows of several files come to --------------------------------------------------------------------------
# Each of these works on the temporary table `typed` of an ingest: its columns, and `_reject_column`, `_reject_reason`,
# `_of_weight`, `_position`, `_change`, `_turn` (the place of the row's file among all).


@dataclass(frozen=True)
class Refusal:
    """A file that cannot be used for what stands in others."""

    file: str
    reason: str


def refused_for_others(con: duckdb.DuckDBPyConnection, table: Table, dataset: Dataset) -> list[Refusal]:
    """The files that would count twice what an earlier one has, which their names do not tell.

    Of snapshots dated by a column, files that share a date; of events that have no reference, files of which many rows
    stand in an earlier one, all columns alike. Where the description says `corrections: replace`, the earlier rows of a
    shared date are rejected instead.
    """
    if dataset.parts:
        return []
    if isinstance(dataset.as_at, AsAtColumn) and dataset.succession == "snapshot":
        return _sharing_a_date(con, dataset)
    has_reference = any(use.role == "record_reference" for use in dataset.columns.values())
    if dataset.succession != "append" or has_reference:
        return []
    left = {"file", "row_number", "record_id", "as_at", "issues"}
    alike = ", ".join(quoted(c.name) for c in table.columns if c.name not in left)
    found = con.execute(
        f"WITH row AS (SELECT file, _turn, hash({alike}) AS hash FROM typed WHERE _reject_reason IS NULL), "
        "first AS (SELECT hash, min(_turn) AS _turn, arg_min(file, _turn) AS file FROM row GROUP BY hash) "
        "SELECT row.file, count(*), count(*) FILTER (first._turn < row._turn), "
        "min(first.file) FILTER (first._turn < row._turn) FROM row JOIN first USING (hash) "
        "GROUP BY row.file, row._turn ORDER BY row._turn"
    ).fetchall()
    return [
        Refusal(
            file,
            f"{shared:,} of its {rows:,} rows stand in {first} or another earlier extract too, and would count "
            "twice. Is each extract whole, say so in the description (`extracts: full`: the newest replaces all before "
            "it); does it add events, have it made without the earlier ones, or mark the column by which an event is "
            "known (`record_reference`); are they different events all the same, say `parts: true`",
        )
        for file, rows, shared, first in found
        if shared * 100 > rows * MOST_SHARED_PERCENT
    ]


def refused_for_date(con: duckdb.DuckDBPyConnection) -> list[Refusal]:
    """The files of which so many events are dated after the extract that it is the extract's date that is wrong."""
    found = con.execute(
        "SELECT file, count(*), count(*) FILTER (starts_with(_reject_reason, 'date_after_extract')) AS after, "
        "max(as_at) FROM typed GROUP BY file, _turn ORDER BY _turn"
    ).fetchall()
    return [
        Refusal(
            file,
            f"{after:,} of its {rows:,} events are dated after the extract itself ({as_at or 'read today'}): is that "
            "date right (the file's name, or `as_at`)? Planned events are no events yet: describe their date as `date`",
        )
        for file, rows, after, as_at in found
        if after > FEW_AFTER and after * 100 > rows * MOST_AFTER_PERCENT
    ]


def _sharing_a_date(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Refusal]:
    found = con.execute(
        "WITH dated AS (SELECT DISTINCT file, _turn, as_at FROM typed WHERE _reject_reason IS NULL), "
        "several AS (SELECT as_at, min(_turn) AS first FROM dated GROUP BY as_at HAVING count(*) > 1) "
        "SELECT later.file, min(earlier.file), min(later.as_at) FROM dated AS later JOIN several USING (as_at) "
        "JOIN dated AS earlier ON earlier.as_at = later.as_at AND earlier._turn = several.first "
        "WHERE later._turn > several.first GROUP BY later.file, later._turn ORDER BY later._turn"
    ).fetchall()
    if dataset.corrections == "replace":
        con.execute(
            "UPDATE typed SET _reject_column = 'as_at', "
            "_reject_reason = 'superseded: a later extract of the same date corrects it' "
            "FROM (SELECT as_at AS on_day, max(_turn) AS last FROM typed WHERE _reject_reason IS NULL "
            "GROUP BY as_at) AS l "
            "WHERE typed.as_at = l.on_day AND typed._turn < l.last AND typed._reject_reason IS NULL"
        )
        return []
    return [
        Refusal(
            file,
            f"it has rows of {on}, as {first} has: both together would count twice. Take the one away that does not "
            "hold; or say in the description `corrections: replace` (the later name stands) or `parts: true`",
        )
        for file, first, on in found
    ]


def replace_events(con: duckdb.DuckDBPyConnection) -> None:
    """Of an event that a later extract has again, reject the earlier row (`corrections: replace`)."""
    con.execute(
        "UPDATE typed SET _reject_column = 'record_id', "
        "_reject_reason = 'superseded: a later extract has the record again' "
        "FROM (SELECT record_id AS who, max(_turn) AS last FROM typed WHERE _reject_reason IS NULL "
        "GROUP BY record_id) AS l "
        "WHERE typed.record_id = l.who AND typed._turn < l.last AND typed._reject_reason IS NULL"
    )


def refused_changes(con: duckdb.DuckDBPyConnection, unread: tuple[int, str] | None = None) -> list[Refusal]:
    """The change files that cannot be applied, and all after them: a state made of a part of the changes is wrong.

    `unread` is the first file that could not be read at all, with its turn.
    """
    order = con.execute("SELECT DISTINCT file, _turn FROM typed ORDER BY _turn").fetchall()
    found = con.execute(
        "WITH good AS (SELECT * FROM typed WHERE _reject_reason IS NULL), "
        "judged AS (SELECT *, _change <> 'insert' AS changes, "
        "lag(_change) OVER (PARTITION BY record_id ORDER BY _turn, _position) AS before FROM good) "
        "SELECT file, count(*) FILTER (changes), count(*) FILTER (changes AND coalesce(before, 'delete') = 'delete') "
        "FROM judged GROUP BY file, _turn ORDER BY _turn"
    ).fetchall()
    unknown = {file: (changes, lost) for file, changes, lost in found}
    why, cause = "", ""
    refusals = []
    for place, (file, turn) in enumerate(order):
        changes, lost = unknown.get(file, (0, 0))
        if not why and unread and unread[0] < turn:
            cause, why = unread[1], "could not be used"
        if why:
            refusals.append(
                Refusal(file, f"{cause}, before it, {why}: changes are applied in order or not at all")
            )
        elif place == 0 and changes:
            cause, why = file, "is not whole"
            refusals.append(
                Refusal(
                    file,
                    f"it is the first file, so wanted a whole extract, every row of it new; found {changes:,} rows "
                    "that change or take away: put the extract with which the changes begin beside it, under an "
                    "earlier date",
                )
            )
        elif lost * 100 > changes * MOST_UNKNOWN_PERCENT:
            cause, why = file, "does not follow on"
            refusals.append(
                Refusal(
                    file,
                    f"{lost:,} of its {changes:,} changes are of records that no file before it has: is a change file "
                    "between them missing?",
                )
            )
    return refusals


def apply_changes(
    con: duckdb.DuckDBPyConnection, table: Table, dataset: Dataset, keep_from: datetime.date | None = None
) -> None:
    """Make of change files, in `typed`, the states that they come to.

    Of a stock the state at the date of each file: what an earlier file brought stands there under that file's name and
    the date of the state (`tax_2026-08.csv @ 2026-09-30`), with its own row number. Of events those that hold at the
    end. Rows that take a record away, or that a later row of the same date changes again, are rejected. States
    before `keep_from` are not made.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE held AS SELECT file, _position, record_id AS who, as_at AS since, _change, "
        "lead(as_at) OVER following AS until, lag(_change) OVER following AS before "
        "FROM typed WHERE _reject_reason IS NULL WINDOW following AS (PARTITION BY record_id ORDER BY _turn, _position)"
    )
    here = "typed.file = held.file AND typed._position = held._position AND typed._reject_reason IS NULL"
    header = next(h for h, use in dataset.columns.items() if use.role == "change")

    def reject(condition: str, reason: str, weight: str = "_of_weight") -> None:
        con.execute(
            f"UPDATE typed SET _reject_column = {text_literal(header)}, _reject_reason = {text_literal(reason)}, "
            f"_of_weight = {weight} FROM held WHERE {here} AND {condition}"
        )

    no_such = "coalesce(held.before, 'delete') = 'delete'"
    reject(
        f"held._change = 'delete' AND {no_such}", "change_unknown: there is no such record to take away", "0"
    )
    reject("held._change = 'delete'", "change_delete: takes a record away", "0")
    con.execute(
        f"UPDATE typed SET issues = list_append(typed.issues, {text_literal(header + ': change_unknown')}) FROM held "
        f"WHERE {here} AND held._change = 'update' AND {no_such}"
    )
    if dataset.kind == "flow":
        reject("held.until IS NOT NULL", "superseded: a later row has the record again")
    else:
        reject("held.until = held.since", "superseded: a later row of the same date changes the record again")
        columns = ", ".join(
            f"typed.file || {text_literal(CARRIED)} || state.day AS file"
            if c.name == "file"
            else "state.day AS as_at"
            if c.name == "as_at"
            else f"typed.{quoted(c.name)}"
            for c in table.columns
        )
        since = f"AND state.day >= DATE '{keep_from}'" if keep_from else ""
        con.execute(
            f"INSERT INTO typed SELECT NULL, NULL, _of_weight, typed._position, typed._change, typed._turn, {columns} "
            f"FROM typed JOIN held ON {here} "
            "JOIN (SELECT DISTINCT as_at AS day FROM files WHERE status = 'read') AS state "
            f"ON state.day > held.since AND state.day < coalesce(held.until, DATE '9999-12-31') {since}"
        )
        if keep_from:
            gone = f"past_retention: older than the {dataset.keep_months} months that the dataset is kept"
            reject(f"held.since < DATE '{keep_from}'", gone)
    con.execute("DROP TABLE held")
