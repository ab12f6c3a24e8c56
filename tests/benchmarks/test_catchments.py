"""The figures by which predicted catchments are judged, by hand; and that those told of Bath are what its data give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.catchments import balanced, cross_validated, figures, folds, predictions, read, run

PATIENTS = np.array([[60.0, 40.0], [10.0, 290.0]])


def test_figures_are_weighted_by_patients() -> None:
    # The first area: right, and .5 + .4 alike. The second, of three times as many: wrong, and a thirtieth + .4 alike.
    shares = np.array([[0.5, 0.4], [0.6, 0.4]])
    found = figures(PATIENTS, shares)
    assert found.leading == pytest.approx(100 / 400)
    assert found.overlap == pytest.approx((100 * 0.9 + 300 * (1 / 30 + 0.4)) / 400)
    only = figures(PATIENTS, shares, np.array([True, False]))
    assert only.leading == 1
    assert only.overlap == pytest.approx(0.9)


def test_balanced_chances_fill_each_practice() -> None:
    chances = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    people, size = np.array([10.0, 20.0, 30.0]), np.array([15.0, 45.0])
    found = balanced(chances, people, size)
    assert people @ found == pytest.approx(size)
    assert found.sum(axis=1) == pytest.approx(1)
    # Homes differ as before: the odds between two of them stay.
    odds, before = found[:, 0] / found[:, 1], chances[:, 0] / chances[:, 1]
    assert odds / odds[0] == pytest.approx(before / before[0])


def test_areas_are_scored_by_what_was_chosen_without_them() -> None:
    right, wrong = PATIENTS / PATIENTS.sum(axis=1, keepdims=True), np.array([[0.0, 1.0], [1.0, 0.0]])
    # Each choice is right in one area: chosen for it, it is what is wrong in the other.
    choices = {"first": np.array([right[0], wrong[1]]), "second": np.array([wrong[0], right[1]])}
    shares, _ = cross_validated(PATIENTS, choices, np.array([0, 1]))
    assert shares.tolist() == wrong.tolist()


def test_whole_blocks_are_held_out() -> None:
    block = np.repeat(np.arange(27), 4)
    fold = folds(block)
    assert all(len(set(fold[block == one])) == 1 for one in range(27))
    assert sorted(set(fold)) == list(range(10))


def test_without_the_data_it_says_how_to_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLACES_REAL_DATA", raising=False)
    assert run() == "catchments: left out; set PLACES_REAL_DATA to the folder with the real open data"


def test_practices_of_bath_are_predicted_as_the_documentation_says(real_data: Path) -> None:
    truth = read(real_data)
    assert (len(truth.areas), len(truth.practices), truth.patients.sum()) == (115, 27, 189_899)
    assert truth.homes.sum() == 77_450
    nearest = truth.far["drive"].argmin(axis=1)
    found = figures(truth.patients, truth.by_area(np.eye(27)[nearest]))
    assert (round(found.leading, 3), round(found.overlap, 3)) == (0.613, 0.516)
    alike, by_size, filled = (choices for _, choices in predictions(truth, "drive"))
    fold = folds(truth.block)
    scores = [
        figures(truth.patients, cross_validated(truth.patients, choices, fold)[0])
        for choices in (alike, by_size, filled)
    ]
    assert [(round(one.leading, 3), round(one.overlap, 3)) for one in scores] == [
        (0.642, 0.730), (0.735, 0.782), (0.831, 0.844),
    ]  # fmt: skip
