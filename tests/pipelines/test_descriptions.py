"""Errors in descriptions: each says file, line, column, what was wanted, what was found, and the nearest valid key."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from pipelines.descriptions import Description, DescriptionError, nearest, read_description, read_yaml

HINT = "; put a value in quotes where it begins with * & { [ % @ or holds a colon and a space"
INTEGER = "wanted a valid integer, unable to parse string as an integer"


class Wheel(Description):
    """A part of the thing described."""

    size: int
    colour: Literal["red", "green"] = "red"
    kind: str = Field(default="", alias="is")


class Cart(Description):
    """A thing to describe."""

    name: str
    title: str
    built: date = date(2000, 1, 1)
    steady: bool = False
    wheels: dict[str, Wheel] = {}
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _two_wheels(self) -> Cart:
        for key, wheel in self.wheels.items():
            if wheel.size > 100:
                raise ValueError(f"`{key}`: a wheel of {wheel.size} does not fit")
        if len(self.wheels) > 2:
            raise ValueError("a cart has at most two wheels")
        return self


def problems(folder: Path, text: str | bytes) -> list[str]:
    """The messages that a description gives rise to, one a problem."""
    file = folder / "cart.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DescriptionError) as error:
        read_description(file, Cart, shown_as="cart.yaml", name="hay")
    assert str(error.value) == "\n".join(map(str, error.value.problems))
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "titel: A",
            [
                "cart.yaml:1:1: `titel` is not a key that is known here; did you mean `title`?",
                "cart.yaml:1:1: wanted the key `title`; it is missing",
            ],
        ),
        (
            "title: A\ncolour: red",
            [
                "cart.yaml:2:1: `colour` is not a key that is known here; known are built, steady, tags, title, wheels"
            ],
        ),
        (
            "title: A\nname: other",
            [
                "cart.yaml:2:1: `name` is not a key that is known here; known are built, steady, tags, title, wheels"
            ],
        ),
        ("title: A\ntitle: B", ["cart.yaml:2:1: the key `title` is given a second time; keep one"]),
        (
            "title: A\nwheels:\n  left: {size: 1, size: 2}",
            ["cart.yaml:3:19: the key `size` is given a second time; keep one"],
        ),
        (
            "title: A\nwheels:\n  left: {sise: 3, size: 3}",
            ["cart.yaml:3:10: `sise` is not a key that is known here; did you mean `size`?"],
        ),
        (
            "title: A\nwheels:\n  left: {size: 3, ist: x}",
            ["cart.yaml:3:19: `ist` is not a key that is known here; did you mean `is`?"],
        ),
        (
            "title: A\nwheels:\n  left: {kind: x, size: 3}",
            ["cart.yaml:3:10: `kind` is not a key that is known here; known are colour, is, size"],
        ),
        (
            "title: A\nwheels:\n  left: {colour: red}",
            ["cart.yaml:3:3: wanted the key `size` in `wheels.left`; it is missing"],
        ),
        (
            "title: A\nwheels:\n  left: {size: 3, colour: reed}",
            [
                "cart.yaml:3:19: `wheels.left.colour`: wanted one of red, green; found `reed`; did you mean `red`?"
            ],
        ),
        (
            "title: A\nwheels:\n  left: {size: big}",
            [f"cart.yaml:3:10: `wheels.left.size`: {INTEGER}; found `big`"],
        ),
        (
            "title: A\nwheels:\n  left: {size:}",
            [f"cart.yaml:3:10: `wheels.left.size`: {INTEGER}; found nothing"],
        ),
        ("title: [A]", ["cart.yaml:1:1: `title`: wanted a valid string; found a list"]),
        ("title: {A: b}", ["cart.yaml:1:1: `title`: wanted a valid string; found `key: value` lines"]),
        (
            "title: A\nsteady: perhaps",
            ["cart.yaml:2:1: `steady`: wanted a valid boolean, unable to interpret input; found `perhaps`"],
        ),
        ("title: A\nwheels:\n  left: {size: 500}", ["cart.yaml:3:3: `left`: a wheel of 500 does not fit"]),
        (
            "title: A\nwheels:\n  a: {size: 1}\n  b: {size: 1}\n  c: {size: 1}",
            ["cart.yaml:1:1: a cart has at most two wheels"],
        ),
        (
            "tags: [a]\nbuilt: 2026-13-01\nwheels: {a: {size: x}}",
            [
                "cart.yaml:1:1: wanted the key `title`; it is missing",
                "cart.yaml:2:1: `built`: wanted a valid date or datetime, month value is outside expected range of "
                "1-12; found `2026-13-01`",
                f"cart.yaml:3:14: `wheels.a.size`: {INTEGER}; found `x`",
            ],
        ),
        ("", ["cart.yaml:1:1: wanted `key: value` lines; found an empty file"]),
        ("- title", ["cart.yaml:1:1: wanted `key: value` lines; found something else"]),
        ("title: 'A", [f"cart.yaml:1:10: not valid YAML: found unexpected end of stream{HINT}"]),
        (
            "title: *.csv",
            [f"cart.yaml:1:9: not valid YAML: expected alphabetic or numeric character, but found '.'{HINT}"],
        ),
        (
            "title: &x {tags: *x}",
            ["cart.yaml:1:18: `*x` refers to another value, which is not done here; put it in quotes"],
        ),
        (
            "title: {data}/x",
            [f"cart.yaml:1:14: not valid YAML: expected <block end>, but found '<scalar>'{HINT}"],
        ),
        (
            "title: A\n? [a, b]\n: c",
            ["cart.yaml:2:3: wanted a word as key; found a list or mapping: put it in quotes"],
        ),
        ("title: A\n---\ntitle: B", [f"cart.yaml:2:1: not valid YAML: but found another document{HINT}"]),
        (
            b"title: A\ntags: [caf\xe9]",
            ["cart.yaml:2:1: wanted UTF-8 text; found other bytes: save the file as UTF-8"],
        ),
        (
            "title: \x01",
            ["cart.yaml: not valid YAML: unacceptable character #x0001: special characters are not allowed"],
        ),
    ],
)
def test_each_error_says_where_and_what(text: str | bytes, wanted: list[str], tmp_path: Path) -> None:
    assert problems(tmp_path, text) == wanted


def test_what_is_to_be_filled_in_is_told_once_beside_other_errors(tmp_path: Path) -> None:
    """Whatever kind of value is wanted there; its meaning is the text under the key in the model."""

    class Barrow(Description):
        title: str
        """What people call it."""
        wheels: int
        """How many wheels it has."""
        tags: tuple[str, ...] = ()

    (tmp_path / "barrow.yaml").write_text(
        "title: TO FILL IN\nwheels: to fill in, please\ntags: [a, TO FILL IN]\nx: 1\n"
    )
    with pytest.raises(DescriptionError) as raised:
        read_description(tmp_path / "barrow.yaml", Barrow, "barrow.yaml")
    assert [str(problem) for problem in raised.value.problems] == [
        "barrow.yaml:1:1: `title` is still to be filled in: wanted what people call it",
        "barrow.yaml:2:1: `wheels` is still to be filled in: wanted how many wheels it has",
        "barrow.yaml:3:11: `tags.1` is still to be filled in",
        "barrow.yaml:4:1: `x` is not a key that is known here; known are tags, title, wheels",
    ]


def test_missing_file_and_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(
        DescriptionError, match=r"^none\.yaml: wanted a description here; found no such file$"
    ):
        read_description(tmp_path / "none.yaml", Cart, shown_as="none.yaml", name="hay")
    with pytest.raises(DescriptionError, match=r"wanted a description here; it cannot be read: "):
        read_description(tmp_path, Cart, name="hay")


def test_words_stay_words(tmp_path: Path) -> None:
    """`no` is no False, `1.0` no 1, a date no date, before the model says so."""
    file = tmp_path / "words.yaml"
    file.write_bytes(
        b"\xef\xbb\xbfno: no\r\nnumber: 0010\r\nday: 2026-09-30\r\nempty:\r\nlist: [yes, ~, 1.0]\r\n"
    )
    values, places = read_yaml(file)
    assert values == {
        "no": "no",
        "number": "0010",
        "day": "2026-09-30",
        "empty": "",
        "list": ["yes", "", "1.0"],
    }
    assert places[("list", "2")] == (5, 16)


def test_given_values_come_beside_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cart.yaml"
    file.write_text(
        "title: no\nsteady: yes\nbuilt: 2026-09-30\nwheels: {left: {size: '7', is: oak}}", "utf-8"
    )
    cart = read_description(file, Cart, name="hay")
    assert (cart.name, cart.title, cart.steady, cart.built) == ("hay", "no", True, date(2026, 9, 30))
    assert (cart.wheels["left"].size, cart.wheels["left"].kind) == (7, "oak")


def test_description_is_never_changed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        Wheel(size=3).size = 4
    assert issubclass(Description, BaseModel)


def test_nearest() -> None:
    assert nearest("uprm", ["uprn", "usrn"]) == "; did you mean `uprn`?"
    assert nearest("x", ["uprn", "usrn"]) == "; known are uprn, usrn"
    assert nearest("x", []) == ""
