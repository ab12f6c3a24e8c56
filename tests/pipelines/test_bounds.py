"""Ranges of unknowns against brute force: every whole number tried, small and overlapping sums included."""

from __future__ import annotations

import itertools
import random

import pytest

from pipelines.bounds import Contradiction, Part, Question, Range, Unknowns

MOST = 6


def every_solution(unknowns: Unknowns) -> list[tuple[int, ...]]:
    """All whole numbers that fit what is told."""
    spans = [range(int(low), int(high) + 1) for low, high in zip(unknowns.low, unknowns.high, strict=True)]
    return [
        numbers
        for numbers in itertools.product(*spans)
        if all(
            low <= sum(factor * numbers[u] for u, factor in row.items()) <= high
            for row, low, high in unknowns.sums
        )
    ]


def random_unknowns(seed: int) -> Unknowns:
    """A few unknowns below seven, some told within a little, and sums that overlap; there is always a solution."""
    rng = random.Random(seed)
    unknowns = Unknowns()
    truth = [rng.randrange(MOST + 1) for _ in range(rng.randrange(3, 6))]
    for number in truth:
        if rng.random() < 0.5:
            unknowns.add(0, MOST)
        else:
            unknowns.add(max(0, number - rng.randrange(3)), min(MOST, number + rng.randrange(3)))
    for _ in range(rng.randrange(1, 5)):
        among = rng.sample(range(len(truth)), rng.randrange(1, len(truth) + 1))
        factors = [rng.choice((1, 1, 1, -1, 2)) for _ in among]
        told = sum(factor * truth[u] for u, factor in zip(among, factors, strict=True))
        unknowns.add_sum(zip(among, factors, strict=True), told - rng.randrange(3), told + rng.randrange(3))
    return unknowns


def part_of(unknowns: Unknowns, unknown: int) -> Part:
    return next(part for part in unknowns.parts() if unknown in part.place)


@pytest.mark.parametrize("seed", range(150))
def test_brute_force_agrees(seed: int) -> None:
    unknowns = random_unknowns(seed)
    solutions = every_solution(unknowns)
    for spread, threshold in ((1, None), (2, None), (4, 3), (2, 5)):
        for part in unknowns.parts():
            questions = [Question(u, spread, threshold) for u in part.unknowns]
            unsafe = part.dark(questions)
            for question in questions:
                values = [numbers[question.unknown] for numbers in solutions]
                answered = question.answered(min(values), max(values))
                assert answered == (question.unknown not in unsafe), (seed, question)
                if not answered:
                    assert unsafe[question.unknown] == Range(min(values), max(values))


def test_whole_numbers_tell_more_than_fractions() -> None:
    # 2a + 2b = 2c + 1 or so has fractions only; here a + b, b + c and a + c are known, as halves would allow.
    unknowns = Unknowns()
    a, b, c = (unknowns.add(0, 1) for _ in range(3))
    for one, other in ((a, b), (b, c), (a, c)):
        unknowns.add_sum([(one, 1), (other, 1)], 1, 2)
    unknowns.add_sum([(a, 1), (b, 1), (c, 1)], 0, 2)
    unknowns.add_sum([(a, 2), (b, 2), (c, 3)], 0, 5)
    solutions = every_solution(unknowns)
    for unknown in (a, b, c):
        values = {numbers[unknown] for numbers in solutions}
        unsafe = part_of(unknowns, unknown).dark([Question(unknown, 1)])
        assert (unknown in unsafe) == (len(values) == 1)


def test_known_ranges_are_kept_apart_where_no_sum_joins_them() -> None:
    unknowns = Unknowns()
    a, b, c = unknowns.add(0, 9), unknowns.add(13, 17), unknowns.add(0, 9)
    unknowns.add_sum([(a, 1), (b, 1)], 13, 17)
    assert [part.unknowns for part in unknowns.parts()] == [[a, b], [c]]
    assert part_of(unknowns, c).dark([Question(c, 9)]) == {}
    assert part_of(unknowns, c).dark([Question(c, 10)]) == {c: Range(0, 9)}


def test_rounded_figures_that_give_a_hidden_one_away() -> None:
    # Four areas shown as 15 hold 52 or more; their total with a fifth is shown as 50, and so holds 52 at most.
    unknowns = Unknowns()
    shown = [unknowns.add(13, 17) for _ in range(4)]
    hidden, other, total = unknowns.add(0, 9), unknowns.add(0, 9), unknowns.add(48, 52)
    unknowns.add_sum([*((u, 1) for u in shown), (hidden, 1), (total, -1)], 0, 0)
    part = part_of(unknowns, hidden)
    assert part.dark([Question(hidden, 4, 10)]) == {hidden: Range(0, 0)}
    assert set(part.telling(Question(hidden, 4, 10))) == {*shown, total}
    assert part_of(unknowns, other).telling(Question(other, 4, 10)) == []


def test_a_group_that_must_be_there_and_small_is_found() -> None:
    unknowns = Unknowns()
    child, hidden, parent = unknowns.add(13, 17), unknowns.add(0, 9), unknowns.add(23, 27)
    unknowns.add_sum([(child, 1), (hidden, 1), (parent, -1)], 0, 0)
    part = part_of(unknowns, hidden)
    assert part.dark([Question(hidden, 3)]) == {}
    assert part.dark([Question(hidden, 3, 10)]) == {hidden: Range(6, 9)}


def test_amounts_are_no_whole_numbers() -> None:
    unknowns = Unknowns()
    a, b = unknowns.add(0, 100, whole=False), unknowns.add(0, 100, whole=False)
    unknowns.add_sum([(a, 1), (b, 1)], 50.25, 50.75)
    unknowns.add_sum([(a, 1), (b, -1)], 0, 0.5)
    unsafe = part_of(unknowns, a).dark([Question(a, 1)])
    assert unsafe[a].low == pytest.approx(25.125) and unsafe[a].high == pytest.approx(25.625)


def test_what_cannot_be_is_said() -> None:
    unknowns = Unknowns()
    a, b = unknowns.add(0, 3), unknowns.add(0, 3)
    unknowns.add_sum([(a, 1), (b, 1)], 9, 9)
    with pytest.raises(Contradiction):
        part_of(unknowns, a).dark([Question(a, 1)])
