"""From files of roads to a network and its table, and back: OpenStreetMap, OS Open Roads, plain lines."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import fiona
import numpy as np
import pytest
import shapely

from assets.layers import road_finding, road_link
from pipelines import ingest
from pipelines.authority import load_authority
from pipelines.gathered import gathered_tables
from pipelines.tables import ASSETS, table_from_module, table_from_sql
from pipelines.travel import topology
from pipelines.travel.network import Network
from pipelines.travel.roads import Roads, network_from_table, network_of, rule_of
from pipelines.travel.speeds import of_os
from tests.small_osm import Way, write_osm

E, N = 375000.0, 165000.0


@contextmanager
def read(folder: Path, travel: str = "{}") -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of an authority's roads, as they are before `layers`."""
    text = f"name: T\ncode: E06000022\narea_vintage: 2021\ntravel: {travel}\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "authority.yaml").write_text(text, "utf-8")
    authority = load_authority(folder)
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA sources; CREATE SCHEMA layers")
        for source in authority.sources:
            if source.name in ("os_open_roads", "osm_roads"):
                with duckdb.connect() as own:
                    got = ingest.ingest_source(own, authority, source)
                    assert got.refused == ()
                    rows, bad = (own.sql(f"FROM {name}").to_arrow_table() for name in ("kept", "rejected"))
                con.register("rows", rows)
                con.execute(f"CREATE TABLE sources.{source.name} AS FROM rows")
                con.register("bad", bad)
                con.execute("CREATE TABLE IF NOT EXISTS sources.row_rejected AS FROM bad LIMIT 0")
                con.execute("INSERT INTO sources.row_rejected FROM bad")
        for table in gathered_tables(authority):
            if table.full_name in ("sources.authority", "sources.travel_rule"):
                con.execute(f"CREATE TABLE {table.full_name} AS {table.sql}")
        yield con


def roads_of(con: duckdb.DuckDBPyConnection) -> Roads:
    """The network straight from the tables of roads."""
    _, travel = rule_of(con.sql("FROM sources.travel_rule"))
    return network_of(travel, con.sql("FROM sources.os_open_roads"), con.sql("FROM sources.osm_roads"))


def made(con: duckdb.DuckDBPyConnection) -> Network:
    """The network, through its table; which holds it exactly."""
    rows = road_link.make(con)
    assert rows.column_names == list(road_link.COLUMNS)
    casts = ", ".join(f"CAST({name} AS {type_}) AS {name}" for name, (type_, _) in road_link.COLUMNS.items())
    con.register("rows", rows)
    con.execute(f"CREATE OR REPLACE TABLE layers.road_link AS SELECT {casts} FROM rows ORDER BY link_id DESC")
    stored, direct = network_from_table(con.sql("FROM layers.road_link")), roads_of(con).network
    for name in ("nodes", "start", "end", "metres", "link_id", "lines"):
        assert np.array_equal(getattr(stored, name), getattr(direct, name)), name
        assert getattr(stored, name).dtype == getattr(direct, name).dtype, name
    for mode in direct.seconds:
        assert np.array_equal(stored.seconds[mode], direct.seconds[mode]), mode
        assert np.array_equal(stored.part[mode], direct.part[mode]), mode
    return stored


def findings(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """What is told of the making, without what is not there."""
    rows = road_finding.make(con).to_pylist()
    found = {row["finding"]: row["count"] for row in rows if row["count"]}
    left_out = sum(count for finding, count in found.items() if finding.startswith("roads left out"))
    assert found.get("roads given", 0) == found.get("roads in the network", 0) + left_out
    return found


TOWN = {
    1: (E, N), 2: (E + 100, N), 3: (E + 200, N), 4: (E + 300, N),
    5: (E + 100, N + 80), 6: (E + 200, N + 80), 7: (E + 150, N - 50), 8: (E + 150, N + 40),
    9: (E + 300, N + 20), 10: (E + 320, N + 20), 11: (E + 320, N), 12: (E + 400, N),
    20: (E + 900, N), 21: (E + 950, N), 30: (E + 250, N - 60), 31: (E + 250, N + 60),
}  # fmt: skip
WAYS: list[Way] = [
    (101, [1, 2, 3, 4], {"highway": "residential", "name": "High Street"}),
    (102, [2, 5, 6, 3], {"highway": "residential", "oneway": "yes", "oneway:bicycle": "no"}),
    (103, [2, 7, 3], {"highway": "footway"}),
    (104, [5, 8], {"highway": "service", "access": "private"}),
    (105, [4, 9, 10, 11, 4], {"highway": "tertiary", "junction": "roundabout"}),
    (106, [11, 12], {"highway": "tertiary"}),
    (107, [20, 21], {"highway": "residential"}),
    (108, [30, 31], {"highway": "primary", "bridge": "yes", "layer": "1"}),
    (109, [1, 5], {"highway": "proposed"}),
    (110, [1, 7], {"waterway": "stream"}),
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    write_osm(folder / "sources" / "osm_roads" / "town.osm", TOWN, WAYS)
    return folder


def test_an_openstreetmap_extract_becomes_a_network(town: Path) -> None:
    with read(town) as con:
        network = made(con)
        told = findings(con)
    links = network.link_id.tolist()
    # Ways are cut where others meet them: 101 at both ends of 102, 105 where 106 leaves it. The bridge is not.
    assert links == ["101/1", "101/2", "101/3", "102/1", "103/1", "105/1", "105/2", "106/1", "107/1", "108/1"]
    at = {name: i for i, name in enumerate(links)}
    assert network.metres[at["101/1"]] == pytest.approx(100, abs=0.02)
    assert network.metres[at["102/1"]] == pytest.approx(260, abs=0.04)
    seconds = network.seconds
    assert seconds["drive"][at["101/1"]].tolist() == pytest.approx([14.4, 14.4], abs=0.01)  # 100 m at 25 km/h
    assert np.isinf(seconds["drive"][at["102/1"]]).tolist() == [False, True]
    assert np.isinf(seconds["cycle"][at["102/1"]]).tolist() == [False, False], "against the traffic"
    assert np.isinf(seconds["walk"][at["102/1"]]).tolist() == [False, False]
    assert np.isinf(seconds["cycle"][at["103/1"]]).all()
    assert np.isinf(seconds["drive"][at["105/2"]]).tolist() == [False, True], "a roundabout is one-way"
    # 102, 103 and the middle of 101 run between the same two nodes.
    for name in ("102/1", "103/1"):
        assert (network.start[at[name]], network.end[at[name]]) == (
            network.start[at["101/2"]],
            network.end[at["101/2"]],
        )
    assert network.part["walk"].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 2, 1]
    assert network.part["cycle"][at["103/1"]] == -1
    assert told == {
        "roads given": 9, "roads in the network": 7, "roads left out: no mode may use it": 2, "links": 10, "nodes": 10,
        "links beyond the first between two nodes": 3, "islands: walk": 2, "islands: cycle": 2, "islands: drive": 2,
    }  # fmt: skip


def test_the_way_that_is_no_road_is_rejected_with_the_reason(town: Path) -> None:
    with read(town):
        authority = load_authority(town)
    source = next(one for one in authority.sources if one.name == "osm_roads")
    with duckdb.connect() as con:
        got = ingest.ingest_source(con, authority, source)
        assert (got.rows_read, got.rows_kept, got.rows_rejected) == (10, 9, 1)
        found = con.execute("SELECT column_name, reason FROM rejected").fetchall()
    assert found == [("highway", "excluded: no highway tag: a river, a railway, a fence")]


def test_roads_that_cannot_be_read_are_roads_left_out(tmp_path: Path) -> None:
    line = shapely.LineString([(E, N), (E + 100, N)])
    write_os_roads(tmp_path, {"1": (line, "Local Road", "a", "b"), "2": (None, "Local Road", "b", "c")})
    with read(tmp_path) as con:
        made(con)
        told = findings(con)
    assert (told["roads given"], told["roads left out: their row could not be read"]) == (2, 1)


def test_parts_are_listed_by_mode(town: Path) -> None:
    part = table_from_sql(ASSETS / "layers" / "road_part.sql")
    with read(town) as con:
        made(con)
        rows = con.sql(f"{part.sql} ORDER BY mode, part").fetchall()
    assert [row[1:5] for row in rows if row[1] == "drive"] == [
        ("drive", 0, False, 7), ("drive", 1, True, 1), ("drive", 2, True, 1),
    ]  # fmt: skip
    assert float(rows[1][5]) == pytest.approx(0.12, abs=0.001)


def write_os_roads(folder: Path, roads: Mapping[str, tuple[Any, str, str | None, str | None]]) -> None:
    """OS Open Roads: {id: (line, road function, start node, end node)}."""
    path = folder / "sources" / "os_open_roads" / "oproad_gb.gpkg"
    path.parent.mkdir(parents=True)
    names = "id road_function form_of_way name_1 road_classification_number start_node end_node".split()
    schema = {"geometry": "LineString", "properties": dict.fromkeys(names, "str")}
    with fiona.open(path, "w", driver="GPKG", layer="road_link", crs="EPSG:27700", schema=schema) as out:
        for name, (line, function, start, end) in roads.items():
            values = dict.fromkeys(names) | {
                "id": name,
                "road_function": function,
                "start_node": start,
                "end_node": end,
            }
            geometry = None if line is None else shapely.geometry.mapping(line)
            out.write({"type": "Feature", "properties": values, "geometry": geometry})


def test_os_open_roads_by_its_nodes_with_the_speeds_of_the_authority(tmp_path: Path) -> None:
    one = shapely.LineString([(E, N), (E + 100, N)])
    two = shapely.LineString([(E + 100, N), (E + 200, N)])
    bridge = shapely.LineString([(E + 50, N - 50), (E + 50, N + 50)])
    write_os_roads(
        tmp_path,
        {
            "r1": (one, "A Road", "n1", "n2"),
            "r2": (two, "Local Road", "n2", "n3"),
            "r3": (bridge, "B Road", "n4", "n5"),
        },
    )
    with read(tmp_path, "{speeds: {walk: 3.6, drive: {A Road: 72}}}") as con:
        network = made(con)
        assert roads_of(con).source == "os_open_roads"
        assert con.sql("SELECT road_id, kind FROM layers.road_link ORDER BY ALL").fetchall() == [
            ("r1", "A Road"), ("r2", "Local Road"), ("r3", "B Road"),
        ]  # fmt: skip
    assert network.seconds["walk"].tolist() == pytest.approx(np.full((3, 2), 100.0))
    assert network.seconds["drive"][:2, 0].tolist() == pytest.approx([5, 14.4])
    assert network.end[0] == network.start[1]
    assert network.part["walk"].tolist() == [0, 0, 1]


def test_lines_without_nodes_are_joined_where_they_end(tmp_path: Path) -> None:
    main = shapely.LineString([(E, N), (E + 100, N)])
    side = shapely.LineString([(E + 40, N + 60), (E + 40, N)])
    stub = shapely.LineString([(E + 70, N + 60), (E + 70, N + 0.5)])
    write_os_roads(tmp_path, {name: (line, "Local Road", None, None) for name, line in
                              [("main", main), ("side", side), ("stub", stub)]})  # fmt: skip
    with read(tmp_path) as con:
        assert made(con).link_id.tolist() == ["main/1", "main/2", "side", "stub"]
        told = findings(con)
        assert told["ends that come near another road and do not meet it"] == 1
        assert told["roads cut where another ends on them"] == 1
    with read(tmp_path, "{join_metres: 1}") as con:
        assert made(con).link_id.tolist() == ["main/1", "main/2", "main/3", "side", "stub"]


def test_openstreetmap_goes_before_os_open_roads_unless_said_otherwise(town: Path, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    shutil.copytree(town, folder)
    write_os_roads(folder, {"r1": (shapely.LineString([(E, N), (E + 100, N)]), "A Road", "n1", "n2")})
    with read(folder) as con:
        assert roads_of(con).source == "osm_roads"
    with read(folder, "{roads: os_open_roads}") as con:
        assert made(con).link_id.tolist() == ["r1"]


def test_an_authority_without_roads_has_an_empty_network(tmp_path: Path) -> None:
    with read(tmp_path) as con:
        network = made(con)
        assert findings(con) == {}
    assert network.nodes.shape == (0, 2)


@pytest.mark.parametrize(
    ("name", "given", "links", "nodes", "parts"),
    [
        ("bristol_contraflow_cycleway.osm", 22, 36, 34, (2, 2, 2)),
        ("its-example.osm.pbf", 180, 308, 257, (6, 5, 7)),
        ("oneway_loop.osm", 35, 60, 49, (1, 2, 2)),
    ],
)
def test_real_extracts_of_openstreetmap(
    name: str,
    given: int,
    links: int,
    nodes: int,
    parts: tuple[int, int, int],
    real_data: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "sources" / "osm_roads"
    folder.mkdir(parents=True)
    shutil.copyfile(real_data / "osm_extracts" / name, folder / name)
    with read(tmp_path) as con:
        network = made(con)
        told = findings(con)
        used = {row[0] for row in con.sql("SELECT DISTINCT road_id FROM layers.road_link").fetchall()}
    assert (told["roads given"], told["links"], told["nodes"]) == (given, links, nodes)
    assert tuple(int(network.part[mode].max()) + 1 for mode in ("walk", "cycle", "drive")) == parts
    one_way = np.isinf(network.seconds["drive"]).sum(axis=1) == 1
    assert one_way.any()
    both_ways = np.isfinite(network.seconds["cycle"]).all(axis=1)
    # Two of the extracts are there for streets that cars use one way and bicycles both.
    assert (one_way & both_ways).any() == (name != "its-example.osm.pbf")
    if name.endswith(".osm"):
        assert by_node_ids(folder / name, used) == (links, nodes)


def by_node_ids(path: Path, used: set[str]) -> tuple[int, int]:
    """Links and nodes of the ways used, by the ids that the file gives its nodes, where our reader has places alone."""
    ways = [
        [nd.attrib["ref"] for nd in way.iter("nd")]
        for way in ElementTree.parse(path).iter("way")
        if way.attrib["id"] in used
    ]
    visits = Counter(node for way in ways for node in way)
    inner = sum(visits[node] > 1 for way in ways for node in way[1:-1])
    junctions = {
        node for way in ways for i, node in enumerate(way) if i in (0, len(way) - 1) or visits[node] > 1
    }
    return len(ways) + inner, len(junctions)


def test_real_roads_of_bath_without_nodes(real_data: Path) -> None:
    import pyogrio.raw

    from pipelines.formats import to_grid_metres

    _, _, shapes, (ids, kinds) = pyogrio.raw.read(
        real_data / "roads_banes" / "os_roads.geojson", columns=["id", "classifica"]
    )
    lines = shapely.transform(
        shapely.from_wkb(shapes), lambda at: np.column_stack(to_grid_metres(at[:, 0], at[:, 1]))
    )
    travelled = of_os(kinds.tolist())
    assert travelled.unknown == {}
    built = topology.build(lines, ids=ids, kmh=travelled.kmh)
    report = built.report
    assert (report.lines, report.left_out, report.nodes, report.links) == (9015, {}, 7987, 9119)
    # 18 lines have several parts; side roads that end on the middle of 31 others cut these.
    assert (report.pieces, report.cut) == (104, 31)
    assert report.share_of_longest("walk") == pytest.approx(0.9943, abs=0.0001)
    assert len(report.islands("walk")) == 49
    assert len(report.near_misses) == 6
    uncut = topology.build(lines, ids=ids, kmh=travelled.kmh, join_metres=0).report
    assert len(uncut.islands("walk")) == 94, "what the cutting joins"


def test_every_table_of_roads_is_impersonal() -> None:
    tables = [table_from_module(road_link), table_from_module(road_finding)]
    tables.append(table_from_sql(ASSETS / "layers" / "road_part.sql"))
    assert {table.use for table in tables} == {"impersonal"}
