"""The JSON schemas of the descriptions, by which an editor completes, explains and checks them while one writes.

Here belongs putting a model's schema into the terms of what a person may write in the file. What the keys are and
mean stands in the models themselves (`authority`); that, and no schema, is what a description is held to when it is
read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pipelines.authority import AuthorityDescription, Dataset, SourceOverride
from pipelines.descriptions import TO_FILL_IN, Description
from pipelines.tables import REPOSITORY
from pipelines.warehouse import replace_text

Name = Literal["authority", "dataset", "source"]

# What the folder says, which the file may not say again.
BY_FOLDER = {"name", "group", "path"}
MODELS: dict[Name, tuple[type[Description], str, frozenset[str]]] = {
    "authority": (AuthorityDescription, "authority.yaml: a council", frozenset()),
    "dataset": (Dataset, "dataset.yaml: a dataset of the council, or a kind of site", frozenset(BY_FOLDER)),
    "source": (SourceOverride, "source.yaml: how a copy of an open source is written", frozenset()),
}
# What becomes of a column, or of a dataset, of which a description says this word; editors show it beside the word.
MEANINGS = {
    "uprn": "cleaned, checked, used for placing", "usrn": "cleaned and checked",
    "postcode": "cleaned, checked, used for placing",
    "area_code": "GSS code of an area; used for placing where nothing finer is known",
    "property_reference": "the service's own reference of the property; `source` has it looked up for placing",
    "address_line": "a part of the address; the parts are joined in order and used for placing",
    "easting": "metres, British National Grid; used for placing", "northing": "metres, British National Grid",
    "longitude": "degrees; used for placing", "latitude": "degrees; used for placing",
    "record_reference": "what one record is called by; replaced by a keyed mark unless the dataset is open",
    "personal": "dropped while the file is read, unless `keep` says otherwise",
    "category": "kept in the dataset's own table, which is restricted; `values` lists its codes",
    "measure": "a number, kept in the dataset's own table", "date": "a date, kept in the dataset's own table",
    "text": "kept in the dataset's own table, which is restricted",
    "weight": "how many the row counts for; several such columns are added up",
    "event_date": "the date that a `kind: flow` is counted by", "as_at": "the date of the extract", "ignore": "nothing",
    "change": "in a file of changes, what became of the record: new, changed or gone",
    "demand": "counted by area", "overlap": "joined with other services at the same property",
    "reach": "set against sites and the way to them",
    "stock": "the records as they stand at a date", "flow": "events, each with its date",
    "dropped": "nothing is kept",
    "keyed": "a mark by which the same value is known again, and which tells nothing of it",
    "age_band": "the age band of a date of birth",
}  # fmt: skip
SENSITIVITIES = (
    "already public", "about people", "about people's health, care, origin, belief, offences or the like",
)  # fmt: skip
SHIPPED = REPOSITORY / "docs" / "schemas"


def schema(name: Name) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a description, as it stands in its YAML file."""
    model, title, by_folder = MODELS[name]
    made = model.model_json_schema()
    made["properties"] = {key: one for key, one in made["properties"].items() if key not in by_folder}
    made["required"] = [key for key in made.get("required", ()) if key not in by_folder]
    if not made["required"]:
        del made["required"]
    if name == "dataset":
        # A column that is personal is another thing than a dataset that is.
        made["properties"]["sensitivity"]["enumDescriptions"] = list(SENSITIVITIES)
        about_people = {
            "properties": {"sensitivity": {"enum": ["personal", "special"]}},
            "required": ["sensitivity"],
        }
        made |= {"if": about_people, "then": {"required": ["purpose", "lawful_basis"]}}
    written: dict[str, Any] = _as_written(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **written, "title": title}


def text(name: Name) -> str:
    """The schema as it is shipped."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path, *names: Name) -> list[Path]:
    """Write schemas (all of them where none is named) into a folder, made where it is missing; returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in names or MODELS:
        path = folder / f"{name}.json"
        if not path.is_file() or path.read_text("utf-8") != text(name):
            replace_text(path, text(name))
        files.append(path)
    return files


def _as_written(node: Any) -> Any:
    """A schema in terms of YAML, where a text may look like a number or a yes; without titles that repeat the key."""
    if isinstance(node, list):
        return [_as_written(one) for one in node]
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for key, inner in node.items():
        if key == "title" and isinstance(inner, str):
            continue
        if key in ("properties", "$defs"):
            made[key] = {name: _as_written(one) for name, one in inner.items()}
        elif key == "description":
            made[key] = " ".join(inner.split())
        else:
            made[key] = _as_written(inner)
    if meant := [MEANINGS.get(word, "") for word in made.get("enum", ())]:
        made |= {"enumDescriptions": meant} if any(meant) else {}
    if made.get("type") == "string" and not {"pattern", "format", "enum", "const"} & set(made):
        made["type"] = ["string", "number", "boolean"]
        made["pattern"] = f"^(?!{TO_FILL_IN})"
        made["patternErrorMessage"] = "still to be filled in"
    return made
