"""Rates with intervals: limits that can be looked up, a prior that can be integrated by hand, rates that are known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from pipelines.estimate.panel import Panel, Period, rounded, told
from pipelines.estimate.rates import (
    COLUMNS,
    demand_estimates,
    greatest_hidden,
    poisson_interval,
    shrink,
    totals_of,
)

THRESHOLD, ROUND_TO = 10, 5
Counts = NDArray[np.int64]


def protected(count: Counts) -> tuple[Counts, Counts, NDArray[np.bool_]]:
    """The least and the greatest count behind each as published, and whether it is shown at all."""
    shown = count >= THRESHOLD
    figure = rounded(count.astype(float), ROUND_TO).astype(np.int64)
    return *told(figure, shown, THRESHOLD, ROUND_TO), shown


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.689), (1, 0.025, 5.572), (10, 4.795, 18.390), (100, 81.364, 121.627)],
)
def test_exact_limits_are_those_of_the_published_tables(count: int, low: float, high: float) -> None:
    """Garwood's, as in any table of exact Poisson limits."""
    found = poisson_interval(np.array([count]), np.array([count]))
    assert [limit[0] for limit in found] == pytest.approx([low, high], abs=0.001)


def test_a_rounded_count_has_the_limits_of_its_ends() -> None:
    low, high = poisson_interval(np.array([13]), np.array([17]))
    assert low == poisson_interval(np.array([13]), np.array([13]))[0]
    assert high == poisson_interval(np.array([17]), np.array([17]))[1]


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1; found 95"):
        poisson_interval(np.array([1]), np.array([1]), 95)


def by_hand(low: Counts, high: Counts, exposure: NDArray[np.float64], area: int) -> tuple[Any, Any]:
    """One area's posterior, by summing over a fine grid of priors: rates, and the probability of each."""
    levels = np.exp(np.linspace(np.log(0.01), np.log(0.2), 40))
    variations = np.linspace(0.02, 2.0, 50)
    rate = np.linspace(0.0005, 0.3, 2000)
    dense = np.zeros(len(rate))
    logs = np.zeros((len(levels), len(variations)))
    for one, level in enumerate(levels):
        for other, variation in enumerate(variations):
            size = 1 / variation**2
            p = size / (size + level * exposure)
            of_range = stats.nbinom.cdf(high, size, p) - stats.nbinom.cdf(low - 1, size, p)
            weight = variation / (1 + variation**2) ** 1.5
            logs[one, other] = np.log(np.maximum(of_range, 1e-300)).sum() + np.log(weight)
    share = np.exp(logs - logs.max())
    share /= share.sum()
    counts = np.arange(low[area], high[area] + 1)
    for one, other in np.argwhere(share > 3e-4):
        size = 1 / variations[other] ** 2
        prior = stats.gamma(size, scale=levels[one] / size)
        likelihood = stats.poisson.pmf(counts[:, None], rate * exposure[area]).sum(0)
        posterior = prior.pdf(rate) * likelihood
        dense += share[one, other] * posterior / posterior.sum()
    return rate, dense / dense.sum()


def test_shrunken_rates_are_those_of_the_integral_over_all_priors() -> None:
    count = np.array([12, 25, 3, 40, 18, 9, 31, 14, 22, 6, 17, 55])
    exposure = np.array([400.0, 500, 300, 600, 450, 350, 500, 400, 420, 380, 410, 640])
    low, high, _ = protected(count)
    found = shrink(low[:, None], high[:, None], exposure[:, None])
    for area in (0, 4, 11):
        rate, dense = by_hand(low, high, exposure, area)
        mean = (rate * dense).sum()
        assert found.mean[area, 0] == pytest.approx(mean, rel=0.01)
        assert np.sqrt(found.variance[area, 0]) == pytest.approx(
            np.sqrt((rate**2 * dense).sum() - mean**2), rel=0.02
        )
        for level in (0.5, 0.9, 0.95):
            limits = [
                rate[np.searchsorted(dense.cumsum(), tail)] for tail in ((1 - level) / 2, (1 + level) / 2)
            ]
            width = limits[1] - limits[0]
            assert [limit[area, 0] for limit in found.interval(level)] == pytest.approx(
                limits, abs=0.02 * width
            )


# Known rates: recovery


@pytest.mark.parametrize("variation", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("per_person", [0.03, 0.1])
@pytest.mark.parametrize("is_protected", [False, True])
def test_known_rates_lie_in_their_intervals_as_often_as_is_said(
    variation: float, per_person: float, is_protected: bool
) -> None:
    """Rates drawn from a gamma, Poisson counts of them, rounded and hidden by the rule: coverage within 3 points."""
    chance = np.random.default_rng(20_260_101)
    exposure = np.repeat(chance.integers(300, 900, (120, 1)), 60, axis=1).astype(float)
    rate = chance.gamma(1 / variation**2, per_person * variation**2, exposure.shape)
    count = chance.poisson(rate * exposure)
    low, high, shown = protected(count) if is_protected else (count, count, count >= 0)
    found = shrink(low, high, exposure)
    for level in (0.5, 0.9, 0.95):
        least, greatest = found.interval(level)
        covered = ((least <= rate) & (rate <= greatest))[shown].mean()
        assert covered == pytest.approx(level, abs=0.03)
        least, greatest = poisson_interval(low, high, level)
        assert ((least <= rate * exposure) & (rate * exposure <= greatest))[shown].mean() >= level
    # Nearer to the truth than the area's own rate by itself, and narrower.
    own = np.where(shown, (low + high) / 2, np.nan) / exposure
    assert np.nanmean((own - rate) ** 2) > np.mean((found.mean - rate)[shown] ** 2)
    assert found.level.mean() == pytest.approx(per_person, rel=0.05)


@pytest.mark.parametrize("areas", [3, 8, 40])
@pytest.mark.parametrize("variation", [0.0, 0.3])
def test_few_areas_or_areas_all_alike_have_intervals_that_are_wide_enough(
    areas: int, variation: float
) -> None:
    chance = np.random.default_rng(7)
    exposure = np.full((areas, 4800 // areas), 600.0)
    rate = np.full(exposure.shape, 0.05)
    if variation:
        rate = chance.gamma(1 / variation**2, 0.05 * variation**2, exposure.shape)
    low, high, shown = protected(chance.poisson(rate * exposure))
    least, greatest = shrink(low, high, exposure).interval(0.9)
    assert ((least <= rate) & (rate <= greatest))[shown].mean() >= 0.87


def test_hidden_areas_take_part_or_the_level_would_be_that_of_the_busier_ones() -> None:
    chance = np.random.default_rng(3)
    exposure = np.full((200, 20), 500.0)
    low, high, shown = protected(chance.poisson(0.02 * chance.gamma(4, 0.25, exposure.shape) * exposure))
    assert 0.3 < shown.mean() < 0.6
    everywhere = shrink(low, high, exposure).level.mean()
    without = shrink(low, high, np.where(shown, exposure, np.nan)).level.mean()
    assert everywhere == pytest.approx(0.02, rel=0.03)
    assert without > 0.026


def panel_of(area_type: str, count: Counts, shown: NDArray[np.bool_], exposure: float) -> Panel:
    """A panel of counts as published, in one quarter each."""
    figure = np.where(shown, rounded(count.astype(float), ROUND_TO), np.nan)
    low, high = told(np.nan_to_num(figure).astype(np.int64), shown, THRESHOLD, ROUND_TO)
    periods = tuple(
        Period(f"{2000 + at}", dt.date(2000 + at, 1, 1), dt.date(2000 + at, 12, 31), True)
        for at in range(count.shape[1])
    )
    codes = tuple(f"{area_type} {at:03}" for at in range(len(count)))
    return Panel(
        "E06999001", "care", area_type, codes, codes, periods, low, high, shown, figure,
        np.full(count.shape, exposure), "people", "event", "flow", "year", THRESHOLD, ROUND_TO,
    )  # fmt: skip


def test_counts_hidden_to_protect_others_do_not_pull_the_level_down() -> None:
    chance = np.random.default_rng(13)
    count = chance.poisson(0.04 * chance.gamma(6, 1 / 6, (40, 30)) * 400)
    shown = count >= THRESHOLD
    # As many again are hidden, the smallest of those that would be shown.
    order = np.argsort(np.where(shown, count, 10_000), axis=0)
    for at in range(count.shape[1]):
        shown[order[: (~shown[:, at]).sum(), at], at] = False
    panel = panel_of("lsoa", count, shown, 400.0)
    msoas = count.reshape(8, 5, -1).sum(1)
    larger = panel_of("msoa", msoas, msoas >= THRESHOLD, 2000.0)
    assert larger.shown.all()
    total = totals_of(panel, [panel, larger])
    assert np.abs(total - count.sum(0)).max() <= 8 * 2
    high = greatest_hidden(panel, total)
    assert (high[panel.shown] == panel.high[panel.shown]).all() and (high[~shown] >= 9).all()
    as_if_below = shrink(panel.low, panel.high, panel.exposure).level.mean()
    found = shrink(panel.low, high, panel.exposure).level.mean()
    assert as_if_below < 0.95 * 0.04 and found == pytest.approx(0.04, rel=0.03)
    # Nothing is widened where only small counts are hidden, or where the total is not known.
    honest = panel_of("lsoa", count, count >= THRESHOLD, 400.0)
    assert np.mean(greatest_hidden(honest, total)[~honest.shown] == 9) > 0.8
    unknown = totals_of(panel, [panel])
    assert np.isnan(unknown).all() and (greatest_hidden(panel, unknown) == panel.high).all()


# What may be missing


def test_no_recorded_use_at_all_is_a_low_rate_and_no_error() -> None:
    nothing = np.zeros((30, 1), dtype=np.int64)
    found = shrink(nothing, nothing, np.full((30, 1), 100.0))
    _, greatest = found.interval()
    # Half a count in 3,000, as by Jeffreys; at most what 0 of 100 lets one say of an area by itself.
    assert 0 < found.mean.max() < 1 / 3000
    assert greatest.max() < poisson_interval(nothing[:1], nothing[:1])[1][0, 0] / 100


def test_an_area_without_a_denominator_has_no_rate_and_does_not_touch_the_others() -> None:
    count = np.array([[12], [30], [21], [99]])
    exposure = np.array([[200.0], [300.0], [400.0], [np.nan]])
    found, others = shrink(count, count, exposure), shrink(count[:3], count[:3], exposure[:3])
    assert np.isnan(found.mean[3, 0]) and np.isnan(found.interval()[0][3, 0])
    assert found.mean[:3] == pytest.approx(others.mean)
    none = shrink(count, count, np.full((4, 1), np.nan))
    assert np.isnan(none.mean).all() and np.isnan(none.level).all()


def test_everything_hidden_and_a_single_area_are_no_error() -> None:
    low, high = np.zeros((20, 2), dtype=np.int64), np.full((20, 2), 9)
    assert np.isfinite(shrink(low, high, np.full((20, 2), 500.0)).mean).all()
    alone = shrink(np.array([[40]]), np.array([[40]]), np.array([[1000.0]]))
    # There is nobody to learn from.
    assert alone.mean[0, 0] == pytest.approx(0.04, rel=0.01)


def test_a_period_stands_when_later_ones_come() -> None:
    chance = np.random.default_rng(5)
    low, high, _ = protected(chance.poisson(20, (40, 3)))
    exposure = np.full((40, 3), 300.0)
    before, after = shrink(low[:, :2], high[:, :2], exposure[:, :2]), shrink(low, high, exposure)
    assert before.mean == pytest.approx(after.mean[:, :2], rel=1e-12)
    assert before.variance == pytest.approx(after.variance[:, :2], rel=1e-9)


def test_shapes_and_ranges_that_cannot_be_are_refused() -> None:
    one = np.array([[5]])
    with pytest.raises(ValueError, match="one shape"):
        shrink(one, one, np.array([5.0]))
    with pytest.raises(ValueError, match="least first"):
        shrink(one, one - 1, one.astype(float))


# The table


def areas_con(counts: list[list[int]], homes: list[int | None]) -> duckdb.DuckDBPyConnection:
    """Counts of a dataset `care` by LSOA and quarter, exact and as published, and their authority's."""
    con = duckdb.connect()
    for schema in ("layers", "published", "services", "sources"):
        con.execute(f"CREATE SCHEMA {schema}")
    for rule in ("sources.authority", "published.disclosure_rule"):
        con.execute(f"CREATE TABLE {rule} AS SELECT {THRESHOLD} AS threshold, {ROUND_TO} AS round_to")
    for catalogue in ("services.dataset", "published.dataset"):
        con.execute(
            f"CREATE TABLE {catalogue} AS SELECT 'care' AS dataset, 'service' AS role, 'event' AS counts, "
            "'flow' AS kind, 'quarter' AS period, 'special' AS sensitivity"
        )
    for schema in ("layers", "published"):
        con.execute(
            f"CREATE TABLE {schema}.demand_by_area (authority_code VARCHAR, dataset VARCHAR, area_type VARCHAR, "
            "area_code VARCHAR, area_name VARCHAR, period VARCHAR, period_start DATE, period_end DATE, "
            "is_complete BOOLEAN, recorded_use BIGINT, denominator VARCHAR, denominator_value BIGINT)"
        )
        whole = [sum(column) for column in zip(*counts, strict=True)]
        areas = [("lsoa", f"E0100000{at}", counts[at], homes[at]) for at in range(len(counts))]
        for kind, code, by_period, of in [
            *areas,
            ("authority", "E06999001", whole, sum(n or 0 for n in homes)),
        ]:
            for at, count in enumerate(by_period):
                start, end = dt.date(2025, 3 * at + 1, 1), dt.date(2025, 3 * at + 3, 28)
                shown = int(rounded(np.array(float(count)), ROUND_TO)) if count >= THRESHOLD else None
                con.execute(
                    f"INSERT INTO {schema}.demand_by_area VALUES ('E06999001', 'care', ?, ?, ?, ?, ?, ?, ?, ?, "
                    "'homes', ?)",
                    [kind, code, f"Area {code}", f"2025 Q{at + 1}", start, end, at < 2,
                     shown if schema == "published" else count, of],
                )  # fmt: skip
    return con


def test_each_area_and_period_has_a_row_and_a_hidden_count_no_rate() -> None:
    with areas_con([[13, 12, 14], [4, 22, 11], [30, 31, 28]], [300, 400, None]) as con:
        published, exact = demand_estimates(con, "published"), demand_estimates(con, "layers")
    assert published.column_names == list(COLUMNS)
    rows, twins = published.to_pylist(), exact.to_pylist()
    assert [(row["area_code"][-1], row["period"]) for row in rows] == [
        (area, f"2025 Q{quarter}") for area in "012" for quarter in (1, 2, 3)
    ]
    assert [row["status"] for row in rows] == [
        *["published"] * 3, "hidden", *["published"] * 2, *["not applicable"] * 3,
    ]  # fmt: skip
    # The third quarter is not complete.
    assert [row["period"] for row in rows if row["is_latest"]] == ["2025 Q2"] * 3
    for row in rows:
        figures = [row[name] for name in COLUMNS if name.startswith(("rate", "shrunken"))]
        assert len(figures) == 6 and all((f is None) == (row["status"] != "published") for f in figures)
    # 13 is published as 15: 50 for every 1,000 of 300 homes, where it is 43.33; the interval allows for 13 and for 17.
    first, twin = rows[0], twins[0]
    assert (first["rate"], twin["rate"]) == ("50.00", "43.33")
    assert float(first["rate_low"]) == float(twin["rate_low"]) < 43.33 < float(twin["rate_high"])
    assert float(twin["rate_high"]) < float(first["rate_high"])
    # 45 of 700: the whole authority, the records too of the area whose homes are not known.
    assert first["authority_rate"] == "64.29"
    # The exact twin tells of the hidden area.
    assert (rows[3]["rate"], twins[3]["status"], twins[3]["rate"]) == (None, "published", "10.00")
    assert float(twins[3]["rate"]) < float(twins[3]["shrunken_rate"])


def test_nothing_recorded_is_a_table_without_rows() -> None:
    with areas_con([[13]], [300]) as con:
        con.execute("DELETE FROM published.demand_by_area")
        assert demand_estimates(con, "published").num_rows == 0
