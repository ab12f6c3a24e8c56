"""The gazetteer as the matcher looks it up: each way of writing an address, read once, and indexes over them.

Here belong an entry (`Entry`), how it is read into premises, street and place (`Known`), and what can be found by
which key. Everything is learnt from the entries alone: which words are streets, towns and organisations here, and
how they may be misspelt. Deciding on a match is `match`; reading gazetteers from files is for `csv_gazetteer` and, in
a run, for the tables `sources.llpg` and `places.address`.
"""

from __future__ import annotations

import gc
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.address.premises import Premises, read_premises
from pipelines.address.standardise import postcode_of, read
from pipelines.address.words import BUSINESSES, COUNTIES, FILLERS, STREET_TYPES, UNITS

_SLASH = re.compile(r"\s*/\s*")
LIVE = ("live", "provisional")
# Longer words are not taken for misspelt: Llanfairpwllgwyngyll in full has 58 letters.
LONGEST_WORD = 60
Name = tuple[str, ...]


class Entry(NamedTuple):
    """One way in which one UPRN's address is written; texts are '' where nothing is known.

    `status` is live, provisional, historic or rejected; easting and northing are metres, EPSG:27700; `address` is the
    whole text, from which street and premises are read where the columns for them are empty.
    """

    uprn: int
    parent_uprn: int | None = None
    usrn: int | None = None
    class_code: str = ""
    status: str = "live"
    organisation: str = ""
    sub_building: str = ""
    building_name: str = ""
    building_number: str = ""
    street: str = ""
    locality: str = ""
    town: str = ""
    postcode: str = ""
    easting: float | None = None
    northing: float | None = None
    address: str = ""


@dataclass(slots=True, eq=False)
class Known:
    """An entry as read: the premises, the organisation's words, street and place by their numbers in the gazetteer."""

    uprn: int
    parent: int | None
    is_live: bool
    class_code: str
    premises: Premises
    name: frozenset[str]
    organisation: frozenset[str]
    street: int
    places: tuple[int, ...]
    postcode: str
    at: int
    # The number stands in the name of the building (`NEW COTTAGE 8`), where it is as much of it as a word.
    number_in_name: bool = False
    # The organisation's words in their order.
    organisation_words: Name = ()


class Street(NamedTuple):
    """A street's words found in a record: from where to where, which street, and how well.

    `close` counts misspelt words; `type_differs` says that the last word (ROAD, STREET) is another or is missing.
    """

    start: int
    end: int
    street: int
    close: int
    type_differs: bool


class Gazetteer:
    """Indexes over the entries. `entries[i]` and `known[i]` are the same address as given and as read."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: list[Entry] = []
        self.known: list[Known] = []
        self.streets: list[Name] = []
        self.places: list[Name] = []
        self.street_places: list[set[int]] = []
        self.street_towns: list[set[int]] = []
        # A street's name, one or more streets: each by its USRN, or where there is none its locality and town.
        self.street_localities: list[set[tuple[int | tuple[int, ...], tuple[int, ...]]]] = []
        self.postcode_streets: dict[str, set[int]] = defaultdict(set)
        self.children: dict[int, list[int]] = defaultdict(list)
        self.by_uprn: dict[int, list[int]] = defaultdict(list)
        self._by_street: dict[tuple[int, str], list[int]] = defaultdict(list)
        self._by_postcode: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._by_unit: dict[tuple[int, str, str], list[int]] = defaultdict(list)
        self._word_in_street: dict[tuple[int, str], list[int]] = defaultdict(list)
        self._word_in_postcode: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._key_in_street: dict[tuple[int, str], list[int]] = defaultdict(list)
        self._key_in_postcode: dict[tuple[str, str], list[int]] = defaultdict(list)
        # The words of each live entry up to its street, found by postcode and first word.
        self._heads: dict[tuple[str, str], list[tuple[int, Name]]] = defaultdict(list)
        self._postcodes: dict[str, str] = {"": ""}
        self._names: dict[frozenset[str], list[int]] = defaultdict(list)
        self._street_ids: dict[Name, int] = {}
        self._place_ids: dict[Name, int] = {}
        self._read: dict[str, tuple[Name, tuple[bool, ...]]] = {}
        self.words: set[str] = set()
        self.businesses: set[str] = set(BUSINESSES)
        with no_garbage_collection():
            # In an order of their own, so that nothing hangs on the order of the gazetteer's rows.
            for entry in sorted(entries, key=lambda e: (e[0], e[3:13], e[15])):
                self._add(entry)
            self._find_buildings()
            self._learn()

    # --- reading the entries --------------------------------------------------------------------------------

    def _add(self, entry: Entry) -> None:
        if not (entry.street or entry.building_name or entry.building_number) and entry.address:
            entry = structured(entry)
        at = len(self.entries)
        self.entries.append(entry)
        words: list[str] = []
        starts: list[bool] = []
        # A slash between two numbers is that of a range here; in a record it may part a flat from its house.
        number = _SLASH.sub("-", entry.building_number)
        for part in (entry.sub_building, entry.building_name, number):
            if part:
                more, commas = self._words(part)
                words += more
                starts += (True, *commas[1:])
        premises = read_premises(words, starts, bool(entry.building_number))
        if premises.lead:
            premises = read_premises([*words, premises.lead], [*starts, True], True)
        organisation = frozenset(self._words(entry.organisation)[0]) if entry.organisation else frozenset()
        name = frozenset(word for word in premises.names if word not in FILLERS)
        street = self._id(self._street_ids, self.streets, entry.street)
        if street == len(self.street_places):
            self.street_places.append(set())
            self.street_towns.append(set())
            self.street_localities.append(set())
        places = tuple(
            self._id(self._place_ids, self.places, place) for place in (entry.locality, entry.town) if place
        )
        postcode = self._postcodes.get(entry.postcode)
        if postcode is None:
            postcode = self._postcodes[entry.postcode] = postcode_of(entry.postcode)[0]
        is_live = entry.status in LIVE
        known = Known(
            entry.uprn,
            entry.parent_uprn if entry.parent_uprn != entry.uprn else None,
            is_live,
            entry.class_code,
            premises,
            name,
            organisation,
            street,
            places,
            postcode,
            at,
            bool(premises.number) and not entry.building_number,
            self._words(entry.organisation)[0] if entry.organisation else (),
        )
        self.known.append(known)
        self.by_uprn[entry.uprn].append(at)
        if known.parent is not None and is_live:
            self.children[known.parent].append(at)
        if street >= 0:
            self.street_places[street].update(places)
            self.street_towns[street].update(places[-1:])
            self.street_localities[street].add((entry.usrn or places, places))
            if postcode:
                self.postcode_streets[postcode].add(street)
        if premises.number:
            number = premises.number
            self._by_street[street, number].append(at)
            if postcode:
                self._by_postcode[postcode, number].append(at)
        if premises.unit and postcode:
            self._by_unit[street, postcode, premises.unit].append(at)
        for names in (name, organisation):
            if names:
                self._names[names].append(at)
                for word in names:
                    self._word_in_street[street, word].append(at)
                    if postcode:
                        self._word_in_postcode[postcode, word].append(at)
        if is_live:
            head = (*words, *(self._words(entry.street)[0] if entry.street else ()))
            if head:
                self._heads[postcode, head[0]].append((at, head))

    def _find_buildings(self) -> None:
        """The buildings of parts for which the gazetteer tells no parent: what has the same address but for the part.

        A gazetteer of UPRN and address alone tells none.
        """
        whole: dict[tuple[object, ...], set[int]] = defaultdict(set)
        for known in self.known:
            if known.is_live and known.parent is None and not known.premises.part and not known.organisation:
                whole[_building(known)].add(known.uprn)
        for known in self.known:
            if known.is_live and known.parent is None and known.premises.part:
                buildings = whole.get(_building(known), set())
                if len(buildings) == 1:
                    known.parent = next(iter(buildings))
                    self.children[known.parent].append(known.at)

    def _words(self, text: str) -> tuple[Name, tuple[bool, ...]]:
        got = self._read.get(text)
        if got is None:
            wording = read(text)
            got = self._read[text] = (wording.words, wording.starts)
        return got

    def _id(self, ids: dict[Name, int], of: list[Name], text: str) -> int:
        if not text:
            return -1
        words = self._words(text)[0]
        got = ids.get(words)
        if got is None:
            got = ids[words] = len(of)
            of.append(words)
        return got

    def _learn(self) -> None:
        """What follows from all entries together: the words known, phrases by their first word, likely misspellings."""
        self._read.clear()
        self._first_words: dict[str, list[tuple[Name, int]]] = defaultdict(list)
        self._cores: dict[str, list[tuple[Name, int]]] = defaultdict(list)
        self._place_words: dict[str, list[tuple[Name, int]]] = defaultdict(list)
        spelt: set[str] = set()
        for street, words in enumerate(self.streets):
            if words:
                self._first_words[words[0]].append((words, street))
                core = _core(words)
                if core and not (len(core) == 1 and core[0] in ("THE", "HIGH")):
                    self._cores[core[0]].append((core, street))
            spelt.update(words)
        for place, words in enumerate(self.places):
            if words:
                self._place_words[words[0]].append((words, place))
            spelt.update(words)
        for county in COUNTIES:
            self._place_words[county[0]].append((county, -1))
        for phrases in (self._first_words, self._cores, self._place_words):
            for found in phrases.values():
                found.sort(key=lambda one: (-len(one[0]), one[1]))
        self.words |= spelt | STREET_TYPES
        named: set[str] = set()
        for known in self.known:
            named |= known.name
            self.words |= known.organisation
        self.words |= named
        ends: dict[str, set[frozenset[str]]] = defaultdict(set)
        for entry, known in zip(self.entries, self.known, strict=True):
            if known.organisation:
                ends[read(entry.organisation).words[-1]].add(known.organisation)
        # A word that ends two organisations' names and is in no building's is a kind of business.
        self.businesses = {w for w in self.businesses if w not in named} | {
            word for word, names in ends.items() if len(names) > 1 and word not in named
        }
        times = Counter(
            word for known in self.known for names in (known.name, known.organisation) for word in names
        )
        for known in self.known:
            for names in (known.name, known.organisation):
                if names:
                    # A name that is given whole is found by its rarest word; short ones are not looked up misspelt.
                    key = min(names, key=lambda word: (len(word) < 4, times[word], word))
                    self._key_in_street[known.street, key].append(known.at)
                    if known.postcode:
                        self._key_in_postcode[known.postcode, key].append(known.at)
        self._of_streets = Spelling(spelt, self.words)
        self._of_names = Spelling(
            named | {word for known in self.known for word in known.organisation}, set()
        )

    # --- looking up -----------------------------------------------------------------------------------------

    def exactly(self, words: Name, postcode: str) -> list[int]:
        """Live entries that may be written in just these words, with that postcode ('' for none)."""
        return [
            at
            for at, head in self._heads.get((postcode, words[0]), ())
            if words[: len(head)] == head and self._are_places(words[len(head) :], self.known[at].places)
        ]

    def _are_places(self, words: Name, places: tuple[int, ...]) -> bool:
        """Whether words are nothing, the locality, the town, or the one and the other."""
        if not words:
            return True
        where = [self.places[place] for place in places]
        return words in where or words == tuple(word for place in where for word in place)

    def spellings(self, word: str) -> tuple[str, ...]:
        """The words of streets and places that a word may be misspelt for; itself alone where it is a word here."""
        return self._of_streets(word)

    def split(self, word: str) -> tuple[str, str] | None:
        """Two words known here that were run together (`MAINESTREET`); None where it is no such word."""
        if len(word) < 5 or word in self.words or not word.isalpha():
            return None
        for cut in range(3, len(word) - 1):
            if word[:cut] in self.words and word[cut:] in self.words:
                return word[:cut], word[cut:]
        return None

    def find_streets(self, words: Sequence[str]) -> list[Street]:
        """Streets named in the words, none inside a better one: exact before misspelt before another type of street."""
        exact = list(self._phrases(words, self._first_words))
        if not exact:
            for start, end, street, close in self._phrases_of_core(words):
                exact.append((start, end, street, close + 10))
        found = [Street(s, e, street, close % 10, close >= 10) for s, e, street, close in exact]
        found.sort(key=lambda f: (f.type_differs, f.close, f.start - f.end, -f.start, f.street))
        return [
            one
            for at, one in enumerate(found)
            if not any(
                better.start <= one.start and one.end <= better.end and better[:2] != one[:2]
                for better in found[:at]
            )
        ]

    def _phrases(
        self, words: Sequence[str], by_first: dict[str, list[tuple[Name, int]]]
    ) -> Iterator[tuple[int, int, int, int]]:
        for start, word in enumerate(words):
            if word[0].isdigit():
                continue
            for spelt in self.spellings(word):
                for phrase, what in by_first.get(spelt, ()):
                    if (close := self._agrees(words, start, phrase)) is not None:
                        yield start, start + len(phrase), what, close

    def _agrees(self, words: Sequence[str], start: int, phrase: Name) -> int | None:
        """How many words of a phrase are misspelt where it stands in the words; None where it does not stand there."""
        if start + len(phrase) > len(words):
            return None
        close = 0
        for at, wanted in enumerate(phrase):
            word = words[start + at]
            if word == wanted or (word in ("ST", "STREET") and wanted in ("ST", "STREET")):
                continue
            if wanted not in self.spellings(word):
                return None
            close += 1
        return close

    def _phrases_of_core(self, words: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
        for start, end, street, close in self._phrases(words, self._cores):
            follows = words[end] if end < len(words) else ""
            if follows in STREET_TYPES:
                yield start, end + 1, street, close
            else:
                yield start, end, street, close

    def find_places(self, words: Sequence[str]) -> list[tuple[int, int, int]]:
        """Towns, localities and counties in the words: (from, to, place), left to right; a county's place is -1."""
        found: list[tuple[int, int, int]] = []
        at = 0
        while at < len(words):
            best: tuple[int, int, int] | None = None
            for spelt in self.spellings(words[at]):
                for phrase, place in self._place_words.get(spelt, ()):
                    longer = best is None or len(phrase) > best[1] - best[0]
                    if longer and self._agrees(words, at, phrase) is not None:
                        best = (at, at + len(phrase), place)
            if best:
                found.append(best)
                at = best[1]
            else:
                at += 1
        return found

    def has_namesake(self, street: int) -> bool:
        """Whether another street in one of its towns has the same name but for the last word (ROAD, LANE)."""
        core = _core(self.streets[street])
        return any(
            self.are_namesakes(street, other) and self.street_towns[other] & self.street_towns[street]
            for _, other in self._cores.get(core[0] if core else "", ())
        )

    def are_namesakes(self, street: int, other: int) -> bool:
        """Whether two streets have the same name but for the last word."""
        return street != other and _core(self.streets[street]) == _core(self.streets[other])

    def at_number(self, street: int, postcode: str, number: str) -> list[int]:
        """Entries with a number in a street (-1 for none known), and with it in a postcode."""
        found = list(self._by_street.get((street, number), ())) if street >= 0 else []
        if postcode:
            found += self._by_postcode.get((postcode, number), ())
        return found

    def streets_in(self, postcode: str) -> set[int]:
        """The streets that a postcode lies in."""
        return self.postcode_streets.get(postcode, set())

    def at_unit(self, street: int, postcode: str, unit: str) -> list[int]:
        """Entries with a flat or unit in a street of a postcode."""
        return self._by_unit.get((street, postcode, unit), [])

    def at_name(self, street: int, postcode: str, words: frozenset[str]) -> list[int]:
        """Entries in a street or postcode with a building or organisation whose words may all be given, or misspelt."""
        found: list[int] = []
        for word in sorted(words):
            for spelt in self._of_names(word):
                found += self._key_in_street.get((street, spelt), ())
                if postcode:
                    found += self._key_in_postcode.get((postcode, spelt), ())
        return found

    def sharing_word(self, street: int, postcode: str, words: frozenset[str]) -> list[int]:
        """Entries in a street or postcode with a building or organisation that has one of these words in its name."""
        found: list[int] = []
        for word in sorted(words):
            found += self._word_in_street.get((street, word), ())
            if postcode:
                found += self._word_in_postcode.get((postcode, word), ())
        return found

    def named(self, words: frozenset[str]) -> list[int]:
        """Entries anywhere with exactly these words as name of building or organisation."""
        return self._names.get(words, [])

    def is_building(self, known: Known) -> bool:
        """Whether an entry is a building that others are part of, or by its class the shell of one."""
        return known.class_code.startswith("P") or known.uprn in self.children


def _core(street: Name) -> Name:
    """A street's name without its last word, where that is a kind of street."""
    return street[:-1] if street and street[-1] in STREET_TYPES else street


def _building(known: Known) -> tuple[object, ...]:
    return known.premises.number, known.name, known.street, known.places, known.postcode


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """No search for garbage while a gazetteer is held: its millions of small objects all stay, and hold no circles."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def structured(entry: Entry) -> Entry:
    """An entry known by its whole text alone, with premises, street and town read from the commas of that text.

    The street is the last part but the first that ends in a street's word, else the first that begins with a number;
    the last part behind it is the town and what is between them the locality.
    """
    parts = [part.strip() for part in entry.address.upper().split(",") if part.strip()]
    postcode = entry.postcode
    if parts and not postcode:
        whole = read(parts[-1])
        if whole.postcode:
            postcode = whole.postcode
            parts[-1] = " ".join(whole.words)
            parts = [part for part in parts if part]
    if not parts:
        return entry._replace(postcode=postcode)
    of_type = [i for i, part in enumerate(parts) if (w := read(f"X {part}").words) and w[-1] in STREET_TYPES]
    numbered = [
        i for i, part in enumerate(parts) if re.match(r"[0-9]+[A-Z]?(?:-[0-9]+[A-Z]?)? +[A-Z]{3}", part)
    ]
    inner = [i for i in of_type if i < len(parts) - 1 or len(parts) == 1 or i in numbered[-1:]]
    at = inner[-1] if inner else numbered[0] if numbered else of_type[-1] if of_type else None
    if at is None:
        town = parts[-1] if len(parts) > 1 else ""
        name = ", ".join(parts[:-1] if town else parts)
        return entry._replace(building_name=name, town=town, postcode=postcode)
    number, street = "", parts[at]
    if split := re.match(r"(?:NO\.? )?([0-9]+[A-Z]?(?:-[0-9]+[A-Z]?)?) +(.+)", street):
        number, street = split[1], split[2]
    before = parts[:at]
    # `PELLOWS BAKERY, 2 HIGH STREET`: who is there, where something else tells which property it is.
    is_business = before and before[0].split()[-1] in BUSINESSES and (number or len(before) > 1)
    organisation = before.pop(0) if is_business else ""
    sub = before.pop(0) if before and re.split(r"\W", before[0])[0] in UNITS else ""
    name = ", ".join(before)
    after = parts[at + 1 :]
    return entry._replace(
        organisation=organisation,
        sub_building=sub,
        building_name=name,
        building_number=number,
        street=street,
        locality=", ".join(after[:-1]),
        town=after[-1] if after else "",
        postcode=postcode,
    )


class Spelling:
    """Which of some words another may be misspelt for. Words that are `known` are never taken for misspelt."""

    def __init__(self, words: set[str], known: set[str]) -> None:
        self._known = known
        self._forms: dict[str, list[str]] = defaultdict(list)
        for word in sorted(words):
            if 3 <= len(word) <= LONGEST_WORD and word.isalpha():
                for form in one_letter_less(word):
                    self._forms[form].append(word)
        self._found: dict[str, tuple[str, ...]] = {}

    def __call__(self, word: str) -> tuple[str, ...]:
        """The word itself, and the words that it may be misspelt for."""
        got = self._found.get(word)
        if got is None:
            if word in self._known or not 4 <= len(word) <= LONGEST_WORD or not word.isalpha():
                got = (word,)
            else:
                near = {w for form in one_letter_less(word) for w in self._forms.get(form, ())} - {word}
                got = (word, *sorted(w for w in near if is_close(word, w)))
            if len(self._found) < 200_000:
                self._found[word] = got
        return got


def one_letter_less(word: str) -> set[str]:
    """The word itself and each form with one letter left out. Words that share a form are at most two edits apart."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def is_close(one: str, other: str) -> bool:
    """Whether two words may be one misspelt: one letter wrong, missing, added or swapped with the next.

    Words of four letters or fewer must share their first; two mistakes are forgiven in words of nine letters or more.
    """
    if one == other:
        return True
    if (
        abs(len(one) - len(other)) > 2
        or min(len(one), len(other)) < 3
        or not (one.isalpha() and other.isalpha())
    ):
        return False
    shortest = min(len(one), len(other))
    if shortest <= 4 and one[0] != other[0]:
        return False
    return one_edit(one, other) or (shortest >= 9 and edits(one, other) <= 2)


def one_edit(one: str, other: str) -> bool:
    """Whether two different words are one edit apart: a letter wrong, missing or added, or two neighbours swapped."""
    if len(one) < len(other):
        one, other = other, one
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(other))
    if len(one) > len(other):
        return one[at + 1 :] == other[at:]
    if one[at + 1 :] == other[at + 1 :]:
        return True
    return one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]


def edits(one: str, other: str) -> int:
    """Edits between two words: letters wrong, missing or added, and neighbours swapped (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        former, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, former[j - 2] + 1)
            row.append(cost)
    return row[-1]
