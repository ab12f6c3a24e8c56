"""Rates of recorded use, each with the range that chance and rounding leave, by itself and shrunken.

Here belongs what is said of one period's counts beside their denominators. A count may be a range (rounded, or hidden
and therefore below the threshold); what is worked out takes it as that. What would be expected of an area for those who
live there is `expected`; what will come is `forecast`.

Two intervals stand beside each other. The crude one is of the area's own count: the exact Poisson interval (Garwood
1936), from the least to the greatest count that the figure may stand for. The shrunken one learns from all areas of the
kind: their rates are taken to follow a gamma distribution (Clayton and Kaldor 1987; Marshall 1991), fitted to the
period's own counts by marginal likelihood, in which a rounded or hidden count has the negative-binomial probability of
its range. Hidden areas take part in the fit, or the prior would be that of the busier areas; none gets an estimate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.estimate.panel import READS, Panel, Schema, read_panels
from pipelines.tables import table_of_rows

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

KEY = ("dataset", "area_type", "area_code", "period")
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "dataset": ("VARCHAR", "dataset"),
    "area_type": ("VARCHAR", "ward, msoa or lsoa"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "area_name": ("VARCHAR", "name of the area"),
    "period": ("VARCHAR", "month of a snapshot (2026-09), or the period of a flow (2025 Q3)"),
    "period_start": ("DATE", "first day of the period"),
    "is_latest": ("BOOLEAN", "the dataset's latest complete period; where none is complete the latest"),
    "denominator": ("VARCHAR", "what the rate is for 1,000 of: homes, people, or people_65_and_over"),
    "denominator_value": ("BIGINT", "how many of these the area has"),
    "rate": ("DECIMAL(18, 2)", "recorded use for every 1,000 of the denominator"),
    "rate_low": ("DECIMAL(18, 2)", "from here ..."),
    "rate_high": ("DECIMAL(18, 2)", "... to here it lies for chance and rounding, 95 % (exact Poisson interval)"),
    "shrunken_rate": ("DECIMAL(18, 2)", "the rate in the light of all areas of the kind (empirical Bayes)"),
    "shrunken_low": ("DECIMAL(18, 2)", "from here ..."),
    "shrunken_high": ("DECIMAL(18, 2)", "... to here it lies, 95 %"),
    "authority_rate": ("DECIMAL(18, 2)", "rate of the whole authority in the period; empty where that is hidden"),
    "status": ("VARCHAR", "published; hidden (its count is); not applicable (its denominator is not known)"),
}  # fmt: skip
AREA_TYPES = ("lsoa", "msoa", "ward")
PER = 1000
# How much the areas' rates may differ: coefficients of variation that the fit weighs, 0.01 (hardly) to 2.9.
VARIATIONS = tuple(0.01 * 1.2**at for at in range(32))
# Hidden counts are taken for at most three times the threshold, in steps of a fifth of it.
MOST_WIDENINGS = 10
# Steps by which the authority's level is found, at the first variation and at each further one, which starts near.
FIRST_STEPS, FURTHER_STEPS = 12, 3


def poisson_interval(
    low: NDArray[Any], high: NDArray[Any], level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact limits of the mean of a Poisson count that lies in `low` to `high`; arrays of any one shape.

    The lower limit is that of the least count, the upper that of the greatest, so that the interval holds for whichever
    was counted. Source: Garwood, F. (1936), Fiducial limits for the Poisson distribution, Biometrika 28, 437-442.
    Raises ValueError where `level` is not between 0 and 1.
    """
    import numpy as np
    from scipy import special

    if not 0 < level < 1:
        raise ValueError(f"wanted a level between 0 and 1; found {level}")
    tail = (1 - level) / 2
    least = np.where(low > 0, special.gammaincinv(np.maximum(low, 1), tail), 0.0)
    return least, special.gammaincinv(np.asarray(high) + 1.0, 1 - tail)


@dataclass(frozen=True)
class Shrunk:
    """The rate of each cell in the light of all: arrays (areas, periods), in the unit of count by exposure.

    `mean` and `variance` are those of the posterior, which allows for how uncertain the prior itself is; NaN where a
    cell has no exposure. `likely_count` is the count to expect behind each range, from the prior and the range; where a
    count is exact, itself. `level` and `variation` (periods,) are the prior's mean rate and coefficient of variation.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    likely_count: NDArray[np.float64]
    level: NDArray[np.float64]
    variation: NDArray[np.float64]

    def interval(self, level: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Equal-tailed limits of each rate, from the gamma distribution of the posterior's mean and variance.

        The posterior is a mixture of gammas (over the counts in a range and over priors that the data allow); for a
        count that is shown the limits of one gamma of its mean and variance are within a hundredth of the interval's
        width. Raises ValueError where `level` is not between 0 and 1.
        """
        from scipy import special

        if not 0 < level < 1:
            raise ValueError(f"wanted a level between 0 and 1; found {level}")
        shape, scale = self.mean**2 / self.variance, self.variance / self.mean
        tail = (1 - level) / 2
        return special.gammaincinv(shape, tail) * scale, special.gammaincinv(shape, 1 - tail) * scale


def shrink(low: NDArray[Any], high: NDArray[Any], exposure: NDArray[Any]) -> Shrunk:
    """Empirical-Bayes rates of counts that lie in `low` to `high`, three arrays (areas, periods).

    `exposure` is what the count is for (homes, people, an expected count); a cell where it is NaN or 0 takes no part.
    A rate is gamma with mean m and coefficient of variation v, a count negative binomial with mean exposure x m. Each
    period has a prior of its own: its figures then stand when later ones come, and a change of level between periods
    is not smoothed away. v is not fixed at its best value, which is often 0 by chance and makes intervals too narrow:
    every value of `VARIATIONS` counts by its likelihood, with m at its best for it (and the width of that allowed for,
    as in a restricted likelihood), times v / (1 + v^2)^1.5, which is flat in v^2 where that is small. So few areas,
    areas that are all alike, or no recorded use at all give wider intervals, not an error or a width of 0.

    Sources: Clayton and Kaldor (1987), Empirical Bayes estimates of age-standardized relative risks, Biometrics 43,
    671-681; Marshall (1991), Mapping disease and mortality rates using empirical Bayes estimators, Applied Statistics
    40, 283-294; for what estimating the prior adds to the variance, Kass and Steffey (1989), Journal of the American
    Statistical Association 84, 717-726; for a weight that is flat in the variance, Christiansen and Morris (1997),
    Hierarchical Poisson regression modeling, ibid. 92, 618-632. Raises
    ValueError where the shapes differ or a range is none.
    """
    import numpy as np
    from scipy import special

    if not low.shape == high.shape == exposure.shape or low.ndim != 2:
        raise ValueError(
            f"wanted three tables of one shape; found {low.shape}, {high.shape}, {exposure.shape}"
        )
    if (low > high).any() or (low < 0).any():
        raise ValueError("wanted ranges of counts of 0 or more, the least first")
    known = np.nan_to_num(exposure) > 0
    low, high = np.where(known, low, 0).astype(float), np.where(known, high, 0).astype(float)
    exposure = np.where(known, exposure, 1.0).astype(float)
    whole = np.where(known, exposure, 0.0).sum(0)
    used = whole > 0
    # Half a count among all: where there is none, the rate that is left is that of Jeffreys' prior.
    floor = np.log(0.5 / np.where(used, whole, 1.0))
    step = np.arange(int((high - low).max(initial=0)) + 1.0)[:, None, None]
    inside = step <= high - low
    count = low + step
    middle = np.where(known, (low + high) / 2, 0.0).sum(0)
    at_first = np.log(np.maximum(middle, 0.5) / np.where(used, whole, 1.0))
    log_factorial = special.gammaln(low + 1)

    log_m = np.maximum(at_first, floor)
    found: list[tuple[NDArray[np.float64], ...]] = []
    fits = []
    for variation in VARIATIONS:
        c = variation**2
        # Logarithms of the probability of each count in a range over that of the least one, but for the mean's part.
        risen = np.zeros_like(count)
        np.cumsum(np.log1p(c * count[:-1]) - np.log1p(count[:-1]), axis=0, out=risen[1:])
        risen[~inside] = -np.inf
        least = special.gammaln(low + 1 / c) - special.gammaln(1 / c) + low * np.log(c) - log_factorial
        steps = FURTHER_STEPS if found else FIRST_STEPS
        for turn in range(steps + 1):
            mu = exposure * np.exp(log_m)
            held = 1 + c * mu
            log_ratio = np.log(mu) - np.log(held)
            if len(step) == 1:
                log_sum, mean_k, var_k = np.zeros_like(mu), low, np.zeros_like(mu)
            else:
                logs = risen + step * log_ratio
                top = logs.max(0)
                weight = np.exp(logs - top)
                total = weight.sum(0)
                weight /= total
                log_sum = top + np.log(total)
                more = (weight * step).sum(0)
                var_k = np.maximum((weight * step**2).sum(0) - more**2, 0.0)
                mean_k = low + more
            information = np.where(known, (mu * (1 + c * mean_k) - var_k) / held**2, 0.0).sum(0)
            expected = np.where(known, mu / held, 0.0).sum(0)
            information = np.maximum(information, np.maximum(0.1 * expected, 1e-6))
            if turn == steps:
                break
            score = np.where(known, (mean_k - mu) / held, 0.0).sum(0)
            log_m = np.maximum(log_m + np.clip(score / information, -1.0, 1.0), floor)
        log_p = least + low * log_ratio - np.log(held) / c + log_sum
        fits.append(np.where(known, log_p, 0.0).sum(0) - 0.5 * np.log(information))
        m = np.exp(log_m)
        mean = m * (1 + c * mean_k) / held
        slope = mean / held + c * m * var_k / held**2
        variance = c * m * mean / held + (c * m / held) ** 2 * var_k + slope**2 / information
        found.append((mean, variance, mean_k, m))
    values = np.array(VARIATIONS)
    before = np.gradient(values) * values / (1 + values**2) ** 1.5
    fit = np.array(fits) + np.log(before)[:, None]
    share = np.exp(fit - fit.max(0))
    share /= share.sum(0)
    mean = sum(part * one[0] for part, one in zip(share, found, strict=True))
    square = sum(part * (one[1] + one[0] ** 2) for part, one in zip(share, found, strict=True))
    likely = sum(part * one[2] for part, one in zip(share, found, strict=True))
    level = sum(part * one[3] for part, one in zip(share, found, strict=True))
    typical = values @ share
    return Shrunk(
        np.where(known, mean, np.nan),
        np.where(known, square - mean**2, np.nan),
        np.where(known, likely, np.nan),
        np.where(used, level, np.nan),
        np.where(used, typical, np.nan),
    )


def totals_of(panel: Panel, others: Iterable[Panel]) -> NDArray[np.float64]:
    """What a panel's areas have together in each period (periods,): NaN where that cannot be told.

    It is told by the areas of another kind that cover the same ground (MSOAs, else wards), where all of them are
    shown. The authority's own figure is more: it counts records without an area too.
    """
    import numpy as np

    total = np.full(len(panel.periods), np.nan)
    for kind in ("ward", "msoa"):
        for other in others:
            same = (other.dataset, other.area_type, other.periods) == (panel.dataset, kind, panel.periods)
            if same and kind != panel.area_type:
                total = np.where(other.shown.all(0), np.where(other.shown, other.figure, 0.0).sum(0), total)
    return total


def greatest_hidden(panel: Panel, total: NDArray[np.float64]) -> NDArray[np.int64]:
    """The panel's `high`, raised for hidden counts where those together must be more than such counts would be.

    Some figures are hidden to protect others and are larger than the threshold; which, is not told. But what all areas
    have together (`total`, (periods,), see `totals_of`) less what is shown is what the hidden ones have. The range of
    all hidden counts of a period is widened until as many are expected in it, and left as it is where it suffices,
    chance allowed for. An array (areas, periods).
    """
    import numpy as np

    hidden = ~panel.shown & (panel.exposure > 0)
    shown = np.where(panel.shown, panel.figure, 0.0).sum(0)
    # By so much chance alone may move the sum: each rounding, and each hidden count anywhere below the threshold.
    slack = np.sqrt(panel.shown.sum(0) * panel.round_to**2 / 12 + hidden.sum(0) * panel.threshold**2 / 12)
    left = np.nan_to_num(total - shown - slack, nan=-1.0)
    high, top = panel.high.copy(), panel.threshold - 1
    for _ in range(MOST_WIDENINGS):
        likely = np.where(hidden, shrink(panel.low, high, panel.exposure).likely_count, 0.0).sum(0)
        short = (likely < left) & hidden.any(0)
        if not short.any():
            break
        top += max(panel.threshold // 5, 1)
        high = np.where(hidden & short, top, high)
    return high


def status_of(shown: NDArray[np.bool_], exposure: NDArray[np.float64]) -> NDArray[np.str_]:
    """`published`, `hidden` (the count is) or `not applicable` (there is no denominator), of each cell."""
    import numpy as np

    return np.where(~(exposure > 0), "not applicable", np.where(shown, "published", "hidden"))


def latest_of(panel: Panel) -> int:
    """The place of the latest complete period, or of the latest where none is complete; -1 where there is none."""
    complete = [at for at, period in enumerate(panel.periods) if period.is_complete]
    return complete[-1] if complete else len(panel.periods) - 1


def as_text(number: float, decimals: int) -> str | None:
    """A decimal as text for a table; None where there is no number."""
    return f"{number:.{decimals}f}" if abs(number) < float("inf") else None


def depends_on(schema: Schema) -> tuple[str, ...]:
    """The tables that `demand_estimates` reads."""
    return READS[schema]


def demand_estimates(con: duckdb.DuckDBPyConnection, schema: Schema) -> pa.Table:
    """Each area's rates in each period, with intervals: `COLUMNS`, by `KEY`; no rows where nothing is recorded."""
    rows: list[tuple[Any, ...]] = []
    panels = read_panels(con, schema)
    wholes = {panel.dataset: panel for panel in panels if panel.area_type == "authority"}
    for panel in panels:
        if panel.area_type in AREA_TYPES:
            high = greatest_hidden(panel, totals_of(panel, panels))
            rows += _rows(panel, high, wholes.get(panel.dataset))
    return table_of_rows(COLUMNS, sorted(rows, key=lambda row: (row[1], row[2], row[3], row[5])))


def _rows(panel: Panel, high: NDArray[np.int64], whole: Panel | None) -> list[tuple[Any, ...]]:
    import numpy as np

    status = status_of(panel.shown, panel.exposure)
    least, greatest = (PER * limit / panel.exposure for limit in poisson_interval(panel.low, panel.high))
    crude = PER * panel.figure / panel.exposure
    shrunk = shrink(panel.low, high, panel.exposure)
    lowest, highest = (PER * limit for limit in shrunk.interval())
    tables = (crude, least, greatest, PER * shrunk.mean, lowest, highest)
    over_all: dict[str, float] = {}
    if whole is not None:
        rates = PER * whole.figure[0] / whole.exposure[0]
        over_all = dict(zip((period.label for period in whole.periods), rates.tolist(), strict=True))
    latest = latest_of(panel)
    rows = []
    for area, (code, name) in enumerate(zip(panel.codes, panel.names, strict=True)):
        for at, period in enumerate(panel.periods):
            is_told = status[area, at] == "published"
            of = panel.exposure[area, at]
            told = (as_text(table[area, at], 2) if is_told else None for table in tables)
            rows.append(
                (
                    panel.authority_code, panel.dataset, panel.area_type, code, name, period.label,
                    period.start.isoformat(), at == latest, panel.denominator or None,
                    None if np.isnan(of) else int(of), *told,
                    as_text(over_all.get(period.label, np.nan), 2), str(status[area, at]),
                )
            )  # fmt: skip
    return rows
