"""Speeds by mode and kind of road, access and one-way streets, and what authority.yaml may say of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pipelines.authority import load_authority
from pipelines.descriptions import DescriptionError
from pipelines.tables import REPOSITORY
from pipelines.travel.network import MODES
from pipelines.travel.speeds import (
    CYCLE_KMH,
    FORMS,
    FUNCTIONS,
    HIGHWAYS,
    TAGS,
    WALK_KMH,
    Travel,
    of_os,
    of_osm,
)

Both = tuple[float, float]


def os_speed(function: str | None, form: str | None = None, **speeds: object) -> dict[str, float]:
    """km/h by mode of one road of Ordnance Survey's, which is two-way."""
    found = of_os([function], [form], Travel.model_validate({"speeds": speeds})).kmh
    assert all(kmh[0, 0] == kmh[0, 1] for kmh in found.values())
    return {mode: float(found[mode][0, 0]) for mode in MODES}


def way(highway: str, **tags: str) -> dict[str, Both]:
    """km/h along and against one way of OpenStreetMap."""
    return paced(highway, {}, **tags)


def paced(highway: str, speeds: Mapping[str, object], **tags: str) -> dict[str, Both]:
    """The same where an authority sets speeds."""
    columns = {tag: [({"highway": highway} | tags).get(tag)] for tag in TAGS}
    found = of_osm(columns, Travel.model_validate({"speeds": speeds})).kmh
    return {mode: (float(found[mode][0, 0]), float(found[mode][0, 1])) for mode in MODES}


@pytest.mark.parametrize(
    ("function", "form", "wanted"),
    [
        ("A Road", "Single Carriageway", (4.8, 16, 41)),
        ("A Road", None, (4.8, 16, 41)),
        ("Motorway", "Dual Carriageway", (0, 0, 95)),
        ("A Road", "Dual Carriageway", (4.8, 16, 41 * 1.25)),
        ("Motorway", "Slip Road", (0, 0, 95 * 0.75)),
        ("Local Road", "Roundabout", (4.8, 16, 25 * 0.75)),
        ("B Road", "Guided Busway", (0, 0, 0)),
        ("Restricted Local Access Road", "Single Carriageway", (4.8, 16, 12)),
        # OS Open Map Local tells both in one column, and calls primary routes what they are.
        ("Primary Road, Collapsed Dual Carriageway", None, (4.8, 16, 50 * 1.25)),
        ("Shared Use Carriageway", None, (4.8, 16, 12.5)),
        # Older copies write camel case.
        ("localAccessRoad", "singleCarriageway", (4.8, 16, 18)),
        (None, None, (4.8, 16, 25)),
    ],
)
def test_speeds_by_road_function_and_form_of_way(
    function: str | None, form: str | None, wanted: tuple[float, float, float]
) -> None:
    assert tuple(os_speed(function, form).values()) == pytest.approx(wanted)


def test_words_that_are_in_no_table_are_counted_and_taken_for_local_roads() -> None:
    found = of_os(["A Road", "Ridgeway", "Ridgeway", None, "B Road"], [None, None, "Hollow", None, None])
    assert found.unknown == {"Hollow": 1, "Ridgeway": 2}
    assert found.kmh["drive"][:, 0].tolist() == [41, 25, 25, 25, 40]
    assert found.kind.tolist() == ["A Road", "unknown", "unknown", "unknown", "B Road"]


def test_no_roads_at_all() -> None:
    assert of_os([], []).kmh["walk"].shape == (0, 2)
    assert of_osm({"highway": []}).kmh["drive"].shape == (0, 2)


def test_an_authority_sets_a_pace_for_all_roads_or_speeds_by_kind() -> None:
    assert os_speed("A Road", walk=4, cycle=12) == pytest.approx({"walk": 4, "cycle": 12, "drive": 41})
    assert os_speed("A Road", drive={"a road": 30, "Roundabout": 9})["drive"] == 30
    assert os_speed("A Road", "Roundabout", drive={"A Road": 30, "Roundabout": 9})["drive"] == 9
    assert os_speed("A Road", "Roundabout", drive={"A Road": 40})["drive"] == 30
    # A pace for all lets nobody in where they may not go, and what is slower stays slower.
    assert os_speed("Motorway", walk=4)["walk"] == 0
    assert os_speed("A Road", "Guided Busway", drive=50)["drive"] == 0
    assert paced("steps", {"walk": 4})["walk"] == (2, 2)
    assert paced("track", {"cycle": 10})["cycle"] == (6, 6)
    # A kind that is named may be opened or shut.
    assert paced("path", {"cycle": {"path": 8}})["cycle"] == (8, 8)
    assert paced("trunk", {"walk": {"trunk": 0}})["walk"] == (0, 0)


def test_kinds_of_highway() -> None:
    assert way("residential") == {"walk": (4.8, 4.8), "cycle": (16, 16), "drive": (25, 25)}
    assert way("footway") == {"walk": (4.8, 4.8), "cycle": (0, 0), "drive": (0, 0)}
    assert way("steps")["walk"] == (2.4, 2.4)
    assert way("cycleway") == {"walk": (4.8, 4.8), "cycle": (16, 16), "drive": (0, 0)}
    assert way("motorway") == {"walk": (0, 0), "cycle": (0, 0), "drive": (95, 0)}
    for nothing in ("proposed", "construction", "bus_guideway", "platform"):
        assert set(way(nothing).values()) == {(0.0, 0.0)}, nothing


def test_every_speed_of_the_table_is_one_that_can_be_driven() -> None:
    for name, (walk, cycle, drive) in HIGHWAYS.items():
        assert 0 <= walk <= 1, name
        assert 0 <= cycle <= 1, name
        assert drive == 0 or 10 <= drive <= 112, name


@pytest.mark.parametrize(
    ("tags", "mode", "wanted"),
    [
        ({"oneway": "yes"}, "drive", (25, 0)),
        ({"oneway": "-1"}, "drive", (0, 25)),
        ({"oneway": "no", "junction": "roundabout"}, "drive", (25, 25)),
        ({"junction": "roundabout"}, "drive", (25, 0)),
        ({"junction": "roundabout"}, "cycle", (16, 0)),
        ({"junction": "roundabout"}, "walk", (4.8, 4.8)),
        ({"oneway": "yes"}, "walk", (4.8, 4.8)),
        ({"oneway": "yes", "oneway_foot": "yes"}, "walk", (4.8, 0)),
        ({"oneway": "yes"}, "cycle", (16, 0)),
        ({"oneway": "yes", "oneway_bicycle": "no"}, "cycle", (16, 16)),
        ({"oneway": "yes", "oneway_bicycle": "no"}, "drive", (25, 0)),
        ({"oneway": "-1", "cycleway": "opposite_lane"}, "cycle", (16, 16)),
        ({"oneway_bicycle": "yes"}, "cycle", (16, 0)),
        ({"oneway_bicycle": "yes"}, "drive", (25, 25)),
        ({"access": "private"}, "walk", (0, 0)),
        ({"access": "private", "foot": "yes"}, "walk", (4.8, 4.8)),
        ({"access": "no", "bicycle": "designated"}, "drive", (0, 0)),
        ({"access": "no", "bicycle": "designated"}, "cycle", (16, 16)),
        ({"motor_vehicle": "no"}, "drive", (0, 0)),
        ({"motor_vehicle": "no", "motorcar": "yes"}, "drive", (25, 25)),
        ({"motor_vehicle": "destination"}, "drive", (25, 25)),
        ({"vehicle": "no"}, "cycle", (0, 0)),
        ({"vehicle": "no"}, "walk", (4.8, 4.8)),
        ({"bicycle": "use_sidepath"}, "cycle", (0, 0)),
        ({"bicycle": "dismount"}, "cycle", (4.8, 4.8)),
        ({"maxspeed": "10 mph"}, "drive", (16.09344, 16.09344)),
        ({"maxspeed": "60 mph"}, "drive", (25, 25)),
        ({"maxspeed": "20"}, "drive", (20, 20)),
        ({"maxspeed": "GB:nsl_single"}, "drive", (25, 25)),
        ({"maxspeed": "10 mph"}, "cycle", (16, 16)),
    ],
)
def test_tags_say_who_may_go_and_which_way(tags: dict[str, str], mode: str, wanted: Both) -> None:
    assert way("residential", **tags)[mode] == pytest.approx(wanted)


def test_a_tag_opens_what_the_kind_of_way_shuts() -> None:
    assert way("footway", bicycle="designated")["cycle"] == (16, 16)
    assert way("track", motor_vehicle="yes")["drive"] == (10, 10)
    assert way("footway", access="yes")["drive"] == (0, 0)
    assert way("motorway", foot="yes")["walk"] == (0, 0)
    assert way("proposed", access="yes", foot="yes")["walk"] == (0, 0)


def test_highways_that_are_not_known_are_counted() -> None:
    found = of_osm({"highway": ["residential", "hoverway", None]})
    assert found.unknown == {"hoverway": 1, "no highway tag": 1}
    assert found.kmh["walk"][:, 0].tolist() == [4.8, 4.8, 0]


@pytest.mark.parametrize(
    ("travel", "wanted"),
    [
        (
            "{speeds: {drive: {A Raod: 45}}}",
            "`A Raod` is not a kind of road that is known; did you mean `A Road`",
        ),
        ("{speeds: {walk: 48}}", "`walk`: wanted km/h, at most 10; found 48"),
        ("{speeds: {drive: 0}}", "wanted more than 0 km/h"),
        ("{speeds: {walk: -3}}", "wanted more than 0 km/h, at most 130; found -3"),
        ("{speeds: {walk: {steps: -3}}}", "`steps`: wanted 0 or more km/h, at most 130; found -3"),
        ("{speeds: {drive: fast}}", "wanted"),
        ("{roads: osm}", "wanted"),
        ("{join_metres: 50}", "join_metres"),
        ("{speed: {walk: 4}}", "did you mean `speeds`"),
    ],
)
def test_a_slip_in_travel_is_said_with_line_and_what_was_wanted(
    tmp_path: Path, travel: str, wanted: str
) -> None:
    text = f"name: T\ncode: E06000022\narea_vintage: 2021\ntravel: {travel}\n"
    (tmp_path / "authority.yaml").write_text(text, "utf-8")
    with pytest.raises(DescriptionError) as caught:
        load_authority(tmp_path)
    assert wanted in str(caught.value)
    assert "authority.yaml:4:" in str(caught.value)


def test_travel_has_a_default_for_everything(tmp_path: Path) -> None:
    text = "name: T\ncode: E06000022\narea_vintage: 2021\n"
    (tmp_path / "authority.yaml").write_text(text, "utf-8")
    assert load_authority(tmp_path).about.travel == Travel()
    (tmp_path / "authority.yaml").write_text(
        text + "travel: {speeds: {cycle: 15, drive: {b road: 30}}}\n", "utf-8"
    )
    travel = load_authority(tmp_path).about.travel
    assert travel.speeds.cycle == 15
    assert travel.speeds.drive == {"B Road": 30}
    assert Travel.model_validate_json(travel.model_dump_json()) == travel


def test_the_page_on_roads_has_the_speeds_that_are_used() -> None:
    page = (REPOSITORY / "docs" / "roads.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in page.splitlines()
        if line.count("|") == 5
    ]
    shown = [
        tuple(row)
        for row in rows
        if not row[0].startswith(("---", "road function", "form of way", "`highway`"))
    ]
    bases = [(FUNCTIONS, WALK_KMH, CYCLE_KMH), (FORMS, 1, 1), (HIGHWAYS, WALK_KMH, CYCLE_KMH)]
    assert shown == [
        (kind, *(f"{kmh:g}" if kmh else "\N{EN DASH}" for kmh in (walk * on_foot, cycle * by_bicycle, drive)))
        for table, on_foot, by_bicycle in bases
        for kind, (walk, cycle, drive) in table.items()
    ]
