"""The page on services at the same homes: dots and ranges, words, periods, places, and what is withheld."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.maps import overlap
from assets.published import overlap_against_chance, services_meeting
from tests.assets.test_maps import EVIL, published_tables

IN_PERIOD = (
    "dataset_a VARCHAR, dataset_b VARCHAR, period VARCHAR, period_start DATE, period_end DATE, "
    "properties_a BIGINT, properties_a_status VARCHAR, properties_b BIGINT, properties_b_status VARCHAR, "
    "properties_both BIGINT, properties_both_status VARCHAR"
)
SHOWN, WITHHELD, NONE = "published", "hidden", "not applicable"


def tables(is_empty: bool = False) -> duckdb.DuckDBPyConnection:
    """The published tables of `test_maps`, with invented ones of services that meet: badges, meters and visits."""
    con = published_tables()
    for name, module in (
        ("overlap_against_chance", overlap_against_chance),
        ("services_meeting", services_meeting),
    ):
        columns = ", ".join(f"{column} {of[0]}" for column, of in module.COLUMNS.items())
        con.execute(f"CREATE TABLE published.{name} ({columns})")
    con.execute(f"CREATE TABLE published.overlap_in_period ({IN_PERIOD})")
    if is_empty:
        return con

    def against(
        names: str, period: str, properties: int | None, of: str, *figures: Any, status: str = SHOWN
    ) -> None:
        a, b, *c = names.split(" + ")
        expected, ratio, low, high = figures
        con.execute(
            "INSERT INTO published.overlap_against_chance VALUES ('E06999001', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [names, a, b, c[0] if c else None, period, properties, expected, ratio, low, high, of,
             "lsoa" if of == "area" and expected else None, status],
        )  # fmt: skip

    against("badges + meters", "all", 200, "nothing", 100, "2.000", "1.700", "2.350")
    against("badges + meters", "all", 200, "area", 190, "1.053", "0.890", "1.240")
    against("badges + visits", "all", 60, "nothing", 20, "3.000", "2.300", "3.900")
    against("badges + visits", "all", 60, "area", 30, "2.000", "1.500", "2.600")
    against("meters + visits", "all", None, "nothing", 12, None, None, None, status=WITHHELD)
    against("meters + visits", "all", None, "area", None, None, None, None, status=WITHHELD)
    against("badges + meters + visits", "all", 15, "nothing", 3, "5.000", "2.800", None)
    against("badges + meters + visits", "all", 15, "pairs", 14, "1.071", "0.600", "1.800")
    against("badges + visits", "2026 Q2", 30, "nothing", 15, "2.000", "1.300", "2.900")
    against("badges + visits", "2026 Q1", None, "nothing", 9, None, None, None, status=WITHHELD)

    def period(a: str, b: str, quarter: str, start: str, *cells: Any) -> None:
        con.execute(
            "INSERT INTO published.overlap_in_period VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [a, b, quarter, start, start, *cells],
        )

    period("badges", "visits", "2025 Q4", "2025-10-01", None, NONE, 45, SHOWN, None, NONE)
    period("badges", "visits", "2026 Q1", "2026-01-01", 300, SHOWN, 40, SHOWN, None, WITHHELD)
    period("badges", "visits", "2026 Q2", "2026-04-01", 305, SHOWN, 50, SHOWN, 30, SHOWN)
    period("meters", "visits", "2026 Q1", "2026-01-01", 500, SHOWN, 40, SHOWN, None, WITHHELD)
    areas = con.execute(
        "SELECT area_code, area_name FROM published.area WHERE area_type = 'lsoa' ORDER BY area_code LIMIT 4"
    ).fetchall()
    figures = [
        (2, 3, "Blue badges; Meters <b>", SHOWN),
        (0, 2, "", SHOWN),
        (None, 0, None, WITHHELD),
        (1, 1, EVIL, SHOWN),
    ]
    for area, of in zip(areas, figures, strict=True):
        con.execute(
            "INSERT INTO published.services_meeting VALUES ('E06999001', 'lsoa', ?, ?, ?, ?, ?, ?)",
            [*area, *of],
        )
    return con


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("overlap") / "overlap.html"
    with tables() as con:
        made.write_text(overlap.draw(con), encoding="utf-8")
    return made


def told(page: Any, part: str) -> str:
    return re.sub(r"\s+", " ", page.inner_text(part))


def test_two_services_in_words_the_surest_beyond_chance_first(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    text = told(page, "#of_2")
    assert (
        "Of 2 pairs of services that can be told over all homes, 2 meet at more homes than chance would give "
        "(most surely Blue badges and Visits), none at fewer. Of 2 that can be told within areas, 1 meets at more "
        "homes than chance would give (most surely Blue badges and Visits), none at fewer. 1 does so over all homes"
        in text
    )
    rows = [
        re.sub(r"\s+", " ", row.inner_text()).strip() for row in page.query_selector_all("#of_2 tbody tr")
    ]
    assert rows[0].startswith("Blue badges Visits 60 over all homes 20") and "3.00 times as many" in rows[0]
    assert rows[1].startswith("within LSOAs 30") and rows[1].endswith(
        "2.00 times as many as chance would give 1.50 to 2.60"
    )
    assert len(rows) == 4
    assert "Withheld, since few homes are known to both" in text and "Meters <b> and Visits" in text
    # Filled where chance alone does not explain it: of both services' rows the last is hollow.
    filled = page.eval_on_selector_all(
        "#of_2 circle", "all => all.map(one => one.getAttribute('fill') !== '#fff')"
    )
    assert filled == [True, True, True, False]


def test_three_services_beside_what_their_pairs_give(path: Path, offline_page: Any) -> None:
    text = told(offline_page.open(path), "#of_3")
    assert "over all homes 3.0 5.00 times as many as chance would give 2.80 or more" in text
    assert "as pairs meet 14 1.07 times as many as chance would give 0.60 to 1.80" in text


def test_periods_the_newest_first_and_what_cannot_be_said(path: Path, offline_page: Any) -> None:
    text = told(offline_page.open(path), "#periods")
    assert "April to June 2026 305 50 30 15 2.00 times as many as chance would give 1.30 to 2.90" in text
    assert "January to March 2026 300 40 withheld 9.0 withheld" in text
    assert text.index("April to June 2026") < text.index("January to March 2026")
    assert "Of 1 other period nothing can be said" in text
    assert "How many both know is withheld in the one period." in text


def test_places_where_many_services_are_used(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    text = told(page, "#places")
    assert "2 3 Blue badges; Meters <b>" in text and EVIL in page.inner_text("#places")
    assert "none (1) 1 service (1) 2 services (1) withheld (1)" in text
    titles = page.eval_on_selector_all("#places path title", "all => all.map(one => one.textContent)")
    assert any(title.endswith(": 2 of 3 services: Blue badges; Meters <b>") for title in titles)
    assert any(title.endswith(": withheld") for title in titles)
    assert page.evaluate("window.harmed") is None


def test_the_page_says_that_no_list_exists_and_fits_a_small_screen(path: Path, offline_page: Any) -> None:
    page = offline_page.open(path)
    assert "These are counts of properties. No list of the homes is published" in page.inner_text("main")
    assert "Of 6 counts of homes known to several services" in told(page, "main")
    page.set_viewport_size({"width": 1366, "height": 768})
    assert page.evaluate("document.documentElement.scrollWidth") <= 1366


def test_with_nothing_to_show_the_page_says_so() -> None:
    with tables(is_empty=True) as con:
        html = overlap.draw(con)
        assert "There is no pair of services in this release." in html
        assert "No two services have a period to compare" in html
        assert "There are no figures by area in this release" in html
        assert overlap.thumbnail(con) == ""


def test_a_hidden_figure_with_a_value_is_not_drawn() -> None:
    with tables() as con:
        con.execute("UPDATE published.overlap_against_chance SET status = 'hidden' WHERE period = '2026 Q2'")
        with pytest.raises(ValueError, match="badges \\+ visits: a hidden figure carries a value"):
            overlap.draw(con)


def test_the_same_whatever_the_order_of_rows_and_with_a_thumbnail() -> None:
    with tables() as con:
        first, small = overlap.draw(con), overlap.thumbnail(con)
        for name in ("overlap_against_chance", "overlap_in_period", "services_meeting"):
            con.execute(
                f"CREATE OR REPLACE TABLE published.{name} AS FROM published.{name} ORDER BY rowid DESC"
            )
        assert overlap.draw(con) == first and overlap.thumbnail(con) == small
    assert small.count("<circle") == 6
