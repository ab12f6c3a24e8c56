"""Which model is used, and what is said of it; early signs; and groups: from tests whose answer is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pytest

from assets.layers import early_sign, forecast, forecast_by_group, forecast_skill, forecast_test
from pipelines.estimate.forecast import BAYES, LAST, MEAN, NEGATIVE_BINOMIAL, POISSON
from pipelines.estimate.skill import _by_tenure, choose, expected_below, make_skill
from pipelines.tables import table_from_module
from tests.invented_panels import noise, panel_of

ORIGINS = ("2016 Q2", "2016 Q3", "2016 Q4", "2017 Q1")
MADE = (forecast_test, forecast_skill, forecast, early_sign, forecast_by_group)


def scores(**of: list[float]) -> dict[str, dict[str, dict[str, tuple[float, int]]]]:
    """Scores at each origin of ten tests in one kind of area; models by their initials."""
    names = {"l": LAST, "m": MEAN, "b": BAYES, "p": POISSON, "n": NEGATIVE_BINOMIAL}
    return {
        names[initial]: {"lsoa": {o: (10 * v, 10) for o, v in zip(ORIGINS, values, strict=True)}}
        for initial, values in of.items()
    }


def test_model_must_gain_more_than_its_standard_error() -> None:
    sure = choose(scores(l=[5, 5, 5, 5], m=[4, 4, 4, 4], b=[3.8, 3.9, 3.8, 3.9]))
    assert sure.model == BAYES
    assert sure.gain[BAYES] == pytest.approx(0.15 / 4)
    assert sure.error[BAYES] == pytest.approx(np.std([0.2, 0.1, 0.2, 0.1], ddof=1) / 4 / 2)
    unsure = choose(scores(l=[5, 5, 5, 5], m=[4, 4, 4, 4], b=[3.0, 4.6, 3.0, 4.8]))
    assert unsure.gain[BAYES] > 0
    assert unsure.model == MEAN


def test_model_must_beat_the_last_period_too() -> None:
    steady = choose(scores(l=[1, 1, 1, 1], m=[4, 4, 4, 4], b=[2, 2, 2, 2.1]))
    assert steady.model == LAST


def test_plainer_model_is_used_unless_another_is_surely_better() -> None:
    plain = choose(scores(l=[5] * 4, m=[4] * 4, b=[3.5, 3.4, 3.5, 3.6], p=[3.4, 3.5, 3.4, 3.6]))
    assert plain.model == BAYES
    better = choose(scores(l=[5] * 4, m=[4] * 4, b=[3.5, 3.4, 3.5, 3.6], p=[3.0, 2.9, 3.0, 3.2]))
    assert better.model == POISSON


def test_each_kind_of_area_counts_the_same() -> None:
    of = scores(l=[5] * 4, m=[4] * 4, b=[3] * 4)
    for model, value in ((LAST, 600.0), (MEAN, 500.0), (BAYES, 700.0)):
        of[model]["authority"] = dict.fromkeys(ORIGINS, (value, 1))
    assert choose(of).gain[BAYES] == pytest.approx((10 * 0.25 - 10 * 0.4) / 2 / 10)


def test_expected_count_below_the_threshold() -> None:
    chance = np.exp(-3.0) * 3.0 ** np.arange(4) / np.array([1, 1, 2, 6])
    by_hand = (np.arange(4) * chance).sum() / chance.sum()
    assert expected_below(4, np.array([3.0]), np.array([3.0]))[0] == pytest.approx(by_hand)


def test_groups_of_tenure() -> None:
    mixed = {
        "A": Counter({"owned": 9, "social rented": 1}),
        "B": Counter({"owned": 3, "social rented": 8}),
    }
    assert _by_tenure(mixed) == {"A": "mostly owned", "B": "mostly social rented"}
    owned = {f"A{at}": Counter({"owned": 90, "social rented": at}) for at in range(6)}
    assert Counter(_by_tenure(owned).values()) == {
        f"social rented, {third} third": 2 for third in ("lowest", "middle", "highest")
    }
    assert _by_tenure({}) == {}


# The tables, from an exact panel in a database


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two services in 30 LSOAs: one of 14 quarters, in the last of which the first LSOA leaps up; one of 3."""
    with duckdb.connect() as con:
        for schema in ("layers", "places", "services", "sources"):
            con.execute(f"CREATE SCHEMA {schema}")
        con.execute("CREATE TABLE sources.authority AS SELECT 10 AS threshold, 5 AS round_to")
        con.execute(
            "CREATE TABLE services.dataset AS SELECT unnest(['visits', 'short']) AS dataset, 'visit' AS counts, "
            "'flow' AS kind, 'quarter' AS period, 'personal' AS sensitivity, 'service' AS role"
        )
        counts = noise(30, 14, 20.0, seed=3)
        counts[0, -1] = 90
        rows: list[tuple[Any, ...]] = []
        for dataset, some in (("visits", counts), ("short", counts[:, :3])):
            for kind, of in (("lsoa", some), ("authority", some.sum(axis=0, keepdims=True))):
                panel = panel_of(of, area_type=kind)
                rows += [
                    (
                        "E06999001", dataset, kind, code, code, p.label, p.start, p.end, True, int(of[i, t]),
                        "homes", 300,
                    )
                    for i, code in enumerate(panel.codes)
                    for t, p in enumerate(panel.periods)
                ]  # fmt: skip
        con.execute(
            "CREATE TABLE layers.demand_by_area (authority_code VARCHAR, dataset VARCHAR, area_type VARCHAR, "
            "area_code VARCHAR, area_name VARCHAR, period VARCHAR, period_start DATE, period_end DATE, "
            "is_complete BOOLEAN, recorded_use BIGINT, denominator VARCHAR, denominator_value BIGINT)"
        )
        con.executemany(f"INSERT INTO layers.demand_by_area VALUES ({', '.join('?' * 12)})", rows)
        con.execute(
            "CREATE TABLE layers.area_profile AS SELECT DISTINCT area_type, area_code, "
            "CASE WHEN area_code < 'lsoa 015' THEN 1 ELSE 7 END AS imd_decile FROM layers.demand_by_area"
        )
        con.execute(
            "CREATE TABLE layers.area_group AS SELECT area_type, area_code, 'tenure' AS breakdown, group_name, "
            "CASE WHEN (area_code < 'lsoa 010') = (group_name = 'owned') THEN 200 ELSE 100 END AS number "
            "FROM layers.area_profile, (VALUES ('owned'), ('social rented')) AS t(group_name)"
        )
        con.execute(
            "CREATE TABLE places.output_area AS SELECT area_code || half AS oa_code, area_code AS lsoa_code, "
            "CAST(NULL AS VARCHAR) AS msoa_code, CAST(NULL AS VARCHAR) AS ward_code "
            "FROM layers.area_profile, (VALUES ('a'), ('b')) AS t(half) WHERE area_type = 'lsoa'"
        )
        con.execute("CREATE TABLE places.home AS SELECT oa_code, 150 AS homes FROM places.output_area")
        con.execute(
            "CREATE TABLE places.record_counted AS SELECT dataset, period_start, area_code || half AS oa_code, "
            "recorded_use // 2 + (half = 'a' AND recorded_use % 2 = 1)::BIGINT AS weight "
            "FROM layers.demand_by_area, (VALUES ('a'), ('b')) AS t(half) WHERE area_type = 'lsoa'"
        )
        for module in MADE:
            table = table_from_module(module)
            made = module.make(con)
            typed = ", ".join(f"CAST({c.name} AS {c.type}) AS {c.name}" for c in table.columns)
            con.register("made", made)
            con.execute(f"CREATE TABLE {table.full_name} AS SELECT {typed} FROM made")
            con.unregister("made")
        yield con


def test_skill_says_what_is_used_and_what_it_is_worth(con: duckdb.DuckDBPyConnection) -> None:
    told = dict(
        con.execute(
            "SELECT dataset, in_words FROM layers.forecast_skill WHERE in_words IS NOT NULL"
        ).fetchall()
    )
    assert told["short"] == "3 quarters are known; 8 are needed."
    assert "Of its 90 % intervals" in told["visits"] and "withheld" not in told["visits"]
    chosen = con.execute(
        "SELECT DISTINCT dataset, model FROM layers.forecast_skill WHERE is_chosen"
    ).fetchall()
    used = con.execute(
        "SELECT DISTINCT dataset, model FROM layers.forecast WHERE model IS NOT NULL"
    ).fetchall()
    assert chosen == used
    assert [dataset for dataset, _ in used] == ["visits"]


@pytest.fixture
def protected(con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same panels as published; and tests of which `hide` takes figures away."""
    con.execute("CREATE SCHEMA published")
    con.execute("CREATE TABLE published.demand_by_area AS FROM layers.demand_by_area")
    con.execute("CREATE TABLE published.dataset AS FROM services.dataset")
    con.execute("CREATE TABLE published.disclosure_rule AS FROM sources.authority")
    con.execute("CREATE TABLE published.forecast_test AS FROM layers.forecast_test")
    yield con
    con.execute("DROP SCHEMA published CASCADE")


def hide(con: duckdb.DuckDBPyConnection, which: str) -> list[dict[str, Any]]:
    """The rows of `forecast_skill` where figures of some tests are hidden, in intervals that hold them."""
    con.execute(
        "UPDATE published.forecast_test SET recorded = NULL, status = 'hidden', within_50 = true, within_90 = true, "
        f"score = CASE model WHEN '{MEAN}' THEN 1 ELSE 0.01 END WHERE {which}"
    )
    rows: list[dict[str, Any]] = make_skill(con, "published").to_pylist()
    return [row for row in rows if row["dataset"] == "visits"]


FIGURES = (
    "mean_absolute_error", "score", "skill_against_last", "skill_against_mean", "standard_error", "coverage_50",
    "coverage_90",
)  # fmt: skip


def test_nothing_is_said_of_forecasts_of_what_is_withheld(protected: duckdb.DuckDBPyConnection) -> None:
    rows = hide(protected, "area_type = 'lsoa'")
    # By the scores alone every other model would be far better than the mean.
    assert {row["model"] for row in rows if row["is_chosen"]} == {MEAN}
    said = [row["in_words"] for row in rows if row["in_words"]]
    assert said == [
        "Too many of its figures are withheld to tell how well it can be forecast; the mean of its last four quarters "
        "is used."
    ]
    for row in rows:
        told = [row[figure] for figure in FIGURES if row[figure] is not None]
        assert row["tests"] > 0
        if row["area_type"] == "authority":
            assert row["status"] == "published" and told
        else:
            assert row["status"] == "hidden" and not told


def test_withheld_figures_that_are_few_are_one_outcome_and_the_words_say_so(
    protected: duckdb.DuckDBPyConnection,
) -> None:
    rows = hide(
        protected, "area_type = 'lsoa' AND (area_code < 'lsoa 003' OR horizon = 4 AND area_code < 'lsoa 020')"
    )
    of = {(row["area_type"], row["horizon"]): row for row in rows if row["is_chosen"]}
    assert of["all", 0]["status"] == "published"
    percent, hidden = protected.execute(
        "SELECT 100 * avg((recorded IS NULL)::INT), count(*) FILTER (recorded IS NULL) FROM published.forecast_test "
        "WHERE model = ?",
        [MEAN],
    ).fetchall()[0]
    assert (
        hidden
        and f" {percent:.0f} % of the figures are withheld; an interval that" in of["all", 0]["in_words"]
    )
    # At the fourth horizon two LSOAs of three are withheld; at the first one of ten, and its intervals held it.
    assert of["lsoa", 4]["status"] == "hidden" and of["lsoa", 4]["coverage_90"] is None
    assert of["lsoa", 1]["status"] == "published"
    held = protected.execute(
        "SELECT 100 * avg(within_90::INT) FROM published.forecast_test "
        "WHERE area_type = 'lsoa' AND horizon = 1 AND model = ?",
        [of["lsoa", 1]["model"]],
    ).fetchall()[0][0]
    assert float(of["lsoa", 1]["coverage_90"]) == pytest.approx(held, abs=0.06)
    signs = [row for row in rows if row["horizon"] == 4 and row["area_type"] == "all"]
    assert {row["status"] for row in signs} == {"hidden"}


def test_skill_is_that_of_the_tests(con: duckdb.DuckDBPyConnection) -> None:
    by_hand = con.execute(
        "SELECT count(*), round(avg(abs(recorded - forecast)), 2), round(100 * avg(within_90::INT), 1) "
        "FROM layers.forecast_test WHERE dataset = 'visits' AND area_type = 'lsoa' AND model = ? AND horizon = 2",
        [BAYES],
    ).fetchall()[0]
    told = con.execute(
        "SELECT tests, mean_absolute_error, coverage_90 FROM layers.forecast_skill "
        "WHERE area_type = 'lsoa' AND model = ? AND horizon = 2",
        [BAYES],
    ).fetchall()[0]
    assert [float(value) for value in told] == pytest.approx([float(value) for value in by_hand], abs=0.011)
    assert con.execute(
        "SELECT DISTINCT skill_against_mean FROM layers.forecast_skill WHERE dataset = 'visits' AND model = ?",
        [MEAN],
    ).fetchall() == [(Decimal("0.0"),)]


def test_leap_is_an_early_sign_and_nothing_else_is(con: duckdb.DuckDBPyConnection) -> None:
    signs = con.execute(
        "SELECT area_code, recorded, sign, chance FROM layers.early_sign WHERE dataset = 'visits' AND is_sign "
        "AND area_type = 'lsoa'"
    ).fetchall()
    assert [one[:3] for one in signs] == [("lsoa 000", 90, "more than forecast")]
    assert signs[0][3] < Decimal("0.001")
    short = con.execute(
        "SELECT DISTINCT sign, status FROM layers.early_sign WHERE dataset = 'short'"
    ).fetchall()
    assert short == [(None, "not applicable")]


def test_forecasts_add_up_and_have_all_periods(con: duckdb.DuckDBPyConnection) -> None:
    sums = con.execute(
        "SELECT horizon, period, sum(forecast) FILTER (area_type = 'lsoa'), sum(forecast) FILTER (area_type = "
        "'authority') FROM layers.forecast WHERE dataset = 'visits' GROUP BY ALL ORDER BY 1"
    ).fetchall()
    assert [one[1] for one in sums] == ["2018 Q3", "2018 Q4", "2019 Q1", "2019 Q2"]
    for _, _, parts, whole in sums:
        assert float(parts) == pytest.approx(float(whole), abs=2)
    inside = con.execute(
        "SELECT bool_and(low_90 <= low_50 AND low_50 <= high_50 AND high_50 <= high_90) FROM layers.forecast "
        "WHERE dataset = 'visits'"
    ).fetchall()
    assert inside == [(True,)]
    short = con.execute(
        "SELECT DISTINCT forecast, status FROM layers.forecast WHERE dataset = 'short'"
    ).fetchall()
    assert short == [(None, "not applicable")]


def test_groups_are_of_areas_and_add_up(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT breakdown, group_name, areas, tests, recorded, ratio_low <= ratio AND ratio <= ratio_high "
        "FROM layers.forecast_by_group ORDER BY ALL"
    ).fetchall()
    assert [one[:3] for one in rows] == [
        ("deprivation decile", "01", 15),
        ("deprivation decile", "07", 15),
        ("tenure", "mostly owned", 10),
        ("tenure", "mostly social rented", 20),
    ]
    assert all(one[5] for one in rows)
    whole = con.execute(
        "SELECT count(*), sum(recorded) FROM layers.forecast_test WHERE area_type = 'lsoa' AND model = ?",
        [con.execute("SELECT DISTINCT model FROM layers.forecast WHERE model IS NOT NULL").fetchall()[0][0]],
    ).fetchall()[0]
    for breakdown in ("deprivation decile", "tenure"):
        of = [one for one in rows if one[0] == breakdown]
        assert (sum(one[3] for one in of), sum(one[4] for one in of)) == whole
