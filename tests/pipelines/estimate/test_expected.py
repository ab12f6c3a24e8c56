"""Recorded use against what is expected: sums that one can do by hand, hidden figures, and the whole table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import duckdb
import numpy as np
import pytest
import shapely

from pipelines.estimate import clusters
from pipelines.estimate.expected import COLUMNS, against, at_usual_rates, demand_against_expected
from pipelines.estimate.panel import rounded, told
from pipelines.estimate.rates import poisson_interval

Schema = Literal["layers", "published"]
Row = dict[str, Any]


def test_expected_is_the_rates_of_the_whole_for_those_who_live_there() -> None:
    # 10 records of 1,000 younger people, 90 of 300 older: 1 % and 30 %.
    usual = at_usual_rates(
        np.array([[500.0, 0], [400, 200], [100, 100]]), np.array([10.0, 90]), np.array([1000.0, 300])
    )
    assert usual.tolist() == pytest.approx([5, 64, 31])
    # Nobody lives in it: a group without people adds nothing, and is no division by nought.
    assert at_usual_rates(np.array([[5.0, 0]]), np.array([10.0, 3]), np.array([100.0, 0])).tolist() == [0.5]


def test_expected_adds_up_to_what_is_recorded_and_ratios_are_centred_on_one() -> None:
    count = np.array([20, 30, 45, 5])
    usual = np.array([2.0, 2, 4, np.nan])
    found = against(count, count, count.astype(float), usual)
    # The area without an expectation takes no part: 95 records to share out.
    assert found.expected[:3].tolist() == pytest.approx([23.75, 23.75, 47.5])
    assert found.ratio[:3].tolist() == pytest.approx([20 / 23.75, 30 / 23.75, 45 / 47.5])
    assert np.isnan(found.ratio[3]) and np.isnan(found.shrunken[3])
    low, high = poisson_interval(count, count)
    assert found.low[0] == pytest.approx(low[0] / 23.75) and found.high[0] == pytest.approx(high[0] / 23.75)
    assert ((found.shrunken_high - found.shrunken_low)[:3] < (found.high - found.low)[:3]).all()
    assert found.ratio[0] < found.shrunken[0] < 1 < found.shrunken[1] < found.ratio[1]
    # In whatever unit the usual is given.
    assert against(count, count, count.astype(float), usual * 7).shrunken[:3] == pytest.approx(
        found.shrunken[:3]
    )


def test_hidden_areas_do_not_move_the_measure_of_all() -> None:
    """Were expected scaled to the shown areas alone, which are the busier ones, ratios would be too low."""
    chance = np.random.default_rng(11)
    usual = chance.uniform(6, 30, 200)
    truth = chance.gamma(9, 1 / 9, 200)
    count = chance.poisson(usual * truth)
    shown = count >= 10
    low, high = told(rounded(count.astype(float), 5).astype(np.int64), shown, 10, 5)
    figure = np.where(shown, rounded(count.astype(float), 5), np.nan)
    assert 40 < (~shown).sum() < 120
    exact = against(count, count, count.astype(float), usual)
    published = against(low, high, figure, usual)
    assert published.expected.sum() == pytest.approx(count.sum(), rel=0.02)
    assert np.nanmax(np.abs(published.expected / exact.expected - 1)) < 0.02
    # Where larger areas tell what all have together, that it is.
    assert against(low, high, figure, usual, 4000.0).expected.sum() == pytest.approx(4000)
    assert exact.expected.sum() == against(count, count, count.astype(float), usual, 4000.0).expected.sum()
    shown_alone = against(low[shown], high[shown], figure[shown], usual[shown])
    assert (shown_alone.expected / exact.expected[shown]).min() > 1.05
    # And the intervals hold the true ratios as often as they say.
    true_ratio = usual * truth / exact.expected
    covered = ((published.shrunken_low <= true_ratio) & (true_ratio <= published.shrunken_high))[shown]
    assert covered.mean() == pytest.approx(0.95, abs=0.04)


def test_no_records_at_all_are_no_ratio() -> None:
    nothing = np.zeros(5, dtype=np.int64)
    found = against(nothing, nothing, np.zeros(5), np.ones(5))
    assert np.isnan(found.expected).all() and np.isnan(found.shrunken).all()


# The table

SIDE = 4
CODES = [f"E010000{at:02}" for at in range(SIDE * SIDE)]
# The first four squares are old people's; older people have ten times the recorded use.
OLDER = [400 if at < SIDE else 50 for at in range(SIDE * SIDE)]


def count_in(at: int) -> int:
    """In proportion to who lives there; the last square has half of it, and is hidden when it is published."""
    usual = (500 - OLDER[at]) * 0.02 + OLDER[at] * 0.2
    return round(usual / 4) if at == len(CODES) - 1 else round(usual)


@pytest.fixture
def con(monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """Sixteen squares with 500 people each, in both schemas: exact in layers, by the rule in published."""
    monkeypatch.setattr(clusters, "PERMUTATIONS", 499)  # for speed
    with duckdb.connect() as made:
        for schema in ("layers", "published", "services", "sources"):
            made.execute(f"CREATE SCHEMA {schema}")
        for rule in ("sources.authority", "published.disclosure_rule"):
            made.execute(f"CREATE TABLE {rule} AS SELECT 10 AS threshold, 5 AS round_to")
        for catalogue in ("services.dataset", "published.dataset"):
            made.execute(
                f"CREATE TABLE {catalogue} AS SELECT 'care' AS dataset, 'service' AS role, 'event' AS counts, "
                "'flow' AS kind, 'quarter' AS period, 'special' AS sensitivity"
            )
        for schema, areas in (("layers", "area_profile"), ("published", "area")):
            made.execute(
                f"CREATE TABLE {schema}.{areas} (area_type VARCHAR, area_code VARCHAR, geometry_wkb BLOB)"
            )
            made.execute(
                f"CREATE TABLE {schema}.area_group (area_type VARCHAR, area_code VARCHAR, breakdown VARCHAR, "
                "group_name VARCHAR, number BIGINT)"
            )
            made.execute(
                f"CREATE TABLE {schema}.demand_by_group (dataset VARCHAR, breakdown VARCHAR, group_name VARCHAR, "
                "recorded_use BIGINT)"
            )
            made.execute(
                f"CREATE TABLE {schema}.demand_by_area (authority_code VARCHAR, dataset VARCHAR, area_type VARCHAR, "
                "area_code VARCHAR, area_name VARCHAR, period VARCHAR, period_start DATE, period_end DATE, "
                "is_complete BOOLEAN, recorded_use BIGINT, denominator VARCHAR, denominator_value BIGINT)"
            )
            is_told = schema == "published"
            for at, code in enumerate(CODES):
                west, south = 400_000 + 500 * (at % SIDE), 200_000 + 500 * (at // SIDE)
                shape = bytes(shapely.to_wkb(shapely.box(west, south, west + 500, south + 500)))
                made.execute(f"INSERT INTO {schema}.{areas} VALUES ('lsoa', ?, ?)", [code, shape])
                for group, number in (("under 65", 500 - OLDER[at]), ("65 and over", OLDER[at])):
                    made.execute(
                        f"INSERT INTO {schema}.area_group VALUES ('lsoa', ?, 'age', ?, ?)",
                        [code, group, number],
                    )
                for period, start, end, share, complete in (
                    ("2025 Q2", "2025-04-01", "2025-06-30", 1.0, True),
                    ("2025 Q3", "2025-07-01", "2025-09-30", 0.2, False),
                ):
                    count = round(share * count_in(at))
                    shown = as_told(count) if is_told else count
                    made.execute(
                        f"INSERT INTO {schema}.demand_by_area VALUES ('E06999001', 'care', 'lsoa', ?, ?, ?, ?, ?, ?, "
                        "?, 'people', 500)",
                        [code, f"Square {at}", period, start, end, complete, shown],
                    )
            older = sum(OLDER)
            for group, count in (
                ("under 65", round(0.02 * (500 * len(CODES) - older))),
                ("65 and over", round(0.2 * older)),
                ("not known", 60),
            ):
                told_as = as_told(count) if is_told else count
                made.execute(
                    f"INSERT INTO {schema}.demand_by_group VALUES ('care', 'age', ?, ?)", [group, told_as]
                )
        yield made


def as_told(count: int) -> int | None:
    return int(rounded(np.array(float(count)), 5)) if count >= 10 else None


def rows_of(con: duckdb.DuckDBPyConnection, schema: Schema) -> dict[tuple[str, str], Row]:
    table = demand_against_expected(con, schema)
    assert table.column_names == list(COLUMNS)
    rows: list[Row] = table.to_pylist()
    assert [(row["area_code"], row["standardised_for"]) for row in rows] == sorted(
        (code, name) for code in CODES for name in ("age", "deprivation", "nothing", "tenure")
    )
    return {(row["area_code"], row["standardised_for"]): row for row in rows}


def test_a_high_ratio_that_age_explains_is_gone_when_standardised_for_age(
    con: duckdb.DuckDBPyConnection,
) -> None:
    rows = rows_of(con, "layers")
    first, by_age = rows[CODES[0], "nothing"], rows[CODES[0], "age"]
    assert first["period"] == "2025 Q2"  # the later one is not complete
    assert float(first["ratio"]) > 2 and float(first["ratio_low"]) > 1.5
    assert first["status"] == by_age["status"] == "published"
    assert 0.95 < float(by_age["ratio"]) < 1.1 and float(by_age["ratio_low"]) < 1 < float(
        by_age["ratio_high"]
    )
    assert sum(float(rows[code, "age"]["expected"]) for code in CODES) == pytest.approx(
        sum(count_in(at) for at in range(len(CODES))), abs=1
    )
    # The old squares lie side by side along one edge.
    assert {rows[code, "nothing"]["cluster"] for code in CODES[:SIDE]} <= {"high", "none"}
    assert not any(rows[code, "age"]["is_cluster"] for code in CODES)
    # What nothing is known of cannot be standardised for.
    for name in ("tenure", "deprivation"):
        row = rows[CODES[0], name]
        assert row["status"] == "not applicable" and row["expected"] is None and row["cluster"] is None


def test_published_figures_say_nothing_of_a_hidden_area(con: duckdb.DuckDBPyConnection) -> None:
    rows, exact = rows_of(con, "published"), rows_of(con, "layers")
    hidden = rows[CODES[-1], "nothing"]
    assert hidden["status"] == "hidden"
    assert all(hidden[name] is None for name in list(COLUMNS)[7:-1])
    assert exact[CODES[-1], "nothing"]["status"] == "published"
    for code in CODES[:-1]:
        told_as, truth = rows[code, "age"], exact[code, "age"]
        assert float(told_as["ratio_low"]) <= float(truth["ratio"]) <= float(told_as["ratio_high"])
        assert float(told_as["expected"]) == pytest.approx(float(truth["expected"]), rel=0.05)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("UPDATE {s}.demand_by_group SET recorded_use = NULL WHERE group_name = '65 and over'", "hidden"),
        # Shared out in proportion: how many they are changes nothing, unless they are most.
        ("UPDATE {s}.demand_by_group SET recorded_use = NULL WHERE group_name = 'not known'", "published"),
        (
            "UPDATE {s}.demand_by_group SET recorded_use = 5000 WHERE group_name = 'not known'",
            "not applicable",
        ),
        ("UPDATE {s}.demand_by_group SET recorded_use = 0 WHERE group_name <> 'not known'", "not applicable"),
        ("DELETE FROM {s}.demand_by_group WHERE group_name = 'under 65'", "not applicable"),
        ("DELETE FROM {s}.area_group", "not applicable"),
        # A group of which nobody is does not matter, though its count be hidden.
        (
            "INSERT INTO {s}.demand_by_group VALUES ('care', 'age', 'ageless', NULL); "
            "INSERT INTO {s}.area_group SELECT DISTINCT 'lsoa', area_code, 'age', 'ageless', 0 FROM {s}.area_group",
            "published",
        ),
    ],
)
def test_a_group_that_is_hidden_or_not_known(
    con: duckdb.DuckDBPyConnection, change: str, status: str
) -> None:
    before = rows_of(con, "published")
    con.execute(change.format(s="published"))
    after = rows_of(con, "published")
    assert after[CODES[0], "age"]["status"] == status
    assert after[CODES[0], "nothing"] == before[CODES[0], "nothing"]
    if status == "published":
        assert after[CODES[0], "age"] == before[CODES[0], "age"]


def test_a_hidden_group_that_is_small_beside_the_others_is_taken_for_the_middle_of_its_range(
    con: duckdb.DuckDBPyConnection,
) -> None:
    before = rows_of(con, "published")
    con.execute("INSERT INTO published.demand_by_group VALUES ('care', 'age', 'very old', NULL)")
    con.execute(
        "INSERT INTO published.area_group "
        "SELECT DISTINCT 'lsoa', area_code, 'age', 'very old', 1 FROM published.area_group"
    )
    after = rows_of(con, "published")
    assert after[CODES[0], "age"]["status"] == "published"
    # Four or five records among some five hundred, in equal parts to all areas.
    for code in CODES[:-1]:
        expected = [float(rows[code, "age"]["expected"]) for rows in (before, after)]
        assert expected[1] == pytest.approx(expected[0], rel=0.03)


def test_areas_without_boundaries_have_ratios_and_no_clusters(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("DELETE FROM layers.area_profile")
    rows = rows_of(con, "layers")
    assert {row["cluster"] for row in rows.values() if row["status"] == "published"} == {"none"}
    assert all(row["cluster_p"] is None for row in rows.values())


def test_nothing_recorded_is_a_table_without_rows(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("DELETE FROM layers.demand_by_area")
    assert demand_against_expected(con, "layers").num_rows == 0
