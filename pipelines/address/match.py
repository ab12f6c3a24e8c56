"""Deciding which property an address means, and saying why in words; or that nothing is certain, and why not.

Here belong which entries of the gazetteer could be meant, and the decision between them: a match is made only where one
property wins by a margin, else the record is for review. Deterministic: the same address and gazetteer give the same
decision, and nothing is learnt from records. How words are understood is `reading`, how a record compares with one
entry `compare`, what the gazetteer holds `gazetteer`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipelines.address.compare import Compared, Comparison, Evidence
from pipelines.address.gazetteer import Entry, Gazetteer, Known
from pipelines.address.premises import ANNEXE, Premises, undone_date
from pipelines.address.reading import Reader, Reading
from pipelines.address.standardise import LONGEST, Wording, read
from pipelines.address.words import FILLERS

MATCHED, BUILDING, REVIEW, NONE = "matched", "building", "review", "none"
MOST_CANDIDATES = 5
# By how much a match must be better than the next property, and how good it must be; of 100.
MARGIN = 5
LEAST = 60


@dataclass(frozen=True, slots=True)
class Candidate:
    """A property that could be meant: how well it agrees (0 to 100) and in what."""

    uprn: int
    score: int
    evidence: tuple[Evidence, ...]
    address: str
    postcode: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What an address came to.

    `outcome` is `matched` (one property, `uprn`), `building` (the building is certain, the part of it is not:
    `building_uprn`), `review` (a person should decide between the candidates) or `none`. `reason` is plain English
    without any value of the record. Candidates are best first, at most five.
    """

    outcome: str
    uprn: int | None
    building_uprn: int | None
    precision: str
    score: int
    reason: str
    candidates: tuple[Candidate, ...] = ()


def record_hash(address: str, postcode: str | None) -> str:
    """A mark of an address as a record gives it (hex, 32 characters): the same wording always has the same one."""
    text = " ".join(address.upper().split()) + "|" + "".join((postcode or "").upper().split())
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Matcher:
    """Decides on addresses against one gazetteer."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.gazetteer = Gazetteer(entries)
        self.reader = Reader(self.gazetteer)
        self.comparison = Comparison(self.gazetteer)

    def match(self, address: str, postcode: str | None = None) -> Decision:
        """The decision on one address; `postcode` as its column gives it, whole, in part or not at all."""
        if len(address or "") > LONGEST:
            return Decision(
                NONE, None, None, "", 0, f"the text is too long for an address: over {LONGEST:,} characters"
            )
        wording = self.reader.repaired(read(address or "", postcode))
        if not wording.words:
            return Decision(NONE, None, None, "", 0, "no address is given")
        if _is_box(wording.words):
            return Decision(NONE, None, None, "", 0, "a PO box is where post is fetched, not a property")
        if not self.gazetteer.entries:
            return Decision(NONE, None, None, "", 0, "there is no gazetteer with addresses to match it to")
        if exact := self._exact(wording):
            return exact
        compared: dict[int, Compared] = {}
        readings = self.reader.readings(wording)
        for reading in readings:
            for at in self._candidates(reading, wording):
                known = self.gazetteer.known[at]
                got = self.comparison.compare(reading, wording, known)
                if got and (known.uprn not in compared or got.cost < compared[known.uprn].cost):
                    compared[known.uprn] = got
        return self._decide(sorted(compared.values(), key=lambda c: (c.cost, c.known.uprn)), readings[0])

    def _exact(self, wording: Wording) -> Decision | None:
        """The match where just these words and this postcode are one live property's, and no building's with parts."""
        if not wording.postcode:
            return None
        found = self.gazetteer.exactly(wording.words, wording.postcode)
        known = self.gazetteer.known[found[0]] if found else None
        if known is None or any(self.gazetteer.known[at].uprn != known.uprn for at in found):
            return None
        if (
            self.gazetteer.is_building(known)
            or known.organisation
            or self._has_twin(known)
            or wording.other_postcodes
        ):
            return None
        said = Evidence("address", "same", "the whole address is the same")
        entry = self.gazetteer.entries[known.at]
        candidate = Candidate(known.uprn, 100, (said,), _as_text(entry), entry.postcode)
        return Decision(MATCHED, known.uprn, None, "property", 100, said.said, (candidate,))

    def _has_twin(self, known: Known) -> bool:
        """Whether another live property has the same number or name and part, beside some other name or none."""
        premises = known.premises
        if premises.number:
            found = self.gazetteer.at_number(known.street, known.postcode, premises.number)
        else:
            found = self.gazetteer.sharing_word(known.street, known.postcode, known.name)
        return any(
            other.is_live
            and other.uprn != known.uprn
            and other.name >= (set() if premises.number else known.name)
            and (other.premises.part, other.premises.number) == (premises.part, premises.number)
            and (other.street, other.postcode) == (known.street, known.postcode)
            for other in map(self.gazetteer.known.__getitem__, found)
        )

    def _candidates(self, reading: Reading, wording: Wording) -> list[int]:
        gazetteer, premises = self.gazetteer, reading.premises
        street = reading.street.street if reading.street else -1
        numbers = _numbers(premises)
        found: dict[int, None] = {}
        if premises.unit and not (premises.number or premises.lead or reading.names) and wording.postcode:
            found.update(dict.fromkeys(gazetteer.at_unit(street, wording.postcode, premises.unit)))
        for number in numbers:
            found.update(dict.fromkeys(gazetteer.at_number(street, wording.postcode, number)))
        if reading.names and len(found) < 200:
            found.update(dict.fromkeys(gazetteer.at_name(street, wording.postcode, reading.names)))
            if reading.street is None or not found:
                for words in _name_parts(premises):
                    found.update(dict.fromkeys(gazetteer.named(words)[:200]))
        return list(found)

    def _decide(self, compared: list[Compared], reading: Reading) -> Decision:
        live = [c for c in compared if c.known.is_live]
        candidates = tuple(self._candidate(c) for c in compared[:MOST_CANDIDATES])
        if not live:
            if compared:
                said = "only a property that was retired has this address"
                return Decision(NONE, None, None, "", 0, said, candidates)
            return Decision(NONE, None, None, "", 0, self._why_nothing(reading), ())
        same = [c for c in live if c.relation == "same"]
        best = same[0] if same else live[0]
        score = max(0, 100 - best.cost)

        def doubtful(why: str) -> Decision:
            return Decision(REVIEW, None, None, "", score, why, candidates)

        if not same:
            return self._decide_building(live, candidates)
        if best.doubt:
            return doubtful(DOUBTS[best.doubt])
        if score < LEAST:
            return doubtful("too little agrees: " + _told(best))
        if not best.is_swapped and any(c.is_swapped and _verdict(c, "unit") == "same" for c in same):
            return doubtful(DOUBTS["part or house"])
        if _verdict(best, "postcode") != "same" and any(_is_named_in_postcode(c) for c in same[1:]):
            return doubtful("the postcode has a property of that name, and the street another")
        rivals = [c for c in same[1:] if c.cost - best.cost < MARGIN or _are_twins(best, c)]
        if rivals:
            if all(_are_twins(best, c) for c in rivals):
                return doubtful(
                    "two properties have this address, under different names; the record does not say which"
                )
            return doubtful(f"{len(rivals) + 1} properties agree equally well")
        if _is_unnamed(best) and any(_is_its_flat(c.known, best.known) for c in live):
            return doubtful(
                "a business and a flat without a number have this address; the record does not say which"
            )
        if self.gazetteer.is_building(best.known) and best.organisation != "same":
            known = best.known
            if known.class_code.startswith("P") or self.comparison.is_divided(known):
                why = "the building is certain, but the record does not say which part of it: " + _told(best)
                return Decision(BUILDING, None, known.uprn, "building", score, why, candidates)
        return Decision(MATCHED, best.known.uprn, None, "property", score, _told(best), candidates)

    def _decide_building(self, live: list[Compared], candidates: tuple[Candidate, ...]) -> Decision:
        """No entry is the property itself: the building, where that is certain, else for review."""
        best = live[0]
        score = max(0, 100 - best.cost)

        def doubtful(why: str) -> Decision:
            return Decision(REVIEW, None, None, "", score, why, candidates)

        if best.doubt:
            return doubtful(DOUBTS[best.doubt])
        if score < LEAST - 15:
            return doubtful("too little agrees: " + _told(best))
        as_good = [one for one in live if not one.doubt and one.cost - best.cost < MARGIN]
        buildings = {self._building_of(one) for one in as_good}
        building = buildings.pop() if len(buildings) == 1 else None
        if building is None:
            return doubtful("several parts of buildings agree; the record does not say which")
        is_absent = any(e.field == "unit" and e.verdict == "extra" for e in best.evidence)
        what = (
            "that flat or unit is not in the gazetteer"
            if is_absent
            else "the record does not say which part of it"
        )
        agrees = replace(best, evidence=[e for e in best.evidence if e.field != "unit"])
        why = f"the building is certain, but {what}: " + _told(agrees)
        return Decision(BUILDING, None, building, "building", score, why, candidates)

    def _building_of(self, one: Compared) -> int | None:
        """The UPRN of the building that the record's part is in; None where the gazetteer has none that is live."""
        building = one.known.uprn if one.relation == "building" else one.known.parent
        if building is None or building not in self.gazetteer.by_uprn:
            return None
        is_live = any(self.gazetteer.known[at].is_live for at in self.gazetteer.by_uprn[building])
        return building if is_live else None

    def _why_nothing(self, reading: Reading) -> str:
        if reading.street is None:
            return "neither street nor building is known to the gazetteer"
        number = reading.premises.number or reading.premises.lead
        if number and self.gazetteer.at_number(reading.street.street, "", number):
            return "the street has that number, but with no such flat, unit or name"
        if number:
            return "the street is known, but has no such number"
        if reading.names:
            return "the street is known, but has no building or organisation of that name"
        return "the street is known, but the record names no property in it"

    def _candidate(self, compared: Compared) -> Candidate:
        entry = self.gazetteer.entries[compared.known.at]
        return Candidate(
            entry.uprn, max(0, 100 - compared.cost), tuple(compared.evidence), _as_text(entry), entry.postcode
        )


def _is_box(words: tuple[str, ...]) -> bool:
    """Whether the words have a PO box."""
    text = f" {' '.join(words)} "
    return " PO BOX " in text or " P O BOX " in text or " POBOX " in text


def _as_text(entry: Entry) -> str:
    return entry.address or ", ".join(
        part
        for part in (
            entry.organisation,
            entry.sub_building,
            entry.building_name,
            f"{entry.building_number} {entry.street}".strip(),
            entry.locality,
            entry.town,
        )
        if part
    )


DOUBTS = {
    "retired": "only a property that was retired has this address",
    "numbers": "the record has more numbers than one property's address",
    "range": "the number is within a range of numbers, which is not the same property",
    "part or house": "the number may be that of the flat or of the house",
    "organisation": "the gazetteer has only an organisation there, which the record does not name",
    "business": "the record names a business that the gazetteer does not have there",
    "street": "the street is not the one that the postcode lies in",
    "street type": "there are several streets of that name but for its last word",
    "postcodes": "the record gives two postcodes, and the street lies in both",
    "between": "the words between number and street are not known: it may be another street, or a row of houses",
    "longer": "the name of the street goes on, and no such street is known",
    "names": "a second building is named there, which the gazetteer does not have",
    "name of another": "the number is one property's and the name another's in the same street",
    "place": "number or name agree, but neither town nor postcode makes the place certain",
    "beside": "the record is beside, behind or on land at a property, or was once there: not the property itself",
}


_IN_WORDS = {"building_name": "building name", "unit": "flat or unit"}


def _told(compared: Compared) -> str:
    """The evidence in one sentence: what is the same, then what is not."""
    same = list(
        dict.fromkeys(_IN_WORDS.get(e.field, e.field) for e in compared.evidence if e.verdict == "same")
    )
    other = list(dict.fromkeys(e.said for e in compared.evidence if e.verdict != "same"))
    head = "same " + (", ".join(same[:-1]) + " and " + same[-1] if len(same) > 1 else same[0]) if same else ""
    return "; ".join(part for part in (head, *other) if part)


def _verdict(compared: Compared, field: str) -> str:
    return next((e.verdict for e in compared.evidence if e.field == field), "")


def _is_named_in_postcode(compared: Compared) -> bool:
    """Whether a property of the record's own postcode, without a number, has the record's name."""
    named = _verdict(compared, "building_name") in ("same", "close") and not compared.known.premises.number
    return named and _verdict(compared, "postcode") == "same"


def _is_unnamed(compared: Compared) -> bool:
    """Whether the entry is somebody's, or has a name, whom the record does not name."""
    return any(
        e.field in ("organisation", "building_name") and e.verdict == "missing" for e in compared.evidence
    )


def _is_its_flat(one: Known, other: Known) -> bool:
    """Whether an entry is the FLAT, without a number, above another: often written as the shop below."""
    return (
        one.premises.part == "FLAT"
        and bool(one.premises.number)
        and (
            (one.premises.number, one.street, one.postcode)
            == (other.premises.number, other.street, other.postcode)
        )
    )


def _are_twins(one: Compared, other: Compared) -> bool:
    """Whether two properties at one address differ in the organisation alone, and the record names neither."""
    a, b = one.known, other.known
    return (
        a.premises == b.premises
        and a.street == b.street
        and a.postcode == b.postcode
        and a.organisation != b.organisation
        and one.organisation != "same"
        and other.organisation != "same"
    )


def _numbers(premises: Premises) -> list[str]:
    """The house numbers under which the premises may be found."""
    found: list[str] = []
    number = premises.number
    if number:
        found.append(number)
        if len(premises.unit) == 1 and premises.unit.isalpha() and number.isdigit():
            found.append(number + premises.unit)
        elif premises.unit.isdigit() and number.isdigit():
            found.append(f"{premises.unit}-{number}")  # `12/14`, where it is a range
        if not number[-1].isdigit() and number[:-1].isdigit():
            found.append(number[:-1])
        if dated := undone_date(number):
            found.append(dated)
        if "-" in number:
            found += number.split("-")
    elif premises.lead:
        found.append(premises.lead)
    elif premises.unit and premises.unit != ANNEXE:
        found.append(premises.unit)
    return found


def _name_parts(premises: Premises) -> list[frozenset[str]]:
    """The names of premises: all words together, and those of each part between commas."""
    parts: dict[int, list[str]] = {}
    for word, part in zip(premises.names, premises.parts, strict=True):
        if word not in FILLERS:
            parts.setdefault(part, []).append(word)
    whole = frozenset(word for words in parts.values() for word in words)
    return list(dict.fromkeys([whole, *(frozenset(words) for words in parts.values())]))
