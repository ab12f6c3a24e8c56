"""What an address says of the property itself: unit, floor, number, name, as far as its words alone can tell.

Here belongs reading these from words that stand before (or behind) the street; finding the street and comparing with
the gazetteer is `match`. Both sides, record and gazetteer, are read by the same rules, so that a number that one of
them writes into the name (`THE OLD MILL 3`) means the same on the other. How the parts of an address are written in
Great Britain is BS 7666-2 (secondary and primary addressable objects); floor and door (`2F1`, `0/1`) are the forms of
Scottish tenements.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.address.standardise import is_ordinal
from pipelines.address.words import (
    ABOVE,
    ANNEXES,
    BEFORE_NUMBERS,
    BESIDE,
    BESIDE_PHRASES,
    FLOOR_CODES,
    FLOOR_NUMBERS,
    KINDS,
    NUMBERED_UNITS,
    ROOMS,
    UNITS,
)

ANNEXE = "ANNEXE"
_SLASHED = re.compile(r"([0-9]+[A-Z]?|[A-Z])/([0-9]+[A-Z]?)")
_FLOOR_AND_DOOR = re.compile(r"[0-9BGPT]F[0-9]{1,2}")
_DESIGNATOR = re.compile(rf"[0-9]+[A-Z]?|[A-Z][0-9]*|{_SLASHED.pattern}|{_FLOOR_AND_DOOR.pattern}")
_NUMBER = re.compile(r"[0-9]+[A-Z]?(?:-[0-9]+[A-Z]?)?")
_GLUED_UNIT = re.compile(r"(?:F|FLAT|APT|UNIT)([0-9]+[A-Z]?)")
# A spreadsheet's days since 1899-12-30: what becomes of `3-5` in a column of dates, for the years 2000 to 2049.
_DAY_NUMBER = re.compile(r"3[6-9][0-9]{3}|4[0-9]{4}|5[0-4][0-9]{3}")


@dataclass(frozen=True, slots=True)
class Premises:
    """Unit, floor and number as normal texts ('' where there is none), and the words of names in their order.

    `lead` is a number that stands before a name and may be either the unit's or the house's; `spare` are numbers
    beyond these. `parts[i]` is the part between commas that name word i stands in.
    """

    unit: str = ""
    floor: str = ""
    number: str = ""
    lead: str = ""
    names: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()
    spare: tuple[str, ...] = ()
    is_part: bool = False  # some unit is meant that has no number: `FLAT ABOVE 6 HIGH STREET`
    is_guessed: bool = False  # the unit is a bare number, with no word that says so
    is_room: bool = False  # the unit is a room, which gazetteers do not hold
    kind: str = ""  # home, work or site, where the word for the unit is only used of such
    beside: str = ""  # the word that puts it beside, behind or on land at the property

    @property
    def part(self) -> str:
        """Which part of a building it is: unit, else floor, else FLAT where it has no number; '' for a whole one."""
        return self.unit or (f"FLOOR {self.floor}" if self.floor else "FLAT" if self.is_part else "")


def read_premises(words: Sequence[str], starts: Sequence[bool], before_street: bool) -> Premises:
    """Read the words of a premises; `starts[i]` says that a comma stands before word i, `before_street` that the street
    follows directly behind them.
    """
    return _Reader(words, starts, before_street).read()


class _Number(NamedTuple):
    text: str
    names_before: int
    at: int


class _Reader:
    """Reads words from left to right. Each `_take` method takes what begins at `at`, or says that it is not that."""

    def __init__(self, words: Sequence[str], starts: Sequence[bool], before_street: bool) -> None:
        self.words, self.starts, self.before_street = words, starts, before_street
        self.at = self.part = 0
        self.unit = self.floor = ""
        self.numbers: list[_Number] = []
        self.names: list[str] = []
        self.parts: list[int] = []
        self.kind = self.beside = ""
        self.is_part = self.is_room = False

    def read(self) -> Premises:
        while self.at < len(self.words):
            self.part += self.starts[self.at]
            taken = (
                self._take_floor()
                or self._take_annexe()
                or self._take_unit()
                or self._take_slashed()
                or self._take_number()
                or self._take_letter()
                or self._take_beside()
            )
            if not taken:
                self._take_name()
        return self._settled()

    # --- one thing after another ----------------------------------------------------------------------------

    def _take_floor(self) -> bool:
        found = _floor(self.words, self.at)
        if found is None:
            return False
        self.floor, self.at = found
        # `FIRST FLOOR FLAT 12 HIGH STREET`: the flat is the floor's, and 12 the house.
        if self._word(0) in UNITS:
            self.at += 1
        return True

    def _take_annexe(self) -> bool:
        if self._word(0) not in ANNEXES:
            return False
        self.unit = self.unit or ANNEXE
        if self.names and self.names[-1] == "GRANNY":
            self.names.pop()
            self.parts.pop()
        self.at += 1
        return True

    def _take_unit(self) -> bool:
        word, follows = self._word(0), self._word(1)
        if word not in UNITS and not (word in NUMBERED_UNITS and self._opens() and follows[:1].isdigit()):
            return False
        self.at += 1
        while self._word(0) in BEFORE_NUMBERS:
            self.at += 1
        found = self._designator()
        self.is_room = self.is_room or word in ROOMS
        self.kind = self.kind or KINDS.get(word, "")
        if not found:
            self.is_part = True
        elif self.unit:
            self.numbers.append(_Number(found, len(self.names), self.at - 1))
        else:
            self.unit = found
        return True

    def _designator(self) -> str:
        """The number or letter behind a word for a unit, taken; '' where none follows."""
        word, follows = self._word(0), self._word(1)
        if not _DESIGNATOR.fullmatch(word) or word in FLOOR_CODES:
            return ""
        if self._is_comma(0) and word[0].isdigit() and self.before_street and self.at == len(self.words) - 1:
            return ""  # `FLAT, 11 MUNDFORD ROAD`
        self.at += 1
        if (slashed := _SLASHED.fullmatch(word)) and self._is_before_street():
            self.numbers.append(_Number(slashed[2], len(self.names), self.at - 1))
            return slashed[1]  # `FLAT 2/18 HIGH STREET`
        if word.isdigit() and len(follows) == 1 and follows.isalpha() and not self._is_comma(0):
            after = self._word(1)
            if not after or self._is_comma(1) or not after[0].isdigit():
                self.at += 1
                return word + follows  # `FLAT 2 B`
        return word

    def _take_slashed(self) -> bool:
        """`2/18 HIGH ROAD` is flat 2 of 18; `FLAT 3, 12/14 HIGH ROAD` a range; `0/1, 30 HIGH ROAD` floor and door."""
        slashed = _SLASHED.fullmatch(self._word(0))
        if not slashed:
            return False
        first, second = slashed.groups()
        self.at += 1
        if self._is_before_street() and not self.unit:
            self.unit = first
            self.numbers.append(_Number(second, len(self.names), self.at - 1))
        elif self.unit:
            self.numbers.append(_Number(f"{first}-{second}", len(self.names), self.at - 1))
        else:
            self.unit = slashed[0]
        return True

    def _take_number(self) -> bool:
        word = self._word(0)
        if not self.unit and (glued := _GLUED_UNIT.fullmatch(word)):
            self.unit = glued[1]
        elif not self.unit and _FLOOR_AND_DOOR.fullmatch(word):
            self.unit = word
        elif _NUMBER.fullmatch(word):
            self.numbers.append(_Number(word, len(self.names), self.at))
        else:
            return False
        self.at += 1
        return True

    def _take_letter(self) -> bool:
        letter = self._word(0)
        if len(letter) != 1 or not letter.isalpha():
            return False
        last = self.numbers[-1] if self.numbers else None
        if last and last.text.isdigit() and last.at == self.at - 1 and not self._is_comma(0):
            self.numbers[-1] = _Number(last.text + letter, last.names_before, self.at)  # `12 B`
        elif not self.unit and self._is_number(1):
            self.unit = letter  # `B, 115 QUEBEC ROAD`
        elif not self.unit and self._is_comma(0) and self._is_comma(1):
            self.unit = letter  # `B, VICTORIA COURT`
        else:
            return False
        self.at += 1
        return True

    def _take_beside(self) -> bool:
        word = self._word(0)
        if word in ABOVE:
            self.is_part = True
            while self._word(1) in ("THE", "SHOP"):
                self.at += 1  # `FLAT OVER SHOP, 6 HIGH STREET` names no business
        elif self._opens() and (word in BESIDE or (word, self._word(1)) in BESIDE_PHRASES):
            self.beside = self.beside or word.removesuffix("S")
            self.at += (word, self._word(1)) in BESIDE_PHRASES
        else:
            return False
        self.at += 1
        return True

    def _take_name(self) -> None:
        if self._word(0) in BEFORE_NUMBERS or self._word(0) == "AT":
            self.at += 1
            return
        self.names.append(self._word(0))
        self.parts.append(self.part)
        self.at += 1

    # --- looking around -------------------------------------------------------------------------------------

    def _word(self, ahead: int) -> str:
        at = self.at + ahead
        return self.words[at] if at < len(self.words) else ""

    def _is_comma(self, ahead: int) -> bool:
        at = self.at + ahead
        return at < len(self.starts) and self.starts[at]

    def _opens(self) -> bool:
        return self.at == 0 or self._is_comma(0)

    def _is_number(self, ahead: int) -> bool:
        word = self._word(ahead)
        return word[:1].isdigit() and not is_ordinal(word)

    def _is_before_street(self) -> bool:
        return self.before_street and self.at == len(self.words)

    # --- which number is whose ------------------------------------------------------------------------------

    def _settled(self) -> Premises:
        """The number before the street is the house's, as is the last of several; one before a name may be either."""
        numbers, names, unit = list(self.numbers), len(self.names), self.unit
        number = lead = ""
        if numbers:
            is_behind = numbers[-1].names_before == names
            # `CLARENCE HEIGHTS 8`, `14 HIGH STREET`, `FLAT 3, 5 STATION MANSIONS`
            if is_behind or len(numbers) > 1:
                number = numbers.pop().text
            else:
                lead = numbers.pop().text
        is_guessed = bool(numbers) and not unit
        if is_guessed:
            unit = numbers.pop(0).text
        return Premises(
            unit,
            self.floor,
            number,
            lead,
            tuple(self.names),
            tuple(self.parts),
            tuple(n.text for n in numbers),
            self.is_part,
            is_guessed,
            self.is_room,
            self.kind,
            self.beside,
        )


def _floor(words: Sequence[str], at: int) -> tuple[str, int] | None:
    """The floor that is named here and where the words go on; None where none is."""
    word = words[at]
    if word in FLOOR_CODES:
        return FLOOR_CODES[word], at + 1
    two = f"{word} {words[at + 1]}" if at + 1 < len(words) else ""
    for phrase, skip in ((two, 2), (word, 1)):
        if phrase in FLOOR_NUMBERS:
            follows = words[at + skip] if at + skip < len(words) else ""
            if follows in ("FLOOR", "FLR", "FL"):
                return FLOOR_NUMBERS[phrase], at + skip + 1
            if follows in ("FLAT", "FLT", "APARTMENT", "APT") and phrase != "UPPER":
                return FLOOR_NUMBERS[phrase], at + skip
            if phrase == "BASEMENT":
                return FLOOR_NUMBERS[phrase], at + skip
    return None


def undone_date(number: str) -> str:
    """The range of numbers that a spreadsheet took for a date: `42858` is 3 May 2017, so `3-5`; '' for any other."""
    if not _DAY_NUMBER.fullmatch(number):
        return ""
    day = dt.date(1899, 12, 30) + dt.timedelta(days=int(number))
    return f"{day.day}-{day.month}"
