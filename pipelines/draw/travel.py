"""What every page of travel times says of the roads and speeds that they rest on.

Here: reading `published.travel_speed` and `published.road_finding`, and their words. Figures are the pages' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from pipelines.draw.page import Fold

# {mode: words}, in the order in which a page offers them.
MODES = {"walk": "On foot", "cycle": "By bicycle", "drive": "By car"}
# What the roads of a source do not know.
LACKING = {
    "os_open_roads": "one-way streets, speed limits and footpaths",
    "osm_roads": "what nobody has mapped",
}
# What no network knows.
NEVER = "traffic, waiting, hills and buses"
ABOUT = {
    "os_open_roads": (
        "It has no one-way streets, no speed limits and no footpaths: every road is two-way here, and "
        "whoever walks or cycles keeps to the roads."
    ),
    "osm_roads": (
        "It has one-way streets, paths and speed limits as far as people have mapped them: what is missing "
        "there is missing here."
    ),
}
# (finding, words), those that tell of the figures.
FINDINGS = (
    ("roads in the network", "Roads in the network"),
    ("islands: walk", "Islands on foot, cut off from most roads"),
    ("islands: cycle", "Islands by bicycle"),
    ("islands: drive", "Islands by car"),
    (
        "ends that come near another road and do not meet it",
        "Ends that come near another road and do not meet it",
    ),
)


@dataclass(frozen=True)
class Speed:
    """How fast a kind of road is travelled by a mode, km/h; None where it may not be used."""

    mode: str
    kind: str
    kilometres: Decimal
    slowest: Decimal | None
    fastest: Decimal | None


@dataclass(frozen=True)
class Roads:
    """The roads of a release: their source by name and in words, speeds, and what was found in making the network."""

    source: str
    title: str
    epoch: str
    speeds: tuple[Speed, ...]
    findings: dict[str, int]

    @property
    def name(self) -> str:
        """What the source is called, without what of it is used: OS Open Roads, of `OS Open Roads, road links`."""
        return self.title.partition(",")[0]

    @property
    def warning(self) -> str:
        """What the times are of and what they leave out, in two sentences."""
        return (
            f"By road, at ordinary speeds. {self.name} lacks "
            f"{LACKING.get(self.source, 'some roads')}; {NEVER} are left out, too."
        )

    @property
    def cited(self) -> str:
        """Which edition of which source, as a sentence."""
        return f"Roads: {self.title}{f' ({self.epoch})' if self.epoch else ''}."


def roads_of_release(con: duckdb.DuckDBPyConnection) -> Roads | None:
    """What `published.travel_speed`, `road_finding` and `source` tell of the roads; None where there are none."""
    speeds = con.execute(
        """
        SELECT source, mode, kind, kilometres, slowest_kmh, fastest_kmh FROM published.travel_speed
        ORDER BY mode, fastest_kmh DESC NULLS LAST, kind
        """
    ).fetchall()
    if not speeds:
        return None
    source = speeds[0][0]
    described = con.execute(
        "SELECT coalesce(title, source), coalesce(epoch, '') FROM published.source WHERE source = ?", [source]
    ).fetchall()
    title, epoch = described[0] if described else (source.replace("_", " "), "")
    findings = con.execute("SELECT finding, count FROM published.road_finding ORDER BY finding").fetchall()
    return Roads(source, title, epoch, tuple(Speed(*row[1:]) for row in speeds), dict(findings))


def roads_fold(roads: Roads) -> Fold:
    """What the network has and lacks, and what was found in making it."""
    counts = [
        f"{words}: {roads.findings[finding]:,}." for finding, words in FINDINGS if roads.findings.get(finding)
    ]
    left_out = [
        f"{finding[0].upper()}{finding[1:]}: {count:,}."
        for finding, count in roads.findings.items()
        if finding.startswith("roads left out") and count
    ]
    return Fold(
        "What the roads are, and what they lack",
        (
            f"{roads.cited} {ABOUT.get(roads.source, '')}".strip(),
            f"No network knows {NEVER}, nor how safe or pleasant a road is to walk.",
        ),
        items=(*counts, *left_out),
    )


def speeds_fold(roads: Roads) -> Fold:
    """How fast each kind of road is travelled by each mode."""
    return Fold(
        "Speeds",
        (
            "Averages over a whole journey at an ordinary time of day, junctions included. The way between door and "
            "road is walked. The authority can set its own.",
        ),
        items=tuple(
            f"{words}{_in_words([speed for speed in roads.speeds if speed.mode == mode])}"
            for mode, words in MODES.items()
            if any(speed.mode == mode for speed in roads.speeds)
        ),
    )


def _in_words(speeds: list[Speed]) -> str:
    by_speed: dict[str, list[str]] = {}
    shut = []
    for speed in speeds:
        if speed.fastest is None or speed.slowest is None:
            shut.append(speed.kind)
        else:
            by_speed.setdefault(_range(speed.slowest, speed.fastest), []).append(speed.kind)
    if not by_speed:
        return ": nowhere."
    if len(by_speed) == 1:
        said = f": {next(iter(by_speed))} km/h"
    else:
        said = ", km/h: " + "; ".join(f"{', '.join(kinds)} {speed}" for speed, kinds in by_speed.items())
    return f"{said}. Not allowed on: {', '.join(shut)}." if shut else f"{said}."


def _range(slowest: Decimal, fastest: Decimal) -> str:
    low, high = (f"{value.normalize():f}" for value in (slowest, fastest))
    return low if low == high else f"{low} to {high}"
