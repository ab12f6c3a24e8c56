"""Which tables were made from others as they are now, so that no release is a mixture of two states.

Every table's pointer in the warehouse says from which files of other tables it was made, and by which statement or
code; of matched addresses also by which decisions of people. Here belongs writing that down and holding it against what
is there. When a step is made is up to whoever asks: one table can be made again at any time, and then what stands on it
is out of date until it is made again too. A table that comes to the same content puts nothing out of date: files are
named by their content.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.authority import BESIDE
from pipelines.review.decisions import FILE, FOLDER, read_decisions
from pipelines.tables import ASSETS, Table, in_order
from pipelines.warehouse import Warehouse, replace_text

# The table that people's decisions are part of, and what these are called beside the tables that it is made from.
RULED, DECISIONS = "places.address_match", f"restricted/{FOLDER}/{FILE}"


class MixedRelease(Exception):
    """A release would hold tables made from different states of what they are made from."""


def made_by(table: Table, left_out: Sequence[str] = ()) -> str:
    """A mark of how a table is made: its statement, or else its code, and the datasets that it leaves out."""
    said = [
        code_of(table.path) if table.sql is None and table.path.endswith(".py") else table.sql or "",
        *left_out,
    ]
    return mark("\n".join(said))


@functools.cache
def code_of(path: str) -> str:
    """A mark of the code in a file of this software (`assets/layers/site.py`) and of all that it imports from here.

    Read once: what is running does not change when a file does.
    """
    return mark("\n".join(f"{name} {mark(text)}" for name, text in sorted(code_with_imports(path).items())))


def code_with_imports(path: str) -> dict[str, str]:
    """The text of a file of this software and of all that it imports from here, by path."""
    waiting, found = [path], dict[str, str]()
    while waiting:
        name = waiting.pop()
        if name not in found and (read := _code(name)) is not None:
            found[name], imported = read
            waiting += imported
    return found


@functools.cache
def _code(path: str) -> tuple[str, tuple[str, ...]] | None:
    """The text of a file, and the files that it may import from here; None where there is no such file."""
    whole = ASSETS.parent / path
    if not whole.is_file():
        return None
    text = whole.read_text(encoding="utf-8")
    modules: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            modules += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # Of `from a import b` both `a` and `a.b`.
            modules += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
    return text, tuple(
        f"{module.replace('.', '/')}{ending}"
        for module in modules
        if module.partition(".")[0] in {"assets", "pipelines"}
        for ending in (".py", "/__init__.py")
    )


def mark(text: str) -> str:
    """A short mark of a text: another for any other."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def made_from(warehouse: Warehouse, table: Table) -> dict[str, str]:
    """The current file of each table that this one reads, with the accounts beside those that are read from files.

    And a mark of what people decided, where they did and that is part of it; raises as `read_decisions` does.
    """
    found = {}
    if table.full_name == RULED and (rulings := read_decisions(warehouse.root.parent)):
        decided = (f"{who} {one.choice} {one.uprn} {one.decided_on}" for who, one in sorted(rulings.items()))
        found[DECISIONS] = mark("\n".join(decided))
    for name in table.depends_on:
        stage, _, of = name.partition(".")
        for beside in ("", *BESIDE):
            facts = warehouse.facts(stage, f"{of}{beside}")
            if facts is not None:
                found[f"{name}{beside}"] = str(facts["file"])
    return found


def made(warehouse: Warehouse, table: Table, left_out: Sequence[str] = ()) -> dict[str, Any]:
    """What the pointer of a table that is made now is to say of how."""
    return {"made_by": made_by(table, left_out), "made_from": made_from(warehouse, table)}


def above(steps: Iterable[tuple[Table, str]], table: Table) -> list[tuple[Table, str]]:
    """Of the steps those that a table stands on, at whatever distance, each after what it is made from."""
    by_name = {one.full_name: (one, by) for one, by in steps}
    found: dict[str, Table] = {}
    waiting = list(table.depends_on)
    while waiting:
        name = waiting.pop()
        if name not in found and name in by_name:
            found[name] = by_name[name][0]
            waiting += found[name].depends_on
    return [by_name[one.full_name] for one in in_order(found.values())]


def note_page(warehouse: Warehouse, table: Table, path: Path) -> None:
    """Put beside a page from which tables it was drawn, and by which code."""
    replace_text(path.with_suffix(".json"), json.dumps(made(warehouse, table)) + "\n")


def out_of_date(
    warehouse: Warehouse, steps: Iterable[tuple[Table, str]], pages: Mapping[str, Path] | None = None
) -> dict[str, str]:
    """By table (`stage.name`), why it has to be made again before it may be released; empty where all is well.

    `steps` are the tables in the order in which they are made, each with its `made_by`; `pages` the files of the pages
    among them. Tables that are read from files are never out of date here: files come and go.
    """
    wrong: dict[str, str] = {}
    for table, by in steps:
        if not table.depends_on and not table.sql:
            continue
        name, page = table.full_name, (pages or {}).get(table.full_name)
        facts = _page_facts(page) if page else warehouse.facts(table.stage, table.name)
        if facts is None:
            wrong[name] = "has not been made"
        elif above := [other for other in table.depends_on if other in wrong]:
            wrong[name] = f"is made from {above[0]}, which has to be made again"
        elif facts.get("made_by") != by:
            wrong[name] = "was made by another statement or code, or for other datasets, than there are now"
        elif changed := _changed(facts.get("made_from"), made_from(warehouse, table)):
            wrong[name] = f"was made before {changed} was"
    return wrong


def hold_together(
    warehouse: Warehouse, steps: Iterable[tuple[Table, str]], pages: Mapping[str, Path] | None = None
) -> None:
    """Raise `MixedRelease` where something is out of date; what was released before then stays current."""
    if wrong := out_of_date(warehouse, steps, pages):
        first = next(iter(wrong))
        others = f" So are {len(wrong) - 1} more." if len(wrong) > 1 else ""
        raise MixedRelease(
            f"wanted a release of one state; found that {first} {wrong[first]}.{others} Run the job `everything` (or "
            f"`places run`), or materialise {first} and all that comes after it. The release before stays current."
        )


def _page_facts(path: Path) -> dict[str, Any] | None:
    try:
        facts: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return facts
    except (FileNotFoundError, ValueError):
        return None


def _changed(then: Mapping[str, str] | None, now: Mapping[str, str]) -> str:
    """The first table that is another now than then; empty where none is."""
    then = then or {}
    return next((name for name in sorted({*then, *now}) if then.get(name) != now.get(name)), "")
