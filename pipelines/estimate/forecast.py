"""Forecasts of recorded use: what the models are, and the distribution of the count that each of them foresees.

Here belongs what a model makes of a panel that ends at its origin: the mean and the variance of the count in each area
for the next periods; and the distribution that is read from the two. A model sees nothing but the panel that it is
given. How well models do on the past is `backtest`, which of them is used `skill`, and how the forecasts of all kinds
of area are made to add up `reconcile`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.estimate.panel import Panel, rounded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HORIZONS = 4
LAST, MEAN = "last period", "mean of last four"
BAYES, POISSON, NEGATIVE_BINOMIAL = (
    "empirical Bayes",
    "Poisson regression",
    "negative-binomial regression",
)
# How much of what was recorded in a period still counts a period later; which of these is chosen from the panel.
FADING = (0.0, 0.3, 0.5, 0.7, 0.85, 0.95, 1.0)
# A trend goes on for less with each period: by this share of the step before (Gardner and McKenzie, 1985).
DAMPING = 0.8
# Periods back from the origin that a regression looks at: the last six years of quarters.
LONGEST = {"month": 60, "quarter": 24, "year": 24}
SEASONS = {"month": 12, "quarter": 4}
# No forecast is wholly nought; the variance of the plain models is that of half an event more (Jeffreys' prior).
LEAST = 1e-3


@dataclass(frozen=True)
class Forecast:
    """What a model foresees: mean and variance of the count, (areas, horizons); the first is the next period."""

    mean: Floats
    variance: Floats


@dataclass(frozen=True)
class Model:
    """A named way to make a `Forecast` of a panel, for the periods after its last."""

    name: str
    forecast: Callable[[Panel], Forecast]


# --- what is known -------------------------------------------------------------------------------------------------


def filled(panel: Panel) -> Floats:
    """The counts (areas, periods) as a model takes them.

    A rounded figure is taken for the middle of its range. A hidden one is neither nought nor left out: it is the mean
    of the counts 0 to threshold - 1 under a Poisson distribution at the area's empirical-Bayes rate, which is worked
    out again with what was filled in, until it settles.
    """
    import numpy as np
    from scipy.special import pdtr

    counts = np.asarray((panel.low + panel.high) / 2, float)
    hidden = ~panel.shown
    if not hidden.any():
        return counts
    exposure, most = exposed(panel), panel.threshold - 1
    for _ in range(4):
        level = _level(counts, exposure, 1.0)
        mean = np.maximum(level.rate[:, None] * exposure, 1e-9)
        within = mean * pdtr(most - 1, mean) / np.maximum(pdtr(most, mean), 1e-300) if most > 0 else 0 * mean
        counts = np.where(hidden, np.minimum(within, most), counts)
    return counts


def exposed(panel: Panel) -> Floats:
    """The denominators (areas, periods), in their mean; 1 everywhere where one of them is not known."""
    import numpy as np

    known = np.isfinite(panel.exposure) & (panel.exposure > 0)
    if not known.all() or not known.size:
        return np.ones(panel.exposure.shape)
    return np.asarray(panel.exposure / panel.exposure.mean(), float)


@dataclass(frozen=True)
class _Level:
    """Each area's rate, and the shape of the gamma distribution that it is known by; each (areas,)."""

    rate: Floats
    shape: Floats
    fading: float


def _level(counts: Floats, exposure: Floats, fading: float) -> _Level:
    """The rate of each area, drawn towards the mean of all.

    Counts are Poisson about a rate, rates are gamma-distributed over the areas: the prior is had by moments (Marshall,
    1991). With counts and exposures that fade (Harvey and Fernandes, 1989): the last counts wholly.
    """
    import numpy as np

    weight = fading ** np.arange(counts.shape[1])[::-1]
    count, number, squared = counts @ weight, exposure @ weight, exposure @ weight**2
    mean = count.sum() / number.sum()
    if mean <= 0:
        return _Level(np.full(len(count), 1e-6), np.full(len(count), 0.5), fading)
    shape = 0.5  # of the prior; weak where there are too few areas to know better
    if len(count) >= 4:
        rates = count / number
        between = (number * (rates - mean) ** 2).sum() / number.sum()
        by_chance = mean * (squared / number).sum() / number.sum()
        shape = mean**2 / max(between - by_chance, mean**2 / 1e4)
    return _Level((shape + count) / (shape / mean + number), shape + count, fading)


def _fitting_level(counts: Floats, exposure: Floats) -> _Level:
    """The level by the fading under which each of the latest periods was the least surprising, seen from before it."""
    import numpy as np
    from scipy.special import gammaln

    periods = counts.shape[1]

    def surprise(fading: float) -> float:
        total = 0.0
        for at in range(max(2, periods - 8), periods):
            known = _level(counts[:, :at], exposure[:, :at], fading)
            shape, count = known.shape, counts[:, at]
            mean = np.maximum(known.rate * exposure[:, at], 1e-9)
            total -= float(
                (
                    gammaln(shape + count) - gammaln(shape) - gammaln(count + 1)
                    - shape * np.log1p(mean / shape) + count * np.log(mean / (shape + mean))
                ).sum()
            )  # fmt: skip
        return total

    best = min(FADING[::-1], key=surprise) if periods > 2 else 1.0
    return _level(counts, exposure, best)


# --- the models ----------------------------------------------------------------------------------------------------


def last_period(panel: Panel) -> Forecast:
    """As in the last period: its count, with the chance in it and in the period to come."""
    import numpy as np

    last = np.repeat(filled(panel)[:, -1:], HORIZONS, axis=1)
    return Forecast(np.maximum(last, LEAST), 2 * (last + 0.5))


def mean_of_last_four(panel: Panel) -> Forecast:
    """The mean of the last four periods, or of those there are."""
    import numpy as np

    recent = filled(panel)[:, -4:]
    mean = np.repeat(recent.mean(axis=1, keepdims=True), HORIZONS, axis=1)
    number = recent.shape[1]
    return Forecast(np.maximum(mean, LEAST), (mean + 0.5 / number) * (1 + 1 / number))


def empirical_bayes(panel: Panel) -> Forecast:
    """Each area's level, by its counts as they fade, drawn towards the rate of all; negative binomial in prediction."""
    import numpy as np

    counts, exposure = filled(panel), exposed(panel)
    level = _fitting_level(counts, exposure)
    mean = np.repeat((level.rate * exposure[:, -1])[:, None], HORIZONS, axis=1)
    alpha = _alpha(counts, _level(counts, exposure, 1.0).rate[:, None] * exposure)
    return Forecast(mean, mean + _unknown(level, mean) + alpha * mean**2)


def _alpha(counts: Floats, mean: Floats) -> float:
    """By how much counts scatter more than Poisson: the alpha of variance = mean + alpha mean², by moments."""
    if not (mean**2).sum() > 0:
        return 1e-4
    return min(max(float(((counts - mean) ** 2 - mean).sum() / (mean**2).sum()), 1e-4), 10.0)


def _unknown(level: _Level, mean: Floats) -> Floats:
    """The variance that comes of not knowing the level: it grows with the horizon where levels fade."""
    import numpy as np

    grows = np.maximum(level.fading, 0.5) ** -np.arange(mean.shape[1])
    return np.asarray(mean**2 / level.shape[:, None] * grows, float)


def poisson_regression(panel: Panel) -> Forecast:
    """Level of the area times season times damped trend, which all areas share, by Poisson quasi-likelihood."""
    return _regression(panel, negative_binomial=False)


def negative_binomial_regression(panel: Panel) -> Forecast:
    """The same by negative-binomial regression, its dispersion estimated from the panel."""
    return _regression(panel, negative_binomial=True)


def _regression(panel: Panel, negative_binomial: bool) -> Forecast:
    """A generalised linear model with log link; its offset is the log of exposure times the area's level.

    What is fitted varies with the period alone, so that the Poisson likelihood is that of the periods' totals, whose
    scatter about the fit tells how far season and trend are to be believed: each is drawn towards none by the
    positive-part rule of James and Stein. With both taken off, the areas' levels are fitted once more, as they fade.
    """
    import numpy as np

    used = min(len(panel.periods), LONGEST.get(panel.period_length, 24))
    counts, exposure = filled(panel)[:, -used:], exposed(panel)[:, -used:]
    expected = _level(counts, exposure, 1.0).rate[:, None] * exposure
    columns, ahead, groups = _terms(panel, used)
    slopes, alpha = np.zeros(columns.shape[1]), 0.0
    if columns.shape[1] and counts.sum() > 0:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of fits that are too good, as of areas that never change
                slopes, covariance, alpha = _fitted(counts, expected, columns, negative_binomial)
        except (ValueError, np.linalg.LinAlgError):
            groups = []  # what cannot be fitted has no season and no trend that could be told
        for group in groups:
            part = slopes[group]
            wald = float(part @ np.linalg.pinv(covariance[np.ix_(group, group)]) @ part)
            slopes[group] = part * max(0.0, 1 - len(group) / wald) if wald > 0 else 0 * part
    level = _fitting_level(counts, exposure * np.exp(columns @ slopes))
    mean = (level.rate * exposure[:, -1])[:, None] * np.exp(ahead @ slopes)[None, :]
    return Forecast(mean, mean + _unknown(level, mean) + alpha * mean**2)


def _terms(panel: Panel, used: int) -> tuple[Floats, Floats, list[list[int]]]:
    """Season and trend in the periods used and in those ahead, and which columns are of one kind.

    A season is in where there are two years of periods, a trend where enough remains to tell it from chance.
    """
    import numpy as np

    starts = [period.start for period in panel.periods[-used:]]
    later = [start for _, start, _ in periods_after(panel)]
    seasons = SEASONS.get(panel.period_length, 1)
    known: list[Floats] = []
    ahead: list[Floats] = []
    groups: list[list[int]] = []
    if seasons > 1 and used >= 2 * seasons:
        of = [[(day.month - 1) * seasons // 12 for day in days] for days in (starts, later)]
        if len(set(of[0])) == seasons:
            contrasts = np.vstack([np.eye(seasons - 1), -np.ones(seasons - 1)])
            known, ahead = [contrasts[of[0]]], [contrasts[of[1]]]
            groups.append(list(range(seasons - 1)))
    if used >= max(8, sum(map(len, groups)) + 5):
        groups.append([sum(map(len, groups))])
        known.append(np.arange(1.0 - used, 1.0)[:, None])
        ahead.append(np.cumsum(DAMPING ** np.arange(1.0, HORIZONS + 1))[:, None])
    empty = [np.zeros((used, 0))], [np.zeros((HORIZONS, 0))]
    return np.hstack(known or empty[0]), np.hstack(ahead or empty[1]), groups


def _fitted(
    counts: Floats, expected: Floats, columns: Floats, negative_binomial: bool
) -> tuple[Floats, Floats, float]:
    """The coefficients of the columns (periods, k), their covariance (k, k), and alpha."""
    import numpy as np
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    with_constant = np.column_stack([np.ones(len(columns)), columns])
    total, offset = counts.sum(axis=0), np.log(np.maximum(expected.sum(axis=0), 1e-9))
    fit = GLM(total, with_constant, family=families.Poisson(), offset=offset).fit()
    scatter = max(1.0, float(fit.pearson_chi2) / max(float(fit.df_resid), 1.0))
    covariance = np.asarray(fit.cov_params(), float) * scatter
    mean = expected * np.exp(with_constant @ fit.params)[None, :]
    alpha = _alpha(counts, mean)
    if not negative_binomial:
        return np.asarray(fit.params[1:], float), covariance[1:, 1:], alpha
    areas = len(counts)
    again = GLM(
        counts.T.ravel(),
        np.repeat(with_constant, areas, axis=0),
        family=families.NegativeBinomial(alpha=alpha),
        offset=np.log(np.maximum(expected, 1e-9)).T.ravel(),
    ).fit(start_params=fit.params)
    # The covariance is that of the totals: areas that go up and down together are not so many witnesses.
    return np.asarray(again.params[1:], float), covariance[1:, 1:], alpha


MODELS = (
    Model(LAST, last_period),
    Model(MEAN, mean_of_last_four),
    Model(BAYES, empirical_bayes),
    Model(POISSON, poisson_regression),
    Model(NEGATIVE_BINOMIAL, negative_binomial_regression),
)


def periods_after(panel: Panel) -> list[tuple[str, dt.date, dt.date]]:
    """Name, first and last day of the next `HORIZONS` periods; a snapshot's are as far apart as those known."""
    starts = [period.start for period in panel.periods]
    months = {"month": 1, "quarter": 3, "year": 12}[panel.period_length or "month"]
    if panel.kind == "stock" and len(starts) > 1:
        gaps = sorted((b.year - a.year) * 12 + b.month - a.month for a, b in itertools.pairwise(starts))
        months = max(1, gaps[len(gaps) // 2])
    found = []
    for step in range(1, HORIZONS + 1):
        start, after = (_later(starts[-1], months * count) for count in (step, step + 1))
        if panel.kind == "stock":
            after = _later(start, 1)
        label = f"{start:%Y-%m}"
        if panel.kind != "stock" and panel.period_length == "quarter":
            label = f"{start.year} Q{(start.month + 2) // 3}"
        elif panel.kind != "stock" and panel.period_length == "year":
            label = f"{start.year}"
        found.append((label, start, after - dt.timedelta(days=1)))
    return found


def _later(day: dt.date, months: int) -> dt.date:
    count = day.year * 12 + day.month - 1 + months
    return dt.date(count // 12, count % 12 + 1, 1)


# --- the distribution ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Telling:
    """The figures that a count may be told as, in their order: 0, 1, 2, ...; or hidden, 10, 15, 20, ...

    Where counts are protected, number 0 stands for a hidden figure, that is for a count below the threshold. Every
    method takes and gives arrays of any one shape.
    """

    threshold: int = 0
    round_to: int = 1

    @property
    def first(self) -> int:
        """The least figure that is told after number 0."""
        return (2 * self.threshold + self.round_to) // (2 * self.round_to) * self.round_to or self.round_to

    def number(self, count: Floats) -> NDArray[np.int64]:
        """The number of the figure that a count is told as."""
        import numpy as np

        figure = rounded(np.maximum(count, 0), self.round_to)
        number = (figure - self.first) // self.round_to + 1
        return np.where(count < max(self.threshold, 1), 0, np.maximum(number, 1)).astype(np.int64)

    def figure(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """The figure of a number; 0 of what is hidden."""
        import numpy as np

        return np.where(number <= 0, 0, self.first + (number - 1) * self.round_to)

    def most(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """The greatest count that is told so; -1 for the number before the first."""
        import numpy as np

        some = self.figure(number) - self.round_to // 2 + self.round_to - 1
        return np.where(number < 0, -1, np.where(number == 0, max(self.threshold - 1, 0), some))


def telling(panel: Panel) -> Telling:
    """How the counts of a panel are told."""
    return Telling(panel.threshold, panel.round_to)


def chance_up_to(count: Any, mean: Floats, variance: Floats) -> Floats:
    """The chance of at most so many (whole numbers), for arrays of one shape.

    Negative binomial where the variance is above the mean, Poisson where it is about the mean; below it, as of accounts
    that hardly change, the normal distribution in whole numbers, what is below nought being nought. Where a mean is
    nought, or nearly, and its variance is not, the mean is taken for a quarter of that: after a year of nothing
    something may still come.
    """
    import numpy as np
    from scipy.special import betainc, ndtr, pdtr

    mean = np.maximum(mean, np.maximum(np.minimum(variance, 1) / 4, LEAST))
    count, mean, variance = np.broadcast_arrays(np.asarray(count, float), mean, np.maximum(variance, 1e-6))
    found = np.zeros(count.shape)
    over = variance > mean * (1 + 1e-5)
    under = variance < mean * 0.98
    there = count >= 0
    some = there & over
    excess = variance[some] - mean[some]
    found[some] = betainc(mean[some] ** 2 / excess, count[some] + 1, mean[some] / variance[some])
    some = there & ~over & ~under
    found[some] = pdtr(count[some], mean[some])
    some = there & under
    found[some] = ndtr((count[some] + 0.5 - mean[some]) / np.sqrt(variance[some]))
    return found


def count_at(chance: float, mean: Floats, variance: Floats) -> Floats:
    """The least count whose `chance_up_to` is not below a chance (0 to 1)."""
    import numpy as np
    from scipy.special import ndtri

    # From the normal distribution's guess, by steps and then by halving: exact, and quick for arrays.
    deviation = np.sqrt(np.maximum(variance, 1e-6))
    high = np.maximum(np.floor(mean + ndtri(max(chance, 0.5)) * deviation), 0)
    step = np.maximum(np.ceil(deviation), 1)
    low = np.full(mean.shape, -1.0)
    while (short := chance_up_to(high, mean, variance) < chance).any():
        low = np.where(short, high, low)
        high = np.where(short, high + step, high)
        step = np.where(short, step * 2, step)
    while ((high - low) > 1).any():
        middle = np.floor((low + high) / 2)
        enough = chance_up_to(middle, mean, variance) >= chance
        high = np.where(enough & (high - low > 1), middle, high)
        low = np.where(~enough & (high - low > 1), middle, low)
    return np.asarray(high, float)


def interval(
    percent: int, mean: Floats, variance: Floats, told: Telling
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers (see `Telling`) of the lowest and highest figure of an interval about the middle.

    Figures go in steps, so that no interval has exactly the wanted chance; of those about the middle it is the one
    whose chance comes nearest, which makes intervals neither too wide nor too narrow over many areas.
    """
    import numpy as np

    tail = (1 - percent / 100) / 2
    low = told.number(count_at(tail, mean, variance))
    high = told.number(count_at(1 - tail, mean, variance))
    best, found = np.full(mean.shape, math.inf), (low, high)
    for up, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        a, b = low + up, high - down
        chance = chance_up_to(told.most(b), mean, variance) - chance_up_to(told.most(a - 1), mean, variance)
        off = np.where(a <= b, np.abs(chance - percent / 100), math.inf)
        better = off < best - 1e-12
        found = np.where(better, a, found[0]), np.where(better, b, found[1])
        best = np.minimum(best, off)
    return found
