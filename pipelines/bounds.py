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
    from scipy.sparse import csc_array, csr_array

# Far more than any count of a council's records, so that no unknown is without an end.
MOST = 1e9
TOLERANCE = 1e-6
# Up to so many unknowns, a part's ranges are worked out to the end.
SMALL = 400
# From so many questions on, solutions are sought for many at once.
FEW = 300
# A part whose sums have more terms than this is never solved as a whole: that would take hours.
MOST_TERMS = 100_000
# A sum of more than these hardly narrows any one of them.
LONG = 15
# How far to go before the whole of a large part is looked at.
NEAR = (1, 2, 3)
ROUNDS = 100
SECONDS = 20.0
SECONDS_NEAR = 2.0


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

    `likely` is a value of each, where one is known, such that all these together fit: a place to start from. Those of
    one `kind` hang together more than with others (a figure by area, say): in a large part one kind is looked at after
    the other.
    """

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    likely: list[float | None] = field(default_factory=list)
    sums: list[tuple[dict[int, float], float, float]] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)

    def add(
        self,
        low: float = 0.0,
        high: float = MOST,
        whole: bool = True,
        likely: float | None = None,
        kind: int = 0,
    ) -> int:
        """A new unknown; returns its number."""
        self.likely.append(likely)
        self.kind.append(kind)
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
        self.kind = np.array([whole.kind[u] for u in self.unknowns], dtype=np.int64)
        self.is_huge = len(columns) > MOST_TERMS
        # The widest that a solution has shown possible.
        self.seen_low = np.full(len(self.unknowns), np.inf)
        self.seen_high = np.full(len(self.unknowns), -np.inf)
        self.point: np.ndarray | None = None
        # Questions by place, and which two kinds share a sum.
        self.asked: dict[int, Question] = {}
        self.beside: np.ndarray | None = None
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
        self.asked = {self.place[question.unknown]: question for question in questions}
        if self.matrix.shape[0] and questions:
            self._propagate()
            if self.point is None:
                self._start()
            if len(self.unknowns) > SMALL:
                open_ones = [q for q in questions if self._is_open(q)]
                self._look_in_kinds(open_ones, beside=False)
                open_ones = [q for q in questions if self._is_open(q)]
                # Again as long as that helps: what was made possible for some leaves room for others.
                before = np.inf
                while open_ones and len(open_ones) < 0.8 * before:
                    before = len(open_ones)
                    self._look_in_kinds(open_ones, beside=True)
                    open_ones = [q for q in open_ones if self._is_open(q)]
                if len(open_ones) > FEW and not self.is_huge:
                    self._solve_together(open_ones)
                for question in open_ones:
                    self._look_near(question)
                if not self.is_huge:
                    self._solve_together(open_ones)
        unsafe: dict[int, Range] = {}
        for question in questions:
            if not self._is_safe(question):
                found = self._range(question)
                if not found.is_sure or not question.answered(found.low, found.high):
                    unsafe[question.unknown] = found
        return unsafe

    def lost(self, questions: Sequence[Question]) -> list[int]:
        """Of a large part, the questions that what is told answers too well at first sight: there may be more."""
        if len(self.unknowns) <= SMALL or not self.matrix.shape[0]:
            return []
        self._propagate()
        return [question.unknown for question in questions if self._is_lost(question)]

    def telling(self, question: Question) -> list[int]:
        """The other unknowns whose told range narrows this one's: without some of them it would be wider.

        By the dual values of the linear programmes for both ends, of the nearest sums that answer the question.
        """
        if not self.matrix.shape[0]:
            return []
        at = self.place[question.unknown]
        found: set[int] = set()
        for steps in (0, *NEAR):
            low, high, named = self._duals(at, self.sums_of(self._around(at, steps)))
            if named and not question.answered(low, high):
                return sorted(self.unknowns[place] for place in named)
            # Of its own sums alone some always hold it.
            found = found or (named if steps else found)
        if not found and not self.is_huge:
            found = self._duals(at, np.arange(self.matrix.shape[0]))[2]
        return sorted(self.unknowns[place] for place in found)

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
        if len(given) == len(likely):
            point = np.array([value for _, value in given], dtype=float)
            inside = (point >= self.least - TOLERANCE).all() and (point <= self.greatest + TOLERANCE).all()
            if (
                inside
                and self.as_whole(point, np.arange(len(point)), self.matrix, self.sum_low, self.sum_high)
                is not None
            ):
                self.remember(point)
                return
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
            open_ones = [self.place[q.unknown] for q in questions if self._is_open(q)]
            for group in _apart(open_ones, self.matrix):
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
            window = Window(self, self._those_in(self.sums_of(around), around))
            for sign in (1.0, -1.0):
                others = [
                    p for p in around.tolist() if p != at and p in self.asked and self._is_open(self.asked[p])
                ]
                if self._is_open(question):
                    for group in window.apart([at, *others])[:1]:
                        self._solve_in(window, group, sign)
                        # The others may have taken its room.
                        self._solve_in(window, [at], sign)
            sums = self.sums_of(around)
            for goal in (low, high):
                if self._is_open(question) and len(sums) <= SMALL:
                    self._solve(goal, at, sums)
            if not self._is_open(question):
                return

    def _look_in_kinds(self, questions: Sequence[Question], beside: bool) -> None:
        """Solutions in which only unknowns of one kind move, and with `beside` those of kinds that share a sum with it.

        What is in one sum only moves with the rest of that sum: it has no other to fit.
        """
        if self.point is None or not questions:
            return
        by_kind: dict[int, list[Question]] = {}
        for question in questions:
            by_kind.setdefault(int(self.kind[self.place[question.unknown]]), []).append(question)
        lone = np.diff(self.by_unknown.indptr) == 1
        for kind, asked in sorted(by_kind.items()):
            free = np.flatnonzero(self.kind == kind)
            if beside:
                free = np.flatnonzero(np.isin(self.kind, self._kinds_beside(kind)))
            around = self._those_in(self.sums_of(free))
            window = Window(self, np.union1d(free, around[lone[around]]))
            for sign in (1.0, -1.0):
                for group in window.apart([self.place[q.unknown] for q in asked if self._is_open(q)]):
                    self._solve_in(window, group, sign)

    def _solve_in(self, window: Window, places: Sequence[int], sign: float) -> None:
        """Solutions in which these unknowns are as small, or large, as their questions ask, while that helps any."""
        wanted = [place for place in places if self._is_open(self.asked[place])]
        while wanted:
            window.solve(wanted, sign, [self.asked[place].spread for place in wanted])
            left = [place for place in wanted if self._is_open(self.asked[place])]
            if len(left) == len(wanted):
                return
            wanted = left

    def _kinds_beside(self, kind: int) -> np.ndarray:
        """A kind, those that are in a sum with it and no third, and those that so hang on one of these alone."""
        if self.beside is None:
            kinds, starts = self.kind[self.matrix.indices], self.matrix.indptr[:-1]
            least, most = np.minimum.reduceat(kinds, starts), np.maximum.reduceat(kinds, starts)
            third = (kinds != least[self.sum_of]) & (kinds != most[self.sum_of])
            of_two = np.bincount(self.sum_of, third, len(starts)) == 0
            self.beside = np.unique(np.column_stack([least, most])[of_two], axis=0)
        with_it = (self.beside == kind).any(axis=1)
        found = np.unique([kind, *self.beside[with_it].ravel().tolist()])
        pairs = self.beside[self.beside[:, 0] != self.beside[:, 1]]
        kinds, times = np.unique(pairs, return_counts=True)
        alone = np.isin(pairs, kinds[times == 1]) & np.isin(pairs, found)[:, ::-1]
        return np.union1d(found, pairs[alone])

    def _range(self, question: Question) -> Range:
        at = self.place[question.unknown]
        if not self.matrix.shape[0]:
            return Range(float(self.low[at]), float(self.high[at]))
        is_sure = True
        for sign, seen, bound in ((1.0, self.seen_low, self.least), (-1.0, self.seen_high, self.greatest)):
            if self._is_safe(question) or (len(self.unknowns) > SMALL and self._is_lost(question)):
                break
            if self.is_huge:
                is_sure = False
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
            sums = self.sums_of(around)
            around = self._those_in(sums[self.lengths[sums] <= LONG], around)
        return around

    def sums_of(self, places: np.ndarray) -> np.ndarray:
        """The sums that any of the unknowns is in."""
        inside = np.zeros(self.matrix.shape[0], dtype=bool)
        inside[_entries(self.by_unknown, places)] = True
        return np.flatnonzero(inside)

    def _those_in(self, sums: np.ndarray, *places: np.ndarray) -> np.ndarray:
        """The unknowns in any of the sums, and these places besides."""
        inside = np.zeros(len(self.unknowns), dtype=bool)
        inside[_entries(self.matrix, sums)] = True
        for some in places:
            inside[some] = True
        return np.flatnonzero(inside)

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
        solved = milp(**given, options={"time_limit": SECONDS} if self.is_huge else None)
        solution = None if solved.x is None else self.as_whole(solved.x, kept, matrix, low, high)
        if solution is None and solved.status != 2:
            whole = self.integral[kept].astype(int)
            solved = milp(**given, integrality=whole, options={"time_limit": SECONDS})
            solution = None if solved.x is None else self.as_whole(solved.x, kept, matrix, low, high)
        if solved.status == 2:
            raise Contradiction("the sums that are told cannot all be true")
        if solved.status != 0 or solution is None:
            return False
        if sums is None:
            self.remember(solution)
        if of is not None:
            end = solution[np.searchsorted(kept, of)]
            (self.least if goal[of] > 0 else self.greatest)[of] = end
        return True

    def remember(self, solution: np.ndarray) -> None:
        """Note what a solution of the whole part shows possible."""
        # The first stays: from the middle of things more can be reached than from an end.
        self.point = solution if self.point is None else self.point
        self.seen_low = np.minimum(self.seen_low, solution)
        self.seen_high = np.maximum(self.seen_high, solution)

    def as_whole(
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

    def _duals(self, at: int, sums: np.ndarray) -> tuple[float, float, set[int]]:
        """The ends of an unknown's range by these sums alone, and the places of those whose told range makes them."""
        from scipy.optimize import linprog
        from scipy.sparse import vstack

        matrix = self.matrix[sums]
        kept = np.unique(matrix.indices)
        matrix, low, high = matrix[:, kept], self.sum_low[sums], self.sum_high[sums]
        equal = low == high
        above, below = ~equal & (high < MOST), ~equal & (low > -MOST)
        limits = vstack([matrix[above], -matrix[below]], format="csr")
        found: set[int] = set()
        ends = [-MOST, MOST]
        for end, sign in enumerate((1.0, -1.0)):
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
                ends[end] = sign * solved.fun
        return ends[0], ends[1], found - {at}


class Window:
    """Some unknowns of a part, all others staying as they are in its first solution: what is possible here is possible.

    What is not possible here may be elsewhere.
    """

    def __init__(self, part: Part, free: np.ndarray) -> None:
        """`free` are places in the part, in order; it must have a first solution."""
        assert part.point is not None
        # What is known exactly does not move.
        free = free[part.greatest[free] > part.least[free]]
        self.part, self.free, self.point = part, free, part.point
        sums = part.sums_of(free)
        matrix = part.matrix[sums]
        others = part.point.copy()
        others[free] = 0.0
        fixed = matrix @ others
        matrix = matrix[:, free]
        low, high = part.sum_low[sums] - fixed, part.sum_high[sums] - fixed
        self.least, self.greatest = part.least[free].copy(), part.greatest[free].copy()
        # A sum with one unknown left in it is a range.
        lengths = np.diff(matrix.indptr)
        alone = lengths == 1
        first = matrix.indptr[:-1][alone]
        column, factor = matrix.indices[first], matrix.data[first]
        one, other = low[alone] / factor, high[alone] / factor
        np.maximum.at(self.least, column, np.minimum(one, other))
        np.minimum.at(self.greatest, column, np.maximum(one, other))
        # The first solution fits, whatever a last decimal says.
        self.least = np.minimum(self.least, part.point[free])
        self.greatest = np.maximum(self.greatest, part.point[free])
        # What cannot fail says nothing.
        rows = np.repeat(np.arange(len(sums)), lengths)
        one, other = matrix.data * self.least[matrix.indices], matrix.data * self.greatest[matrix.indices]
        can_fail = np.bincount(rows, np.minimum(one, other), len(sums)) < low
        can_fail |= np.bincount(rows, np.maximum(one, other), len(sums)) > high
        kept = np.flatnonzero(~alone & can_fail)
        self.matrix, self.low, self.high = matrix[kept], low[kept], high[kept]

    def apart(self, places: Sequence[int]) -> list[list[int]]:
        """Places of the part that are free here, in groups of which no two are in the same sum."""
        places = [place for place in places if self.part.greatest[place] > self.part.least[place]]
        at = np.searchsorted(self.free, places).tolist()
        return [self.free[group].tolist() for group in _apart(at, self.matrix)]

    def solve(self, places: Sequence[int], sign: float, spreads: Sequence[float]) -> None:
        """Find a solution in which these are as small together as they can be (or, if `sign` is negative, as large).

        None is made larger than by its spread from the least that was seen, which leaves the more to the others.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        goal = np.zeros(len(self.free))
        at = np.searchsorted(self.free, places)
        goal[at] = sign
        greatest = self.greatest.copy()
        if sign < 0:
            enough = np.maximum(self.part.seen_low[places] + spreads, self.point[places])
            greatest[at] = np.minimum(greatest[at], np.ceil(enough - TOLERANCE))
        if not self.matrix.shape[0]:
            ends = np.where(goal > 0, self.least, greatest)
            solution = self._as_whole(np.where(goal == 0, self.point[self.free], ends))
        else:
            given = {
                "c": goal,
                "bounds": Bounds(self.least, greatest),
                "constraints": LinearConstraint(self.matrix, self.low, self.high),
            }
            solved = milp(**given)
            solution = None if solved.x is None else self._as_whole(solved.x)
            if solution is None and solved.x is not None:  # fractions, where only whole numbers will do
                whole_ones = self.part.integral[self.free].astype(int)
                solved = milp(**given, integrality=whole_ones, options={"time_limit": SECONDS_NEAR})
                solution = None if solved.x is None else self._as_whole(solved.x)
        if solution is not None:
            whole = self.point.copy()
            whole[self.free] = solution
            self.part.remember(whole)

    def _as_whole(self, solution: np.ndarray) -> np.ndarray | None:
        return self.part.as_whole(solution, self.free, self.matrix, self.low, self.high)


def _entries(matrix: csr_array | csc_array, lines: np.ndarray) -> np.ndarray:
    """The indices in these rows (of a csr), or columns (of a csc), one after the other."""
    starts, lengths = matrix.indptr[lines], matrix.indptr[lines + 1] - matrix.indptr[lines]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    found: np.ndarray = matrix.indices[np.repeat(starts, lengths) + within]
    return found


def _apart(places: Sequence[int], matrix: csr_array) -> list[list[int]]:
    """The columns `places` in groups of which no two are in the same row, rows with very many of them left out."""
    from scipy.sparse import csc_array

    columns = csc_array(matrix[:, places])
    long = np.bincount(columns.indices, minlength=matrix.shape[0]) > LONG
    groups: list[list[int]] = []
    taken: list[set[int]] = []
    for at, place in enumerate(places):
        rows = columns.indices[columns.indptr[at] : columns.indptr[at + 1]]
        rows = set(rows[~long[rows]].tolist())
        for group, used in zip(groups, taken, strict=True):
            if rows.isdisjoint(used):
                group.append(place)
                used |= rows
                break
        else:
            groups.append([place])
            taken.append(rows)
    return groups
