"""Layers on ground small enough to count by hand: demand, overlap, distances, denominators, accounts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import shapely

from pipelines.tables import tables_of
from tests.four_squares import FourSquares, Property, answer
from tests.small_authority import CODE, LSOAS, MSOA, OUTPUT_AREAS, SIDE, SOUTH, WARDS, WEST

OA1, OA2, OA3, OA4 = OUTPUT_AREAS
LSOA1, LSOA2 = LSOAS
WARD1, WARD2 = WARDS
MIDDLE = SOUTH + SIDE // 2

OPEN = "title: T\nowner: O\nsensitivity: open\n"
# Homes: two in the first square, one in the second, one in the third, four in the last.
HOMES = [
    Property(1, 1, 100), Property(2, 1, 110), Property(3, 2, 100), Property(4, 3, 100),
    Property(5, 4, 10), Property(6, 4, 20), Property(7, 4, 30), Property(8, 4, 40),
    Property(9, 4, 50, class_code="PP"), Property(10, 4, 60, class_code="RI01"),
]  # fmt: skip
PEOPLE = [("LSOA 2021 Code", "Total", "F65 and over", "M65 and over"), (LSOA1, 60, 1, 1), (LSOA2, 100, 1, 1)]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Four services and two kinds of site on eight homes."""
    ground = FourSquares(tmp_path_factory.mktemp("layers"))
    ground.properties(*HOMES)
    ground.postcodes(QX11AA=(WEST + 50, MIDDLE))
    ground.source("population", "p.csv", PEOPLE)
    imd = "Index of Multiple Deprivation (IMD)"
    header = ("LSOA code (2021)", f"{imd} Score", f"{imd} Rank", f"{imd} Decile")
    ground.source("deprivation", "d.csv", [header, (LSOA1, "12.5", 100, 1), (LSOA2, 3, 30_000, 9)])
    ground.dataset(
        "tax",
        OPEN + "as_at: file_name\ncounts: account\ncolumns: {REF: record_reference, UPRN: uprn, BAND: {is: category, "
        "values: [A]}}\nexclude: [{column: REF, equals: Total, because: a total row}]\n",
        {
            "t_2026-08.csv": [["REF", "UPRN", "BAND"], ["a", 1, "A"], ["b", 2, "A"], ["c", 3, "A"]],
            "t_2026-09-01.csv": [["REF", "UPRN", "BAND"], ["a", 8, "A"]],
            "t_2026-09-30.csv": [
                ["REF", "UPRN", "BAND"],
                ["a", 1, "A"], ["b", 1, "B"], ["c", 3, "A"], ["d", 5, "A"], ["e", 9, "A"], ["f", 10, "A"],
                ["g", "100023000000", "A"], ["h", 999, "A"], ["Total", "", "8"], ["short"],
            ],
        },
    )  # fmt: skip
    flow = "kind: flow\nperiod: {}\ncolumns: {{REF: record_reference, UPRN: uprn, ON: event_date}}\n"
    events = [
        ["REF", "UPRN", "ON"], [1, 1, "2025-12-31"], [2, 1, "2026-01-01"], [3, 3, "2026-03-31"], [4, 3, "2026-04-01"],
        [5, 10, "2026-04-02"], [6, 9, "2026-04-02"], [7, "", "2026-11-30"], [8, 1, "someday"],
    ]  # fmt: skip
    # Its last quarter is not over.
    ground.dataset("care", OPEN + "as_at: 2026-12-15\n" + flow.format("quarter"), {"care.csv": events})
    ground.dataset("calls", OPEN + flow.format("year"), {"calls.csv": events[:6]})
    ground.dataset("visits", OPEN + flow.format("month"), {"visits.csv": events[:3]})
    tally = OPEN + "as_at: 2026-09-30\ncounts: claimant\ncolumns: {LSOA: area_code, N: weight}\n"
    tally += "exclude: [{column: LSOA, equals: Total, because: a total row}]\n"
    claims = [["LSOA", "N"], [LSOA1, 7], [LSOA2, 5], [LSOA2, ""], ["E01000001", 2], ["Total", 14], ["", 1]]
    ground.dataset("claims", tally, {"claims.csv": claims})
    sites = OPEN + "as_at: 2026-09-30\n"
    sites += "columns: {REF: record_reference, Name: {is: text, as: name}, E: easting, N: northing}\n"
    header_of_sites = ["REF", "Name", "E", "N"]
    ground.dataset(
        "libraries", sites,
        {"l.csv": [
            header_of_sites, ["w", "West", WEST, MIDDLE], ["e", "East", WEST + 2 * SIDE, MIDDLE], ["n", "", "", ""],
        ]},
        group="sites",
    )  # fmt: skip
    # Two at one place, and one as far away on the other side of the home of the second square.
    hubs = [
        header_of_sites,
        ["b", "", WEST + 290, MIDDLE],
        ["a", "", WEST + 310, MIDDLE],
        ["c", "", WEST + 290, MIDDLE],
    ]
    ground.dataset("hubs", sites, {"h.csv": hubs}, group="sites")
    with ground.made() as made:
        yield made


# Denominators


def test_denominators(con: duckdb.DuckDBPyConnection) -> None:
    found = answer(
        con, "SELECT area_type, area_code, homes, people, imd_decile FROM layers.area_profile ORDER BY ALL"
    )
    assert found == [
        ("authority", CODE, 8, 160, None),
        ("lsoa", LSOA1, 3, 60, 1),
        ("lsoa", LSOA2, 5, 100, 9),
        ("msoa", MSOA, 8, 160, None),
        # LSOA 2 lies in both wards: its people go by homes, one of five in ward 1.
        ("ward", WARD1, 4, 80, None),
        ("ward", WARD2, 4, 80, None),
    ]


def test_people_by_output_areas_where_no_homes_are_known(tmp_path: Path) -> None:
    ground = FourSquares(tmp_path)
    ground.source("population", "p.csv", PEOPLE)
    with ground.made() as con:
        found = answer(
            con,
            "SELECT area_code, homes, people FROM layers.area_profile WHERE area_type = 'ward' ORDER BY 1",
        )
        assert found == [(WARD1, None, 110), (WARD2, None, 50)]
        # Nothing is known of sites, homes or services: the layers are there, and empty.
        empty = "demand_by_area service_overlap distance_to_site nearest_site site road accounting data_issue"
        for layer in empty.split():
            assert answer(con, f"SELECT count(*) FROM layers.{layer}") == [0], layer


def test_people_of_output_areas_are_summed(tmp_path: Path) -> None:
    """And then the figures of LSOAs in the same table do not count a second time."""
    ground = FourSquares(tmp_path)
    override = ground.folder / "sources" / "population" / "source.yaml"
    override.parent.mkdir()
    override.write_text("columns: {Area: area_code, Total: people}\n", "utf-8")
    people = [
        ("Area", "Total"),
        *((oa, n) for n, oa in enumerate(OUTPUT_AREAS, start=1)),
        (LSOA1, 999),
        ("E01000001", 5),
    ]
    ground.source("population", "p.csv", people)
    with ground.made() as con:
        found = dict(answer(con, "SELECT area_code, people FROM layers.area_profile"))
        assert found == {CODE: 10, LSOA1: 3, LSOA2: 7, MSOA: 10, WARD1: 6, WARD2: 4}


# Demand


def demand(con: duckdb.DuckDBPyConnection, dataset: str, *wanted: str) -> dict[str, list[int]]:
    """Recorded use by period of each area wanted."""
    found: dict[str, list[int]] = {area: [] for area in wanted}
    for area, use in con.execute(
        "SELECT area_code, recorded_use FROM layers.demand_by_area WHERE dataset = ? ORDER BY period_start",
        [dataset],
    ).fetchall():
        if area in found:
            found[area].append(use)
    return found


def test_grid_of_demand_is_whole(con: duckdb.DuckDBPyConnection) -> None:
    """Every area in every period, those without any use too; within a type of area nothing is counted twice."""
    areas = 6
    periods = {"tax": 2, "care": 5, "calls": 2, "visits": 2, "claims": 1}
    found = dict(answer(con, "SELECT dataset, count(*) FROM layers.demand_by_area GROUP BY ALL"))
    assert found == {name: areas * count for name, count in periods.items()}
    assert answer(
        con, "SELECT count(*) FROM layers.demand_by_area WHERE recorded_use IS NULL OR homes IS NULL"
    ) == [0]


def test_stock_takes_the_last_extract_of_a_month(con: duckdb.DuckDBPyConnection) -> None:
    columns = "period, period_start, period_end, is_latest, recorded_use"
    found = f"SELECT {columns} FROM layers.demand_by_area WHERE dataset = 'tax' AND area_type = 'authority' ORDER BY 1"
    assert answer(con, found) == [
        ("2026-08", date(2026, 8, 1), date(2026, 8, 31), False, 3),
        # Two of the eight have no place: the authority counts them, no smaller area does.
        ("2026-09", date(2026, 9, 1), date(2026, 9, 30), True, 8),
    ]
    assert demand(con, "tax", LSOA1, LSOA2, WARD1, WARD2, MSOA) == {
        LSOA1: [3, 3], LSOA2: [0, 3], WARD1: [3, 3], WARD2: [0, 3], MSOA: [3, 6],
    }  # fmt: skip


def test_flow_by_quarter(con: duckdb.DuckDBPyConnection) -> None:
    """A quarter that the data do not cover to its end is not the latest; one in which nothing was recorded may be."""
    columns = "period, period_start, period_end, is_complete, is_latest, recorded_use"
    found = f"SELECT {columns} FROM layers.demand_by_area WHERE dataset = 'care' AND area_type = 'authority' ORDER BY 1"
    assert answer(con, found) == [
        ("2025 Q4", date(2025, 10, 1), date(2025, 12, 31), True, False, 1),
        ("2026 Q1", date(2026, 1, 1), date(2026, 3, 31), True, False, 2),
        ("2026 Q2", date(2026, 4, 1), date(2026, 6, 30), True, False, 3),
        ("2026 Q3", date(2026, 7, 1), date(2026, 9, 30), True, True, 0),
        ("2026 Q4", date(2026, 10, 1), date(2026, 12, 31), False, False, 1),
    ]
    assert demand(con, "care", LSOA1, LSOA2) == {LSOA1: [1, 2, 1, 0, 0], LSOA2: [0, 0, 2, 0, 0]}


def test_flow_by_year_and_month(con: duckdb.DuckDBPyConnection) -> None:
    for dataset, wanted in {
        "calls": [
            ("2025", date(2025, 1, 1), date(2025, 12, 31), 1),
            ("2026", date(2026, 1, 1), date(2026, 12, 31), 4),
        ],
        "visits": [
            ("2025-12", date(2025, 12, 1), date(2025, 12, 31), 1),
            ("2026-01", date(2026, 1, 1), date(2026, 1, 31), 1),
        ],
    }.items():
        columns = "period, period_start, period_end, recorded_use"
        of_authority = f"WHERE dataset = '{dataset}' AND area_type = 'authority'"
        assert answer(con, f"SELECT {columns} FROM layers.demand_by_area {of_authority} ORDER BY 1") == wanted


def test_tally_counts_by_weight(con: duckdb.DuckDBPyConnection) -> None:
    assert demand(con, "claims", CODE, LSOA1, LSOA2, MSOA, WARD1, WARD2) == {
        CODE: [15],  # the two of another authority and the one of nowhere too; not the total row
        LSOA1: [7], LSOA2: [5], MSOA: [12],
        WARD1: [12],  # LSOA 2 lies half in either ward; by its code alone it goes to the first
        WARD2: [0],
    }  # fmt: skip


def test_smaller_areas_never_come_to_more_than_the_authority(con: duckdb.DuckDBPyConnection) -> None:
    over = """
        SELECT 1 FROM layers.demand_by_area AS whole
        JOIN (
            SELECT dataset, period, area_type, sum(recorded_use) AS use FROM layers.demand_by_area GROUP BY ALL
        ) AS part USING (dataset, period)
        WHERE whole.area_type = 'authority' AND part.area_type <> 'authority' AND part.use > whole.recorded_use
    """
    assert answer(con, over) == []


# Overlap


def test_overlap_counts_properties_once(con: duckdb.DuckDBPyConnection) -> None:
    """Of the latest extract: tax knows 1, 3, 5, 10; care 1, 3, 10; calls 1, 3, 10; visits 1; a building is none."""
    columns = "dataset_a, dataset_b, properties_a, properties_b, properties_both"
    found = answer(
        con, f"SELECT {columns} FROM layers.service_overlap WHERE area_type = 'authority' ORDER BY ALL"
    )
    assert found == [
        ("calls", "care", 3, 3, 3),
        ("calls", "tax", 3, 4, 3),
        ("calls", "visits", 3, 1, 1),
        ("care", "tax", 3, 4, 3),
        ("care", "visits", 3, 1, 1),
        ("tax", "visits", 4, 1, 1),
    ]
    by_area = "SELECT area_code, properties_a, properties_b, properties_both FROM layers.service_overlap"
    assert answer(
        con,
        f"{by_area} WHERE dataset_a = 'care' AND dataset_b = 'tax' AND area_type <> 'authority' ORDER BY 1",
    ) == [
        (LSOA1, 2, 2, 2),
        (LSOA2, 1, 2, 1),
        (MSOA, 3, 4, 3),
        (WARD1, 2, 2, 2),
        (WARD2, 1, 2, 1),
    ]


def test_overlap_by_small_area_of_the_ten_pairs_that_share_most() -> None:
    """Six services, the sixth with one property that all know: its five pairs are for the whole authority alone."""
    table = next(table for table in tables_of("layers") if table.name == "service_overlap")
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA places; CREATE SCHEMA layers")
        con.execute("""
            CREATE TABLE places.property_profile AS
            SELECT uprn, 'A' AS authority_code, 'L' AS lsoa_code, 'W' AS ward_code,
                ['a', 'b', 'c', 'd', 'e'] || CASE WHEN uprn = 1 THEN ['f'] ELSE [] END AS services
            FROM range(1, 4) AS r(uprn)
        """)
        con.execute("CREATE TABLE places.uprn AS SELECT uprn, 'M' AS msoa_code FROM places.property_profile")
        con.execute("""
            CREATE TABLE layers.area_profile AS
            SELECT 'A' AS authority_code, area_type, area_code, area_code AS area_name
            FROM (VALUES ('authority', 'A'), ('ward', 'W'), ('msoa', 'M'), ('lsoa', 'L')) AS t(area_type, area_code)
        """)
        found = con.execute(
            f"SELECT area_type, count(*), count(*) FILTER (dataset_b = 'f'), sum(properties_both) FROM ({table.sql}) "
            "GROUP BY ALL ORDER BY 1"
        ).fetchall()
    assert found == [("authority", 15, 5, 35), ("lsoa", 10, 0, 30), ("msoa", 10, 0, 30), ("ward", 10, 0, 30)]


# Distance


def test_nearest_site_of_each_home(con: duckdb.DuckDBPyConnection) -> None:
    found = answer(
        con,
        "SELECT place, site_id, metres FROM layers.nearest_site WHERE site_kind = 'libraries' ORDER BY place",
    )
    assert found == [
        ("uprn 1", "w", 100), ("uprn 2", "w", 110), ("uprn 3", "e", 100), ("uprn 4", "e", 100),
        ("uprn 5", "e", 210), ("uprn 6", "e", 220), ("uprn 7", "e", 230), ("uprn 8", "e", 240),
    ]  # fmt: skip


def test_of_sites_equally_near_the_first_by_id(con: duckdb.DuckDBPyConnection) -> None:
    found = dict(answer(con, "SELECT place, site_id FROM layers.nearest_site WHERE site_kind = 'hubs'"))
    assert (found["uprn 3"], found["uprn 1"], found["uprn 8"]) == ("a", "b", "a")


def test_median_is_that_of_homes(con: duckdb.DuckDBPyConnection) -> None:
    columns = "area_code, homes, homes_measured, median_metres"
    columns += ", homes_within_400m, homes_within_800m, homes_within_1600m"
    found = answer(
        con, f"SELECT {columns} FROM layers.distance_to_site WHERE site_kind = 'libraries' ORDER BY 1"
    )
    assert found == [
        (LSOA1, 3, 3, 100, 3, 3, 3),
        (LSOA2, 5, 5, 220, 5, 5, 5),
        (MSOA, 8, 8, 110, 8, 8, 8),
        (WARD1, 4, 4, 100, 4, 4, 4),
        (WARD2, 4, 4, 220, 4, 4, 4),
        (CODE, 8, 8, 110, 8, 8, 8),
    ]  # fmt: skip


def test_median_goes_by_the_homes_of_a_tally(tmp_path: Path) -> None:
    """One place with 90 homes outweighs three places with one each; homes that cannot be measured are told apart."""
    ground = FourSquares(tmp_path)
    at = {"QX11AA": 0, "QX11BB": 500, "QX11CC": 700, "QX11DD": 790}
    ground.postcodes(**{postcode: (WEST + x, MIDDLE) for postcode, x in at.items()})
    tally = OPEN + "as_at: 2026-09-30\ncounts: home\ncolumns: {PC: postcode, LSOA: area_code, N: weight}\n"
    rows = [
        ["PC", "LSOA", "N"], ["QX1 1AA", "", 1], ["QX1 1BB", "", 90], ["QX1 1CC", "", 1], ["QX1 1DD", "", 1],
        ["", LSOA1, 8],
    ]  # fmt: skip
    ground.dataset("bands", tally, {"b.csv": rows})
    site = OPEN + "as_at: 2026-09-30\ncolumns: {E: easting, N: northing}\n"
    ground.dataset("libraries", site, {"l.csv": [["E", "N"], [WEST, MIDDLE]]}, group="sites")
    with ground.made() as con:
        columns = "area_code, homes, homes_measured, median_metres, homes_within_400m, homes_within_800m"
        found = {row[0]: row[1:] for row in answer(con, f"SELECT {columns} FROM layers.distance_to_site")}
        assert found[CODE] == (101, 93, 500, 1, 93)
        assert found[LSOA1] == (9, 1, 0, 1, 1)
        assert found[WARD2] == (2, 2, 700, 0, 2)
        names = answer(con, "SELECT site_id, name FROM layers.site")
        assert names == [("sites/libraries/l.csv#2", "sites/libraries/l.csv#2")]


def test_area_without_homes_has_no_median(tmp_path: Path) -> None:
    ground = FourSquares(tmp_path)
    ground.properties(Property(1, 1, 0))
    site = OPEN + "as_at: 2026-09-30\ncolumns: {E: easting, N: northing}\n"
    ground.dataset("libraries", site, {"l.csv": [["E", "N"], [WEST + 10, MIDDLE]]}, group="sites")
    with ground.made() as con:
        columns = "homes, homes_measured, median_metres, homes_within_400m"
        found = f"SELECT {columns} FROM layers.distance_to_site WHERE area_code = '{{}}'"
        assert answer(con, found.format(WARD2)) == [(0, 0, None, 0)]
        assert answer(con, found.format(WARD1)) == [(1, 1, 10, 1)]
        homes = dict(answer(con, "SELECT area_code, homes FROM layers.area_profile"))
        assert (homes[WARD1], homes[WARD2]) == (1, 0), "none is not the same as not known"


def test_sites_have_degrees(con: duckdb.DuckDBPyConnection) -> None:
    ((name, easting, longitude),) = answer(
        con, "SELECT name, easting, longitude FROM layers.site WHERE site_id = 'w'"
    )
    assert (name, easting) == ("West", Decimal(WEST))
    assert abs(longitude + 2) < Decimal("0.01")
    assert answer(con, "SELECT count(*) FROM layers.site") == [5]


# Accounts


def test_accounts_add_up(con: duckdb.DuckDBPyConnection) -> None:
    parts = ("property", "building", "point", "postcode", "area", "unplaced")
    for what in ("rows", "weight"):
        placed = " + ".join(f"{what}_{part}" for part in parts)
        wrong = f"{what}_read <> {what}_kept + {what}_rejected OR {what}_kept <> {placed}"
        assert answer(con, f"SELECT dataset FROM layers.accounting WHERE {wrong}") == []
    columns = "dataset, rows_read, rows_kept, rows_rejected, rows_property, rows_building, rows_point"
    columns += ", rows_area, rows_unplaced"
    assert answer(con, f"SELECT {columns} FROM layers.accounting ORDER BY 1") == [
        ("calls", 5, 5, 0, 5, 0, 0, 0, 0),
        ("care", 8, 7, 1, 5, 1, 0, 0, 1),
        ("claims", 6, 4, 2, 0, 0, 0, 2, 2),
        ("hubs", 3, 3, 0, 0, 0, 3, 0, 0),
        ("libraries", 3, 3, 0, 0, 0, 2, 0, 1),
        ("tax", 14, 12, 2, 9, 1, 0, 0, 2),
        ("visits", 2, 2, 0, 2, 0, 0, 0, 0),
    ]
    weights = "weight_read, weight_kept, weight_rejected, weight_area, weight_unplaced"
    assert answer(con, f"SELECT {weights} FROM layers.accounting WHERE dataset = 'claims'") == [
        (29, 15, 14, 12, 3)
    ]


def test_account_says_which_key_placed(con: duckdb.DuckDBPyConnection) -> None:
    keys = ("by_uprn", "by_cross_reference", "by_address")
    columns = ", ".join(f"{what}_{key}" for what in ("rows", "weight") for key in keys)
    found = answer(con, f"SELECT dataset, {columns} FROM layers.accounting ORDER BY 1")
    assert found[1] == ("care", 6, 0, 0, 6, 0, 0)
    assert found[2] == ("claims", 0, 0, 0, 0, 0, 0)


def test_placement_by_ward_is_of_the_latest_extract(con: duckdb.DuckDBPyConnection) -> None:
    """Wards without a record too; the tally of two LSOAs is known by area alone."""
    columns = "dataset, area_code, records, records_precise, records_coarse, contributors, records_by_uprn"
    columns += ", records_by_area_code"
    found = answer(
        con, f"SELECT {columns} FROM layers.placement_by_area WHERE area_type = 'ward' ORDER BY 1, 2"
    )
    assert found == [
        ("calls", WARD1, 4, 4, 0, 2, 4, 0),
        ("calls", WARD2, 1, 1, 0, 1, 1, 0),
        ("care", WARD1, 4, 4, 0, 2, 4, 0),
        ("care", WARD2, 2, 2, 0, 2, 2, 0),
        # LSOA 2 lies in both wards and goes to the one with the lower code.
        ("claims", WARD1, 12, 0, 12, 12, 0, 12),
        ("claims", WARD2, 0, 0, 0, 0, 0, 0),
        ("tax", WARD1, 3, 3, 0, 2, 3, 0),
        ("tax", WARD2, 3, 3, 0, 3, 3, 0),
        ("visits", WARD1, 2, 2, 0, 1, 2, 0),
        ("visits", WARD2, 0, 0, 0, 0, 0, 0),
    ]


def test_records_in_a_ward_are_its_recorded_use(con: duckdb.DuckDBPyConnection) -> None:
    """Else what is published of the two could be set against each other."""
    wrong = answer(
        con,
        "SELECT dataset, area_code FROM layers.placement_by_area AS placed "
        "JOIN layers.demand_by_area AS demand USING (dataset, area_type, area_code) "
        "JOIN services.dataset AS described USING (dataset) WHERE described.kind = 'flow' OR demand.is_latest "
        "GROUP BY dataset, area_code, placed.records HAVING sum(demand.recorded_use) <> placed.records",
    )
    assert wrong == []


def test_issues_say_how_many_and_who_mends(con: duckdb.DuckDBPyConnection) -> None:
    said = "SELECT who_fixes, how_to_fix FROM layers.data_issue WHERE issue = 'uprn_rounded'"
    assert answer(con, said) == [("Whoever makes the extract", "Format the column as text before saving")]
    columns = "dataset, column_name, issue, rows, severity"
    found = {row[:3]: row[3:] for row in answer(con, f"SELECT {columns} FROM layers.data_issue")}
    assert {key: value for key, value in found.items() if key[0] == "tax"} == {
        ("tax", "band", "category_unknown"): (1, "warning"),
        ("tax", "uprn", "uprn_rounded"): (1, "error"),
        ("tax", "uprn", "uprn_of_building"): (1, "info"),
        ("tax", "uprn", "uprn_unknown"): (1, "warning"),
        ("tax", "", "no_location"): (2, "warning"),
        ("tax", "", "address_shared"): (1, "info"),
        ("tax", "REF", "excluded"): (1, "info"),
        ("tax", "", "wrong_width"): (1, "error"),
    }
    assert found[("care", "ON", "date_malformed")] == (1, "warning")
    assert found[("claims", "N", "withheld")] == (1, "info")
    assert found[("claims", "", "area_code_unknown")] == (1, "error")
    assert found[("libraries", "northing", "coordinates_blank")] == (1, "info")
    register = "SELECT count(*) FROM layers.data_issue ANTI JOIN services.issue_kind USING (issue)"
    assert answer(con, register) == [0], "each is in the register, with a sentence for people"


# Roads


def test_roads_are_the_larger_ones(tmp_path: Path) -> None:
    import fiona

    ground = FourSquares(tmp_path)
    folder = ground.folder / "sources" / "os_open_roads"
    folder.mkdir()
    names = "id road_function form_of_way name_1 road_classification_number start_node end_node"
    properties = dict.fromkeys(names.split(), "str")
    schema = {"geometry": "LineString", "properties": properties}
    kinds = [("Motorway", None, "M1"), ("A Road", "High Street", "A4"), ("Local Road", "Low Street", None)]
    kinds += [(None, None, None)]  # type: ignore[list-item]
    how = {"driver": "GPKG", "layer": "road_link", "crs": "EPSG:27700", "schema": schema}
    with fiona.open(folder / "oproad_gb.gpkg", "w", **how) as out:
        for n, (function, name, number) in enumerate(kinds):
            values = dict.fromkeys(properties) | {"id": str(n), "road_function": function, "name_1": name}
            values["road_classification_number"] = number
            line = {"type": "LineString", "coordinates": [(WEST, MIDDLE), (WEST + n, MIDDLE + 1)]}
            out.write({"type": "Feature", "properties": values, "geometry": line})
    with ground.made() as con:
        found = answer(con, "SELECT road_id, name, geometry_wkb FROM layers.road ORDER BY 1")
        assert [row[:2] for row in found] == [("0", "M1"), ("1", "High Street")]
        assert shapely.from_wkb(bytes(found[1][2])).equals(
            shapely.LineString([(WEST, MIDDLE), (WEST + 1, MIDDLE + 1)])
        )
