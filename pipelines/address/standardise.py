"""The standard form of an address, and the ways in which a gazetteer entry may rightly be written.

Here belongs how text is brought to one form; comparing what is nearly equal, and deciding on a place, do not. The
standard form only undoes ways of writing: case, punctuation, abbreviations of street types. It never changes a number.
"""

from __future__ import annotations

import re

STREET_TYPES = {
    "AV": "AVENUE", "AVE": "AVENUE", "BLVD": "BOULEVARD", "CL": "CLOSE", "CLO": "CLOSE", "CRES": "CRESCENT",
    "CRESC": "CRESCENT", "CT": "COURT", "CRT": "COURT", "DR": "DRIVE", "DRV": "DRIVE", "GDNS": "GARDENS",
    "GDN": "GARDEN", "GR": "GROVE", "GRV": "GROVE", "HSE": "HOUSE", "LA": "LANE", "LN": "LANE", "PDE": "PARADE",
    "PL": "PLACE", "RD": "ROAD", "SQ": "SQUARE", "STR": "STREET", "TCE": "TERRACE", "TERR": "TERRACE", "WLK": "WALK",
}  # fmt: skip
UNITS = {"APARTMENT": "FLAT", "APT": "FLAT", "FLT": "FLAT", "MAISONETTE": "FLAT"}

# `UNIT B2 1ST FLOOR` and `FLAT B1 2ND AVENUE` hold no postcode.
_POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]?\s*(?![0-9](?:ST|ND|RD|TH)\s+[A-Z])[0-9][A-Z]{2}\b")
_APOSTROPHE = re.compile(r"['\u2019`]")
_OTHER = re.compile(r"[^A-Z0-9]+")
_PADDED = re.compile(r"\b0+(?=[0-9])")


def standard_form(text: str) -> str:
    """An address in standard form: upper case, words parted by one space, no postcode, abbreviations written out.

    Accents are taken off. `ST` is read as STREET except before a name (`ST MARYS ROAD`) or after a number.
    """
    plain = _without_accents(text.upper())
    plain = _POSTCODE.sub(" ", plain)
    plain = _APOSTROPHE.sub("", plain).replace("&", " AND ")
    words = _PADDED.sub("", _OTHER.sub(" ", plain)).split()
    out: list[str] = []
    for i, word in enumerate(words):
        if word == "ST":
            after_name = i > 0 and not any(c.isdigit() for c in words[i - 1])
            word = "STREET" if after_name else "ST"
        elif i > 0:
            word = STREET_TYPES.get(word, word)
        out.append(UNITS.get(word, word))
    return " ".join(out)


def _without_accents(text: str) -> str:
    import unicodedata

    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def address_key(text: str, postcode: str | None) -> str:
    """What two writings of one address share: the standard form and the postcode (empty where there is none)."""
    return f"{standard_form(text)}|{postcode or ''}"


def numbered(
    start: int | None, start_suffix: str | None, end: int | None, end_suffix: str | None, name: str | None
) -> str:
    """A BS7666 addressable object as text: name, then number with suffix, or range (`FLAT 2`, `12A`, `3-5`)."""
    first = f"{start}{start_suffix or ''}" if start is not None else ""
    last = f"-{end}{end_suffix or ''}" if end is not None else ""
    return " ".join(part for part in (name or "", first + last) if part)


def ways_of_writing(
    secondary: str, primary: str, street: str, locality: str, town: str, postcode: str | None
) -> set[str]:
    """The address keys under which one gazetteer entry may be found: with and without locality, town and flat word.

    Without a postcode an address must name its town.
    """
    heads = [" ".join(part for part in (secondary, primary, street) if part)]
    if secondary and secondary[0].isdigit():
        heads.append(f"FLAT {heads[0]}")
    keys: set[str] = set()
    for head in heads:
        for place in ("", locality, town, f"{locality} {town}") if postcode else ():
            keys.add(address_key(f"{head} {place}", postcode))
        if town:
            keys.add(address_key(f"{head} {town}", None))
            keys.add(address_key(f"{head} {locality} {town}", None))
    return keys
