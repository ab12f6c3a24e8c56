"""Comparing a record with one entry of the gazetteer, field by field: the vetoes, the evidence, and what it costs.

Here belongs whether two numbers, units, names, streets, postcodes and towns are the same, and what it means where they
are not. A different number, unit or suffix is a veto, never "close". Which entries are compared, and what their
comparisons come to together, is `match`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.address.gazetteer import Gazetteer, Known, is_close
from pipelines.address.premises import ANNEXE, Premises, undone_date
from pipelines.address.reading import Reading
from pipelines.address.standardise import Wording
from pipelines.address.words import FILLERS, ROWS, SECOND_DWELLINGS, STREET_TYPES

# Classes of communal homes, whose rooms the gazetteer does not hold: care homes, shared houses, hotels, hospitals.
SHARED = ("RI", "RH", "CH", "CM")


@dataclass(frozen=True, slots=True)
class Evidence:
    """How one field of the address compares: same, close, missing, extra or different; `said` in words, no values."""

    field: str
    verdict: str
    said: str


@dataclass(slots=True)
class Compared:
    """A record's reading beside one entry: `cost` 0 for agreement in all, and how it agrees field by field."""

    known: Known
    cost: int
    evidence: list[Evidence] = field(default_factory=list)
    # part: the record names the building that this is a part of; building: this is the building of the record's part.
    relation: str = "same"
    # Why it cannot be a match by itself, however good; '' where it can.
    doubt: str = ""
    organisation: str = "none"
    is_swapped: bool = False


class Comparison:
    """Compares readings of records with entries of one gazetteer."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer
        # Whether two towns or localities are written alike, by their numbers: asked for each candidate.
        self._alike: dict[tuple[int, int], bool] = {}

    def compare(self, reading: Reading, wording: Wording, known: Known) -> Compared | None:
        """How a reading compares with an entry; None where something in it is a veto."""
        if known.premises.beside and known.premises.beside != reading.premises.beside:
            return None
        mine, its = reading.premises.unit, known.premises.unit
        if mine and its and mine != its and not reading.is_swapped:
            return None  # what `_compare_unit` says too; most entries of a block of flats go no further
        got = Compared(known, 0)
        if not known.is_live:
            got.doubt = "retired"
        elif reading.is_swapped:
            got.cost, got.doubt, got.is_swapped = 10, "part or house", True
        has_number = self._compare_number(got, reading, known)
        if has_number is None or not self._compare_unit(got, reading, known):
            return None
        if not self._compare_names(got, reading, known, has_number):
            return None
        self._compare_place(got, reading, wording, known)
        if reading.premises.beside != known.premises.beside:
            got.doubt = got.doubt or "beside"
        if set(reading.premises.spare) - {known.premises.unit, known.premises.number, *known.premises.spare}:
            got.doubt = got.doubt or "numbers"
        return got

    def _compare_number(self, got: Compared, reading: Reading, known: Known) -> bool | None:
        """Whether the numbers agree (True), are not both there (False), or differ (None: a veto)."""
        mine, its = reading.premises, known.premises
        number = mine.number
        if not its.number:
            if number and not _is_alternative(mine, its) and (mine.unit or number != its.unit):
                got.cost += 8
                got.evidence.append(Evidence("number", "extra", "the gazetteer has no number there"))
            return False
        if number == its.number and not _is_alternative(mine, its):
            got.evidence.append(Evidence("number", "same", "same number"))
            return True
        if number:
            if _is_alternative(mine, its):
                got.cost += 6
                got.evidence.append(Evidence("number", "same", "same number and letter, written another way"))
                return True
            if reading.street and undone_date(number) == its.number:
                got.cost += 6
                got.evidence.append(
                    Evidence("number", "close", "a range that a spreadsheet turned into a date")
                )
                return True
            if _within(number, its.number) or _within(its.number, number):
                got.cost += 20
                got.doubt = "range"
                got.evidence.append(Evidence("number", "close", "one number is within the other's range"))
                return True
            return None
        if mine.lead and mine.lead == its.number and (not its.unit or its.unit == mine.unit):
            # `5 STATION MANSIONS, LYNN ROAD`: number 5 of the road only where no such flat is there.
            if known.name & reading.names or known.organisation & reading.names:
                got.cost += 1
            else:
                got.cost += 10
                if not self._is_of_street(reading.names, known):
                    got.doubt = got.doubt or "between"  # `12 OLD MILL ROAD` is not 12 of MILL ROAD
            got.evidence.append(Evidence("number", "same", "same number"))
            return True
        if mine.unit == its.number and not its.unit and not mine.lead and not reading.names:
            got.cost += 12  # `FLAT 11 MUNDFORD ROAD`, of which 11 is the house
            got.doubt = "part or house"
            got.evidence.append(Evidence("number", "close", "the number may be the flat's or the house's"))
            return True
        if known.number_in_name:
            return None  # `NEW COTTAGE 8` is not `NEW COTTAGE`
        got.cost += 12
        got.evidence.append(Evidence("number", "missing", "the record gives no number"))
        return False

    def _compare_unit(self, got: Compared, reading: Reading, known: Known) -> bool:
        """Whether the entry may be the record's part of a building, the building or another part of it (`relation`);
        False is a veto.
        """
        mine, its = reading.premises, known.premises
        if mine.floor and its.floor and mine.floor != its.floor:
            return False
        if mine.kind and its.kind and mine.kind != its.kind:
            return False
        if not its.part:
            self._compare_with_whole(got, reading, known)
            return True
        if _is_alternative(mine, its):
            return True
        if mine.part == its.part:
            got.evidence.append(Evidence("unit", "same", "same flat or unit"))
            return True
        numbered = bool(mine.unit or mine.floor)
        if (
            not numbered
            and its.unit
            and (mine.lead == its.unit or (not its.number and mine.number == its.unit))
        ):
            got.cost += 1
            got.evidence.append(Evidence("unit", "same", "same flat or unit"))
            return True
        if not numbered or got.doubt == "part or house":
            got.relation = "part"
            got.cost += 15
            got.evidence.append(Evidence("unit", "missing", "the record names no flat or unit"))
            return True
        return False

    def _compare_with_whole(self, got: Compared, reading: Reading, known: Known) -> None:
        """Compare the record's part, if it names one, with an entry that is no part of anything."""
        mine, its = reading.premises, known.premises
        if got.doubt == "part or house" or _is_alternative(mine, its):
            return
        if not mine.part:
            if not mine.lead or mine.lead == its.number:
                return
        elif mine.part == "FLAT":
            got.cost += 10
            got.evidence.append(
                Evidence("unit", "missing", "the record means a flat that it does not number")
            )
            is_unnamed = bool(known.name - reading.names)
            if (
                self.is_divided(known)
                or known.parent is not None
                or known.class_code.startswith("C")
                or is_unnamed
            ):
                got.relation = "building"
            return
        elif mine.is_room and known.class_code.startswith(SHARED) and not self.is_divided(known):
            got.cost += 4
            got.evidence.append(Evidence("unit", "extra", "a room in a home that many share"))
            return
        got.relation = "building"
        got.cost += 15
        got.evidence.append(Evidence("unit", "extra", "the gazetteer's entry is not that flat or unit"))
        if mine.is_guessed or (mine.number and mine.lead and not mine.unit):
            got.doubt = got.doubt or "numbers"

    def _compare_names(self, got: Compared, reading: Reading, known: Known, has_number: bool) -> bool:
        names, name, organisation = reading.names, known.name, known.organisation
        same, missing, close = _overlap(names, name)
        left = names - same
        named_so = bool(name) and not missing and _stands_together(reading.premises, same)
        if organisation:
            as_organisation, lacking, misspelt = _overlap(left | same, organisation)
            if not lacking and _stands_so(reading.premises, known.organisation_words):
                left -= as_organisation
                got.organisation = "same"
                got.cost += 3 * misspelt
                got.evidence.append(Evidence("organisation", "same", "same organisation"))
            else:
                got.organisation = "missing"
        business = left & self.gazetteer.businesses
        if business and got.organisation != "same":
            if not has_number or organisation:
                return False  # another business
            got.organisation = "extra"
            got.doubt = got.doubt or "business"
            got.cost += 20
            got.evidence.append(
                Evidence("organisation", "different", "a business that the gazetteer has not there")
            )
        elif got.organisation == "missing":
            got.cost += 6
            got.evidence.append(
                Evidence("organisation", "missing", "the record does not name the organisation")
            )
        if has_number:
            if named_so:
                got.cost += 2 * close
                got.evidence.append(
                    Evidence("building_name", "close" if close else "same", "same building name")
                )
            elif name and known.number_in_name and got.organisation != "same":
                return False  # `1 MANOR FARM` is not `1 MANOR FARM COTTAGES`
            elif name and left and got.organisation != "same":
                got.cost += 14
                got.evidence.append(Evidence("building_name", "different", "another building name"))
            elif name:
                got.cost += 4
                got.evidence.append(
                    Evidence("building_name", "missing", "the record does not name the building")
                )
            elif left and not business:
                got.cost += 4
                got.evidence.append(Evidence("building_name", "extra", "a name that the gazetteer has not"))
            if named_so and (left - organisation) & SECOND_DWELLINGS:
                got.doubt = got.doubt or "names"  # `THE COACH HOUSE, THE ELMS, 8 CASTLE STREET`
            if left and not named_so and self._is_of_another(left, known):
                # `4 VICTORIA COURT, HIGH STREET` is not 4 of the street; `THE ELMS, 10 HIGH STREET` may be either.
                if not (reading.premises.number and reading.street):
                    return False
                if self._is_of_another(left, known, nearby=True):
                    got.doubt = got.doubt or "name of another"
            return True
        if not names and known.premises.unit and reading.premises.unit == known.premises.unit:
            # `APARTMENT 5, QUEBEC STREET`: the only apartment 5 there, where the postcode agrees too.
            got.cost += 12
            got.evidence.append(Evidence("building_name", "missing", "the record does not name the building"))
            return True
        # Without a number the name decides, so it must be the whole name.
        if not named_so and got.organisation != "same":
            return False
        if (
            got.organisation == "missing"
            and not known.class_code.startswith("R")
            and not known.premises.number
            and not known.premises.unit
        ):
            got.doubt = got.doubt or "organisation"
        if not named_so and name:
            got.cost += 4
            got.evidence.append(Evidence("building_name", "missing", "the record does not name the building"))
        if left and _in_same_part(reading.premises, left, same):
            return False  # `NEW CHAPEL` is not `CHAPEL`
        if left:
            got.cost += 8
            got.evidence.append(Evidence("building_name", "extra", "more names than the gazetteer has"))
            if not known.premises.part:
                got.doubt = got.doubt or "names"  # `THE COACH HOUSE, THE OLD RECTORY`
        elif named_so:
            got.cost += 3 * close
            said = "same building name, but for a letter" if close else "same building name"
            got.evidence.append(Evidence("building_name", "close" if close else "same", said))
        return True

    def _is_of_street(self, names: frozenset[str], known: Known) -> bool:
        """Whether half the words, and no row of houses, are of the street's own name, as in `HALE 21A, ROAD`."""
        words = frozenset(self.gazetteer.streets[known.street]) if known.street >= 0 else frozenset()
        return 2 * len(_overlap(names, words)[0]) >= len(names) and not names & (ROWS | STREET_TYPES)

    def _is_of_another(self, names: frozenset[str] | set[str], known: Known, nearby: bool = False) -> bool:
        """Whether names are those of another building in the street or postcode, with another number or none.

        With `nearby` only where it has the entry's own postcode, or neither has one.
        """
        family = {known.uprn, known.parent} - {None}
        for at in self.gazetteer.sharing_word(known.street, known.postcode, frozenset(names)):
            other = self.gazetteer.known[at]
            is_related = other.uprn in family or other.parent in family
            is_named_so = bool(other.name) and other.name <= names
            if nearby and other.postcode != known.postcode:
                continue
            if is_named_so and not is_related and other.premises.number != known.premises.number:
                return True
        return False

    def _compare_place(self, got: Compared, reading: Reading, wording: Wording, known: Known) -> None:
        street_cost, street = self._compare_street(reading, known)
        postcode_cost, postcode = _compare_postcode(wording, known)
        town_cost, town = self._compare_town(reading, known)
        got.cost += street_cost + postcode_cost + town_cost
        got.evidence += [street, postcode, town]
        got.doubt = got.doubt or self._doubt_of_place(
            reading, wording, known, (street.verdict, postcode.verdict, town.verdict), got.evidence
        )

    def _compare_town(self, reading: Reading, known: Known) -> tuple[int, Evidence]:
        places = {place for place in reading.places if place >= 0}
        told = {p for p in places if any(self._same_place(p, k) for k in known.places)}
        # The street is in the village that the record names, and this is the one of its name elsewhere.
        elsewhere = known.street >= 0 and (places - told) & self.gazetteer.street_places[known.street]
        if told and not elsewhere and places - told:
            return 8, Evidence("town", "extra", "a locality that is not the property's")
        if told and not elsewhere:
            return 0, Evidence("town", "same", "same town or locality")
        if places:
            return 20, Evidence("town", "different", "another town or locality")
        if reading.unexplained:
            return 10, Evidence("town", "extra", "a place or note that is not known here")
        return 3, Evidence("town", "missing", "the record names no town")

    def _doubt_of_place(
        self,
        reading: Reading,
        wording: Wording,
        known: Known,
        verdicts: tuple[str, str, str],
        evidence: list[Evidence],
    ) -> str:
        """Why it is not certain where the record's premises are, however well these agree; '' where it is."""
        street, postcode, town = verdicts
        if reading.is_longer and street != "different":
            return "longer"
        given = self._given_type(reading, wording)
        # The gazetteer knows its town's streets: a STATION AVENUE that is not there is its one STATION ROAD. But a row
        # of houses need not be there, and another town's streets are not.
        if given and (given in ROWS or (postcode != "same" and town != "same")):
            return "street type"
        of_type = bool(reading.street and reading.street.type_differs)
        theirs = (self.gazetteer.streets_in(other) for other in wording.other_postcodes)
        if known.street >= 0 and any(known.street in streets for streets in theirs):
            return "postcodes"
        if postcode == "same":
            several = len(self.gazetteer.streets_in(known.postcode)) > 1
            return (
                "street"
                if street == "different" or (street == "missing" and not reading.names and several)
                else ""
            )
        nearly = postcode in ("close", "part")
        if street == "different":
            return "street"
        if street == "missing" and (postcode == "different" or (town != "same" and not nearly)):
            return "place"
        if town == "different" or (town == "extra" and not nearly):
            return "place"
        # A building or organisation of that name in a street of that name is one, wherever the street; another of both
        # names would be its rival.
        named = {e.field for e in evidence if e.verdict == "same"} & {"building_name", "organisation"}
        if named and street == "same" and town != "different" and postcode == "missing":
            return ""
        is_bare = street != "missing" and town == "missing" and not nearly
        in_several = known.street >= 0 and len(self.gazetteer.street_towns[known.street]) > 1
        if is_bare and (postcode == "different" or street == "close" or in_several):
            return "place"
        if town == "same" and not nearly and self._is_in_several(known, reading.places):
            return "place"
        if wording.postcode and known.street >= 0:
            # The record's postcode lies in another street of that name, or the street itself is in doubt.
            if known.street in self.gazetteer.streets_in(wording.postcode) or (
                of_type and postcode == "different"
            ):
                return "place"
            if any(
                self.gazetteer.are_namesakes(known.street, s)
                for s in self.gazetteer.streets_in(wording.postcode)
            ):
                return "street type"
        return "street type" if of_type and self.gazetteer.has_namesake(known.street) else ""

    def _given_type(self, reading: Reading, wording: Wording) -> str:
        """The last word that the record gives a street of another (`STATION AVENUE`); '' where it gives none."""
        found = reading.street
        if found is None or not found.type_differs:
            return ""
        last = wording.words[found.end - 1]
        return last if last in STREET_TYPES and last != self.gazetteer.streets[found.street][-1] else ""

    def _is_in_several(self, known: Known, told: frozenset[int]) -> bool:
        """Whether several villages of the town that is told have a street of that name (`THE STREET`)."""
        if known.street < 0 or told.issuperset(known.places):
            return False
        streets = {one for one, where in self.gazetteer.street_localities[known.street] if told & set(where)}
        return len(streets) > 1

    def _same_place(self, one: int, other: int) -> bool:
        if one == other:
            return True
        same = self._alike.get((one, other))
        if same is None:
            a, b = set(self.gazetteer.places[one]), set(self.gazetteer.places[other])
            same = self._alike[one, other] = a <= b or b <= a
        return same

    def _compare_street(self, reading: Reading, known: Known) -> tuple[int, Evidence]:
        found = reading.street
        if found is None:
            return 10, Evidence("street", "missing", "the record names no street that is known here")
        if found.street != known.street:
            mine, its = (self.gazetteer.streets[s] if s >= 0 else () for s in (found.street, known.street))
            if mine and its and (mine == its[-len(mine) :] or its == mine[-len(its) :]):
                return 6, Evidence("street", "close", "same street, but for words before it")
            return 40, Evidence("street", "different", "another street")
        if found.type_differs:
            return 8, Evidence("street", "close", "same street name, but for its last word")
        if reading.is_scattered:
            return 6, Evidence("street", "close", "the words of the street, misspelt or in another order")
        if found.close:
            return 4, Evidence("street", "close", "same street, misspelt")
        return 0, Evidence("street", "same", "same street")

    def is_divided(self, known: Known) -> bool:
        """Whether a home is in truth several: it has parts other than annexes. A shop below flats is an address."""
        return not known.class_code.startswith("C") and any(
            self.gazetteer.known[at].premises.unit != ANNEXE
            for at in self.gazetteer.children.get(known.uprn, ())
        )


def _compare_postcode(wording: Wording, known: Known) -> tuple[int, Evidence]:
    if not wording.postcode:
        if wording.outward and known.postcode.split(" ")[0] == wording.outward:
            return 2, Evidence("postcode", "part", "same first half of the postcode")
        if wording.outward:
            return 20, Evidence("postcode", "different", "another postcode")
        return 4, Evidence("postcode", "missing", "the record gives no postcode")
    if not known.postcode:
        return 4, Evidence("postcode", "missing", "the gazetteer gives no postcode")
    if wording.postcode == known.postcode:
        return 0, Evidence("postcode", "same", "same postcode")
    mine, its = wording.postcode, known.postcode
    differs = sum(a != b for a, b in zip(mine, its, strict=False)) if len(mine) == len(its) else 9
    if differs == 1:
        return 7, Evidence("postcode", "close", "postcode differs in one letter")
    if differs == 2 and sorted(mine) == sorted(its):
        return 7, Evidence("postcode", "close", "postcode has two letters swapped")
    if mine.split(" ")[0] == its.split(" ")[0]:
        return 12, Evidence("postcode", "different", "postcode differs in its second half")
    return 18, Evidence("postcode", "different", "another postcode")


def _is_alternative(mine: Premises, its: Premises) -> bool:
    """Whether `12B` on one side is flat B of 12 on the other."""
    return (_is_joined(mine.number, its) and not mine.unit) or (_is_joined(its.number, mine) and not its.unit)


def _is_joined(number: str, apart: Premises) -> bool:
    return (
        len(apart.unit) == 1
        and apart.unit.isalpha()
        and bool(apart.number)
        and number == apart.number + apart.unit
    )


def _within(number: str, span: str) -> bool:
    first, dash, last = span.partition("-")
    return (
        bool(dash)
        and number.isdigit()
        and first.isdigit()
        and last.isdigit()
        and (int(first) <= int(number) <= int(last))
    )


def _in_same_part(premises: Premises, left: frozenset[str] | set[str], same: set[str]) -> bool:
    """Whether a word that is left over stands between the same commas as one of the name."""
    of_same = {p for w, p in zip(premises.names, premises.parts, strict=True) if w in same}
    return any(p in of_same for w, p in zip(premises.names, premises.parts, strict=True) if w in left)


def _stands_together(premises: Premises, words: set[str]) -> bool:
    """Whether words of a name stand side by side, as those of one name do."""
    told = [word for word in premises.names if word not in FILLERS]
    at = [i for i, word in enumerate(told) if word in words]
    return any(set(told[i : i + len(words)]) == words for i in at)


def _stands_so(premises: Premises, wanted: tuple[str, ...]) -> bool:
    """Whether words stand side by side in just this order, between the same commas, each at most misspelt."""
    wanted = tuple(word for word in wanted if word not in FILLERS)
    told = [(w, p) for w, p in zip(premises.names, premises.parts, strict=True) if w not in FILLERS]
    for at in range(len(told) - len(wanted) + 1):
        here = told[at : at + len(wanted)]
        if len({part for _, part in here}) == 1 and all(
            word == its or is_close(word, its) for (word, _), its in zip(here, wanted, strict=True)
        ):
            return True
    return False


def _overlap(mine: frozenset[str] | set[str], its: frozenset[str]) -> tuple[set[str], set[str], int]:
    """My words that are its words (exact, or one letter off), its words that I lack, and how many were misspelt."""
    same = set(mine & its)
    missing = set(its - same)
    close = 0
    for word in sorted(missing):
        for other in sorted(mine - same):
            if is_close(word, other):
                same.add(other)
                missing.discard(word)
                close += 1
                break
    return same, missing, close
