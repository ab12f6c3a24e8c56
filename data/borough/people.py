"""The invented inhabitants: households, ages, names and the canaries that every personal value carries.

Belongs here: who lives where, and the making of personal values. Does not belong here: which service knows
them (`silos.py`).

A *canary* is a text such as `CANARY-7F3A`, given out once. Names, account references, telephone numbers and
the like have one inside them; a date of birth is the ISO date, a space and a canary (`1951-03-09
CANARY-7F3A`). Whatever is published can then be searched: a single canary found is a leak, and `canaries`
lists them all.
"""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random

from data.borough.addresses import Places
from data.borough.ground import Ground

PATTERN = re.compile(r"CANARY-[0-9A-Z]{4}(?![0-9A-Z])")
_DIGITS = "0123456789ABCDEFGHJKLMNPQRSTUVWX"

_SURNAMES = [
    a + b
    for a in (
        "Apple",
        "Bramble",
        "Copper",
        "Dapple",
        "Fennel",
        "Gander",
        "Hazel",
        "Ivory",
        "Kettle",
        "Linden",
        "Marsh",
        "Nettle",
    )
    for b in ("wick", "sop", "bee", "thorp", "ling", "mere")
]
_FORENAMES = "Ada Bo Cy Dot Eve Fay Gus Hal Ida Jo Kit Lou Max Nan Oz Pip Rex Sol Tam Una Vi Wyn".split()


class Canaries:
    """Gives out canaries, never one twice. The order is scrambled so that neighbours look nothing alike."""

    def __init__(self) -> None:
        self._given = 0

    def one(self) -> str:
        """The next canary."""
        self._given += 1
        if self._given >= 32**4:
            raise ValueError("no canaries are left")
        mixed = self._given * 362897 % 32**4
        letters = ""
        for _ in range(4):
            letters = _DIGITS[mixed % 32] + letters
            mixed //= 32
        return f"CANARY-{letters}"

    def surname(self, dice: Random) -> str:
        """An invented surname with a canary."""
        return f"{dice.choice(_SURNAMES)} {self.one()}"

    def forename(self, dice: Random) -> str:
        """A short forename with a canary."""
        return f"{dice.choice(_FORENAMES)} {self.one()}"

    def born(self, dice: Random, age: int, year: int = 2026) -> str:
        """A date of birth (ISO date, space, canary) of somebody of this age in the autumn of `year`."""
        year -= age + (dice.random() < 0.25)
        return f"{year}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d} {self.one()}"


def canaries(folder: Path) -> set[str]:
    """Every canary in every file under `folder`, looking inside zip and xlsx files too."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                texts = [archive.read(name).decode("utf-8", "replace") for name in archive.namelist()]
        else:
            texts = [path.read_bytes().decode("utf-8", "replace")]
        for text in texts:
            found.update(PATTERN.findall(text))
    return found


@dataclass
class Person:
    """Somebody who lives at a property. `sex` is F or M; `age` in whole years in mid-2026."""

    age: int
    sex: str


# Kinds of household, and how common each is by style of neighbourhood.
_KINDS = ("old_one", "old_two", "family", "couple", "one", "sharers")
_MIX = {
    "centre": (8, 4, 10, 26, 34, 18), "terrace": (9, 6, 26, 22, 19, 18), "seaside": (30, 26, 11, 14, 18, 1),
    "estate": (14, 7, 42, 13, 23, 1), "semi": (13, 16, 40, 18, 12, 1), "culdesac": (11, 22, 42, 18, 7, 0),
    "village": (13, 24, 32, 21, 10, 0),
}  # fmt: skip


def populate(dice: Random, ground: Ground, places: Places) -> dict[int, list[Person]]:
    """People by UPRN. Homes that stand empty are present with nobody; care homes have residents."""
    at: dict[int, list[Person]] = {}
    for p in places.properties:
        if p.classification == "RI01":
            at[p.uprn] = [_old(dice, 78, 99) for _ in range(dice.randint(18, 42))]
        if not p.is_live_home:
            continue
        if dice.random() < 0.032:
            at[p.uprn] = []
            continue
        style = ground.neighbourhoods[p.neighbourhood].style
        if p.classification == "RH02":
            at[p.uprn] = [_adult(dice, 18, 34)]
            continue
        kind = dice.choices(_KINDS, _MIX[style])[0]
        if p.classification == "RD06" and kind in ("family", "sharers") and dice.random() < 0.5:
            kind = "one"
        at[p.uprn] = _household(dice, kind)
    return at


def _adult(dice: Random, low: int, high: int) -> Person:
    return Person(dice.randint(low, high), dice.choice("FM"))


def _old(dice: Random, low: int, high: int) -> Person:
    # Two draws lean the ages towards the lower end; most of the oldest are women.
    age = min(dice.randint(low, high), dice.randint(low, high))
    return Person(age, "F" if dice.random() < 0.42 + (age - 50) / 180 else "M")


def _household(dice: Random, kind: str) -> list[Person]:
    if kind == "old_one":
        return [_old(dice, 66, 98)]
    if kind == "old_two":
        first = _old(dice, 65, 92)
        return [first, Person(max(60, first.age + dice.randint(-5, 4)), "M" if first.sex == "F" else "F")]
    if kind == "family":
        parents = [_adult(dice, 26, 54) for _ in range(1 if dice.random() < 0.24 else 2)]
        return parents + [_adult(dice, 0, 17) for _ in range(dice.choice((1, 1, 2, 2, 2, 3)))]
    if kind == "couple":
        first = _adult(dice, 22, 64)
        return [first, _adult(dice, max(20, first.age - 5), min(66, first.age + 5))]
    if kind == "sharers":
        return [_adult(dice, 18, 27) for _ in range(dice.randint(2, 4))]
    return [_adult(dice, 22, 66)]


BANDS = ("0 to 15", "16 to 29", "30 to 44", "45 to 64", "65 and over")


def age_band(age: int) -> str:
    """Broad age band of the ONS small-area estimates."""
    for limit, band in zip((15, 29, 44, 64), BANDS, strict=False):
        if age <= limit:
            return band
    return BANDS[-1]


def count(
    places: Places, people: dict[int, list[Person]], lsoa_of: dict[str, str]
) -> dict[str, dict[tuple[str, str], int]]:
    """People by LSOA code, then by (sex, age band). `lsoa_of` leads from OA code to LSOA code."""
    counts: dict[str, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for p in places.properties:
        for person in people.get(p.uprn, []):
            counts[lsoa_of[p.oa]][(person.sex, age_band(person.age))] += 1
    return counts
