"""What must hold of a table before anything is made from it, read off the table's own description.

Here belong the checks and what they say; nobody lists them by hand. Each reads what is stored, so that it can be
asked again at any time, alone. How they are shown and hold back what follows is `graph`.

- `key_is_unique_and_complete`: every table with a key.
- `rows_add_up`: every table read from files (rows and weight of each file = kept + rejected, and as many are stored),
  and every exact table whose columns are named `<unit>_read`, `<unit>_kept`, `<unit>_rejected`; where it has other
  columns of that unit (`rows_property`, ...), kept must be their sum.
- `protection_holds`: every published table, seen through an attacker's eyes.
- `files_are_read`: every table read from files; a refused file is an error that holds nothing back.
- `rows_as_last_time`, `placed_as_last_time`: of every dataset, its newest extract beside the one before; a warning.
- `extract_is_new`: of every snapshot of a service; a warning where the newest is an earlier one again.
- `release_is_whole`: the current release still is what was released.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb

from pipelines import release
from pipelines.authority import JUMP_PERCENT, Dataset, Source
from pipelines.drift import ahead, repeated
from pipelines.extracts import stands_alone
from pipelines.ingest import files_table, rejected_table
from pipelines.protect import Publication, verify
from pipelines.run import Run, Step
from pipelines.tables import Table, quoted

# The columns of an account that part what is on a property or building by the key that put it there: `rows_by_uprn`.
BY_KEY = "by_"
FILES_ARE_READ = "files_are_read"


@dataclass(frozen=True)
class Verdict:
    """What a check found: problems (none is a pass), and counts for people. Never a value of a record."""

    problems: tuple[str, ...] = ()
    counts: dict[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One check of one table; a blocking one that fails holds back all that is made from the table."""

    name: str
    description: str
    is_blocking: bool
    look: Callable[[Run], Verdict]
    is_warning: bool = False

    def verdict(self, at: Run) -> Verdict:
        """What the check finds now. A table that is not there fails; any other error is raised."""
        try:
            return self.look(at)
        except duckdb.CatalogException:
            return Verdict(("it has not been made yet: materialise it first",))


def checks_of(step: Step) -> list[Check]:
    """The checks of a step's table; none where its description is broken."""
    table, of = step.table, step.of
    found: list[Check] = []
    if step.broken:
        return found
    if table.key:
        found.append(
            Check(
                "key_is_unique_and_complete",
                f"Every row has a key ({', '.join(table.key)}), and no two have the same.",
                True,
                lambda at: _key(at.con, table),
            )
        )
    if isinstance(of, Source | Dataset):
        found.append(
            Check(
                "rows_add_up",
                "Rows and weight of each file = kept + rejected, and just as many are stored.",
                True,
                lambda at: _stored(at.con, table),
            )
        )
        found.append(
            Check(
                FILES_ARE_READ,
                "Every file can be used. One that is refused is named here, with what was wanted and what to do.",
                False,
                lambda at: _refused(at.con, files_table(table)),
            )
        )
    if isinstance(of, Dataset):
        found.append(
            Check(
                "rows_as_last_time",
                f"The newest extract has as many rows, and as few rejected, as the one before, within "
                f"{of.jump_percent} %.",
                False,
                lambda at: _rows_jump(at.con, files_table(table), of.jump_percent),
                is_warning=True,
            )
        )
        found.append(
            Check(
                "extract_is_not_ahead",
                "The newest extract describes a day that has come.",
                False,
                lambda at: Verdict(tuple(ahead(at.con, of))),
                is_warning=True,
            )
        )
        if of.group == "service" and stands_alone(of):
            found.append(
                Check(
                    "extract_is_new",
                    "The newest extract is not an earlier one again, byte for byte under another date.",
                    False,
                    lambda at: Verdict(tuple(repeated(at.con, of))),
                    is_warning=True,
                )
            )
    if step.name == "places.record_placed":
        found.append(
            Check(
                "placed_as_last_time",
                "Of each dataset's newest extract as many are placed as of the one before, within `jump_percent`.",
                False,
                _placed_jump,
                is_warning=True,
            )
        )
    if not isinstance(of, Source | Dataset) and table.stage != "published" and (units := _units(table)):
        sums = [" = ".join(("read", "kept + rejected"))]
        if any(parts for parts in units.values()):
            sums.append("kept = what was placed at each precision + what was not")
            sums.append("what is on a property or building = what each key put there")
        found.append(
            Check(
                "rows_add_up",
                f"In every row, for {' and '.join(units)}: {'; '.join(sums)}.",
                True,
                lambda at: _sums(at.con, table, units),
            )
        )
    if isinstance(of, Publication):
        found.append(
            Check(
                "protection_holds",
                "No count is below the threshold or not rounded, no rate tells a hidden count, no area is missing.",
                True,
                lambda at: _protection(at, of),
            )
        )
    if step.name == "maps.release":
        found.append(
            Check(
                "release_is_whole",
                "Every file of the current release is there and unchanged, by its checksums.",
                True,
                _release,
            )
        )
    return found


def accounts_for_everything(table: Table) -> bool:
    """Whether a table says what became of every row until it was placed: nothing is published unless it adds up."""
    return table.stage == "layers" and any(_units(table).values())


def _units(table: Table) -> dict[str, list[str]]:
    """Units that a table accounts for (rows, weight), each with its columns other than read, kept and rejected."""
    names = [column.name for column in table.columns]
    units = {}
    for name in names:
        unit, _, what = name.rpartition("_")
        if what == "read" and {f"{unit}_kept", f"{unit}_rejected"} <= set(names):
            own = [other for other in names if other.startswith(f"{unit}_")]
            units[unit] = [
                other
                for other in own
                if other.removeprefix(f"{unit}_") not in {"read", "kept", "rejected"}
                and not other.startswith(f"{unit}_{BY_KEY}")
            ]
    return units


def _key(con: duckdb.DuckDBPyConnection, table: Table) -> Verdict:
    stored = f"{table.stage}.{quoted(table.name)}"
    key = ", ".join(quoted(name) for name in table.key)
    gaps = " OR ".join(f"{quoted(name)} IS NULL" for name in table.key)
    rows, repeated, empty = _one(
        con,
        f"SELECT (SELECT count(*) FROM {stored}), "
        f"(SELECT count(*) FROM (SELECT 1 FROM {stored} GROUP BY {key} HAVING count(*) > 1)), "
        f"(SELECT count(*) FROM {stored} WHERE {gaps})",
    )
    problems = []
    if repeated:
        problems.append(f"{repeated} key(s) stand in more than one row")
    if empty:
        problems.append(f"{empty} row(s) lack a part of the key")
    return Verdict(tuple(problems), {"rows": rows, "repeated keys": repeated, "rows without a key": empty})


def _stored(con: duckdb.DuckDBPyConnection, table: Table) -> Verdict:
    files, rejected = (
        f"{part.stage}.{quoted(part.name)}" for part in (files_table(table), rejected_table(table))
    )
    has_weight = any(column.name == "weight" for column in table.columns)
    weight = "coalesce(CAST(sum(weight) AS BIGINT), 0)"
    counted = _one(
        con,
        # Records that are joined to the table's rows are accounted for by type, and are no rows of it.
        "SELECT coalesce(sum(rows_read), 0), coalesce(sum(rows_kept) FILTER (status = 'read'), 0), "
        "coalesce(sum(rows_rejected), 0), coalesce(sum(weight_read), 0), "
        "coalesce(sum(weight_kept) FILTER (status = 'read'), 0), coalesce(sum(weight_rejected), 0), "
        "count(*) FILTER (rows_read <> rows_kept + rows_rejected OR weight_read <> weight_kept + weight_rejected) "
        f"FROM {files} WHERE status NOT IN ('refused', 'expired', 'forgotten')",
    )
    kept = _one(
        con,
        f"SELECT count(*), {weight if has_weight else 'count(*)'} FROM {table.stage}.{quoted(table.name)}",
    )
    lost = _one(con, f"SELECT count(*), {weight} FROM {rejected}")
    problems = []
    if counted[6]:
        problems.append(f"in {counted[6]} file(s) what was read is not what was kept and what was rejected")
    for what, said, stored in (
        ("rows kept", counted[1], kept[0]),
        ("rows rejected", counted[2], lost[0]),
        ("weight kept", counted[4], kept[1]),
        ("weight rejected", counted[5], lost[1]),
    ):
        if said != stored:
            problems.append(f"{what}: {said:,} by file, {stored:,} stored")
    names = ("rows read", "rows kept", "rows rejected", "weight read", "weight kept", "weight rejected")
    return Verdict(tuple(problems), dict(zip(names, counted, strict=False)))


def _refused(con: duckdb.DuckDBPyConnection, files: Table) -> Verdict:
    found = con.execute(
        f"SELECT status, file, reason FROM {files.stage}.{quoted(files.name)} ORDER BY file"
    ).fetchall()
    refused = tuple(f"{file}: {reason}" for status, file, reason in found if status == "refused")
    return Verdict(refused, {"files read": len(found) - len(refused), "files refused": len(refused)})


def _rows_jump(con: duckdb.DuckDBPyConnection, files: Table, percent: int) -> Verdict:
    """Rows kept and rejected of the two newest extracts, by the date that each describes."""
    found = con.execute(
        "SELECT as_at, CAST(sum(rows_kept) AS BIGINT), CAST(sum(rows_rejected) AS BIGINT) "
        f"FROM {files.stage}.{quoted(files.name)} WHERE status = 'read' AND as_at IS NOT NULL "
        "GROUP BY as_at ORDER BY as_at DESC LIMIT 2"
    ).fetchall()
    if len(found) < 2:
        return Verdict(())
    (now, kept, lost), (before, kept_before, lost_before) = found
    problems = []
    if abs(kept - kept_before) * 100 > percent * kept_before:
        problems.append(
            f"the extract of {now} has {kept:,} rows, that of {before} had {kept_before:,}: "
            f"more than {percent} % apart"
        )
    share, share_before = (100 * n / max(1, n + k) for n, k in ((lost, kept), (lost_before, kept_before)))
    if share - share_before > percent:
        problems.append(
            f"of the extract of {now} {share:.0f} % were rejected, of that of {before} {share_before:.0f} %"
        )
    return Verdict(tuple(problems), {"rows": kept, "rows before": kept_before})


def _placed_jump(at: Run) -> Verdict:
    """What part of each dataset's two newest extracts has a place."""
    found = at.con.execute(
        "SELECT dataset, as_at, 100.0 * count(*) FILTER (precision <> 'none') / count(*) AS placed "
        "FROM places.record_placed WHERE as_at IS NOT NULL GROUP BY dataset, as_at "
        "QUALIFY row_number() OVER (PARTITION BY dataset ORDER BY as_at DESC) <= 2 ORDER BY dataset, as_at DESC"
    ).fetchall()
    limits = {dataset.name: dataset.jump_percent for dataset in at.authority.datasets}
    problems = [
        f"{name}: of the extract of {now} {placed:.0f} % have a place, of that of {before} {placed_before:.0f} %"
        for (name, now, placed), (of, before, placed_before) in itertools.pairwise(found)
        if name == of and abs(placed - placed_before) > limits.get(name, JUMP_PERCENT)
    ]
    latest: dict[str, int | float] = {}
    for name, _, placed in found:
        latest.setdefault(f"placed, % of {name}", round(float(placed), 1))
    return Verdict(tuple(problems), latest)


def _sums(con: duckdb.DuckDBPyConnection, table: Table, units: dict[str, list[str]]) -> Verdict:
    tests = {}
    for unit, parts in units.items():
        tests[f"{unit}_read = {unit}_kept + {unit}_rejected"] = (
            f"{unit}_read <> {unit}_kept + {unit}_rejected"
        )
        if parts:
            # A sum with a gap in it is NULL, which is not a pass.
            tests[f"{unit}_kept = {' + '.join(parts)}"] = f"{unit}_kept <> {' + '.join(parts)}"
        if by_key := [column.name for column in table.columns if column.name.startswith(f"{unit}_{BY_KEY}")]:
            tests[f"{unit}_property + {unit}_building = {' + '.join(by_key)}"] = (
                f"{unit}_property + {unit}_building <> {' + '.join(by_key)}"
            )
    counts = ", ".join(f"count(*) FILTER (coalesce({wrong}, true))" for wrong in tests.values())
    rows, *wrong_rows = _one(con, f"SELECT count(*), {counts} FROM {table.stage}.{quoted(table.name)}")
    problems = tuple(f"in {n} row(s) not {test}" for test, n in zip(tests, wrong_rows, strict=True) if n)
    return Verdict(problems, {"rows": rows})


def _protection(at: Run, publication: Publication) -> Verdict:
    findings = verify(at.con, publication, at.authority.about.disclosure)
    return Verdict(tuple(str(finding) for finding in findings))


def _release(at: Run) -> Verdict:
    current = release.current_release(at.output.published)
    if current is None:
        return Verdict(("there is no release yet",))
    return Verdict(tuple(release.damage(current.path)))


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    return tuple(int(value) for value in con.execute(sql).fetchall()[0])
