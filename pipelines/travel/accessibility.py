"""How well what sites can serve fits those who reach them: floating catchments (E2SFCA), and Huff's probabilities of
choice.

Here belong formulas over pairs of an origin (a home, or an area's centre) and a site with the seconds between them, as
`routing.within` finds them. Pairs are parallel arrays of length P, each pair once; a pair that is missing is out of
reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from pipelines.travel.network import Floats, Integers

# Luo and Qi (2009): 0 to 10, 10 to 20 and 20 to 30 minutes by car, with the slower of their two sets of weights.
ZONES = ((600.0, 1.0), (1200.0, 0.68), (1800.0, 0.22))
LEAST_SECONDS = 60.0


@dataclass(frozen=True)
class FloatingCatchment:
    """What two steps of a floating catchment say of S sites and O origins."""

    supply_per_demand: Floats
    """(S,): what a site offers to each unit of weighted demand around it; NaN where its supply meets no demand."""
    accessibility: Floats
    """(O,): what an origin reaches: the weighted sum of these over its sites; 0 where it reaches none."""
    unused_supply: float
    """The supply of the sites that no demand reaches. Accessibility times demand, summed, is all the other supply."""


def e2sfca(
    origin: ArrayLike,
    site: ArrayLike,
    seconds: ArrayLike,
    *,
    demand: ArrayLike,
    supply: ArrayLike,
    zones: Sequence[tuple[float, float]] = ZONES,
) -> FloatingCatchment:
    """The enhanced two-step floating catchment area: supply per head, shared out by zones of travel time.

    With d the seconds of a pair and W(d) the weight of the first zone (upper bound in seconds, weight) that d is at
    most the bound of, and 0 beyond the last:

        step 1, each site j:    R_j = S_j / sum over origins k of D_k W(d_kj)
        step 2, each origin i:  A_i = sum over sites j of R_j W(d_ij)

    One zone of weight 1 makes it the 2SFCA. Source: W. Luo and Y. Qi, An enhanced two-step floating catchment area
    (E2SFCA) method for measuring spatial accessibility to primary care physicians, Health & Place 15 (2009), pages
    1100 to 1107. There the zones are minutes by car, as in the default here; another mode wants others.

    `demand` (O,) such as people, `supply` (S,) such as doctors or places. Accessibility is in units of supply per
    unit of demand. Raises ValueError when zones do not ascend, or for a pair of an origin or site that is not there.
    """
    from_, to, time, people, offered = _checked(origin, site, seconds, demand, supply)
    bounds = np.array([bound for bound, _ in zones], float)
    weights = np.array([*(weight for _, weight in zones), 0.0])
    if not len(bounds) or (np.diff(bounds) <= 0).any():
        raise ValueError(
            f"zones must ascend in time; their bounds are {[bound for bound, _ in zones]} seconds"
        )
    weight = weights[np.searchsorted(bounds, time, side="left")]
    around = np.bincount(to, people[from_] * weight, minlength=len(offered))
    reached = around > 0
    share = np.divide(offered, around, out=np.full(len(offered), np.nan), where=reached)
    share[(offered == 0) & ~reached] = 0.0
    found = np.bincount(from_, np.where(reached[to], share[to], 0.0) * weight, minlength=len(people))
    return FloatingCatchment(share, found.astype(float), float(offered[~reached].sum()))


def huff(
    origin: ArrayLike,
    site: ArrayLike,
    seconds: ArrayLike,
    *,
    attraction: ArrayLike,
    origins: int,
    attraction_power: float = 1.0,
    decay: float = 2.0,
    decay_form: Literal["power", "exponential"] = "power",
    least_seconds: float = LEAST_SECONDS,
) -> Floats:
    """The probability (P,) of each pair that the origin goes to that site, from the sites' pull and the time to them.

        p_ij = A_j^a f(d_ij) / sum over sites k of A_k^a f(d_ik)

    with A `attraction` (S,), such as floor space or places, a `attraction_power`, d the time of the pair, at least
    `least_seconds` (nobody is drawn without end to a site at the door), and f(d) = d^-decay ("power", Huff's own) or
    exp(-decay d) ("exponential", decay then being per second). Source: D. L. Huff, A probabilistic analysis of
    shopping center trade areas, Land Economics 39 (1963), pages 81 to 90.

    Over the pairs of one of the `origins` they sum to 1; to 0 where all the sites it reaches have no pull. Raises
    ValueError for a pair of an origin or site that is not there.
    """
    from_, to, time, _, pull = _checked(origin, site, seconds, np.zeros(origins), attraction)
    time = np.maximum(time, least_seconds)
    with np.errstate(divide="ignore"):
        strength = attraction_power * np.log(pull)[to]
    strength = strength - decay * (np.log(time) if decay_form == "power" else time)
    # In logarithms, and against the strongest of each origin: no product is too great or too small for a float.
    strongest = np.full(origins, -np.inf)
    np.maximum.at(strongest, from_, strength)
    draws = np.isfinite(strength)
    weight = np.zeros(len(strength))
    weight[draws] = np.exp(strength[draws] - strongest[from_[draws]])
    total = np.bincount(from_, weight, minlength=origins)
    return np.divide(weight, total[from_], out=np.zeros(len(weight)), where=weight > 0)


def expected_flow(
    origin: ArrayLike, site: ArrayLike, probability: ArrayLike, *, demand: ArrayLike, sites: int
) -> tuple[Floats, Floats]:
    """How much of each origin's demand (O,) goes to each site by these probabilities: of each pair (P,), and of each
    site (S,).

    F_ij = D_i p_ij. What origins without a pair demand goes nowhere: it is the demand less the sum. Raises ValueError
    for a pair of an origin or site that is not there.
    """
    from_, to, chance, people, _ = _checked(origin, site, probability, demand, np.zeros(sites))
    flow = people[from_] * chance
    return flow, np.bincount(to, flow, minlength=sites).astype(float)


def _checked(
    origin: ArrayLike, site: ArrayLike, seconds: ArrayLike, demand: ArrayLike, supply: ArrayLike
) -> tuple[Integers, Integers, Floats, Floats, Floats]:
    from_, to = np.asarray(origin, np.int64), np.asarray(site, np.int64)
    time, people, offered = (np.asarray(values, float) for values in (seconds, demand, supply))
    if not len(from_) == len(to) == len(time):
        raise ValueError(
            f"pairs need an origin, a site and a number each: {len(from_)}, {len(to)} and {len(time)} are given"
        )
    for what, rows, size in (("origin", from_, len(people)), ("site", to, len(offered))):
        if len(rows) and not (rows.min() >= 0 and rows.max() < size):
            raise ValueError(
                f"pairs name {what} {int(rows.min())} to {int(rows.max())}; there are {size}, numbered from 0"
            )
    if np.isnan(time).any() or not (np.isfinite(people) & (people >= 0)).all():
        raise ValueError(
            "times must be numbers, and demand 0 or more: leave out what is not known, and account for it"
        )
    if not (np.isfinite(offered) & (offered >= 0)).all():
        raise ValueError(
            "supply (or attraction) must be 0 or more: leave out what is not known, and account for it"
        )
    return from_, to, time, people, offered
