"""Services at the same homes, beside what chance would give: how many more or fewer meetings, and how sure that is.

Here belongs what would be expected if each service came to homes without regard to the others (over the whole
authority, or within each of its areas), what two services at a time would lead one to expect of three, and the range
of the ratio of what was counted to that; and in which places many services are used more than their homes or people
would give. All of it is of areas and counts of properties: which properties these are, no table here says. What would
be expected of one service by itself is `expected`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from pipelines.authority import Disclosure
from pipelines.estimate.panel import Schema
from pipelines.protect import HIDDEN, NOT_APPLICABLE, PUBLISHED
from pipelines.tables import table_of_rows

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

# What the expected number allows for: nothing (over all homes alike), where each service is (area by area), and of
# three services also how any two of them meet.
NOTHING, AREA, PAIRS = "nothing", "area", "pairs"
# The period of rows that are not of one: all events, and the latest snapshots.
ALL_PERIODS = "all"
KINDS = ("lsoa", "msoa", "ward")
# Areas without a figure are taken together as one. A kind of area in which these have a larger share of the homes is
# not used.
MOST_TOGETHER = 0.2
LEVEL = 0.95

COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "datasets": ("VARCHAR", "the two or three datasets, in the order of their names, joined by +"),
    "dataset_a": ("VARCHAR", "one dataset"),
    "dataset_b": ("VARCHAR", "another"),
    "dataset_c": ("VARCHAR", "the third; empty for two"),
    "period": ("VARCHAR", "period of events (2025 Q3); all: every event, and the latest snapshots"),
    "properties": ("BIGINT", "properties that all of them know"),
    "expected": ("DECIMAL(18,1)", "properties that all of them would know by chance"),
    "ratio": ("DECIMAL(12,3)", "properties known to all, for each one expected; 1 is as chance would give"),
    "ratio_low": ("DECIMAL(12,3)", "least that the ratio may be, rounding and chance (95 %) allowed for"),
    "ratio_high": (
        "DECIMAL(12,3)",
        "most that the ratio may be, rounding and chance (95 %) allowed for; empty where it has no bound",
    ),
    "allowing_for": (
        "VARCHAR",
        "what chance is told: nothing (all homes alike), area (how many homes of each area each service knows), "
        "pairs (how many each two of three share)",
    ),
    "within": ("VARCHAR", "the kind of area that is allowed for (lsoa, msoa or ward); empty otherwise"),
    "status": (
        "VARCHAR",
        "published; hidden: a figure that the ratio is made of is hidden; not applicable: there is none",
    ),
}
KEY = ("datasets", "period", "allowing_for")

MEETING_COLUMNS = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "area_type": ("VARCHAR", "ward, msoa or lsoa"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "area_name": ("VARCHAR", "name of the area"),
    "services_above": (
        "BIGINT",
        "services whose recorded use is above what the area's homes or people would give, chance allowed for",
    ),
    "services_judged": ("BIGINT", "services whose recorded use in the area can be told"),
    "which": ("VARCHAR", "titles of the services that are above"),
    "status": (
        "VARCHAR",
        "published; hidden: the use of every service is hidden there; not applicable: there is none",
    ),
}
MEETING_KEY = ("area_type", "area_code")


@dataclass(frozen=True)
class Count:
    """A count as it is told (None where it is not), and the least and the most that it stands for."""

    figure: int | None
    low: int = 0
    high: int = 0
    status: str = PUBLISHED

    @property
    def range(self) -> tuple[int, int]:
        """The least and the most, twice the same where it is exact."""
        return self.low, self.high


# --- what chance would give -------------------------------------------------------------------------------------------


def by_chance(known: NDArray[np.float64], homes: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many homes all services would know if each came to its own number of them without regard to the others.

    `known` (k services, n areas) homes known, `homes` (n,) homes there; (n,). It is homes * (known_1 / homes) *
    (known_2 / homes) and so on. Where a service knows more properties than there are homes (shops, halls), there are
    taken to be as many as it knows.
    """
    import numpy as np

    there = np.maximum(homes, known.max(axis=0))
    shares = np.divide(known, there, out=np.zeros_like(known), where=there > 0)
    found: NDArray[np.float64] = there * shares.prod(axis=0)
    return found


def variance_by_chance(known: NDArray[np.float64], homes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The variance of that number, shapes as in `by_chance`.

    Each service has a simple random sample of the homes, of fixed size: for two services it is that of the
    hypergeometric distribution (Fisher, Statistical Methods for Research Workers, 1934); for three it is reckoned in
    the same way, from how likely two homes are both in every sample.
    """
    import numpy as np

    there = np.maximum(homes, known.max(axis=0))
    mean = by_chance(known, homes)
    of_two = there * (there - 1)
    both = np.divide(known * np.maximum(known - 1, 0), of_two, out=np.zeros_like(known), where=of_two > 0)
    found: NDArray[np.float64] = np.maximum(mean + of_two * both.prod(axis=0) - mean**2, 0.0)
    return found


def limits(count: float, spread: float, level: float = LEVEL) -> tuple[float, float]:
    """The least and the most that the mean of a count may be, given the count.

    `spread` is its variance for each one counted: 1 is a Poisson count, of which these are the exact limits (Garwood,
    Biometrika 28, 1936); where services know nearly every home, the number that all know can hardly vary, `spread` is
    near 0, and the limits are those of count / spread, times spread (as with quasi-likelihood: McCullagh and Nelder,
    Generalized Linear Models, 1989).
    """
    from scipy.stats import gamma

    if spread < 1e-6:
        return float(count), float(count)
    tail = (1 - level) / 2
    scaled = count / spread
    low = float(gamma.ppf(tail, scaled)) if count > 0 else 0.0
    return low * spread, float(gamma.ppf(1 - tail, scaled + 1)) * spread


def without_three_way(
    groups: Sequence[float], pairs: Sequence[float], homes: float
) -> tuple[float, float] | None:
    """What three groups would share if how two of them meet did not depend on the third; and its variance.

    `groups` are the sizes of A, B, C; `pairs` what A and B, A and C, B and C share; `homes` all there are. The number
    is the one for which the odds ratio of two groups is the same in the third and outside of it (Bartlett, Supplement
    to the Journal of the Royal Statistical Society 2, 1935), to which iterative proportional fitting to the three
    pairs comes as well (Deming and Stephan, Annals of Mathematical Statistics 11, 1940); the variance given the pairs
    is 1 / (sum of 1 / cell). None where no eight cells of 0 or more come to these sums.
    """
    from scipy.optimize import brentq

    (a, b, c), (ab, ac, bc) = groups, pairs
    there = max(homes, a + b + c - ab - ac - bc + min(pairs))
    # Each cell is where + sign * x, x being what all three share.
    rising = (0.0, a - ab - ac, b - ab - bc, c - ac - bc)
    falling = (ab, ac, bc, there - a - b - c + ab + ac + bc)
    low, high = max(-one for one in rising), min(falling)
    if high < low or low < 0:
        return None

    def cells(x: float) -> list[float]:
        return [*(one + x for one in rising), *(one - x for one in falling)]

    if high - low < 1e-9:
        return low, 0.0

    def odds(x: float) -> float:
        up, down = cells(x)[:4], cells(x)[4:]
        return sum(math.log(max(one, 1e-12)) for one in up) - sum(math.log(max(one, 1e-12)) for one in down)

    found = float(brentq(odds, low, high, xtol=1e-9))
    inside = cells(found)
    variance = 0.0 if min(inside) <= 1e-9 else 1 / sum(1 / one for one in inside)
    return found, variance


@dataclass(frozen=True)
class Expected:
    """What chance would give: the number, the range that rounding leaves it, and its variance if chance alone ruled."""

    number: float
    low: float
    high: float
    variance: float
    within: str = ""


def over_all_homes(groups: Sequence[Count], homes: int) -> Expected | None:
    """Over all homes alike; None where a group's number is not told or there are no homes."""
    import numpy as np

    if not homes or any(one.figure is None for one in groups):
        return None

    def at(counts: Sequence[float]) -> NDArray[np.float64]:
        return np.array(counts, dtype=np.float64)[:, None]

    there = np.array([float(homes)])
    figures = at([float(one.figure or 0) for one in groups])
    low, high = at([float(one.low) for one in groups]), at([float(one.high) for one in groups])
    # More properties than homes: as many homes as properties, whichever end of its range is true.
    low_, number, high_ = (float(by_chance(known, there)[0]) for known in (low, figures, high))
    return Expected(
        number, min(low_, number), max(high_, number), float(variance_by_chance(figures, there)[0])
    )


def within_areas(
    groups: Sequence[Count], homes: int, kinds: Mapping[str, tuple[Sequence[int], Sequence[Sequence[Count]]]]
) -> Expected | None:
    """Area by area, and added up: by the smallest kind of area of which nearly all is told.

    `groups` are the numbers of the whole authority; `kinds` has for each kind of area the homes of its areas (n,) and
    of each group its counts there (k, n). The areas in which a group's count is hidden are taken together as one,
    which has what the others leave of the authority's; a kind of area of whose homes more than `MOST_TOGETHER` are in
    such areas is passed over. Rounding errors of many areas make up for one another: the range is of 1.96 standard
    deviations, each error being as likely as any other of its range. None where no kind of area serves.
    """
    import numpy as np

    if not homes or any(one.figure is None for one in groups):
        return None
    for kind in KINDS:
        if kind not in kinds:
            continue
        in_area, counts = kinds[kind]
        told = np.array([[one.figure is not None for one in row] for row in counts]).all(axis=0)
        there = np.array(in_area, dtype=np.float64)
        shown = float(there[told].sum())
        if not told.any() or shown < (1 - MOST_TOGETHER) * homes:
            continue
        figures = np.array([[float(one.figure or 0) for one in row] for row in counts])[:, told]
        widths = np.array([[one.high - one.low + 1 for one in row] for row in counts])[:, told]
        errors = (widths.astype(np.float64) ** 2 - 1) / 12
        wholes = np.array([float(one.figure or 0) for one in groups])
        whole_errors = np.array([((one.high - one.low + 1) ** 2 - 1) / 12 for one in groups])
        rest = np.maximum(wholes - figures.sum(axis=1), 0.0)
        rest_errors = whole_errors + errors.sum(axis=1)
        there = there[told]
        left = max(homes - shown, 0.0)
        if left > 0:
            # What has no area of this kind, or a hidden figure. Rounding can leave more than there are homes.
            figures = np.column_stack([figures, np.minimum(rest, left)])
            errors = np.column_stack([errors, rest_errors])
            there = np.append(there, left)
        number = float(by_chance(figures, there).sum())
        spread = 1.96 * float(np.sqrt(_error_variance(figures, there, errors)))
        variance = float(variance_by_chance(figures, there).sum())
        return Expected(number, max(number - spread, 0.0), number + spread, variance, kind)
    return None


def _error_variance(
    known: NDArray[np.float64], homes: NDArray[np.float64], errors: NDArray[np.float64]
) -> float:
    """The variance of the sum of `by_chance` that rounding leaves: the delta method; shapes (k, n), (n,), (k, n)."""
    import numpy as np

    there = np.maximum(homes, known.max(axis=0))
    total = 0.0
    for place in range(len(known)):
        others = np.delete(known, place, axis=0)
        slope = np.divide(
            others.prod(axis=0), there ** len(others), out=np.zeros_like(there), where=there > 0
        )
        total += float((slope**2 * errors[place]).sum())
    return total


def from_pairs(groups: Sequence[Count], pairs: Sequence[Count], homes: int) -> Expected | None:
    """Of three services, from how each two of them meet; the range is that of all ends of the figures' ranges together.

    None where a figure is not told, or rounding leaves figures that cannot all be.
    """
    figures = [*groups, *pairs]
    if not homes or any(one.figure is None for one in figures):
        return None
    middle = [float(one.figure or 0) for one in figures]
    found = without_three_way(middle[:3], middle[3:], homes)
    if found is None:
        return None
    ends = [found[0]]
    for corner in itertools.product(*(sorted({one.low, one.high}) for one in figures)):
        if (at := without_three_way(corner[:3], corner[3:], homes)) is not None:
            ends.append(at[0])
    return Expected(found[0], min(ends), max(ends), found[1])


def compared(
    properties: Count, expected: Expected | None, smallest: float | None = None
) -> tuple[float, float, float | None] | None:
    """The ratio of the count to what chance would give, and its least and most; None where either is not known.

    The least is of the count's least and the expected number's most, and the other way round: rounding is allowed for
    at its worst, and chance by `limits`. `smallest` is the size of the smallest group: where services do not meet by
    chance, the count varies as much as whether a property of that group is known to the others. There is no most where
    the number expected may be none.
    """
    if expected is None or properties.figure is None or expected.number <= 0:
        return None
    spread = expected.variance / expected.number
    if smallest:
        spread = max(spread, 1 - properties.figure / smallest)
    spread = min(spread, 1.0)
    low = limits(properties.low, spread)[0] / max(expected.high, 1e-9)
    ratio = properties.figure / expected.number
    if expected.low < 0.01:
        return ratio, min(low, ratio), None
    return ratio, min(low, ratio), max(limits(properties.high, spread)[1] / expected.low, ratio)


# --- the tables -------------------------------------------------------------------------------------------------------


def against_chance(con: duckdb.DuckDBPyConnection, schema: Schema) -> pa.Table:
    """The table `overlap_against_chance` (`COLUMNS`): two services, three, and two by period of events.

    Reads `service_overlap`, `service_overlap_three` and `overlap_in_period` of the schema, homes by area (`area`, or
    exact `area_profile`), and for published ones what is open and the rule of rounding.
    """
    read = _Read.of(con, schema)
    rows: list[tuple[Any, ...]] = []
    for names, groups, _, shared in read.sets("service_overlap", 2, "area_type = 'authority'"):
        rows.append(
            _row(read, names, ALL_PERIODS, shared, NOTHING, groups, over_all_homes(groups, read.homes))
        )
        rows.append(_row(read, names, ALL_PERIODS, shared, AREA, groups, read.by_area(names, groups)))
    for names, groups, pairs, shared in read.sets("service_overlap_three", 3, "true"):
        rows.append(
            _row(read, names, ALL_PERIODS, shared, NOTHING, groups, over_all_homes(groups, read.homes))
        )
        rows.append(_row(read, names, ALL_PERIODS, shared, AREA, groups, read.by_area(names, groups)))
        of_pairs = from_pairs(groups, pairs, read.homes)
        rows.append(_row(read, names, ALL_PERIODS, shared, PAIRS, (*groups, *pairs), of_pairs))
    periods = [row[0] for row in con.execute(
        f"SELECT DISTINCT period FROM {schema}.overlap_in_period ORDER BY period"
    ).fetchall()]  # fmt: skip
    for period in periods:
        for names, groups, _, shared in read.sets("overlap_in_period", 2, "period = ?", [period]):
            rows.append(
                _row(read, names, period, shared, NOTHING, groups, over_all_homes(groups, read.homes))
            )
    place = {name: at for at, name in enumerate(COLUMNS)}
    return table_of_rows(COLUMNS, sorted(rows, key=lambda row: tuple(row[place[name]] for name in KEY)))


def _row(
    read: _Read, names: Sequence[str], period: str, shared: Count, allowing_for: str, inputs: Sequence[Count],
    expected: Expected | None,
) -> tuple[Any, ...]:  # fmt: skip
    smallest = min((one.figure or 0 for one in inputs), default=0) if allowing_for != PAIRS else None
    found = compared(shared, expected, smallest)
    # Where there are figures by area and too few of them can be seen, that is since they are hidden.
    is_hidden = any(one.status == HIDDEN for one in (shared, *inputs))
    if allowing_for == AREA and expected is None and names and read.has_areas(names):
        is_hidden = True
    status = PUBLISHED if found else HIDDEN if is_hidden else NOT_APPLICABLE
    return (
        read.authority_code,
        " + ".join(names),
        names[0],
        names[1],
        names[2] if len(names) > 2 else None,
        period,
        shared.figure,
        _text(expected.number, 1) if expected else None,
        *((None if one is None else _text(one, 3) for one in found) if found else (None, None, None)),
        allowing_for,
        (expected.within or None) if expected else None,
        status,
    )


def _text(value: float, decimals: int) -> str:
    return str(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


@dataclass(frozen=True)
class _Read:
    """What is read of a schema: homes, which datasets are open, the rule, and each service's properties by area."""

    con: duckdb.DuckDBPyConnection
    schema: Schema
    authority_code: str
    homes: int
    rule: Disclosure | None
    open_ones: frozenset[str]
    area_homes: Mapping[str, Mapping[str, int]]
    singles: Mapping[tuple[str, str], Mapping[str, Count]]

    @staticmethod
    def of(con: duckdb.DuckDBPyConnection, schema: Schema) -> _Read:
        area = "published.area" if schema == "published" else "layers.area_profile"
        homes: dict[str, dict[str, int]] = {}
        code, whole = "", 0
        for authority, kind, area_code, number in con.execute(
            f"SELECT authority_code, area_type, area_code, coalesce(homes, 0) FROM {area} ORDER BY ALL"
        ).fetchall():
            code = authority
            if kind == "authority":
                whole = int(number)
            elif kind in KINDS:
                homes.setdefault(kind, {})[area_code] = int(number)
        rule, open_ones = None, set()
        if schema == "published":
            told = con.execute("SELECT threshold, round_to FROM published.disclosure_rule").fetchone()
            if told:
                rule = Disclosure.model_construct(threshold=told[0], round_to=told[1])
            open_ones = {row[0] for row in con.execute(
                "SELECT dataset FROM published.dataset GROUP BY dataset "
                "HAVING bool_and(coalesce(sensitivity = 'open', false))"
            ).fetchall()}  # fmt: skip
        read = _Read(con, schema, code, whole, rule, frozenset(open_ones), homes, {})
        singles: dict[tuple[str, str], dict[str, Count]] = {}
        columns = read._columns(("properties_a", "properties_b"))
        for a, b, kind, area_code, *values in con.execute(
            f"SELECT dataset_a, dataset_b, area_type, area_code, {columns} FROM {schema}.service_overlap "
            "WHERE area_type <> 'authority' ORDER BY ALL"
        ).fetchall():
            for name, count in zip((a, b), read._counts(values, (a, b)), strict=True):
                known = singles.setdefault((kind, name), {})
                known[area_code] = _better(known.get(area_code), count)
        return _Read(con, schema, code, whole, rule, frozenset(open_ones), homes, singles)

    def sets(
        self, table: str, size: int, where: str, values: Sequence[Any] = ()
    ) -> list[tuple[tuple[str, ...], tuple[Count, ...], tuple[Count, ...], Count]]:
        """Each set of datasets of a table: their names, their counts, of three those of pairs, what all share."""
        letters = "abc"[:size]
        names = [f"dataset_{letter}" for letter in letters]
        figures = [f"properties_{letter}" for letter in letters]
        pairs = [f"properties_{a}{b}" for a, b in itertools.combinations(letters, 2)] if size > 2 else []
        figures += [*pairs, "properties_both" if size == 2 else "properties_all"]
        rows = self.con.execute(
            f"SELECT {', '.join(names)}, {self._columns(figures)} FROM {self.schema}.{table} "
            f"WHERE {where} ORDER BY {', '.join(names)}",
            list(values),
        ).fetchall()
        found = []
        for row in rows:
            named = tuple(row[:size])
            counts = self._counts(row[size:], named)
            found.append((named, counts[:size], counts[size:-1], counts[-1]))
        return found

    def by_area(self, names: Sequence[str], groups: Sequence[Count]) -> Expected | None:
        """What chance would give within areas, of the smallest kind that serves."""
        kinds: dict[str, tuple[list[int], list[list[Count]]]] = {}
        for kind, homes in self.area_homes.items():
            of_each = [self.singles.get((kind, name)) for name in names]
            if any(one is None for one in of_each):
                continue
            nothing = Count(None, status=NOT_APPLICABLE)
            counts = [[(one or {}).get(code, nothing) for code in homes] for one in of_each]
            kinds[kind] = list(homes.values()), counts
        return within_areas(groups, self.homes, kinds)

    def has_areas(self, names: Sequence[str]) -> bool:
        """Whether each of the datasets has figures by area, shown or hidden."""
        return any(all((kind, name) in self.singles for name in names) for kind in KINDS)

    def _columns(self, figures: Sequence[str]) -> str:
        statuses = [f"{name}_status" for name in figures] if self.schema == "published" else []
        return ", ".join([*figures, *statuses])

    def _counts(self, values: Sequence[Any], names: Sequence[str]) -> tuple[Count, ...]:
        if self.schema == "layers":
            return tuple(Count(None, status=NOT_APPLICABLE) if v is None else Count(v, v, v) for v in values)
        half = len(values) // 2
        is_open = all(name in self.open_ones for name in names)
        return tuple(self._as_told(v, s, is_open) for v, s in zip(values[:half], values[half:], strict=True))

    def _as_told(self, value: int | None, status: str, is_open: bool) -> Count:
        if value is None or status != PUBLISHED:
            return Count(None, status=status)
        if is_open or self.rule is None:
            return Count(value, value, value)
        return Count(value, *self.rule.told(value))


def _better(one: Count | None, other: Count) -> Count:
    """Of the same figure, told in two rows, the one that says more: a service's number is exact beside an open one."""
    if one is None or one.figure is None:
        return other if one is None or other.figure is not None else one
    if other.figure is None or other.high - other.low >= one.high - one.low:
        return one
    return other


def meeting(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The table `services_meeting`: by area, how many services' use is above what its homes or people would give.

    Its columns are `MEETING_COLUMNS`. Reads `published.demand_against_expected` (standardised for nothing) and the
    titles in `published.dataset`. A service is above where the least that its ratio may be is more than 1.
    """
    titles = dict(
        con.execute(
            "SELECT dataset, any_value(title ORDER BY title) FROM published.dataset GROUP BY dataset"
        ).fetchall()
    )
    rows = con.execute(
        """
        SELECT authority_code, area_type, area_code, area_name, dataset, ratio_low, status
        FROM published.demand_against_expected
        WHERE standardised_for = 'nothing' AND area_type IN ('lsoa', 'msoa', 'ward')
        ORDER BY area_type, area_code, dataset
        """
    ).fetchall()
    found: dict[tuple[str, ...], list[tuple[str, Any, str]]] = {}
    for *area, dataset, low, status in rows:
        found.setdefault(tuple(area), []).append((dataset, low, status))
    made: list[tuple[Any, ...]] = []
    for named, services in sorted(found.items(), key=lambda item: item[0][1:3]):
        judged = [(name, low) for name, low, status in services if status == PUBLISHED and low is not None]
        above = sorted(titles.get(name, name) for name, low in judged if low > 1)
        if judged:
            made.append((*named, len(above), len(judged), "; ".join(above), PUBLISHED))
        else:
            is_hidden = any(status == HIDDEN for _, _, status in services)
            made.append((*named, None, 0, None, HIDDEN if is_hidden else NOT_APPLICABLE))
    return table_of_rows(MEETING_COLUMNS, made)
