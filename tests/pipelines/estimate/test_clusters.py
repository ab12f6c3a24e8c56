"""Areas that are high or low together: planted ones are found, and chance alone is seldom taken for one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from pipelines.estimate import clusters
from pipelines.estimate.clusters import local_clusters, neighbours

SIDE, METRES = 10, 500
CODES = [f"E0100{row}{column}" for row in range(SIDE) for column in range(SIDE)]


def square(row: int, column: int) -> bytes:
    west, south = 400_000 + column * METRES, 200_000 + row * METRES
    return bytes(shapely.to_wkb(shapely.box(west, south, west + METRES, south + METRES)))


@pytest.fixture(scope="module")
def chessboard() -> Any:
    """Ten by ten squares."""
    return neighbours(CODES, [square(row, column) for row in range(SIDE) for column in range(SIDE)])


def block(rows: slice, columns: slice) -> NDArray[np.bool_]:
    inside = np.zeros((SIDE, SIDE), dtype=bool)
    inside[rows, columns] = True
    return inside.ravel()


def noise(seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, 0.2, SIDE * SIDE)


def test_neighbours_meet_at_an_edge_a_corner_or_over_a_sliver() -> None:
    # Two side by side with half a metre between, one at a corner, an island.
    sliver = shapely.to_wkb(shapely.box(400_500.5, 200_000, 401_000, 200_500))
    graph = neighbours(["A", "B", "C", "D"], [square(0, 0), sliver, square(1, 0), square(5, 5)])
    met = {(one, other) for one, other in graph.adjacency.index if one != other}
    assert met == {("A", "B"), ("B", "A"), ("A", "C"), ("C", "A"), ("B", "C"), ("C", "B")}
    assert list(graph.isolates) == ["D"]


def test_a_geometry_for_each_area_is_wanted() -> None:
    with pytest.raises(ValueError, match="each of 2 areas; found 1"):
        neighbours(["A", "B"], [square(0, 0)])


def test_planted_clusters_are_found_and_little_else(chessboard: Any) -> None:
    high, low = block(slice(0, 3), slice(0, 3)), block(slice(5, 9), slice(5, 9))
    values = noise(1) + 1.0 * high - 1.0 * low
    odd = SIDE * 6 + 6
    values[odd] = 1.0  # one high area amid the low ones
    found = local_clusters(CODES, values, chessboard)
    assert found.cluster[SIDE + 1] == "high" and found.cluster[odd] == "high among low"
    assert set(found.cluster[high]) <= {"high", "none"} and (found.cluster[high] == "high").sum() >= 6
    around = low.copy()
    around[odd] = False
    assert (found.cluster[around] == "low").sum() >= 6
    elsewhere = ~(high | low)
    assert found.is_cluster[elsewhere].sum() <= 6
    assert (found.p[found.is_cluster] < 0.01).all() and not np.isnan(found.p).any()
    # What is not told apart from chance has no label.
    assert ((found.cluster == "none") == ~found.is_cluster).all()


def test_an_areas_own_side_is_told_from_one(chessboard: Any) -> None:
    """Nearly all are at half of what is expected: 0.7 is more than theirs, and no high ratio."""
    values = np.log(0.5) + noise(1) / 4
    values[block(slice(0, 3), slice(0, 3))] = np.log(3)
    values[SIDE + 1] = np.log(0.7)
    found = local_clusters(CODES, values, chessboard)
    assert found.cluster[SIDE + 1] == "low among high"


def test_the_same_values_give_the_same_findings_in_any_order(chessboard: Any) -> None:
    values = noise(1) + block(slice(0, 3), slice(0, 3))
    once, again = (local_clusters(CODES, values, chessboard) for _ in range(2))
    assert once.p.tolist() == again.p.tolist() and once.cluster.tolist() == again.cluster.tolist()
    turned = local_clusters(CODES[::-1], values[::-1], chessboard)
    assert turned.p[::-1].tolist() == once.p.tolist()


def test_chance_alone_makes_a_finding_no_more_often_than_is_said(
    chessboard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in twenty at most, were it asked for ever; of forty, six or more are once in seventy."""
    monkeypatch.setattr(clusters, "PERMUTATIONS", 999)
    found = [local_clusters(CODES, noise(seed), chessboard) for seed in range(40)]
    assert sum(one.is_cluster.any() for one in found) <= 5
    # Without the correction there would nearly always be one.
    assert np.mean([(one.p < 0.05).any() for one in found]) > 0.9
    assert np.mean([one.p < 0.05 for one in found]) == pytest.approx(0.05, abs=0.015)


def test_a_hidden_area_is_nobodys_neighbour(chessboard: Any) -> None:
    values = noise(2) + block(slice(0, 3), slice(0, 3))
    ring = block(slice(4, 7), slice(4, 7))
    ring[SIDE * 5 + 5] = False
    values[ring] = np.nan
    found = local_clusters(CODES, values, chessboard)
    assert np.isnan(found.p[ring]).all() and not found.is_cluster[ring].any()
    # All whom this one touches are hidden: it is not judged.
    assert np.isnan(found.p[SIDE * 5 + 5]) and found.cluster[SIDE * 5 + 5] == "none"
    assert np.isnan(found.p).sum() == 9


@pytest.mark.parametrize("left", [0, 1, clusters.FEWEST_AREAS - 1])
def test_among_too_few_areas_none_is_judged(chessboard: Any, left: int) -> None:
    values = noise(3)
    values[left:] = np.nan
    found = local_clusters(CODES, values, chessboard)
    assert set(found.cluster) == {"none"} and np.isnan(found.p).all() and not found.is_cluster.any()


def test_areas_that_are_all_alike_are_no_cluster(chessboard: Any) -> None:
    found = local_clusters(CODES, np.where(block(slice(0, 3), slice(0, 3)), 0.005, 0.0), chessboard)
    assert set(found.cluster) == {"none"} and not found.is_cluster.any()
