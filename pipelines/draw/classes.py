"""Classes and colours of a choropleth. Pure arithmetic: no table, no geometry, no HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import floor, gcd, log10

CLASSES = 5
STEPS = (Decimal("1"), Decimal("2"), Decimal("2.5"), Decimal("5"))


def class_breaks(values: Iterable[Decimal | int], classes: int = CLASSES) -> tuple[Decimal, ...]:
    """Where classes of about equal count part, on rounded numbers.

    `values`: the figures that are published, in any unit; hidden ones must not be among them, since breaks made with
    them would tell of them. Returns at most `classes` - 1 rising breaks; a value equal to a break belongs to the class
    above. No class is empty. No breaks if fewer than two different values.
    """
    counts = sorted(Counter(Decimal(value) for value in values).items())
    distinct = [value for value, _ in counts]
    if len(distinct) < 2:
        return ()
    cuts = _equal_counts([count for _, count in counts], classes)
    unit = _common_unit(distinct)
    starts = [0, *cuts]
    ends = [*cuts[1:], len(distinct) - 1]
    breaks: list[Decimal] = []
    for start, cut, end in zip(starts[:-1], cuts, ends, strict=True):
        # A quarter of the way to the next breaks: classes stay about equal, and their limits become readable.
        rounded = _round_within(distinct[cut], (distinct[end] - distinct[start]) / 4, unit)
        lowest = breaks[-1] if breaks else distinct[0]
        # Rounding can leave a class with nothing in it: a legend must not show one.
        if any(lowest <= value < rounded for value in distinct) and rounded <= distinct[-1]:
            breaks.append(rounded)
    return tuple(breaks)


def _equal_counts(counts: Sequence[int], classes: int) -> list[int]:
    """Places in `counts` (of different values, rising) at which a new class starts; equal values are never parted."""
    cuts: list[int] = []
    remaining, held = sum(counts), 0
    for place, count in enumerate(counts[:-1]):
        if len(cuts) == classes - 1:
            break
        held += count
        target = remaining / (classes - len(cuts))
        following = counts[place + 1]
        # Cut here if taking the next value too would miss the target by more.
        if held >= target or abs(held + following - target) > abs(held - target):
            cuts.append(place + 1)
            remaining, held = remaining - held, 0
    return cuts


def _common_unit(values: Sequence[Decimal]) -> Decimal:
    """What all values are multiples of (5 for counts rounded to 5, 0.1 for rates with one decimal); 0 if all are 0."""
    exponent = min((int(value.as_tuple().exponent) for value in values), default=0)
    scale = Decimal(10) ** exponent
    return gcd(*(int(value / scale) for value in values)) * scale


def _round_within(value: Decimal, room: Decimal, unit: Decimal) -> Decimal:
    """Round to the coarsest step (STEPS, times a power of ten) that is a multiple of `unit` and at most `room`."""
    if room <= 0:
        return value
    power = Decimal(10) ** floor(log10(room))
    steps = [step * power for step in STEPS if step * power <= room and not (step * power) % unit]
    return (value / max(steps)).quantize(Decimal(1)) * max(steps) if steps else value


def ramp(name: str, classes: int) -> tuple[str, ...]:
    """Colours from light to dark, as '#rrggbb', of a ColorBrewer sequential scheme: all are safe for colour-blind eyes.

    Darkness alone carries the order, so that a black-and-white print still reads. Raises ValueError if branca does
    not know the scheme.
    """
    from branca.utilities import color_brewer

    if classes <= 0:
        return ()
    if classes < 3:  # schemes start at three colours
        return tuple(color_brewer(name, 4)[1::2][:classes])
    return tuple(color_brewer(name, classes))
