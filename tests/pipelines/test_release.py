"""Releases for real: files as readers open them, audits that refuse, runs that are killed or find the disk full."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import fiona
import geopandas
import pytest
import shapely
import yaml

from pipelines import release
from pipelines.authority import Disclosure
from pipelines.definition import definitions
from pipelines.protect import HELD_BACK, Finding, Publication, publications
from pipelines.release import (
    Candidate,
    Facts,
    ReleaseRefused,
    assemble,
    clean,
    current_release,
    damage,
    releases,
    switch,
)
from pipelines.tables import Column, Table

RULE = Disclosure(threshold=10, round_to=5)
STARTED = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
PAGES = {
    "demand": "<!doctype html><title>Demand</title>",
    "data_quality": "<!doctype html><title>Quality</title>",
}
GALLERY = "<!doctype html><title>Maps</title>"
SQUARE = shapely.box(375_000, 164_000, 376_000, 165_000)
NEXT = shapely.box(376_000, 164_000, 377_000, 165_000)
ROAD = shapely.LineString([(375_000, 164_500), (377_000, 164_500)])

# Small layers: two LSOAs in one authority, a personal and an open dataset, an open and a closed kind of site.
LAYERS = {
    "layers.area_profile": """
        SELECT 'E06000022' AS authority_code, * FROM (VALUES
            ('lsoa', 'E01000001', 'Here 1', 2021, 375500.0, 164500.0, -2.353, 51.379, 100.0, 700, 1500, 3),
            ('lsoa', 'E01000002', 'Here 2', 2021, 376500.0, 164500.0, -2.339, 51.379, 100.0, 650, NULL, NULL),
            ('lad', 'E06000022', 'Here', 2021, 376000.0, 164500.0, -2.346, 51.379, 200.0, 1350, 3100, NULL)
        ) AS t(area_type, area_code, area_name, vintage, easting, northing, longitude, latitude, hectares,
               homes, people, imd_decile)
        JOIN wkb USING (area_code)""",
    "layers.demand_by_area": """
        SELECT 'E06000022' AS authority_code, dataset, area_type, area_code, 'name of it' AS area_name, period,
            CAST(period || '-01' AS DATE) AS period_start, last_day(period_start) AS period_end,
            true AS is_complete, period = '2026-08' AS is_latest,
            recorded_use, recorded_use AS contributors, 700::BIGINT AS homes, 1500::BIGINT AS people
        FROM (VALUES
            ('tax', 'lsoa', 'E01000001', '2026-08', 123), ('tax', 'lsoa', 'E01000002', '2026-08', 7),
            ('tax', 'lsoa', 'E01000001', '2026-07', 119), ('tax', 'lsoa', 'E01000002', '2026-07', 12),
            ('tax', 'authority', 'E06000022', '2026-08', 130), ('tax', 'authority', 'E06000022', '2026-07', 131),
            ('bins', 'lsoa', 'E01000001', '2026-08', 3)
        ) AS t(dataset, area_type, area_code, period, recorded_use)""",
    "layers.service_overlap": """
        SELECT 'E06000022' AS authority_code, 'tax' AS dataset_a, 'bins' AS dataset_b, 'authority' AS area_type,
            'E06000022' AS area_code, 'Here' AS area_name,
            130 AS properties_a, 3 AS properties_b, 2 AS properties_both""",
    "layers.distance_to_site": """
        SELECT 'E06000022' AS authority_code, site_kind, 'lsoa' AS area_type, 'E01000001' AS area_code,
            'Here 1' AS area_name, 700 AS homes, 699 AS homes_measured, 812 AS median_metres,
            100 AS homes_within_400m, 300 AS homes_within_800m, 650 AS homes_within_1600m
        FROM (VALUES ('library'), ('refuge')) AS t(site_kind)""",
    "layers.accounting": """
        SELECT 'E06000022' AS authority_code, 'tax' AS dataset, {counts}""".format(
        counts=", ".join(
            f"{1000 + i if by == 'rows' else 'NULL::BIGINT'} AS {by}_{part}"
            for by in ("rows", "weight")
            for i, part in enumerate(
                "read kept rejected by_uprn by_cross_reference by_address property building point postcode area "
                "unplaced".split(),
                start=1,
            )
        )
    ),
    "layers.data_issue": """
        SELECT 'E06000022' AS authority_code, 'tax' AS dataset, 'UPRN' AS column_name, 'uprn blank' AS issue,
            'warning' AS severity, 'Revenues' AS who_fixes, 'Match it' AS how_to_fix,
            'There is no UPRN' AS meaning, 4 AS rows""",
    "layers.issue_by_extract": """
        SELECT 'E06000022' AS authority_code, 'tax' AS dataset, '2026-08-31' AS extract_of, 'identifier' AS concerns,
            'UPRN' AS column_name, 'uprn blank' AS issue, 4 AS rows""",
    "layers.quality_by_extract": """
        SELECT 'E06000022' AS authority_code, 'tax' AS dataset, '2026-08' AS period, '2026-08-31' AS extract_of,
            true AS is_newest, 130 AS records, 130 AS contributors""",
    "layers.site": """
        SELECT 'E06000022' AS authority_code, * FROM (VALUES
            ('library', '1', 'Central Library', 375100.0, 164100.0, -2.35, 51.37, 'property'),
            ('library', '2', 'Mobile library', NULL, NULL, NULL, NULL, 'none'),
            ('refuge', '1', 'Rosebank-canary', 376100.0, 164200.0, -2.34, 51.37, 'property')
        ) AS t(site_kind, site_id, name, easting, northing, longitude, latitude, precision)""",
    "layers.road": """
        SELECT 'E06000022' AS authority_code, 'A Road' AS road_function, 'A36' AS name,
            (SELECT geometry_wkb FROM wkb WHERE area_code = 'road') AS geometry_wkb""",
    "services.dataset": """
        SELECT 'E06000022' AS authority_code, *, 'record' AS counts, DATE '2026-07-01' AS first_as_at,
            DATE '2026-08-31' AS last_as_at, 2 AS files
        FROM (VALUES
            ('tax', 'service', 'Council tax', 'Revenues', 'Billing', 'Act', 'personal', NULL, NULL, 'stock'),
            ('bins', 'service', 'Bin routes', 'Waste', '', '', 'open', 'OGL', 'Contains council data', 'stock'),
            ('library', 'site', 'Libraries', 'Libraries', '', '', 'open', 'OGL', '', 'stock'),
            ('refuge', 'site', 'Refuges', 'Housing', 'Safety', 'Act', 'special', NULL, NULL, 'stock')
        ) AS t(dataset, role, title, owner, purpose, lawful_basis, sensitivity, licence, attribution, kind)""",
    "sources.source": """
        SELECT 'E06000022' AS authority_code, 'os_open_uprn' AS source, 'OS Open UPRN' AS title,
            'Ordnance Survey' AS publisher, 'OGL v3.0' AS licence, 'Contains OS data © Crown copyright' AS attribution,
            '202609' AS epoch, 1 AS files, 1000 AS rows""",
}


def build(con: duckdb.DuckDBPyConnection, folder: Path) -> list[Publication]:
    """Fake layers and the published tables made of them, by those of the shipped definitions that read these layers."""
    con.execute("CREATE TABLE wkb (area_code VARCHAR, geometry_wkb BLOB)")
    shapes = {"E01000001": SQUARE, "E01000002": NEXT, "E06000022": SQUARE.union(NEXT), "road": ROAD}
    con.executemany(
        "INSERT INTO wkb VALUES (?, ?)", [(code, shapely.to_wkb(shape)) for code, shape in shapes.items()]
    )
    for schema in ("sources", "services", "layers", "published"):
        con.execute(f"CREATE SCHEMA {schema}")
    # No further figure is hidden here: which must be is not the release's to say.
    con.execute(f"CREATE TABLE {HELD_BACK} (published_table VARCHAR, figure VARCHAR, cell VARCHAR)")
    tables = []
    for shipped in definitions():
        if shipped.layer in LAYERS:
            con.execute(f"CREATE TABLE {shipped.layer} AS {LAYERS[shipped.layer]}")
            names = [row[0] for row in con.execute(f"DESCRIBE {shipped.layer}").fetchall()]
            # A column that the real layer has and these tests have nothing to say of.
            for name in (*shipped.dimensions, *shipped.counts, *shipped.open_figures, *shipped.left_out):
                if name not in names:
                    kind = "VARCHAR" if name in shipped.dimensions else "BIGINT"
                    con.execute(f'ALTER TABLE {shipped.layer} ADD COLUMN "{name}" {kind}')
                    names.append(name)
            stage, _, table = shipped.layer.partition(".")
            columns = tuple(Column(name, "", f"Meaning of {name}") for name in names)
            tables.append(Table(stage, table, f"Meaning of {shipped.layer}", columns, shipped.key))
        if shipped.layer in LAYERS or shipped.name == "disclosure_rule":
            # How figures hang together with those of tables that are not here is not the release's to know.
            text = yaml.safe_load(shipped.path.read_text(encoding="utf-8"))
            kept = {key: value for key, value in text.items() if key not in ("at_most", "totals")}
            (folder / shipped.path.name).write_text(yaml.safe_dump(kept), encoding="utf-8")
    made = publications(tables, "E06000022", "Bath and North East Somerset", RULE, folder)
    publish(con, made)
    return made


def publish(con: duckdb.DuckDBPyConnection, made: Sequence[Publication]) -> None:
    for one in made:
        con.execute(f"CREATE OR REPLACE TABLE {one.table.full_name} AS {one.table.sql}")


def change(con: duckdb.DuckDBPyConnection, made: Sequence[Publication], use: int) -> None:
    """Another recorded use in the exact layer, through the gate."""
    con.execute("UPDATE layers.demand_by_area SET recorded_use = ? WHERE dataset = 'bins'", [use])
    publish(con, made)


class Borough:
    """A connection with layers and published tables, and a folder to release them in."""

    def __init__(self, con: duckdb.DuckDBPyConnection, root: Path) -> None:
        self.con, self.root = con, root
        with tempfile.TemporaryDirectory() as folder:
            self.publications = build(con, Path(folder))
        self.runs = 0

    def release(self, audits: Sequence[release.Audit] = (), pages: dict[str, str] = PAGES) -> release.Release:
        self.runs += 1
        started = STARTED + timedelta(minutes=self.runs)
        facts = Facts(started, "connected-places 0.1.0", "A. Director, 2026-10-01")
        run_id = release.release_id(started)
        return assemble(self.con, self.publications, RULE, pages, GALLERY, self.root, run_id, facts, audits)

    def change(self, use: int) -> None:
        change(self.con, self.publications, use)

    def use(self) -> int:
        """What a reader of the current release sees."""
        with duckdb.connect(str(self.root / "current" / release.DATABASE), read_only=True) as con:
            sql = "SELECT recorded_use FROM published.demand_by_area WHERE dataset = 'bins'"
            return int(con.execute(sql).fetchall()[0][0])


@pytest.fixture
def borough(tmp_path: Path) -> Iterator[Borough]:
    with duckdb.connect(config={"threads": "1"}) as con:
        yield Borough(con, tmp_path / "published")
    # What is read-only, pytest could not take away.
    for path in tmp_path.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One release that tests only read."""
    with duckdb.connect(config={"threads": "1"}) as con:
        path = Borough(con, tmp_path_factory.mktemp("one") / "published").release().path
    yield path
    for folder in (path, *path.iterdir()):
        if folder.is_dir():
            folder.chmod(0o755)


# What is in it ---------------------------------


def test_a_release_is_laid_out_whole(made: Path) -> None:
    published = made.parent.parent
    assert (published / "current").resolve() == made
    assert "current/index.html" in (published / "index.html").read_text(encoding="utf-8")
    assert (made / "index.html").read_text(encoding="utf-8") == GALLERY
    assert (made / "maps" / "demand.html").read_text(encoding="utf-8") == PAGES["demand"]
    assert damage(made) == []
    assert {path.name for path in made.iterdir()} == {
        "connected_places.duckdb", "connected_places.gpkg", "parquet", "maps", "index.html", "catalogue.json",
        "CATALOGUE.md", "LICENCES.md", "release.json", "SHA256SUMS",
    }  # fmt: skip
    assert not list(published.glob(".*")) and not list((published / "releases").glob(".*"))


def test_the_database_explains_itself(made: Path) -> None:
    with duckdb.connect(str(made / release.DATABASE), read_only=True) as con:
        tables = {(row[1], row[2]) for row in con.execute("SHOW ALL TABLES").fetchall()}
        assert {schema for schema, _ in tables} == {"published", "about"}
        assert {"demand_by_area", "area", "site", "disclosure_rule"} <= {name for _, name in tables}
        silent = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE coalesce(comment, '') = ''"
        ).fetchall()
        silent += con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND coalesce(comment, '') = ''"
        ).fetchall()
        assert silent == []
        comments = dict(con.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        assert "Rule: Counts of 0 to 9 are hidden" in comments["demand_by_area"]
        assert con.execute("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchall() == [(0,)]
        (row,) = con.execute(
            "SELECT release, made_at, authority_name, sign_off FROM about.release"
        ).fetchall()
        assert row == (
            made.name,
            "2026-10-01T09:31:00+00:00",
            "Bath and North East Somerset",
            "A. Director, 2026-10-01",
        )
        described = con.execute("SELECT count(*) FROM about.column_meaning").fetchall()
        assert (
            described
            == con.execute("SELECT count(*) FROM duckdb_columns() WHERE schema_name = 'published'").fetchall()
        )
        assert {row[0] for row in con.execute("SELECT name FROM about.licence").fetchall()} == {
            "os_open_uprn", "bins", "library",
        }  # fmt: skip
        figures = con.execute(
            "SELECT area_code, recorded_use, recorded_use_status FROM published.demand_by_area "
            "WHERE dataset = 'tax' AND period = '2026-08' ORDER BY 1"
        ).fetchall()
        assert figures == [
            ("E01000001", 125, "published"),
            ("E01000002", None, "hidden"),
            ("E06000022", 130, "published"),
        ]
        shape, longitude = con.execute(
            "SELECT geometry_wkb, longitude FROM published.area WHERE area_code = 'E01000001'"
        ).fetchall()[0]
        assert shapely.from_wkb(shape).equals(SQUARE) and float(longitude) == -2.353


def test_the_database_opens_in_older_clients(made: Path) -> None:
    # Bytes 12 to 20 hold the storage version: 65 in files of 1.2, and any client since then reads it.
    header = (made / release.DATABASE).read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") <= 65


def test_what_is_not_open_is_in_no_file(made: Path) -> None:
    for path in made.rglob("*"):
        if path.is_file():
            assert b"Rosebank-canary" not in path.read_bytes(), path.name
    with duckdb.connect(str(made / release.DATABASE), read_only=True) as con:
        assert con.execute("SELECT DISTINCT site_kind FROM published.distance_to_site").fetchall() == [
            ("library",)
        ]
        # What is hidden in a list of what was found is not listed.
        assert con.execute("SELECT rows, rows_status FROM published.data_issue").fetchall() == []


def test_the_geopackage_has_areas_with_their_latest_demand(made: Path) -> None:
    path = made / release.GEOPACKAGE
    assert fiona.listlayers(path) == ["area_lad", "area_lsoa", "site", "road"]
    areas = geopandas.read_file(path, layer="area_lsoa").set_index("area_code")
    assert areas.crs.to_epsg() == 27700
    assert list(areas.total_bounds) == [375_000, 164_000, 377_000, 165_000]
    here, there = areas.loc["E01000001"], areas.loc["E01000002"]
    assert (here["tax_period"], here["tax_recorded_use"], here["tax_rate_per_1000_people"]) == (
        "2026-08",
        125,
        83.3,
    )
    assert here["bins_recorded_use"] == 3
    assert there["tax_recorded_use_status"] == "hidden" and there.isna()["tax_recorded_use"]
    # The authority's figures stand on its district.
    assert geopandas.read_file(path, layer="area_lad")["tax_recorded_use"].tolist() == [130]
    sites = geopandas.read_file(path, layer="site")
    assert sites["name"].tolist() == ["Central Library"] and sites.geometry[0].equals(
        shapely.Point(375_100, 164_100)
    )
    assert geopandas.read_file(path, layer="road").geometry.geom_type.tolist() == ["MultiLineString"]


def test_geoparquet_is_read_in_its_own_crs(made: Path) -> None:
    areas = geopandas.read_parquet(made / "parquet" / "area.parquet")
    assert areas.crs.to_epsg() == 27700
    assert list(areas.total_bounds) == [375_000, 164_000, 377_000, 165_000]
    assert areas["people"].tolist()[:1] == [3100] and "geometry_wkb" not in areas
    with duckdb.connect() as con:
        path = made / "parquet" / "area.parquet"
        types = dict(
            row[:2] for row in con.execute(f"DESCRIBE SELECT * FROM read_parquet('{path}')").fetchall()
        )
    assert "INT" in types["people"]  # not turned to fractions by the gap in it
    sites = geopandas.read_parquet(made / "parquet" / "site.parquet")
    assert sites.geometry.isna().tolist() == [False, True]


def test_the_texts_name_every_table_and_licence(made: Path) -> None:
    catalogue = json.loads((made / "catalogue.json").read_text(encoding="utf-8"))
    assert {table["name"] for table in catalogue["tables"]} == {
        path.stem for path in (made / "parquet").iterdir()
    }
    assert all(column["meaning"] for table in catalogue["tables"] for column in table["columns"])
    text = (made / "CATALOGUE.md").read_text(encoding="utf-8")
    assert "## demand_by_area" in text and "Not for: " in text
    assert "Contains OS data © Crown copyright." in (made / "LICENCES.md").read_text(encoding="utf-8")


def test_files_of_a_release_are_read_only(made: Path) -> None:
    for path in (made, *made.rglob("*")):
        assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH), path.name


# One after the other ---------------------------------


def test_nothing_new_makes_no_release(borough: Borough) -> None:
    first = borough.release()
    assert first.is_new and first.is_current
    again = borough.release()
    assert not again.is_new and again.release_id == first.release_id
    assert [one.release_id for one in releases(borough.root)] == [first.release_id]
    borough.change(4)
    second = borough.release()
    assert second.is_new and borough.use() == 4
    third = borough.release(pages={**PAGES, "demand": "<!doctype html><title>Redrawn</title>"})
    assert third.is_new
    assert [one.release_id for one in releases(borough.root)] == sorted(
        one.release_id for one in (first, second, third)
    )
    assert [one.is_current for one in releases(borough.root)] == [False, False, True]


def test_a_damaged_release_is_made_anew(borough: Borough) -> None:
    first = borough.release()
    page = first.path / "maps" / "demand.html"
    page.chmod(0o644)
    page.write_text("other", encoding="utf-8")
    assert damage(first.path) == ["maps/demand.html was changed"]
    assert borough.release().is_new


def test_the_same_content_gives_the_same_files(borough: Borough, tmp_path: Path) -> None:
    first = borough.release()
    with duckdb.connect(config={"threads": "4"}) as con:
        second = Borough(con, tmp_path / "elsewhere").release()
    assert first.content_sha256 == second.content_sha256
    for name in (
        "catalogue.json",
        "LICENCES.md",
        "connected_places.gpkg",
        "parquet/area.parquet",
        "parquet/site.parquet",
    ):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes(), name


def test_readers_of_the_former_release_are_not_disturbed(borough: Borough) -> None:
    borough.release()
    path = borough.root / "current" / release.DATABASE
    with (
        duckdb.connect(str(path), read_only=True) as reader,
        (borough.root / "current" / "index.html").open() as page,
    ):
        sql = "SELECT recorded_use FROM published.demand_by_area WHERE dataset = 'bins'"
        assert reader.execute(sql).fetchall() == [(3,)]
        borough.change(77)
        borough.release()
        assert reader.execute(sql).fetchall() == [(3,)]
        assert page.read() == GALLERY
    assert borough.use() == 77


def test_rollback_and_forward(borough: Borough) -> None:
    first = borough.release()
    borough.change(8)
    second = borough.release()
    switch(borough.root, first.release_id)
    assert borough.use() == 3
    assert current_release(borough.root) == releases(borough.root)[0]
    switch(borough.root, second.release_id)
    assert borough.use() == 8
    with pytest.raises(ValueError, match="no release is named `20200101T000000Z`; known are"):
        switch(borough.root, "20200101T000000Z")
    (first.path / "index.html").chmod(0o644)
    (first.path / "index.html").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match=r"damaged: index\.html was changed"):
        switch(borough.root, first.release_id)
    assert borough.use() == 8


def test_ids_sort_by_time_whatever_the_zone() -> None:
    summer = timezone(timedelta(hours=1))
    assert release.release_id(datetime(2026, 7, 1, 0, 30, tzinfo=summer)) == "20260630T233000Z"
    with pytest.raises(ValueError, match="time with its zone"):
        release.release_id(datetime(2026, 7, 1))


@pytest.mark.parametrize("name", ["../out", "a/b", ".hidden", ""])
def test_names_that_are_no_file_names_are_refused(borough: Borough, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a file"):
        borough.release(pages={name: "x"})
    assert not borough.root.exists() or not any(borough.root.iterdir())


# Refused ---------------------------------


def test_an_audit_that_finds_something_leaves_the_former_release_current(borough: Borough) -> None:
    first = borough.release()
    borough.change(8)
    seen: list[Candidate] = []

    def audit(candidate: Candidate) -> list[Finding]:
        seen.append(candidate)
        assert (candidate.folder / release.DATABASE).is_file()
        return [Finding("published.demand_by_area", "recorded_use", "can be told from the total", 2)]

    with pytest.raises(ReleaseRefused) as refused:
        borough.release([lambda candidate: [], audit])
    assert str(refused.value).endswith(
        "\npublished.demand_by_area.recorded_use: can be told from the total (2 row(s))"
    )
    assert [former.name for former in seen[0].former] == [first.release_id]
    assert borough.use() == 3 and damage(first.path) == []
    assert [path.name for path in (borough.root / "releases").iterdir()] == [first.release_id]
    assert borough.release().is_new and borough.use() == 8


def test_an_audit_that_breaks_publishes_nothing(borough: Borough) -> None:
    def audit(candidate: Candidate) -> list[Finding]:
        raise MemoryError

    with pytest.raises(MemoryError):
        borough.release([audit])
    assert releases(borough.root) == [] and not (borough.root / "current").exists()
    assert list((borough.root / "releases").iterdir()) == []


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        (
            "UPDATE published.demand_by_area SET recorded_use = 7, recorded_use_status = 'published' "
            "WHERE recorded_use_status = 'hidden'",
            "published.demand_by_area.recorded_use: a count below 10 is shown (1 row(s))",
        ),
        (
            "UPDATE services.dataset SET sensitivity = 'personal' WHERE dataset = 'library'",
            "published.site: rows of a dataset that is not open (2 row(s))",
        ),
        (
            "UPDATE published.site SET easting = -2.35, northing = 51.37 WHERE site_id = '1'",
            "connected_places.gpkg:site: is not within Great Britain in EPSG:27700",
        ),
    ],
)
def test_what_must_not_leave_does_not(borough: Borough, sql: str, wanted: str) -> None:
    borough.con.execute(sql)
    with pytest.raises(ReleaseRefused) as refused:
        borough.release()
    assert wanted in str(refused.value)
    assert not (borough.root / "current").exists()


# Killed, or the disk full ---------------------------------

# Imports once, then forks a child for each order: a child starts at once and can be killed at any moment of its work.
RELEASER = """
    import os, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    import fiona, geopandas, pandas, pyarrow.parquet, shapely, duckdb  # noqa: so that children need not
    import test_release as t

    root = Path(sys.argv[2])
    for line in sys.stdin:
        start = int(line)
        child = os.fork()
        if child == 0:
            with duckdb.connect(config={"threads": "1"}) as con:
                borough = t.Borough(con, root)
                borough.runs = start * 1000
                print("ready", flush=True)
                while True:
                    borough.change(borough.runs)
                    borough.release()
                    print("made", flush=True)
        print(child, flush=True)
        os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked child, which this system cannot have")
def test_a_killed_run_leaves_a_whole_release_current(borough: Borough) -> None:
    """Killed twice at random moments; PLACES_ENDURANCE=100 has it killed a hundred times."""
    start = time.monotonic()
    borough.release()
    takes = time.monotonic() - start
    seed = random.randrange(1_000_000)
    moments = random.Random(seed)
    kills = max(2, int(os.environ.get("PLACES_ENDURANCE") or 0))
    program = [sys.executable, "-c", textwrap.dedent(RELEASER), str(Path(__file__).parent), str(borough.root)]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as releaser:
        assert releaser.stdin and releaser.stdout
        for kill in range(1, kills + 1):
            releaser.stdin.write(f"{kill}\n")
            releaser.stdin.flush()
            child, ready = 0, False
            while not (child and ready):
                line = releaser.stdout.readline().strip()
                assert line, "the releasing program ended"
                if line.isdigit():
                    child = int(line)
                ready = ready or line == "ready"
            time.sleep(moments.uniform(0, 2 * takes))
            os.kill(child, signal.SIGKILL)
            current = current_release(borough.root)
            assert current is not None, f"seed {seed}, kill {kill}"
            assert damage(current.path) == [], f"seed {seed}, kill {kill}"
            assert borough.use() < (kill + 1) * 1000
            for one in releases(borough.root):
                assert damage(one.path) == [], f"seed {seed}, kill {kill}"
        releaser.stdin.close()
    borough.runs = last = (kills + 1) * 1000
    borough.change(last)
    assert borough.release().is_new and borough.use() == last
    assert not list((borough.root / "releases").glob(".*")) and not list(borough.root.glob(".*"))


# A limit on the size of a file makes writes fail for real, as a full disk does, without needing a disk of one's own.
SMALL_DISK = """
    import resource, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    import duckdb
    import test_release as t

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for limit in map(int, sys.argv[3:]):
        with duckdb.connect(config={"threads": "1"}) as con:
            borough = t.Borough(con, Path(sys.argv[2]))
            borough.runs = limit
            borough.change(limit)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                borough.release()
                print("made", limit)
            except Exception as error:
                print("failed", limit, type(error).__name__)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files in a way that Windows has not")
def test_a_full_disk_leaves_a_whole_release_current(borough: Borough) -> None:
    first = borough.release()
    sizes = {path.name: path.stat().st_size for path in first.path.rglob("*") if path.is_file()}
    limits = sorted([0, 2_000, sizes[release.GEOPACKAGE] - 1, sizes[release.DATABASE] - 1])
    program = [
        sys.executable,
        "-c",
        textwrap.dedent(SMALL_DISK),
        str(Path(__file__).parent),
        str(borough.root),
    ]
    program += [*map(str, limits), "10000000"]
    done = subprocess.run(program, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True)
    said = [line.split()[:2] for line in done.stdout.splitlines()]
    assert said == [*(["failed", str(limit)] for limit in limits), ["made", "10000000"]], (
        done.stdout + done.stderr
    )
    assert releases(borough.root)[0].content_sha256 == first.content_sha256
    assert len(releases(borough.root)) == 2 and all(damage(one.path) == [] for one in releases(borough.root))
    assert borough.use() == 10_000_000


def test_what_killed_runs_left_is_cleaned(borough: Borough) -> None:
    first = borough.release()
    left = borough.root / "releases" / ".building-20260101T000000Z"
    shutil.copytree(first.path, left)
    link = borough.root / ".current-0"
    link.symlink_to(Path("releases") / first.release_id, target_is_directory=True)
    assert clean(borough.root) == 2
    assert not left.exists() and not link.is_symlink()
    assert damage(first.path) == [] and borough.use() == 3


def test_a_release_that_was_never_made_current_can_be(borough: Borough) -> None:
    first = borough.release()
    # A run killed between the two last steps leaves just this.
    orphan = borough.root / "releases" / "20270101T000000Z"
    shutil.copytree(first.path, orphan)
    assert [one.is_current for one in releases(borough.root)] == [True, False]
    assert switch(borough.root, orphan.name).is_current
    assert current_release(borough.root) == releases(borough.root)[1]


def test_damage_names_what_is_missing_and_what_was_added(tmp_path: Path) -> None:
    assert damage(tmp_path) == ["SHA256SUMS is missing"]
    (tmp_path / "SHA256SUMS").write_text("00  one.txt\n", encoding="utf-8")
    (tmp_path / "two.txt").touch()
    assert damage(tmp_path) == ["one.txt is missing", "two.txt was added"]
