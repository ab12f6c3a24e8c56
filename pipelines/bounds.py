"""What can be worked out: how far each unknown number may range, given what is told of it and of sums of it.

Here belong unknowns, sums, and their ranges, by propagation of bounds and by linear and integer programming (HiGHS,
in scipy). No table, no area, no rule: what the numbers mean is `audit`, what to do about it `hold_back`.

A range is found only as far as it matters. To show that an unknown is safe, two solutions of the whole that differ
enough in it will do, and one solution serves many unknowns; only where none is found is the range worked out exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Far more than any count of a council's records, so that no unknown is without an end.
MOST = 1e9
TOLERANCE = 1e-6
# Up to so many unknowns, a part's ranges are worked out to the end.
SMALL = 400
# From so many questions on, solutions are sought for many at once.
FEW = 300
# A sum of more than these hardly narrows any one of them.
LONG = 15
# How far to go before the whole of a large part is looked at.
NEAR = (1, 2, 3)
ROUNDS = 100
SECONDS = 20.0


class Contradiction(Exception):
    """No numbers are as told: the sums do not hold."""


@dataclass(frozen=True)
class Question:
    """Whether an unknown stays in the dark: at least `spread` between its least and its greatest value.

    Where `threshold` is given, 0 or the threshold (or more) must be possible, too: else it is known that there are
    some, and fewer than the threshold. What is known to be the threshold or more may be known as well as can be.
    """

    unknown: int
    spread: float
    threshold: float | None = None

    def is_possible(self, low: float, high: float) -> bool:
        """Whether it is dark enough that `low` and `high` are both possible."""
        wide = high - low >= self.spread - TOLERANCE
        return wide and (self.threshold is None or low < 1 - TOLERANCE or high >= self.threshold - TOLERANCE)

    def answered(self, low: float, high: float) -> bool:
        """Whether it is dark enough that all values are from `low` to `high`, and both ends possible."""
        is_large = self.threshold is not None and low >= self.threshold - TOLERANCE
        return is_large or self.is_possible(low, high)


@dataclass(frozen=True)
class Range:
    """The least and the greatest value of an unknown; `is_sure` is False where time ran out (it may be narrower)."""

    low: float
    high: float
    is_sure: bool = True


@dataclass
class Unknowns:
    """Unknown numbers, what is told of each (`low` to `high`), and sums of them with what is told of those.

    `likely` is a value of each, where one is known, such that all of these together fit: a place to start from.
    """

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    likely: list[float | None] = field(default_factory=list)
    sums: list[tuple[dict[int, float], float, float]] = field(default_factory=list)

    def add(
        self, low: float = 0.0, high: float = MOST, whole: bool = True, likely: float | None = None
    ) -> int:
        """A new unknown; returns its number."""
        self.likely.append(likely)
        self.low.append(low)
        self.high.append(min(high, MOST))
        self.whole.append(whole)
        return len(self.low) - 1

    def add_sum(self, terms: Iterable[tuple[int, float]], low: float, high: float) -> None:
        """`low` <= the sum of `factor * unknown` <= `high`."""
        row: dict[int, float] = {}
        for unknown, factor in terms:
            row[unknown] = row.get(unknown, 0.0) + factor
        if row := {unknown: factor for unknown, factor in row.items() if factor}:
            self.sums.append((row, low, high))

    def parts(self) -> list[Part]:
        """The unknowns in groups that no sum joins, each with its sums; unknowns in no sum are groups of one."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        count = len(self.low)
        rows = [index for index, (row, _, _) in enumerate(self.sums) for _ in row]
        columns = [unknown for row, _, _ in self.sums for unknown in row]
        graph = csr_array(
            (np.ones(len(rows)), (rows, [len(self.sums) + c for c in columns])),
            shape=(len(self.sums) + count, len(self.sums) + count),
        )
        _, label = connected_components(graph, directed=False)
        members: dict[int, list[int]] = {}
        for unknown in range(count):
            members.setdefault(int(label[len(self.sums) + unknown]), []).append(unknown)
        sums: dict[int, list[int]] = {}
        for index in range(len(self.sums)):
            sums.setdefault(int(label[index]), []).append(index)
        return [Part(self, unknowns, sums.get(key, [])) for key, unknowns in sorted(members.items())]


class Part:
    """Some of the unknowns with all sums that they are in.

    What is told may be taken back (`take_back`), never narrowed: solutions that were found stay solutions.
    """

    def __init__(self, whole: Unknowns, unknowns: Sequence[int], sums: Sequence[int]) -> None:
        from scipy.sparse import csc_array, csr_array

        self.whole = whole
        self.unknowns = list(unknowns)
        self.place = {unknown: place for place, unknown in enumerate(self.unknowns)}
        self.integral = np.array([whole.whole[u] for u in self.unknowns], dtype=bool)
        told = [whole.sums[index] for index in sums]
        factors = np.array([factor for row, _, _ in told for factor in row.values()], dtype=float)
        columns = np.array([self.place[unknown] for row, _, _ in told for unknown in row], dtype=np.int64)
        starts = np.cumsum([0, *(len(row) for row, _, _ in told)])
        self.matrix = csr_array((factors, columns, starts), shape=(len(told), len(self.unknowns)))
        self.by_unknown = csc_array(self.matrix)
        self.sum_low = np.array([low for _, low, _ in told], dtype=float)
        self.sum_high = np.array([high for _, _, high in told], dtype=float)
        # Of each entry its sum, and the entries in the order of their unknowns.
        self.lengths = np.diff(starts)
        self.sum_of = np.repeat(np.arange(len(told)), self.lengths)
        self.in_order = np.argsort(columns, kind="stable")
        self.summed, self.first = np.unique(columns[self.in_order], return_index=True)
        # The widest that a solution has shown possible.
        self.seen_low = np.full(len(self.unknowns), np.inf)
        self.seen_high = np.full(len(self.unknowns), -np.inf)
        self.point: np.ndarray | None = None
        self.take_back()

    def take_back(self) -> None:
        """Read anew what is told of each unknown, after some of it was taken back."""
        self.low = np.array([self.whole.low[u] for u in self.unknowns], dtype=float)
        self.high = np.array([self.whole.high[u] for u in self.unknowns], dtype=float)
        # The tightest ranges that are known to be true.
        self.least, self.greatest = self.low.copy(), self.high.copy()

    def dark(self, questions: Sequence[Question]) -> dict[int, Range]:
        """The questions that are *not* answered well, by unknown, with a range that can be worked out.

        `questions` are about unknowns of this part. The range is the narrowest where the part is small; in a large one
        it is narrow enough to tell. Raises `Contradiction` where no numbers are as told.
        """
        if self.matrix.shape[0]:
            self._propagate()
            if self.point is None:
                self._start()
            if len(self.unknowns) > SMALL:
                open_ones = [q for q in questions if self._is_open(q)]
                if len(open_ones) > FEW:
                    self._solve_together(open_ones)
                for question in open_ones:
                    self._look_near(question)
                self._solve_together(open_ones)
        unsafe: dict[int, Range] = {}
        for question in questions:
            if not self._is_safe(question):
                found = self._range(question)
                if not found.is_sure or not question.answered(found.low, found.high):
                    unsafe[question.unknown] = found
        return unsafe

    def telling(self, unknown: int) -> list[int]:
        """The other unknowns whose told range narrows this one's: without some of them it would be wider.

        By the dual values of the linear programmes for both ends, first of what is near, then of the whole part.
        """
        if not self.matrix.shape[0]:
            return []
        at = self.place[unknown]
        found: set[int] = set()
        for steps in NEAR:
            found = found or self._duals(at, self._sums_of(self._around(at, steps)))
        found = found or self._duals(at, np.arange(self.matrix.shape[0]))
        return sorted(self.unknowns[place] for place in found if place != at)

    def near(self, unknown: int) -> list[int]:
        """The unknowns that share a sum with this one, and those that share one with them, long sums not counted."""
        return [self.unknowns[place] for place in self._around(self.place[unknown], 2)]

    def _is_safe(self, question: Question) -> bool:
        at = self.place[question.unknown]
        if not self.matrix.shape[0]:
            return question.answered(self.low[at], self.high[at])
        is_large = question.threshold is not None and self.least[at] >= question.threshold
        return is_large or question.is_possible(self.seen_low[at], self.seen_high[at])

    def _is_lost(self, question: Question) -> bool:
        at = self.place[question.unknown]
        return not question.answered(self.least[at], self.greatest[at])

    def _start(self) -> None:
        """A first solution: the likely one, if it is one."""
        likely = [self.whole.likely[unknown] for unknown in self.unknowns]
        given = [(place, value) for place, value in enumerate(likely) if value is not None]
        least, greatest = self.least.copy(), self.greatest.copy()
        if given:
            places, values = np.array([p for p, _ in given]), np.array([v for _, v in given])
            self.least[places] = self.greatest[places] = values
        try:
            found = self._solve(np.zeros(len(self.unknowns)))
        except Contradiction:
            found = False
        self.least, self.greatest = least, greatest
        if not found:
            self._solve(np.zeros(len(self.unknowns)))

    def _is_open(self, question: Question) -> bool:
        return not self._is_safe(question) and not self._is_lost(question)

    def _solve_together(self, questions: Sequence[Question]) -> None:
        """Solutions in which many unknowns are small at once, or large: no two of one sum, which would compete."""
        for sign in (1.0, -1.0):
            for group in self._apart([self.place[q.unknown] for q in questions if self._is_open(q)]):
                goal = np.zeros(len(self.unknowns))
                goal[group] = sign
                self._solve(goal)

    def _look_near(self, question: Question) -> None:
        """Solve for what is near an unknown alone, going further until that tells.

        Either with all else as it is in the first solution, which shows what is possible, or with all else left out of
        account, which shows what is not.
        """
        at = self.place[question.unknown]
        low, high = np.zeros(len(self.unknowns)), np.zeros(len(self.unknowns))
        low[at], high[at] = 1.0, -1.0
        for steps in NEAR:
            around = self._around(at, steps)
            # Long sums must have room to move, too.
            free = np.union1d(around, self.matrix[self._sums_of(around)].indices)
            for goal in (low, high):
                if self._is_open(question):
                    self._solve_near(goal, free)
            sums = self._sums_of(around)
            for goal in (low, high):
                if self._is_open(question) and len(sums) <= SMALL:
                    self._solve(goal, at, sums)
            if not self._is_open(question):
                return

    def _apart(self, places: Sequence[int]) -> list[list[int]]:
        """The places in groups of which no two are in the same sum, those of very many left out of account."""
        among = set(places)
        rows = np.split(self.matrix.indices, self.matrix.indptr[1:-1])
        long = {row for row, inside in enumerate(rows) if sum(p in among for p in inside.tolist()) > LONG}
        groups: list[list[int]] = []
        taken: list[set[int]] = []
        for place in places:
            column = slice(self.by_unknown.indptr[place], self.by_unknown.indptr[place + 1])
            sums = set(self.by_unknown.indices[column].tolist()) - long
            for group, used in zip(groups, taken, strict=True):
                if not sums & used:
                    group.append(place)
                    used |= sums
                    break
            else:
                groups.append([place])
                taken.append(sums)
        return groups

    def _range(self, question: Question) -> Range:
        at = self.place[question.unknown]
        if not self.matrix.shape[0]:
            return Range(float(self.low[at]), float(self.high[at]))
        is_sure = True
        for sign, seen, bound in ((1.0, self.seen_low, self.least), (-1.0, self.seen_high, self.greatest)):
            if self._is_safe(question) or (len(self.unknowns) > SMALL and self._is_lost(question)):
                break
            if abs(seen[at] - bound[at]) > TOLERANCE:
                goal = np.zeros(len(self.unknowns))
                goal[at] = sign
                is_sure = self._solve(goal, at) and is_sure
        return Range(float(self.least[at]), float(self.greatest[at]), is_sure or self._is_lost(question))

    def _around(self, at: int, steps: int) -> np.ndarray:
        """An unknown with those that share a sum with it, and so on for some steps; long sums do not count."""
        around = np.array([at])
        for _ in range(steps):
            sums = self._sums_of(around)
            around = np.union1d(around, self.matrix[sums[self.lengths[sums] <= LONG]].indices)
        return around

    def _sums_of(self, places: np.ndarray) -> np.ndarray:
        """The sums that any of the unknowns is in."""
        return np.unique(self.by_unknown[:, places].indices)

    def _propagate(self) -> None:
        """Tighten each range by each sum until nothing moves."""
        factors, columns, sums = self.matrix.data, self.matrix.indices, self.sum_of
        count = self.matrix.shape[0]
        for _ in range(ROUNDS):
            one, other = factors * self.least[columns], factors * self.greatest[columns]
            minimum, maximum = np.minimum(one, other), np.maximum(one, other)
            all_least = np.bincount(sums, minimum, count)
            all_most = np.bincount(sums, maximum, count)
            # What is left for each when all others are as small, or as large, as they can be.
            most = (self.sum_high[sums] - (all_least[sums] - minimum)) / factors
            least = (self.sum_low[sums] - (all_most[sums] - maximum)) / factors
            up, down = np.where(factors > 0, most, least), np.where(factors > 0, least, most)
            up = np.minimum.reduceat(up[self.in_order], self.first)
            down = np.maximum.reduceat(down[self.in_order], self.first)
            integral = self.integral[self.summed]
            up = np.where(integral, np.floor(up + TOLERANCE), up)
            down = np.where(integral, np.ceil(down - TOLERANCE), down)
            up = np.minimum(up, self.greatest[self.summed])
            down = np.maximum(down, self.least[self.summed])
            if (down > up + TOLERANCE * np.maximum(1.0, np.abs(up))).any():
                raise Contradiction("the sums that are told cannot all be true")
            moved = (up < self.greatest[self.summed] - 0.5) | (down > self.least[self.summed] + 0.5)
            self.greatest[self.summed], self.least[self.summed] = up, np.minimum(down, up)
            if not moved.any():
                return

    def _solve(self, goal: np.ndarray, of: int | None = None, sums: np.ndarray | None = None) -> bool:
        """Find the solution with the least `goal`; remember what it shows possible, and the end of `of`'s range.

        With `sums`, only these are minded: that shows an end that the range cannot pass, and nothing possible.
        Returns False where time ran out before the end was certain.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        if sums is None:
            kept = np.arange(len(self.unknowns))
            matrix, low, high = self.matrix, self.sum_low, self.sum_high
        else:
            matrix = self.matrix[sums]
            kept = np.unique(matrix.indices)
            matrix, low, high = matrix[:, kept], self.sum_low[sums], self.sum_high[sums]
        given = {
            "c": goal[kept],
            "bounds": Bounds(self.least[kept], self.greatest[kept]),
            "constraints": LinearConstraint(matrix, low, high),
        }
        solved = milp(**given)
        solution = None if solved.x is None else self._as_whole(solved.x, kept, matrix, low, high)
        if solution is None and solved.status != 2:
            whole = self.integral[kept].astype(int)
            solved = milp(**given, integrality=whole, options={"time_limit": SECONDS})
            solution = None if solved.x is None else self._as_whole(solved.x, kept, matrix, low, high)
        if solved.status == 2:
            raise Contradiction("the sums that are told cannot all be true")
        if solved.status != 0 or solution is None:
            return False
        if sums is None:
            self._remember(solution)
        if of is not None:
            end = solution[np.searchsorted(kept, of)]
            (self.least if goal[of] > 0 else self.greatest)[of] = end
        return True

    def _solve_near(self, goal: np.ndarray, free: np.ndarray) -> None:
        """As `_solve`, all unknowns but those that are `free` staying as they are in the first solution."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        if self.point is None:
            return
        sums = self._sums_of(free)
        matrix = self.matrix[sums]
        others = self.point.copy()
        others[free] = 0.0
        told = matrix @ others
        matrix, low, high = matrix[:, free], self.sum_low[sums] - told, self.sum_high[sums] - told
        solved = milp(
            goal[free],
            bounds=Bounds(self.least[free], self.greatest[free]),
            constraints=LinearConstraint(matrix, low, high),
        )
        solution = None if solved.x is None else self._as_whole(solved.x, free, matrix, low, high)
        if solution is not None:
            whole = self.point.copy()
            whole[free] = solution
            self._remember(whole)

    def _remember(self, solution: np.ndarray) -> None:
        # The first stays: from the middle of things more can be reached than from an end.
        self.point = solution if self.point is None else self.point
        self.seen_low = np.minimum(self.seen_low, solution)
        self.seen_high = np.maximum(self.seen_high, solution)

    def _as_whole(
        self, solution: np.ndarray, kept: np.ndarray, matrix: csr_array, low: np.ndarray, high: np.ndarray
    ) -> np.ndarray | None:
        """The solution with its whole numbers made exactly whole, or None where it is not one."""
        near = np.where(self.integral[kept], np.rint(solution), solution)
        if np.abs(near - solution).max(initial=0.0) > 1e-4:
            return None
        sums = matrix @ near
        slack = TOLERANCE * np.maximum(1.0, np.abs(sums))
        if (sums < low - slack).any() or (sums > high + slack).any():
            return None
        return near

    def _duals(self, at: int, sums: np.ndarray) -> set[int]:
        from scipy.optimize import linprog
        from scipy.sparse import vstack

        matrix = self.matrix[sums]
        kept = np.unique(matrix.indices)
        matrix, low, high = matrix[:, kept], self.sum_low[sums], self.sum_high[sums]
        equal = low == high
        above, below = ~equal & (high < MOST), ~equal & (low > -MOST)
        limits = vstack([matrix[above], -matrix[below]], format="csr")
        found: set[int] = set()
        for sign in (1.0, -1.0):
            goal = np.zeros(len(kept))
            goal[np.searchsorted(kept, at)] = sign
            solved = linprog(
                goal,
                A_ub=limits if limits.shape[0] else None,
                b_ub=np.concatenate([high[above], -low[below]]) if limits.shape[0] else None,
                A_eq=matrix[equal] if equal.any() else None,
                b_eq=low[equal] if equal.any() else None,
                bounds=np.column_stack([self.low[kept], self.high[kept]]),
                method="highs",
            )
            if solved.status == 0:
                moved = np.abs(solved.lower.marginals) + np.abs(solved.upper.marginals) > TOLERANCE
                found |= set(kept[moved].tolist())
        return found - {at}
