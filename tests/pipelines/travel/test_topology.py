"""Lines become a network: which ends meet, what is cut, left out, parallel, an island; each answer known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import shapely

from pipelines.travel.network import MODES
from pipelines.travel.topology import SAME, Built, build

E, N = 375000.0, 165000.0  # in Bath, so that coordinates have as many digits as they have


def line(*points: tuple[float, float]) -> Any:
    """A line through points, metres from the corner of the drawing."""
    return shapely.LineString([(E + x, N + y) for x, y in points])


def made(lines: Sequence[Any], kmh: Any = 36, ids: Sequence[str] | None = None, **how: Any) -> Built:
    """The network of lines; `kmh` one for all, or one for each line and direction. At 36 km/h a metre takes 0.1 s."""
    speeds = np.broadcast_to(np.asarray(kmh, float), (len(lines), 2)).copy()
    names = ids or [chr(97 + i) for i in range(len(lines))]
    return build(
        np.array(lines, object), ids=names, kmh={mode: how.pop(mode, speeds) for mode in MODES}, **how
    )


def ends(built: Built) -> dict[str, tuple[int, int]]:
    """The nodes of each link."""
    network = built.network
    starts_ends = zip(network.start.tolist(), network.end.tolist(), strict=True)
    return dict(zip(network.link_id.tolist(), starts_ends, strict=True))


def test_lines_meet_at_their_ends() -> None:
    built = made([line((0, 0), (100, 0)), line((100, 0), (100, 50)), line((100, 50), (0, 0))])
    assert ends(built) == {"a": (0, 1), "b": (1, 2), "c": (2, 0)}
    network = built.network
    assert network.nodes.tolist() == [[E, N], [E + 100, N], [E + 100, N + 50]]
    assert network.metres.tolist() == [100, 50, np.hypot(100, 50)]
    assert network.seconds["walk"][0].tolist() == pytest.approx([10, 10])
    assert network.part["drive"].tolist() == [0, 0, 0]
    assert built.line.tolist() == [0, 1, 2]
    assert (built.report.links, built.report.nodes, built.report.left_out) == (3, 3, {})


def test_lines_that_cross_are_not_joined() -> None:
    """One may be a bridge over the other."""
    built = made([line((0, 0), (100, 0)), line((50, -50), (50, 50))])
    assert len(built.network.nodes) == 4
    assert built.network.part["walk"].tolist() == [0, 1]
    # Not even where each has a corner at the crossing.
    built = made([line((0, 0), (50, 0), (100, 0)), line((50, -50), (50, 0), (50, 50))])
    assert built.network.part["walk"].tolist() == [0, 1]
    # Nor where two lines of a bridge meet just above what it crosses: they lead somewhere.
    built = made([line((0, 0), (100, 0)), line((50, -50), (50, 0)), line((50, 0), (50, 50))])
    assert ends(built) == {"a": (0, 1), "b": (2, 3), "c": (3, 4)}
    assert built.report.cut == 0


def test_ends_within_a_centimetre_are_one_node_and_no_further() -> None:
    joined = made([line((0, 0), (100, 0)), line((100.008, 0.004), (200, 0))])
    assert len(joined.network.nodes) == 3
    apart = made([line((0, 0), (100, 0)), line((100.02, 0), (200, 0))])
    assert len(apart.network.nodes) == 4
    assert len(apart.report.near_misses) == 2
    assert sorted((apart.report.near_misses - [E, N]).tolist()) == pytest.approx(
        np.array([[100, 0], [100.02, 0]])
    )
    assert len(made([line((0, 0), (100, 0)), line((101, 0), (200, 0))], join_metres=1.5).network.nodes) == 3


def test_ends_either_side_of_a_rounding_are_one_node() -> None:
    """To the centimetre by distance, not by digits: 0.0049 and 0.0051 round apart."""
    assert len(made([line((0, 0), (100.0049, 0)), line((100.0051, 0), (200, 0))]).network.nodes) == 3


def test_a_road_that_ends_on_another_cuts_it() -> None:
    main = line((0, 0), (40, 0), (100, 0))
    built = made([line((70, 60), (70, 0)), main, line((20, 0), (20, -30))], ids=["left", "main", "right"])
    assert ends(built) == {
        "left": (0, 1),
        "main/1": (2, 3),
        "main/2": (3, 1),
        "main/3": (1, 4),
        "right": (3, 5),
    }
    by_name = dict(zip(built.network.link_id, built.network.lines, strict=True))
    assert by_name["main/2"].equals(line((20, 0), (40, 0), (70, 0)))
    assert built.network.metres.sum() == 60 + 100 + 30
    assert built.line.tolist() == [0, 1, 1, 1, 2]
    assert (built.report.cut, built.report.pieces, built.report.lines, built.report.links) == (1, 2, 3, 5)
    assert built.report.parts["walk"][0].links == 5
    # Where the publisher names the nodes, it would have said so.
    named = made([line((70, 60), (70, 0)), main], start_nodes=["p", "q"], end_nodes=["r", "s"])
    assert ends(named) == {"a": (0, 1), "b": (2, 3)}
    assert len(named.report.near_misses) == 1


def test_a_road_that_ends_on_itself_is_cut_there() -> None:
    built = made([line((0, 0), (50, 0), (80, 30), (80, -30), (50, 0))])
    assert ends(built) == {"a/1": (0, 1), "a/2": (1, 1)}
    assert built.network.metres.tolist() == pytest.approx([50, 60 + 2 * np.hypot(30, 30)])


def test_named_nodes_decide_whatever_the_places() -> None:
    lines = [line((0, 0), (100, 0)), line((100, 0), (200, 0)), line((103, 0), (100, 80))]
    built = made(lines, start_nodes=["n1", "n2", "n3"], end_nodes=["n2", "n4", "n5"])
    assert ends(built) == {"a": (0, 1), "b": (1, 2), "c": (3, 4)}
    # One name at two places is one node, and the gap is told.
    built = made(lines, start_nodes=["n1", "n2", "n2"], end_nodes=["n2", "n4", "n5"])
    assert ends(built)["c"][0] == ends(built)["a"][1]
    assert built.report.far_nodes == 1
    # An end without a name is where it lies.
    built = made(lines, start_nodes=["n1", None, "n3"], end_nodes=["n2", "n4", None])
    assert ends(built)["a"][1] == ends(built)["b"][0]
    assert len(built.network.nodes) == 5


def test_parallel_links_are_all_kept() -> None:
    straight, round_about = line((0, 0), (100, 0)), line((0, 0), (50, 30), (100, 0))
    built = made([straight, round_about], kmh=[[18, 18], [72, 72]])
    assert ends(built) == {"a": (0, 1), "b": (0, 1)}
    assert built.report.parallel == 1
    assert built.network.seconds["drive"][0, 0] > built.network.seconds["drive"][1, 0]


def test_the_same_line_twice_is_one_unless_speeds_differ() -> None:
    one = line((0, 0), (50, 10), (100, 0))
    built = made([one, one, one.reverse()])
    assert built.network.link_id.tolist() == ["a"]
    assert built.report.left_out == {SAME: 2}
    assert built.report.lines == 1 + 2
    built = made([one, one], kmh=[[18, 18], [72, 72]])
    assert built.network.link_id.tolist() == ["a", "b"]
    # One-way each way: the same line the other way round is another, unless it is for the same way.
    one_way = [[36, 0], [36, 0]]
    assert len(made([one, one.reverse()], kmh=one_way).network.link_id) == 2
    assert len(made([one, one.reverse()], kmh=[[36, 0], [0, 36]]).network.link_id) == 1


def test_one_way_links() -> None:
    built = made([line((0, 0), (100, 0)), line((100, 0), (200, 0))], drive=np.array([[36.0, 0], [0, 36]]))
    assert built.network.seconds["drive"].tolist() == [
        [pytest.approx(10), np.inf],
        [np.inf, pytest.approx(10)],
    ]
    assert built.network.seconds["walk"].tolist() == pytest.approx(np.full((2, 2), 10.0))
    assert built.network.part["drive"].tolist() == [0, 0], "parts do not ask for the direction"


def test_self_loops_and_links_of_no_length_are_kept() -> None:
    loop = line((100, 0), (120, 20), (140, 0), (100, 0))
    point = line((100, 0), (100, 0))
    built = made([line((0, 0), (100, 0)), loop, point])
    assert ends(built) == {"a": (0, 1), "b": (1, 1), "c": (1, 1)}
    assert built.network.seconds["walk"][2].tolist() == [0, 0]
    assert (built.report.loops, built.report.no_length) == (2, 1)
    assert built.network.part["walk"].tolist() == [0, 0, 0]


def test_a_roundabout_of_one_closed_line_with_roads_that_end_on_it() -> None:
    turns = np.linspace(0, 2 * np.pi, 25)
    ring = shapely.LinearRing([(E + 20 * np.cos(t), N + 20 * np.sin(t)) for t in turns[:-1]])
    east, west = line((20, 0), (100, 0)), line((-100, 0), (-20, 0))
    built = made(
        [ring, east, west], ids=["ring", "east", "west"], drive=np.array([[36.0, 0], [36, 36], [36, 36]])
    )
    # The ring begins where the road from the east ends; the one from the west cuts it.
    joined = ends(built)
    assert set(joined) == {"ring/1", "ring/2", "east", "west"}
    assert joined["ring/1"] == (joined["east"][0], joined["west"][1])
    assert joined["ring/2"] == (joined["west"][1], joined["east"][0])
    assert np.isinf(built.network.seconds["drive"][:, 1]).sum() == 2, "both halves one-way still"
    assert {one.geom_type for one in made([ring]).network.lines} == {"LineString"}


def test_islands_are_numbered_by_length_for_each_mode() -> None:
    town = [line((0, 0), (300, 0)), line((300, 0), (300, 300))]
    island = [line((900, 0), (1000, 0)), line((1000, 0), (1100, 0))]
    islet = [line((0, 900), (50, 900))]
    walk = np.array([[5.0, 5], [0, 0], [5, 5], [5, 5], [5, 5]])
    drive = np.array([[30.0, 30], [30, 30], [30, 30], [0, 0], [0, 0]])
    built = made([*island, *town, *islet], walk=walk[[2, 3, 0, 1, 4]], drive=drive[[2, 3, 0, 1, 4]])
    assert built.network.part["cycle"].tolist() == [1, 1, 0, 0, 2]
    assert built.network.part["walk"].tolist() == [1, 1, 0, -1, 2]
    assert built.network.part["drive"].tolist() == [1, -1, 0, 0, -1]
    assert [(p.number, p.links, p.metres) for p in built.report.islands("cycle")] == [
        (1, 2, 200.0),
        (2, 1, 50.0),
    ]
    assert built.report.share_of_longest("cycle") == 600 / 850


def test_parts_of_one_line_become_links_of_their_own() -> None:
    apart = shapely.MultiLineString([line((0, 0), (10, 0)), line((50, 0), (60, 0))])
    touching = shapely.MultiLineString([line((0, 20), (10, 20)), line((10, 20), (30, 20))])
    built = made([apart, touching], start_nodes=["p", "r"], end_nodes=["q", "s"])
    assert built.network.link_id.tolist() == ["a/1", "a/2", "b"]
    assert built.report.pieces == 1
    joined = ends(built)
    assert len({*joined["a/1"], *joined["a/2"]}) == 4
    assert built.network.metres.tolist() == [10, 10, 30]


def test_what_makes_no_link_is_left_out_with_the_reason() -> None:
    with np.errstate(invalid="ignore"):
        nowhere = line((0, 0), (np.nan, 0))
    lines = [
        line((0, 0), (10, 0)), None, shapely.LineString(), shapely.Point(E, N), nowhere,
        line((10, 0), (20, 0)), shapely.Point(E, N).buffer(5),
    ]  # fmt: skip
    speeds = [[36, 36]] * 5 + [[0, 0], [36, 36]]
    built = made(lines, kmh=speeds)
    assert built.network.link_id.tolist() == ["a"]
    assert built.report.left_out == {"no line is given": 3, "not a line": 2, "no mode may use it": 1}
    assert built.report.lines == 1 + sum(built.report.left_out.values())
    assert len(built.network.nodes) == 2


def test_nothing_at_all() -> None:
    built = made([])
    assert built.network.nodes.shape == (0, 2)
    assert built.network.seconds["walk"].shape == (0, 2)
    assert built.report.share_of_longest("walk") == 0
    assert built.report.islands("walk") == ()


def test_the_order_of_the_lines_decides_nothing() -> None:
    rng = np.random.default_rng(7)
    corners = [(x, y) for x in range(0, 500, 100) for y in range(0, 500, 100)]
    lines = [
        line(a, b)
        for a in corners
        for b in corners
        if 0 < b[0] - a[0] + b[1] - a[1] <= 100 and a[0] <= b[0] >= 0
    ]
    lines = [one for one in lines if one.length == 100]
    ids = [f"r{i}" for i in range(len(lines))]
    first = made(lines, ids=ids)
    assert first.network.link_id.tolist() == sorted(ids)
    mixed = rng.permutation(len(lines))
    again = made([lines[i] for i in mixed], ids=[ids[i] for i in mixed])
    for name in ("nodes", "start", "end", "metres", "link_id", "lines"):
        assert np.array_equal(getattr(first.network, name), getattr(again.network, name)), name
    assert np.array_equal(mixed[again.line], first.line)


def test_links_are_in_the_order_of_their_names_as_text() -> None:
    """So that a table sorted by name gives the same network."""
    main = line((0, 0), (1300, 0))
    sides = [line((100 * i, 0), (100 * i, 50)) for i in range(1, 12)]
    names = ["main", *(f"main-{i}" for i in range(1, 12))]
    network = made([main, *sides], ids=names).network
    assert network.link_id.tolist() == sorted(network.link_id.tolist())
    assert "main/12" in network.link_id


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({"ids": ["a", "a"]}, "1 lines repeat one"),
        ({"ids": ["a"]}, "found 1 ids and 2 lines"),
        ({"start_nodes": ["p", "q"]}, "found them for one"),
        ({"start_nodes": ["p", "q"], "end_nodes": ["r"]}, "found 1 nodes and 2 lines"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(how: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        made([line((0, 0), (10, 0)), line((10, 0), (20, 0))], **how)
