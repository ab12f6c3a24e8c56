"""`places.address_match`: matched again only where it must be, and always the same as if all were matched anew."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipelines.address.gazetteer import Entry
from pipelines.address.match import record_hash
from pipelines.matching import TABLE, match_records, matcher_version
from pipelines.review import Ruling
from pipelines.tables import Column, Table, quoted
from pipelines.warehouse import Warehouse
from tests.small_gazetteer import ENTRIES, whole_text

AUTHORITY = Table(
    "sources",
    "authority",
    "The authority.",
    (Column("authority_code", "VARCHAR", "code"),),
    ("authority_code",),
)
RECORD = Table(
    "services",
    "record",
    "Records.",
    (
        Column("row", "BIGINT", "row"),
        Column("address", "VARCHAR", "address"),
        Column("postcode", "VARCHAR", "postcode"),
    ),
    ("row",),
)
TYPES = {
    "uprn": "BIGINT",
    "parent_uprn": "BIGINT",
    "usrn": "BIGINT",
    "easting": "DOUBLE",
    "northing": "DOUBLE",
}
ADDRESS = Table(
    "places",
    "address",
    "Addresses.",
    (
        Column("written_by", "VARCHAR", "whose"),
        *(Column(name, TYPES.get(name, "VARCHAR"), name) for name in Entry._fields),
    ),
    ("uprn", "written_by"),
)


class Town:
    """A warehouse with a gazetteer and records, as the run leaves it."""

    def __init__(self, root: Path) -> None:
        self.warehouse = Warehouse(root / "warehouse")
        self._write(AUTHORITY, [("E06999009",)])

    def _write(self, table: Table, rows: Sequence[Sequence[object]]) -> None:
        columns = {c.name: [row[at] for row in rows] for at, c in enumerate(table.columns)}
        kinds = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string()}
        schema = pa.schema([(c.name, kinds[c.type]) for c in table.columns])
        with self.warehouse.connect() as con:
            self._store(con, table, pa.table(columns, schema=schema))

    def _store(self, con: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table) -> None:
        con.register("made_in_python", rows)
        typed = ", ".join(f"CAST({quoted(c.name)} AS {c.type}) AS {quoted(c.name)}" for c in table.columns)
        self.warehouse.write(con, table, f"SELECT {typed} FROM made_in_python")

    def gazetteer(self, entries: Sequence[Entry]) -> None:
        self._write(ADDRESS, [(f"LPI {at:05}", *entry) for at, entry in enumerate(entries)])

    def records(self, pairs: Sequence[tuple[str, str | None]]) -> None:
        self._write(RECORD, [(row, *pair) for row, pair in enumerate(pairs)])

    def match(
        self, rulings: dict[str, Ruling] | None = None
    ) -> tuple[list[dict[str, object]], dict[str, int]]:
        with self.warehouse.connect() as con:
            rows, facts = match_records(con, self.warehouse, rulings or {})
            self._store(con, TABLE, rows)
        return rows.to_pylist(), facts


@pytest.fixture
def towns(tmp_path: Path) -> Iterator[Callable[[], Town]]:
    made: list[Town] = []

    def make() -> Town:
        made.append(Town(tmp_path / str(len(made))))
        return made[-1]

    yield make


PAIRS = (
    [(whole_text(entry), entry.postcode) for entry in ENTRIES]
    + [
        (text.replace("MILL", "MLIL").replace("STATION", "STATOIN"), None)
        for text in map(whole_text, ENTRIES[::2])
    ]
    + [
        ("14 Mill Lane", None),
        ("MillLane, 14", "QX1 1AA"),
        ("14 Mill Street, Oldmere", "QX1 1AA"),
        ("Oldmere", "QX1 1AA"),
        ("5 Station Road", None),
        ("9 Station Road, Farborough", None),
        ("Little Chapel, Chapel Lane", "QX1 3AB"),
        ("Flat 4, Victoria Court", "QX1 1AC"),
        ("Costas Kebab, 4 High Street", "QX1 1AC"),
        ("5 Station Road QX2 1AA", "QX1 2AA"),
        ("2 Second Avenue", None),
        ("4 2nd Avenue", None),
    ]
)


def changed(dice: random.Random, entries: Sequence[Entry]) -> list[Entry]:
    """The gazetteer some months on: houses built, pulled down, renumbered, renamed; streets renamed; shops let anew."""
    found = list(entries)
    for new in range(dice.randint(1, 3)):
        at = dice.randrange(len(found))
        entry = found[at]
        uprn = dice.randrange(10_000, 90_000) + new
        kind = dice.randrange(10)
        if kind == 0:
            found.pop(at)
        elif kind == 1:
            found.append(entry._replace(uprn=uprn, building_number=str(dice.randint(1, 20))))
        elif kind == 2:
            name = dice.choice(
                ("MILL STREET", "NEW ROAD", "HIGH LANE", "MIL LANE", "FARBOROUGH ROAD", "2ND AVENUE")
            )
            found = [e._replace(street=name) if e.street == entry.street else e for e in found]
        elif kind == 3:
            found[at] = entry._replace(postcode=dice.choice(("QX1 1AA", "QX1 1AC", "QX9 9ZZ", "")))
        elif kind == 4:
            found[at] = entry._replace(status="historic")
        elif kind == 5:
            found[at] = entry._replace(
                organisation=dice.choice(("COSTAS KEBAB", "SEA KEBAB", "", "LITTLE CHAPEL"))
            )
        elif kind == 6:
            found.append(
                entry._replace(
                    uprn=uprn, building_name=dice.choice(("LITTLE CHAPEL", "VICTORIA COURT", "OLDMERE"))
                )
            )
        elif kind == 7:
            found[at] = entry._replace(town=dice.choice(("NEWMERE", "FARBOROUGH", "OLDMERE")))
        elif kind == 8:
            found.append(
                entry._replace(uprn=uprn, parent_uprn=entry.uprn, sub_building="FLAT 1", organisation="")
            )
        else:
            found[at] = entry._replace(parent_uprn=None, locality=dice.choice(("GREAT HAYES", "")))
    return found


def test_nothing_is_matched_again_where_nothing_changed(towns: Callable[[], Town]) -> None:
    town = towns()
    town.gazetteer(ENTRIES)
    town.records(PAIRS)
    first, facts = town.match()
    assert facts["matched_anew"] == facts["addresses"] == len(set(PAIRS)) == len(first)
    assert facts["matched"] + facts["building"] + facts["review"] + facts["none"] == facts["addresses"]
    second, again = town.match()
    assert again["matched_anew"] == 0
    assert second == first


def test_only_new_records_are_matched(towns: Callable[[], Town]) -> None:
    town = towns()
    town.gazetteer(ENTRIES)
    town.records(PAIRS[:20])
    town.match()
    town.records([*PAIRS[:20], ("12 Mill Ln", "QX1 1AA")])
    rows, facts = town.match()
    assert (facts["matched_anew"], facts["addresses"]) == (1, len(set(PAIRS[:20])) + 1)
    assert [row["uprn"] for row in rows if row["address"] == "12 Mill Ln"] == [101]


def test_a_new_house_costs_its_neighbours_alone(towns: Callable[[], Town]) -> None:
    town = towns()
    town.gazetteer(ENTRIES)
    town.records(PAIRS)
    town.match()
    town.gazetteer([*ENTRIES, ENTRIES[0]._replace(uprn=7, building_number="18")])
    rows, facts = town.match()
    assert 0 < facts["matched_anew"] < 0.4 * facts["addresses"]
    assert len({row["gazetteer_version"] for row in rows}) == 1


@pytest.mark.parametrize("seed", range(3))
def test_kept_decisions_are_those_of_matching_all_anew(towns: Callable[[], Town], seed: int) -> None:
    dice = random.Random(seed)
    town = towns()
    town.records(PAIRS)
    entries = list(ENTRIES)
    kept = 0
    for _ in range(2):
        town.gazetteer(entries)
        rows, facts = town.match()
        kept += facts["addresses"] - facts["matched_anew"]
        entries = changed(dice, entries)
    anew = towns()
    anew.records(PAIRS)
    anew.gazetteer(town_entries := entries)
    town.gazetteer(town_entries)
    rows, facts = town.match()
    assert rows == anew.match()[0]
    assert kept + facts["addresses"] - facts["matched_anew"] > 0


def test_former_version_gone_is_all_anew(towns: Callable[[], Town]) -> None:
    town = towns()
    town.gazetteer(ENTRIES)
    town.records(PAIRS)
    town.match()
    for path in (town.warehouse.root / "places" / "address").glob("*.parquet"):
        path.unlink()
    town.gazetteer(ENTRIES[1:])
    assert town.match()[1]["matched_anew"] == len(set(PAIRS))


def ruling(address: str, postcode: str, choice: str, uprn: int | None) -> dict[str, Ruling]:
    mark = record_hash(address, postcode)
    return {mark: Ruling(mark, choice, uprn, "A. Clerk", dt.date(2026, 9, 1), "v", "c")}  # type: ignore[arg-type]


def test_what_a_person_decided_holds_while_its_property_does(towns: Callable[[], Town]) -> None:
    town = towns()
    town.gazetteer(ENTRIES)
    town.records([("2 HIGH STREET, OLDMERE", "QX1 1AC")])
    assert town.match()[0][0]["outcome"] == "review"
    decided = ruling("2 High Street,  Oldmere", "QX11AC", "property", 300)
    row = town.match(decided)[0][0]
    assert (row["outcome"], row["uprn"], row["decided_by"]) == ("matched", 300, "person")
    assert row["reason"] == "decided by a person on 2026-09-01"
    town.gazetteer([e._replace(status="historic") if e.uprn == 300 else e for e in ENTRIES])
    row = town.match(decided)[0][0]
    assert (row["uprn"], row["decided_by"]) == (301, "matcher")


@pytest.mark.parametrize(
    ("choice", "uprn", "expected"),
    [("building", 300, ("building", None, 300, "building")), ("none", None, ("none", None, None, ""))],
)
def test_a_person_may_say_building_or_none(
    towns: Callable[[], Town], choice: str, uprn: int | None, expected: tuple[object, ...]
) -> None:
    town = towns()
    town.gazetteer(ENTRIES)
    town.records([("2 HIGH STREET, OLDMERE", "QX1 1AC")])
    row = town.match(ruling("2 HIGH STREET, OLDMERE", "QX1 1AC", choice, uprn))[0][0]
    assert (row["outcome"], row["uprn"], row["building_uprn"], row["precision"]) == expected
    assert town.match()[0][0]["decided_by"] == "matcher"  # withdrawn again


def test_no_gazetteer_and_no_records(towns: Callable[[], Town]) -> None:
    town = towns()
    town.gazetteer([])
    town.records([])
    assert town.match() == ([], {"addresses": 0, "matched_anew": 0})
    town.records([("14 Mill Lane", None)])
    assert town.match()[0][0]["outcome"] == "none"
    town.gazetteer(ENTRIES)
    assert town.match()[0][0]["uprn"] == 102


def test_other_code_decides_anew(towns: Callable[[], Town], monkeypatch: pytest.MonkeyPatch) -> None:
    town = towns()
    town.gazetteer(ENTRIES)
    town.records(PAIRS)
    town.match()
    assert len(matcher_version()) == 20
    monkeypatch.setattr("pipelines.matching.matcher_version", lambda: "another")
    assert town.match()[1]["matched_anew"] == len(set(PAIRS))
