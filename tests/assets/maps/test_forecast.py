"""The page on what is coming as readers have it: forecasts with their ranges, and how far to trust them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from assets.maps import forecast
from pipelines.draw.choropleth import _listed
from tests import estimated_demand
from tests.assets.test_maps import HIDDEN, legend_counts, options, page_data, published_tables, texts


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("forecast") / "forecast.html"
    with published_tables() as con:
        made.write_text(forecast.draw(con), encoding="utf-8")
    return made


def told(page: Any) -> str:
    return re.sub(r"\s+", " ", page.inner_text("#told"))


def test_the_slider_goes_over_the_periods_ahead(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    assert page.inner_text("#period-name") == "October to December 2026, forecast"
    page.focus("#period")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#period-name") == "January to March 2027, forecast"
    assert "January to March 2027, forecast" in page.inner_text("#subcaption")
    assert legend_counts(page)["withheld"] == len(HIDDEN)


def test_an_area_is_told_with_ranges_and_charted_after_what_was_recorded(
    path: Path, offline_page: Any
) -> None:
    page = offline_page.open(path)
    page.fill("#search", "E01999001")
    page.keyboard.press("Enter")
    data = page_data(path.read_text(encoding="utf-8"))
    use = data["topics"][0]["history"]["figures"]["lsoa"][-1][1]
    figures = data["topics"][0]["figures"]["lsoa"]["forecast"]
    assert figures["values"][0][1] == round(1.1 * use, 1)
    said = page.inner_text("#selected")
    low, high = figures["low"][0][1], figures["high"][0][1]
    assert low > 0
    assert f"90%: {low} to {high}, 50%: {figures['inner_low'][0][1]} to {figures['inner_high'][0][1]}" in said
    # Two periods recorded, two ahead; each of these with its range.
    assert page.locator(".line-chart circle").count() == 4
    assert "September 2026: " in page.get_attribute(".line-chart svg", "aria-label")
    # The change has no chart of its own.
    page.select_option("#measure", "forecast_change")
    assert "Forecast of recorded use" in page.inner_text(".line-chart figcaption")


def test_a_change_within_the_range_is_no_clear_change(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    page.select_option("#measure", "forecast_change")
    assert options(page, "#measure") == ["forecast", "forecast_change"]
    # A tenth more, give or take a fifth, holds the last recorded; a fifth more, give or take a fifth, as well.
    shown = legend_counts(page)
    assert shown["unsure"] == sum(shown[one] for one in "01234") > 0
    assert shown["3"] > 0 and shown["0"] == shown["1"] == 0


def test_skill_is_said_in_words_with_both_baselines(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    assert estimated_demand.SAID.replace("6 %", "6%") in told(page)
    assert "off by 4.00 badges in an LSOA, on average, and its 90% range held 91.0%" in page.inner_text(
        "#legend-note"
    )
    text = told(page)
    assert "empirical Bayes (used) 4.00 +22.0% +6.0% 51.0% 91.0%" in text
    assert "last period 5.00 +0.0% \u221220.0% 51.0% 91.0%" in text
    assert "2 ahead 4.20 +6.0% 91.0%" in text
    assert "1 1.02 0.90 to 1.15 89.0% 6.0% 5.0%" in text
    assert "Mostly social rented withheld" in text
    page.select_option("#geography", "ward")
    assert "in a ward, on average" in page.inner_text("#legend-note")
    assert "Back-tests of all models, wards" in told(page) and "Back-tests of all models, LSOAs" not in told(
        page
    )


def test_early_signs_are_outlined_and_listed(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    assert legend_counts(page)["outline-0"] == 1
    said = "1 of 21 LSOAs judged lay outside its 90% range, by more than chance would have among so many."
    assert re.search(rf"Early signs: 1. In [\w ]+ 2026, {said}", told(page))
    assert "Invented 001B" in told(page)
    page.select_option("#geography", "ward")
    assert legend_counts(page)["outline-0"] == 0
    assert re.search(
        r"Early signs: none. In [\w ]+, each of \d+ wards judged lay within its 90% range.", told(page)
    )


@pytest.mark.parametrize(
    ("outside", "signs", "said"),
    [
        (0, 0, "Early signs: none. In May 2026, each of 39 LSOAs judged lay within its 90% range."),
        (
            1,
            0,
            "none. In May 2026, 1 of 39 LSOAs judged lay outside its 90% range, though not by more than chance would",
        ),
        (
            2,
            0,
            "none. In May 2026, 2 of 39 LSOAs judged lay outside their 90% range, none by more than chance would",
        ),
        (
            3,
            1,
            "1. In May 2026, 3 of 39 LSOAs judged lay outside their 90% range, 1 of them by more than chance would",
        ),
        (
            2,
            2,
            "2. In May 2026, 2 of 39 LSOAs judged lay outside their 90% range, all of them by more than chance would",
        ),
    ],
)
def test_areas_outside_their_range_are_told_even_where_none_stands_out(
    outside: int, signs: int, said: str
) -> None:
    assert said in forecast._signs_in_words("May 2026", "LSOAs", 39, outside, signs)


def test_outside_the_range_is_counted_from_the_table() -> None:
    with published_tables() as con:
        con.execute("UPDATE published.early_sign SET is_sign = false")
        page = forecast.draw(con)
    assert "1 of 21 LSOAs judged lay outside its 90% range, though not by more than chance" in page


def test_a_range_that_begins_with_withheld_figures_is_told_so(tmp_path: Path, offline_page: Any) -> None:
    pages = {}
    for name, sensitivity in (("protected", "personal"), ("open", "open")):
        with published_tables() as con:
            con.execute(
                "UPDATE published.forecast SET low_90 = 0, high_90 = 20 WHERE area_code = 'E01999001'"
            )
            con.execute("UPDATE published.early_sign SET low_90 = 0")
            con.execute("UPDATE published.dataset SET sensitivity = ?", [sensitivity])
            pages[name] = tmp_path / f"{name}.html"
            pages[name].write_text(forecast.draw(con), encoding="utf-8")
    page = offline_page.open(pages["protected"])
    page.fill("#search", "E01999001")
    page.keyboard.press("Enter")
    assert "90%: up to 20, 50%: " in page.inner_text("#selected")
    meaning = "Up to: the range begins with figures that would be withheld (fewer than 10, or too telling)."
    assert meaning in page.inner_text("#legend-unit")
    assert "up to 10 more" in told(page)
    page.select_option("#measure", "forecast_change")
    assert re.search(r"90%: up to [+\u2212]?\d+%", page.inner_text("#selected"))
    assert meaning in page.inner_text("#legend-unit")
    page = offline_page.open(pages["open"])
    page.fill("#search", "E01999001")
    page.keyboard.press("Enter")
    assert "90%: 0 to 20" in page.inner_text("#selected")
    assert "Up to:" not in page.inner_text("#legend-unit") and "0 to 10 more" in told(page)


def test_it_is_said_how_a_model_is_chosen_and_how_the_map_was_drawn(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "off by least" not in text and "ranked probability score" in text
    assert "records without a place" in text
    assert "Only those of \u201cForecast of recorded use\u201d hold about the same number" in text


def test_names_of_measures_have_commas_and_one_and() -> None:
    assert [_listed(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_services_that_cannot_be_forecast_are_named_with_the_reason(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    assert not page.is_visible("#topic-choice")  # one service alone is forecast
    page.click("text=Not forecast: 1 of 2 services")
    assert "Meters <b>: 1 month is known; 8 are needed." in texts(page, "details[open] li")


def test_a_withheld_last_figure_has_no_change(path: Path) -> None:
    with published_tables() as con:
        con.execute("UPDATE published.forecast SET last_recorded = NULL WHERE area_code = 'E01999001'")
        data = page_data(forecast.draw(con))
        change = data["topics"][0]["figures"]["lsoa"]["forecast_change"]
        assert change["values"][0][1] == "h" and change["values"][0][2] != "h"


def test_without_forecasts_the_page_says_so(tmp_path: Path, offline_page: Any) -> None:
    with published_tables() as con:
        for table in ("forecast", "early_sign", "forecast_by_group", "forecast_skill"):
            con.execute(f"DELETE FROM published.{table}")
        assert forecast.thumbnail(con) == ""
        (tmp_path / "page.html").write_text(forecast.draw(con), encoding="utf-8")
    page = offline_page.open(tmp_path / "page.html")
    assert page.inner_text("#caption") == "There are no figures of this kind in this release"
    page.click("text=Not forecast: 2 of 2 services")
    assert "Meters <b>: 1 whole period recorded, too few to try a forecast on." in texts(
        page, "details[open] li"
    )


def test_recorded_use_is_never_called_need(path: Path) -> None:
    words = re.sub(r"<(script|style).*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"\bneeds?\b(?! JavaScript)", words.replace("8 are needed", ""))
