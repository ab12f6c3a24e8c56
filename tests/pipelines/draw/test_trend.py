"""Small charts: where the scale begins, where the line is broken."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from pipelines.draw.trend import HEIGHT, MARGIN, WIDTH, Point, axis, draw_trend


@pytest.mark.parametrize(
    ("values", "best_is_all", "ends"),
    [
        (("97.2", "99.9"), True, (90, 100)),
        (("88.1", "100.4"), True, (85, 100)),
        (("0.0",), False, (0, 5)),
        (("1.2", "41.3"), False, (0, 45)),
    ],
)
def test_scale(values: tuple[str, ...], best_is_all: bool, ends: tuple[int, int]) -> None:
    assert axis([Decimal(value) for value in values], best_is_all=best_is_all) == ends


def test_a_gap_breaks_the_line_and_is_marked() -> None:
    values = ("90", "100", None, "95", "95")
    points = [
        Point(
            f"<{number}>", "withheld" if value is None else value, None if value is None else Decimal(value)
        )
        for number, value in enumerate(values)
    ]
    svg = draw_trend(points, best_is_all=True)
    lines = re.findall(r'class="line" d="([^"]*)"', svg)
    right = WIDTH - MARGIN
    assert lines == ["M6.0 40.0L58.0 6.0", f"M162.0 23.0L{right}.0 23.0"]
    assert svg.count("<circle") == 4 and svg.count('class="none"') == 1
    assert "<title>&lt;2&gt;: withheld</title>" in svg, "text is escaped"
    assert f'cx="{right}.0" cy="23.0" r="4"' in svg, "the newest stands out"


def test_a_share_of_rounded_parts_stays_within_the_scale() -> None:
    svg = draw_trend([Point("a", "", Decimal("100.4"))], best_is_all=True)
    assert f'cy="{MARGIN}.0"' in svg and f'cy="{HEIGHT}' not in svg


def test_nothing_known_nothing_drawn() -> None:
    assert draw_trend([Point("a", "withheld", None)], best_is_all=True) == ""
