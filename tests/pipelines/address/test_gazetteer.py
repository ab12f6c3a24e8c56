"""The gazetteer as it is looked up: what is learnt from it, and how an address in one text is taken apart."""

from __future__ import annotations

import random

import pytest

from pipelines.address.gazetteer import (
    Entry,
    Gazetteer,
    edits,
    is_close,
    one_edit,
    one_letter_less,
    structured,
)
from tests.small_gazetteer import ENTRIES, TEXTS, whole_text


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer(ENTRIES)


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("14 MILL LANE, OLDMERE", ("", "", "", "14", "MILL LANE", "", "OLDMERE")),
        ("FLAT 3, 12-14 CANAL ROW, STEPWICK", ("", "FLAT 3", "", "12-14", "CANAL ROW", "", "STEPWICK")),
        (
            "FLAT 7, CLARENCE HEIGHTS, 8 BRIDGE END, OLDMERE",
            ("", "FLAT 7", "CLARENCE HEIGHTS", "8", "BRIDGE END", "", "OLDMERE"),
        ),
        (
            "PELLOWS BAKERY, 2 HIGH STREET, OLDMERE",
            ("PELLOWS BAKERY", "", "", "2", "HIGH STREET", "", "OLDMERE"),
        ),
        (
            "THE OLD BAKERY, CHAPEL LANE, LITTLE HAYES, OLDMERE",
            ("", "", "THE OLD BAKERY", "", "CHAPEL LANE", "LITTLE HAYES", "OLDMERE"),
        ),
        (
            "NEW CHAPEL, CHAPEL LANE, LITTLE HAYES, OLDMERE",
            ("", "", "NEW CHAPEL", "", "CHAPEL LANE", "LITTLE HAYES", "OLDMERE"),
        ),
        ("5 HEOL Y BRYN, LLANFECHAN", ("", "", "", "5", "HEOL Y BRYN", "", "LLANFECHAN")),
        ("TY GWYN, LLANFECHAN", ("", "", "TY GWYN", "", "", "", "LLANFECHAN")),
        ("14 MILL LANE", ("", "", "", "14", "MILL LANE", "", "")),
    ],
)
def test_an_address_in_one_text(address: str, fields: tuple[str, ...]) -> None:
    assert structured(Entry(1, address=address, postcode="QX1 1AA"))[5:12] == fields


def test_a_postcode_in_the_text() -> None:
    entry = structured(Entry(1, address="14 Mill Lane, Oldmere, QX1 1AA"))
    assert (entry.street, entry.town, entry.postcode) == ("MILL LANE", "OLDMERE", "QX1 1AA")
    assert structured(Entry(1, address=",,")).street == ""


def test_texts_are_read_like_fields() -> None:
    same = 0
    for entry, text in zip(ENTRIES, TEXTS, strict=True):
        found = structured(text)
        same += found[5:12] == entry[5:12]
    assert same > 0.8 * len(ENTRIES)


def test_streets_are_found_exact_misspelt_and_by_name(gazetteer: Gazetteer) -> None:
    def found(text: str) -> list[tuple[str, int, bool]]:
        return [
            (" ".join(gazetteer.streets[s.street]), s.close, s.type_differs)
            for s in gazetteer.find_streets(text.split())
        ]

    assert found("14 MILL LANE OLDMERE") == [("MILL LANE", 0, False)]
    assert found("5 STATOIN ROAD") == [("STATION ROAD", 1, False)]
    assert found("5 STATION STREET") == [("STATION ROAD", 0, True)]
    assert found("5 NOWHERE AT ALL") == []


def test_places_at_their_longest(gazetteer: Gazetteer) -> None:
    words = ["X", "LITTLE", "HAYES", "OLDMERE", "WEST", "SUSSEX"]
    assert [
        (a, b, " ".join(gazetteer.places[p]) if p >= 0 else "") for a, b, p in gazetteer.find_places(words)
    ] == [
        (1, 3, "LITTLE HAYES"),
        (3, 4, "OLDMERE"),
        (4, 6, ""),
    ]


def test_namesakes_are_streets_of_one_town_that_differ_in_the_last_word(gazetteer: Gazetteer) -> None:
    by_name = {" ".join(words): at for at, words in enumerate(gazetteer.streets)}
    assert gazetteer.has_namesake(by_name["MILL LANE"]) and gazetteer.has_namesake(by_name["MILL ROAD"])
    assert not gazetteer.has_namesake(by_name["HIGH STREET"])
    assert gazetteer.are_namesakes(by_name["MILL LANE"], by_name["MILL ROAD"])


def test_run_together_words_are_parted(gazetteer: Gazetteer) -> None:
    assert gazetteer.split("MILLLANE") == ("MILL", "LANE")
    assert gazetteer.split("OLDMERE") is None and gazetteer.split("MILLXANE") is None


def test_a_word_of_the_gazetteer_is_never_taken_for_misspelt(gazetteer: Gazetteer) -> None:
    assert gazetteer.spellings("OLDMERE") == ("OLDMERE",)
    assert "OLDMERE" in gazetteer.spellings("OLDMEER")


def test_a_kind_of_business_is_learnt_unless_a_building_is_named_so() -> None:
    shops = [
        Entry(n, organisation=f"{name} CHANDLERY", building_number=str(n), street="QUAY")
        for n, name in ((1, "A"), (2, "B"))
    ]
    assert "CHANDLERY" in Gazetteer(shops).businesses
    assert (
        "CHANDLERY"
        not in Gazetteer([*shops, Entry(3, building_name="THE OLD CHANDLERY", street="QUAY")]).businesses
    )


def test_buildings_are_found_where_no_parent_is_told() -> None:
    texts = Gazetteer(TEXTS)
    assert {texts.known[at].uprn for at in texts.children[220]} == {221, 222}
    twice = [
        Entry(1, building_number="9", street="QUAY"),
        Entry(2, building_number="9", street="QUAY"),
        Entry(3, sub_building="FLAT 1", building_number="9", street="QUAY"),
    ]
    assert dict(Gazetteer(twice).children) == {}


def test_a_retired_part_is_no_part() -> None:
    assert all(entry.status == "live" for entry in ENTRIES if entry.uprn in Gazetteer(ENTRIES).children[200])


# Spelling


@pytest.mark.parametrize(
    ("one", "other", "close"),
    [
        ("STATION", "STATOIN", True),
        ("STATION", "STATON", True),
        ("STATION", "STTION", True),
        ("STATION", "STATTION", True),
        ("STATION", "STOTIAN", False),
        ("MILL", "HILL", False),
        ("MILL", "MILK", True),
        ("12", "13", False),
        ("AB", "AC", False),
        ("WEATHERCOCK", "WETHERCOK", True),
        ("NEWMERE", "OLDMERE", False),
        ("14A", "14B", False),
    ],
)
def test_close(one: str, other: str, close: bool) -> None:
    assert is_close(one, other) is is_close(other, one) is close


def test_edits_against_the_definition() -> None:
    """Optimal string alignment, and its two short cuts, on random words against plain recursion."""
    dice = random.Random(3)

    def plainly(a: str, b: str) -> int:
        if not a or not b:
            return len(a) + len(b)
        ways = [plainly(a[1:], b) + 1, plainly(a, b[1:]) + 1, plainly(a[1:], b[1:]) + (a[0] != b[0])]
        if len(a) > 1 and len(b) > 1 and a[0] == b[1] and a[1] == b[0]:
            ways.append(plainly(a[2:], b[2:]) + 1)
        return min(ways)

    for _ in range(400):
        one, other = ("".join(dice.choices("ABC", k=dice.randint(0, 5))) for _ in range(2))
        assert edits(one, other) == plainly(one, other)
        if one != other:
            assert one_edit(one, other) == (edits(one, other) == 1), (one, other)
        if edits(one, other) == 1:
            assert one_letter_less(one) & one_letter_less(other)


def test_whole_text_of_an_entry() -> None:
    assert whole_text(ENTRIES[0]) == "12 MILL LANE, OLDMERE"
