"""Two authorities that differ only in what protection hides must give one and the same release, byte for byte.

What is compared is everything a reader gets: each file, and of the two databases, whose bytes follow the machine's
threads and clock, each table with its rows, types and comments. By hand, on the small authority: whether what may be
seen gives the hidden figures away is for the audit.
"""

from __future__ import annotations

import csv
import random
import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from pipelines.authority import load_authority
from pipelines.release import ABOUT, CHECKSUMS, DATABASE, GEOPACKAGE, Release, current_release
from pipelines.run import Output, run
from tests.small_authority import HOMES, SOCIAL_CARE, write_small_authority

REPAIRS = """\
title: Repairs
owner: Housing
purpose: Repairs ordered; used here to see where services meet
lawful_basis: Public task
uses: [demand, overlap, reach]
sensitivity: personal
files: "repairs_*.csv"
as_at: file_name
counts: repair
columns:
  TENANT: {is: personal, keep: keyed, as: tenant}
  UPRN: uprn
  TRADE: {is: category, as: trade}
"""


def write(
    folder: Path, numbers: Iterable[tuple[int, int]], names: str, seed: int, small: int, more: int
) -> Path:
    """An authority whose repairs come `number` at a time from homes (area, number of home), in an order of chance.

    `names` is what the people are called; `small` events of social care lie below the threshold, and the larger
    count is rounded from 20 - `more`.
    """
    write_small_authority(folder)
    dice = random.Random(seed)
    repairs = [
        (f"{names} {area}.{within}.{number}", home.uprn, f"{names} trade")
        for area, number in numbers
        for within, home in enumerate(HOMES[(area - 1) * 12 : area * 12])
        if within < number
    ]
    dice.shuffle(repairs)
    _write(folder, "repairs", REPAIRS, "repairs_2026-09.csv", [("TENANT", "UPRN", "TRADE"), *repairs])
    events = [("2026-05-04", "QX9 1AA")] * (20 - more)
    events += [("2026-08-03", "QX9 1BB")] * (12 - more) + [("2026-08-03", "QX9 3AA")] * small
    events += [("2026-02-03", "QX9 4CC")] * small
    dice.shuffle(events)
    people = [(f"{names} {number}", day, postcode) for number, (day, postcode) in enumerate(events)]
    _write(
        folder,
        "social_care",
        SOCIAL_CARE,
        "events_2026.csv",
        [("CLIENT_NAME", "EVENT_DATE", "POSTCODE"), *people],
    )
    # Other people at the same homes, as old as those before; the same addresses, written otherwise; another order.
    for path in sorted((folder / "services" / "council_tax").glob("*.csv")):
        header, *rows = list(csv.reader(path.read_text("utf-8").splitlines()))
        at = {name: place for place, name in enumerate(header)}
        sound = [row for row in rows if len(row) == len(header)]
        for row in sound:
            if row[at["ACCOUNT_REF"]] != "Total":
                row[at["ACCOUNT_REF"]] = f"{names}-{row[at['ACCOUNT_REF']]}"
                row[at["LEAD_NAME"]] = f"{names} {row[at['UPRN']]}"
                row[at["BAND"]] = dice.choice("ABC")
        dice.shuffle(sound)
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *sound, *(row for row in rows if len(row) != len(header))])
    return folder


def _write(folder: Path, dataset: str, description: str, file: str, rows: list[tuple[object, ...]]) -> None:
    of = folder / "services" / dataset
    of.mkdir(parents=True, exist_ok=True)
    (of / "dataset.yaml").write_text(description, "utf-8")
    with (of / file).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def released(authority: Path) -> Release:
    output = Output(authority.with_name(f"{authority.name}-output"))
    run(load_authority(authority), output)
    made = current_release(output.published)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, Release]:
    """Repairs: 28 or 29 in the first ward, 4 or 2 in the other, 8 or 7 in the second LSOA, 32 or 31 in all.

    Social care: 20 or 19 events in one quarter; 12 and 3, or 11 and 4, in another; 3 or 4 in a third.
    """
    root = tmp_path_factory.mktemp("two")
    one = write(root / "one", [(1, 12), (2, 12), (3, 4), (4, 4)], "Ann", seed=1, small=3, more=0)
    other = write(root / "other", [(1, 12), (2, 12), (3, 5), (4, 2)], "Bob", seed=2, small=4, more=1)
    return released(one), released(other)


def exact(release: Release) -> list[tuple[object, ...]]:
    warehouse = release.path.parents[2] / "restricted" / "warehouse.duckdb"
    with duckdb.connect(str(warehouse), read_only=True) as con:
        return con.execute(
            "SELECT dataset, area_type, area_code, period, recorded_use FROM layers.demand_by_area ORDER BY ALL"
        ).fetchall()


def test_the_records_differ_and_there_is_overlap(two: tuple[Release, Release]) -> None:
    one, other = map(exact, two)
    assert [row[:-1] for row in one] == [row[:-1] for row in other]
    assert sum(a != b for a, b in zip(one, other, strict=True)) >= 8
    with duckdb.connect(str(two[0].path / DATABASE), read_only=True) as con:
        ((hidden,),) = con.execute(
            "SELECT count(*) FROM published.demand_by_area WHERE recorded_use_status = 'hidden'"
        ).fetchall()
        ((overlaps,),) = con.execute("SELECT count(properties_a) FROM published.service_overlap").fetchall()
    assert hidden > 8 and overlaps >= 3


def test_the_content_is_the_same(two: tuple[Release, Release]) -> None:
    one, other = (files(release.path) for release in two)
    assert list(one) == list(other)
    # Statistics and metadata of the Parquet files are in their bytes.
    assert [name for name in one if one[name] != other[name]] == []
    assert len(one) > 15
    assert two[0].content_sha256 == two[1].content_sha256


def files(folder: Path) -> dict[str, bytes]:
    """Each file of a release but those that name its moment."""
    dated = {ABOUT, CHECKSUMS, DATABASE, GEOPACKAGE}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        name: path.read_bytes()
        for path in paths
        if (name := path.relative_to(folder).as_posix()) not in dated
    }


def test_what_says_when_says_nothing_else(two: tuple[Release, Release]) -> None:
    texts = [(release.path / ABOUT).read_text("utf-8") for release in two]
    assert _undated(texts[0]) == _undated(texts[1])
    lines = [(release.path / CHECKSUMS).read_text("utf-8").splitlines() for release in two]
    differing = {a.partition("  ")[2] for a, b in zip(*lines, strict=True) if a != b}
    assert differing <= {ABOUT, DATABASE, GEOPACKAGE}


def _undated(text: str) -> str:
    return re.sub(r"\d{8}T\d{6}Z|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "<when>", text)


@pytest.mark.parametrize("read", ["database", "geopackage"])
def test_the_databases_are_the_same_in_all_that_they_say(two: tuple[Release, Release], read: str) -> None:
    contents: dict[str, Callable[[Path], dict[str, str]]] = {"database": database, "geopackage": geopackage}
    one, other = (contents[read](release.path) for release in two)
    assert list(one) == list(other)
    assert [name for name in one if one[name] != other[name]] == []
    assert len(one) > 12


def database(folder: Path) -> dict[str, str]:
    """Each table of the DuckDB file with its rows in the order in which they are stored; types, comments, and so on."""
    with duckdb.connect(str(folder / DATABASE), read_only=True) as con:
        con.execute("SET threads = 1")
        found = {
            of: str(
                con.execute(
                    f"SELECT * EXCLUDE (database_oid, table_oid, schema_oid) FROM {of}() ORDER BY ALL"
                ).fetchall()
            )
            for of in ("duckdb_tables", "duckdb_columns")
        }
        for schema, name in con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL"
        ).fetchall():
            found[f"{schema}.{name}"] = _undated(str(con.execute(f"FROM {schema}.{name}").fetchall()))
        found["size"] = str(con.execute("SELECT * FROM pragma_database_size()").fetchall()[0][1:6])
    return found


def geopackage(folder: Path) -> dict[str, str]:
    """Each table of the GeoPackage, with shapes; its indexes and triggers."""
    with closing(sqlite3.connect(f"{(folder / GEOPACKAGE).as_uri()}?mode=ro&immutable=1", uri=True)) as con:
        found = {"schema": str(con.execute("SELECT * FROM sqlite_master").fetchall())}
        for (name,) in con.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"
        ).fetchall():
            found[name] = _undated(str(con.execute(f'SELECT * FROM "{name}"').fetchall()))
        return found
