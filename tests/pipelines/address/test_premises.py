"""What an address says of the property itself, read from words: unit, floor, number, names."""

from __future__ import annotations

import pytest

from pipelines.address.premises import Premises, read_premises, undone_date
from pipelines.address.standardise import read


def premises(text: str, before_street: bool = True) -> Premises:
    wording = read(text)
    return read_premises(wording.words, wording.starts, before_street)


@pytest.mark.parametrize(
    ("text", "unit", "number", "names"),
    [
        ("12", "", "12", ""),
        ("12A", "", "12A", ""),
        ("12 A", "", "12A", ""),
        ("No. 12", "", "12", ""),
        ("3-5", "", "3-5", ""),
        ("Flat 3, 12", "3", "12", ""),
        ("Flat 3 12", "3", "12", ""),
        ("Flat No. 3, 12", "3", "12", ""),
        ("Flat 03, 12", "3", "12", ""),
        ("F3 12", "3", "12", ""),
        ("Flat 3 B, 12", "3B", "12", ""),
        ("Flat 3A 12", "3A", "12", ""),
        ("A, 12", "A", "12", ""),
        ("Apartment 3, 12", "3", "12", ""),
        ("3, 12", "3", "12", ""),
        ("2/18", "2", "18", ""),
        ("Flat 2/18", "2", "18", ""),
        ("0/1, 30", "0/1", "30", ""),
        ("Flat 0/1, 30", "0/1", "30", ""),
        ("2F1, 14", "2F1", "14", ""),
        ("Flat 2F1 14", "2F1", "14", ""),
        ("Flat 3, 12/14", "3", "12-14", ""),
        ("Flat 3, 12-14", "3", "12-14", ""),
        ("Flat, 11", "", "11", ""),
        ("Flat 3, Victoria Court", "3", "", "VICTORIA COURT"),
        ("Flat 3, Victoria Court, 12", "3", "12", "VICTORIA COURT"),
        ("B, Victoria Court, 12", "B", "12", "VICTORIA COURT"),
        ("Clarence Heights 8", "", "8", "CLARENCE HEIGHTS"),
        ("Best Hair Studio 18", "", "18", "BEST HAIR STUDIO"),
        ("Studio 18, 12", "18", "12", ""),
        ("Granny Annexe, 12", "ANNEXE", "12", ""),
    ],
)
def test_unit_number_and_names(text: str, unit: str, number: str, names: str) -> None:
    found = premises(text)
    assert (found.unit, found.number, " ".join(found.names), found.spare, found.lead) == (
        unit,
        number,
        names,
        (),
        "",
    )


@pytest.mark.parametrize(
    ("text", "floor"),
    [
        ("GFF, 20", "0"),
        ("Ground Floor Flat 20", "0"),
        ("First Floor, 20", "1"),
        ("1st floor flat 20", "1"),
        ("FFF 20", "1"),
        ("Basement, 20", "B"),
        ("Basement Flat 20", "B"),
        ("Lower Ground Floor Flat, 20", "B"),
        ("Top Flat, 20", "T"),
        ("Second Flr 20", "2"),
        ("First House 20", ""),
    ],
)
def test_floor(text: str, floor: str) -> None:
    found = premises(text)
    assert (found.floor, found.number) == (floor, "20")
    assert found.part == (f"FLOOR {floor}" if floor else "FLAT" if found.is_part else "")


def test_a_number_before_a_name_may_be_either() -> None:
    found = premises("5 Station Mansions")
    assert (found.lead, found.number, found.unit, found.names) == ("5", "", "", ("STATION", "MANSIONS"))


def test_numbers_beyond_these_are_kept_apart() -> None:
    assert premises("3, 5, 12").spare == ("5",)
    assert premises("14 1/2").spare == ("14",)
    assert premises("Flat 3, 5, 12").spare == ("5",)


def test_a_unit_without_a_word_for_it_is_guessed() -> None:
    assert premises("3, 12").is_guessed
    assert not premises("Flat 3, 12").is_guessed


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ("Rear of 12", "REAR"),
        ("Land adj 12", "LAND"),
        ("Garages 12", "GARAGE"),
        ("Next to 12", "NEXT"),
        ("Opposite, 12", "OPPOSITE"),
        ("Next Stop House, 12", ""),
        ("The Garage Cottage, 12", ""),
    ],
)
def test_beside(text: str, beside: str) -> None:
    assert premises(text).beside == beside


@pytest.mark.parametrize(
    "text", ["Flat above 6", "Flat over shop, 6", "Flat over the shop 6", "Flat 6", "Flat, 6"]
)
def test_a_flat_without_a_number(text: str) -> None:
    found = premises(text)
    if text != "Flat 6":  # of which `match` says that the number may be either's
        assert (found.part, found.number, found.names) == ("FLAT", "6", ())


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Flat 2, 18", "home"), ("Shop 2, 18", "work"), ("Caravan 2, 18", "site"), ("Unit 2, 18", "")],
)
def test_kind_of_part(text: str, kind: str) -> None:
    assert (premises(text).unit, premises(text).kind) == ("2", kind)


def test_both_sides_are_read_alike() -> None:
    """Every part once, in whatever order the words come."""
    for text in ("Flat 7, Clarence Heights, 8", "Clarence Heights, Flat 7, 8"):
        found = premises(text)
        assert (found.unit, found.number, set(found.names)) == ("7", "8", {"CLARENCE", "HEIGHTS"})
        assert len(found.names) == len(found.parts)


def test_nothing() -> None:
    assert read_premises((), (), True) == Premises()


@pytest.mark.parametrize(
    ("number", "range_"),
    [("42858", "3-5"), ("42859", "4-5"), ("36526", "1-1"), ("35999", ""), ("55000", ""), ("12", "")],
)
def test_ranges_that_became_dates(number: str, range_: str) -> None:
    assert undone_date(number) == range_
