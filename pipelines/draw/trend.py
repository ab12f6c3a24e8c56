"""Small line charts of one figure over time, to stand beside each other: inline SVG without any text in it.

Here belongs where line, dots and gaps lie. Which figures a page shows, and their words, are in `assets/maps/<page>.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup, escape

WIDTH, HEIGHT, MARGIN = 220, 46, 6  # pixels


@dataclass(frozen=True)
class Point:
    """A figure of one period: the period, its words, and its value (None where it is withheld or there is none)."""

    label: str
    words: str
    value: Decimal | None


def axis(values: Sequence[Decimal], *, best_is_all: bool) -> tuple[int, int]:
    """Where the scale of a figure in per cent begins and ends, in whole steps of five.

    A share that ought to be all ends at 100 and begins as low as it must, at 90 or less; one that ought to be none
    begins at 0 and ends at 5 or more.
    """
    if best_is_all:
        return min([90, *(5 * math.floor(value / 5) for value in values)]), 100
    return 0, max([5, *(5 * math.ceil(value / 5) for value in values)])


def draw_trend(points: Sequence[Point], *, best_is_all: bool) -> Markup:
    """The chart of one figure, (220, 46) pixels, oldest first; empty where no point has a value.

    A period without a figure has a small cross at the foot, and the line is broken there. The newest dot is the larger.
    """
    known = [point.value for point in points if point.value is not None]
    if not known:
        return Markup()
    low, high = axis(known, best_is_all=best_is_all)
    step = (WIDTH - 2 * MARGIN) / max(len(points) - 1, 1)

    def x(number: int) -> float:
        return MARGIN + number * step if len(points) > 1 else WIDTH / 2

    def y(value: Decimal) -> float:
        share = float(min(max(value, Decimal(low)), Decimal(high)) - low) / (high - low)
        return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)

    lines: list[list[str]] = []
    run: list[str] = []
    for number, point in enumerate(points):
        if point.value is None:
            lines.append(run)
            run = []
        else:
            run.append(f"{x(number):.1f} {y(point.value):.1f}")
    lines.append(run)
    marks = [f'<path class="scale" d="M0 {MARGIN}H{WIDTH}M0 {HEIGHT - MARGIN}H{WIDTH}"/>']
    marks += [f'<path class="line" d="M{"L".join(line)}"/>' for line in lines if len(line) > 1]
    for number, point in enumerate(points):
        title = f"<title>{escape(point.label)}: {escape(point.words)}</title>"
        if point.value is None:
            left, foot = x(number), HEIGHT - MARGIN
            cross = f"M{left - 3:.1f} {foot - 3}l6 6m0 -6l-6 6"
            marks.append(f'<path class="none" d="{cross}">{title}</path>')
        else:
            size = 4 if number == len(points) - 1 else 2.5
            marks.append(
                f'<circle cx="{x(number):.1f}" cy="{y(point.value):.1f}" r="{size}">{title}</circle>'
            )
    return Markup(
        f'<svg class="small-trend" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'aria-hidden="true" focusable="false">{"".join(marks)}</svg>'
    )
