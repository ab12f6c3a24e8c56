"""The JSON schemas for editors: current, with a meaning for every key, and at one with what the reader accepts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from pipelines import schemas
from pipelines.authority import Role
from pipelines.tables import Use

# It comes with Dagster and with the notebooks.
jsonschema = pytest.importorskip("jsonschema")
REPOSITORY = Path(__file__).resolve().parent.parent.parent
DESCRIPTIONS = [
    (name, path)
    for authority in ("data/sample", "examples/bath")
    for pattern, name in (
        ("authority.yaml", "authority"), ("*/*/dataset.yaml", "dataset"), ("sources/*/source.yaml", "source"),
    )
    for path in sorted((REPOSITORY / authority).glob(pattern))
]  # fmt: skip
TITLE = "title: Bins\nowner: Waste\nsensitivity: open\ncolumns: {A: text}\n"


class AsAnEditor(yaml.SafeLoader):
    """YAML as editors read it (1.2): a date is text."""


AsAnEditor.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def marked(name: schemas.Name, text: str) -> list[str]:
    """What an editor would mark in a description, as paths of keys."""
    validator = jsonschema.Draft202012Validator(schemas.schema(name))
    errors = validator.iter_errors(yaml.load(text, AsAnEditor))
    return sorted(".".join(map(str, error.absolute_path)) or error.validator for error in errors)


@pytest.mark.parametrize("name", list(schemas.MODELS))
def test_shipped_schema_is_current(name: schemas.Name) -> None:
    shipped = (schemas.SHIPPED / f"{name}.json").read_text("utf-8")
    assert shipped == schemas.text(name), "run `places schema`"


@pytest.mark.parametrize("name", list(schemas.MODELS))
def test_every_key_says_what_it_means(name: schemas.Name) -> None:
    made = schemas.schema(name)
    for where, model in {"": made, **made["$defs"]}.items():
        for key, one in model.get("properties", {}).items():
            assert re.fullmatch(r"(?s).{8,}\.", one.get("description", "")), f"{name} {where} {key}"


def test_every_word_of_a_role_and_a_use_says_what_it_means() -> None:
    for word in (*get_args(Role), *get_args(Use)):
        assert schemas.MEANINGS.get(word), word


@pytest.mark.parametrize(
    ("name", "path"), DESCRIPTIONS, ids=lambda one: getattr(one, "parent", Path(str(one))).name
)
def test_editor_marks_nothing_in_a_description_that_is_right(name: schemas.Name, path: Path) -> None:
    assert marked(name, path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TITLE, []),
        (TITLE.replace("Bins", "TO FILL IN"), ["title"]),
        (TITLE.replace("open", "secret"), ["sensitivity"]),
        (TITLE.replace("open", "personal"), ["required", "required"]),
        (TITLE + "lable: x\n", ["additionalProperties"]),
        (TITLE.replace("{A: text}", "{A: txt}"), ["columns.A"]),
        (TITLE.replace("{A: text}", "{A: {is: category, values: [1, Yes, A]}}"), []),
        (TITLE + "as_at: 2026-09-30\n", []),
        (TITLE + "counting: address\n", []),
        (TITLE + "counting: {one: address, denominator: homes}\n", []),
        (TITLE + "counting: addresses\n", ["counting"]),
        (TITLE + "as_at: last Tuesday\nname: bins\n", ["additionalProperties"]),
    ],
)  # fmt: skip
def test_editor_marks_what_the_reader_refuses(text: str, found: list[Any]) -> None:
    assert marked("dataset", text) == found
