"""The scan, on a real release of the small authority into which each kind of leak is planted by hand."""

from __future__ import annotations

import base64
import functools
import json
import re
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from pipelines import draw, transparency
from pipelines.protect import Publication
from pipelines.release import (
    DATABASE,
    GEOPACKAGE,
    Candidate,
    Facts,
    ReleaseRefused,
    assemble,
    current_release,
)
from pipelines.run import page_modules, plan
from pipelines.scan import Draw, Known, _sites_named_by_area, scan
from pipelines.warehouse import Warehouse
from tests.small_authority import HOMES, LSOAS
from tests.small_run import Small

# Three events in the third quarter, which is withheld.
AREA, WITHHELD = LSOAS[1], 3
UPRN, POSTCODE, ADDRESS = str(HOMES[0].uprn), HOMES[0].postcode, HOMES[0].address
MARK = "0123456789abcdef01234567"


@pytest.fixture(scope="module")
def released(small: Small) -> Iterator[Candidate]:
    """A release as a run makes it, with the exact tables beside it. To be read only."""
    authority = small.authority
    made = current_release(small.output.published)
    assert made is not None
    publications = [step.of for step in plan(authority) if isinstance(step.of, Publication)]
    with Warehouse(small.output.restricted / "warehouse").connect() as con:
        yield Candidate(con, made.path, publications, authority.about.disclosure, ())


def writable(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)


@pytest.fixture
def planted(released: Candidate, tmp_path: Path) -> Candidate:
    """A copy of it, in which to plant."""
    folder = tmp_path / "candidate"
    shutil.copytree(released.folder, folder)
    writable(folder)
    return Candidate(released.con, folder, released.publications, released.rule, ())


@pytest.fixture(scope="module")
def drawn() -> dict[str, Draw]:
    modules = page_modules()
    return {f"maps/{name}.html": module.draw for name, module in modules.items()} | {
        "index.html": lambda con: draw.gallery(con, list(modules.values()), transparency.PAGES)
    }


def found(candidate: Candidate, drawn: dict[str, Draw] | None = None) -> set[str]:
    """What the scan finds, as text; never a value of what was planted."""
    lines = {str(finding) for finding in scan(candidate, drawn or {})}
    said = "\n".join(lines)
    for value in (UPRN, POSTCODE, ADDRESS, MARK, AREA, "7919"):
        assert value not in said
    return lines


def test_a_release_as_it_is_made_passes(released: Candidate, drawn: dict[str, Draw]) -> None:
    assert found(released, drawn) == set()
    # What is looked for is there to be found.
    hidden = released.con.execute(
        "SELECT recorded_use FROM layers.demand_by_area WHERE dataset = 'social_care' AND area_code = ? "
        "AND period = '2026 Q3'",
        [AREA],
    ).fetchall()
    assert hidden == [(WITHHELD,)]


LEAKY = {
    "tooltip": (f"<p title='LSOA {AREA}: {WITHHELD}'>x</p>", "number(s) beside an area"),
    "named": (f"<p>Smallbridge {AREA[-2:]}: {WITHHELD} events</p>", "number(s) beside an area"),
    "row": (f"<table><tr><th>{AREA}</th><td>{WITHHELD}</td></tr></table>", "number(s) beside an area"),
    "aria": (f"<svg aria-label='{AREA}, July: {WITHHELD}'><desc>x</desc></svg>", "number(s) beside an area"),
    "title": (f"<svg><rect><title>{AREA}: {WITHHELD}</title></rect></svg>", "number(s) beside an area"),
    "comment": (f"<!-- {AREA}: {WITHHELD} -->", "1 comment(s)"),
    "script": (f"<script>var more = {{'{AREA}': {WITHHELD}}};</script>", "a script names areas"),
    "uprn": (f"<p>{UPRN}</p>", "a UPRN of a record"),
    "postcode": (f"<p>{POSTCODE}</p>", "a postcode of a record"),
    "address": (f"<p data-at='{ADDRESS}'>x</p>", "an address of a record"),
    "entity": ("<p>" + "".join(f"&#{ord(letter)};" for letter in UPRN) + "</p>", "a UPRN of a record"),
    "mark": (f"<i id='{MARK}'></i>", "has the form of a keyed mark"),
    "record": ("<p>services/social_care/events_2026.csv#7</p>", "the file and row of a record"),
    "picture": (
        f"<img src='data:text/plain;base64,{base64.b64encode(UPRN.encode()).decode()}'>",
        "a UPRN of a record",
    ),
}


def test_each_leak_in_a_page_is_caught(planted: Candidate) -> None:
    maps = planted.folder / "maps"
    page = (maps / "demand.html").read_text("utf-8")
    shown = re.search(r'(id="page-data">)(.*?)(</script>)', page, re.DOTALL)
    assert shown is not None and '"h"' in shown[2]
    published = re.search(r'"values":\[\[(\d+)', shown[2])
    assert published is not None
    leaks = {
        name: (page.replace("</main>", f"{text}</main>", 1), problem)
        for name, (text, problem) in LEAKY.items()
    }
    leaks |= {
        "property": (
            page.replace('"properties": {"i": 0}', f'"properties": {{"i": 0, "use": {WITHHELD}}}', 1),
            "a shape carries properties beside its number",
        ),
        "hidden": (
            page.replace(shown[2], shown[2].replace('"h"', str(WITHHELD), 1)),
            "hidden figure(s) without",
        ),
        "figure": (
            page.replace(published[0], published[0] + "1", 1),
            "figure(s) that are not the published ones",
        ),
        "profile": (
            re.sub(rf'(\["{AREA}","[^"]*",)\d+', r"\g<1>7919", page),
            "homes, people or deprivation of 1 area(s)",
        ),
    }
    # How sure a figure is may tell no more than was published either, nor may a chart of what was recorded.
    topic, period, place = next(
        (topic, period, values.index("h"))
        for topic in json.loads(shown[2])["topics"]
        for period, values in enumerate(topic["figures"]["lsoa"]["shrunken_rate"]["values"])
        if "h" in values
    )

    def told(measure: str, part: str, value: object) -> str:
        figures = json.loads(json.dumps(topic))["figures"]["lsoa"][measure]
        figures[part][period] = value
        changed = topic | {"figures": {"lsoa": {measure: figures}}}
        return page.replace(shown[2], json.dumps(json.loads(shown[2]) | {"topics": [changed]}))

    lows = topic["figures"]["lsoa"]["shrunken_rate"]["low"][period]
    known = next(at for at, low in enumerate(lows) if low != "n")
    past = {
        "measure": "recorded_use",
        "periods": [topic["periods"][period][0]],
        "figures": {"lsoa": [[WITHHELD if at == place else "n" for at in range(len(lows))]]},
    }
    with_past = json.loads(shown[2]) | {"topics": [topic | {"history": past}]}
    leaks |= {
        "interval": (
            told("shrunken_rate", "low", [0.125 if at == known else low for at, low in enumerate(lows)]),
            "shrunken_rate: 1 figure(s) that are not the published ones",
        ),
        "hidden_interval": (
            told("shrunken_rate", "low", [0 if at == place else low for at, low in enumerate(lows)]),
            "shrunken_rate: 1 hidden figure(s) without",
        ),
        "unsure": (told("shrunken_rate", "unsure", [place]), "shrunken_rate: 1 hidden figure(s) without"),
        "history": (page.replace(shown[2], json.dumps(with_past)), "hidden figure(s) without"),
    }
    for name, (text, _) in leaks.items():
        assert text != page, name
        (maps / f"leaky_{name}.html").write_text(text, "utf-8")
    lines = found(planted)
    for name, (_, problem) in leaks.items():
        assert any(line.startswith(f"maps/leaky_{name}.html") and problem in line for line in lines), name
    # And none is found where nothing was planted, but that nothing draws these pages.
    assert {line.partition(":")[0] for line in found_elsewhere(lines)} <= {
        f"maps/{path.name}" for path in maps.glob("*.html")
    }


def found_elsewhere(lines: set[str]) -> set[str]:
    return {line for line in lines if "leaky_" not in line}


def test_a_page_is_what_the_released_tables_give(planted: Candidate, drawn: dict[str, Draw]) -> None:
    quality = planted.folder / "maps" / "data_quality.html"
    quality.write_text(quality.read_text("utf-8") + "<p>One more line.</p>\n", "utf-8")
    (planted.folder / "maps" / "demand.html").unlink()

    def exact(con: duckdb.DuckDBPyConnection) -> str:
        return str(con.execute("SELECT max(recorded_use) FROM layers.demand_by_area").fetchall())

    chosen = {name: drawn[name] for name in ("maps/data_quality.html", "maps/demand.html")}
    lines = found(planted, {**chosen, "index.html": exact})
    assert "maps/data_quality.html: is not what its own code draws from the released tables" in lines
    assert "maps/demand.html: is missing" in lines
    assert "index.html: cannot be drawn from the released tables alone (CatalogException)" in lines


def test_each_leak_in_a_text_or_notebook_is_caught(planted: Candidate) -> None:
    cell = {"cell_type": "code", "source": "1", "outputs": [{"text": [f"{AREA}  {WITHHELD}\n"]}]}
    picture = {"cell_type": "code", "source": "", "outputs": [{"data": {"image/png": "iVBORw0KGgo="}}]}
    shape = {"type": "Feature", "properties": {"area_code": AREA, "recorded_use": WITHHELD}}
    exact = planted.con.execute("SELECT max(recorded_use) FROM layers.demand_by_area").fetchall()[0][0]
    planted.con.execute("CREATE OR REPLACE TEMP VIEW nothing AS SELECT 1")
    texts = {
        "notes.md": (f"| {AREA} | {WITHHELD} |\n", "number(s) beside an area"),
        "notes.json": (json.dumps({"areas": [shape]}), "number(s) beside an area"),
        "by_area.json": (json.dumps({AREA: WITHHELD}), "number(s) beside an area"),
        "more.csv": (f"area_code,recorded_use\n{AREA},{WITHHELD}\n", "number(s) beside an area"),
        "address.md": (f"such as {ADDRESS.upper()}\n", "an address of a record"),
        "escaped.json": ('{"a": "\\u0039' + UPRN[1:] + '"}', "a UPRN of a record"),
        "red_team.ipynb": (json.dumps({"cells": [cell]}), "outputs: 1 number(s) beside an area"),
        "drawn.ipynb": (json.dumps({"cells": [picture]}), "has a picture among its outputs"),
        "areas.geojson": (json.dumps(shape), "is of a kind, or in a place"),
        "parquet/more.parquet": ("PAR1", "is of a kind, or in a place"),
        "connected_places.duckdb.wal": ("", "is of a kind, or in a place"),
    }
    assert exact < 1000, "an exact figure large enough to be told by itself is planted below"
    for name, (text, _) in texts.items():
        (planted.folder / name).write_text(text, "utf-8")
    catalogue = json.loads((planted.folder / "catalogue.json").read_text("utf-8"))
    catalogue["tables"][0]["hidden"] = 41
    (planted.folder / "catalogue.json").write_text(json.dumps(catalogue), "utf-8")
    with (planted.folder / "SHA256SUMS").open("a", encoding="utf-8") as stream:
        stream.write(f"{WITHHELD}  {AREA}\n")
    lines = found(planted)
    for name, (_, problem) in texts.items():
        assert any(line.startswith(name) and problem in line for line in lines), name
    assert "catalogue.json: holds figures that are not the numbers of rows of the published tables" in lines
    assert "SHA256SUMS: lines that are no checksum of a file of the release (1 row(s))" in lines


def test_each_leak_in_parquet_is_caught(planted: Candidate) -> None:
    folder = planted.folder / "parquet"
    # A statistic of the rows as they were before they were protected.
    path = folder / "demand_by_area.parquet"
    raw = path.read_bytes()
    (least,) = planted.con.execute("SELECT min(recorded_use) FROM published.demand_by_area").fetchall()[0]
    footer = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    told, lie = b"\x08" + struct.pack("<q", least), b"\x08" + struct.pack("<q", WITHHELD)
    assert told in raw[footer:]
    path.write_bytes(raw[:footer] + raw[footer:].replace(told, lie))
    # A figure in the metadata; one between the columns and the footer, which no reader sees; a row.
    path = folder / "source.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"note": f"{AREA}: {WITHHELD}"}), path)
    path = folder / "accounting.parquet"
    raw = path.read_bytes()
    footer = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    path.write_bytes(raw[:footer] + f"{AREA}: {WITHHELD}".encode() + raw[footer:])
    path = folder / "distance_to_site.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 1), path)
    path = folder / "data_issue.parquet"
    pq.write_table(
        pq.read_table(path).append_column("rows_exact", [[1] * pq.read_metadata(path).num_rows]), path
    )
    path = folder / "area.parquet"
    table = pq.read_table(path)
    geo = {**(table.schema.metadata or {}), b"geo": b'{"columns": {}, "note": "3"}'}
    pq.write_table(table.replace_schema_metadata(geo), path)
    (folder / "site.parquet").write_bytes(b"PAR1 nothing")
    lines = found(planted)
    for name, problem in {
        "demand_by_area.parquet.recorded_use": "a statistic does not follow from the published rows",
        "source.parquet": "entry(ies) of metadata that no reader needs",
        "accounting.parquet": "holds bytes that belong to no column, filter or footer",
        "distance_to_site.parquet": "rows are not those of the published table",
        "data_issue.parquet": "its columns are not those of the published table",
        "area.parquet": "its metadata on geometry say more",
        "site.parquet": "cannot be read as Parquet",
    }.items():
        assert any(line.startswith(f"parquet/{name}: ") and problem in line for line in lines), name


def test_each_leak_in_the_database_is_caught(planted: Candidate) -> None:
    with duckdb.connect(str(planted.folder / DATABASE)) as con:
        con.execute("COMMENT ON COLUMN published.demand_by_area.recorded_use IS 'In one area only 3'")
        con.execute("COMMENT ON TABLE published.site IS 'Made of 7919 records'")
        con.execute(f"UPDATE published.distance_to_site SET homes_measured = {WITHHELD}")
        con.execute("ALTER TABLE published.data_issue ADD COLUMN exact BIGINT DEFAULT 3")
        con.execute("CREATE VIEW published.more AS SELECT 3 AS withheld")
        con.execute("CREATE MACRO withheld() AS 3")
        con.execute("CREATE SEQUENCE counted START 3")
        con.execute(f"CREATE TABLE about.more AS SELECT '{UPRN}' AS uprn")
        con.execute("UPDATE about.table_meaning SET rows = '7919' WHERE table_name = 'area'")
        con.execute(f"UPDATE about.licence SET title = '{POSTCODE}'")
    lines = found(planted)
    for line in (
        "published.demand_by_area.recorded_use: its comment holds a number that its description does not",
        "published.site: its comment holds a number that its description does not",
        "published.data_issue: its columns are not those of the published table",
        "about: has a table that is no published one",
        "about.table_meaning: rows with a number that the catalogue does not have (1 row(s))",
    ):
        assert f"{DATABASE}:{line}" in lines
    for problem in (
        "published.distance_to_site: rows are not those",
        "about.licence: holds a postcode of a record",
    ):
        assert any(line.startswith(f"{DATABASE}:{problem}") for line in lines), problem
    for what in ("view", "macro", "sequence", "default"):
        assert f"{DATABASE}: has 1 {what}(s); wanted tables only" in lines


def test_blocks_left_over_in_the_database_are_caught(planted: Candidate) -> None:
    with duckdb.connect(str(planted.folder / DATABASE)) as con:
        con.execute("CREATE TABLE published.exact AS SELECT random() AS x FROM range(200000)")
        con.execute("CREATE TABLE about.after AS SELECT random() AS x FROM range(200000)")
        con.execute("CHECKPOINT")
        con.execute("DROP TABLE published.exact")
        con.execute("CHECKPOINT")
    lines = found(planted)
    assert any(re.fullmatch(rf"{DATABASE}: has \d+ free block\(s\), .*", line) for line in lines)


def test_each_leak_in_the_geopackage_is_caught(planted: Candidate) -> None:
    path = planted.folder / GEOPACKAGE
    with closing(sqlite3.connect(path)) as con:
        con.execute("PRAGMA secure_delete = OFF")
        # Triggers of the format want functions that only GIS programs have.
        for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            con.execute(f'DROP TRIGGER "{name}"')
        con.execute(f"UPDATE area_lsoa SET social_care_recorded_use = {WITHHELD} WHERE area_code = '{AREA}'")
        con.execute(
            "INSERT INTO area_ward (area_code, area_name) VALUES ('E05999999', 'Deleted, with 3 in it')"
        )
        con.execute("DELETE FROM area_ward WHERE area_code = 'E05999999'")
        con.execute("UPDATE sqlite_sequence SET seq = 2 WHERE name = 'area_ward'")
        con.execute(f"CREATE TABLE exact AS SELECT '{AREA}' AS area_code, {WITHHELD} AS n")
        con.execute("CREATE TRIGGER told AFTER INSERT ON site BEGIN SELECT 3; END")
        con.execute(f"UPDATE gpkg_contents SET description = '{AREA}: {WITHHELD}' WHERE table_name = 'site'")
        con.commit()
    lines = found(planted)
    assert f"{GEOPACKAGE}:area_lsoa: attributes are not the published figures (2 row(s))" in lines
    assert f"{GEOPACKAGE}: rows of the format's own tables that no layer accounts for (1 row(s))" in lines
    for kind in ("table", "trigger"):
        assert any(line.startswith(f"{GEOPACKAGE}: has a {kind} that is neither") for line in lines)
    assert any(line.startswith(f"{GEOPACKAGE}: holds remains of deleted or moved rows") for line in lines)
    assert not any(line.startswith(f"{GEOPACKAGE}:area_ward") for line in lines), "the row is deleted"


def test_free_pages_of_the_geopackage_are_caught(planted: Candidate) -> None:
    with closing(sqlite3.connect(planted.folder / GEOPACKAGE)) as con:
        con.execute("PRAGMA secure_delete = ON")
        con.execute("CREATE TABLE exact (n)")
        con.execute(
            "INSERT INTO exact WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) "
            "SELECT n FROM t LIMIT 9000"
        )
        con.commit()
        con.execute("DROP TABLE exact")
        con.commit()
    assert any(re.fullmatch(rf"{GEOPACKAGE}: has \d+ free page\(s\), .*", line) for line in found(planted))


def test_what_the_scan_finds_is_not_released(
    released: Candidate, drawn: dict[str, Draw], tmp_path: Path
) -> None:
    pages = {path.stem: path.read_text("utf-8") for path in (released.folder / "maps").glob("*.html")}
    pages["demand"] = pages["demand"].replace("</main>", f"<!-- {AREA}: {WITHHELD} --></main>")
    gallery = (released.folder / "index.html").read_text("utf-8")
    audits = [functools.partial(scan, drawn=drawn)]
    facts = Facts(datetime(2026, 10, 1, tzinfo=UTC), "Connected Places")
    with pytest.raises(ReleaseRefused, match=r"maps/demand\.html: has 1 comment"):
        assemble(
            released.con, released.publications, released.rule, pages, gallery, tmp_path, "one", facts, audits
        )
    assert current_release(tmp_path) is None


def test_a_site_called_by_its_area_is_not_the_area(released: Candidate) -> None:
    area = f"Smallbridge {AREA[-2:]}"
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA published")
        con.execute("CREATE TABLE published.site (name VARCHAR)")
        con.execute(
            "INSERT INTO published.site VALUES (?), (?), (NULL), ('West Library')", [f"{area} Library", area]
        )
        here = Candidate(con, released.folder, released.publications, released.rule, ())
        assert _sites_named_by_area(here, {area}) == (f"{area} Library",)
        assert _sites_named_by_area(Candidate(con, released.folder, (), released.rule, ()), {area}) == ()
    known = replace(Known.of(released), sites=(f"{area} Library",))

    def told(text: str) -> list[str]:
        return [str(finding) for finding in known.numbers_in("page", "text", [text])]

    assert told(f"{area} Library 7919") == []
    assert told(f"{area} 7919") == told(f"{area} Library, {area}: 7919") != []
