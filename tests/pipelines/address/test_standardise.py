"""Addresses brought to one form: what may differ and still be the same, and what must never become the same."""

from __future__ import annotations

import random

import pytest

from pipelines.address.standardise import address_key, numbered, standard_form, ways_of_writing


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("12 High Street", "12 HIGH STREET"),
        ("12, High St., ", "12 HIGH STREET"),
        ("12 HIGH ST", "12 HIGH STREET"),
        ("12 high rd", "12 HIGH ROAD"),
        ("1 St Mary's Road", "1 ST MARYS ROAD"),
        ("1 St. Mary\u2019s Rd", "1 ST MARYS ROAD"),
        ("St Johns Cl", "ST JOHNS CLOSE"),
        ("Apartment 3, The Ct", "FLAT 3 THE COURT"),
        ("Flt 03 Mill La", "FLAT 3 MILL LANE"),
        ("MAISONETTE 2 ELM GDNS", "FLAT 2 ELM GARDENS"),
        ("12A Low Rd", "12A LOW ROAD"),
        ("12 a Low Rd", "12 A LOW ROAD"),
        ("3-5 Mill Lane", "3 5 MILL LANE"),
        ("Fox & Hounds, The Sq", "FOX AND HOUNDS THE SQUARE"),
        ("12 High Street, Bath, BA2 4BA", "12 HIGH STREET BATH"),
        ("12 High Street BA24BA Bath", "12 HIGH STREET BATH"),
        ("Caf\u00e9 L\u00e2lage, 12 High St", "CAFE LALAGE 12 HIGH STREET"),
        ("Unit B2 1st Floor, 5 High Street", "UNIT B2 1ST FLOOR 5 HIGH STREET"),
        ("Flat B1 2nd Ave", "FLAT B1 2ND AVENUE"),
        ("Unit E12 4th flr, 5 High Street", "UNIT E12 4TH FLR 5 HIGH STREET"),
        ("  \t ", ""),
        ("", ""),
    ],
)
def test_standard_form(text: str, form: str) -> None:
    assert standard_form(text) == form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12 High Street", "12A High Street"),
        ("12 High Street", "112 High Street"),
        ("Flat 1, 2 High Street", "Flat 12, High Street"),
        ("10 High Street", "1 High Street"),
        ("New Chapel, Low Road", "Little Chapel, Low Road"),
        ("12 Mill Road", "12 Mill Lane"),
        ("Unit B2 1st Floor, 5 High Street", "Unit B3 1st Floor, 5 High Street"),
        ("12 Avenue Road", "12 Road"),
    ],
)
def test_what_is_not_the_same_stays_apart(one: str, other: str) -> None:
    assert standard_form(one) != standard_form(other)


def test_standard_form_of_a_standard_form_is_itself() -> None:
    chance = random.Random(1)
    words = "FLAT 1 02 12A ST HIGH STREET RD AVE ST. MARY'S & THE 3-5 LA COURT CT , / é UNIT APT GDNS 2ND B1".split()
    words += ["BA2 4BA", "BA24BA"]
    for _ in range(3000):
        text = " ".join(chance.choices(words, k=chance.randrange(1, 8)))
        once = standard_form(text)
        assert standard_form(once) == once, text


def test_numbers_are_never_changed() -> None:
    chance = random.Random(2)
    for _ in range(500):
        numbers = [str(chance.randrange(1, 2000)) for _ in range(3)]
        form = standard_form(f"FLAT {numbers[0]}, {numbers[1]}-{numbers[2]} HIGH ST")
        assert [word for word in form.split() if word.isdigit()] == numbers


def test_address_key_holds_the_postcode_apart() -> None:
    assert address_key("12 High St, BA2 4BA", "BA2 4BA") == "12 HIGH STREET|BA2 4BA"
    assert address_key("12 High St", None) == "12 HIGH STREET|"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((12, None, None, None, None), "12"),
        ((12, "A", None, None, None), "12A"),
        ((3, None, 5, None, None), "3-5"),
        ((3, "A", 3, "C", None), "3A-3C"),
        ((None, None, None, None, "FLAT 2"), "FLAT 2"),
        ((1, None, None, None, "ROSE COTTAGE"), "ROSE COTTAGE 1"),
        ((0, None, None, None, None), "0"),
        ((None, None, None, None, None), ""),
    ],
)
def test_numbered(
    parts: tuple[int | None, str | None, int | None, str | None, str | None], text: str
) -> None:
    assert numbered(*parts) == text


def test_ways_of_writing_one_entry() -> None:
    keys = ways_of_writing("2", "12", "HIGH STREET", "WESTON", "BATH", "BA2 4BA")
    for written in (
        "2 12 High St",
        "Flat 2, 12 High St",
        "Flat 2, 12 High St, Bath",
        "Flat 2, 12 High St, Weston",
        "Flat 2, 12 High Street, Weston, Bath",
    ):
        assert address_key(written, "BA2 4BA") in keys, written
    assert address_key("Flat 2, 12 High St, Bath", None) in keys
    for written in ("12 High St", "Flat 2, High St", "Flat 12, High St", "2 High St"):
        assert address_key(written, "BA2 4BA") not in keys, written


def test_without_a_postcode_an_address_must_name_its_town() -> None:
    for postcode in ("BA2 4BA", None):
        keys = ways_of_writing("", "12", "HIGH STREET", "WESTON", "BATH", postcode)
        assert address_key("12 High Street", None) not in keys
        assert address_key("12 High Street, Weston", None) not in keys
        assert address_key("12 High Street, Bath", None) in keys
    assert ways_of_writing("", "12", "HIGH STREET", "", "", None) == set()
