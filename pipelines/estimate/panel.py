"""Recorded use as a table of areas by periods, each count with the range that it stands for, beside its denominator.

Here belongs reading the table `demand_by_area`, exact or as published, into arrays, and taking the first periods of
them, so that what is tried on the past cannot see what came after. What is worked out of them is in the other modules.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pipelines.tables import text_literal

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

Schema = Literal["layers", "published"]
# What a panel is read from: the counts, what each dataset is, and the rule that the counts went through.
READS: dict[Schema, tuple[str, str, str]] = {
    "layers": ("layers.demand_by_area", "services.dataset", "sources.authority"),
    "published": ("published.demand_by_area", "published.dataset", "published.disclosure_rule"),
}
# Kinds of areas, the smallest first.
AREA_TYPES = ("lsoa", "msoa", "ward", "authority")


@dataclass(frozen=True)
class Period:
    """A period of a dataset: its name, its first and last day, and whether the data go to its end."""

    label: str
    start: dt.date
    end: dt.date
    is_complete: bool


@dataclass(frozen=True)
class Panel:
    """The recorded use of one dataset in the areas of one kind, over its periods.

    The arrays have a row for each area and a column for each period, the oldest first. The true count of a cell lies in
    `low` to `high`: both are the count where it is exact; where it was protected they are the range that is rounded to
    the `figure`, or 0 to `threshold` - 1 where it is hidden (`shown` is False, `figure` NaN); a few figures that were
    hidden to protect others are larger than that. `exposure` is the denominator at the date of the period, NaN where
    it is not known or nought. `threshold` and `round_to` are 0 and 1 where counts are exact.
    """

    authority_code: str
    dataset: str
    area_type: str
    codes: tuple[str, ...]
    names: tuple[str, ...]
    periods: tuple[Period, ...]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    shown: NDArray[np.bool_]
    figure: NDArray[np.float64]
    exposure: NDArray[np.float64]
    denominator: str
    counts: str
    kind: str
    period_length: str
    threshold: int = 0
    round_to: int = 1

    @property
    def is_exact(self) -> bool:
        """Whether every count is what was counted."""
        return self.round_to == 1

    def until(self, periods: int) -> Panel:
        """The first so many periods; nothing of a later one is in it. Raises ValueError where there are not so many."""
        if not 0 <= periods <= len(self.periods):
            raise ValueError(f"wanted 0 to {len(self.periods)} periods; found {periods}")
        return self._of(range(periods))

    def complete(self) -> Panel:
        """Only the periods to whose end the data go."""
        return self._of([at for at, period in enumerate(self.periods) if period.is_complete])

    def _of(self, wanted: Sequence[int]) -> Panel:
        # Copies, so that no view leads back to what was cut off.
        at = list(wanted)
        return replace(
            self,
            periods=tuple(self.periods[one] for one in at),
            low=self.low[:, at].copy(),
            high=self.high[:, at].copy(),
            shown=self.shown[:, at].copy(),
            figure=self.figure[:, at].copy(),
            exposure=self.exposure[:, at].copy(),
        )


def read_panels(
    con: duckdb.DuckDBPyConnection, schema: Schema, area_types: Sequence[str] = AREA_TYPES
) -> list[Panel]:
    """Every dataset's panels, by dataset and kind of area, the smallest areas first.

    Reads the tables `READS[schema]`. A dataset without periods, or a kind of area that the authority has none of, has
    no panel.
    """
    counts, datasets, rule = READS[schema]
    threshold, round_to = con.execute(f"SELECT threshold, round_to FROM {rule}").fetchone() or (0, 1)
    described = con.execute(
        f"""
        SELECT dataset, coalesce(any_value(counts), 'record'), coalesce(any_value(kind), 'stock'),
            coalesce(any_value(period), ''), bool_and(coalesce(sensitivity = 'open', false))
        FROM {datasets} WHERE role = 'service' GROUP BY dataset ORDER BY dataset
        """
    ).fetchall()
    panels = []
    for dataset, what, kind, length, is_open in described:
        exact = schema == "layers" or is_open
        length = length if kind == "flow" else "month"
        for area_type in area_types:
            rows = con.execute(
                f"""
                SELECT authority_code, area_code, area_name, period, period_start, period_end, is_complete,
                    recorded_use, denominator, denominator_value
                FROM {counts} WHERE dataset = {text_literal(dataset)} AND area_type = {text_literal(area_type)}
                ORDER BY area_code, period_start
                """
            ).fetchall()
            if rows:
                told = (what, kind, length, 0, 1) if exact else (what, kind, length, threshold, round_to)
                panels.append(_panel(dataset, area_type, rows, *told))
    return panels


def _panel(
    dataset: str, area_type: str, rows: Sequence[tuple[Any, ...]], counts: str, kind: str, length: str,
    threshold: int, round_to: int,
) -> Panel:  # fmt: skip
    import numpy as np

    areas = {row[1]: row[2] for row in rows}
    periods = sorted({Period(*row[3:7]) for row in rows}, key=lambda period: period.start)
    place = {code: at for at, code in enumerate(areas)}
    when = {period.label: at for at, period in enumerate(periods)}
    shape = (len(areas), len(periods))
    figure, exposure = np.full(shape, np.nan), np.full(shape, np.nan)
    denominator = ""
    for _, code, _, label, _, _, _, recorded, of, number in rows:
        at = place[code], when[label]
        figure[at] = np.nan if recorded is None else recorded
        exposure[at] = number if number else np.nan
        denominator = of or denominator
    shown = ~np.isnan(figure)
    as_told = np.where(shown, figure, 0).astype(np.int64)
    low, high = told(as_told, shown, threshold, round_to)
    return Panel(
        rows[0][0], dataset, area_type, tuple(areas), tuple(areas.values()), tuple(periods), low, high, shown, figure,
        exposure, denominator, counts, kind, length, threshold, round_to,
    )  # fmt: skip


def told(
    figure: NDArray[np.int64], shown: NDArray[np.bool_], threshold: int, round_to: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The least and the greatest count that each figure stands for; arrays of any one shape.

    A shown figure is its count rounded to the nearest `round_to` (1: exact), halves up, of a count of at least
    `threshold`; one that is not shown is taken for a count below it. As `authority.Disclosure.told` says of one.
    """
    import numpy as np

    least = figure - round_to // 2
    low = np.where(shown, np.maximum(least, threshold), 0)
    high = np.where(shown, least + round_to - 1, max(threshold - 1, 0))
    return low, high


def rounded(count: NDArray[np.float64], round_to: int) -> NDArray[np.float64]:
    """Counts as they would be told: to the nearest `round_to`, halves up."""
    import numpy as np

    found: NDArray[np.float64] = np.floor((2 * count + round_to) / (2 * round_to)) * round_to
    return found
