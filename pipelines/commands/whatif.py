"""`places whatif`: what would change if sites closed or opened, in the terminal, as a page and as tables."""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands.terminal import BUSY, FINE, UNUSABLE, Commands, as_columns, indented, say
from pipelines.descriptions import DescriptionError, nearest
from pipelines.run import Output
from pipelines.warehouse import Warehouse, replace_text

if TYPE_CHECKING:
    import duckdb

    from pipelines.draw.choropleth import TopicTable
    from pipelines.draw.scenarios import Scenario
    from pipelines.estimate.reach import OfService
    from pipelines.travel.snapping import Snapped

DESCRIPTION = """\
Closes sites of one kind, opens others, or both, and says what that would change: homes by minutes to their nearest
site, by deprivation and by area, and what would come to each site. It reads what the last run made and changes nothing
of it. The answer is printed, and written as one page that opens in any browser, with tables (CSV) beside it.
"""
EXAMPLES = """\
examples:
  places whatif --kind libraries --close "Quince Library"          a site by its name, or by its reference
  places whatif --kind libraries --close "Quince Library" --open 221300,262700,"New library"
                                                                   closed here, opened there: easting, northing, name
  places whatif --kind schools --close 999101 --close 999102 --mode walk --to merged_schools.html

exit codes: 0 done; 2 the question, or what it is asked of, cannot be used; 1 the page cannot be written; 4 a run is at
work on the same output.
"""
FOLDER = "whatif"
MODES = ("walk", "cycle", "drive")
NEEDED = (
    "layers.area_profile", "layers.road_link", "layers.site", "layers.snapped", "layers.travel_time", "places.home",
    "places.home_area", "places.output_area", "places.site", "published.area", "published.dataset",
    "published.disclosure_rule", "published.road", "published.road_finding", "published.site", "published.source",
    "published.travel_speed", "services.site_kind", "sources.authority", "sources.deprivation",
    "sources.os_open_rivers", "sources.travel_rule",
)  # fmt: skip
NAME = "whatif"  # what the scenario is called in the tables
WORST = 5
LISTED = 12


class CannotAnswer(Exception):
    """A question that cannot be answered: what was wanted, what was found, what to do."""


class AtWork(Exception):
    """What was read is not all of one run: another is at work."""


@dataclass(frozen=True)
class New:
    """A site that is to open, EPSG:27700."""

    easting: float
    northing: float
    name: str

    @property
    def site_id(self) -> str:
        """What it is called in the tables."""
        return f"new at {self.easting:.0f},{self.northing:.0f}"


@dataclass(frozen=True)
class Kind:
    """A kind of site, as `services.site_kind` has it, and the mode that is asked for."""

    site_kind: str
    is_open: bool
    mode: str
    within_minutes: int
    direction: str


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places whatif`."""
    parser = commands.add_parser(
        "whatif", parents=[shared], help="say what would change if sites closed or opened",
        description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "--kind", required=True, metavar="KIND", help="kind of site: the folder that describes it"
    )
    parser.add_argument(
        "--close",
        action="append",
        default=[],
        metavar="SITE",
        help="a site to close, by reference or name (again for more)",
    )
    parser.add_argument(
        "--open", action="append", default=[], metavar="E,N[,NAME]",
        help="a site to open: easting and northing in metres of the national grid, and a name (again for more)",
    )  # fmt: skip
    parser.add_argument(
        "--mode", choices=MODES, help="how people come (else as the description of the kind says)"
    )
    parser.add_argument(
        "--to", type=Path, metavar="FILE.html", help=f"where the page goes (else DIR/restricted/{FOLDER})"
    )
    parser.set_defaults(do=do_whatif)


def do_whatif(chosen: argparse.Namespace) -> int:
    """Answer one question; exit code 2 where it cannot be answered, 4 where a run is at work."""
    output = Output(chosen.output)
    try:
        new = [_new(text) for text in chosen.open]
        if len({one.site_id for one in new}) < len(new):
            raise CannotAnswer("two sites are to open at the same place; name it once")
        if not new and not chosen.close:
            raise CannotAnswer(
                "wanted a site to close (--close SITE) or to open (--open E,N), or both; found neither"
            )
        page = _page_path(chosen.to, output)
        with _opened(output) as con:
            _hold_to_authority(con, chosen.authority, output)
            kind = _kind(con, chosen.kind, chosen.mode)
            closed = _closed(con, kind, chosen.close)
            _hold_apart(con, kind, new)
            path = page or output.restricted / FOLDER / f"{_file_name(kind, closed, new)}.html"
            _hold_back(kind, path, output)
            notes = _reckon(con, kind, closed, new)
            use, unsaid = _use_that_crosses(con, output)
            _draw(con, kind, new, path, output, use)
    except (CannotAnswer, DescriptionError) as error:
        say(f"places whatif: {error}")
        return UNUSABLE
    except AtWork as error:
        say(f"places whatif: {error}")
        return BUSY
    for note in (*notes, *unsaid):
        say(note)
    if not kind.is_open:
        say(
            f"{kind.site_kind} are not open data: what is printed and written here must stay with those who may know "
            "of them."
        )
    return FINE


# --- the question -----------------------------------------------------------------------------------------------------


def _new(text: str) -> New:
    parts = [part.strip() for part in text.split(",", 2)]
    try:
        easting, northing = (float(part) for part in parts[:2])
        if not (-180 <= easting <= 700_000 and -180 <= northing <= 1_300_000):
            raise ValueError
    except ValueError:
        raise CannotAnswer(
            f"wanted easting and northing in metres of the national grid, such as 412300,256700; found `{text}`"
        ) from None
    if max(easting, northing) <= 180 or min(easting, northing) < 0:
        raise CannotAnswer(
            f"`{text}` looks like latitude and longitude; wanted easting and northing in metres of the national grid, "
            "such as 412300,256700"
        )
    name = parts[2] if len(parts) > 2 and parts[2] else f"New site at {easting:.0f}, {northing:.0f}"
    return New(easting, northing, name)


def _kind(con: duckdb.DuckDBPyConnection, asked: str, mode: str | None) -> Kind:
    rows = {
        row[0]: row for row in con.execute(
            "SELECT site_kind, sensitivity, mode, within_minutes, direction FROM services.site_kind ORDER BY site_kind"
        ).fetchall()
    }  # fmt: skip
    if asked not in rows:
        raise CannotAnswer(f"`{asked}` is not a kind of site here{nearest(asked, sorted(rows))}")
    name, sensitivity, usual, within_minutes, direction = rows[asked]
    return Kind(name, sensitivity == "open", mode or usual, within_minutes, direction)


def _closed(con: duckdb.DuckDBPyConnection, kind: Kind, asked: Sequence[str]) -> dict[str, str]:
    """{reference: name} of the sites to close. Each is known by its reference or by its name."""
    sites = con.execute(
        "SELECT site_id, coalesce(name, site_id), easting IS NOT NULL FROM places.site "
        "WHERE site_kind = ? ORDER BY site_id",
        [kind.site_kind],
    ).fetchall()
    found: dict[str, str] = {}
    for text in asked:
        word = text.strip().casefold()
        mine = [site for site in sites if site[0].casefold() == word] or [
            s for s in sites if s[1].casefold() == word
        ]
        if not mine:
            names = sorted({name for _, name, _ in sites})
            alike = [name for name in names if word and word in name.casefold()]
            near = f"; did you mean {' or '.join(f'`{name}`' for name in alike[:LISTED])}?" if alike else ""
            near = near or nearest(text, [*names, *(site for site, *_ in sites)])
            if "did you mean" not in near:
                more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
                near = f"; known are {', '.join(names[:LISTED])}{more}" if names else "; there are none"
            raise CannotAnswer(f"`{text}` is not one of the {kind.site_kind}{near}")
        if len(mine) > 1:
            raise CannotAnswer(
                f"`{text}` is the name of {len(mine)} of the {kind.site_kind}; say which by reference: "
                f"{', '.join(site for site, *_ in mine)}"
            )
        ((site_id, name, is_placed),) = mine
        if not is_placed:
            raise CannotAnswer(
                f"{name} could not be put on any place: no home has it as its nearest, and nothing would change"
            )
        found[site_id] = name
    return found


def _hold_apart(con: duckdb.DuckDBPyConnection, kind: Kind, new: Sequence[New]) -> None:
    """Refuse a new site by the name of another: nobody could tell which of the two a figure is of."""
    standing = con.execute(
        "SELECT coalesce(name, site_id) FROM places.site WHERE site_kind = ? ORDER BY site_id",
        [kind.site_kind],
    ).fetchall()
    taken = {name.casefold(): "stands already" for (name,) in standing}
    for one in new:
        if one.name.casefold() in taken:
            raise CannotAnswer(
                f"`{one.name}` {taken[one.name.casefold()]} among the {kind.site_kind}; wanted another name for the "
                f"site that is to open at {one.easting:.0f},{one.northing:.0f}"
            )
        taken[one.name.casefold()] = "is to open already"


def _page_path(asked: Path | None, output: Output) -> Path | None:
    if asked is None:
        return None
    if asked.suffix.lower() not in (".html", ".htm"):
        raise CannotAnswer(f"wanted the name of a page, such as closure.html, for --to; found `{asked}`")
    if asked.resolve().is_relative_to(output.published.resolve()):
        raise CannotAnswer(
            f"{asked} is among the releases, which are never changed; choose another place for --to"
        )
    return asked


def _hold_back(kind: Kind, path: Path, output: Output) -> None:
    if not kind.is_open and not path.resolve().is_relative_to(output.restricted.resolve()):
        raise CannotAnswer(
            f"{kind.site_kind} are not open data, and a page would tell where they are: leave --to out (the page then "
            f"goes to {(output.restricted / FOLDER).as_posix()}), or name a file below {output.restricted.as_posix()}"
        )


def _file_name(kind: Kind, closed: dict[str, str], new: Sequence[New]) -> str:
    parts = [
        kind.site_kind,
        *(["without", *closed.values()] if closed else []),
        *(["with", *(n.name for n in new)] if new else []),
    ]
    return re.sub(r"[^a-z0-9]+", "_", " ".join([*parts, kind.mode]).lower()).strip("_")[:120]


# --- the answer -------------------------------------------------------------------------------------------------------


def _hold_to_authority(con: duckdb.DuckDBPyConnection, folder: Path, output: Output) -> None:
    """Refuse a folder whose council is not the one that the output was made of."""
    from pipelines.authority import load_authority

    asked = load_authority(folder).about
    ((code, name),) = con.execute("SELECT authority_code, authority_name FROM sources.authority").fetchall()
    if asked.code != code:
        raise CannotAnswer(
            f"{output.root.as_posix()} was made of {name} ({code}), and --authority {folder.as_posix()} is of "
            f"{asked.name} ({asked.code}); say which folder it was made of, by --authority, or another --output"
        )


@contextlib.contextmanager
def _opened(output: Output) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees the last run's tables; `AtWork` where they changed while they were read.

    No lock is held: it would keep a run from starting. Tables are never changed, only replaced, and that shows.
    """
    import duckdb

    warehouse = Warehouse(output.restricted / "warehouse")
    before = _files(warehouse)
    missing = [name for name, file in before.items() if file is None]
    if len(missing) == len(NEEDED):
        raise CannotAnswer(
            f"nothing has been made in {output.root.as_posix()} yet: `places run` first, or say where by --output"
        )
    if missing:
        raise CannotAnswer(
            f"wanted {', '.join(missing)} in {output.root.as_posix()}; found no such table. The last run did not end "
            "well, or was of an earlier version: `places run` again"
        )
    changed = "a run is at work on this output, and its tables changed while they were read; ask again when it is done"
    try:
        with warehouse.connect() as con:
            yield con
    except duckdb.IOException:
        if _files(warehouse) == before:
            raise
        raise AtWork(changed) from None
    if _files(warehouse) != before:
        raise AtWork(changed)


def _files(warehouse: Warehouse) -> dict[str, str | None]:
    facts = {name: warehouse.facts(*name.split(".")) for name in NEEDED}
    return {name: found["file"] if found else None for name, found in facts.items()}


def _reckon(
    con: duckdb.DuckDBPyConnection, kind: Kind, closed: dict[str, str], new: Sequence[New]
) -> list[str]:
    """Make the three tables of the scenario in the schema `scenario`; returns what is to be noted."""
    import numpy as np
    import pyarrow as pa

    from pipelines.travel.places import snapped_from_table
    from pipelines.travel.roads import network_from_table
    from pipelines.travel.routing import Towards
    from pipelines.travel.scenario import count_at_sites, count_by_area, count_by_decile, outcome

    network = network_from_table(con.sql("FROM layers.road_link"))
    if not len(network.start):
        raise CannotAnswer(
            "there are no roads here, and ways go by road: put OS Open Roads (or an extract of OpenStreetMap) into "
            "sources/os_open_roads, and `places run`"
        )
    _hold_together(con)
    places, homes = snapped_from_table(
        con.sql("FROM layers.snapped SEMI JOIN places.home USING (place) WHERE mode = ?", params=[kind.mode]),
        network,
    )
    called, sites = snapped_from_table(
        con.sql(
            "FROM layers.snapped WHERE mode = ? AND what = 'site' AND starts_with(place, ?)",
            params=[kind.mode, f"{kind.site_kind} "],
        ),
        network,
    )
    ids = [name.removeprefix(f"{kind.site_kind} ") for name in called]
    opened, notes = _on_roads(con, network, kind, new)
    towards: Towards = "sites" if kind.direction == "to_site" else "homes"
    found = outcome(
        network,
        kind.mode,
        homes,
        sites,
        closed=[ids.index(site) for site in closed],
        opened=opened,
        towards=towards,
    )
    names = np.array([*ids, *(one.site_id for one in new), ""], object)
    for table, ways in (("today", found.before), ("then", found.after)):
        site, seconds = ways.site[:, 0], ways.seconds[:, 0]
        rows = pa.table(
            {
                "place": pa.array(places, pa.string()),
                "site_id": pa.array(names[site], pa.string(), mask=site < 0),
                "seconds": pa.array(seconds, mask=site < 0),
            }
        )
        con.register("rows", rows)
        # To a tenth of a second, as the tables of a run have it.
        con.execute(
            f"CREATE TEMP TABLE {table}_ways AS "
            "SELECT place, site_id, CAST(seconds AS DECIMAL(9, 1)) AS seconds FROM rows"
        )
        con.unregister("rows")
    _hold_to_run(con, kind)
    words = [*closed.values()]
    title = f"{', '.join(words)} closed" if words else ""
    title += f"{', ' if words and new else ''}{', '.join(one.name for one in new)} opened" if new else ""
    con.execute(
        "CREATE TEMP TABLE asked_of AS SELECT ? AS site_kind, ? AS closed_site, ? AS closed_name, ? AS mode, "
        "CAST(? AS BIGINT) AS within_minutes",
        [kind.site_kind, NAME, title, kind.mode, kind.within_minutes],
    )
    con.execute(
        "CREATE TEMP TABLE site_of (site_id VARCHAR, name VARCHAR, capacity DECIMAL(18, 4), "
        "state VARCHAR, capacity_of VARCHAR)"
    )
    con.execute(
        "INSERT INTO site_of SELECT site.site_id, site.name, taking.capacity, "
        "CASE WHEN list_contains(?, site.site_id) THEN 'closed' ELSE 'open' END, kind.capacity_of "
        "FROM layers.site AS site "
        "JOIN services.site_kind AS kind USING (site_kind) "
        "LEFT JOIN places.site AS taking USING (site_kind, site_id) WHERE site.site_kind = ?",
        [list(closed), kind.site_kind],
    )
    for one in new:
        con.execute("INSERT INTO site_of VALUES (?, ?, NULL, 'new', NULL)", [one.site_id, one.name])
    scenario = """
        asked AS (SELECT * FROM asked_of),
        today AS (SELECT asked.site_kind, place, site_id, seconds FROM today_ways CROSS JOIN asked),
        changed AS (
            SELECT asked.site_kind, asked.closed_site, place, then_ways.site_id, then_ways.seconds
            FROM then_ways
            JOIN today_ways USING (place)
            CROSS JOIN asked
            WHERE then_ways.site_id IS DISTINCT FROM today_ways.site_id
        ),
        standing AS (SELECT asked.site_kind, asked.closed_site, site_of.* FROM site_of CROSS JOIN asked)
    """
    con.execute("CREATE SCHEMA scenario")
    for name, count in (
        ("closure_by_area", count_by_area), ("closure_by_decile", count_by_decile), ("closure_at_site", count_at_sites)
    ):  # fmt: skip
        con.register("rows", count(con, scenario))
        con.execute(f"CREATE TABLE scenario.{name} AS SELECT * FROM rows")
        con.unregister("rows")
    off = [closed[site] for site in closed if sites.link[ids.index(site)] < 0]
    return notes + [f"{name} is on no road that can be used so: it was nobody's nearest." for name in off]


def _use_that_crosses(con: duckdb.DuckDBPyConnection, output: Output) -> tuple[list[OfService], list[str]]:
    """What homes that cross the limit mean for recorded use, from the rates of the current release alone; and notes."""
    import duckdb

    from pipelines.estimate.reach import reach_of_scenario
    from pipelines.release import DATABASE, current_release
    from pipelines.tables import text_literal

    crossing = {
        (area_type, code): (measured, gained, lost)
        for area_type, code, measured, gained, lost in con.execute(
            "SELECT area_type, area_code, homes_measured, homes_gained, homes_lost FROM scenario.closure_by_area "
            "WHERE homes_gained > 0 OR homes_lost > 0 ORDER BY ALL"
        ).fetchall()
    }
    if not crossing:
        return [], []
    release = current_release(output.published)
    if release is not None:
        with duckdb.connect() as released:
            released.execute(f"ATTACH {text_literal(str(release.path / DATABASE))} AS released (READ_ONLY)")
            released.execute("USE released")
            named = "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'published' AND table_name = 'demand_estimate'"
            if released.execute(named).fetchall():
                return reach_of_scenario(released, crossing), []
    return [], ["Of recorded use nothing is said: there is no release with rates. `places run` makes one."]


def _hold_together(con: duckdb.DuckDBPyConnection) -> None:
    """Make sure that places were put on the very roads that are there; a run may have made only those anew."""
    ((strays,),) = con.execute(
        "SELECT count(*) FROM layers.snapped AS place ANTI JOIN layers.road_link AS link USING (link_id) "
        "WHERE place.link_id IS NOT NULL"
    ).fetchall()
    if strays:
        raise AtWork(
            "places are on roads of another run: one is at work, or was stopped; ask again when it is done"
        )


def _hold_to_run(con: duckdb.DuckDBPyConnection, kind: Kind) -> None:
    """Make sure that today is what the last run says of today."""
    ((other,),) = con.execute(
        """
        SELECT count(*) FROM today_ways
        LEFT JOIN (FROM layers.travel_time WHERE site_kind = ? AND mode = ? AND nth = 1) AS stored USING (place)
        WHERE stored.site_id IS DISTINCT FROM today_ways.site_id OR stored.seconds IS DISTINCT FROM today_ways.seconds
        """,
        [kind.site_kind, kind.mode],
    ).fetchall()
    if other:
        raise AtWork(
            "times are of other roads or sites than those that are there: a run is at work, or was stopped; run again"
        )


def _on_roads(
    con: duckdb.DuckDBPyConnection, network: Any, kind: Kind, new: Sequence[New]
) -> tuple[Snapped | None, list[str]]:
    """The new sites on the roads; refuses those outside the authority, and those far from any road."""
    import numpy as np
    import shapely

    from pipelines.travel.places import walking_pace
    from pipelines.travel.roads import rule_of
    from pipelines.travel.snapping import snap

    if not new:
        return None, []
    rows = con.execute(
        "SELECT area_name, geometry_wkb FROM layers.area_profile WHERE area_type = 'authority'"
    ).fetchall()
    points = np.array([[one.easting, one.northing] for one in new])
    for one, point in zip(new, shapely.points(points), strict=True):
        for name, wkb in rows:
            outline = shapely.from_wkb(bytes(wkb))
            if outline.covers(point):
                continue
            away = outline.distance(point) / 1000
            turned = outline.covers(shapely.Point(one.northing, one.easting))
            raise CannotAnswer(
                f"{one.easting:.0f},{one.northing:.0f} is outside {name}"
                + (
                    "; the other way round it is inside: easting comes first"
                    if turned
                    else f", {away:,.1f} km from its border"
                )
                + ("" if turned else ": wanted a place inside, since homes beyond it are not known here")
            )
    _, rule = rule_of(con.sql("FROM sources.travel_rule"))
    rivers = [
        bytes(wkb)
        for (wkb,) in con.execute("SELECT geometry FROM sources.os_open_rivers ORDER BY ALL").fetchall()
    ]
    found = snap(
        points, network, kind.mode, barriers=shapely.from_wkb(np.array(rivers, object)), walk_kmh=walking_pace(rule),
        far_metres=rule.snap_metres,
    )  # fmt: skip
    for one, link, far, metres in zip(new, found.link, found.far, found.offset_metres, strict=True):
        if link < 0 or far:
            raise CannotAnswer(
                f"{one.easting:.0f},{one.northing:.0f} is {metres:,.0f} m from the nearest road that can be used so; "
                f"wanted a place at most {rule.snap_metres:,.0f} m from one"
            )
    across = [one.name for one, over in zip(new, found.across_barrier, strict=True) if over]
    return found, [
        f"{name} has water between it and every road near: its times are doubtful." for name in across
    ]


# --- what is printed and written --------------------------------------------------------------------------------------


def _draw(
    con: duckdb.DuckDBPyConnection, kind: Kind, new: Sequence[New], path: Path, output: Output,
    use: Sequence[OfService],
) -> None:  # fmt: skip
    from pipelines import draw as drawing
    from pipelines.draw.scenarios import (
        HOW,
        HOW_OF_USE,
        MEASURES,
        figures_of,
        homes_of_areas,
        read_scenarios,
        recorded_use,
        topics_of,
    )
    from pipelines.draw.travel import MODES as IN_WORDS
    from pipelines.draw.travel import roads_fold, roads_of_release, speeds_fold

    release, roads = drawing.read_release(con), roads_of_release(con)
    (one,) = read_scenarios(con, "scenario")
    figures, totals = figures_of([one], homes_of_areas(con))
    of_use = recorded_use(one, use, release)
    topics = topics_of([one], release, _signs(con, kind, new), sites=kind.is_open)
    how = replace(HOW, paragraphs=(*HOW.paragraphs[:-1], HOW_OF_USE)) if of_use else HOW
    html = drawing.draw_choropleth(
        con,
        drawing.Choropleth(
            title="What if",
            sentence=f"{one.caption}: against today. {IN_WORDS[kind.mode]}, by road.",
            topic_label="Kind of site",
            topics=[replace(topic, tables=(*topic.tables, *of_use)) for topic in topics],
            measures=MEASURES,
            figures=figures,
            totals=totals,
            warnings=[roads.warning] if roads else [],
            about=[how, *([roads_fold(roads), speeds_fold(roads)] if roads else [])],
            home="",
        ),
    )
    for line in _report(release.authority_name, IN_WORDS[kind.mode].lower(), one, of_use):
        print(line)
    written = [path, path.with_suffix(".csv"), path.with_name(f"{path.stem}_sites.csv")]
    is_own = path.resolve().is_relative_to(output.restricted.resolve())
    if is_own:
        path.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    replace_text(path, html)
    columns = [name for name in one.whole.row if name not in ("site_kind", "closed_site", "closed_name")]
    deciles = [
        {**row.row, "area_type": "deprivation decile", "area_code": row["decile"], "area_name": ""}
        for row in one.deciles
    ]
    _write(written[1], columns, [one.whole.row, *(area.row for area in one.areas), *deciles])
    at_site = [
        "site_id",
        "site_name",
        "state",
        "capacity",
        "capacity_of",
        "homes_before",
        "homes_after",
        "people_before",
        "people_after",
    ]
    _write(written[2], at_site, one.sites)
    for file, what in zip(written, ("Page", "By area and decile", "By site"), strict=True):
        if is_own and os.name == "posix":
            file.chmod(stat.S_IRUSR | stat.S_IWUSR)
        print(f"{what}: {file.as_posix()}")


def _signs(
    con: duckdb.DuckDBPyConnection, kind: Kind, new: Sequence[New]
) -> dict[tuple[str, str, str], tuple[float, float]]:
    import numpy as np

    from pipelines.draw.areas import to_longitude_latitude

    rows = con.execute(
        "SELECT site_id, easting, northing FROM layers.site WHERE site_kind = ? ORDER BY site_id",
        [kind.site_kind],
    ).fetchall()
    rows += [(one.site_id, one.easting, one.northing) for one in new]
    points = to_longitude_latitude(np.array([row[1:] for row in rows], dtype=float).reshape(-1, 2))
    return {
        (kind.site_kind, NAME, row[0]): (float(x), float(y)) for row, (x, y) in zip(rows, points, strict=True)
    }


def _write(path: Path, columns: Sequence[str], rows: Sequence[Any]) -> None:
    aside = path.with_name(f".{path.name}.aside")
    try:
        with aside.open("w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream, lineterminator="\n")
            out.writerow(columns)
            out.writerows(["" if row[name] is None else row[name] for name in columns] for row in rows)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _report(authority: str, by: str, one: Scenario, of_use: Sequence[TopicTable]) -> Iterator[str]:
    """The answer as lines for a terminal."""
    from pipelines.draw.scenarios import at_sites, by_band, by_decile, sentences, signed

    yield f"{authority}, {one.site_kind}, {by}; more than {one.whole['within_minutes']} minutes is called too far"
    yield f"{one.caption}:"
    for sentence in sentences(one):
        yield f"  {sentence}"
    for table in (by_band(one), *by_decile(one)):
        yield f"\n{table.heading}"
        yield indented(as_columns([table.head, *table.rows]))
    wards = [area for area in one.areas if area["area_type"] == "ward"]
    if wards:
        yield "\nWards (those not listed keep what they have)"
        head = ("Ward", "Homes", "Nearest changes", "Minutes added", "Too far today", "Then", "Change")
        lines = [head]
        for area in sorted(
            wards, key=lambda row: (-row["homes_lost"], -row["homes_moved"], row["area_code"])
        ):
            added = (
                "" if area["added_minutes"] is None else f"{area['added_minutes']:.1f}".replace("-", "\u2212")
            )
            too_far = area["homes_beyond_limit_before"], area["homes_beyond_limit_after"]
            counts = area["homes"], area["homes_moved"], *too_far
            homes, moved, before, after = (f"{count:,}" for count in counts)
            change = signed(too_far[1] - too_far[0])
            lines.append((area["area_name"], homes, moved, added, before, after, change))
        yield indented(as_columns(lines))
    hit = sorted(
        (area for area in one.areas if area["area_type"] == "lsoa" and area["homes_lost"]),
        key=lambda row: (-row["homes_lost"], row["area_code"]),
    )
    if hit:
        yield f"\nLSOAs worst hit{f' ({WORST} of {len(hit)})' if len(hit) > WORST else ''}"
        yield indented(as_columns([
            ("LSOA", "Come to be too far", "Of homes"),
            *((area["area_name"], f"{area['homes_lost']:,}", f"{area['homes_measured']:,}") for area in hit[:WORST]),
        ]))  # fmt: skip
    for table in at_sites(one, every=True):
        yield f"\n{table.heading}"
        yield indented(as_columns([table.head, *table.rows]))
    for table in of_use:
        yield f"\n{table.heading}"
        yield indented(as_columns([table.head, *table.rows]))
        yield f"  {table.note}"
    yield ""
