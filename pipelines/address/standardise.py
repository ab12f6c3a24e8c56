"""An address as words: one form for the many ways in which the same address is written.

Here belongs how text becomes words: case, punctuation, abbreviations, ranges, the postcode taken out, notes and
care-of names left out. It never changes a number. What the words mean (unit, number, street) is for `premises` and
`match`; the lists of words are in `words`.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from pipelines.address.words import (
    ABBREVIATIONS,
    ANNEXES,
    BESIDE,
    FLOOR_CODES,
    NOTES,
    NUMBERED_UNITS,
    STREET_TYPES,
    TITLES,
    UNITS,
)

# Longer texts are no addresses; `match` does not read them.
LONGEST = 1_000
# Words for which what stands in brackets is more than a remark.
TELLING = UNITS | NUMBERED_UNITS | ANNEXES | BESIDE | FLOOR_CODES.keys() | {"FLOOR", "BASEMENT"}

# `UNIT B2 1ST FLOOR` and `FLAT B1 2ND AVENUE` hold no postcode.
_POSTCODE = re.compile(r"\b([A-Z]{1,2}[0-9][A-Z0-9]?)\s*(?![0-9](?:ST|ND|RD|TH)\s+[A-Z])([0-9][A-Z]{2})\b")
_OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")
_LAST_WORD = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)[\s,.]*$")
_SPACES = re.compile(r"[^\S\n]+")
_BRACKETS = re.compile(r"\(([^()]*)\)?")
# Care of whom: up to the comma, or a title and a name.
_CARE_OF = re.compile(
    rf"\b(?:C\s?/\s?O|CARE OF)\b[\s:]*((?:{'|'.join(sorted(TITLES))})\b\.?\s?[A-Z]+|[A-Z ]+,)?,?"
)
_TELEPHONE = re.compile(
    r"\b(?:TEL|TELEPHONE|PHONE|MOB|MOBILE)\b[\s.:]*[0-9 ]{6,}|\b0[0-9]{2,4} ?[0-9]{3,4} ?[0-9]{3,4}\b"
)
_APOSTROPHE = re.compile(r"['\u2019`]")
_AND = re.compile(r" ?& ?")
_REAR_OF = re.compile(r"\bR\s?/\s?O\b")
_RANGE = re.compile(r"\b([0-9]+[A-Z]?)\s?(?:[-\u2013\u2014]|TO\b|AND\b)\s?([0-9]+[A-Z]?)\b")
_SLASH = re.compile(r"\s?/\s?")
_WORD = re.compile(r"[0-9]+[A-Z]?-[0-9]+[A-Z]?|(?:[0-9]+[A-Z]?|\b[A-Z])/[0-9]+[A-Z]?\b|[A-Z0-9]+|[,;|\n]")
_PADDED = re.compile(r"\b0+(?=[0-9])")
_ORDINAL = re.compile(r"[0-9]+(?:ST|ND|RD|TH)")


@dataclass(frozen=True, slots=True)
class Wording:
    """An address as words. `starts[i]` says that a comma stands before word i; `postcode` is in PCDS form or ''.

    `outward` is the postcode's first half, alone or not; `other_postcodes` are those of the text that differ.
    """

    words: tuple[str, ...]
    starts: tuple[bool, ...]
    postcode: str
    outward: str
    other_postcodes: frozenset[str] = frozenset()


def postcode_of(text: str) -> tuple[str, str]:
    """A postcode column as (whole postcode in PCDS form, outward half); '' for what is not there."""
    plain = re.sub(r"[^A-Z0-9]", "", text.upper())
    if re.fullmatch(r"[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}", plain):
        return f"{plain[:-3]} {plain[-3:]}", plain[:-3]
    # `QX1 1` is cut off behind the first figure of its second half.
    halves = text.upper().split()
    half = halves[0] if len(halves) == 2 else plain
    cut_off = re.fullmatch(r"([A-Z]{1,2}[0-9][A-Z0-9]?)[0-9]", plain)
    if _OUTWARD.fullmatch(half):
        return "", half
    return "", cut_off[1] if cut_off else ""


def read(text: str, postcode: str | None = None) -> Wording:
    """An address in words. A postcode inside the text is taken out, and counts where the column has no whole one."""
    plain = _SPACES.sub(" ", text.upper())
    if not plain.isascii():
        plain = without_accents(plain)
    whole, outward = postcode_of(postcode) if postcode else ("", "")
    found = [f"{half} {rest}" for half, rest in _POSTCODE.findall(plain)]
    if found:
        plain = _POSTCODE.sub(",", plain)
        whole = whole or found[-1]
        outward = whole.split(" ")[0]
    elif not outward and (last := _LAST_WORD.search(plain)) and not whole and "," in plain[: last.start()]:
        outward = last[1]
        plain = plain[: last.start()]
    if "(" in plain:
        plain = _BRACKETS.sub(_without_remark, plain)
    if "/" in plain or "CARE OF" in plain:
        plain = _REAR_OF.sub("REAR OF", _CARE_OF.sub(_without_remark, plain))
        plain = _SLASH.sub("/", plain)
    if "0" in plain:
        plain = _TELEPHONE.sub(" ", plain)
    plain = _AND.sub(" AND ", _APOSTROPHE.sub("", plain))
    plain = _RANGE.sub(r"\1-\2", _PADDED.sub("", plain))
    words, starts = _words(_WORD.findall(plain))
    return Wording(words, starts, whole, outward, frozenset(found) - {whole})


def _without_remark(found: re.Match[str]) -> str:
    """What stands in brackets or is care of somebody left out, unless it tells which part of a building is meant."""
    words = re.findall(r"[A-Z0-9]+", found[1] or "")
    tells = any(word in TELLING or word[0].isdigit() or _OUTWARD.fullmatch(word) for word in words)
    return f" , {found[1]} , " if tells else " "


def _words(found: list[str]) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    words: list[str] = []
    starts: list[bool] = []
    first = True
    in_note = False
    for at, word in enumerate(found):
        if not word[0].isalnum():
            first, in_note = True, False
            continue
        if in_note:
            continue
        if first and word in NOTES and _is_note(found, at):
            in_note = True
            continue
        if word == "SAINT":
            word = "ST"
        elif word == "ST":
            word = "STREET" if _is_street(found, at, first) else "ST"
        elif not first:
            word = ABBREVIATIONS.get(word, word)
        words.append(word)
        starts.append(first)
        first = False
    return tuple(words), tuple(starts)


def _is_note(found: list[str], at: int) -> bool:
    """Whether the part that begins here is a note: it says no number, and another of its words is one of a note."""
    part: list[str] = []
    for word in found[at:]:
        if not word[0].isalnum():
            break
        part.append(word)
    return sum(word in NOTES for word in part) * 2 >= len(part) and not (set(part) & STREET_TYPES)


def _is_street(found: list[str], at: int, first: bool) -> bool:
    """Whether ST is a street: it follows a name. After a number, a comma or nothing it is a saint."""
    if first or at == 0:
        return False
    before = found[at - 1]
    return not before[0].isdigit() and before not in UNITS and len(before) > 1


@functools.lru_cache(maxsize=10_000)
def without_accents(text: str) -> str:
    """The text with accents taken off its letters."""
    # A half or a superscript is no digit of the number that it stands behind.
    parted = "".join(f" {c} " if unicodedata.category(c) == "No" else c for c in text)
    plain = "".join(c for c in unicodedata.normalize("NFKD", parted) if not unicodedata.combining(c))
    return plain.replace("\u2044", "/")


def is_ordinal(word: str) -> bool:
    """Whether a word is an ordinal number (`1ST`), which is no house number."""
    return _ORDINAL.fullmatch(word) is not None
