"""What the back-test says: how good each model is, which is used for a service, and for whom it is less good.

Here belong the choice of a model and the tables that are read from `forecast_test`: `forecast_skill`, `early_sign` and
`forecast_by_group`. How the tests were made is `backtest`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipelines.estimate.backtest import WANTED, Tests
from pipelines.estimate.forecast import (
    BAYES,
    HORIZONS,
    LAST,
    MEAN,
    MODELS,
    NEGATIVE_BINOMIAL,
    POISSON,
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

DISCOVERIES = 0.1  # of the early signs, at most this share is expected to be of chance alone
# A tenure that is the most common in more LSOAs than this share tells them apart no longer.
NEARLY_ALL = 0.8
# Where more than this share of the figures that forecasts were set against is hidden, nothing is said of how good they
# were: that counts stay below the threshold is soon foreseen.
MOSTLY = 0.5

SKILL_KEY = ("dataset", "area_type", "horizon", "model")
SKILL_COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "dataset": ("VARCHAR", "dataset"),
    "area_type": ("VARCHAR", "authority, ward, msoa or lsoa; `all`: their mean, each kind of area counting the same"),
    "horizon": ("BIGINT", "how many periods ahead, 1 to 4; 0: all of them"),
    "model": ("VARCHAR", "the model"),
    "origins": ("BIGINT", "origins that it was tried at"),
    "tests": ("BIGINT", "forecasts of an area and period that could be set against what was then recorded"),
    "mean_absolute_error": (
        "DECIMAL(18, 2)",
        "mean distance of forecast and recorded use, in what the dataset counts; figures that are hidden are left out",
    ),
    "score": (
        "DECIMAL(18, 3)",
        "mean ranked probability score of the figures as told, hidden being one of them; 0 is best; empty for `all`",
    ),
    "skill_against_last": (
        "DECIMAL(9, 1)",
        "per cent by which the score is better than that of the last period carried on; negative: worse",
    ),
    "skill_against_mean": (
        "DECIMAL(9, 1)",
        "per cent by which the score is better than that of the mean of the last four periods; negative: worse",
    ),
    "standard_error": (
        "DECIMAL(9, 1)",
        "standard error of the latter over the origins, in points of per cent; of `all` and horizon 0",
    ),
    "coverage_50": (
        "DECIMAL(9, 1)",
        "per cent of the 50 % intervals that held the figure then told; one that begins at 0 holds a hidden figure",
    ),
    "coverage_90": ("DECIMAL(9, 1)", "per cent of the 90 % intervals that held it"),
    "is_chosen": ("BOOLEAN", "whether the dataset's forecasts are made by this model"),
    "in_words": ("VARCHAR", "the choice and what it is worth; of the chosen model, `all` and horizon 0"),
    "status": (
        "VARCHAR",
        "`published`; `hidden` where more than half of the figures to be foreseen are; `not applicable` where too few "
        "periods are known",
    ),
}  # fmt: skip

SIGN_KEY = ("dataset", "area_type", "area_code")
SIGN_COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "dataset": ("VARCHAR", "dataset"),
    "area_type": ("VARCHAR", "authority, ward, msoa or lsoa"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "area_name": ("VARCHAR", "name of the area"),
    "period": ("VARCHAR", "the latest complete period"),
    "model": ("VARCHAR", "model that foresaw it, chosen by what was known before; empty where there is no forecast"),
    "recorded": ("BIGINT", "recorded use in it, as told; empty where hidden"),
    "low_90": ("BIGINT", "lower end of the 90 % interval foreseen one period before; 0 stands for hidden, too"),
    "high_90": ("BIGINT", "upper end of that interval"),
    "sign": ("VARCHAR", "`more than forecast`, `fewer than forecast` or `as forecast`, by that interval"),
    "chance": (
        "DECIMAL(9, 4)",
        "chance of a figure as far out on either side had all gone on as before, for this area by itself",
    ),
    "is_sign": (
        "BOOLEAN",
        "whether it still stands out when all areas of its kind were looked at (false discovery rate of 10 %)",
    ),
    "status": ("VARCHAR", "`published`, `hidden`, or `not applicable` where there is no forecast"),
}  # fmt: skip

GROUP_KEY = ("dataset", "breakdown", "group_name")
GROUP_COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "dataset": ("VARCHAR", "dataset"),
    "breakdown": ("VARCHAR", "`deprivation decile` or `tenure` of the LSOA"),
    "group_name": (
        "VARCHAR",
        "decile, 01 the most deprived in England; the most common tenure of its households or, where one is the most "
        "common in more than four LSOAs of five, thirds by the share of social renting; `not known`",
    ),
    "areas": ("BIGINT", "LSOAs in the group"),
    "tests": ("BIGINT", "forecasts of one of them that were set against what was then recorded"),
    "hidden_percent": ("DECIMAL(9, 1)", "per cent of the tests in which what was recorded is hidden"),
    "recorded": (
        "DECIMAL(18, 1)",
        "recorded use in all tests; a hidden figure is taken for what is expected of a count below the threshold",
    ),
    "forecast": ("DECIMAL(18, 1)", "what had been forecast for them"),
    "ratio": ("DECIMAL(9, 3)", "recorded use over forecast: above 1 too little was forecast for the group"),
    "ratio_low": ("DECIMAL(9, 3)", "lower end of its 95 % interval"),
    "ratio_high": ("DECIMAL(9, 3)", "upper end of its 95 % interval"),
    "coverage_50": ("DECIMAL(9, 1)", "per cent of the 50 % intervals that held what was then recorded"),
    "coverage_90": ("DECIMAL(9, 1)", "per cent of the 90 % intervals that held it"),
    "over_percent": ("DECIMAL(9, 1)", "per cent of the tests in which the forecast, told as a figure, was higher"),
    "under_percent": ("DECIMAL(9, 1)", "per cent of the tests in which it was lower than what was recorded"),
    "status": ("VARCHAR", "`published`, or `hidden` where what was recorded is so in more than half of the tests"),
}  # fmt: skip

# {kind of area: {origin: (sum of scores, number of them)}}, of one model.
Scores = Mapping[str, Mapping[str, tuple[float, int]]]


@dataclass(frozen=True)
class Choice:
    """The model used for a service; of each model its gain on the mean of the last four, and the standard error of it.

    Gains are shares of the score of that mean: 0.1 is ten per cent better. `hidden` is the share of the tests in which
    what was recorded is hidden.
    """

    model: str
    gain: Mapping[str, float]
    error: Mapping[str, float]
    origins: int
    hidden: float = 0.0


def choose(scores: Mapping[str, Scores]) -> Choice:
    """The model that a service is forecast by, from {model: scores}.

    One that gains on the mean of the last four periods, each kind of area counting the same, by more than the standard
    error of its gain over the origins, and not less than the last period does; of several the plainest which no other
    betters by more than twice the standard error of the difference. Where there is none, that mean.
    """
    import numpy as np

    base = {
        kind: sum(total for total, _ in origins.values()) / sum(number for _, number in origins.values())
        for kind, origins in scores[MEAN].items()
    }
    origins = sorted({origin for of_kind in scores[MEAN].values() for origin in of_kind})
    weight = np.array([sum(of.get(o, (0, 0))[1] for of in scores[MEAN].values()) for o in origins], float)

    def told(by_origin: Floats) -> tuple[float, float]:
        mean = float(by_origin @ weight / weight.sum())
        squared = float((weight**2 * (by_origin - mean) ** 2).sum()) / float(weight.sum()) ** 2
        return mean, float(np.sqrt(squared * len(origins) / max(len(origins) - 1, 1)))

    gains: dict[str, Floats] = {}
    for model, of_model in scores.items():
        by_origin = gains[model] = np.zeros(len(origins))
        for at, origin in enumerate(origins):
            kinds = [kind for kind in base if origin in of_model[kind]]
            for kind in kinds:
                (total, number), (total_mean, _) = of_model[kind][origin], scores[MEAN][kind][origin]
                by_origin[at] += (total_mean - total) / number / max(base[kind], 1e-9) / len(kinds)
    gain, error = ({model: told(of)[at] for model, of in gains.items()} for at in (0, 1))
    chosen = MEAN
    for model in (one.name for one in MODELS if one.name in scores and one.name != MEAN and len(origins) > 1):
        if gain[model] > error[model] and gain[model] >= gain[LAST]:
            more, doubt = told(gains[model] - gains[chosen])
            if more > (doubt if chosen == MEAN else 2 * doubt):
                chosen = model
    return Choice(chosen, gain, error, len(origins))


def scores_of(tests: Mapping[str, Sequence[Tests]]) -> dict[str, Scores]:
    """What `choose` wants, from {kind of area: the tests of each model}."""
    found: dict[str, dict[str, dict[str, tuple[float, int]]]] = defaultdict(dict)
    for kind, of_models in tests.items():
        for one in of_models:
            found[one.model][kind] = {
                str(origin).zfill(4): (
                    float(one.score[one.origin == origin].sum()),
                    int(one.score[one.origin == origin].size),
                )
                for origin in sorted(set(one.origin.tolist()))
            }
    return dict(found)


def choices(con: duckdb.DuckDBPyConnection, schema: Schema, known_only: bool = False) -> dict[str, Choice]:
    """{dataset: the choice}, from `forecast_test`: where figures are `MOSTLY` hidden, the mean of the last four.

    With `known_only` by the tests alone that were done before the latest period: what one would have chosen then.
    """
    latest = f"SELECT max(other.period_start) FROM {schema}.forecast_test AS other WHERE other.dataset = test.dataset"
    which = f"period_start < ({latest})" if known_only else "true"
    rows = con.execute(
        f"""
        SELECT dataset, model, area_type, CAST(origin_start AS VARCHAR), CAST(sum(score) AS DOUBLE), count(*),
            count(*) FILTER (status = 'hidden')
        FROM {schema}.forecast_test AS test WHERE {which} GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    scores: dict[str, dict[str, dict[str, dict[str, tuple[float, int]]]]] = {}
    tests: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    for dataset, model, kind, origin, total, number, without in rows:
        tests[dataset] += number
        hidden[dataset] += without
        of_model = scores.setdefault(dataset, {one.name: {} for one in MODELS})[model]
        of_model.setdefault(kind, {})[origin] = (total, number)
    found = {}
    for dataset, of_dataset in scores.items():
        choice = replace(choose(of_dataset), hidden=hidden[dataset] / tests[dataset])
        found[dataset] = replace(choice, model=MEAN) if choice.hidden > MOSTLY else choice
    return found


# --- forecast_skill ------------------------------------------------------------------------------------------------


def skill_depends_on(schema: Schema) -> tuple[str, ...]:
    """The tables that `forecast_skill` is made from; `early_sign` too."""
    return (f"{schema}.forecast_test", *READS[schema])


def make_skill(con: duckdb.DuckDBPyConnection, schema: Schema) -> pa.Table:
    """The table `forecast_skill`, by `SKILL_KEY`; a dataset of too few periods has one row that says so."""
    chosen = choices(con, schema)
    rows: list[tuple[Any, ...]] = []
    for dataset, panels in _by_dataset(con, schema).items():
        if dataset not in chosen:
            rows.append(_not_applicable(panels))
        else:
            rows += _skill_rows(con, schema, panels[0], chosen[dataset])
    return table_of_rows(SKILL_COLUMNS, sorted(rows, key=lambda row: tuple(map(str, row[1:5]))))


def _by_dataset(
    con: duckdb.DuckDBPyConnection, schema: Schema, area_types: Sequence[str] | None = None
) -> dict[str, list[Panel]]:
    found: dict[str, list[Panel]] = defaultdict(list)
    for panel in read_panels(con, schema, *([area_types] if area_types else [])):
        found[panel.dataset].append(panel.complete())
    return dict(found)


def period_word(panel: Panel, number: int = 2) -> str:
    """What a period of a panel is called: `month`, or of several `months`."""
    return (panel.period_length or "period") + ("" if number == 1 else "s")


def too_few(panel: Panel) -> str:
    """Why there is no forecast, in words."""
    known = len(panel.periods)
    return f"{known} {period_word(panel, known)} {'is' if known == 1 else 'are'} known; {WANTED} are needed."


def _not_applicable(panels: Sequence[Panel]) -> tuple[Any, ...]:
    panel = panels[0]
    return (
        panel.authority_code, panel.dataset, "all", 0, MEAN, 0, 0, *[None] * 7, False, too_few(panel), "not applicable",
    )  # fmt: skip


def _skill_rows(
    con: duckdb.DuckDBPyConnection, schema: Schema, panel: Panel, choice: Choice
) -> list[tuple[Any, ...]]:
    rows = con.execute(
        f"""
        SELECT area_type, coalesce(horizon, 0), model, count(DISTINCT origin), count(*),
            CAST(avg(abs(recorded - forecast)) AS DOUBLE), CAST(sum(score) AS DOUBLE) / count(*),
            100.0 * count(*) FILTER (within_50) / count(*), 100.0 * count(*) FILTER (within_90) / count(*),
            CAST(sum(abs(recorded - forecast)) AS DOUBLE), count(recorded)
        FROM {schema}.forecast_test WHERE dataset = ?
        GROUP BY GROUPING SETS ((area_type, model), (area_type, model, horizon)) ORDER BY ALL
        """,
        [panel.dataset],
    ).fetchall()
    found = {(kind, horizon, model): tuple(rest) for kind, horizon, model, *rest in rows}
    kinds = sorted({kind for kind, _, _ in found})

    def better(kind: str, horizon: int, model: str, than: str) -> float:
        worse = found[kind, horizon, than][3]
        return 100 * (1 - found[kind, horizon, model][3] / worse) if worse else 0.0

    told = []
    horizons = sorted({horizon for _, horizon, _ in found})
    for kind in ("all", *kinds):
        some = kinds if kind == "all" else [kind]
        for horizon in horizons:
            for model in choice.gain:
                of = [found[one, horizon, model] for one in some]
                shown = sum(one[7] for one in of)
                whole = kind == "all" and horizon == 0
                is_chosen = model == choice.model
                skill = {
                    than: _mean([better(one, horizon, model, than) for one in some]) for than in (LAST, MEAN)
                }
                coverage = [_mean([one[at] for one in of]) for at in (4, 5)]
                tests = sum(one[1] for one in of)
                is_hidden = tests - shown > MOSTLY * tests
                figures = (
                    f"{sum(one[6] or 0 for one in of) / shown:.2f}" if shown else None,
                    None if kind == "all" else f"{of[0][3]:.3f}", f"{skill[LAST]:.1f}", f"{skill[MEAN]:.1f}",
                    f"{100 * choice.error[model]:.1f}" if whole else None, *(f"{one:.1f}" for one in coverage),
                )  # fmt: skip
                told.append(
                    (
                        panel.authority_code, panel.dataset, kind, horizon, model, max(one[0] for one in of), tests,
                        *([None] * len(figures) if is_hidden else figures), is_chosen,
                        in_words(panel, choice, skill, coverage) if whole and is_chosen else None,
                        "hidden" if is_hidden else "published",
                    )
                )  # fmt: skip
    return told


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


SAID = {
    LAST: "The last {period} carried on",
    BAYES: "An empirical-Bayes level, each area drawn towards the rate of all,",
    POISSON: "A Poisson regression with level, season and damped trend",
    NEGATIVE_BINOMIAL: "A negative-binomial regression with level, season and damped trend",
}


def in_words(panel: Panel, choice: Choice, skill: Mapping[str, float], coverage: Sequence[float]) -> str:
    """The choice for a service and what it is worth, in one to three sentences."""
    period, periods = period_word(panel, 1), period_word(panel)
    if choice.hidden > MOSTLY:
        return (
            "Too many of its figures are withheld to tell how well it can be forecast; the mean of its last four "
            f"{periods} is used."
        )
    if choice.model == MEAN:
        said = f"Nothing forecasts this service better than the mean of its last four {periods}, so that mean is used."
    else:
        against_last = (
            f" and {skill[LAST]:.0f} % better than the last {period}" if choice.model != LAST else ""
        )
        said = (
            f"{SAID[choice.model].format(period=period)} forecasts this service best: {skill[MEAN]:.0f} % better than "
            f"the mean of its last four {periods} (standard error {100 * choice.error[choice.model]:.0f})"
            f"{against_last}, over {choice.origins} origins."
        )
    said += (
        f" Of its 90 % intervals {coverage[1]:.0f} % held what was then recorded, of its 50 % intervals "
        f"{coverage[0]:.0f} %."
    )
    if choice.hidden:
        share = f"{100 * choice.hidden:.0f} %" if choice.hidden >= 0.005 else "Under 1 %"
        said += (
            f" {share} of the figures are withheld; an interval that begins with withheld ones counts as holding "
            "them."
        )
    return said


# --- early_sign ----------------------------------------------------------------------------------------------------


def make_signs(con: duckdb.DuckDBPyConnection, schema: Schema) -> pa.Table:
    """The table `early_sign`, by `SIGN_KEY`."""
    chosen = choices(con, schema, known_only=True)
    rows: list[tuple[Any, ...]] = []
    for dataset, panels in _by_dataset(con, schema).items():
        for panel in (one for one in panels if one.periods):
            model = chosen[dataset].model if dataset in chosen else None
            known = con.execute(
                f"""
                SELECT area_code, CAST(forecast AS DOUBLE), CAST(variance AS DOUBLE) FROM {schema}.forecast_test
                WHERE dataset = ? AND area_type = ? AND model = ? AND horizon = 1 AND period = ? ORDER BY area_code
                """,
                [dataset, panel.area_type, model, panel.periods[-1].label],
            ).fetchall()
            rows += _signs(panel, model, known)
    return table_of_rows(SIGN_COLUMNS, sorted(rows, key=lambda row: tuple(map(str, row[1:4]))))


def _signs(
    panel: Panel, model: str | None, foreseen: Sequence[tuple[str, float, float]]
) -> list[tuple[Any, ...]]:
    """The rows of one panel, from what was foreseen of its last period: code, mean and variance."""
    import numpy as np
    from scipy.stats import false_discovery_control

    from pipelines.estimate.backtest import figures

    period, told = panel.periods[-1].label, telling(panel)
    shown = panel.shown[:, -1]
    head = [
        (panel.authority_code, panel.dataset, panel.area_type, code, name, period)
        for code, name in zip(panel.codes, panel.names, strict=True)
    ]
    recorded = [int(value) if is_shown else None for value, is_shown in zip(
        np.nan_to_num(panel.figure[:, -1]).tolist(), shown.tolist(), strict=True
    )]  # fmt: skip
    if not foreseen:
        return [
            (*one, None, figure, None, None, None, None, None, "not applicable")
            for one, figure in zip(head, recorded, strict=True)
        ]
    mean, variance = (np.array([one[at] for one in foreseen], float) for at in (1, 2))
    number = figures(panel)[:, -1]
    low, high = interval(90, mean, variance, told)
    below = chance_up_to(told.most(number - 1), mean, variance)
    at = chance_up_to(told.most(number), mean, variance) - below
    # Half of the figure's own chance on either side, or figures in steps would seem rarer than they are.
    chance = np.minimum(1.0, 2 * np.minimum(below + at / 2, 1 - below - at / 2)).clip(0)
    stands_out = np.zeros(len(chance), bool)
    if shown.any():
        stands_out[shown] = false_discovery_control(chance[shown]) <= DISCOVERIES
    rows: list[tuple[Any, ...]] = []
    for i, (one, figure) in enumerate(zip(head, recorded, strict=True)):
        ends = int(told.figure(low)[i]), int(told.figure(high)[i])
        if figure is None:
            rows.append((*one, model, None, *ends, None, None, None, "hidden"))
            continue
        more, fewer = number[i] > high[i], number[i] < low[i]
        sign = "more than forecast" if more else "fewer than forecast" if fewer else "as forecast"
        is_sign = bool(stands_out[i] and (more or fewer))
        rows.append((*one, model, figure, *ends, sign, f"{chance[i]:.4f}", is_sign, "published"))
    return rows


# --- forecast_by_group ---------------------------------------------------------------------------------------------


def group_depends_on(schema: Schema) -> tuple[str, ...]:
    """The tables that `forecast_by_group` is made from."""
    areas = "published.area" if schema == "published" else "layers.area_profile"
    return (*skill_depends_on(schema), areas, f"{schema}.area_group")


def make_groups(con: duckdb.DuckDBPyConnection, schema: Schema) -> pa.Table:
    """The table `forecast_by_group`, by `GROUP_KEY`: the tests of the chosen model in LSOAs."""
    import numpy as np

    chosen = choices(con, schema)
    groups = groups_of_areas(con, schema)
    rows: list[tuple[Any, ...]] = []
    for dataset, panels in _by_dataset(con, schema, ["lsoa"]).items():
        panel = panels[0]
        if dataset not in chosen:
            continue
        tests = con.execute(
            f"""
            SELECT area_code, period, CAST(recorded AS DOUBLE), CAST(forecast AS DOUBLE), CAST(variance AS DOUBLE),
                within_50, within_90
            FROM {schema}.forecast_test WHERE dataset = ? AND area_type = 'lsoa' AND model = ?
            ORDER BY area_code, origin_start, horizon
            """,
            [dataset, chosen[dataset].model],
        ).fetchall()
        if not tests:
            continue
        code, period = (np.array([row[at] for row in tests]) for at in (0, 1))
        recorded, mean, variance = (
            np.array([np.nan if row[at] is None else row[at] for row in tests], float) for at in (2, 3, 4)
        )
        within = np.array([row[5:7] for row in tests], bool)
        for breakdown, of_area in groups.items():
            group = np.array([of_area.get(one, "not known") for one in code.tolist()])
            for name in sorted(set(group.tolist())):
                some = group == name
                rows.append(
                    (
                        panel.authority_code, dataset, breakdown, name,
                        *_of_group(
                            panel, code[some], period[some], recorded[some], mean[some], variance[some], within[some]
                        ),
                    )
                )  # fmt: skip
    return table_of_rows(GROUP_COLUMNS, sorted(rows, key=lambda row: tuple(map(str, row[1:4]))))


def _of_group(
    panel: Panel, code: Any, period: Any, recorded: Floats, mean: Floats, variance: Floats, within: Any
) -> tuple[Any, ...]:
    """A row after its key, from the tests of the group's areas; each (tests,), `within` (tests, 2)."""
    import numpy as np

    told = telling(panel)
    hidden = np.isnan(recorded)
    number = np.where(hidden, 0, told.number(np.nan_to_num(recorded)))
    foreseen = told.number(np.floor(mean + 0.5))
    count = np.where(hidden, expected_below(panel.threshold, mean, variance), np.nan_to_num(recorded))
    total, forecast = float(count.sum()), float(mean.sum())
    ratio = total / forecast if forecast > 0 else None
    error = 0.0
    if ratio is not None:
        off = count - ratio * mean
        for cluster in (code, period):
            # Tests of one area, and those of one period, err together: the larger of the two errors is told.
            of = np.unique(cluster, return_inverse=True)[1]
            sums = np.bincount(of, off)
            if len(sums) > 1:
                error = max(error, float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / forecast))
    figures = [
        None if ratio is None else f"{max(value, 0):.3f}"
        for value in ((ratio or 0), (ratio or 0) - 1.96 * error, (ratio or 0) + 1.96 * error)
    ]
    status = "hidden" if hidden.mean() > 0.5 else "published"
    shares = [f"{100 * part.mean():.1f}" for part in (*within.T, foreseen > number, foreseen < number)]
    head = (len(np.unique(code)), len(code), f"{100 * hidden.mean():.1f}")
    if status == "hidden":
        return (*head, None, f"{forecast:.1f}", None, None, None, None, None, None, None, status)
    return (*head, f"{total:.1f}", f"{forecast:.1f}", *figures, *shares, status)


def expected_below(threshold: int, mean: Floats, variance: Floats) -> Floats:
    """The mean of counts that are known to be below a threshold, under the distribution foreseen, (tests,)."""
    import numpy as np

    if threshold < 1:
        return np.zeros_like(mean)
    up_to = chance_up_to(np.arange(threshold)[:, None], mean, variance)
    # The mean of a count within 0..t - 1 is t - 1 less the chances of at most 0, 1, ..., t - 2, given that it is.
    whole = np.maximum(up_to[-1], 1e-12)
    return np.asarray(threshold - 1 - up_to[:-1].sum(axis=0) / whole, float).clip(0)


def groups_of_areas(con: duckdb.DuckDBPyConnection, schema: Schema) -> dict[str, dict[str, str]]:
    """{breakdown: {LSOA: its group}}, by deprivation decile and by tenure."""
    areas = "published.area" if schema == "published" else "layers.area_profile"
    deciles = con.execute(
        f"SELECT area_code, imd_decile FROM {areas} WHERE area_type = 'lsoa' AND imd_decile IS NOT NULL"
    ).fetchall()
    rows = con.execute(
        f"""
        SELECT area_code, group_name, number FROM {schema}.area_group
        WHERE area_type = 'lsoa' AND breakdown = 'tenure' AND number IS NOT NULL ORDER BY area_code, group_name
        """
    ).fetchall()
    tenures: dict[str, Counter[str]] = defaultdict(Counter)
    for code, group, number in rows:
        tenures[code][group] += number
    return {
        "deprivation decile": {code: f"{decile:02d}" for code, decile in deciles},
        "tenure": _by_tenure(tenures),
    }


def _by_tenure(tenures: Mapping[str, Counter[str]]) -> dict[str, str]:
    """{LSOA: group}: its most common tenure; where that is the same nearly everywhere, its third by social renting."""
    most = {
        code: min(counts, key=lambda group: (-counts[group], group))
        for code, counts in tenures.items()
        if counts
    }
    if not most or max(Counter(most.values()).values()) <= NEARLY_ALL * len(most):
        return {code: f"mostly {group}" for code, group in most.items()}
    share = {code: counts["social rented"] / max(sum(counts.values()), 1) for code, counts in tenures.items()}
    thirds = ("social rented, lowest third", "social rented, middle third", "social rented, highest third")
    order = sorted(share, key=lambda code: (share[code], code))
    return {code: thirds[at * 3 // len(order)] for at, code in enumerate(order)}


__all__ = [
    "GROUP_COLUMNS",
    "GROUP_KEY",
    "HORIZONS",
    "SIGN_COLUMNS",
    "SIGN_KEY",
    "SKILL_COLUMNS",
    "SKILL_KEY",
    "Choice",
    "choices",
    "choose",
    "make_groups",
    "make_signs",
    "make_skill",
    "scores_of",
]
