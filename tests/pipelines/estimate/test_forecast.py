"""The models by hand and by what is known to be true; the distribution against scipy's; figures as they are told."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from pipelines.estimate.forecast import (
    DAMPING,
    MODELS,
    Telling,
    chance_up_to,
    count_at,
    empirical_bayes,
    filled,
    interval,
    last_period,
    mean_of_last_four,
    negative_binomial_regression,
    periods_after,
    poisson_regression,
)
from tests.invented_panels import noise, panel_of

YEARS = 5
SEASON = np.array([1.3, 0.9, 0.7, 1.1])


def test_plain_models_are_what_their_names_say() -> None:
    panel = panel_of([[1, 2, 3, 4, 9], [0, 0, 4, 0, 0]])
    assert last_period(panel).mean[0].tolist() == [9, 9, 9, 9]
    assert mean_of_last_four(panel).mean[:, 0].tolist() == [4.5, 1.0]
    # The chance in what comes, and in each of the four that were averaged, half an event more in all.
    assert mean_of_last_four(panel).variance[0, 0] == pytest.approx((4.5 + 0.5 / 4) * 1.25)


def test_empirical_bayes_lies_between_the_area_and_all() -> None:
    panel = panel_of(noise(50, 8, 3.0, seed=1))
    own, all_areas = panel.figure.mean(axis=1), panel.figure.mean()
    found = empirical_bayes(panel).mean[:, 0]
    far = np.abs(own - all_areas) > 0.3
    assert far.sum() > 20
    assert ((found - all_areas) / (own - all_areas) < 1)[far].all()
    assert ((found - all_areas) / (own - all_areas) > 0)[far].mean() > 0.9


def test_empirical_bayes_of_areas_that_differ_in_size_goes_by_their_rate() -> None:
    chance = np.random.default_rng(4)
    homes = chance.uniform(50, 900, (60, 1))
    panel = panel_of(chance.poisson(homes * 0.01, (60, 8)), exposure=homes)
    found = empirical_bayes(panel).mean[:, 0] / homes[:, 0]
    assert found == pytest.approx(0.01, rel=0.25)  # drawn so near that no area is far off
    assert (panel.figure.mean(axis=1) / homes[:, 0]).std() > 2 * found.std()


@pytest.mark.parametrize("model", [poisson_regression, negative_binomial_regression])
def test_regression_finds_the_season(model: object) -> None:
    chance = np.random.default_rng(2)
    levels = chance.gamma(20, 2, (40, 1))
    panel = panel_of(chance.poisson(levels * np.tile(SEASON, YEARS)))
    found = model(panel).mean.sum(axis=0)  # type: ignore[operator]
    assert found / found.mean() == pytest.approx(SEASON / SEASON.mean(), rel=0.05)
    assert found.mean() == pytest.approx(levels.sum(), rel=0.05)


def test_regression_carries_a_trend_on_for_less_and_less() -> None:
    chance = np.random.default_rng(3)
    panel = panel_of(chance.poisson(200 * 1.03 ** np.arange(20), (20, 20)))
    total = poisson_regression(panel).mean.sum(axis=0)
    steps = np.diff(np.log(total))
    assert steps[0] == pytest.approx(np.log(1.03) * DAMPING**2, rel=0.25)
    assert (np.diff(steps) < 0).all()


def test_regression_believes_no_season_that_is_chance() -> None:
    panel = panel_of(noise(40, 20, 10.0, seed=5))
    total = poisson_regression(panel).mean.sum(axis=0)
    assert total.max() / total.min() < 1.03


@pytest.mark.parametrize("model", [empirical_bayes, poisson_regression, negative_binomial_regression])
def test_scatter_of_counts_is_seen(model: object) -> None:
    chance = np.random.default_rng(6)
    counts = chance.poisson(chance.gamma(2, 10, (60, 20)))  # means that jump about: variance 20 + 200
    assert 180 < model(panel_of(counts)).variance.mean() < 300  # type: ignore[operator]


def test_hidden_count_is_what_is_expected_below_the_threshold() -> None:
    true = np.full((12, 10), 11)
    true[:, ::2] = 8
    panel = panel_of(true, threshold=10, round_to=5)
    taken = filled(panel)
    assert (taken[panel.shown] == 11).all()  # 10 stands for 10 to 12
    hidden = taken[~panel.shown]
    rate = taken.mean()
    count = np.arange(10)
    chance = stats.poisson.pmf(count, rate)
    assert hidden == pytest.approx((count * chance).sum() / chance.sum(), abs=0.05)
    assert 6 < hidden.mean() < 9


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize(
    "counts",
    [np.zeros((5, 10)), np.full((1, 10), 7), np.eye(6, 10), np.full((3, 4), 30_000), np.full((4, 1), 3)],
    ids=["nothing", "one area", "hardly anything", "large", "one period"],
)
def test_every_model_forecasts_whatever_there_is(model: object, counts: object) -> None:
    panel = panel_of(counts)
    found = model.forecast(panel)  # type: ignore[attr-defined]
    assert found.mean.shape == found.variance.shape == (len(panel.codes), 4)
    assert np.isfinite(found.mean).all() and (found.mean > 0).all()
    assert np.isfinite(found.variance).all() and (found.variance > 0).all()


def test_denominator_that_is_not_known_is_left_out_of_account() -> None:
    counts = noise(10, 8, 5.0, seed=8)
    unknown = np.full(counts.shape, 300.0)
    unknown[3, 2] = np.nan
    assert np.array_equal(
        empirical_bayes(panel_of(counts, unknown)).mean, empirical_bayes(panel_of(counts)).mean
    )


def test_periods_to_come() -> None:
    assert [label for label, *_ in periods_after(panel_of(np.ones((1, 3))))] == [
        "2015 Q4", "2016 Q1", "2016 Q2", "2016 Q3",
    ]  # fmt: skip
    assert periods_after(panel_of(np.ones((1, 3))))[1][1:] == (dt.date(2016, 1, 1), dt.date(2016, 3, 31))
    monthly = panel_of(np.ones((1, 12)), length="month")
    assert periods_after(monthly)[0] == ("2016-01", dt.date(2016, 1, 1), dt.date(2016, 1, 31))
    # Snapshots of every other month go on so.
    every_other = replace(monthly, kind="stock", periods=monthly.periods[::2])
    assert [label for label, *_ in periods_after(every_other)] == ["2016-01", "2016-03", "2016-05", "2016-07"]


def test_distribution_is_scipys() -> None:
    mean, variance = np.array([0.4, 3.0, 40.0, 900.0]), np.array([0.5, 7.0, 90.0, 5000.0])
    for count in (0, 2, 35, 950):
        expected = stats.nbinom.cdf(count, mean**2 / (variance - mean), mean / variance)
        assert chance_up_to(count, mean, variance) == pytest.approx(expected)
        assert chance_up_to(count, mean, mean) == pytest.approx(stats.poisson.cdf(count, mean))
    for share in (0.05, 0.25, 0.5, 0.95):
        expected = stats.nbinom.ppf(share, mean**2 / (variance - mean), mean / variance)
        assert count_at(share, mean, variance).tolist() == expected.tolist()
    steady = chance_up_to(np.array([29_990, 30_000]), np.array([30_000.0] * 2), np.array([100.0] * 2))
    assert steady == pytest.approx(stats.norm.cdf([-0.95, 0.05]))


def test_after_a_year_of_nothing_something_may_still_come() -> None:
    for model in (last_period, mean_of_last_four):
        made = model(panel_of(np.zeros((3, 8))))
        chance_of_one = 1 - chance_up_to(0, made.mean, made.variance)
        assert (chance_of_one > 0.01).all() and (chance_of_one < 0.5).all()


def test_figures_as_they_are_told() -> None:
    protected = Telling(10, 5)
    count = np.array([0.0, 9.0, 10.0, 12.0, 13.0, 17.0, 18.0])
    assert protected.figure(protected.number(count)).tolist() == [0, 0, 10, 10, 15, 15, 20]
    assert protected.most(np.arange(-1, 4)).tolist() == [-1, 9, 12, 17, 22]
    exact = Telling()
    assert exact.figure(exact.number(count)).tolist() == count.tolist()
    assert exact.most(np.arange(-1, 3)).tolist() == [-1, 0, 1, 2]


@pytest.mark.parametrize("told", [Telling(), Telling(10, 5)], ids=["exact", "protected"])
@pytest.mark.parametrize("percent", [50, 90])
def test_interval_has_its_chance_over_many_areas(told: Telling, percent: int) -> None:
    chance = np.random.default_rng(9)
    mean = chance.uniform(5, 80, 10_000)
    variance = 1.5 * mean
    low, high = interval(percent, mean, variance, told)
    number = told.number(chance.negative_binomial(mean**2 / (variance - mean), mean / variance).astype(float))
    within = (low <= number) & (number <= high)
    assert 100 * within.mean() == pytest.approx(percent, abs=1 if told == Telling() else 2.5)
