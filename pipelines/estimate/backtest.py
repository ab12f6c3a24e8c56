"""Forecasts tried on the past: at each origin a model sees the periods up to it, and is judged by those after it.

Here belongs the rolling-origin back-test of one panel, the intervals by earlier errors, the search for leaks of the
future, and the table `forecast_test`. What the tests say of the models, and which is used, is `skill`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.estimate.forecast import (
    HORIZONS,
    MODELS,
    Forecast,
    Model,
    Telling,
    chance_up_to,
    interval,
    telling,
)
from pipelines.estimate.panel import READS, Panel, Schema, read_panels
from pipelines.tables import table_of_rows

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int64]

# Forecasts are scored from so many known periods on; those made of fewer tell how wide the first intervals must be.
HISTORY, FIRST = 6, 4
# Complete periods without which there is no forecast: two origins at the least.
WANTED = HISTORY + 2
SCORE_POINTS = 48

TEST_COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "dataset": ("VARCHAR", "dataset"),
    "area_type": ("VARCHAR", "authority, ward, msoa or lsoa"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "model": (
        "VARCHAR",
        "last period, mean of last four, empirical Bayes, Poisson regression or negative-binomial regression",
    ),
    "origin": ("VARCHAR", "last period that the model was given"),
    "origin_start": ("DATE", "first day of that period"),
    "horizon": ("BIGINT", "how many periods after it, 1 to 4"),
    "period": ("VARCHAR", "the period foreseen"),
    "period_start": ("DATE", "first day of the period foreseen"),
    "recorded": ("BIGINT", "recorded use in it, as told; empty where hidden"),
    "forecast": ("DECIMAL(18, 2)", "mean of the distribution foreseen"),
    "variance": ("DECIMAL(18, 3)", "variance of the distribution foreseen"),
    "low_50": ("BIGINT", "lower end of the 50 % interval of the figure as told; 0 stands for a hidden figure, too"),
    "high_50": ("BIGINT", "upper end of the 50 % interval"),
    "low_90": ("BIGINT", "lower end of the 90 % interval"),
    "high_90": ("BIGINT", "upper end of the 90 % interval"),
    "within_50": ("BOOLEAN", "whether the figure as told lies in it; a hidden one lies in one that begins at 0"),
    "within_90": ("BOOLEAN", "whether it lies in the 90 % interval"),
    "score": (
        "DECIMAL(18, 4)",
        "ranked probability score of the figure as told, in what the dataset counts; 0 is best",
    ),
    "status": ("VARCHAR", "`published`; `hidden` where what was recorded is"),
}  # fmt: skip
TEST_KEY = ("dataset", "area_type", "area_code", "model", "origin", "horizon")


class Leak(Exception):
    """A forecast changed with what came after its origin; the message names model and origin."""


@dataclass(frozen=True)
class Tests:
    """The forecasts of one model for one panel at K pairs of origin and horizon.

    `origin` is how many periods the model was given, `horizon` 1 to 4; each (K,). The others are (K, areas): mean and
    variance of the count; numbers of the figures (see `forecast.Telling`) at the ends of the intervals and of what was
    recorded; and the score.
    """

    model: str
    origin: Numbers
    horizon: Numbers
    mean: Floats
    variance: Floats
    low_50: Numbers
    high_50: Numbers
    low_90: Numbers
    high_90: Numbers
    recorded: Numbers
    score: Floats

    @property
    def within_50(self) -> NDArray[np.bool_]:
        """Whether what was recorded lies in the 50 % interval, (K, areas)."""
        return (self.low_50 <= self.recorded) & (self.recorded <= self.high_50)

    @property
    def within_90(self) -> NDArray[np.bool_]:
        """Whether what was recorded lies in the 90 % interval, (K, areas)."""
        return (self.low_90 <= self.recorded) & (self.recorded <= self.high_90)


# How far forecasts were off: of the periods known at the origin, the forecasts made before it, by how many periods each
# was given, and that made at it, a factor of the variance for each horizon.
Spread = Callable[[Panel, Mapping[int, Forecast]], "Floats"]
# A model; or what makes one of a panel, for one that is prepared beforehand.
AnyModel = Model | Callable[[Panel], Model]


def spread_of_errors(known: Panel, earlier: Mapping[int, Forecast]) -> Floats:
    """The factor (horizons,) by which variances were too small at each horizon, as errors up to the origin show.

    The mean of squared errors over variances. Few errors are drawn towards the factor of the horizon before, that of
    the first towards 1, with the weight of a quarter of an origin. A hidden count errs as much as one below the
    threshold is expected to; rounding adds its own error, which is taken off.
    """
    import numpy as np

    counts = (known.low + known.high) / 2
    by_rounding = (known.high - known.low + 1) ** 2 / 12 - 1 / 12
    areas, periods = counts.shape
    factor, before = np.ones(HORIZONS), 1.0
    for horizon in range(1, HORIZONS + 1):
        weight = max(4.0, areas / 4)
        total, number = weight * before, weight
        for origin, forecast in earlier.items():
            at = origin + horizon - 1
            if at < periods:
                mean, variance = forecast.mean[:, horizon - 1], forecast.variance[:, horizon - 1]
                squared = (counts[:, at] - mean) ** 2 - by_rounding[:, at]
                if not known.shown[:, at].all():
                    squared = np.where(
                        known.shown[:, at], squared, _squared_below(known.threshold, mean, variance)
                    )
                total += float((squared / variance).sum())
                number += areas
        before = factor[horizon - 1] = max(total / number, 0.01)
    return factor


def _squared_below(threshold: int, mean: Floats, variance: Floats) -> Floats:
    """The expected squared error of counts that are known to be below a threshold, (areas,)."""
    import numpy as np

    counts = np.arange(threshold)[:, None]
    up_to = chance_up_to(counts, mean, variance)
    chance = np.diff(up_to, axis=0, prepend=0)
    whole = up_to[-1]
    squared = (chance * (counts - mean) ** 2).sum(axis=0) / np.maximum(whole, 1e-12)
    return np.asarray(np.where(whole > 1e-9, squared, (threshold - 1 - mean) ** 2), float)


def back_test(
    panel: Panel, models: Sequence[AnyModel] = MODELS, spread: Spread = spread_of_errors
) -> list[Tests]:
    """The tests of each model, at every origin of at least `HISTORY` periods that has one after it.

    Models are handed panels that end at the origin. Besides, each is searched for leaks at one origin, in the middle.
    Empty where there are fewer than `WANTED` periods. Raises `Leak`.
    """
    if len(panel.periods) < WANTED:
        return []
    origins = range(HISTORY, len(panel.periods))
    return [_tested(panel, model, spread, origins) for model in models]


def _tested(panel: Panel, model: AnyModel, spread: Spread, origins: Sequence[int]) -> Tests:
    import numpy as np

    made = _made(model, panel)
    forecasts = {origin: made.forecast(panel.until(origin)) for origin in range(FIRST, len(panel.periods))}
    look_for_leak(model, panel, spread, origins[len(origins) // 2], forecasts)
    pairs, means, variances = [], [], []
    for origin in origins:
        told = _widened(panel, forecasts, spread, origin)
        for horizon in range(1, min(HORIZONS, len(panel.periods) - origin) + 1):
            pairs.append((origin, horizon))
            means.append(told.mean[:, horizon - 1])
            variances.append(told.variance[:, horizon - 1])
    origin_, horizon_ = np.array(pairs, np.int64).T
    mean, variance = np.array(means), np.array(variances)
    recorded = figures(panel)[:, origin_ + horizon_ - 1].T
    told_as = telling(panel)
    return Tests(
        made.name, origin_, horizon_, mean, variance, *interval(50, mean, variance, told_as),
        *interval(90, mean, variance, told_as), recorded, score(recorded, mean, variance, told_as),
    )  # fmt: skip


def foreseen(panel: Panel, model: Model, spread: Spread = spread_of_errors) -> Forecast:
    """What a model foresees after the last period of a panel, its variance by the errors that it made before."""
    forecasts = {
        origin: model.forecast(panel.until(origin)) for origin in range(FIRST, len(panel.periods) + 1)
    }
    return _widened(panel, forecasts, spread, len(panel.periods))


def _made(model: AnyModel, panel: Panel) -> Model:
    return model if isinstance(model, Model) else model(panel)


def _widened(panel: Panel, forecasts: Mapping[int, Forecast], spread: Spread, origin: int) -> Forecast:
    """The forecast at an origin with its variance as earlier errors have it."""
    earlier = {at: forecast for at, forecast in forecasts.items() if at < origin}
    told = forecasts[origin]
    return Forecast(told.mean, told.variance * spread(panel.until(origin), earlier)[None, :])


def figures(panel: Panel) -> Numbers:
    """The number (see `forecast.Telling`) of each figure of a panel (areas, periods), 0 where it is hidden."""
    import numpy as np

    return np.where(panel.shown, telling(panel).number(np.nan_to_num(panel.figure)), 0)


def score(recorded: Numbers, mean: Floats, variance: Floats, told: Telling) -> Floats:
    """The ranked probability score of each figure, in what is counted; arrays of one shape.

    The sum, over the figures that might have been told, of the squared difference between the chance of at most that
    figure and whether it was so (Czado, Gneiting and Held, 2009): proper, so that an honest distribution scores best,
    and for a forecast without doubt the absolute error. Where counts are hidden and rounded it is that of the figure as
    told. Over wide ranges it is summed by steps.
    """
    import numpy as np

    deviation = np.sqrt(variance)
    first = np.minimum(told.number(mean - 5 * deviation), recorded)
    last = np.maximum(told.number(mean + 6 * deviation + 3), recorded)
    step = np.maximum(-(-(last - first + 1) // SCORE_POINTS), 1)[..., None]
    # Steps begin at what was recorded, so that none has it within.
    first = recorded[..., None] - step * (-(-(recorded - first)[..., None] // step))
    at = first + step * np.arange(SCORE_POINTS + 1)
    inside = (at <= last[..., None]) & (at >= 0)
    chance = chance_up_to(told.most(at + (step - 1) // 2), mean[..., None], variance[..., None])
    width = np.where(at == 0, told.first, told.round_to) + (step - 1) * told.round_to
    squared = (chance - (recorded[..., None] <= at)) ** 2 * width
    return np.asarray((squared * inside).sum(axis=-1), float)


# --- leaks ---------------------------------------------------------------------------------------------------------


def look_for_leak(
    model: AnyModel,
    panel: Panel,
    spread: Spread = spread_of_errors,
    origin: int | None = None,
    forecasts: Mapping[int, Forecast] | None = None,
) -> None:
    """Forecast at an origin once more, with everything after it scrambled, counts and denominators.

    The panel's own arrays are scrambled, and put back: so that a model (or a `spread`) that looks at the whole panel by
    a way of its own is found out as well; one that is prepared beforehand is given as what prepares it. `forecasts` may
    hold those made before. Raises `Leak` where mean or variance is not the same, and ValueError where nothing is after
    the origin.
    """
    import numpy as np

    at = len(panel.periods) // 2 if origin is None else origin
    if not 0 < at < len(panel.periods):
        raise ValueError(f"wanted an origin of 1 to {len(panel.periods) - 1} periods; found {at}")
    start = min(FIRST, at)

    def told(reuse: Mapping[int, Forecast] | None) -> tuple[str, Forecast]:
        made = _made(model, panel)
        every = {n: (reuse or {}).get(n) or made.forecast(panel.until(n)) for n in range(start, at)}
        return made.name, _widened(panel, {**every, at: made.forecast(panel.until(at))}, spread, at)

    name, before = told(forecasts)
    for seed in range(2):
        with _scrambled(panel, at, seed):
            after = told(forecasts)[1]
        if not (np.array_equal(before.mean, after.mean) and np.array_equal(before.variance, after.variance)):
            raise Leak(
                f"{panel.dataset}, {panel.area_type}: the forecast of `{name}` at {panel.periods[at - 1].label} "
                "changes with what came after it; a model may use only the panel that it is given"
            )


class _scrambled:  # noqa: N801
    """While it lasts, everything in a panel after some periods is something else."""

    def __init__(self, panel: Panel, periods: int, seed: int) -> None:
        self.arrays = (panel.low, panel.high, panel.shown, panel.figure, panel.exposure)
        self.panel, self.periods, self.seed = panel, periods, seed

    def __enter__(self) -> None:
        import numpy as np

        chance = np.random.default_rng(self.seed)
        panel, later = self.panel, slice(self.periods, None)
        self.before = [array[:, later].copy() for array in self.arrays]
        shape = self.before[0].shape
        counts = (
            chance.integers(1, 50, shape) * panel.round_to + panel.threshold + self.before[1].max(initial=0)
        )
        panel.low[:, later] = panel.high[:, later] = counts
        panel.figure[:, later] = counts
        panel.shown[:, later] = True
        panel.exposure[:, later] = chance.uniform(0.1, 5, shape) * np.nan_to_num(
            np.nanmax(panel.exposure, initial=1)
        )

    def __exit__(self, *_: object) -> None:
        for array, was in zip(self.arrays, self.before, strict=True):
            array[:, self.periods :] = was


# --- tables --------------------------------------------------------------------------------------------------------


def test_depends_on(schema: Schema) -> tuple[str, ...]:
    """The tables that `forecast_test` is made from."""
    return READS[schema]


def make_tests(con: duckdb.DuckDBPyConnection, schema: Schema) -> pa.Table:
    """The table `forecast_test`: every test of every model, by `TEST_KEY`."""
    rows: list[tuple[Any, ...]] = []
    for panel in (one.complete() for one in read_panels(con, schema)):
        for tests in back_test(panel):
            rows += _rows(panel, tests)
    return table_of_rows(TEST_COLUMNS, sorted(rows, key=lambda row: (*row[1:5], row[6], row[7])))


def _rows(panel: Panel, tests: Tests) -> Iterator[tuple[Any, ...]]:
    told = telling(panel)
    ends = [
        told.figure(numbers).tolist()
        for numbers in (tests.low_50, tests.high_50, tests.low_90, tests.high_90)
    ]
    within = tests.within_50.tolist(), tests.within_90.tolist()
    recorded = told.figure(tests.recorded).tolist()
    mean, variance, scores = tests.mean.tolist(), tests.variance.tolist(), tests.score.tolist()
    for k, (origin, horizon) in enumerate(zip(tests.origin.tolist(), tests.horizon.tolist(), strict=True)):
        known, period = panel.periods[origin - 1], panel.periods[origin + horizon - 1]
        shown = panel.shown[:, origin + horizon - 1].tolist()
        for i, code in enumerate(panel.codes):
            yield (
                panel.authority_code, panel.dataset, panel.area_type, code, tests.model, known.label,
                known.start.isoformat(), horizon, period.label, period.start.isoformat(),
                recorded[k][i] if shown[i] else None, f"{mean[k][i]:.2f}", f"{variance[k][i]:.3f}",
                *(end[k][i] for end in ends), within[0][k][i], within[1][k][i], f"{scores[k][i]:.4f}",
                "published" if shown[i] else "hidden",
            )  # fmt: skip
