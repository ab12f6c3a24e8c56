"""What placing came to, for whoever runs it: records by key and precision against the run before, columns not believed.

Here belong the questions to the restricted tables and their answers in words for a terminal. The figures are exact and
never leave: what may leave of them are `published.accounting`, `published.placement_by_area` and
`published.who_is_missing`. How a record is placed is `assets/places/record_placed.sql`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from pipelines.identifiers import ISSUES

# In which order keys serve; `none` is a record without a place.
KEYS = ("uprn", "cross_reference", "address", "coordinates", "postcode", "area_code", "none")
PRECISIONS = ("property", "building", "point", "postcode", "area", "none")
NOT_UPRNS = ISSUES["uprn_column_not_uprns"]
WHY = {
    "hardly any known": "hardly any of its numbers is in the gazetteer",
    "elsewhere": "hardly any of its numbers is in the gazetteer, and most postcodes beside them are of elsewhere",
    "other postcodes": "those in the gazetteer belong to other postcodes than their records",
}


@dataclass(frozen=True)
class Placement:
    """How many records of each dataset each key put at each precision: {dataset: {(key, precision): records}}."""

    records: Mapping[str, Mapping[tuple[str, str], int]]

    def percent(self, dataset: str, way: tuple[str, str]) -> float | None:
        """The share of the dataset's records placed that way, in per cent; None where it has no records."""
        ways = self.records.get(dataset)
        return 100 * ways.get(way, 0) / sum(ways.values()) if ways else None


def read_placement(con: duckdb.DuckDBPyConnection) -> Placement | None:
    """The placement as `places.record_placed` has it now; None where nothing was placed yet."""
    if not _is_there(con, "record_placed"):
        return None
    found: dict[str, dict[tuple[str, str], int]] = {}
    for dataset, key, precision, records in con.execute(
        "SELECT dataset, location_key, precision, count(*) FROM places.record_placed GROUP BY ALL"
    ).fetchall():
        found.setdefault(dataset, {})[key, precision] = records
    return Placement(found)


def placement_rows(now: Placement, before: Placement | None) -> list[tuple[str, ...]]:
    """A heading and a row for each dataset, key and precision: records, per cent, and percentage points against before.

    The last is there only with a run before; a dataset that it did not have is `new`. A way by which no record is
    placed any longer has a row, too.
    """
    lines: list[tuple[str, ...]] = [("Placed", "by", "at", "records", "%")]
    if before is not None:
        lines[0] += ("points against the run before",)
    for dataset in sorted(now.records):
        former = before.records.get(dataset, {}) if before is not None else {}
        ways = {*now.records[dataset], *former}
        for way in sorted(ways, key=_rank):
            share = now.percent(dataset, way) or 0.0
            line: tuple[str, ...] = (
                dataset,
                way[0].replace("_", " "),
                way[1],
                f"{now.records[dataset].get(way, 0):,}",
                f"{share:.1f}",
            )
            if before is not None:
                was = before.percent(dataset, way)
                # Rounded first, so that nothing is not said to have sunk: -0.0.
                line += ("new" if was is None else f"{round(share - was, 1) + 0.0:+.1f}",)
            lines.append(line)
    return lines


def columns_not_believed(con: duckdb.DuckDBPyConnection) -> list[str]:
    """A sentence for each extract whose UPRN column was not believed: what was found in it, and what to ask."""
    if not _is_there(con, "uprn_column"):
        return []
    found = con.execute(
        "SELECT file, distinct_values, known, compared, agreeing, why FROM places.uprn_column "
        "WHERE NOT believed AND why <> 'blank' ORDER BY file"
    ).fetchall()
    said = []
    for file, values, known, compared, agreeing, why in found:
        counted = f"of {values:,} different numbers {known:,} are known"
        if why == "other postcodes":
            counted += (
                f", and of {compared:,} of these whose postcode can be compared {agreeing:,} have the same"
            )
        said.append(
            f"{file}: its UPRN column was not believed, since {WHY[why]} ({counted}). Its records were placed by what "
            f"else they carry. {NOT_UPRNS.how_to_fix}"
        )
    return said


def _is_there(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    found = con.execute(
        "SELECT 1 FROM duckdb_views() WHERE schema_name = 'places' AND view_name = ?", [name]
    ).fetchall()
    return bool(found)


def _rank(way: tuple[str, str]) -> tuple[int, int, tuple[str, str]]:
    """Where a way of placing stands in a list: the first key first, and of one key the most precise place."""
    key, precision = way
    return (
        KEYS.index(key) if key in KEYS else len(KEYS),
        PRECISIONS.index(precision) if precision in PRECISIONS else len(PRECISIONS),
        way,
    )
