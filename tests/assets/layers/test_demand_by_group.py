"""Recorded use by group and by any geography, who lives in the areas, and how precise places are, counted by hand."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.four_squares import FourSquares, Property, answer
from tests.river_town import select
from tests.small_authority import CODE, LSOAS, MSOA, OUTPUT_AREAS, SIDE, SOUTH, WARDS, WEST, write_areas

LSOA1, LSOA2 = LSOAS
WARD1, WARD2 = WARDS
WEST_WARD, EAST_WARD = WARD1, "E05000022"
LAYERS = (
    "area_profile",
    "area_group",
    "demand_by_area",
    "demand_by_group",
    "precision_by_geography",
    "demand_by_geography",
)
HEADING = "Tenure of household: "


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    ground = FourSquares(tmp_path_factory.mktemp("grouped"))
    # The wards of 2022 part the squares in the middle; the first keeps its code when it grows.
    boundaries = ground.folder / "sources" / "area_boundary"
    write_areas(boundaries / "ward_2022.geojson", "WD22", {WEST_WARD: (0, 2), EAST_WARD: (2, 4)})
    lookup = [("OA21CD", "WD19CD"), *((oa, "E05000019") for oa in OUTPUT_AREAS[:3])]
    ground.source("area_lookup", "wards_2019.csv", lookup)
    ground.properties(
        Property(1, 1, 100, "QX1 1AA"), Property(2, 1, 110, "QX1 1AA"), Property(3, 2, 100, "QX2 2BB"),
        Property(4, 3, 100, "QX2 2BB"), Property(5, 4, 10),
    )  # fmt: skip
    ground.postcodes(QX11AA=(WEST + 50, SOUTH + SIDE // 2), QX22BB=(WEST + SIDE + 50, SOUTH + SIDE // 2))
    people = ("LSOA 2021 Code", "Total", "F65 and over", "M65 and over")
    ground.source("population", "p_2025.csv", [people, (LSOA1, 60, 1, 1), (LSOA2, 100, 3, 7)])
    columns = (
        "Total: All households",
        "Owned",
        "Shared ownership",
        "Social rented",
        "Private rented",
        "Lives rent free",
    )
    header = ("date", "geography", "geography code", *(HEADING + column for column in columns))
    rows = [(2021, LSOA1, LSOA1, 30, 10, 2, 11, 6, 1), (2021, LSOA2, LSOA2, 40, 30, 0, 8, 2, 0)]
    ground.source("household_tenure", "census-ts054-lsoa.csv", [header, *rows])
    imd = "Index of Multiple Deprivation (IMD)"
    header = ("LSOA code (2021)", f"{imd} Score", f"{imd} Rank", f"{imd} Decile")
    ground.source("deprivation", "d_2025.csv", [header, (LSOA1, "12.5", 100, 1), (LSOA2, 3, 30_000, 9)])
    described = "title: T\nowner: O\nsensitivity: open\nas_at: 2026-09-30\n"
    ground.dataset(
        "care",
        described + "columns:\n  UPRN: uprn\n  PC: postcode\n  LSOA: area_code\n"
        "  T: {is: category, as: tenure, values: [Secure, Owner occupier]}\n"
        "  BORN: {is: personal, keep: age_band}\n",
        {
            "c.csv": [
                ["UPRN", "PC", "LSOA", "T", "BORN"],
                [1, "", "", "Secure", "1950-01-01"],
                [5, "", "", "Owner occupier", "1990-01-01"],
                ["", "QX1 1AA", "", "secure", ""],
                ["", "QX2 2BB", "", "", "1940-01-01"],  # its homes lie in both LSOAs, and in one ward of 2025
                ["", "", LSOA2, "Castle", ""],  # in two wards of 2025, and in one of 2022
                ["", "QX9 9ZZ", "", "", ""],  # nowhere
            ]
        },
    )  # fmt: skip
    ground.dataset("bins", described + "columns: {UPRN: uprn}\n", {"b.csv": [["UPRN"], [1]]})
    with ground.made("places") as made:
        made.execute("CREATE SCHEMA IF NOT EXISTS layers")
        for layer in LAYERS:
            select(made, f"layers.{layer}")
        yield made


def groups(con: duckdb.DuckDBPyConnection, dataset: str, breakdown: str) -> dict[str, int]:
    """Recorded use by group, groups without any too."""
    sql = "SELECT group_name, recorded_use FROM layers.demand_by_group WHERE dataset = ? AND breakdown = ?"
    return dict(con.execute(sql, [dataset, breakdown]).fetchall())


def test_by_age_and_tenure_as_the_service_records_them(con: duckdb.DuckDBPyConnection) -> None:
    assert groups(con, "care", "age") == {"under 65": 1, "65 and over": 2, "not known": 3}
    assert groups(con, "care", "tenure") == {
        "owned": 1, "social rented": 2, "private rented": None, "other": None, "not known": 3,
    }  # fmt: skip


def test_dataset_that_does_not_say_has_no_rows_of_that_breakdown(con: duckdb.DuckDBPyConnection) -> None:
    assert groups(con, "bins", "age") == {}
    assert groups(con, "bins", "tenure") == {}
    assert groups(con, "bins", "deprivation")["1, most deprived"] == 1


def test_by_fifth_of_deprivation(con: duckdb.DuckDBPyConnection) -> None:
    assert groups(con, "care", "deprivation") == {
        "1, most deprived": 3, "2": 0, "3": 0, "4": 0, "5, least deprived": 2, "not known": 1,
    }  # fmt: skip


def test_precise_enough_for_each_kind_of_area(con: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT geography, records, records_precise_enough FROM layers.precision_by_geography WHERE dataset = 'care'"
    assert sorted(answer(con, sql)) == [("authority", 6, 5), ("lsoa", 6, 4), ("msoa", 6, 5), ("ward", 6, 4)]


def test_who_lives_in_each_area(con: duckdb.DuckDBPyConnection) -> None:
    """LSOA 2 lies half in either ward, with a home in each: what is told of it is shared out."""

    def of(area: str, breakdown: str) -> list[tuple[str, int, str, str]]:
        return con.execute(
            "SELECT group_name, number, unit, as_of FROM layers.area_group WHERE area_code = ? AND breakdown = ? "
            "ORDER BY number DESC, group_name",
            [area, breakdown],
        ).fetchall()

    assert of(LSOA1, "age") == [("under 65", 58, "people", "2025"), ("65 and over", 2, "people", "2025")]
    assert of(WARD2, "age") == [("under 65", 45, "people", "2025"), ("65 and over", 5, "people", "2025")]
    assert of(WARD1, "tenure") == [
        ("owned", 27, "households", "2021"),  # shared owners are among them
        ("social rented", 15, "households", "2021"),
        ("private rented", 7, "households", "2021"),
        ("other", 1, "households", "2021"),
    ]
    assert of(CODE, "deprivation") == [
        ("1, most deprived", 3, "homes", "2025"), ("5, least deprived", 2, "homes", "2025"),
        ("2", 0, "homes", "2025"), ("3", 0, "homes", "2025"), ("4", 0, "homes", "2025"),
    ]  # fmt: skip
    assert of(WARD1, "deprivation")[:2] == [
        ("1, most deprived", 3, "homes", "2025"), ("5, least deprived", 1, "homes", "2025"),
    ]  # fmt: skip
    assert {row[0] for row in of(MSOA, "tenure")} == {"owned", "social rented", "private rented", "other"}


def test_newest_wards_are_in_use_and_the_others_are_geographies(con: duckdb.DuckDBPyConnection) -> None:
    found = answer(
        con,
        "SELECT geography, is_in_use, method, string_agg(right(coalesce(area_code, '-'), 1), '' ORDER BY oa_code) "
        "FROM places.geography GROUP BY ALL ORDER BY ALL",
    )
    assert [row[:3] for row in found] == [
        ("lsoa 2021", True, "point"), ("msoa 2021", True, "point"), ("ward 2019", False, "lookup"),
        ("ward 2019", False, "point"), ("ward 2022", False, "point"), ("ward 2025", True, "point"),
    ]  # fmt: skip
    by_square = {row[0]: row[3] for row in found}
    assert by_square["ward 2022"] == WEST_WARD[-1] * 2 + EAST_WARD[-1] * 2
    assert by_square["ward 2025"] == WARD1[-1] * 3 + WARD2[-1]
    # The lookup of 2019 says nothing of the fourth square.
    assert by_square["ward 2019"] == "-"


def test_recorded_use_by_another_geography(con: duckdb.DuckDBPyConnection) -> None:
    """Beside it what was placed precisely enough to say which area; what is in none has a row, too."""

    def of(geography: str) -> list[tuple[str, int, int]]:
        return con.execute(
            "SELECT area_code, recorded_use, placed_precisely_enough FROM layers.demand_by_geography "
            "WHERE geography = ? AND dataset = 'care' ORDER BY area_code",
            [geography],
        ).fetchall()

    assert of("ward 2022") == [(EAST_WARD, 2, 2), (WEST_WARD, 3, 2), ("not known", 1, 0)]
    assert of("ward 2025") == [(WARD1, 4, 3), (WARD2, 1, 1), ("not known", 1, 0)]
    # Three are sure to lie in the first three squares; of the LSOA whose code a record gives one half does.
    assert of("ward 2019") == [("E05000019", 4, 3), ("not known", 2, 0)]


def test_geographies_in_use_agree_with_demand_by_area(con: duckdb.DuckDBPyConnection) -> None:
    differ = """
        SELECT * FROM layers.demand_by_geography AS other
        JOIN layers.demand_by_area AS demand USING (dataset, area_type, area_code, period)
        JOIN (SELECT DISTINCT geography FROM places.geography WHERE is_in_use) USING (geography)
        WHERE other.recorded_use <> demand.recorded_use
    """
    assert con.execute(differ).fetchall() == []


def test_each_geography_adds_up_to_the_authority(con: duckdb.DuckDBPyConnection) -> None:
    sums = answer(
        con,
        "SELECT DISTINCT sum(recorded_use) FROM layers.demand_by_geography WHERE dataset = 'care' GROUP BY geography",
    )
    assert sums == [6]
