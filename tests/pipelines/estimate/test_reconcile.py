"""Forecasts of all kinds of area add up, stay above nought, and are none the worse for it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from pipelines.estimate.forecast import MODELS, Forecast
from pipelines.estimate.panel import Panel
from pipelines.estimate.reconcile import Pieces, from_shares, least_squares, made_to_add_up
from tests.invented_panels import panel_of

LSOAS, PERIODS = 24, 16
# Each LSOA is of two pieces; MSOAs are of four LSOAs, wards cut through every third LSOA.
LSOA = np.repeat(np.arange(LSOAS), 2)
MSOA = LSOA // 4
WARD = np.array([(lsoa // 3 + (lsoa % 3 == 2 and half)) % 8 for lsoa in range(LSOAS) for half in range(2)])


def codes(kind: str, numbers: object) -> tuple[str, ...]:
    return tuple(f"{kind} {number:03d}" for number in numbers)  # type: ignore[attr-defined]


PIECES = Pieces(
    codes("piece", range(2 * LSOAS)),
    {"lsoa": codes("lsoa", LSOA), "msoa": codes("msoa", MSOA), "ward": codes("ward", WARD)},
    np.tile([120.0, 60.0], LSOAS),
)


def world(seed: int) -> tuple[dict[str, Panel], dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]]:
    """The panels of the first periods, and the counts of the four after them; two of a hundred are in no piece."""
    chance = np.random.default_rng(seed)
    levels = chance.gamma(3, 1, (2 * LSOAS, 1)) * chance.gamma(100, 0.01, (1, PERIODS + 4))
    counts = chance.poisson(levels)
    nowhere = chance.poisson(0.02 * counts.sum(axis=0))
    totals = {
        kind: np.array([counts[of == number].sum(axis=0) for number in range(of.max() + 1)])
        for kind, of in (("lsoa", LSOA), ("msoa", MSOA), ("ward", WARD))
    }
    totals["authority"] = (counts.sum(axis=0) + nowhere)[None, :]
    panels = {kind: panel_of(total[:, :PERIODS], area_type=kind) for kind, total in totals.items()}
    return panels, {kind: total[:, PERIODS:] for kind, total in totals.items()}


def reconciled(panels: dict[str, Panel], model: int = 2) -> tuple[dict[str, Forecast], dict[str, Forecast]]:
    base = {kind: MODELS[model].forecast(panel) for kind, panel in panels.items()}
    return base, made_to_add_up(base, panels, PIECES, from_shares(base["lsoa"], panels, PIECES))


def test_totals_agree() -> None:
    panels, _ = world(1)
    base, told = reconciled(panels)
    lsoas = told["lsoa"].mean
    parts = base["lsoa"].mean.reshape(6, 4, -1).sum(axis=1)
    assert np.abs(base["msoa"].mean - parts).max() > 0.2
    for msoa in range(6):
        assert told["msoa"].mean[msoa] == pytest.approx(lsoas[msoa * 4 : msoa * 4 + 4].sum(axis=0), abs=0.01)
    assert told["ward"].mean.sum(axis=0) == pytest.approx(lsoas.sum(axis=0), abs=0.01)
    # The authority counts what is in no piece, too.
    rest = told["authority"].mean[0] - lsoas.sum(axis=0)
    seen = (panels["authority"].figure.sum(axis=0) - panels["lsoa"].figure.sum(axis=0))[-4:].mean()
    assert rest == pytest.approx(seen, abs=2)
    # A ward of whole LSOAs and parts is the sum of its pieces: no more than the LSOAs that it touches.
    for ward in range(8):
        touched = sorted(set(LSOA[ward == WARD].tolist()))
        assert (told["ward"].mean[ward] <= lsoas[touched].sum(axis=0) + 1e-6).all()


def test_accuracy_is_no_worse() -> None:
    worse: dict[str, list[float]] = {}
    for seed in range(12):
        panels, came = world(seed)
        before, after = reconciled(panels)
        for kind, counts in came.items():
            off = [np.abs(of[kind].mean - counts).mean() for of in (before, after)]
            worse.setdefault(kind, []).append(float(off[1] / off[0]))
    for kind, ratios in worse.items():
        assert np.mean(ratios) < 1.01, kind
    assert np.mean([np.mean(ratios) for ratios in worse.values()]) < 1


def test_what_adds_up_already_stays() -> None:
    """The mean of the last four of exact counts adds up as it is."""
    panels, _ = world(3)
    before, after = reconciled(panels, model=1)
    for kind in panels:
        assert after[kind].mean == pytest.approx(before[kind].mean, rel=0.02, abs=0.05)
        assert after[kind].variance / after[kind].mean == pytest.approx(
            before[kind].variance / before[kind].mean
        )


def test_area_without_a_piece_keeps_its_forecast() -> None:
    panels, _ = world(4)
    elsewhere = Pieces(PIECES.codes, {**PIECES.within, "ward": ("",) * (2 * LSOAS)}, PIECES.homes)
    base = {kind: MODELS[1].forecast(panel) for kind, panel in panels.items()}
    told = made_to_add_up(base, panels, elsewhere, from_shares(base["lsoa"], panels, elsewhere))
    assert np.array_equal(told["ward"].mean, base["ward"].mean)


def test_least_squares_by_hand() -> None:
    # Two pieces said to be 4 and 8, and 15 together: each moves by its variance's share of the gap.
    sums = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    found = least_squares(np.array([4.0, 8.0, 15.0]), np.array([1.0, 2.0, 3.0]), sums)
    assert found.tolist() == pytest.approx([4 + 3 * 1 / 6, 8 + 3 * 2 / 6])


@pytest.mark.parametrize("pieces", [2, 9, 40])
def test_no_piece_is_below_nought(pieces: int) -> None:
    chance = np.random.default_rng(pieces)
    for _ in range(10):
        groups = (chance.random((pieces // 2, pieces)) < 0.4) * 1.0
        sums = np.vstack([np.eye(pieces), groups, np.ones((1, pieces))])
        mean, variance = chance.normal(0.3, 2, len(sums)), chance.uniform(0.1, 5, len(sums))
        weight = 1 / np.sqrt(variance)
        expected = nnls(sums * weight[:, None], mean * weight)[0]
        assert least_squares(mean, variance, sums) == pytest.approx(expected, abs=1e-6)
