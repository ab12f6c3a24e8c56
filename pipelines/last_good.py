"""What of a dataset stays as it was read before, where one of its files was refused.

Here belong which extracts depend on one that could not be used, and putting what was read of them before beside what
was read now. What depends on a file is told by how the extracts follow each other (`extracts`): of snapshots that are
dated by their names each date stands alone; of events, and of changes, everything after the file depends on it. Where
that cannot be told, the former version stays in use, whole. Reading files is `ingest`; storing what comes of this is
`run`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import duckdb

from pipelines.authority import Dataset
from pipelines.extracts import CARRIED, stands_alone
from pipelines.tables import Table, quoted, text_literal


@dataclass(frozen=True)
class Extract:
    """A file of a dataset, as it is shown, with the date that it describes (where it has one) and its SHA-256."""

    file: str
    as_at: datetime.date | None
    sha256: str = ""


@dataclass(frozen=True)
class Standing:
    """What stands of what was read before.

    `whole`: all of it, and nothing of what was read now. Else `dates` are those of which the former rows stand. `held`
    are the files that may not be used now although they can be read: why, or nothing where they are in use as they were
    read before.
    """

    whole: bool = False
    dates: frozenset[datetime.date] = frozenset()
    held: Mapping[str, str] = field(default_factory=dict)


def standing(
    dataset: Dataset, refused: Iterable[Extract], read: Iterable[Extract], former: Iterable[Extract] | None,
    may_mix: bool = True,
) -> Standing:  # fmt: skip
    """What stands of the former version: `former` are the files that it was read from, None where there is none.

    `refused` and `read` are the files of now. A refused copy of a file of the same date that was read takes nothing
    away, and nothing depends on it. `may_mix` is whether former rows may stand beside those that are read now.
    """
    now = tuple(read)
    there = {(one.sha256, one.as_at) for one in now}
    bad = [one for one in refused if not one.sha256 or (one.sha256, one.as_at) not in there]
    before = tuple(former or ())
    if not bad:
        return Standing()
    if stands_alone(dataset):
        each = _of_each_date(bad, now, before)
        return each if may_mix or not each.dates else _whole(bad, now, before)
    undated = any(one.as_at is None for one in (*bad, *now, *before))
    if undated or dataset.succession not in {"append", "changes"} or dataset.as_at != "file_name":
        return _whole(bad, now, before) if former is not None else Standing()
    first = min(bad, key=lambda one: (one.as_at or datetime.date.max, one.file))
    since = first.as_at or datetime.date.max
    if any(one.as_at is not None and one.as_at >= since for one in before):
        return _whole(bad, now, before)
    if dataset.succession == "changes":
        return Standing()  # those after it are refused already
    reason = (
        f"{first.file}, before it, could not be used: without its events, figures would be too low and look whole. "
        "Mend that file, or take it away where there is nothing in it"
    )
    return Standing(held={one.file: reason for one in now if one.as_at is not None and one.as_at >= since})


def _whole(bad: list[Extract], now: tuple[Extract, ...], before: tuple[Extract, ...]) -> Standing:
    reason = (
        f"{bad[0].file} could not be used, and others of the dataset depend on it, or may: until that file is mended "
        "or taken away, all stays as it was read before"
    )
    known = {one.file for one in before}
    return Standing(whole=True, held={one.file: reason for one in now if one.file not in known})


def _of_each_date(bad: list[Extract], now: tuple[Extract, ...], before: tuple[Extract, ...]) -> Standing:
    culprit = {one.as_at: one.file for one in reversed(bad) if one.as_at is not None}
    formerly = {one.as_at for one in before if one.as_at is not None}
    stays = {day for day in formerly if day in culprit}
    if any(one.as_at is None for one in bad):
        # A file that has lost its date may be the one that was read under it before.
        stays |= formerly - {one.as_at for one in now}
    in_use = {one.file for one in before if one.as_at in stays}
    held = {
        one.file: ""
        if one.file in in_use
        else f"{culprit[one.as_at]}, of the same date, could not be used: an extract is used whole or not at all. Mend "
        "that file, or take it away where it does not belong to the extract"
        for one in now
        if one.as_at in culprit
    }
    return Standing(dates=frozenset(stays), held=held)


def looked_at(con: duckdb.DuckDBPyConnection, files: str) -> tuple[list[Extract], list[Extract]]:
    """The files refused and those read, of a table of files (SQL), in order; a state carried on is no file."""
    found = con.execute(
        f"SELECT file, as_at, sha256, status FROM {files} WHERE status IN ('refused', 'read') "
        f"AND NOT contains(file, {text_literal(CARRIED)}) ORDER BY file"
    ).fetchall()
    by_status: dict[str, list[Extract]] = {"refused": [], "read": []}
    for file, as_at, sha256, status in found:
        by_status[status].append(Extract(file, as_at, sha256))
    return by_status["refused"], by_status["read"]


def put_beside(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    rejected: Table,
    files: Table,
    dates: Iterable[datetime.date],
) -> None:
    """Put the former rows of some dates beside what was read now: the temporary tables `kept`, `rejected` and `files`.

    The former ones are the temporary tables of `forgetting.take_out`. Of none of the dates may anything be read now.
    """
    days = ", ".join(f"DATE '{day}'" for day in sorted(dates)) or "NULL"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE standing AS SELECT file FROM former_files "
        f"WHERE status = 'read' AND as_at IN ({days})"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE read_now AS SELECT * FROM kept")
    con.execute("DROP VIEW kept")
    names = ", ".join(quoted(column.name) for column in table.columns)
    stands = "file IN (SELECT file FROM standing)"
    con.execute(
        f"CREATE TEMP VIEW kept AS SELECT {names} FROM read_now "
        f"UNION ALL SELECT {names} FROM former_kept WHERE {stands}"
    )
    for of, name in ((rejected, "rejected"), (files, "files")):
        names = ", ".join(quoted(column.name) for column in of.columns)
        only = " AND status = 'read'" if name == "files" else ""
        con.execute(f"INSERT INTO {name} SELECT {names} FROM former_{name} WHERE {stands}{only}")
