"""Addresses as words: what may be written otherwise and be the same, and what must never become the same."""

from __future__ import annotations

import random
import time

import pytest

from pipelines.address.standardise import LONGEST, is_ordinal, postcode_of, read, without_accents


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("12 High Street", "12 HIGH STREET"),
        ("12 HIGH ST", "12 HIGH STREET"),
        ("12 high rd", "12 HIGH ROAD"),
        ("1 St Mary's Road", "1 ST MARYS ROAD"),
        ("1 St. Mary\u2019s Rd", "1 ST MARYS ROAD"),
        ("1 Saint Marys Rd", "1 ST MARYS ROAD"),
        ("St Johns Cl", "ST JOHNS CLOSE"),
        ("Fox & Hounds The Sq", "FOX AND HOUNDS THE SQUARE"),
        ("12 High Street BA24BA Bath", "12 HIGH STREET BATH"),
        ("Caf\u00e9 L\u00e2lage 12 High St", "CAFE LALAGE 12 HIGH STREET"),
        ("T\u0177 Gwyn", "TY GWYN"),
        ("Flat 03 12 Mill La", "FLAT 3 12 MILL LANE"),
        ("3 - 5 Mill Lane", "3-5 MILL LANE"),
        ("3\u20135 Mill Lane", "3-5 MILL LANE"),
        ("3 to 5 Mill Lane", "3-5 MILL LANE"),
        ("3 & 5 Mill Lane", "3-5 MILL LANE"),
        ("2 / 18 Mill Lane", "2/18 MILL LANE"),
        ("R/O 18 Mill Lane", "REAR OF 18 MILL LANE"),
        ("C/O Mrs Penhallow 18 Mill Lane", "18 MILL LANE"),
        ("Care of Penhallow and Sons, 18 Mill Lane", "18 MILL LANE"),
        ("C/O Ground Floor Flat, 18 Mill Lane", "GROUND FLOOR FLAT 18 MILL LANE"),
        ("18 Mill Lane (Mrs Penhallow)", "18 MILL LANE"),
        ("18 Mill Lane (Flat 2)", "18 MILL LANE FLAT 2"),
        ("18 Mill Lane (rear)", "18 MILL LANE REAR"),
        ("18 Mill Lane, DO NOT VISIT ALONE, Oldmere", "18 MILL LANE OLDMERE"),
        ("18 Mill Lane tel 01234 567890", "18 MILL LANE"),
        ("Unit B2 1st Floor, 5 High Street", "UNIT B2 1ST FLOOR 5 HIGH STREET"),
        ("Flat B1 2nd Avenue", "FLAT B1 2ND AVENUE"),
        ("14\u00bd Mill Lane", "14 1/2 MILL LANE"),
        ("14\u00b2 Mill Lane", "14 2 MILL LANE"),
        ("\uff11\uff14 Mill Lane", "14 MILL LANE"),
        ("  \t ", ""),
        ("", ""),
    ],
)
def test_words(text: str, words: str) -> None:
    assert " ".join(read(text).words) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12 High Street", "12A High Street"),
        ("12 High Street", "112 High Street"),
        ("141 High Street", "14\u00b9 High Street"),
        ("Flat 1, 2 High Street", "Flat 12, High Street"),
        ("10 High Street", "1 High Street"),
        ("1-2 High Street", "12 High Street"),
        ("1/2 High Street", "12 High Street"),
        ("New Chapel, Low Road", "Little Chapel, Low Road"),
        ("12 Mill Road", "12 Mill Lane"),
        ("12 Avenue Road", "12 Road"),
        ("14 Mill Lane", "Rear of 14 Mill Lane"),
    ],
)
def test_what_is_not_the_same_stays_apart(one: str, other: str) -> None:
    assert read(one).words != read(other).words


def test_words_of_words_are_the_same_words() -> None:
    dice = random.Random(4)
    parts = [
        "Flat 3",
        "12A",
        "3-5",
        "2/18",
        "St Mary's Rd",
        "High St",
        "(Flat 2)",
        "C/O Mr Penhallow",
        "The Sq",
        "Oldmere",
        "PK",
        "1st",
    ]
    for _ in range(300):
        text = dice.choice((", ", " ")).join(dice.sample(parts, dice.randint(1, 6)))
        words = read(text).words
        assert (
            read(", ".join(words)).words == tuple("STREET" if w == "ST" else w for w in words)
            or "ST" in words
        )
        assert sum(w[0].isdigit() for w in words) >= sum(
            part[0].isdigit() for part in text.split(", ") if part in parts
        )


def test_commas_begin_parts() -> None:
    wording = read("Flat 3, 12 High Street\nOldmere")
    assert wording.words == ("FLAT", "3", "12", "HIGH", "STREET", "OLDMERE")
    assert wording.starts == (True, False, True, False, False, True)


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("12 High Street", "qx11aa", ("QX1 1AA", "QX1", set())),
        ("12 High Street", "QX1", ("", "QX1", set())),
        ("12 High Street", "QX1 1", ("", "QX1", set())),
        ("12 High Street", "unknown", ("", "", set())),
        ("12 High Street QX1 1AA", "", ("QX1 1AA", "QX1", set())),
        ("12 High Street QX1 1AA", "QX1", ("QX1 1AA", "QX1", set())),
        ("12 High Street, QX1", "", ("", "QX1", set())),
        ("12 High Street QX1 1AA", "QX1 1AA", ("QX1 1AA", "QX1", set())),
        ("12 High Street QX1 1AA", "QX2 2BB", ("QX2 2BB", "QX2", {"QX1 1AA"})),
        ("12 High Street, A1", "QX2 2BB", ("QX2 2BB", "QX2", set())),
    ],
)
def test_postcode(text: str, column: str, expected: tuple[str, str, set[str]]) -> None:
    wording = read(text, column)
    assert (wording.postcode, wording.outward, set(wording.other_postcodes)) == expected


def test_postcode_column() -> None:
    assert postcode_of(" qx1-1aa ") == ("QX1 1AA", "QX1")
    assert postcode_of("EC1A 1BB") == ("EC1A 1BB", "EC1A")
    assert postcode_of("1234") == ("", "")


def test_ordinals_and_accents() -> None:
    assert is_ordinal("1ST") and not is_ordinal("1") and not is_ordinal("1STREET")
    assert without_accents("Caf\u00e9") == "Cafe"


def test_no_text_makes_reading_slow() -> None:
    """Twice the length takes about twice the time, for texts made of what the patterns look for."""
    dice = random.Random(1)
    bits = [
        "C/O ",
        "CARE OF ",
        "A ",
        "QX1 1AA ",
        "(",
        ")",
        "0",
        "1-",
        "1/",
        "TEL 0",
        "0123 ",
        "'",
        " ",
        ",",
        "A",
        "1",
        "FLAT ",
        "\n",
        "\u00bd",
    ]
    patterns = bits + ["".join(dice.sample(bits, 2)) for _ in range(40)]

    def seconds(length: int) -> float:
        started = time.process_time()
        for pattern in patterns:
            read((pattern * length)[:length])
        return time.process_time() - started

    short, long = min(seconds(LONGEST) for _ in range(2)), seconds(8 * LONGEST)
    assert long < 8 * 4 * short
