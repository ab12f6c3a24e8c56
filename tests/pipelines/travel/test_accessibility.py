"""Floating catchments against PySAL `access`, and Huff's probabilities by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.travel.accessibility import e2sfca, expected_flow, huff

# Seconds from eight origins (rows) to five sites; beyond 2,400 there is no pair. Some are right on a bound, some just
# past it.
SECONDS = np.array(
    [
        [300, 900, 1500, 2100, 650],
        [600, 601, 1200, 1900, 1201],
        [60, 1800, 1801, 700, 450],
        [1500, 250, 1000, 1700, 90],
        [840, 420, 2000, 1100, 1250],
        [1210, 1950, 330, 560, 1790],
        [2500, 2600, 2700, 2800, 1799.5],
        [500, 1350, 880, 590, 2200],
    ]
)
ORIGIN, SITE = np.nonzero(SECONDS <= 2400)
TIME = SECONDS[ORIGIN, SITE]
DEMAND = [120, 80, 0, 45, 310, 95, 60, 205]
SUPPLY = [4.0, 10.0, 0.0, 2.5, 6.0]
SLOW = ((600, 1.0), (1200, 0.68), (1800, 0.22))
SHARP = ((600, 1.0), (1200, 0.42), (1800, 0.09))
ONE = ((1200, 1.0),)


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        (
            SLOW,
            [
                0.03542213,
                0.024225375,
                0.037895523,
                0.045411243,
                0.031479661,
                0.011517164,
                0.00535497,
                0.015091146,
            ],
        ),
        (
            SHARP,
            [
                0.033928749,
                0.020221584,
                0.053224189,
                0.064572485,
                0.031083405,
                0.010152544,
                0.003738318,
                0.015026416,
            ],
        ),
        (
            ONE,
            [0.05997606, 0.023612424, 0.046056403, 0.054381654, 0.027710784, 0.004098361, 0.0, 0.009692766],
        ),
    ],
)
def test_as_pysal_access_says(zones: tuple[tuple[float, float], ...], expected: list[float]) -> None:
    """The numbers are those of access 1.1.10.post3 (PySAL) on the tables above:

    access.fca.two_stage_fca(demand, supply, cost, demand_name="demand", supply_name="supply",
                             weight_fn=access.weights.step_fn({600: 1, 1200: 0.68, 1800: 0.22}))

    with `demand` and `supply` as DataFrames indexed by row (`geoid`) and `cost` the pairs (origin, dest, cost).
    """
    found = e2sfca(ORIGIN, SITE, TIME, demand=DEMAND, supply=SUPPLY, zones=zones)
    assert found.accessibility.round(9).tolist() == expected


def test_all_supply_that_is_reached_is_shared_out() -> None:
    for seed in range(20):
        dice = np.random.default_rng(seed)
        seconds = dice.uniform(0, 2000, (30, 6))
        seconds[:, 5] = 5000
        origin, site = np.nonzero(seconds <= 2400)
        demand, supply = dice.integers(1, 200, 30), dice.integers(1, 20, 6)
        found = e2sfca(origin, site, seconds[origin, site], demand=demand, supply=supply)
        assert (found.accessibility * demand).sum() == pytest.approx(supply[:5].sum())
        assert found.unused_supply == supply[5]
        assert np.isnan(found.supply_per_demand[5])


def test_two_steps_by_hand() -> None:
    """Site 0 has 10 for 100 near and 50 half as near: 10 / 125. Site 1 has 4 for those 50 alone."""
    found = e2sfca(
        [0, 1, 1],
        [0, 0, 1],
        [100, 700, 100],
        demand=[100, 50, 7],
        supply=[10, 4],
        zones=((600, 1), (900, 0.5)),
    )
    assert found.supply_per_demand.tolist() == [0.08, 0.08]
    assert found.accessibility.tolist() == [0.08, 0.04 + 0.08, 0.0]


def test_what_cannot_be_reckoned_with_is_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        e2sfca([0], [0], [1], demand=[1], supply=[1], zones=((600, 1), (600, 0.5)))
    with pytest.raises(ValueError, match="ascend"):
        e2sfca([0], [0], [1], demand=[1], supply=[1], zones=())
    with pytest.raises(ValueError, match="pairs name site 0 to 1; there are 1"):
        e2sfca([0, 0], [0, 1], [1, 1], demand=[1], supply=[1])
    with pytest.raises(ValueError, match="1, 2 and 1"):
        e2sfca([0], [0, 1], [1], demand=[1], supply=[1])
    with pytest.raises(ValueError, match="leave out what is not known"):
        e2sfca([0], [0], [1], demand=[np.nan], supply=[1])
    with pytest.raises(ValueError, match="leave out what is not known"):
        huff([0], [0], [1], attraction=[-1.0], origins=1)


def test_huff_by_hand() -> None:
    """Twice the size and twice as far: a half of the pull by the square of the time; as much by the time itself."""
    pairs = ([0, 0], [0, 1], [600, 1200])
    assert huff(*pairs, attraction=[100, 200], origins=1).tolist() == pytest.approx([2 / 3, 1 / 3])
    assert huff(*pairs, attraction=[100, 200], origins=1, decay=1).tolist() == pytest.approx([0.5, 0.5])
    squared = huff(*pairs, attraction=[100, 200], origins=1, attraction_power=2)
    assert squared.tolist() == pytest.approx([0.5, 0.5])
    exponential = huff(*pairs, attraction=[1, 1], origins=1, decay=np.log(3) / 600, decay_form="exponential")
    assert exponential.tolist() == pytest.approx([0.75, 0.25])


def test_nobody_is_drawn_without_end_to_the_site_at_the_door() -> None:
    chance = huff([0, 0], [0, 1], [0, 120], attraction=[1, 1], origins=1, decay=1)
    assert chance.tolist() == pytest.approx([2 / 3, 1 / 3])


def test_probabilities_of_an_origin_sum_to_1_however_steep() -> None:
    for decay in (0.5, 2.0, 400.0):
        chance = huff(ORIGIN, SITE, TIME, attraction=SUPPLY, origins=9, decay=decay)
        sums = np.bincount(ORIGIN, chance, minlength=9)
        assert sums.tolist() == pytest.approx([1] * 8 + [0])
        assert (chance[SITE == 2] == 0).all()  # nothing there that draws
    assert huff([0], [0], [1], attraction=[0.0], origins=1).tolist() == [0.0]


def test_flow_is_demand_shared_out_by_probability() -> None:
    chance = huff(ORIGIN, SITE, TIME, attraction=SUPPLY, origins=8)
    flow, to_site = expected_flow(ORIGIN, SITE, chance, demand=DEMAND, sites=5)
    assert np.bincount(ORIGIN, flow).tolist() == pytest.approx(DEMAND)
    assert to_site.sum() == pytest.approx(sum(DEMAND))
    assert to_site[2] == 0
    assert flow[3] == pytest.approx(120 * chance[3])
