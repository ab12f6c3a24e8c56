"""How often publishers and owners say that their data come."""

from __future__ import annotations

import pytest

from pipelines.cadence import CADENCES, EXAMPLES, Cadence, days_between, promise_in_words, read_cadence


@pytest.mark.parametrize(
    ("cadence", "days"),
    [
        ("monthly", 31), ("every six weeks", 42), ("Quarterly", 92), ("twice a year", 183), ("yearly", 366),
        ("weekly", 7), ("daily", 1), ("daily; an extract a month is enough", 31),
        ("at each census; wards yearly", 3660),
        ("every four to six years", 2196), ("with the gazetteer", None), ("", None),
    ],
)  # fmt: skip
def test_words_of_publishers(cadence: str, days: int | None) -> None:
    assert days_between(cadence) == days


def test_a_step_is_whole_months_or_days_and_as_long_as_is_said() -> None:
    assert read_cadence("every quarter") == Cadence(3, 0, 92)
    assert read_cadence("fortnightly") == Cadence(0, 14, 14)
    for _, step in CADENCES:
        assert (step.months > 0) != (step.days > 0)
        assert 30 * step.months + step.days <= step.nominal_days <= 31 * step.months + step.days


def test_words_that_messages_give_as_examples_are_understood() -> None:
    assert all(read_cadence(words) for words in EXAMPLES.split(", "))


@pytest.mark.parametrize(
    ("words", "due_days", "said"),
    [
        ("monthly", 14, "monthly, within 14 days of its date"),
        ("yearly", 1, "yearly, within 1 day of its date"),
        ("daily", 0, "daily, on its date"),
        ("monthly", None, "monthly"),
        ("", None, ""),
    ],
)
def test_a_promise_in_words(words: str, due_days: int | None, said: str) -> None:
    assert promise_in_words(words, due_days) == said
