"""Rates, expected use and forecasts of the invented areas of the tests of pages, by hand: what is worked out of counts.

Figures are plain multiples, so that a test can say what a page must show; the columns are those of the real tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import duckdb
import pyarrow as pa

from assets.published import (
    demand_against_expected,
    demand_estimate,
    early_sign,
    forecast,
    forecast_by_group,
    forecast_skill,
)

# A row of published.demand_by_area, by the names of its columns.
Demand = dict[str, Any]
TABLES: tuple[ModuleType, ...] = (
    demand_estimate,
    demand_against_expected,
    early_sign,
    forecast,
    forecast_by_group,
    forecast_skill,
)
AHEAD = (("2026 Q4", "2026-10-01", "2026-12-31"), ("2027 Q1", "2027-01-01", "2027-03-31"))
# The LSOAs whose rate is so uncertain that it is dotted, and those that lie in a cluster, by their place in the table.
UNCERTAIN, HIGH, LOW = {2, 3}, {8, 9}, {10}
SIGNS = {"E01999004": "more than forecast"}
FORECAST = "badges"  # the one dataset that is forecast


def create(con: duckdb.DuckDBPyConnection) -> None:
    """The tables, empty, as their own files describe them; and how precisely records are placed."""
    for module in TABLES:
        columns = ", ".join(f"{name} {of[0]}" for name, of in module.COLUMNS.items())
        con.execute(f"CREATE TABLE published.{module.__name__.rpartition('.')[2]} ({columns})")
    con.execute(
        """
        CREATE TABLE published.precision_by_geography (
            dataset VARCHAR, geography VARCHAR, records BIGINT, records_status VARCHAR, records_precise_enough BIGINT,
            records_precise_enough_status VARCHAR, percent_precise_enough DECIMAL(18, 1),
            percent_precise_enough_status VARCHAR
        )
        """
    )


def fill(con: duckdb.DuckDBPyConnection, demand: Sequence[Demand], backwards: bool = False) -> None:
    """Rows of all tables, from those of demand_by_area, in the order of its areas; `backwards` last to first."""

    def rows_of(module: ModuleType, rows: Sequence[dict[str, Any]]) -> None:
        put(con, module.__name__.rpartition(".")[2], list(module.COLUMNS), rows[::-1] if backwards else rows)

    areas = [row for row in demand if row["area_type"] != "authority"]
    places = {code: at for at, code in enumerate(dict.fromkeys(row["area_code"] for row in areas))}
    rows_of(demand_estimate, [_estimate(row, places[row["area_code"]]) for row in areas])
    latest = [row for row in areas if row["is_latest"]]
    rows_of(
        demand_against_expected,
        [
            _ratio(row, places[row["area_code"]]) | {"standardised_for": standard}
            for row in latest
            for standard in ("nothing", "age")
        ],
    )
    badges = [row for row in demand if row["dataset"] == FORECAST and row["is_latest"]]
    rows_of(forecast, [_ahead(row, number) for row in badges for number in range(len(AHEAD))])
    rows_of(early_sign, [_sign(row) for row in badges])
    rows_of(forecast_skill, _skills())
    rows_of(forecast_by_group, _groups())
    columns = ["dataset", "geography", "records", "records_precise_enough", "percent_precise_enough"]
    columns += [f"{column}_status" for column in columns[2:]]
    shown, hidden = ("published",) * 3, ("published", "hidden", "hidden")
    precise = [
        ("badges", "lsoa", 1200, 1050, 87.5, *shown),
        ("badges", "ward", 1200, None, None, *hidden),
        ("meters", "lsoa", 500, 500, 100.0, *shown),
    ]
    put(con, "precision_by_geography", columns, [dict(zip(columns, row, strict=True)) for row in precise])


def put(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], rows: Sequence[Demand]) -> None:
    """Insert rows, each by the names of its columns, at one go."""
    given = pa.table({column: [row.get(column) for row in rows] for column in columns})
    con.register("given", given)
    con.execute(f"INSERT INTO published.{table} BY NAME SELECT * FROM given")
    con.unregister("given")


def _estimate(row: Demand, place: int) -> dict[str, Any]:
    """A rate of its count, give or take a tenth; of the uncertain ones give or take all of it."""
    use = row["recorded_use"]
    one = row | {"denominator": "homes", "authority_rate": 50, "status": row["recorded_use_status"]}
    if use is None:
        return one
    least, most = (0, 3 * use) if place in UNCERTAIN else (0.9 * use, 1.1 * use)
    return one | {
        "rate": use, "rate_low": least, "rate_high": most,
        "shrunken_rate": use, "shrunken_low": least, "shrunken_high": most,
    }  # fmt: skip


def _ratio(row: Demand, place: int) -> dict[str, Any]:
    """Twice what is expected in a cluster of high areas, half in one of low ones, else as expected."""
    status = row["recorded_use_status"]
    if row["recorded_use"] is None:
        return row | {"status": status}
    ratio = 2.0 if place in HIGH else 0.5 if place in LOW else 1.0
    cluster = "high" if place in HIGH else "low" if place in LOW else "none"
    ends = {"low": 0.8 * ratio, "high": 1.2 * ratio}
    return row | {
        "expected": 10, "ratio": ratio, "shrunken_ratio": ratio, "cluster": cluster, "cluster_p": 0.01,
        "is_cluster": cluster != "none", "status": status,
        **{f"{of}_{end}": value for of in ("ratio", "shrunken") for end, value in ends.items()},
    }  # fmt: skip


def _ahead(row: Demand, number: int) -> dict[str, Any]:
    """A tenth more with each period, give or take a fifth nine times of ten and a tenth five times of ten."""
    period, start, end = AHEAD[number]
    use, status = row["recorded_use"], row["recorded_use_status"]
    one = row | {
        "horizon": number + 1, "period": period, "period_start": start, "period_end": end,
        "model": "empirical Bayes", "last_recorded": use, "status": status,
    }  # fmt: skip
    if use is None:
        return one
    mean = round(use * (1.1 + 0.1 * number), 1)
    ends = {f"{end}_{of}": round(mean * (1 + side * share)) for of, share in ((50, 0.1), (90, 0.2))
            for end, side in (("low", -1), ("high", 1))}  # fmt: skip
    return one | {"forecast": mean, **ends}


def _sign(row: Demand) -> dict[str, Any]:
    use, sign = row["recorded_use"], SIGNS.get(row["area_code"], "as forecast")
    if use is None:
        return row | {"low_90": 0, "high_90": 20, "status": "hidden"}
    return row | {
        "recorded": use, "low_90": 5, "high_90": 10, "sign": sign, "chance": 0.001,
        "is_sign": sign != "as forecast", "status": "published",
    }  # fmt: skip


def _skills() -> list[dict[str, Any]]:
    rows = [
        {
            "dataset": FORECAST, "area_type": kind, "horizon": horizon, "model": model, "tests": 400,
            "mean_absolute_error": error + horizon / 10, "skill_against_last": last, "skill_against_mean": mean,
            "coverage_50": 51, "coverage_90": 91, "is_chosen": model == "empirical Bayes", "status": "published",
            "in_words": SAID if (kind, horizon, model) == ("all", 0, "empirical Bayes") else None,
        }
        for kind in ("all", "lsoa", "ward")
        for horizon in (0, 1, 2)
        for model, error, last, mean in (
            ("last period", 5, 0, -20), ("mean of last four", 4.5, 17, 0), ("empirical Bayes", 4, 22, 6),
        )
    ]  # fmt: skip
    reason = {"in_words": "1 month is known; 8 are needed.", "is_chosen": False, "status": "not applicable"}
    return [
        *rows,
        {"dataset": "meters", "area_type": "all", "horizon": 0, "model": "mean of last four"} | reason,
    ]


SAID = "An empirical-Bayes level forecasts this service best: 6 % better than the mean of its last four quarters."


def _groups() -> list[dict[str, Any]]:
    one = {
        "dataset": FORECAST,
        "areas": 4,
        "tests": 48,
        "status": "published",
        "coverage_50": 50,
        "coverage_90": 89,
    }
    figures = {"recorded": 100, "forecast": 98, "ratio": 1.02, "ratio_low": 0.9, "ratio_high": 1.15}
    return [
        one | figures | {"breakdown": "deprivation decile", "group_name": "01", "over_percent": 6, "under_percent": 5},
        {
            "dataset": FORECAST, "breakdown": "tenure", "group_name": "mostly social rented", "status": "hidden",
        },
    ]  # fmt: skip
