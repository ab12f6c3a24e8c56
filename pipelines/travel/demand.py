"""People at homes, sites with what each can take, and who reaches which: what reckonings of capacity start from.

Here belongs how these are put side by side from tables, for one kind of site and one mode. The formulas themselves are
`accessibility`; the ways between homes and sites, `routing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.tables import text_literal
from pipelines.travel.accessibility import FloatingCatchment, e2sfca, expected_flow, huff
from pipelines.travel.network import Floats, Integers, Network
from pipelines.travel.places import snapped_from_table
from pipelines.travel.routing import Labels, Towards, within

if TYPE_CHECKING:
    import duckdb

LIMIT_SECONDS = 1800.0
# Homes with the people in them: as many to a home as in its LSOA, none to a home that is in no LSOA.
PEOPLE = """
    SELECT
        home.place, home.homes,
        coalesce(home.homes * CAST(area.people AS DOUBLE) / nullif(area.homes, 0), 0) AS people
    FROM places.home AS home
    LEFT JOIN layers.area_profile AS area ON area.area_type = 'lsoa' AND area.area_code = home.lsoa_code
"""


# Each kind of site that has a site, by each mode; `usual` is the mode by which people are expected to come.
ASKED = """
    SELECT kind.site_kind, kind.direction, kind.mode AS usual, kind.capacity_of, kind.catchment, mode.mode
    FROM services.site_kind AS kind
    CROSS JOIN (SELECT DISTINCT mode FROM layers.snapped) AS mode
    SEMI JOIN layers.site AS site ON site.site_kind = kind.site_kind
    ORDER BY ALL
"""
CAPACITY = "SELECT site_kind || ' ' || site_id AS place, capacity FROM places.site"


@dataclass(frozen=True)
class Asked:
    """A kind of site and a mode: what is asked of each."""

    site_kind: str
    mode: str
    is_usual: bool
    capacity_of: str | None
    catchment: str | None


@dataclass(frozen=True)
class Demand:
    """H homes (or places with a tally of them), S sites of a kind, and the P pairs within reach of each other."""

    place: NDArray[Any]
    """(H,): what each home is called in places.home, those with coordinates alone."""
    homes: Integers
    """(H,): how many homes are there."""
    people: Floats
    """(H,): how many people; homes where `counts_people` is false."""
    counts_people: bool
    site: NDArray[Any]
    """(S,): reference of each site, in order."""
    capacity: Floats
    """(S,): what it can take; NaN where that is not known."""
    home_of: Labels
    """(P,): row of the home,"""
    site_of: Labels
    """(P,): and of the site,"""
    seconds: Floats
    """(P,): and the time between them, door to door, at most `LIMIT_SECONDS`."""

    @property
    def pull(self) -> Floats:
        """(S,): capacity, where it is not known the median of the known; 1 for each where none is known."""
        known = np.isfinite(self.capacity)
        middle = float(np.median(self.capacity[known])) if known.any() else 1.0
        return np.where(known, self.capacity, middle)

    def chosen(self) -> tuple[Floats, Floats]:
        """By Huff, with time squared: people of each pair (P,) who are expected at the site, and of each site (S,)."""
        chance = huff(self.home_of, self.site_of, self.seconds, attraction=self.pull, origins=len(self.place))
        return expected_flow(self.home_of, self.site_of, chance, demand=self.people, sites=len(self.site))

    def floating(self) -> FloatingCatchment:
        """E2SFCA with the zones and weights of its authors: supply per person, or per home where people are unknown."""
        return e2sfca(self.home_of, self.site_of, self.seconds, demand=self.people, supply=self.pull)


def demands(
    network: Network,
    asked: duckdb.DuckDBPyRelation,
    snapped: duckdb.DuckDBPyRelation,
    people: duckdb.DuckDBPyRelation,
    capacity: duckdb.DuckDBPyRelation,
) -> Iterator[tuple[Asked, Demand]]:
    """The demand of each kind of site by each mode, one after the other.

    `asked`, `people` and `capacity` are rows as `ASKED`, `PEOPLE` and `CAPACITY` give them, `snapped` is
    `layers.snapped`.
    """
    for kind, direction, usual, capacity_of, catchment, mode in asked.fetchall():
        places = snapped.filter(f"mode = {text_literal(mode)}")
        towards: Towards = "sites" if direction == "to_site" else "homes"
        homes = places.filter("what IN ('property', 'tally')")
        sites = places.filter(f"what = 'site' AND starts_with(place, {text_literal(f'{kind} ')})")
        found = demand_of(network, mode, towards, homes, sites, people, capacity)
        yield Asked(kind, mode, mode == usual, capacity_of, catchment), found


def demand_of(
    network: Network,
    mode: str,
    towards: Towards,
    homes: duckdb.DuckDBPyRelation,
    sites: duckdb.DuckDBPyRelation,
    people: duckdb.DuckDBPyRelation,
    capacity: duckdb.DuckDBPyRelation,
) -> Demand:
    """Homes and sites of one kind with the ways between them, by one mode.

    `homes` and `sites` are rows of `layers.snapped`, `people` (place, homes, people) as `PEOPLE` gives them, `capacity`
    (place, capacity) with the place of each site as in `sites`. All pairs are in memory at once, 16 bytes each. Raises
    KeyError for a mode that the network does not have.
    """
    place, at_homes = snapped_from_table(homes, network)
    found = {name: (count, heads) for name, count, heads in people.order("place").fetchall()}
    # A property that is not a home is in no table of homes.
    is_home = np.array([name in found for name in place.tolist()], bool)
    place, at_homes = place[is_home], at_homes.take(np.flatnonzero(is_home))
    counts = np.array([found[name][0] for name in place.tolist()], np.int64)
    heads = np.array([found[name][1] for name in place.tolist()], float)
    counts_people = bool(heads.sum() > 0)
    site, at_sites = snapped_from_table(sites, network)
    of_site = dict(capacity.order("place").fetchall())
    takes = [of_site.get(name) for name in site.tolist()]
    lots = list(within(network, mode, at_homes, at_sites, LIMIT_SECONDS, towards=towards))
    empty = np.empty(0, np.int32)
    return Demand(
        place=place,
        homes=counts,
        people=heads if counts_people else counts.astype(float),
        counts_people=counts_people,
        site=site,
        capacity=np.array([np.nan if one is None else float(one) for one in takes], float),
        home_of=np.concatenate([empty, *(lot.home for lot in lots)]),
        site_of=np.concatenate([empty, *(lot.site for lot in lots)]),
        seconds=np.concatenate([empty.astype(float), *(lot.seconds for lot in lots)]),
    )
