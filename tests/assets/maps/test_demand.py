"""What the map of recorded use says of how sure its figures are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assets.maps import demand
from tests.assets.test_maps import COLUMNS, HIDDEN, ROWS, legend_counts, published_tables, shape_fills
from tests.estimated_demand import HIGH, LOW, UNCERTAIN


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demand") / "demand.html"
    with published_tables() as con:
        made.write_text(demand.draw(con), encoding="utf-8")
    return made


def test_uncertain_rates_are_dotted_and_told_with_their_range(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    page.select_option("#measure", "shrunken_rate")
    assert legend_counts(page)["unsure"] == len(UNCERTAIN)
    dotted = {fill: times for fill, times in shape_fills(page).items() if fill.startswith("url(#dotted-")}
    assert sum(dotted.values()) == len(UNCERTAIN)
    assert all(page.locator(fill[4:-1]).count() == 1 for fill in dotted)
    page.fill("#search", "E01999002")
    page.keyboard.press("Enter")
    said = page.inner_text("#selected")
    assert ", likely 0.0 to " in said and "Uncertain: the range is wider than the figure" in said
    assert page.locator(".line-chart circle").count() == 2  # a dot for each period
    page.fill("#search", "E01999001")
    page.keyboard.press("Enter")
    assert "Uncertain" not in page.inner_text("#selected")
    page.click("summary:has-text('Figures as a table')")
    cells = page.locator("#figures tbody td").all_inner_texts()
    assert sum("uncertain" in cell for cell in cells) == len(UNCERTAIN)


def test_against_expected_is_of_the_latest_period_whatever_the_slider_says(
    path: Path, offline_page: Any
) -> None:
    page = offline_page.open(path)
    page.focus("#period")
    page.keyboard.press("Home")
    assert page.inner_text("#period-name") == "August 2026"
    page.select_option("#measure", "ratio_nothing")
    assert page.inner_text("#period-name") == "September 2026" and page.is_disabled("#period")
    shown = legend_counts(page)
    assert shown["unsure"] == COLUMNS * ROWS - len(HIDDEN) - len(HIGH) - len(LOW)
    assert (shown["outline-0"], shown["outline-1"], shown["withheld"]) == (len(HIGH), len(LOW), len(HIDDEN))
    # Each outline is a white line with a green one on it.
    assert page.locator(".leaflet-borders-pane path[stroke='#00713c']").count() == len(HIGH | LOW)
    page.select_option("#measure", "recorded_use")
    assert page.inner_text("#period-name") == "August 2026" and page.is_enabled("#period")
    assert page.locator(".leaflet-borders-pane path[stroke='#00713c']").count() == 0


def test_how_precisely_records_are_placed_stands_beside_the_figures(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    note = "#legend-note"
    assert page.inner_text(note) == "87.5% of its records are placed precisely enough for this kind of area."
    page.select_option("#geography", "ward")
    assert (
        page.inner_text(note)
        == "How many of its records are placed precisely enough for this kind of area is withheld."
    )
    page.select_option("#topic", "meters")
    assert not page.is_visible(note)
    page.select_option("#geography", "lsoa")
    assert page.inner_text(note).startswith("Nearly all or all of its records")


@pytest.mark.parametrize(
    "spoil",
    [
        "demand_estimate SET shrunken_low = 2 WHERE status = 'hidden'",
        "demand_against_expected SET is_cluster = true, cluster = 'high' WHERE status = 'hidden'",
    ],
)
def test_the_interval_of_a_hidden_figure_stops_the_page(spoil: str) -> None:
    with published_tables() as con:
        con.execute(f"UPDATE published.{spoil}")
        with pytest.raises(ValueError, match="a hidden figure carries a value"):
            demand.draw(con)
