"""Forecasts of LSOAs, MSOAs, wards and the authority made to add up, and the table `forecast`.

Here belong what every kind of area is made of (the exact version: Output Areas; of published figures: the pieces into
which wards cut LSOAs), the weighted least squares that settle what the forecasts of all kinds say of the pieces, and
the table that is told. What the models are is `forecast`, which of them is used `skill`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipelines.estimate.backtest import WANTED, foreseen
from pipelines.estimate.forecast import (
    HORIZONS,
    MODELS,
    Forecast,
    Model,
    filled,
    interval,
    periods_after,
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

KEY = ("dataset", "area_type", "area_code", "horizon")
COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "dataset": ("VARCHAR", "dataset"),
    "area_type": ("VARCHAR", "authority, ward, msoa or lsoa; the authority's holds records without a place, too"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "area_name": ("VARCHAR", "name of the area"),
    "horizon": ("BIGINT", "how many periods after the latest complete one, 1 to 4"),
    "period": ("VARCHAR", "the period foreseen"),
    "period_start": ("DATE", "its first day"),
    "period_end": ("DATE", "its last day"),
    "model": ("VARCHAR", "model used, as chosen in forecast_skill; empty where there is no forecast"),
    "last_recorded": ("BIGINT", "recorded use in the latest complete period, as told; empty where hidden"),
    "forecast": ("DECIMAL(18, 1)", "mean of the distribution foreseen; areas add up, but for the last decimal"),
    "low_50": ("BIGINT", "lower end of the 50 % interval of the figure as told; 0 stands for hidden, too"),
    "high_50": ("BIGINT", "upper end of the 50 % interval"),
    "low_90": ("BIGINT", "lower end of the 90 % interval"),
    "high_90": ("BIGINT", "upper end of the 90 % interval"),
    "status": (
        "VARCHAR",
        "`published`; `hidden` where the area's last four figures are; `not applicable`: too few periods are known",
    ),
}  # fmt: skip
# What a piece's share of homes says of it counts for so little that it only settles what nothing else does.
WEAK = 100.0


@dataclass(frozen=True)
class Pieces:
    """The K pieces of the authority, each in at most one area of each kind.

    `within` is {kind of area: (K,) code, empty where it is in none}; every piece is in the authority. `homes` is (K,).
    """

    codes: tuple[str, ...]
    within: Mapping[str, tuple[str, ...]]
    homes: Floats

    def sums(self, panel: Panel) -> Floats:
        """(areas, K + 1): 1 where a piece is in an area of a panel; the last column is what lies in no piece."""
        import numpy as np

        found = np.zeros((len(panel.codes), len(self.codes) + 1))
        if panel.area_type == "authority":
            found[:] = 1
        else:
            place = {code: at for at, code in enumerate(panel.codes)}
            for at, code in enumerate(self.within[panel.area_type]):
                if code in place:
                    found[place[code], at] = 1
        return found


def least_squares(mean: Floats, variance: Floats, sums: Floats) -> Floats:
    """The pieces (K,), none below nought, whose sums (S, K) are nearest to forecasts of mean and variance (S,).

    Squared distances are weighted by one over the variance: the weighted least squares of Wickramasuriya,
    Athanasopoulos and Hyndman (2019), non-negative as in Wickramasuriya, Turlach and Hyndman (2020).
    """
    import numpy as np

    weight = 1 / np.maximum(variance, 1e-9)
    normal, wanted = (sums * weight[:, None]).T @ sums, (sums * weight[:, None]).T @ mean
    free = np.ones(len(wanted), bool)
    fewest, patience = len(wanted) + 1, 3
    found = np.zeros(len(wanted))
    # Block principal pivoting (Portugal, Judice and Vicente, 1994): for some hundreds of pieces, of which many are
    # nought, it takes a few steps where the active-set method of scipy's nnls takes thousands.
    for _ in range(20 * len(wanted)):
        found = np.zeros(len(wanted))
        found[free] = np.linalg.solve(normal[np.ix_(free, free)], wanted[free])
        pull = normal @ found - wanted
        wrong = np.where(free, found < -1e-9, pull < -1e-9 * max(1.0, float(np.abs(wanted).max())))
        number = int(wrong.sum())
        if not number:
            break
        if number < fewest:
            fewest, patience = number, 3
        else:
            patience -= 1
        # All at once while that helps; else one at a time, which ends for certain.
        change = wrong if patience >= 0 else np.arange(len(wanted)) == np.flatnonzero(wrong)[-1]
        free = free ^ change
    return np.asarray(np.maximum(found, 0), float)


def made_to_add_up(
    forecasts: Mapping[str, Forecast], panels: Mapping[str, Panel], pieces: Pieces, of_pieces: Forecast
) -> dict[str, Forecast]:
    """The forecasts of each kind of area, changed so that they are sums of the same pieces.

    `of_pieces` is (K + 1, horizons): each piece, and what lies in none. An area without a piece keeps its forecast. The
    variance goes with the mean.
    """
    import numpy as np

    sums = {kind: pieces.sums(panels[kind]) for kind in forecasts}
    every = np.vstack([np.eye(len(pieces.codes) + 1), *sums.values()])
    mean = np.vstack([of_pieces.mean, *(forecast.mean for forecast in forecasts.values())])
    variance = np.vstack([of_pieces.variance, *(forecast.variance for forecast in forecasts.values())])
    some = every.any(axis=1)
    found = np.column_stack(
        [least_squares(mean[some, h], variance[some, h], every[some]) for h in range(mean.shape[1])]
    )
    told = {}
    for kind, forecast in forecasts.items():
        made_up = np.asarray(sums[kind].sum(axis=1) > 0)
        new = np.where(made_up[:, None], np.maximum(sums[kind] @ found, 1e-3), forecast.mean)
        told[kind] = Forecast(new, forecast.variance * new / forecast.mean)
    return told


def from_shares(forecast: Forecast, panels: Mapping[str, Panel], pieces: Pieces) -> Forecast:
    """What is said of pieces before anything is settled: their share of the LSOA's forecast, by homes; hardly weighed.

    And of what lies in no piece: the records of the authority that are in no LSOA, as in the last four periods.
    """
    import numpy as np

    sums = pieces.sums(panels["lsoa"])[:, :-1]
    homes = np.maximum(pieces.homes, 0.5)
    share = sums * homes
    share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    mean = share.T @ forecast.mean
    variance = WEAK * (share.T @ forecast.variance + 0.05)
    rest, doubt = _without_place(panels)
    every = np.ones((1, HORIZONS))
    return Forecast(np.vstack([mean, rest * every]), np.vstack([variance, doubt * every]))


def _without_place(panels: Mapping[str, Panel]) -> tuple[float, float]:
    """Mean and variance of the records of a period that are counted for the authority and for none of its parts."""
    if "authority" not in panels:
        return 0.0, 1e-6

    def blurred(panel: Panel) -> float:
        widths = panel.high[:, -4:] - panel.low[:, -4:] + 1.0
        return float((widths**2 - 1).sum(axis=0).mean()) / 12

    whole = panels["authority"]
    # By the kind of area whose figures protection blurs least.
    parts = min((panels[kind] for kind in ("lsoa", "msoa") if kind in panels), key=blurred)
    counts = filled(whole)[:, -4:].sum(axis=0) - filled(parts)[:, -4:].sum(axis=0)
    widths = blurred(whole) + blurred(parts)
    mean = max(float(counts.mean()), 0.0)
    return mean, 1.25 * mean + 0.1 + widths / counts.size


# --- the table -----------------------------------------------------------------------------------------------------


def depends_on(schema: Schema) -> tuple[str, ...]:
    """The tables that `forecast` is made from."""
    if schema == "published":
        return ("published.forecast_skill", "published.area_piece", *READS[schema])
    blocks = ("places.output_area", "places.home", "places.record_counted", "places.counted_period")
    return ("layers.forecast_skill", *blocks, *READS[schema])


def make_forecasts(con: duckdb.DuckDBPyConnection, schema: Schema) -> pa.Table:
    """The table `forecast`, by `KEY`."""
    chosen = dict(
        con.execute(
            f"SELECT dataset, any_value(model) FROM {schema}.forecast_skill WHERE is_chosen GROUP BY dataset"
        ).fetchall()
    )
    models = {model.name: model for model in MODELS}
    by_dataset: dict[str, dict[str, Panel]] = {}
    for panel in read_panels(con, schema):
        complete = panel.complete()
        if complete.periods:
            by_dataset.setdefault(panel.dataset, {})[panel.area_type] = complete
    rows: list[tuple[Any, ...]] = []
    for dataset, panels in by_dataset.items():
        model = models.get(chosen.get(dataset, ""))
        forecasts: dict[str, Forecast] = {}
        if model and all(len(panel.periods) >= WANTED for panel in panels.values()):
            forecasts = {kind: foreseen(panel, model) for kind, panel in panels.items()}
            forecasts = _settled(con, schema, forecasts, panels, model)
        for kind, panel in panels.items():
            rows += _rows(panel, forecasts.get(kind), model.name if model else None)
    return table_of_rows(COLUMNS, sorted(rows, key=lambda row: (*row[1:4], row[5])))


def _settled(
    con: duckdb.DuckDBPyConnection,
    schema: Schema,
    forecasts: dict[str, Forecast],
    panels: Mapping[str, Panel],
    model: Model,
) -> dict[str, Forecast]:
    import numpy as np

    pieces = read_pieces(con, schema)
    if "lsoa" not in panels or not pieces.codes:
        return forecasts
    of_pieces = from_shares(forecasts["lsoa"], panels, pieces)
    if schema == "layers":
        blocks = foreseen(block_panel(con, panels["lsoa"], pieces), model)
        of_pieces = Forecast(
            np.vstack([blocks.mean, of_pieces.mean[-1:]]),
            np.vstack([blocks.variance, of_pieces.variance[-1:]]),
        )
    return made_to_add_up(forecasts, panels, pieces, of_pieces)


def read_pieces(con: duckdb.DuckDBPyConnection, schema: Schema) -> Pieces:
    """The pieces: Output Areas in the exact version, of published figures those into which wards cut LSOAs."""
    import numpy as np

    if schema == "published":
        of = "SELECT lsoa_code || ' ' || ward_code, lsoa_code, msoa_code, ward_code, homes FROM published.area_piece"
    else:
        of = """
            SELECT oa.oa_code, oa.lsoa_code, oa.msoa_code, oa.ward_code, coalesce(sum(home.homes), 0)
            FROM places.output_area AS oa LEFT JOIN places.home AS home USING (oa_code) GROUP BY ALL"""
    rows = con.execute(f"{of} ORDER BY 1").fetchall()
    within = {
        kind: tuple(row[at] or "" for row in rows) for kind, at in (("lsoa", 1), ("msoa", 2), ("ward", 3))
    }
    return Pieces(tuple(row[0] for row in rows), within, np.array([float(row[4] or 0) for row in rows]))


def block_panel(con: duckdb.DuckDBPyConnection, panel: Panel, pieces: Pieces) -> Panel:
    """The exact counts of Output Areas in the periods of a panel of the same dataset; homes are the exposure."""
    import numpy as np

    rows = con.execute(
        """
        SELECT oa_code, CAST(period_start AS DATE), CAST(sum(weight) AS BIGINT) FROM places.record_counted
        WHERE dataset = ? AND oa_code IS NOT NULL GROUP BY ALL ORDER BY ALL
        """,
        [panel.dataset],
    ).fetchall()
    place = {code: at for at, code in enumerate(pieces.codes)}
    when = {period.start: at for at, period in enumerate(panel.periods)}
    counts = np.zeros((len(place), len(when)), np.int64)
    for code, start, number in rows:
        if code in place and start in when:
            counts[place[code], when[start]] += number
    exposure = np.repeat(np.maximum(pieces.homes, 1)[:, None], len(when), axis=1)
    return replace(
        panel, area_type="oa", codes=pieces.codes, names=pieces.codes, low=counts, high=counts.copy(),
        shown=np.ones(counts.shape, bool), figure=counts.astype(float), exposure=exposure, denominator="homes",
    )  # fmt: skip


def _rows(panel: Panel, forecast: Forecast | None, model: str | None) -> list[tuple[Any, ...]]:
    import numpy as np

    told = telling(panel)
    rows: list[tuple[Any, ...]] = []
    ends: Sequence[Any] = ()
    if forecast is not None:
        ends = [
            told.figure(end)
            for percent in (50, 90)
            for end in interval(percent, forecast.mean, forecast.variance, told)
        ]
    known = np.asarray(panel.shown[:, -4:].sum(axis=1) > 0)
    for i, (code, name) in enumerate(zip(panel.codes, panel.names, strict=True)):
        last = int(panel.figure[i, -1]) if panel.shown[i, -1] else None
        for h, (label, start, end) in enumerate(periods_after(panel)):
            head = (
                panel.authority_code, panel.dataset, panel.area_type, code, name, h + 1, label, start.isoformat(),
                end.isoformat(),
            )  # fmt: skip
            if forecast is None:
                rows.append((*head, None, last, *[None] * 5, "not applicable"))
            elif not known[i]:
                rows.append((*head, model, last, *[None] * 5, "hidden"))
            else:
                figures = (int(of[i, h]) for of in ends)
                rows.append((*head, model, last, f"{forecast.mean[i, h]:.1f}", *figures, "published"))
    return rows
