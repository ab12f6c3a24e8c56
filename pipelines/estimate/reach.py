"""Reach against recorded use: how much of it is of homes too far from a site, and how surely that ranks areas.

Here belong the share of an area's recorded use that lies beyond the limit of a kind of site, its interval, the ranks of
areas with theirs, and the same for a scenario of sites closed or opened. How far homes are is `pipelines.travel`, what
the rate of an area is `rates`; what a page says of both is `assets/maps/reach_and_demand.py`.

**What is taken for granted.** Recorded use is known by area, the way to a site by home. An area's use is taken to be
spread over its homes as its homes are: where 30 % of them are too far, 30 % of its recorded use is. Whoever uses a
service more because he lives near it, or less because he lives far, breaks that; the smaller the area, the less it
matters.

**How sure.** The rate of an area is taken to have the gamma distribution with the mean and the width of the 95 %
interval that `demand_estimate` gives. The share of homes too far is counted, and has no error of this kind. So the
interval (90 %) is of the use to be expected at the area's rate; what is recorded in one period varies about that by
chance.

**Ranks.** H. Goldstein and D. J. Spiegelhalter, *League tables and their limitations: statistical issues in comparisons
of institutional performance*, Journal of the Royal Statistical Society A 159 (1996), 385 to 443: an order made of
estimates is itself an estimate, and is given with an interval. Rates are drawn for all areas at once, independently,
`DRAWS` times from a fixed seed, ranked in each draw, and of the ranks that an area had the middle 90 % are given.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from pipelines.tables import table_of_rows

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

Schema = Literal["layers", "published"]
AREA_TYPES = ("lsoa", "msoa", "ward")
DRAWS = 2000
BETWEEN = (0.05, 0.95)
# Shapes that a rate's distribution may have: with less than the first nearly all of it would be nought; with more than
# the last it is one number.
SHAPES = (0.1, 1e9)

KEY = ("dataset", "site_kind", "area_type", "area_code")
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "dataset": ("VARCHAR", "dataset of the service"),
    "site_kind": ("VARCHAR", "kind of site, of the open kinds"),
    "mode": (
        "VARCHAR",
        "walk, cycle or drive: how people are expected to come, as the description of the kind says; empty where no "
        "way could be measured",
    ),
    "within_minutes": ("BIGINT", "how many minutes' travel is called too far, where more; empty where mode is"),
    "area_type": ("VARCHAR", "ward, msoa or lsoa"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "area_name": ("VARCHAR", "name of the area"),
    "period": ("VARCHAR", "the dataset's latest complete period"),
    "denominator": ("VARCHAR", "what the rate is of: homes, people or people_65_and_over"),
    "denominator_value": ("BIGINT", "how many of these the area has"),
    "homes_beyond_limit_percent": (
        "DECIMAL(9, 1)",
        "per cent of the homes measured whose nearest site of the kind is beyond the limit, or that reach none",
    ),
    "beyond_limit": (
        "DECIMAL(18, 1)",
        "recorded use to be expected of those too far: shrunken rate times denominator times the share of homes",
    ),
    "beyond_limit_low": ("DECIMAL(18, 1)", "low end of its 90 % interval"),
    "beyond_limit_high": ("DECIMAL(18, 1)", "high end of its 90 % interval"),
    "rank": (
        "BIGINT",
        "place by beyond_limit among the areas of the same kind whose figure is published, 1 the most; equal figures "
        "share one",
    ),
    "rank_low": ("BIGINT", "low end of the 90 % interval of the rank"),
    "rank_high": ("BIGINT", "high end of the 90 % interval of the rank"),
    "status": (
        "VARCHAR",
        "published; hidden, where the area's recorded use is; or not applicable, where there is no rate or nothing "
        "could be measured",
    ),
}  # fmt: skip


def reads(schema: Schema) -> tuple[str, ...]:
    """The tables that `reach_against_demand` reads, by their full names."""
    return (
        f"{schema}.demand_estimate",
        f"{schema}.travel_by_area",
        f"{schema}.travel_gap",
        "services.dataset" if schema == "layers" else "published.dataset",
    )


# --- a rate and how sure it is ----------------------------------------------------------------------------------------


def gamma_shape(
    mean: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The shape of the gamma distribution of each rate (n,), from its mean and its 95 % interval, in one unit.

    That shape at which a gamma distribution of this mean has a 95 % interval of this width. 1 where the mean is 0.
    """
    import numpy as np
    from scipy.stats import gamma

    grid = np.geomspace(*SHAPES, 400)
    width = (gamma.ppf(0.975, grid) - gamma.ppf(0.025, grid)) / grid
    some = mean > 0
    wanted = np.where(some, np.maximum(high - low, 0) / np.where(some, mean, 1), width[0])
    # The width falls as the shape rises.
    found = np.interp(np.log(np.maximum(wanted, width[-1]))[::-1], np.log(width[::-1]), np.log(grid[::-1]))
    shape: NDArray[np.float64] = np.where(some, np.exp(found[::-1]), 1.0)
    return shape


def draw_rates(mean: NDArray[np.float64], shape: NDArray[np.float64], seed: str) -> NDArray[np.float64]:
    """Rates (DRAWS, n) drawn from gamma distributions of these means and shapes; the same for the same seed."""
    import numpy as np

    chance = np.random.Generator(np.random.PCG64(zlib.crc32(seed.encode())))
    drawn: NDArray[np.float64] = chance.standard_gamma(shape, size=(DRAWS, len(shape))) * (mean / shape)
    return drawn


def rank_intervals(drawn: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The 90 % interval of the rank of each of n areas, from draws (d, n) of what they are ranked by; 1 is the most.

    Areas that are nought in every draw share the place after all others.
    """
    import numpy as np

    count = drawn.shape[1]
    some = np.flatnonzero(drawn.any(axis=0))
    low = np.full(count, len(some) + 1, np.int64)
    high = low.copy()
    if len(some):
        order = np.argsort(-drawn[:, some], axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.broadcast_to(np.arange(1, len(some) + 1), order.shape), axis=1)
        low[some], high[some] = np.quantile(rank, BETWEEN, axis=0, method="inverted_cdf")
    return low, high


# --- areas, as they are ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """One area of one service and kind of site, as it is read."""

    authority_code: str
    dataset: str
    site_kind: str
    mode: str | None
    within_minutes: int | None
    area_type: str
    area_code: str
    area_name: str
    period: str
    denominator: str | None
    denominator_value: int | None
    homes_measured: int | None
    homes_beyond_limit: int | None
    rate: float | None
    rate_low: float | None
    rate_high: float | None
    status: str

    @property
    def share(self) -> float | None:
        """The share of homes too far, 0 to 1; None where no home was measured."""
        if not self.homes_measured or self.homes_beyond_limit is None:
            return None
        return self.homes_beyond_limit / self.homes_measured

    @property
    def told(self) -> str:
        """The status of what is worked out of it."""
        if self.share is None or self.status == "not applicable":
            return "not applicable"
        if self.status == "hidden":
            return "hidden"
        known = self.denominator_value is not None and None not in (self.rate, self.rate_low, self.rate_high)
        return "published" if known else "not applicable"


def reach_against_demand(con: duckdb.DuckDBPyConnection, schema: Schema) -> pa.Table:
    """Recorded use beyond reach, by service, kind of site and area, in the columns `COLUMNS`, sorted by `KEY`.

    Reads the tables `reads(schema)`. Services are those whose stated uses cover reach (and open ones), sites the open
    kinds; no rows where there are no services or no open kinds.
    """
    rows: list[tuple[Any, ...]] = []
    for _, group in groupby(_read(con, schema), key=lambda row: (row.dataset, row.site_kind, row.area_type)):
        rows += _of_areas(list(group))
    return table_of_rows(COLUMNS, rows)


def _read(con: duckdb.DuckDBPyConnection, schema: Schema) -> list[_Row]:
    estimate, travel, gap, dataset = reads(schema)
    found = con.execute(
        f"""
        WITH kind AS (
            SELECT described.dataset AS site_kind, usual.mode, usual.within_minutes
            FROM {dataset} AS described
            LEFT JOIN (SELECT DISTINCT site_kind, mode, within_minutes FROM {gap} WHERE is_usual_mode) AS usual
                ON usual.site_kind = described.dataset
            WHERE described.role = 'site' AND described.sensitivity = 'open'
        )
        SELECT estimate.authority_code, estimate.dataset, kind.site_kind, kind.mode, kind.within_minutes,
            estimate.area_type, estimate.area_code, estimate.area_name, estimate.period, estimate.denominator,
            estimate.denominator_value, travel.homes_measured, travel.homes_beyond_limit,
            CAST(estimate.shrunken_rate AS DOUBLE), CAST(estimate.shrunken_low AS DOUBLE),
            CAST(estimate.shrunken_high AS DOUBLE), estimate.status
        FROM {estimate} AS estimate
        SEMI JOIN ({_services(dataset)}) AS service USING (dataset)
        CROSS JOIN kind
        LEFT JOIN {travel} AS travel
            ON travel.site_kind = kind.site_kind AND travel.mode = kind.mode
            AND travel.area_type = estimate.area_type AND travel.area_code = estimate.area_code
        WHERE estimate.is_latest AND list_contains(?, estimate.area_type)
        ORDER BY estimate.dataset, kind.site_kind, estimate.area_type, estimate.area_code
        """,
        [list(AREA_TYPES)],
    ).fetchall()
    return [_Row(*row) for row in found]


def _services(dataset: str) -> str:
    """The services whose records may be set against sites, as SQL."""
    return (
        f"SELECT dataset FROM {dataset} WHERE role = 'service' AND (sensitivity = 'open' "
        "OR list_contains(string_split(coalesce(uses, ''), ', '), 'reach'))"
    )


def _of_areas(group: Sequence[_Row]) -> list[tuple[Any, ...]]:
    """The rows of one service, kind of site and kind of area."""
    import numpy as np
    from scipy.stats import gamma

    known = [row for row in group if row.told == "published"]
    mean, low, high, scale = (
        np.array(values, float)
        for values in (
            [row.rate for row in known],
            [row.rate_low for row in known],
            [row.rate_high for row in known],
            [(row.denominator_value or 0) / 1000 * (row.share or 0) for row in known],
        )
    )
    shape = gamma_shape(mean, low, high)
    between = [gamma.ppf(chance, shape) / shape * mean * scale for chance in BETWEEN]
    # One decimal is told, and ranked by: figures that are told alike are alike.
    beyond = np.round(mean * scale, 1)
    rank = 1 + (beyond[:, None] < beyond[None, :]).sum(axis=1)
    # The same rates for each kind of site: what is drawn is the service's.
    seed = f"{group[0].dataset} {group[0].area_type}"
    ranks = rank_intervals(draw_rates(mean, shape, seed) * scale)
    # An estimate may lie just outside what was drawn; its own interval holds it all the same.
    ranks_low, ranks_high = np.minimum(ranks[0], rank), np.maximum(ranks[1], rank)
    figures = {
        row.area_code: (
            *(f"{value:.1f}" for value in (beyond[at], between[0][at], between[1][at])),
            *(int(value) for value in (rank[at], ranks_low[at], ranks_high[at])),
        )
        for at, row in enumerate(known)
    }
    return [
        (
            row.authority_code, row.dataset, row.site_kind, row.mode, row.within_minutes, row.area_type, row.area_code,
            row.area_name, row.period, row.denominator, row.denominator_value,
            None if row.share is None else f"{100 * row.share:.1f}",
            *figures.get(row.area_code, (None,) * 6), row.told,
        )
        for row in group
    ]  # fmt: skip


# --- areas, if sites closed or opened --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moved:
    """Recorded use that a scenario moves over the limit: expected, with its 90 % interval."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class OfService:
    """What a scenario means for one service's recorded use.

    `gained` is what would come within the limit, `lost` what would fall beyond it; None where no home does, or where
    nothing is known. `area_type` is the kind of areas whose rates it is reckoned from, `homes` how many homes would
    cross the limit, and `homes_known` of these those in areas whose rate is published.
    """

    dataset: str
    period: str
    area_type: str
    homes: int
    homes_known: int
    gained: Moved | None
    lost: Moved | None


Crossing = Mapping[tuple[str, str], tuple[int, int, int]]
"""{(area type, area code): (homes measured, homes that come within the limit, homes that fall beyond it)}"""


def reach_of_scenario(con: duckdb.DuckDBPyConnection, crossing: Crossing) -> list[OfService]:
    """What homes crossing the limit of a kind of site would mean for each service's recorded use, by dataset.

    Reads `published.demand_estimate` and `published.dataset`. Of the kinds of areas the smallest is taken in which all
    homes that cross are in areas with a published rate; where there is none, that with most of them. No services, no
    rows.
    """
    rates: dict[str, dict[str, dict[str, tuple[Any, ...]]]] = {}
    periods: dict[str, str] = {}
    for dataset, period, area_type, code, *figures in con.execute(
        f"""
        SELECT dataset, period, area_type, area_code, denominator_value / 1000.0, CAST(shrunken_rate AS DOUBLE),
            CAST(shrunken_low AS DOUBLE), CAST(shrunken_high AS DOUBLE)
        FROM published.demand_estimate
        SEMI JOIN ({_services("published.dataset")}) AS service USING (dataset)
        WHERE is_latest ORDER BY ALL
        """
    ).fetchall():
        periods[dataset] = period
        of_type = rates.setdefault(dataset, {}).setdefault(area_type, {})
        if None not in figures:
            of_type[code] = tuple(figures)
    found = []
    for dataset, by_type in rates.items():
        kinds = [area_type for area_type in AREA_TYPES if area_type in by_type]
        covered = {area_type: _crossing_homes(crossing, area_type, by_type[area_type]) for area_type in kinds}
        if not kinds:
            continue
        # The largest share; of equals the first, which has the smallest areas.
        best = max(kinds, key=lambda area_type: covered[area_type])
        gained, lost = (
            _moved(dataset, best, crossing, by_type[best], which) if covered[best] else None
            for which in (1, 2)
        )
        homes = _crossing_homes(crossing, best, None)
        found.append(OfService(dataset, periods[dataset], best, homes, covered[best], gained, lost))
    return found


def _crossing_homes(crossing: Crossing, area_type: str, among: Mapping[str, Any] | None) -> int:
    return sum(
        gained + lost
        for (kind, code), (_, gained, lost) in crossing.items()
        if kind == area_type and (among is None or code in among)
    )


def _moved(
    dataset: str, area_type: str, crossing: Crossing, rates: Mapping[str, tuple[Any, ...]], which: int
) -> Moved | None:
    import numpy as np

    rows = [
        (code, homes[which] / homes[0])
        for (kind, code), homes in sorted(crossing.items())
        if kind == area_type and code in rates and homes[0] and homes[which]
    ]
    if not rows:
        return None
    per, mean, low, high = np.array([rates[code] for code, _ in rows], float).T
    scale = per * np.array([share for _, share in rows])
    shape = gamma_shape(mean, low, high)
    sums = (draw_rates(mean, shape, f"{dataset} {area_type} {which}") * scale).sum(axis=1)
    least, most = np.quantile(sums, BETWEEN)
    return Moved(float((mean * scale).sum()), float(least), float(most))
