"""What would change if sites closed or opened: each home's nearest site before and after, and what that comes to.

Here belongs the search, and how its outcome is counted: by area, by deprivation decile, at each site. One way of
counting serves the tables that close every site in turn (`assets/layers/closure_*`) and a scenario that a person asks
for (`places whatif`), so that both say the same. Reading the command and drawing are elsewhere.

A scenario is counted from four things, given as SQL (common table expressions):

- `asked` (site_kind, closed_site, closed_name, mode, within_minutes): the scenarios, each called by its `closed_site`;
- `today` (site_kind, place, site_id, seconds): the nearest site of each home that can be measured, NULL for none;
- `changed` (site_kind, closed_site, place, site_id, seconds): the same in a scenario, of the homes for which it is
  another;
- `standing` (site_kind, closed_site, site_id, name, capacity, capacity_of, state): the sites of a scenario, by state
  open, closed or new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from pipelines.travel.network import Network

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from pipelines.travel.routing import Nearest, Towards
    from pipelines.travel.snapping import Snapped

MINUTES = (5, 10, 15, 20, 30)
STAYS, CLOSES, OPENS = "open", "closed", "new"


@dataclass(frozen=True)
class Outcome:
    """The nearest site of H homes, one each, before and after."""

    before: Nearest
    after: Nearest
    """Its `site` (H, 1) is a row of the sites of today; the numbers beyond the last of these are the new ones."""


def outcome(
    network: Network, mode: str, homes: Snapped, sites: Snapped,
    *, closed: Sequence[int] = (), opened: Snapped | None = None, towards: Towards = "sites",
) -> Outcome:  # fmt: skip
    """The nearest site of each home today, and once the rows `closed` of `sites` are gone and `opened` are there too.

    Of sites equally near the lowest row is taken, both before and after. Raises IndexError for a row that `sites` has
    not, KeyError for a mode that the network has not.
    """
    from pipelines.travel.routing import Nearest, nearest

    stays = np.ones(len(sites), bool)
    stays[list(closed)] = False
    rows = np.flatnonzero(stays)
    after_sites = sites.take(rows)
    if opened is not None and len(opened):
        after_sites = together(after_sites, opened)
        rows = np.concatenate([rows, len(sites) + np.arange(len(opened))])
    before = nearest(network, mode, homes, sites, towards=towards)
    after = nearest(network, mode, homes, after_sites, towards=towards)
    site = np.where(after.site >= 0, rows[after.site] if len(rows) else -1, -1)
    return Outcome(before, Nearest(site, after.seconds, after.metres))


def together(first: Snapped, second: Snapped) -> Snapped:
    """Places of two lots on one network, those of the first before those of the second."""
    lots = ([getattr(lot, one.name) for lot in (first, second)] for one in fields(first))
    return type(first)(*map(np.concatenate, lots))


# --- what is counted --------------------------------------------------------------------------------------------------

_SCENARIO = {
    "authority_code": ("VARCHAR", "GSS code of the authority"),
    "site_kind": ("VARCHAR", "kind of site"),
    "closed_site": ("VARCHAR", "the site that is taken to close, by its reference"),
    "closed_name": ("VARCHAR", "its name"),
    "mode": ("VARCHAR", "walk, cycle or drive: how people are expected to come to sites of the kind"),
    "within_minutes": ("BIGINT", "how many minutes' travel is called too far, where more"),
}
_COUNTED = {
    "homes": ("BIGINT", "homes there"),
    "homes_measured": ("BIGINT", "of these, with coordinates to measure from"),
    "homes_moved": ("BIGINT", "homes whose nearest site would be another, or for which there would be none"),
    "people_moved": ("BIGINT", "people in these homes: each home is taken to hold the average of its LSOA"),
    "homes_lost": ("BIGINT", "homes that are within the limit of the kind today, and would be beyond it"),
    "people_lost": ("BIGINT", "people in these homes, on average"),
    "homes_gained": ("BIGINT", "homes that are beyond the limit today, and would be within it"),
    "added_minutes": (
        "DECIMAL(9, 1)",
        "minutes added to the way of homes whose nearest would be another, on average; empty where none reaches one",
    ),
    "median_minutes_before": (
        "DECIMAL(9, 1)",
        "minutes within which half of the homes measured reach a site today; empty where half reach none",
    ),
    "median_minutes_after": ("DECIMAL(9, 1)", "the same after the closure"),
    **{
        f"homes_within_{minutes}_minutes_{when}": ("BIGINT", f"homes with a site within {minutes} minutes {words}")
        for minutes in MINUTES
        for when, words in (("before", "today"), ("after", "after the closure"))
    },
    "homes_beyond_limit_before": ("BIGINT", "homes measured that are beyond the limit of the kind today, or cut off"),
    "homes_beyond_limit_after": ("BIGINT", "the same after the closure"),
    "homes_without_way_before": ("BIGINT", "homes measured from which no road leads to any site of the kind today"),
    "homes_without_way_after": ("BIGINT", "the same after the closure"),
}  # fmt: skip
AREA_COLUMNS = {
    **_SCENARIO,
    "area_type": ("VARCHAR", "authority, ward, msoa or lsoa"),
    "area_code": ("VARCHAR", "GSS code of the area"),
    "area_name": ("VARCHAR", "name of the area"),
    **_COUNTED,
}
DECILE_COLUMNS = {
    **_SCENARIO,
    "decile": (
        "VARCHAR",
        "deprivation decile in England of the home's LSOA, 1 the most deprived; or not known",
    ),
    **_COUNTED,
}
SITE_COLUMNS = {
    **_SCENARIO,
    "site_id": ("VARCHAR", "a site of the kind: each of them, and the closed one"),
    "site_name": ("VARCHAR", "its name"),
    "state": ("VARCHAR", "open, closed or new"),
    "capacity": ("DECIMAL(18, 4)", "what it can take, in what the description of its kind says; empty where not known"),
    "capacity_of": ("VARCHAR", "which measure of the sites that is, as the description of the kind names it"),
    "homes_before": ("BIGINT", "homes to which it is the nearest today"),
    "homes_after": ("BIGINT", "homes to which it would be the nearest"),
    "people_before": ("BIGINT", "people in these homes today: each home is taken to hold the average of its LSOA"),
    "people_after": ("BIGINT", "people in these homes after the closure"),
}  # fmt: skip

CLOSED_IN_TURN = """
    asked AS (
        SELECT kind.site_kind, site.site_id AS closed_site, site.name AS closed_name, kind.mode, kind.within_minutes
        FROM services.site_kind AS kind
        JOIN layers.site AS site USING (site_kind)
        SEMI JOIN layers.travel_time AS travel ON travel.site_kind = kind.site_kind AND travel.mode = kind.mode
    ),
    way AS (
        SELECT travel.site_kind, travel.place, travel.nth, travel.site_id, travel.seconds
        FROM layers.travel_time AS travel
        JOIN services.site_kind AS kind ON kind.site_kind = travel.site_kind AND kind.mode = travel.mode
        SEMI JOIN places.home AS home ON home.place = travel.place
        WHERE travel.nth <= 2
    ),
    today AS (
        SELECT site_kind, place, site_id, seconds FROM way WHERE nth = 1
    ),
    -- Whose nearest closes goes to its second nearest, if there is one.
    changed AS (
        SELECT first.site_kind, first.site_id AS closed_site, first.place, second.site_id, second.seconds
        FROM way AS first
        LEFT JOIN way AS second ON second.site_kind = first.site_kind AND second.place = first.place AND second.nth = 2
        WHERE first.nth = 1 AND first.site_id IS NOT NULL
    ),
    standing AS (
        SELECT asked.site_kind, asked.closed_site, site.site_id, site.name, taking.capacity, kind.capacity_of,
            CASE WHEN site.site_id = asked.closed_site THEN 'closed' ELSE 'open' END AS state
        FROM asked
        JOIN layers.site AS site USING (site_kind)
        JOIN services.site_kind AS kind USING (site_kind)
        LEFT JOIN places.site AS taking ON taking.site_kind = site.site_kind AND taking.site_id = site.site_id
    )
"""
"""Every site that could be placed closed in turn, by the mode of its kind."""

CLOSED_IN_TURN_DEPENDS_ON = (
    "layers.area_profile",
    "layers.site",
    "layers.travel_time",
    "places.home",
    "places.site",
    "services.site_kind",
    "sources.authority",
)

# People in a home, in millionths, so that they add up the same in whatever order: the average of its LSOA.
_WEIGHTS = """
    weighed AS (
        SELECT home.place, home.homes,
            CAST(round(1000000.0 * home.homes * lsoa.people / nullif(lsoa.homes, 0)) AS BIGINT) AS millionths
        FROM places.home AS home
        LEFT JOIN layers.area_profile AS lsoa ON lsoa.area_type = 'lsoa' AND lsoa.area_code = home.lsoa_code
    )
"""
_BY_AREA = """
    member AS (
        SELECT place, area_type, area_code FROM places.home_area
    ),
    shown AS (
        SELECT area_type, area_code, area_name FROM layers.area_profile
    )
"""
_BY_DECILE = """
    known AS (
        SELECT lsoa_code, CAST(imd_decile AS VARCHAR) AS decile
        FROM sources.deprivation
        WHERE imd_decile BETWEEN 1 AND 10
    ),
    member AS (
        SELECT home.place, 'decile' AS area_type, coalesce(known.decile, 'not known') AS area_code
        FROM places.home AS home
        LEFT JOIN known USING (lsoa_code)
    ),
    shown AS (
        -- Each decile of the authority's own LSOAs, with homes or without.
        SELECT area_type, area_code, area_code AS area_name FROM member
        UNION
        SELECT 'decile', known.decile, known.decile FROM known
        SEMI JOIN places.output_area AS block ON block.lsoa_code = known.lsoa_code
    )
"""


def _within(minutes: int, seconds: str) -> str:
    return f"coalesce(sum(homes) FILTER ({seconds} <= {60 * minutes}), 0)"


def _too_far(seconds: str) -> str:
    return f"({seconds} IS NULL OR {seconds} > 60 * within_minutes)"


_GROUP = "site_kind, closed_site, area_type, area_code"
_COUNTING = f"""
    every AS (
        SELECT area_type, area_code, sum(homes) AS homes FROM member JOIN weighed USING (place) GROUP BY ALL
    ),
    limits AS (
        SELECT DISTINCT site_kind, within_minutes FROM asked
    ),
    standing_today AS (
        SELECT site_kind, area_type, area_code, place, homes, seconds, within_minutes
        FROM today JOIN limits USING (site_kind) JOIN member USING (place) JOIN weighed USING (place)
    ),
    before AS (
        SELECT site_kind, area_type, area_code, sum(homes) AS homes_measured,
            {", ".join(f"{_within(minutes, 'seconds')} AS within_{minutes}" for minutes in MINUTES)},
            coalesce(sum(homes) FILTER {_too_far("seconds")}, 0) AS beyond,
            coalesce(sum(homes) FILTER (seconds IS NULL), 0) AS without_way
        FROM standing_today GROUP BY ALL
    ),
    move AS (
        SELECT changed.site_kind, changed.closed_site, area_type, area_code, homes, millionths, within_minutes,
            today.seconds AS was, changed.seconds AS will
        FROM changed
        JOIN today USING (site_kind, place)
        JOIN limits USING (site_kind)
        JOIN member USING (place)
        JOIN weighed USING (place)
    ),
    moved AS (
        SELECT {_GROUP}, sum(homes) AS homes_moved, sum(millionths) AS millionths_moved,
            coalesce(sum(homes) FILTER (NOT {_too_far("was")} AND {_too_far("will")}), 0) AS homes_lost,
            coalesce(sum(millionths) FILTER (NOT {_too_far("was")} AND {_too_far("will")}), 0) AS millionths_lost,
            coalesce(sum(homes) FILTER ({_too_far("was")} AND NOT {_too_far("will")}), 0) AS homes_gained,
            sum(homes * (will - was)) AS seconds_added,
            sum(homes) FILTER (will IS NOT NULL AND was IS NOT NULL) AS homes_added,
            {", ".join(f"{_within(m, 'will')} - {_within(m, 'was')} AS within_{m}" for m in MINUTES)},
            coalesce(sum(homes) FILTER (will IS NULL), 0) - coalesce(sum(homes) FILTER (was IS NULL), 0) AS without_way
        FROM move GROUP BY ALL
    ),
    -- The median of the homes measured; those that reach no site are the farthest of all. After: the ways of today,
    -- less those that are given up, and those that are taken instead.
    ways AS (
        SELECT site_kind, area_type, area_code, seconds, sum(homes) AS homes FROM standing_today GROUP BY ALL
    ),
    ways_after AS (
        SELECT moved.site_kind, moved.closed_site, moved.area_type, moved.area_code, ways.seconds, ways.homes
        FROM moved JOIN ways USING (site_kind, area_type, area_code)
        UNION ALL
        SELECT {_GROUP}, was, -homes FROM move
        UNION ALL
        SELECT {_GROUP}, will, homes FROM move
    ),
    running AS (
        SELECT site_kind, area_type, area_code, seconds,
            sum(homes) OVER (PARTITION BY site_kind, area_type, area_code ORDER BY seconds NULLS LAST) AS so_far,
            sum(homes) OVER (PARTITION BY site_kind, area_type, area_code) AS whole
        FROM ways
    ),
    running_after AS (
        SELECT {_GROUP}, seconds,
            sum(sum(homes)) OVER (PARTITION BY {_GROUP} ORDER BY seconds NULLS LAST) AS so_far,
            sum(sum(homes)) OVER (PARTITION BY {_GROUP}) AS whole
        FROM ways_after GROUP BY {_GROUP}, seconds
    ),
    median AS (
        SELECT site_kind, area_type, area_code, min(seconds) AS seconds FROM running
        WHERE so_far * 2 >= whole AND seconds IS NOT NULL GROUP BY ALL
    ),
    median_after AS (
        SELECT {_GROUP}, min(seconds) AS seconds FROM running_after
        WHERE so_far * 2 >= whole AND seconds IS NOT NULL GROUP BY ALL
    )
"""
_COUNTED_SQL = {
    "homes": "coalesce(every.homes, 0)",
    "homes_measured": "coalesce(before.homes_measured, 0)",
    "homes_moved": "coalesce(moved.homes_moved, 0)",
    "people_moved": "CASE WHEN moved.homes_moved > 0 THEN round(moved.millionths_moved / 1000000.0) ELSE 0 END",
    "homes_lost": "coalesce(moved.homes_lost, 0)",
    "people_lost": "CASE WHEN moved.millionths_moved IS NULL AND moved.homes_moved > 0 THEN NULL "
    "ELSE round(coalesce(moved.millionths_lost, 0) / 1000000.0) END",
    "homes_gained": "coalesce(moved.homes_gained, 0)",
    "added_minutes": "moved.seconds_added / 60 / moved.homes_added",
    "median_minutes_before": "median.seconds / 60",
    "median_minutes_after": "CASE WHEN moved.homes_moved > 0 THEN median_after.seconds ELSE median.seconds END / 60",
    **{
        f"homes_within_{minutes}_minutes_{when}": f"coalesce(before.within_{minutes}, 0){plus}"
        for minutes in MINUTES
        for when, plus in (("before", ""), ("after", f" + coalesce(moved.within_{minutes}, 0)"))
    },
    "homes_beyond_limit_before": "coalesce(before.beyond, 0)",
    "homes_beyond_limit_after": "coalesce(before.beyond, 0) + coalesce(moved.homes_lost - moved.homes_gained, 0)",
    "homes_without_way_before": "coalesce(before.without_way, 0)",
    "homes_without_way_after": "coalesce(before.without_way, 0) + coalesce(moved.without_way, 0)",
}


def count_by_area(con: duckdb.DuckDBPyConnection, scenarios: str) -> pa.Table:
    """What scenarios come to by area, in the columns `AREA_COLUMNS`: the authority, and areas with a home that moves.

    `scenarios` are the four common table expressions; the connection has the tables that `CLOSED_IN_TURN_DEPENDS_ON`
    names, and `places.home_area`.
    """
    return _grouped(
        con, scenarios, _BY_AREA, AREA_COLUMNS, "shown.area_type = 'authority' OR moved.homes_moved > 0"
    )


def count_by_decile(con: duckdb.DuckDBPyConnection, scenarios: str) -> pa.Table:
    """What scenarios come to by deprivation decile, in the columns `DECILE_COLUMNS`: each that the authority has.

    As `count_by_area`, with the tables `sources.deprivation` and `places.output_area`.
    """
    return _grouped(con, scenarios, _BY_DECILE, DECILE_COLUMNS, "TRUE")


def _grouped(
    con: duckdb.DuckDBPyConnection,
    scenarios: str,
    members: str,
    columns: dict[str, tuple[str, str]],
    kept: str,
) -> pa.Table:
    named = {
        "authority_code": "authority.authority_code", "area_type": "shown.area_type", "area_code": "shown.area_code",
        "area_name": "shown.area_name", "decile": "shown.area_code",
        **{name: f"asked.{name}" for name in _SCENARIO if name != "authority_code"}, **_COUNTED_SQL,
    }  # fmt: skip
    return con.sql(f"""
        WITH {scenarios}, {_WEIGHTS}, {members}, {_COUNTING}
        SELECT {_cast(columns, named)}
        FROM sources.authority AS authority
        CROSS JOIN asked
        CROSS JOIN shown
        LEFT JOIN every USING (area_type, area_code)
        LEFT JOIN before USING (site_kind, area_type, area_code)
        LEFT JOIN median USING (site_kind, area_type, area_code)
        LEFT JOIN moved USING ({_GROUP})
        LEFT JOIN median_after USING ({_GROUP})
        WHERE {kept}
        ORDER BY ALL
    """).to_arrow_table()


def count_at_sites(con: duckdb.DuckDBPyConnection, scenarios: str) -> pa.Table:
    """Homes and people at each site before and after, in the columns `SITE_COLUMNS`; arguments as `count_by_area`."""
    named = {
        **{name: f"asked.{name}" for name in _SCENARIO}, "authority_code": "authority.authority_code",
        "site_id": "standing.site_id", "site_name": "standing.name", "state": "standing.state",
        "capacity": "standing.capacity", "capacity_of": "standing.capacity_of",
        "homes_before": "coalesce(before.homes, 0)",
        "homes_after": "coalesce(before.homes, 0) + coalesce(flow.homes, 0)",
        "people_before": "CASE WHEN before.homes > 0 THEN round(before.millionths / 1000000.0) ELSE 0 END",
        "people_after": "CASE WHEN before.millionths IS NULL AND before.homes > 0 "
        "OR flow.millionths IS NULL AND flow.rows > 0 THEN NULL "
        "ELSE round((coalesce(before.millionths, 0) + coalesce(flow.millionths, 0)) / 1000000.0) END",
    }  # fmt: skip
    return con.sql(f"""
        WITH {scenarios}, {_WEIGHTS},
        before AS (
            SELECT site_kind, site_id, sum(homes) AS homes, sum(millionths) AS millionths
            FROM today JOIN weighed USING (place) GROUP BY ALL
        ),
        flow AS (
            SELECT site_kind, closed_site, site_id, sum(homes) AS homes, sum(millionths) AS millionths, count(*) AS rows
            FROM (
                SELECT changed.site_kind, changed.closed_site, changed.site_id, homes, millionths
                FROM changed JOIN weighed USING (place)
                UNION ALL
                SELECT changed.site_kind, changed.closed_site, today.site_id, -homes, -millionths
                FROM changed JOIN today USING (site_kind, place) JOIN weighed USING (place)
            )
            GROUP BY ALL
        )
        SELECT {_cast(SITE_COLUMNS, named)}
        FROM sources.authority AS authority
        CROSS JOIN asked
        JOIN standing USING (site_kind, closed_site)
        LEFT JOIN before USING (site_kind, site_id)
        LEFT JOIN flow USING (site_kind, closed_site, site_id)
        ORDER BY ALL
    """).to_arrow_table()


def _cast(columns: dict[str, tuple[str, str]], named: dict[str, str]) -> str:
    return ", ".join(f"CAST({named[name]} AS {kind}) AS {name}" for name, (kind, _) in columns.items())
