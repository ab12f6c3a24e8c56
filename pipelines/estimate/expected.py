"""Recorded use beside what would be expected of an area for its size, or for the people who live there.

Here belongs indirect standardisation and the ratios that come of it. Rates by themselves are `rates`; which areas are
high or low together is judged in `clusters`.

Expected is what an area would have if each group of its people (of an age, a tenure, a fifth of deprivation) had the
authority's own rate of recorded use, all scaled by one factor so that the areas together are expected to have what they
have. A ratio of 1 is therefore the authority's usual; it says nothing of how much there should be. Source: Breslow and
Day (1987), Statistical Methods in Cancer Research II, chapter 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipelines.estimate.clusters import FEWEST_AREAS, NONE, Clusters, local_clusters, neighbours
from pipelines.estimate.panel import READS, Panel, Schema, read_panels
from pipelines.estimate.rates import (
    AREA_TYPES,
    as_text,
    greatest_hidden,
    latest_of,
    poisson_interval,
    shrink,
    totals_of,
)
from pipelines.tables import table_of_rows

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

KEY = ("dataset", "area_type", "area_code", "standardised_for")
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "dataset": ("VARCHAR", "dataset"),
    "area_type": ("VARCHAR", "ward, msoa or lsoa"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "area_name": ("VARCHAR", "name of the area"),
    "period": ("VARCHAR", "the dataset's latest complete period; where none is complete the latest"),
    "standardised_for": ("VARCHAR", "nothing (the denominator alone), age, tenure or deprivation"),
    "expected": ("DECIMAL(18, 1)", "recorded use at the authority's own rates, by group, for those who live there"),
    "ratio": ("DECIMAL(18, 2)", "recorded use over expected: 1.00 is as expected"),
    "ratio_low": ("DECIMAL(18, 2)", "from here ..."),
    "ratio_high": ("DECIMAL(18, 2)", "... to here it lies for chance and rounding, 95 % (exact Poisson interval)"),
    "shrunken_ratio": ("DECIMAL(18, 2)", "the ratio in the light of all areas of the kind (empirical Bayes)"),
    "shrunken_low": ("DECIMAL(18, 2)", "from here ..."),
    "shrunken_high": ("DECIMAL(18, 2)", "... to here it lies, 95 %"),
    "cluster": (
        "VARCHAR",
        "high or low (with its neighbours), high among low, low among high; none: as by chance, or not judged",
    ),
    "cluster_p": ("DECIMAL(9, 4)", "p-value of the local Moran's I, two-sided; empty where the area is not judged"),
    "is_cluster": ("BOOLEAN", "whether that stands after the correction for many tests (false discoveries 5 %)"),
    "status": (
        "VARCHAR",
        "published; hidden (its count or that of a group is); not applicable (no denominator or groups are known)",
    ),
}  # fmt: skip
NOTHING = "nothing"
BREAKDOWNS = ("age", "tenure", "deprivation")
NOT_KNOWN = "not known"
# Where the group of more records than this is not known, the groups' rates are too much of a guess.
MOST_NOT_KNOWN = 0.5
# Groups whose count is hidden do not matter where all of them together can be at most this part of the records.
MOST_HIDDEN = 0.05
PUBLISHED, HIDDEN, NOT_APPLICABLE = "published", "hidden", "not applicable"
# The areas with their boundaries, and the groups in them and in the records.
AREAS: dict[Schema, str] = {"layers": "layers.area_profile", "published": "published.area"}


def depends_on(schema: Schema) -> tuple[str, ...]:
    """The tables that `demand_against_expected` reads."""
    return (*READS[schema], AREAS[schema], f"{schema}.area_group", f"{schema}.demand_by_group")


@dataclass(frozen=True)
class Against:
    """Recorded use against expected: arrays (areas,), NaN where an area has no expectation."""

    expected: NDArray[np.float64]
    ratio: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    shrunken: NDArray[np.float64]
    shrunken_low: NDArray[np.float64]
    shrunken_high: NDArray[np.float64]


def at_usual_rates(
    number: NDArray[np.float64], recorded: NDArray[np.float64], whole: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What each area would have at the whole's rates by group, before scaling: (areas,).

    `number` (areas, groups) is how many of each group live in an area, `whole` (groups,) in the authority, `recorded`
    (groups,) the records of each group. A group without anybody adds nothing.
    """
    import numpy as np

    rate = np.divide(recorded, whole, out=np.zeros(len(whole)), where=whole > 0)
    found: NDArray[np.float64] = number @ rate
    return found


def against(
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    figure: NDArray[np.float64],
    usual: NDArray[np.float64],
    total: float = float("nan"),
) -> Against:
    """Ratios of counts that lie in `low` to `high` to what is usual, with 95 % intervals; all arrays (areas,).

    `figure` is the count as told, NaN where it is hidden; `usual` what the area would have at usual rates, in any unit.
    Expected is `usual` scaled to add up to the counts, the hidden ones too, since without them the areas that are
    shown, which are the busier ones, would be the measure of all: to `total`, where larger areas tell it, else with
    each hidden count as the shrinking over all areas makes it likely. Where all are shown they are simply added. The
    crude interval is the exact Poisson one over expected, which is taken as known (it rests on the whole authority);
    the shrunken one is that of `rates.shrink`, with the expected count as exposure.
    """
    import numpy as np

    usual = np.where(np.nan_to_num(usual) > 0, usual, np.nan)
    shrunk = shrink(low[:, None], high[:, None], usual[:, None])
    known = ~np.isnan(usual)
    recorded = np.where(np.isnan(figure), shrunk.likely_count[:, 0], figure)[known].sum()
    if np.isnan(figure).any() and known.all() and not np.isnan(total):
        recorded = total
    scale = recorded / usual[known].sum() if known.any() else np.nan
    expected = usual * (scale if scale > 0 else np.nan)
    least, greatest = (limit / expected for limit in poisson_interval(low, high))
    lowest, highest = (limit[:, 0] * usual / expected for limit in shrunk.interval())
    shrunken = shrunk.mean[:, 0] * usual / expected
    return Against(expected, figure / expected, least, greatest, shrunken, lowest, highest)


def demand_against_expected(con: duckdb.DuckDBPyConnection, schema: Schema) -> pa.Table:
    """Each area's recorded use against what is expected there: `COLUMNS`, by `KEY`.

    A row for each dataset, area and thing to standardise for, those that cannot be told too. No rows where nothing is
    recorded. Records whose group is not known are shared out in proportion to those whose group is.
    """
    groups = _Groups(con, schema)
    touching = _Neighbours(con, schema)
    rows: list[tuple[Any, ...]] = []
    panels = [_latest(panel) for panel in read_panels(con, schema, AREA_TYPES)]
    for panel in panels:
        total = totals_of(panel, panels)
        for name in (NOTHING, *BREAKDOWNS):
            rows += _rows(panel, name, *groups.usual(panel, name), total, touching)
    return table_of_rows(COLUMNS, sorted(rows, key=lambda row: (*row[1:4], row[6])))


def _latest(panel: Panel) -> Panel:
    """The latest complete period alone."""
    at = [latest_of(panel)]
    return replace(
        panel,
        periods=(panel.periods[at[0]],),
        low=panel.low[:, at],
        high=panel.high[:, at],
        shown=panel.shown[:, at],
        figure=panel.figure[:, at],
        exposure=panel.exposure[:, at],
    )


class _Groups:
    """Who lives where by group, and the records of each group."""

    def __init__(self, con: duckdb.DuckDBPyConnection, schema: Schema) -> None:
        self.number: dict[tuple[str, str, str], dict[str, float]] = {}
        for kind, area, breakdown, group, number in con.execute(
            f"SELECT area_type, area_code, breakdown, group_name, number FROM {schema}.area_group ORDER BY ALL"
        ).fetchall():
            if number is not None and group != NOT_KNOWN:
                self.number.setdefault((kind, area, breakdown), {})[group] = number
        self.recorded: dict[tuple[str, str], dict[str, int | None]] = {}
        for dataset, breakdown, group, recorded in con.execute(
            f"SELECT dataset, breakdown, group_name, recorded_use FROM {schema}.demand_by_group ORDER BY ALL"
        ).fetchall():
            self.recorded.setdefault((dataset, breakdown), {})[group] = recorded

    def usual(self, panel: Panel, name: str) -> tuple[NDArray[np.float64], str]:
        """What each area would have at usual rates (areas,), and the status of the whole standardisation."""
        import numpy as np

        nothing = np.full(len(panel.codes), np.nan)
        if name == NOTHING:
            return panel.exposure[:, 0], PUBLISHED
        whole = self._whole(name)
        recorded = self.recorded.get((panel.dataset, name), {})
        if not whole or not set(whole) <= set(recorded):
            return nothing, NOT_APPLICABLE
        of_groups = [recorded[group] for group in whole]
        # One that is hidden is small: it enters with the middle of what it may be, whatever it is.
        most = max(panel.threshold - 1, 0)
        counts = np.array([most / 2 if count is None else count for count in of_groups])
        not_known = recorded.get(NOT_KNOWN) or 0
        if counts.sum() == 0 or not_known > MOST_NOT_KNOWN * (counts.sum() + not_known):
            return nothing, NOT_APPLICABLE
        if most * of_groups.count(None) > MOST_HIDDEN * counts.sum():
            return nothing, HIDDEN
        number = nothing[:, None] + np.zeros(len(whole))
        for at, code in enumerate(panel.codes):
            in_area = self.number.get((panel.area_type, code, name))
            if in_area:
                number[at] = [in_area.get(group, 0) for group in whole]
        return at_usual_rates(number, counts, np.array(list(whole.values()))), PUBLISHED

    def _whole(self, breakdown: str) -> Mapping[str, float]:
        """The authority's groups, where somebody is of them, by its own row, else by what its LSOAs add up to."""
        found: dict[str, float] = {}
        for kind in ("authority", "lsoa"):
            for (area_type, _, of), groups in self.number.items():
                if area_type == kind and of == breakdown:
                    for group, number in groups.items():
                        found[group] = found.get(group, 0) + number
            if found:
                break
        return {group: number for group, number in sorted(found.items()) if number > 0}


class _Neighbours:
    """Who touches whom, worked out when a kind of area is first judged: small authorities never are."""

    def __init__(self, con: duckdb.DuckDBPyConnection, schema: Schema) -> None:
        self.con, self.schema = con, schema
        self.known: dict[str, Any] = {}

    def of(self, area_type: str) -> Any:
        """The graph of a kind of area, of those whose boundary is known."""
        if area_type not in self.known:
            areas = self.con.execute(
                f"""
                SELECT area_code, geometry_wkb FROM {AREAS[self.schema]}
                WHERE area_type = ? AND geometry_wkb IS NOT NULL ORDER BY area_code
                """,
                [area_type],
            ).fetchall()
            self.known[area_type] = neighbours([code for code, _ in areas], [bytes(wkb) for _, wkb in areas])
        return self.known[area_type]


def _rows(
    panel: Panel,
    name: str,
    usual: NDArray[np.float64],
    status_of_all: str,
    total: NDArray[np.float64],
    touching: _Neighbours,
) -> list[tuple[Any, ...]]:
    import numpy as np

    shown, figure = panel.shown[:, 0], panel.figure[:, 0]
    # What is hidden is looked at beside what is usual for those who live there, too.
    high = greatest_hidden(replace(panel, exposure=usual[:, None]), total)[:, 0]
    found = against(panel.low[:, 0], high, figure, usual, float(total[0]))
    if status_of_all == PUBLISHED:
        status = np.where(
            ~(usual > 0),
            NOT_APPLICABLE,
            np.where(~shown, HIDDEN, np.where(found.expected > 0, PUBLISHED, NOT_APPLICABLE)),
        )
    else:
        status = np.full(len(panel.codes), status_of_all)
    judged = _clusters(panel, np.where(status == PUBLISHED, found.shrunken, np.nan), touching)
    rows: list[tuple[Any, ...]] = []
    for area, (code, area_name) in enumerate(zip(panel.codes, panel.names, strict=True)):
        head = (
            panel.authority_code,
            panel.dataset,
            panel.area_type,
            code,
            area_name,
            panel.periods[0].label,
            name,
        )
        if status[area] != PUBLISHED:
            rows.append((*head, *(None,) * (len(COLUMNS) - len(head) - 1), str(status[area])))
            continue
        ratios = (
            found.ratio, found.low, found.high, found.shrunken, found.shrunken_low, found.shrunken_high,
        )  # fmt: skip
        rows.append(
            (
                *head, as_text(found.expected[area], 1), *(as_text(ratio[area], 2) for ratio in ratios),
                str(judged.cluster[area]), as_text(judged.p[area], 4), bool(judged.is_cluster[area]), PUBLISHED,
            )
        )  # fmt: skip
    return rows


def _clusters(panel: Panel, ratio: NDArray[np.float64], touching: _Neighbours) -> Clusters:
    """On logarithms, so that half and double are as far from 1."""
    import numpy as np

    if np.count_nonzero(~np.isnan(ratio)) < FEWEST_AREAS:
        size = len(panel.codes)
        return Clusters(np.full(size, NONE), np.full(size, np.nan), np.zeros(size, dtype=bool))
    return local_clusters(panel.codes, np.log(ratio), touching.of(panel.area_type))
