"""From an authority's tables of roads to a network, and the network as a table and back.

Here belongs which source the roads are taken from, and how a network is stored: one row a link. How lines become a
network is `topology`, how fast they are travelled `speeds`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.travel import osm, speeds, topology
from pipelines.travel.network import AGAINST, ALONG, MODES, Network
from pipelines.travel.speeds import Travel

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SOURCES = ("osm_roads", "os_open_roads")  # the first that has roads, unless authority.yaml says which
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "link_id": ("VARCHAR", "the link: the road's id, and a number behind a slash where the road makes several"),
    "road_id": ("VARCHAR", "the publisher's id of the road"),
    "source": ("VARCHAR", "which source the road is from: osm_roads or os_open_roads"),
    "kind": ("VARCHAR", "kind of road, by which its speeds are looked up"),
    "start_node": ("BIGINT", "number of the node where the link starts"),
    "end_node": ("BIGINT", "number of the node where it ends"),
    "metres": ("DOUBLE", "length along the link, metres"),
    **{
        f"{mode}_seconds{back}": ("DOUBLE", f"seconds {by} {way}; empty where that is not allowed")
        for mode, by in zip(MODES, ("on foot", "by bicycle", "by car"), strict=True)
        for back, way in (("", "from start to end"), ("_back", "from end to start"))
    },
    **{
        f"{mode}_part": ("BIGINT", f"which connected part of what {who} may use: 0 the longest, then by length")
        for mode, who in zip(MODES, ("people on foot", "bicycles", "cars"), strict=True)
    },
    "start_easting": ("DOUBLE", "easting of the start node, metres, EPSG:27700"),
    "start_northing": ("DOUBLE", "northing of the start node, metres, EPSG:27700"),
    "end_easting": ("DOUBLE", "easting of the end node, metres, EPSG:27700"),
    "end_northing": ("DOUBLE", "northing of the end node, metres, EPSG:27700"),
    "geometry_wkb": ("BLOB", "line from start to end, WKB, EPSG:27700"),
}  # fmt: skip


@dataclass(frozen=True)
class Roads:
    """A network made of an authority's roads: `road_id` and `kind` (M,) of each link; the source; words not
    understood."""

    network: Network
    report: topology.Report
    source: str
    road_id: NDArray[Any]
    kind: NDArray[Any]
    unknown: dict[str, int]
    left_out: dict[str, int]
    """{reason: roads} that make no link."""
    roads: int
    """How many roads were given."""

    def findings(self) -> dict[str, int]:
        """What was found, in words: roads given = roads in the network + roads left out by each reason."""
        report = self.report
        found = {
            "roads given": self.roads,
            "roads in the network": len(set(self.road_id.tolist())),
            **{f"roads left out: {reason}": count for reason, count in self.left_out.items()},
            **{f"kind of road not known: {word}": count for word, count in self.unknown.items()},
            "links": report.links,
            "nodes": report.nodes,
            "links beyond the first between two nodes": report.parallel,
            "links that end where they start": report.loops,
            "links of no length": report.no_length,
            "roads cut where another ends on them": report.cut,
            "ends that come near another road and do not meet it": len(report.near_misses),
            "ends away from the node that their publisher names": report.far_nodes,
        }
        return found | {f"islands: {mode}": len(report.islands(mode)) for mode in MODES}


def rule_of(rule: duckdb.DuckDBPyRelation) -> tuple[str, Travel]:
    """The authority's code, and what its `authority.yaml` says of travel: the one row of `sources.travel_rule`."""
    authority_code, settings = rule.project("authority_code, settings").fetchall()[0]
    return authority_code, Travel.model_validate_json(settings)


def network_of(
    travel: Travel, os_open_roads: duckdb.DuckDBPyRelation, osm_roads: duckdb.DuckDBPyRelation
) -> Roads:
    """Make the network of the roads in one of two tables: the one that `travel` names, else OpenStreetMap's where it
    has any.

    One source is used for all modes, not each for its best: a home and a site would else be put on different roads.
    """
    import shapely

    found = {"os_open_roads": os_open_roads, "osm_roads": osm_roads}
    source: str = travel.roads or next(
        (name for name in SOURCES if found[name].limit(1).fetchall()), SOURCES[-1]
    )
    key = "way_id" if source == "osm_roads" else "road_id"
    rows = found[source].order(key).to_arrow_table()

    def column(name: str) -> NDArray[Any]:
        return np.array(rows[name].to_pylist(), object)

    ids, lines = column(key), shapely.from_wkb(column("geometry"))
    if source == "osm_roads":
        travelled = speeds.of_osm({tag: rows[tag].to_pylist() for tag in speeds.TAGS}, travel)
        # What nobody may use (not built yet, or gone) makes no junctions either.
        usable = (
            np.any([kmh.any(axis=1) for kmh in travelled.kmh.values()], axis=0)
            if len(ids)
            else np.zeros(0, bool)
        )
        used = np.flatnonzero(usable)
        pieces, of = osm.cut(lines[used])
        shut = np.flatnonzero(~usable)
        of = np.concatenate([used[of], shut])
        built = topology.build(
            np.concatenate([pieces, lines[shut]]), ids=_numbered(ids[of], of),
            kmh={mode: kmh[of] for mode, kmh in travelled.kmh.items()}, join_metres=0,
        )  # fmt: skip
    else:
        travelled = speeds.of_os(rows["road_function"].to_pylist(), rows["form_of_way"].to_pylist(), travel)
        of = np.arange(len(ids))
        starts, ends = rows["start_node"], rows["end_node"]
        named = starts.null_count + ends.null_count < 2 * len(ids)
        built = topology.build(
            lines, ids=ids, kmh=travelled.kmh, join_metres=travel.join_metres,
            start_nodes=starts.to_pylist() if named else None, end_nodes=ends.to_pylist() if named else None,
        )  # fmt: skip
    at = of[built.line]
    return Roads(
        built.network, built.report, source, ids[at], travelled.kind[at], travelled.unknown,
        _left_out(built.report, source, len(ids) - len(np.unique(at))), len(ids),
    )  # fmt: skip


def _left_out(report: topology.Report, source: str, roads: int) -> dict[str, int]:
    """{reason: roads} left out, of so many in all. A way is left out as the same only where all its pieces are."""
    left_out = dict(report.left_out)
    if source == "osm_roads" and topology.SAME in left_out:
        del left_out[topology.SAME]
        if same := roads - sum(left_out.values()):
            left_out[topology.SAME] = same
    return left_out


def _numbered(ids: NDArray[Any], of: NDArray[Any]) -> NDArray[Any]:
    """`id/1`, `id/2`, ... for the pieces of a way, also where it is in one piece: its neighbours decide on that."""
    if not len(of):
        return ids
    begins = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
    nth = np.arange(len(of)) - np.repeat(begins, np.diff(np.r_[begins, len(of)])) + 1
    return np.array([f"{name}/{n}" for name, n in zip(ids.tolist(), nth.tolist(), strict=True)], object)


def table_of(authority_code: str, roads: Roads) -> pa.Table:
    """The network as a table: one row a link, in the columns `COLUMNS`."""
    import pyarrow as pa
    import shapely

    network = roads.network
    count = len(network.link_id)
    text = {
        "authority_code": [authority_code] * count, "link_id": network.link_id, "road_id": roads.road_id,
        "source": [roads.source] * count, "kind": roads.kind,
    }  # fmt: skip
    columns: dict[str, Any] = {name: pa.array(values, pa.string()) for name, values in text.items()}
    columns |= {
        "start_node": pa.array(network.start),
        "end_node": pa.array(network.end),
        "metres": pa.array(network.metres),
    }
    for mode in MODES:
        for back, way in (("", ALONG), ("_back", AGAINST)):
            seconds = network.seconds[mode][:, way]
            columns[f"{mode}_seconds{back}"] = pa.array(seconds, mask=np.isinf(seconds))
        columns[f"{mode}_part"] = pa.array(network.part[mode], mask=network.part[mode] < 0)
    for end, at in (("start", network.start), ("end", network.end)):
        columns[f"{end}_easting"], columns[f"{end}_northing"] = (
            pa.array(network.nodes[at, axis]) for axis in (0, 1)
        )
    columns["geometry_wkb"] = pa.array(shapely.to_wkb(network.lines, byte_order=1).tolist(), pa.binary())
    return pa.table({name: columns[name] for name in COLUMNS})


def network_from_table(road_link: duckdb.DuckDBPyRelation) -> Network:
    """The network that `layers.road_link` holds, as it was when it was stored: the same arrays in the same order."""
    import shapely

    rows = road_link.order("link_id").to_arrow_table()

    def numbers(name: str, empty: float) -> NDArray[Any]:
        values = rows[name].combine_chunks() if rows[name].num_chunks != 1 else rows[name].chunk(0)
        return np.asarray(values.fill_null(empty).to_numpy(zero_copy_only=False))

    start, end = numbers("start_node", -1), numbers("end_node", -1)
    nodes = np.zeros((int(max(start.max(initial=-1), end.max(initial=-1))) + 1, 2))
    for where, at in (("end", end), ("start", start)):
        nodes[at] = np.column_stack(
            [numbers(f"{where}_easting", np.nan), numbers(f"{where}_northing", np.nan)]
        )
    return Network(
        nodes=nodes, start=start, end=end, metres=numbers("metres", 0.0),
        seconds={
            mode: np.column_stack([numbers(f"{mode}_seconds", np.inf), numbers(f"{mode}_seconds_back", np.inf)])
            for mode in MODES
        },
        lines=shapely.from_wkb(np.array(rows["geometry_wkb"].to_pylist(), object)),
        link_id=np.array(rows["link_id"].to_pylist(), object),
        part={mode: numbers(f"{mode}_part", -1) for mode in MODES},
    )  # fmt: skip
