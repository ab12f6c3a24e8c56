"""Services at the same homes against chance: by hand, against populations drawn by lot, and of protected figures."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pytest

from pipelines.authority import Disclosure
from pipelines.estimate.overlap import (
    Count,
    against_chance,
    by_chance,
    compared,
    from_pairs,
    limits,
    meeting,
    over_all_homes,
    variance_by_chance,
    within_areas,
    without_three_way,
)

RULE = Disclosure()
HIDDEN = Count(None, status="hidden")


def exact(number: int) -> Count:
    return Count(number, number, number)


def told(number: int) -> Count:
    """As a reader has it: rounded, or hidden."""
    if number < RULE.threshold:
        return HIDDEN
    shown = RULE.rounded(number)
    return Count(shown, *RULE.told(shown))


def test_chance_and_its_variance_are_those_of_the_hypergeometric_distribution() -> None:
    known, homes = np.array([[40.0], [30.0]]), np.array([100.0])
    assert by_chance(known, homes)[0] == pytest.approx(12)
    assert variance_by_chance(known, homes)[0] == pytest.approx(40 * 0.3 * 0.7 * 60 / 99)
    # Who knows every home meets the other at all of its homes, every time.
    everyone = np.array([[100.0], [30.0]])
    assert (by_chance(everyone, homes)[0], variance_by_chance(everyone, homes)[0]) == (30, pytest.approx(0))


def test_chance_of_three_is_what_drawing_by_lot_gives() -> None:
    lot = np.random.default_rng(5)
    sizes = (150, 90, 60)
    drawn = []
    for _ in range(3_000):
        known = np.ones(200, dtype=bool)
        for size in sizes:
            known &= np.isin(np.arange(200), lot.choice(200, size, replace=False))
        drawn.append(known.sum())
    at = np.array(sizes, dtype=float)[:, None]
    assert by_chance(at, np.array([200.0]))[0] == pytest.approx(np.mean(drawn), rel=0.02)
    assert variance_by_chance(at, np.array([200.0]))[0] == pytest.approx(np.var(drawn), rel=0.1)


def test_more_properties_than_homes_are_as_many_homes() -> None:
    # A service that knows 120 properties where there are 100 homes cannot be at more than all of them.
    assert by_chance(np.array([[120.0], [30.0]]), np.array([100.0]))[0] == pytest.approx(30)


def test_limits_of_a_poisson_count_are_exact() -> None:
    # Tables of Garwood's limits: 10 is 4.80 to 18.39, none is 0 to 3.69.
    assert limits(10, 1) == pytest.approx((4.795, 18.39), abs=0.005)
    assert limits(0, 1) == pytest.approx((0, 3.689), abs=0.005)
    assert limits(300, 0) == (300, 300)
    low, high = limits(300, 0.1)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(300 * 0.1), rel=0.02)


@pytest.mark.parametrize(
    ("homes", "sizes", "odds"),
    [(4_000, (400, 300), 1.0), (4_000, (400, 300), 3.0), (3_000, (2_900, 300), 1.0)],
)
def test_the_true_ratio_is_in_the_range_nineteen_times_of_twenty(
    homes: int, sizes: tuple[int, int], odds: float
) -> None:
    """Whole authorities drawn with a known odds ratio of meeting, their counts rounded as they are published."""
    from scipy.stats import nchypergeom_fisher

    drawn = nchypergeom_fisher.rvs(homes, *sizes, odds, size=400, random_state=7)
    truth = nchypergeom_fisher.mean(homes, *sizes, odds) / (sizes[0] * sizes[1] / homes)
    groups = [told(size) for size in sizes]
    inside = 0
    for number in drawn:
        found = compared(told(int(number)), over_all_homes(groups, homes), min(sizes))
        assert found is not None and found[2] is not None
        inside += found[1] <= truth <= found[2]
    # Rounding is allowed for at its worst, so that it may be more.
    assert inside / len(drawn) >= 0.94


def test_services_in_the_same_places_meet_by_place_alone() -> None:
    """Two LSOAs of 1,000 homes: both services know 400 homes of the one and 40 of the other."""
    kinds = {"lsoa": ([1_000, 1_000], [[exact(400), exact(40)], [exact(400), exact(40)]])}
    groups = [exact(440), exact(440)]
    everywhere, inside = over_all_homes(groups, 2_000), within_areas(groups, 2_000, kinds)
    assert everywhere is not None and inside is not None
    assert everywhere.number == pytest.approx(440 * 440 / 2_000)
    assert (inside.number, inside.low, inside.high) == pytest.approx((161.6, 161.6, 161.6))
    assert inside.within == "lsoa"
    meets = exact(162)
    over, near = compared(meets, everywhere), compared(meets, inside)
    assert over is not None and near is not None
    assert over[1] > 1.3 and near[1] < 1 < (near[2] or 0)


def test_hidden_areas_are_taken_together_and_too_many_lead_to_larger_areas() -> None:
    lsoas = [[told(50), told(40), HIDDEN], [told(30), told(60), told(20)]]
    groups = [told(95), told(110)]
    found = within_areas(groups, 250, {"lsoa": ([100, 100, 50], lsoas)})
    assert found is not None and found.within == "lsoa"
    # The third: 95 - 90 = 5 of the one, 110 - 90 = 20 of the other, in 50 homes.
    assert found.number == pytest.approx(50 * 30 / 100 + 40 * 60 / 100 + 5 * 20 / 50)
    assert found.low < found.number < found.high
    # With a third of the homes in hidden areas, wards are taken; where those are hidden, too, nothing is.
    kinds = {
        "lsoa": ([100, 50, 100], lsoas),
        "ward": ([150, 100], [[told(50), told(45)], [told(90), told(20)]]),
    }
    found = within_areas(groups, 250, kinds)
    assert found is not None and found.within == "ward"
    assert within_areas(groups, 250, {"lsoa": ([100, 50, 100], lsoas)}) is None


def test_three_services_from_pairs_are_those_of_proportional_fitting() -> None:
    """A table of eight cells without interaction of all three: what each two share gives the three."""
    cells = np.array([[[600.0, 60.0], [120.0, 30.0]], [[80.0, 24.0], [40.0, 30.0]]])
    groups = [cells[1].sum(), cells[:, 1].sum(), cells[:, :, 1].sum()]
    pairs = [cells[1, 1].sum(), cells[1, :, 1].sum(), cells[:, 1, 1].sum()]
    fitted = np.ones((2, 2, 2))
    for _ in range(500):
        for axis in range(3):
            fitted *= np.expand_dims(cells.sum(axis=axis) / fitted.sum(axis=axis), axis)
    found = without_three_way(groups, pairs, float(cells.sum()))
    assert found is not None
    assert found[0] == pytest.approx(fitted[1, 1, 1], rel=1e-6)
    assert found[1] == pytest.approx(1 / (1 / fitted).sum(), rel=1e-6)
    # Pairs that cannot be: 90 of 100 with the one, 90 with the other, and those two share nothing.
    assert without_three_way([100, 90, 90], [90, 90, 0], 1_000) is None


def test_rounding_widens_what_pairs_tell() -> None:
    groups, pairs = (400, 300, 200), (90, 60, 50)
    plain = from_pairs([exact(n) for n in groups], [exact(n) for n in pairs], 2_000)
    rounded = from_pairs([told(n) for n in groups], [told(n) for n in pairs], 2_000)
    assert plain is not None and rounded is not None
    assert plain.low == plain.number == plain.high
    assert rounded.low < plain.number < rounded.high
    assert from_pairs([told(n) for n in groups], [told(90), HIDDEN, told(50)], 2_000) is None


def test_nothing_expected_has_no_most() -> None:
    expected = over_all_homes([Count(10, 10, 12), Count(0, 0, 9)], 1_000)
    assert expected is not None
    assert compared(exact(3), expected) is None
    few = over_all_homes([exact(1), exact(5)], 1_000)
    found = compared(exact(1), few)
    assert found is not None and found[2] is None


# --- the tables -------------------------------------------------------------------------------------------------------


def database(schema: str, homes: int | None = 1_000) -> duckdb.DuckDBPyConnection:
    """Three services of 1,000 homes in two LSOAs, and one of open data, as exact or published tables."""
    con = duckdb.connect()
    con.execute(f"CREATE SCHEMA {schema}")
    area = "area" if schema == "published" else "area_profile"
    con.execute(
        f"CREATE TABLE {schema}.{area} (authority_code VARCHAR, area_type VARCHAR, area_code VARCHAR, homes BIGINT)"
    )
    for kind, code, share in (("authority", "A", 1), ("lsoa", "L1", 2), ("lsoa", "L2", 2)):
        number = None if homes is None else homes // share
        con.execute(f"INSERT INTO {schema}.{area} VALUES ('A', ?, ?, ?)", [kind, code, number])
    if schema == "published":
        con.execute("CREATE TABLE published.disclosure_rule AS SELECT 10 AS threshold, 5 AS round_to")
        con.execute(
            "CREATE TABLE published.dataset AS SELECT * FROM (VALUES ('care', 'personal', 'Care'), "
            "('rent', 'personal', 'Rent'), ('tax', 'open', 'Tax')) AS t(dataset, sensitivity, title)"
        )
    figures = {
        "service_overlap": ("properties_a", "properties_b", "properties_both"),
        "overlap_in_period": ("properties_a", "properties_b", "properties_both"),
        "service_overlap_three": (
            *(f"properties_{which}" for which in ("a", "b", "c", "ab", "ac", "bc")), "properties_all",
        ),
    }  # fmt: skip
    for table, names in figures.items():
        columns = ["dataset_a VARCHAR", "dataset_b VARCHAR", "area_type VARCHAR", "area_code VARCHAR"]
        columns += ["period VARCHAR"] if table == "overlap_in_period" else []
        columns += ["dataset_c VARCHAR"] if table == "service_overlap_three" else []
        columns += [f"{name} BIGINT" for name in names]
        columns += [f"{name}_status VARCHAR" for name in names] if schema == "published" else []
        con.execute(f"CREATE TABLE {schema}.{table} ({', '.join(columns)})")

    def put(table: str, named: dict[str, str], numbers: Sequence[int | None]) -> None:
        values: dict[str, Any] = dict(named)
        for name, number in zip(figures[table], numbers, strict=True):
            values[name] = number
            if schema == "published":
                is_hidden = number is not None and number < 10
                values[name] = None if is_hidden else number
                values[f"{name}_status"] = (
                    "not applicable" if number is None else "hidden" if is_hidden else "published"
                )
        marks = ", ".join("?" * len(values))
        con.execute(
            f"INSERT INTO {schema}.{table} ({', '.join(values)}) VALUES ({marks})", list(values.values())
        )

    known = {"care": (70, 30), "rent": (150, 50), "tax": (400, 410)}
    both = {("care", "rent"): (25, 5), ("care", "tax"): (55, 25), ("rent", "tax"): (120, 40)}
    for (a, b), shared in both.items():
        places = [("authority", "A", sum), ("lsoa", "L1", lambda n: n[0]), ("lsoa", "L2", lambda n: n[1])]
        for kind, code, of in places:
            named = {"dataset_a": a, "dataset_b": b, "area_type": kind, "area_code": code}
            put("service_overlap", named, [of(known[a]), of(known[b]), of(shared)])
    three = {
        "dataset_a": "care",
        "dataset_b": "rent",
        "dataset_c": "tax",
        "area_type": "authority",
        "area_code": "A",
    }
    put("service_overlap_three", three, [100, 200, 810, 30, 80, 160, 25])
    in_period = {"dataset_a": "care", "dataset_b": "rent", "area_type": "authority", "area_code": "A"}
    put("overlap_in_period", in_period | {"period": "2026 Q1"}, [40, None, None])
    put("overlap_in_period", in_period | {"period": "2026 Q2"}, [40, 200, 15])
    put("overlap_in_period", in_period | {"period": "2026 Q3"}, [45, 200, 7])
    return con


def rows(con: duckdb.DuckDBPyConnection, schema: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    made = against_chance(con, schema).to_pylist()
    return {(row["datasets"], row["period"], row["allowing_for"]): row for row in made}


def test_rows_of_two_of_three_and_of_periods() -> None:
    with database("layers") as con:
        found = rows(con, "layers")
        assert list(found) == sorted(found)
        of_two = found["care + rent", "all", "nothing"]
        assert (of_two["properties"], of_two["expected"], of_two["ratio"]) == (30, "20.0", "1.500")
        assert (of_two["dataset_a"], of_two["dataset_b"], of_two["dataset_c"]) == ("care", "rent", None)
        assert Decimal(of_two["ratio_low"]) > 1 and of_two["within"] is None
        near = found["care + rent", "all", "area"]
        assert (near["expected"], near["within"]) == ("24.0", "lsoa")  # 70 * 150 / 500 + 30 * 50 / 500
        of_three = {by: found["care + rent + tax", "all", by] for by in ("nothing", "area", "pairs")}
        assert of_three["nothing"]["expected"] == "16.2"
        assert {row["properties"] for row in of_three.values()} == {25}
        assert all(row["status"] == "published" for row in of_three.values())
        assert found["care + rent", "2026 Q2", "nothing"]["expected"] == "8.0"
        assert found["care + rent", "2026 Q3", "nothing"]["ratio"] == "0.778"
        assert found["care + rent", "2026 Q1", "nothing"]["status"] == "not applicable"


def test_published_rows_allow_for_rounding_and_tell_nothing_of_what_is_hidden() -> None:
    with database("published") as con, database("layers") as behind:
        found, exactly = rows(con, "published"), rows(behind, "layers")
        assert found.keys() == exactly.keys()
        hidden = found["care + rent", "2026 Q3", "nothing"]
        assert (hidden["properties"], hidden["ratio"], hidden["ratio_high"]) == (None, None, None)
        # What chance would give is made of figures that are shown.
        assert (hidden["status"], hidden["expected"]) == ("hidden", "9.0")
        for key, row in found.items():
            if row["status"] == "published":
                assert Decimal(row["ratio_low"]) <= Decimal(exactly[key]["ratio_low"])
                assert Decimal(row["ratio_high"]) >= Decimal(exactly[key]["ratio_high"])
        # The figures of an open dataset are rounded, too, where they stand beside those of one that is not.
        assert Decimal(found["care + tax", "all", "nothing"]["ratio_low"]) < Decimal(
            exactly["care + tax", "all", "nothing"]["ratio_low"]
        )


@pytest.mark.parametrize("schema", ["layers", "published"])
def test_without_homes_there_is_nothing_to_be_set_against(schema: str) -> None:
    with database(schema, homes=None) as con:
        found = rows(con, schema).values()
        assert {row["expected"] for row in found} == {None}
        assert {row["ratio"] for row in found} == {None}
        assert {row["status"] for row in found} <= {"not applicable", "hidden"}
        for table in ("service_overlap", "service_overlap_three", "overlap_in_period"):
            con.execute(f"DELETE FROM {schema}.{table}")
        assert rows(con, schema) == {}


def test_services_that_are_above_are_counted_by_area_and_named() -> None:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA published")
        con.execute(
            "CREATE TABLE published.dataset AS "
            "SELECT * FROM (VALUES ('care', 'Care'), ('rent', 'Rent')) AS t(dataset, title)"
        )
        judged = itertools.product(("care", "rent"), ("nothing", "age"))
        con.execute(
            "CREATE TABLE published.demand_against_expected (authority_code VARCHAR, dataset VARCHAR, "
            "area_type VARCHAR, area_code VARCHAR, area_name VARCHAR, standardised_for VARCHAR, "
            "ratio_low DECIMAL(9, 3), status VARCHAR)"
        )
        lows = {
            ("care", "L1"): "1.200", ("rent", "L1"): "1.001", ("care", "L2"): "1.000", ("rent", "L2"): None,
            ("care", "L3"): None, ("rent", "L3"): None,
        }  # fmt: skip
        for (dataset, by), code in itertools.product(judged, ("L1", "L2", "L3")):
            low = lows[dataset, code] if by == "nothing" else "9.000"
            status = "published" if low else "hidden"
            con.execute(
                "INSERT INTO published.demand_against_expected VALUES ('A', ?, 'lsoa', ?, ?, ?, ?, ?)",
                [dataset, code, f"Area {code}", by, low, status],
            )
        found = [tuple(row.values())[2:] for row in meeting(con).to_pylist()]
    assert found == [
        ("L1", "Area L1", 2, 2, "Care; Rent", "published"),
        ("L2", "Area L2", 0, 1, "", "published"),
        ("L3", "Area L3", None, 0, None, "hidden"),
    ]
