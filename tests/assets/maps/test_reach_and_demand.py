"""The page on recorded use beyond reach as readers have it: choices, ranks with intervals, and what to ask next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.maps import reach_and_demand
from pipelines.estimate.reach import COLUMNS
from tests.assets.test_maps import EVIL, options, published_tables, texts

LSOAS = [f"E01999{number:03d}" for number in range(24)]
# (what is expected beyond the limit, low, high, rank, its interval); those after are nought or withheld.
HIGHEST = [
    ("24.0", "18.0", "31.0", 1, 1, 2),
    ("21.5", "15.0", "28.0", 2, 1, 3),
    ("13.0", "9.0", "18.0", 3, 2, 4),
    ("2.1", "1.4", "3.0", 4, 4, 4),
]
WITHHELD = 5


def rows_of(dataset: str, kind: str, highest: Sequence[tuple[Any, ...]] = HIGHEST) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    nought = ("0.0", "0.0", "0.0", *[len(highest) + 1] * 3)
    for number, code in enumerate(LSOAS):
        figures: tuple[Any, ...] = highest[number] if number < len(highest) else nought
        status = "published"
        if number >= len(LSOAS) - WITHHELD:
            figures, status = (None,) * 6, "hidden"
        name = EVIL if number == 1 else f"Invented {number}"
        head = ("E06999001", dataset, kind, "walk", 15, "lsoa", code, name, "2026-09", "homes", 600, "40.0")
        rows.append((*head, *figures, status))
    return rows


def published(*rows: list[tuple[Any, ...]]) -> duckdb.DuckDBPyConnection:
    con = published_tables()
    con.execute(
        f"CREATE TABLE published.reach_against_demand ({', '.join(f'{name} {of[0]}' for name, of in COLUMNS.items())})"
    )
    for one in rows:
        con.executemany(
            f"INSERT INTO published.reach_against_demand VALUES ({', '.join('?' * len(COLUMNS))})", one
        )
    return con


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("reach") / "reach_and_demand.html"
    wards = [
        (*row[:5], "ward", f"E05999{number:03d}", f"Ward {number}", *row[8:])
        for number, row in enumerate(rows_of("badges", "libraries")[:3])
    ]
    alike = [(*figures[:3], rank, 1, 3) for rank, figures in enumerate(HIGHEST[:3], 1)]
    rows = (
        rows_of("badges", "libraries"), wards, rows_of("badges", "surgeries", alike),
        rows_of("meters", "libraries", []),
    )  # fmt: skip
    with published(*rows) as con:
        made.write_text(reach_and_demand.draw(con), encoding="utf-8")
    return made


def test_one_choice_is_shown_with_the_highest_areas_and_their_intervals(
    path: Path, offline_page: Any
) -> None:
    page = offline_page.open(path)
    assert options(page, "#service") == ["badges", "meters"]
    assert options(page, "#areas") == ["lsoa", "ward"]
    card = page.locator("section.card:visible")
    assert card.count() == 1 and card.get_attribute("id") == "badges.libraries.lsoa"
    text = re.sub(r"\s+", " ", card.inner_text())
    assert (
        "In 4 of 19 LSOAs with a published figure some use is to be expected more than 15 minutes' walk away."
        in text
    )
    # The first's interval of ranks, 1 to 2, meets that of the second and of the third.
    assert "The first three cannot be told apart. 5 others have their badges withheld" in text
    assert (
        "1 Invented 0 40.0% 24.0 18.0 to 31.0 1 to 2" in text
        and "4 Invented 3 40.0% 2.1 1.4 to 3.0 4" in text
    )
    assert EVIL in card.inner_text() and page.evaluate("window.harmed") is None
    assert len(texts(page, "section.card:visible .rank-table tbody tr")) == 2 * len(
        HIGHEST
    )  # the noughts are not
    legend = texts(page, "section.card:visible .key li")
    assert "none (15)" in legend and "withheld (5)" in legend


def test_each_area_has_the_command_that_asks_what_a_site_there_would_change(
    path: Path, offline_page: Any
) -> None:
    page = offline_page.open(path)
    commands = texts(page, "section.card:visible .ask code")
    assert len(commands) == len(HIGHEST)
    with published_tables() as con:
        ((easting, northing),) = con.execute(
            "SELECT easting, northing FROM published.area WHERE area_code = ?", [LSOAS[0]]
        ).fetchall()
    assert (
        commands[0]
        == f"places whatif --kind libraries --open {easting.normalize():f},{northing.normalize():f}"
    )


def test_bars_reach_from_the_low_to_the_high_end(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    bars = page.locator("section.card:visible .of-use").all()
    boxes = [bar.locator(".between").bounding_box() for bar in bars]
    line = bars[0].locator(".line").bounding_box()
    wide = line["width"]
    # On a line from 0 to 31, the highest end of all.
    assert (boxes[0]["x"] - line["x"]) / wide == pytest.approx(18 / 31, abs=0.03)
    assert boxes[0]["width"] / wide == pytest.approx(13 / 31, abs=0.03)
    assert boxes[3]["width"] / wide == pytest.approx(1.6 / 31, abs=0.03)


def test_other_choices_are_shown_in_place_and_kept_in_the_address(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    page.select_option("#areas", "ward")
    assert page.locator("section.card:visible").get_attribute("id") == "badges.libraries.ward"
    page.select_option("#kind", "surgeries")
    # There are no wards of surgeries here: its LSOAs are shown, and said to be.
    assert page.url.endswith("#badges.surgeries.lsoa") and page.input_value("#areas") == "lsoa"
    text = page.locator("section.card:visible").inner_text()
    assert "None of these three can be told from the first: no order is known." in text
    page.select_option("#service", "meters")
    assert page.locator("section.card:visible").get_attribute("id") == "meters.libraries.lsoa"
    assert "In none of the 19 LSOAs" in page.locator("section.card:visible").inner_text()
    assert not page.locator("section.card:visible .rank-table").count()


def test_a_hidden_figure_with_a_value_stops_the_page() -> None:
    rows = rows_of("badges", "libraries")
    rows[-1] = (*rows[-1][:12], "3.0", None, None, None, None, None, "hidden")
    with published(rows) as con, pytest.raises(ValueError, match="a hidden figure carries a value"):
        reach_and_demand.draw(con)


def test_a_release_without_services_or_roads_has_a_page_all_the_same() -> None:
    with published() as con:
        assert "no service whose recorded use may be set against" in reach_and_demand.draw(con)
        assert reach_and_demand.thumbnail(con) == ""
    nothing = [
        (*row[:3], None, None, *row[5:11], *[None] * 7, "not applicable")
        for row in rows_of("badges", "piers")
    ]
    with published(nothing) as con:
        assert "no way to any of the piers could be measured" in reach_and_demand.draw(con)


def test_the_thumbnail_is_a_map_without_words() -> None:
    with published(rows_of("badges", "libraries")) as con:
        picture = reach_and_demand.thumbnail(con)
        assert picture.startswith("<svg") and picture.count("<path") == len(LSOAS) and "title" not in picture
        assert reach_and_demand.draw(con) == reach_and_demand.draw(con)
