"""Planted leaks of the future are caught; and known rates come back: intervals hold what they should."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from pipelines.estimate.backtest import (
    HISTORY,
    AnyModel,
    Leak,
    back_test,
    look_for_leak,
    score,
    spread_of_errors,
)
from pipelines.estimate.forecast import (
    BAYES,
    HORIZONS,
    LAST,
    MEAN,
    MODELS,
    NEGATIVE_BINOMIAL,
    POISSON,
    Forecast,
    Model,
    Telling,
    chance_up_to,
    mean_of_last_four,
)
from pipelines.estimate.panel import Panel
from pipelines.estimate.skill import choose, scores_of
from tests.invented_panels import noise, panel_of

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@pytest.fixture
def panel() -> Panel:
    return panel_of(noise(12, 14, 20.0, seed=1))


# Leaks


def peeking(whole: Panel) -> Model:
    """Knows the next period, by a way of its own to the whole panel."""

    def forecast(known: Panel) -> Forecast:
        honest = mean_of_last_four(known)
        at = len(known.periods)
        ahead = whole.figure[:, at : at + 1] if at < len(whole.periods) else honest.mean[:, :1]
        return Forecast(0.5 * honest.mean + 0.5 * ahead, honest.variance)

    return Model("peeking", forecast)


def prior_of_all(whole: Panel) -> Model:
    """Draws areas towards a mean of all periods, worked out beforehand."""
    prior = float(whole.figure.mean())

    def forecast(known: Panel) -> Forecast:
        honest = mean_of_last_four(known)
        return Forecast(0.7 * honest.mean + 0.3 * prior, honest.variance)

    return Model("prior of all", forecast)


def season_of_all(whole: Panel) -> Model:
    """Multiplies by a seasonal factor to which the years to come have been added."""

    def forecast(known: Panel) -> Forecast:
        honest = mean_of_last_four(known)
        total = whole.figure.sum(axis=0)
        factor = np.array(
            [total[(len(known.periods) + h) % 4 :: 4].mean() / total.mean() for h in range(HORIZONS)]
        )
        return Forecast(honest.mean * factor, honest.variance)

    return Model("season of all", forecast)


def exposure_to_come(whole: Panel) -> Model:
    """Goes by the denominators of the period to come."""

    def forecast(known: Panel) -> Forecast:
        honest, at = mean_of_last_four(known), len(known.periods)
        return Forecast(honest.mean * whole.exposure[:, [at]] / known.exposure[:, [-1]], honest.variance)

    return Model("exposure to come", forecast)


@pytest.mark.parametrize("planted", [peeking, prior_of_all, season_of_all, exposure_to_come])
def test_planted_leak_is_caught(panel: Panel, planted: AnyModel) -> None:
    before = [array.copy() for array in (panel.low, panel.high, panel.shown, panel.figure, panel.exposure)]
    with pytest.raises(Leak, match=r"visits, lsoa: the forecast of `[a-z ]+` at 2016 Q3 changes"):
        look_for_leak(planted, panel, origin=7)
    for array, was in zip(
        (panel.low, panel.high, panel.shown, panel.figure, panel.exposure), before, strict=True
    ):
        assert np.array_equal(array, was), "what was scrambled was not put back"


def test_model_that_holds_the_panel_is_caught_though_it_was_made_before(panel: Panel) -> None:
    with pytest.raises(Leak, match="`peeking`"):
        look_for_leak(peeking(panel), panel, origin=7)


def test_widths_from_later_errors_are_caught(panel: Panel) -> None:
    def spread(known: Panel, earlier: Mapping[int, Forecast]) -> Floats:
        honest = spread_of_errors(known, earlier)
        at = len(known.periods)
        later = panel.figure[:, at:] - known.figure.mean(axis=1, keepdims=True)
        return honest * float((later**2).mean())

    with pytest.raises(Leak, match="mean of last four"):
        look_for_leak(Model(MEAN, mean_of_last_four), panel, spread, origin=7)


@pytest.mark.parametrize("planted", [peeking, prior_of_all])
def test_every_back_test_looks_for_leaks(panel: Panel, planted: AnyModel) -> None:
    with pytest.raises(Leak):
        back_test(panel, [*MODELS[:2], planted])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("round_to", [1, 5])
def test_honest_models_do_not_leak(model: Model, round_to: int) -> None:
    protection = {"threshold": 10, "round_to": 5} if round_to == 5 else {}
    panel = panel_of(noise(12, 14, 14.0, seed=2), **protection)  # type: ignore[arg-type]
    for origin in (5, 9, 13):
        look_for_leak(model, panel, origin=origin)


def test_models_are_handed_nothing_later(panel: Panel) -> None:
    seen: list[int] = []

    def forecast(known: Panel) -> Forecast:
        seen.append(len(known.periods))
        widths = {
            array.shape[1] for array in (known.low, known.high, known.shown, known.figure, known.exposure)
        }
        assert widths == {len(known.periods)}
        assert all(array.base is None for array in (known.low, known.figure, known.exposure))
        return mean_of_last_four(known)

    (tests,) = back_test(panel, [Model("watching", forecast)])
    assert max(seen) == len(panel.periods) - 1
    assert sorted(set(tests.origin.tolist())) == list(range(HISTORY, len(panel.periods)))
    assert (tests.origin + tests.horizon).max() == len(panel.periods)


def test_nothing_after_the_origin_is_no_origin(panel: Panel) -> None:
    with pytest.raises(ValueError, match="wanted an origin of 1 to 13 periods; found 14"):
        look_for_leak(MODELS[0], panel, origin=14)


# What is scored


def test_score_is_the_ranked_probability_score() -> None:
    mean, variance, exact = np.array([6.0]), np.array([9.0]), Telling()
    up_to = chance_up_to(np.arange(200), np.full(200, 6.0), np.full(200, 9.0))
    for recorded in (0, 6, 30):
        by_hand = float(((up_to - (recorded <= np.arange(200))) ** 2).sum())
        assert score(np.array([recorded]), mean, variance, exact)[0] == pytest.approx(by_hand, abs=1e-4)
    # Hidden or 10 or 15 ...: what lies between hidden and 10 counts ten, between the others five.
    told = Telling(10, 5)
    numbers = np.arange(60)
    up_to = chance_up_to(told.most(numbers), np.full(60, 6.0), np.full(60, 9.0))
    by_hand = float(((up_to - (numbers >= 0)) ** 2 * np.where(numbers == 0, 10, 5)).sum())
    assert score(np.array([0]), mean, variance, told)[0] == pytest.approx(by_hand, abs=1e-4)
    # Summed by steps where the range is wide.
    many = score(np.array([1050]), np.array([1000.0]), np.array([2500.0]), exact)[0]
    up_to = chance_up_to(np.arange(3000), np.full(3000, 1000.0), np.full(3000, 2500.0))
    assert many == pytest.approx(float(((up_to - (np.arange(3000) >= 1050)) ** 2).sum()), rel=0.03)


def test_spread_is_that_of_errors_up_to_the_origin() -> None:
    panel = panel_of(np.full((100, 8), 50))
    wrong = Forecast(np.full((100, 4), 40.0), np.full((100, 4), 50.0))  # off by ten: twice the variance
    factor = spread_of_errors(panel, {4: wrong, 5: wrong, 6: wrong})
    # Two or three errors of each area are known; a quarter of an origin weighs for the factor before.
    assert factor[0] == pytest.approx((0.25 + 3 * 2) / 3.25)
    assert factor[1] == pytest.approx((0.25 * factor[0] + 3 * 2) / 3.25)
    assert factor[3] == pytest.approx((0.25 * factor[2] + 1 * 2) / 1.25)
    assert spread_of_errors(panel, {}).tolist() == [1, 1, 1, 1]


def test_too_few_periods_are_not_tested() -> None:
    assert back_test(panel_of(noise(5, 7, 20.0, seed=1))) == []
    assert len(back_test(panel_of(noise(5, 8, 20.0, seed=1)))) == len(MODELS)


# Known rates


@pytest.mark.parametrize("scatter", [0.0, 0.05], ids=["Poisson", "more than Poisson"])
def test_intervals_hold_what_they_should(scatter: float) -> None:
    """Rates are known: of the 50 and 90 % intervals within three points of 50 and 90 % hold what came."""
    chance = np.random.default_rng(11)
    levels = chance.gamma(20, 2, (300, 1))
    shaken = levels * chance.gamma(1 / scatter, scatter, (300, 14)) if scatter else np.repeat(levels, 14, 1)
    # Regressions of few periods see more doubt than there is where counts scatter more than Poisson: see the docs.
    for tests in back_test(panel_of(chance.poisson(shaken)), MODELS[:3] if scatter else MODELS):
        assert 100 * tests.within_50.mean() == pytest.approx(50, abs=3), tests.model
        assert 100 * tests.within_90.mean() == pytest.approx(90, abs=3), tests.model


def test_intervals_of_protected_figures_hold_what_they_should() -> None:
    panel = panel_of(noise(120, 14, 25.0, seed=12), threshold=10, round_to=5)
    for tests in back_test(panel, MODELS[1:3]):
        assert 100 * tests.within_50.mean() == pytest.approx(50, abs=5), tests.model
        assert 100 * tests.within_90.mean() == pytest.approx(90, abs=4), tests.model


def chosen(counts: object) -> str:
    return choose(scores_of({"lsoa": back_test(panel_of(counts))})).model


def test_season_is_forecast_by_a_regression() -> None:
    chance = np.random.default_rng(13)
    levels = chance.gamma(10, 3, (40, 1)) * np.tile([1.3, 0.9, 0.7, 1.1], 5)
    assert chosen(chance.poisson(levels)) in {POISSON, NEGATIVE_BINOMIAL}


def test_chance_about_levels_that_stay_is_forecast_by_the_level() -> None:
    """All the past tells more of it than four periods: so no regression, nor the last period."""
    assert chosen(noise(40, 16, 8.0, seed=14)) == BAYES


def test_nothing_beats_the_mean_of_the_last_four_where_it_is_all_there_is_to_know() -> None:
    chance = np.random.default_rng(15)
    counts = chance.poisson(40, (60, 40))
    for at in range(4, 40):
        counts[:, at] = chance.poisson(counts[:, at - 4 : at].mean(axis=1))
    choice = choose(scores_of({"lsoa": back_test(panel_of(counts[:, -20:]))}))
    assert choice.model == MEAN
    assert choice.gain[LAST] < 0
