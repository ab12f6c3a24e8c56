"""Understanding a record's words against one gazetteer: which are street and places, and what is said of the premises.

Here belongs every way in which the words may be understood (`Reader.readings`); which of them is right shows when they
are compared with the gazetteer's entries, in `compare`. Words in themselves are `standardise`, what they say of a
premises is `premises`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.address.gazetteer import Gazetteer, Street, is_close
from pipelines.address.premises import Premises, read_premises
from pipelines.address.standardise import Wording
from pipelines.address.words import BESIDE, DIRECTIONS, FILLERS, STREET_TYPES, UNITS


@dataclass(frozen=True, slots=True)
class Reading:
    """One way of understanding a record's words: which of them are street and places, and what is left."""

    premises: Premises
    street: Street | None
    places: frozenset[int]
    unexplained: tuple[str, ...]
    names: frozenset[str]
    is_scattered: bool = False
    is_swapped: bool = False
    # A word that may belong to the street's name follows it: `MILL ROAD MEWS`, where MILL ROAD is known.
    is_longer: bool = False


class Reader:
    """Understands wordings by what one gazetteer knows."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer

    def repaired(self, wording: Wording) -> Wording:
        """Words that were run together, parted; the outward half of a postcode at the end only where there is such."""
        words: list[str] = []
        starts: list[bool] = []
        for word, start in zip(wording.words, wording.starts, strict=True):
            parted = self.gazetteer.split(word)
            for i, part in enumerate(parted or (word,)):
                words.append(part)
                starts.append(start and i == 0)
        if len(words) == len(wording.words):
            return wording
        return replace(wording, words=tuple(words), starts=tuple(starts))

    def readings(self, wording: Wording) -> list[Reading]:
        """Every way of understanding the words, the likeliest first; at least one."""
        gazetteer = self.gazetteer
        streets = gazetteer.find_streets(wording.words)
        in_postcode = gazetteer.streets_in(wording.postcode)
        if streets and in_postcode:
            # The street that the postcode lies in, where the words name it at all.
            streets.sort(key=lambda s: s.street not in in_postcode)
        readings: list[Reading] = []
        for street in streets[:4]:
            readings.append(self._reading(wording, street))
        if not streets and (scattered := self._scattered(wording, in_postcode)):
            readings.append(scattered)
        if not streets or streets[0].type_differs:
            readings.append(self._reading(wording, None))
        if any("/" in word for word in wording.words):
            readings += self._swapped(wording, readings)
        return readings

    def _swapped(self, wording: Wording, readings: list[Reading]) -> list[Reading]:
        """Readings in which `18/2` is flat 2 of 18, as in Edinburgh, where it was read as flat 18 of 2."""
        swapped: list[Reading] = []
        for reading in readings:
            mine = reading.premises
            if mine.number and f"{mine.unit}/{mine.number}" in wording.words:
                premises = replace(mine, unit=mine.number, number=mine.unit)
                swapped.append(replace(reading, premises=premises, is_swapped=True))
        return swapped

    def _reading(self, wording: Wording, street: Street | None) -> Reading:
        words, starts = wording.words, wording.starts
        if street is None:
            places = self.gazetteer.find_places(words)
            # Places stand at the end; a name may hold the same word (`DEREHAM LODGE, ...`).
            end = len(words)
            found: set[int] = set()
            for start, to, place in reversed(places):
                if to != end or start == 0:
                    break
                end = start
                found.add(place)
            premises = read_premises(words[:end], starts[:end], False)
            names = frozenset(w for w in premises.names if w not in FILLERS)
            return Reading(premises, None, frozenset(found), (), names)
        before, after = words[: street.start], words[street.end :]
        places = self.gazetteer.find_places(after)
        explained = {i for start, to, _ in places for i in range(start, to)}
        left = [i for i in range(len(after)) if i not in explained]
        # `8 BRIDGE END FLAT 7 CLARENCE HEIGHTS`: what tells of the premises behind the street.
        behind = [after[i] for i in left]
        unexplained: tuple[str, ...] = ()
        commas = [starts[street.end + i] for i in left]
        tells = behind and (behind[0] in UNITS or len(behind[0]) == 1 or _is_floor(behind))
        if tells or any(w[0].isdigit() or w in BESIDE for w in behind):
            own = read_premises(before, starts[: street.start], True)
            more = read_premises(behind, commas, False)
            if len(behind) == 1 and len(behind[0]) == 1 and behind[0].isalpha() and not own.unit:
                more = Premises(unit=behind[0])  # `56 HADFIELD SQUARE B`
            premises = _joined(own, more)
        else:
            premises = read_premises(before, starts[: street.start], True)
            unexplained = tuple(w for w in behind if w not in STREET_TYPES and w not in FILLERS)
        names = frozenset(w for w in premises.names if w not in FILLERS)
        follows = after[0] if after and not starts[street.end] and 0 not in explained else ""
        told = frozenset(place for _, _, place in places)
        is_longer = follows in STREET_TYPES or follows in DIRECTIONS
        return Reading(premises, street, told, unexplained, names, is_longer=is_longer)

    def _scattered(self, wording: Wording, in_postcode: set[int]) -> Reading | None:
        """The street of the postcode whose words all stand somewhere, out of their order (`HALE 21A, ROAD`)."""
        for street in sorted(in_postcode):
            wanted = self.gazetteer.streets[street]
            taken: list[int] = []
            for word in wanted:
                at = next(
                    (
                        i
                        for i, w in enumerate(wording.words)
                        if i not in taken and (w == word or is_close(w, word))
                    ),
                    None,
                )
                if at is not None:
                    taken.append(at)
            if len(taken) == len(wanted) and len(wanted) > 1:
                left = [i for i in range(len(wording.words)) if i not in taken]
                words = tuple(wording.words[i] for i in left)
                places = self.gazetteer.find_places(words)
                explained = {i for start, to, _ in places for i in range(start, to)}
                kept = [i for i in range(len(words)) if i not in explained]
                premises = read_premises(
                    [words[i] for i in kept], [wording.starts[left[i]] for i in kept], True
                )
                names = frozenset(w for w in premises.names if w not in FILLERS)
                found = Street(0, 0, street, 1, False)
                return Reading(premises, found, frozenset(p for _, _, p in places), (), names, True)
        return None


def _is_floor(words: list[str]) -> bool:
    return bool(read_premises(words, [False] * len(words), False).floor)


def _joined(own: Premises, more: Premises) -> Premises:
    """What stands before the street and what stands behind it, as one premises."""
    unit, number, lead = own.unit or more.unit, own.number or more.number, own.lead or more.lead
    is_guessed = own.is_guessed or (not own.unit and more.is_guessed)
    if own.number and more.number and not unit:
        unit, is_guessed = more.number, True  # `8 BRIDGE END, CLARENCE HEIGHTS 9`
    told = (*own.spare, *more.spare, own.unit, more.unit, own.number, more.number, own.lead, more.lead)
    spare = tuple(text for text in told if text and text not in (unit, number, lead))
    return Premises(
        unit,
        own.floor or more.floor,
        number,
        lead,
        own.names + more.names,
        own.parts + tuple(len(own.parts) + part for part in more.parts),
        spare,
        own.is_part or more.is_part,
        is_guessed,
        own.is_room or more.is_room,
        own.kind or more.kind,
        own.beside or more.beside,
    )
