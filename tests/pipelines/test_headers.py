"""Which header is what: other names that a description knows, and what a missing one may have become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.authority import Dataset
from pipelines.headers import become, by_their_names, headers_needed, quoted_if_needed


def dataset(**columns: Any) -> Dataset:
    return Dataset(
        name="tax", group="service", path=Path("x"), title="T", owner="O", sensitivity="open", columns=columns
    )


def test_other_names_stand_for_the_one_of_the_description() -> None:
    tax = dataset(UPRN={"is": "uprn", "also": ["UPRN_NEW", "Prop Id"]}, PC="postcode")
    assert by_their_names(tax, ["prop id ", "PC"]) == ["UPRN", "PC"]
    # Where the file has the name itself, another column is another.
    assert by_their_names(tax, ["UPRN_NEW", "uprn"]) == ["UPRN_NEW", "uprn"]


def test_what_need_not_be_there() -> None:
    tax = dataset(UPRN="uprn", NAME="personal", OLD="ignore", BAND="category")
    assert headers_needed(tax) == ["UPRN", "BAND"]


@pytest.mark.parametrize(
    ("row", "values", "found"),
    [
        (["REF", "UPRN_NEW", "PC"], ["r", "100023", "AB1 2CD"], "UPRN_NEW"),  # written alike
        (["REF", "Key", "PC"], ["r", "100023", "AB1 2CD"], "Key"),  # stands where it stood
        (["REF", "UPRN_NEW", "PC"], ["r", "n/a", "AB1 2CD"], ""),  # no value to tell by
        (["REF", "UPRN_NEW", "PC"], ["r", "Mr Smith", "AB1 2CD"], ""),  # other values
        (["REF", "PC", "Key"], ["r", "AB1 2CD", "100023"], ""),  # elsewhere, under another name
        (["REF", "Key", "No", "PC"], ["r", "100023", "100024", "AB1 2CD"], ""),  # either of two
    ],
)
def test_what_a_missing_header_has_become(row: list[str], values: list[str], found: str) -> None:
    tax = dataset(REF="record_reference", UPRN="uprn", PC="postcode")
    assert become(tax, row, [values] * 3, "UPRN") == found


@pytest.mark.parametrize(
    ("header", "written"), [("Prop Id", "Prop Id"), ("a, b", "'a, b'"), ("it's: x", "'it''s: x'")]
)
def test_header_as_a_description_writes_it(header: str, written: str) -> None:
    assert quoted_if_needed(header) == written
