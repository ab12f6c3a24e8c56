"""Hiding more until nothing can be worked out: that it does, that it hides little, and nothing in vain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import bounds
from pipelines.authority import Disclosure
from pipelines.hold_back import held_back, held_back_table
from tests.pipelines import test_audit
from tests.pipelines.test_audit import (
    OF_USE,
    ONE_WARD,
    PLANTED,
    areas_that_wards_cut,
    parts_of_wholes,
    two_areas,
)
from tests.planted_figures import RULE, World

root = test_audit.root


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.__name__)
def test_what_is_hidden_besides_ends_each_planted_leak(
    planted: Callable[[World], None], tmp_path: Path
) -> None:
    world = World(tmp_path)
    planted(world)
    hidden = world.hide()
    # One figure more is enough in each: that is few, as a reader would wish.
    assert len(hidden) == 1
    assert set(hidden) <= set(PLANTED[planted][3])
    assert world.leaks() == []
    # Nor does hiding it ask for more.
    assert world.hide() == hidden


@pytest.mark.parametrize("made_by", [areas_that_wards_cut, parts_of_wholes])
def test_nothing_is_left_in_worlds_of_small_numbers(
    made_by: Callable[[int, Path], tuple[World, object]], tmp_path: Path
) -> None:
    hidden = 0
    for seed in range(3, 7):
        world, _ = made_by(seed, tmp_path / str(seed))
        leaks = world.leaks()
        found = world.hide()
        hidden += len(found)
        assert bool(found) == bool(leaks)
        assert world.leaks() == []
    assert hidden > 3


def test_nothing_is_left_where_too_much_hangs_together_to_be_solved_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = 0
    for seed in range(3, 7):
        world, _ = areas_that_wards_cut(seed, tmp_path / str(seed))
        with monkeypatch.context() as of_many:
            of_many.setattr(bounds, "SMALL", 1)
            of_many.setattr(bounds, "MOST_TERMS", 0)
            hidden += len(world.hide())
        assert world.leaks() == []
    assert hidden > 1


def grid(folder: Path, rule: Disclosure = RULE, backwards: bool = False) -> World:
    """Four LSOAs, two to a MSOA and two to a ward, of which one holds two records and each other twelve."""
    world = World(folder, rule)
    world.places(
        ("O1", "L1", "M1", "W1"), ("O2", "L2", "M1", "W2"), ("O3", "L3", "M2", "W1"), ("O4", "L4", "M2", "W2")
    )
    counts = {"L1": 2, "L2": 12, "L3": 12, "L4": 12, "M1": 14, "M2": 24, "W1": 14, "W2": 24}
    world.use(dict(sorted(counts.items(), reverse=backwards)))
    return world


def test_two_figures_are_hidden_where_two_ways_lead_to_one(tmp_path: Path) -> None:
    # L1 is its MSOA less L2, and its ward less L3: whichever one figure were hidden, the other way would be left.
    world = grid(tmp_path)
    assert len(world.leaks()) == 1
    assert world.hide() == [OF_USE("lsoa | L2"), OF_USE("lsoa | L3")]
    assert world.leaks() == []


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    first, second = grid(tmp_path / "1"), grid(tmp_path / "2", backwards=True)
    assert first.hide() == second.hide() != []


def test_nothing_is_hidden_where_nothing_leaks(tmp_path: Path) -> None:
    # 128 to 132, less 38 to 42, less 88 to 92: anything up to 6.
    world = World(tmp_path)
    world.places(*ONE_WARD, ("O3", "L3", "M1", "W1"))
    world.use({"L1": 40, "L2": 0, "L3": 90, "M1": 130})
    assert world.leaks() == [] and world.hide() == []


def test_open_figures_are_not_hidden(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.places(*ONE_WARD)
    world.use({"L1": 12, "L2": 2, "M1": 14}, dataset="bins")
    assert world.hide() == []


def test_what_earlier_releases_told_is_not_hidden_in_vain(root: Path, tmp_path: Path) -> None:
    world = two_areas(tmp_path, 12, 2)
    former = world.release(root)
    assert len(world.leaks([former.path])) == 1
    assert world.hide([former.path]) == []


def test_what_would_help_is_hidden_though_it_is_larger(root: Path, tmp_path: Path) -> None:
    # An earlier release told L1 and not M1: now only hiding M1 takes anything away.
    world = two_areas(tmp_path, 12, 2)
    world.con.execute("INSERT INTO layers.held_back VALUES ('use', 'used', 'tax | msoa | M1')")
    former = world.release(root)
    world.con.execute("DELETE FROM layers.held_back")
    assert world.hide() == [OF_USE("lsoa | L1")]
    world.con.execute("DELETE FROM layers.held_back")
    assert world.hide([former.path]) == [OF_USE("msoa | M1")]
    assert world.leaks([former.path]) == []


def test_a_figure_that_several_tables_show_is_hidden_in_all(tmp_path: Path) -> None:
    world = two_areas(tmp_path, 12, 2)
    world.publications.clear()
    world.con.execute("DROP TABLE layers.use")
    same = "quantities: {used: {name: use, by: dataset}}"
    world.use({"L1": 12, "L2": 2, "M1": 14}, more=same)
    by_area = (
        "key: [dataset, area_type, area_code]\ndatasets: dataset\ndimensions: [dataset, area_type, area_code]"
    )
    again = [{"dataset": "tax", "area_type": "lsoa", "area_code": "L1", "n": 12}]
    world.table("again", f"{by_area}\ncounts: n\n{same.replace('used:', 'n:')}", again)
    assert world.hide() == ["again.n of tax | lsoa | L1", OF_USE("lsoa | L1")]
    assert world.leaks() == []


def test_the_table_says_what_it_is_made_of(tmp_path: Path) -> None:
    world = two_areas(tmp_path, 12, 2)
    table = held_back_table(world.publications)
    assert table.full_name == "layers.held_back"
    assert table.depends_on == ("layers.use", "places.output_area", "services.dataset")
    (row,) = held_back(world.con, world.publications, RULE)
    assert row == ("use", "used", "tax | lsoa | L1")
    assert len(table.columns) == len(row) and table.key == tuple(column.name for column in table.columns)
