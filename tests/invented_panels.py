"""Panels of invented counts, for the tests of what is estimated and forecast."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.estimate.panel import Panel, Period, rounded, told


def panel_of(
    counts: Any,
    exposure: Any = 300.0,
    length: str = "quarter",
    area_type: str = "lsoa",
    threshold: int = 0,
    round_to: int = 1,
    kind: str = "flow",
) -> Panel:
    """A panel of counts (areas, periods) from January 2015 on; protected where a threshold is given."""
    true = np.asarray(counts, np.int64)
    months = {"month": 1, "quarter": 3, "year": 12}[length]
    periods = []
    for at in range(true.shape[1]):
        first, after = _day(at * months), _day((at + 1) * months)
        name = f"{first:%Y-%m}" if length == "month" else f"{first.year} Q{(first.month + 2) // 3}"
        periods.append(Period(name, first, after - dt.timedelta(days=1), True))
    shown = true >= threshold
    figure = np.where(shown, rounded(true.astype(float), round_to), np.nan)
    low, high = told(np.nan_to_num(figure).astype(np.int64), shown, threshold, round_to)
    codes = tuple(f"{area_type} {at:03d}" for at in range(len(true)))
    return Panel(
        "E06999001", "visits", area_type, codes, codes, tuple(periods), low, high, shown, figure,
        np.broadcast_to(np.asarray(exposure, float), true.shape).copy(), "homes", "visit", kind, length, threshold,
        round_to,
    )  # fmt: skip


def _day(months: int) -> dt.date:
    return dt.date(2015 + months // 12, months % 12 + 1, 1)


def noise(areas: int, periods: int, level: float, seed: int) -> NDArray[np.int64]:
    """Poisson counts around levels that never change: those of areas spread about `level`."""
    chance = np.random.default_rng(seed)
    levels = level * chance.gamma(20, 1 / 20, (areas, 1))
    return chance.poisson(levels, (areas, periods))
