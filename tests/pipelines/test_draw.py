"""What pages share: words, classes, geometry, the shell that asks the network for nothing, the gallery."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from types import ModuleType
from typing import Any, cast

import duckdb
import numpy as np
import pytest
import shapely
from markupsafe import Markup

from pipelines.draw import (
    Choropleth,
    Figure,
    MapPage,
    Measure,
    Page,
    Period,
    Topic,
    count_in_words,
    date_in_words,
    draw_bars_thumbnail,
    gallery,
    period_in_words,
    read_release,
)
from pipelines.draw.areas import (
    Geography,
    read_geographies,
    read_outline,
    read_roads,
    simplify_coverage,
    to_longitude_latitude,
)
from pipelines.draw.choropleth import NO_FIGURE, WITHHELD, arrange_figures, arrange_history
from pipelines.draw.classes import class_breaks, ramp
from pipelines.draw.page import content_security_policy, json_for_html, leaflet_script, leaflet_style

WEST, SOUTH = 450_000, 250_000  # metres, EPSG:27700


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """The schema `published` of an invented authority: two areas that share a wiggly border, a road, no site."""
    border = [(1000 + 30 * (-1) ** step, 100 * step) for step in range(11)]
    left = [(0, 0), *border, (0, 1000)]
    right = [(2000, 1000), *reversed(border), (2000, 0)]
    con = duckdb.connect()
    con.execute(
        """
        CREATE SCHEMA published;
        CREATE TABLE published.disclosure_rule AS SELECT
            'E06999001' AS authority_code, 'Invented Borough' AS authority_name, 10 AS threshold, 5 AS round_to,
            'Counts of 0 to 9 are hidden.' AS rule;
        CREATE TABLE published.dataset (
            dataset VARCHAR, role VARCHAR, title VARCHAR, owner VARCHAR, sensitivity VARCHAR, licence VARCHAR,
            attribution VARCHAR, kind VARCHAR, counts VARCHAR, first_as_at DATE, last_as_at DATE, withheld_rows BIGINT,
            is_stale BOOLEAN, refused_as_at DATE, cadence VARCHAR, due_days BIGINT
        );
        INSERT INTO published.dataset VALUES
            ('badges', 'service', 'Blue badges', 'Access team', 'personal', NULL, NULL, 'stock', 'badge',
             '2026-01-31', '2026-06-30', NULL, true, '2026-07-31', 'monthly', 14),
            ('libraries', 'site', 'Libraries', 'Culture', 'open', 'OGL v3', 'Contains council data.', 'stock', '',
             '2026-03-01', '2026-03-01', 0, false, NULL, '', NULL);
        CREATE TABLE published.source (
            source VARCHAR, title VARCHAR, publisher VARCHAR, licence VARCHAR, attribution VARCHAR, epoch VARCHAR
        );
        INSERT INTO published.source VALUES
            ('roads', 'Invented roads', 'Mapmakers', 'OGL v3', 'Contains map data.', 'April 2026'),
            ('uprn', 'Invented UPRNs', 'Mapmakers', 'OGL v3', 'Source: a council; contains map data', 'May 2026');
        CREATE TABLE published.area (
            area_type VARCHAR, area_code VARCHAR, area_name VARCHAR, homes BIGINT, people BIGINT, imd_decile INTEGER,
            easting DOUBLE, northing DOUBLE, geometry_wkb BLOB
        );
        CREATE TABLE published.road (road_function VARCHAR, name VARCHAR, geometry_wkb BLOB);
        """
    )
    for code, ring in (("E01999002", right), ("E01999001", left)):
        polygon = shapely.Polygon([(WEST + x, SOUTH + y) for x, y in ring])
        con.execute(
            "INSERT INTO published.area VALUES ('lsoa', ?, NULL, 600, 1400, 3, ?, ?, ?)",
            [code, polygon.centroid.x, polygon.centroid.y, shapely.to_wkb(shapely.multipolygons([polygon]))],
        )
    for function, north in (("A Road, Collapsed Dual Carriageway", 200), ("Local Road", 300), ("Alley", 400)):
        line = shapely.LineString([(WEST, SOUTH + north), (WEST + 2000, SOUTH + north)])
        con.execute("INSERT INTO published.road VALUES (?, NULL, ?)", [function, shapely.to_wkb(line)])
    yield con
    con.close()


def rings(geography: Geography) -> list[list[tuple[float, float]]]:
    return [[tuple(point) for point in one["geometry"]["coordinates"][0][0]] for one in geography.features]


class TestWords:
    @pytest.mark.parametrize(
        ("period", "words"),
        [
            ("2026-09", "September 2026"),
            ("2025 Q3", "July to September 2025"),
            ("2025", "2025"),
            ("2026-13", "2026-13"),
        ],
    )
    def test_period(self, period: str, words: str) -> None:
        assert period_in_words(period) == words

    def test_date(self) -> None:
        assert date_in_words(dt.date(2026, 2, 1)) == "1 February 2026"
        assert date_in_words(None) == "date not stated"

    @pytest.mark.parametrize(
        ("one", "many"),
        [
            ("account", "accounts"),
            ("tenancy", "tenancies"),
            ("day", "days"),
            ("person", "people"),
            ("care package", "care packages"),
            ("bus", "buses"),
            ("", "records"),
        ],
    )
    def test_plural(self, one: str, many: str) -> None:
        assert count_in_words(one) == many


class TestRelease:
    def test_facts(self, con: duckdb.DuckDBPyConnection) -> None:
        release = read_release(con)
        assert release.authority_name == "Invented Borough"
        assert release.data_to == dt.date(2026, 6, 30)
        assert release.withheld == "fewer than 10, or too telling"
        assert release.rounding == "rounded to the nearest 5"
        assert release.attributions == ("Source: a council.", "Contains map data.", "Contains council data.")
        badges = release.dataset("badges")
        assert badges is not None and not badges.is_open and badges.licence == ""
        assert badges.stale == "The extract of 31 July 2026 could not be used; data to 30 June 2026 is shown."
        libraries = release.dataset("libraries")
        assert libraries is not None and libraries.stale == ""

    def test_without_a_rule_nothing_is_drawn(self, con: duckdb.DuckDBPyConnection) -> None:
        con.execute("DELETE FROM published.disclosure_rule")
        with pytest.raises(ValueError, match="disclosure_rule: expected one row, found 0"):
            read_release(con)


def class_counts(values: list[Decimal], breaks: tuple[Decimal, ...]) -> list[int]:
    places = [sum(value >= one for one in breaks) for value in values]
    return [places.count(place) for place in range(len(breaks) + 1)]


class TestClasses:
    def test_about_equal_counts_on_round_limits(self) -> None:
        values = [Decimal(value) for value in range(1003, 2003)]
        breaks = class_breaks(values)
        assert [int(one) for one in breaks] == [1200, 1400, 1600, 1800]
        assert max(class_counts(values, breaks)) < 1.2 * min(class_counts(values, breaks))

    def test_limits_stay_on_the_grid_of_rounded_counts(self) -> None:
        values = [Decimal(5 * value) for value in range(2, 40)]
        assert all(one % 5 == 0 for one in class_breaks(values))

    def test_rates_with_one_decimal_get_no_finer_limits(self) -> None:
        values = [Decimal(value) / 10 for value in range(11, 60, 3)]
        assert all(one * 10 == int(one * 10) for one in class_breaks(values))

    @pytest.mark.parametrize(
        "values",
        [
            [10] * 50 + [15] * 3 + [20, 25, 30, 1000],
            [0, 0, 0, 0, 0, 0, 1],
            [5, 10, 15, 20, 25],
            [10, 15],
            [3, 1_000_000, 4, 5, 6, 7, 8],
            [-3, -2, -1, 0, 1, 2, 3, 4],
        ],
    )
    def test_no_class_is_empty(self, values: list[int]) -> None:
        numbers = [Decimal(value) for value in values]
        breaks = class_breaks(numbers)
        assert list(breaks) == sorted(set(breaks)) and len(breaks) <= 4
        assert min(class_counts(numbers, breaks)) > 0
        assert len(breaks) >= min(len(set(values)), 5) - 2

    def test_random_values_never_leave_a_class_empty(self) -> None:
        chance = np.random.default_rng(7)
        for _ in range(300):
            scale = float(10 ** chance.integers(0, 5))
            drawn = chance.lognormal(0, 1.5, int(chance.integers(1, 60))) * scale
            values = [Decimal(f"{value:.1f}") for value in drawn]
            assert min(class_counts(values, class_breaks(values))) > 0

    @pytest.mark.parametrize("values", [[], [40], [40, 40, 40]])
    def test_one_value_has_no_breaks(self, values: list[int]) -> None:
        assert class_breaks(values) == ()

    @pytest.mark.parametrize("scheme", ["YlGnBu", "YlOrBr"])
    @pytest.mark.parametrize("classes", [1, 2, 3, 4, 5])
    def test_ramp_darkens(self, scheme: str, classes: int) -> None:
        def lightness(colour: str) -> float:
            red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue

        shades = [lightness(colour) for colour in ramp(scheme, classes)]
        assert len(shades) == classes
        assert all(before - after > 15 for before, after in pairwise(shades))


class TestGeometry:
    def test_neighbours_keep_their_shared_edge(self, con: duckdb.DuckDBPyConnection) -> None:
        (lsoas,) = read_geographies(con)
        first, second = (set(ring) for ring in rings(lsoas))
        # Eleven points make the border; simplified at 10 m all are needed, and both areas have the same.
        assert len(first & second) == 11
        assert [area.code for area in lsoas.areas] == ["E01999001", "E01999002"]
        assert lsoas.areas[0].name == "E01999001"  # no name in the table: the code stands for it

    def test_simplifying_takes_points_off_both_sides_alike(self, con: duckdb.DuckDBPyConnection) -> None:
        polygons = shapely.from_wkb(
            [bytes(row[0]) for row in con.execute("SELECT geometry_wkb FROM published.area").fetchall()]
        )
        coarse = simplify_coverage(polygons, 100)
        assert shapely.get_num_coordinates(coarse).sum() < shapely.get_num_coordinates(polygons).sum()
        assert shapely.area(coarse).sum() == pytest.approx(shapely.area(polygons).sum())
        assert shapely.intersection(coarse[0], coarse[1]).area == 0

    def test_five_decimals_of_the_exact_conversion(self) -> None:
        # Framingham, the worked example of Ordnance Survey's guide to its transformation OSTN15.
        ((longitude, latitude),) = to_longitude_latitude(np.array([[651409.804, 313177.450]]))
        assert (longitude, latitude) == pytest.approx((1.71607, 52.65801), abs=2e-6)
        assert round(longitude, 5) == longitude and round(latitude, 5) == latitude

    def test_off_the_national_grid_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="outside the national grid"):
            to_longitude_latitude(np.array([[1e7, 5.0]]))

    def test_outline_is_the_union(self, con: duckdb.DuckDBPyConnection) -> None:
        outline = shapely.from_geojson(json.dumps(read_outline(con)))
        assert len(shapely.get_parts(outline)) == 1
        (lsoas,) = read_geographies(con)
        whole = shapely.union_all(
            [shapely.from_geojson(json.dumps(one["geometry"])) for one in lsoas.features]
        )
        assert outline.symmetric_difference(whole).area == pytest.approx(0, abs=1e-12)

    def test_outline_of_areas_that_overlap(self, con: duckdb.DuckDBPyConnection) -> None:
        wkb = shapely.to_wkb(shapely.multipolygons([shapely.box(WEST, SOUTH, WEST + 1500, SOUTH + 1000)]))
        con.execute("UPDATE published.area SET geometry_wkb = ? WHERE area_code = 'E01999001'", [wkb])
        outline = shapely.from_geojson(json.dumps(read_outline(con)))
        assert len(shapely.get_parts(outline)) == 1

    def test_an_area_without_geometry_is_named(self, con: duckdb.DuckDBPyConnection) -> None:
        con.execute("UPDATE published.area SET geometry_wkb = NULL WHERE area_code = 'E01999002'")
        with pytest.raises(ValueError, match="E01999002 has no geometry"):
            read_geographies(con)

    def test_roads_by_class_the_greatest_on_top(self, con: duckdb.DuckDBPyConnection) -> None:
        roads = read_roads(con)
        assert [road["properties"]["road"] for road in roads] == ["local", "a"]
        assert roads[0]["geometry"]["type"] == "MultiLineString"

    def test_too_many_roads_lose_the_least(
        self, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pipelines.draw.areas.ROAD_VERTICES", 3)
        assert [road["properties"]["road"] for road in read_roads(con)] == ["a"]

    def test_no_roads(self, con: duckdb.DuckDBPyConnection) -> None:
        con.execute("DELETE FROM published.road")
        assert read_roads(con) == ()


def choropleth(*figures: Figure) -> Choropleth:
    return Choropleth(
        title="A map",
        sentence="A sentence.",
        topic_label="Dataset",
        topics=[
            Topic(
                "badges", "Blue badges", "badges", (Period("1", "One", ""), Period("2", "Two", "")), source=""
            )
        ],
        measures=[Measure("use", "Use", "number of {counts}", "YlGnBu", "more")],
        figures=figures,
    )


class TestFigures:
    def test_arranged_by_period_and_area(self, con: duckdb.DuckDBPyConnection) -> None:
        page = choropleth(
            Figure("badges", "lsoa", "E01999001", "1", "use", 20, "published"),
            Figure("badges", "lsoa", "E01999002", "1", "use", None, "hidden"),
            Figure("badges", "lsoa", "E01999002", "2", "use", Decimal("35.5"), "published"),
            Figure("badges", "lsoa", "E01999999", "2", "use", 80, "published"),
            Figure("badges", "msoa", "E02999999", "2", "use", 80, "published"),
        )
        arranged, undrawn = arrange_figures(page, read_geographies(con))
        use = arranged["badges"]["lsoa"]["use"]
        assert use["values"] == [[20, WITHHELD], [NO_FIGURE, 35.5]]
        # The figure of the area that is not drawn must not shape the classes either.
        assert use["breaks"] == [35]
        assert len(use["colours"]) == 2
        assert undrawn == 1
        assert "msoa" not in arranged["badges"]

    def test_not_applicable_is_not_withheld(self, con: duckdb.DuckDBPyConnection) -> None:
        page = choropleth(
            Figure("badges", "lsoa", "E01999001", "1", "use", None, "not applicable"),
            Figure("badges", "lsoa", "E01999002", "1", "use", None, "hidden"),
        )
        arranged, _ = arrange_figures(page, read_geographies(con))
        assert arranged["badges"]["lsoa"]["use"]["values"][0] == [NO_FIGURE, WITHHELD]

    def test_a_hidden_figure_with_a_value_stops_the_page_without_telling_it(
        self, con: duckdb.DuckDBPyConnection
    ) -> None:
        page = choropleth(Figure("badges", "lsoa", "E01999001", "1", "use", 7, "hidden"))
        with pytest.raises(ValueError, match="hidden figure carries a value") as failure:
            arrange_figures(page, read_geographies(con))
        assert "7" not in str(failure.value)

    def test_intervals_stand_beside_their_figures(self, con: duckdb.DuckDBPyConnection) -> None:
        sure = Figure(
            "badges", "lsoa", "E01999001", "1", "use", 20, "published", 15, Decimal("25.5"), False, "high"
        )
        unsure = Figure("badges", "lsoa", "E01999002", "2", "use", 20, "published", 1, 60, True)
        page = choropleth(sure, unsure, Figure("badges", "lsoa", "E01999002", "1", "use", None, "hidden"))
        plain, _ = arrange_figures(page, read_geographies(con))
        # Nothing of it where the measure has no words for it.
        assert set(plain["badges"]["lsoa"]["use"]) == {"breaks", "colours", "values"}
        (measure,) = page.measures
        told = replace(
            measure, interval="likely", unsure="uncertain", outlines=(("high", "High"), ("low", "Low"))
        )
        arranged, _ = arrange_figures(replace(page, measures=[told]), read_geographies(con))
        use = arranged["badges"]["lsoa"]["use"]
        assert use["low"] == [[15, NO_FIGURE], [NO_FIGURE, 1]]
        assert use["high"] == [[25.5, NO_FIGURE], [NO_FIGURE, 60]]
        assert use["unsure"] == [[], [1]]
        assert use["outlined"] == {"high": [[0], []], "low": [[], []]}

    @pytest.mark.parametrize("more", [{"low": 0}, {"inner_high": 9}, {"is_unsure": True}, {"mark": "high"}])
    def test_a_hidden_figure_with_an_interval_or_a_mark_stops_the_page(
        self, con: duckdb.DuckDBPyConnection, more: dict[str, Any]
    ) -> None:
        page = choropleth(Figure("badges", "lsoa", "E01999001", "1", "use", None, "hidden")._replace(**more))
        with pytest.raises(ValueError, match="hidden figure carries a value"):
            arrange_figures(page, read_geographies(con))

    def test_history_is_of_the_periods_before(self, con: duckdb.DuckDBPyConnection) -> None:
        page = choropleth()
        (topic,) = page.topics
        before = (Period("-1", "Minus one", ""), Period("0", "Nought", ""))
        page = replace(
            page,
            topics=[replace(topic, history=before)],
            history=[
                Figure("badges", "lsoa", "E01999001", "0", "use", 20, "published"),
                Figure("badges", "lsoa", "E01999002", "0", "use", None, "hidden"),
                Figure("badges", "lsoa", "E01999001", "1", "use", 80, "published"),
            ],
        )
        assert arrange_history(page, read_geographies(con)) == {
            "badges": {
                "measure": "use",
                "periods": ["-1", "0"],
                "labels": ["Minus one", "Nought"],
                "figures": {"lsoa": [[NO_FIGURE, NO_FIGURE], [20, WITHHELD]]},
            }
        }
        leaky = replace(page, history=[Figure("badges", "lsoa", "E01999001", "0", "use", 7, "hidden")])
        with pytest.raises(ValueError, match="hidden figure carries a value"):
            arrange_history(leaky, read_geographies(con))


class TestShell:
    def page(self, con: duckdb.DuckDBPyConnection, **parts: object) -> str:
        release = read_release(con)
        values = {"title": "T", "sentence": "S", "release": release, "body": Markup("<main></main>"), **parts}
        return Page(**values).html()  # type: ignore[arg-type]

    def test_text_is_escaped(self, con: duckdb.DuckDBPyConnection) -> None:
        con.execute("UPDATE published.disclosure_rule SET authority_name = '<img src=x onerror=alert(1)>'")
        html = self.page(con, title="</title><script>alert(1)</script>")
        assert "<img" not in html and "<script>alert" not in html
        assert "&lt;/title&gt;&lt;script&gt;alert(1)" in html

    def test_data_cannot_end_their_script(self, con: duckdb.DuckDBPyConnection) -> None:
        name = "</script><script>alert(1)</script><!-- & \u2028"
        html = self.page(con, data={"name": name})
        (text,) = re.findall(
            r'<script type="application/json" id="page-data">(.*?)</script>', html, re.DOTALL
        )
        assert json.loads(text) == {"name": name}
        assert not re.search("[<>&\u2028]", text)

    def test_not_a_number_is_an_error(self) -> None:
        with pytest.raises(ValueError):
            json_for_html(float("nan"))

    def test_policy_allows_the_given_scripts_only(self, con: duckdb.DuckDBPyConnection) -> None:
        html = self.page(con, scripts=["let x = 1;\n"])
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
        assert "default-src 'none'" in policy.replace("&#39;", "'")
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert policy.count("sha256-") == 1
        assert "script-src 'none'" in content_security_policy([])

    def test_a_script_that_would_end_early_is_refused(self, con: duckdb.DuckDBPyConnection) -> None:
        with pytest.raises(ValueError, match="end it early"):
            self.page(con, scripts=["const text = '</SCRIPT>';"])

    def test_leaflet_asks_for_no_file(self) -> None:
        assert "url(" not in leaflet_style()
        assert "sourceMappingURL" not in leaflet_script()
        assert "Leaflet 1.9" in leaflet_script()  # its licence's notice stays


class TestGallery:
    def module(self, name: str, **parts: object) -> MapPage:
        module = ModuleType(f"assets.maps.{name}")
        vars(module).update({"TITLE": "Title & more", "SENTENCE": "One sentence.", **parts})
        return cast(MapPage, module)

    def test_links_are_relative_and_text_is_escaped(self, con: duckdb.DuckDBPyConnection) -> None:
        html = gallery(con, [self.module("demand"), self.module("data_quality")])
        assert re.findall(r'href="(maps/[^"]*)"', html) == ["maps/demand.html", "maps/data_quality.html"]
        assert html.count("Title &amp; more") == 2
        assert "Counts of 0 to 9 are hidden." in html
        assert "Data to 30 June 2026" in html
        assert "http:" not in html and "https:" not in html

    def test_pages_stand_in_their_places(self, con: duckdb.DuckDBPyConnection) -> None:
        html = gallery(con, [self.module("a"), self.module("b", PLACE=2), self.module("c", PLACE=1)])
        assert re.findall(r'href="maps/(.)\.html"', html) == ["c", "b", "a"]

    def test_thumbnail_is_a_picture(self, con: duckdb.DuckDBPyConnection) -> None:
        html = gallery(con, [self.module("demand", thumbnail=lambda con: "<svg></svg>")])
        assert '<div class="thumbnail"><svg></svg></div>' in html

    def test_bars_fill_their_width(self) -> None:
        svg = draw_bars_thumbnail([[3, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
        assert [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)"', svg)] == [216.0, 72.0]
