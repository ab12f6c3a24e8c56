"""Small OpenStreetMap files, written from places in metres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from pipelines.formats import to_degrees

Way = tuple[int, Sequence[int], Mapping[str, str]]


def write_osm(path: Path, nodes: Mapping[int, tuple[float, float]], ways: Sequence[Way]) -> Path:
    """An OSM XML file of nodes (eastings and northings) and ways (id, nodes, tags)."""
    degrees = zip(*to_degrees([e for e, _ in nodes.values()], [n for _, n in nodes.values()]), strict=True)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6" generator="a test">']
    for name, (longitude, latitude) in zip(nodes, degrees, strict=True):
        lines.append(f'<node id="{name}" version="1" lat="{latitude:.7f}" lon="{longitude:.7f}"/>')
    for way, at, tags in ways:
        inside = "".join(f'<nd ref="{node}"/>' for node in at)
        inside += "".join(f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items())
        lines.append(f'<way id="{way}" version="1">{inside}</way>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, "</osm>", ""]), "utf-8")
    return path
