"""The page on closures as readers have it: each site closed in turn, in words, figures and on the map."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from assets.maps import closures
from tests.assets.test_maps import (
    COLUMNS,
    EVIL,
    ROWS,
    legend_counts,
    options,
    page_data,
    published_tables,
    texts,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("closures") / "closures.html"
    with published_tables() as con:
        made.write_text(closures.draw(con), encoding="utf-8")
    return made


def told(page: Any) -> str:
    return re.sub(r"\s+", " ", page.inner_text("#told"))


def test_the_worst_closure_of_the_worst_kind_is_shown_first(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    assert page.inner_text("#caption") == "If Millbrook Library closed: homes that come to be too far"
    assert options(page, "#topic") == ["libraries", "surgeries"]
    assert options(page, "#variant") == ["Harbour Library", "Millbrook Library"]
    # An area that no row tells of keeps what it has: nought, and not nothing.
    assert legend_counts(page) == {"0": COLUMNS * ROWS - 2, "1": 0, "2": 1, "3": 1, "4": 0, "5": 0}
    text = told(page)
    assert (
        "480 homes (1,080 people) would have another nearest site, 6.5 minutes' walk farther on average."
        in text
    )
    assert "120 homes would come to be more than 15 minutes' walk away (1% of the homes measured)." in text
    assert (
        "Of these 25% are in the most deprived fifth of England's areas, where 7% of all homes are." in text
    )
    assert "10 to 15 4,000 4,000 0 15 to 20 2,000 2,120 +120" in text
    assert "1, most 1,000 50 80 +30 10, least 13,000 50 140 +90 Not known 0 50 50 0" in text
    assert "Millbrook Library, closed 40 500 \u2192 0 1,000 \u2192 0" in text
    assert "Takes: seats. 1 other site is as today." in text
    assert EVIL in page.inner_text("#told") and page.evaluate("window.harmed") is None


def test_sites_are_chosen_by_list_by_pointing_and_by_search(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    page.select_option("#variant", "Harbour Library")
    assert page.inner_text("#caption").startswith("If Harbour Library closed: ")
    assert "30 homes would come to be" in told(page)
    assert [text for text in texts(page, "#legend-rows th") if text.startswith("Closed")] == [
        "Closed: Harbour Library"
    ]
    page.fill("#search", "millbrook lib")
    page.keyboard.press("Enter")
    assert page.inner_text("#caption").startswith("If Millbrook Library closed: ")
    page.click("#whole")
    # The nearer of the two circles to the north east is that of the other library.
    dots = page.locator(".leaflet-sites-pane path").all()
    max(dots, key=lambda dot: dot.bounding_box()["x"]).click()
    assert page.inner_text("#caption").startswith("If Harbour Library closed: ")
    assert "#libraries.2/lost/lsoa" in page.url
    page.select_option("#topic", "surgeries")
    assert page.inner_text("#caption").startswith("If Quay Surgery closed: ")
    assert "nothing would change" in told(page)
    assert not page.is_visible("#variant-choice")


def test_on_paper_words_and_tables_have_a_sheet_of_their_own(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    paper = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) == 2
    page.wait_for_selector("html:not(.printing) .panel #told")


def test_a_release_without_roads_says_so() -> None:
    with published_tables(with_roads=False) as con:
        html = closures.draw(con)
        assert page_data(html)["topics"] == []
        assert closures.NO_ROADS in html
        assert closures.thumbnail(con) == ""
