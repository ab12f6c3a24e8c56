"""Recorded use beyond reach, from tables small enough to reckon by hand; and intervals of ranks that hold the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy.stats import gamma

from pipelines.estimate.reach import (
    COLUMNS,
    DRAWS,
    Crossing,
    Schema,
    draw_rates,
    gamma_shape,
    rank_intervals,
    reach_against_demand,
    reach_of_scenario,
)

# Area, rate for 1,000 with its 95 % interval, homes, status; then homes measured and beyond the limit of libraries.
NORTH = ("N", 50.0, 38.1, 63.5, 400, "published", 60, 30)
SOUTH = ("S", 20.0, 14.2, 26.8, 1000, "published", 200, 20)
NEAR = ("X", 80.0, 70.0, 90.0, 500, "published", 90, 0)
FEW = ("F", None, None, None, 300, "hidden", 50, 50)
EMPTY = ("E", None, None, None, None, "not applicable", 0, 0)


def tables(
    schema: Schema = "published", areas: Sequence[tuple[Any, ...]] = (NORTH, SOUTH, NEAR, FEW, EMPTY)
) -> duckdb.DuckDBPyConnection:
    """Care (which may be set against sites), debts (which may not) and meters (open), at LSOAs and one MSOA."""
    con = duckdb.connect()
    con.execute(f"CREATE SCHEMA {schema}; CREATE SCHEMA IF NOT EXISTS services")
    datasets = "services" if schema == "layers" else schema
    con.execute(
        f"CREATE TABLE {datasets}.dataset (dataset VARCHAR, role VARCHAR, uses VARCHAR, sensitivity VARCHAR)"
    )
    con.execute(
        f"""INSERT INTO {datasets}.dataset VALUES
        ('care', 'service', 'demand, reach', 'special'), ('debts', 'service', 'demand, overlap', 'personal'),
        ('meters', 'service', 'demand', 'open'), ('libraries', 'site', 'demand', 'open'),
        ('refuges', 'site', 'demand', 'special'), ('piers', 'site', 'demand', 'open')"""
    )
    con.execute(
        f"""
        CREATE TABLE {schema}.demand_estimate (
            authority_code VARCHAR, dataset VARCHAR, area_type VARCHAR, area_code VARCHAR, area_name VARCHAR,
            period VARCHAR, period_start DATE, is_latest BOOLEAN, denominator VARCHAR, denominator_value BIGINT,
            shrunken_rate DECIMAL(18, 2), shrunken_low DECIMAL(18, 2), shrunken_high DECIMAL(18, 2), status VARCHAR
        );
        CREATE TABLE {schema}.travel_by_area (
            site_kind VARCHAR, mode VARCHAR, area_type VARCHAR, area_code VARCHAR, homes_measured BIGINT,
            homes_beyond_limit BIGINT
        );
        CREATE TABLE {schema}.travel_gap (
            site_kind VARCHAR, mode VARCHAR, group_name VARCHAR, is_usual_mode BOOLEAN, within_minutes BIGINT
        );
        INSERT INTO {schema}.travel_gap VALUES
            ('libraries', 'walk', 'all', true, 15), ('libraries', 'walk', '1', true, 15),
            ('libraries', 'drive', 'all', false, 15), ('refuges', 'walk', 'all', true, 15)
        """
    )
    for code, *rates, homes, status, measured, beyond in areas:
        for dataset in ("care", "debts", "meters"):
            for period, is_latest in (("2026 Q2", False), ("2026 Q3", True)):
                con.execute(
                    f"INSERT INTO {schema}.demand_estimate "
                    "VALUES ('E06', ?, 'lsoa', ?, ?, ?, NULL, ?, 'homes', ?, ?, ?, ?, ?)",
                    [dataset, code, f"Area {code}", period, is_latest, homes, *rates, status],
                )
        for kind in ("libraries", "refuges"):
            for mode, far in (("walk", beyond), ("drive", 0)):
                con.execute(
                    f"INSERT INTO {schema}.travel_by_area VALUES (?, ?, 'lsoa', ?, ?, ?)",
                    [kind, mode, code, measured, far],
                )
    return con


def rows_of(con: duckdb.DuckDBPyConnection, schema: Schema = "published") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reach_against_demand(con, schema).to_pylist()
    return found


def of_care(rows: list[dict[str, Any]], kind: str = "libraries") -> dict[str, dict[str, Any]]:
    return {row["area_code"]: row for row in rows if (row["dataset"], row["site_kind"]) == ("care", kind)}


def test_what_is_beyond_the_limit_is_rate_times_denominator_times_share() -> None:
    rows = rows_of(tables())
    care = of_care(rows)
    columns = ("homes_beyond_limit_percent", "beyond_limit", "rank")
    told = {code: tuple(row[name] for name in columns) for code, row in care.items()}
    # 50 in 1,000 of 400 homes, half of them too far; 20 in 1,000 of 1,000, a tenth of them.
    assert told["N"] == ("50.0", "10.0", 1)
    assert told["S"] == ("10.0", "2.0", 2)
    assert told["X"] == ("0.0", "0.0", 3)
    assert (care["N"]["mode"], care["N"]["within_minutes"], care["N"]["period"]) == ("walk", 15, "2026 Q3")
    # The 95 % interval of the rate times 0.2 is 7.6 to 12.7; 90 % is a little less.
    assert 7.6 < float(care["N"]["beyond_limit_low"]) < 8.5
    assert 11.5 < float(care["N"]["beyond_limit_high"]) < 12.7
    assert list(rows[0]) == list(COLUMNS)


def test_what_is_hidden_or_cannot_be_measured_has_no_figure_and_keeps_its_row() -> None:
    rows = rows_of(tables())
    care = of_care(rows)
    figures = ("beyond_limit", "beyond_limit_low", "beyond_limit_high", "rank", "rank_low", "rank_high")
    for code, status in (("F", "hidden"), ("E", "not applicable")):
        assert care[code]["status"] == status
        assert [care[code][name] for name in figures] == [None] * 6
    assert care["F"]["homes_beyond_limit_percent"] == "100.0"  # of open data
    # No way to a pier was measured.
    of_piers = of_care(rows, "piers").values()
    assert {(row["status"], row["mode"]) for row in of_piers} == {("not applicable", None)}


def test_only_services_that_may_be_set_against_sites_and_only_open_kinds() -> None:
    rows = rows_of(tables())
    assert {row["dataset"] for row in rows} == {"care", "meters"}
    assert {row["site_kind"] for row in rows} == {"libraries", "piers"}
    assert len(rows) == 2 * 2 * 5


def test_the_exact_tables_are_read_alike() -> None:
    assert rows_of(tables("layers"), "layers") == rows_of(tables())


def test_without_services_or_sites_there_are_no_rows() -> None:
    con = tables()
    con.execute("DELETE FROM published.dataset WHERE role = 'site'")
    assert rows_of(con) == []
    con = tables(areas=())
    assert rows_of(con) == [] and reach_of_scenario(con, {("lsoa", "N"): (60, 1, 0)}) == []


def test_the_same_rows_in_whatever_order_they_are_stored() -> None:
    backwards = (EMPTY, FEW, NEAR, SOUTH, NORTH)
    assert rows_of(tables(areas=backwards)) == rows_of(tables())


def test_areas_that_are_alike_cannot_be_told_apart() -> None:
    alike = [(f"A{number}", 50.0, 38.1, 63.5, 400, "published", 60, 30) for number in range(4)]
    care = of_care(rows_of(tables(areas=[*alike, SOUTH, NEAR])))
    assert [care[f"A{number}"]["rank"] for number in range(4)] == [1] * 4
    assert {(care[f"A{n}"]["rank_low"], care[f"A{n}"]["rank_high"]) for n in range(4)} == {(1, 4)}
    assert [care["S"][name] for name in ("rank", "rank_low", "rank_high")] == [5, 5, 5]
    # Nothing of it is too far, which no draw can change.
    assert [care["X"][name] for name in ("rank", "rank_low", "rank_high")] == [6, 6, 6]


@pytest.mark.parametrize("shape", [0.5, 3.0, 40.0, 2500.0])
def test_the_distribution_is_found_from_its_mean_and_interval(shape: float) -> None:
    mean = np.array([7.0, 0.0])
    low, high = (np.array([7.0 * gamma.ppf(chance, shape) / shape, 0.0]) for chance in (0.025, 0.975))
    found = gamma_shape(mean, low, high)
    assert found[0] == pytest.approx(shape, rel=0.01) and found[1] == 1
    drawn = draw_rates(mean, found, "seed")
    assert drawn.shape == (DRAWS, 2) and not drawn[:, 1].any()
    assert np.quantile(drawn[:, 0], 0.9) == pytest.approx(7 * gamma.ppf(0.9, shape) / shape, rel=0.12)
    assert (drawn == draw_rates(mean, found, "seed")).all()
    assert (drawn[:, 0] != draw_rates(mean, found, "another")[:, 0]).any()


def test_a_rate_that_is_known_for_sure_is_one_number() -> None:
    shape = gamma_shape(np.array([5.0]), np.array([5.0]), np.array([5.0]))
    assert np.ptp(draw_rates(np.array([5.0]), shape, "sure")) < 0.01


def test_intervals_of_ranks_hold_the_true_rank_as_often_as_they_say() -> None:
    """Rates of 15 areas from a known distribution, counts by chance, and the posterior that follows, over and over."""
    chance = np.random.default_rng(7)
    areas, tries, homes = 15, 150, chance.uniform(300, 900, 15)
    held, wide = 0, 0
    for number in range(tries):
        rate = chance.gamma(8, 0.05 / 8, areas)
        count = chance.poisson(rate * homes)
        shape = np.asarray(8 + count, np.float64)
        mean = np.asarray(shape / (8 / 0.05 + homes), np.float64)
        low, high = rank_intervals(draw_rates(mean, shape, str(number)) * homes)
        use = rate * homes
        true = 1 + (use[None, :] > use[:, None]).sum(axis=1)
        held += int(((low <= true) & (true <= high)).sum())
        wide += int((high - low).sum())
    assert 0.88 <= held / (areas * tries) <= 0.97  # ranks are whole: a little more than 90 %
    assert wide / (areas * tries) < areas / 2  # and it is not since they hold everything


def test_two_areas_that_swap_in_a_tenth_of_the_draws_share_their_places() -> None:
    drawn = np.tile([[3.0, 2.0, 1.0]], (1000, 1))
    drawn[:100] = [2.0, 3.0, 1.0]
    low, high = rank_intervals(drawn)
    assert list(zip(low.tolist(), high.tolist(), strict=True)) == [(1, 2), (1, 2), (3, 3)]


# --- scenarios --------------------------------------------------------------------------------------------------------


def of_msoa(con: duckdb.DuckDBPyConnection, dataset: str = "care") -> None:
    con.execute(
        "INSERT INTO published.demand_estimate "
        "VALUES ('E06', ?, 'msoa', 'M', 'Middle', '2026 Q3', NULL, true, 'homes', 2000, 30, 25, 35, 'published')",
        [dataset],
    )


def test_what_a_scenario_moves_over_the_limit_by_the_smallest_areas_that_have_figures() -> None:
    con = tables()
    of_msoa(con)
    crossing: Crossing = {
        ("lsoa", "N"): (60, 12, 0),
        ("lsoa", "S"): (200, 0, 50),
        ("msoa", "M"): (260, 12, 50),
    }
    care, meters = reach_of_scenario(con, crossing)
    assert (care.dataset, care.area_type, care.homes, care.homes_known) == ("care", "lsoa", 62, 62)
    assert care.gained is not None and care.lost is not None
    assert care.gained.expected == pytest.approx(0.05 * 400 * 12 / 60)
    assert care.lost.expected == pytest.approx(0.02 * 1000 * 50 / 200)
    assert care.gained.low < 4 < care.gained.high and care.gained.high - care.gained.low < 2.5
    assert meters.dataset == "meters"
    assert reach_of_scenario(con, crossing) == [care, meters]


def test_where_small_areas_are_withheld_larger_ones_are_taken_and_what_is_left_out_is_said() -> None:
    con = tables()
    of_msoa(con)
    crossing: Crossing = {("lsoa", "N"): (60, 12, 0), ("lsoa", "F"): (50, 40, 0), ("msoa", "M"): (260, 52, 0)}
    care, meters = reach_of_scenario(con, crossing)
    assert (care.area_type, care.homes, care.homes_known) == ("msoa", 52, 52)
    assert care.gained is not None and care.gained.expected == pytest.approx(0.03 * 2000 * 52 / 260)
    assert care.lost is None
    # Meters have no figures of MSOAs.
    assert (meters.area_type, meters.homes, meters.homes_known) == ("lsoa", 52, 12)
    assert meters.gained is not None and meters.gained.expected == pytest.approx(0.05 * 400 * 12 / 60)


def test_where_all_is_withheld_nothing_is_said() -> None:
    (care, _) = reach_of_scenario(tables(), {("lsoa", "F"): (50, 40, 10)})
    assert (care.homes, care.homes_known, care.gained, care.lost) == (50, 0, None, None)
