"""Reading a YAML description so that every error says file, line, column, wanted, found and the nearest valid key.

Here belongs the way from a YAML file to a checked Pydantic model, whatever the model. What the models mean is
`authority` (an authority's own descriptions, open sources) and `protect` (what may leave).
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class Description(BaseModel):
    """The base of every description: unknown keys are errors, values are never changed after reading."""

    # The text under a key says what it means: in editors (`schemas`), and where it is still to be filled in.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


# One text, or a list of them.
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list, json_schema_input_type=str | tuple[str, ...])]

# What stands in a description that was written for somebody, where only that person can say what is so.
TO_FILL_IN = "TO FILL IN"


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a description, with its place (line and column count from 1; 0 where there is none)."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.message}"


class DescriptionError(Exception):
    """A description cannot be used; `problems` lists each thing wrong, one line each in the message."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def read_description(file: Path, model: type[Model], /, shown_as: str | None = None, **given: Any) -> Model:
    """Read a YAML file into a model.

    `given` are values that do not come from the file (its name, say), so that the file may not give them. `shown_as`
    is the path as messages show it. Raises `DescriptionError` with one problem for each thing wrong: a file that is
    not there, YAML that cannot be parsed, a key given twice, an unknown key (with the nearest valid one), a value of
    the wrong kind, a value that is still `TO FILL IN`.
    """
    shown = shown_as or file.as_posix()
    values, places = read_yaml(file, shown)
    own = {key: value for key, value in values.items() if key not in given}
    problems = [_unknown(shown, places, model, (key,), given) for key in values if key in given]
    try:
        described = model.model_validate({**own, **given})
    except ValidationError as error:
        problems += [_problem(shown, places, model, detail, given) for detail in error.errors()]
    unfilled = [_unfilled(shown, places, model, at) for at in _to_fill_in(values)]
    filled_in = {(problem.line, problem.column) for problem in unfilled}
    problems = [one for one in problems if (one.line, one.column) not in filled_in] + unfilled
    if problems:
        raise DescriptionError(sorted(set(problems), key=lambda p: (p.line, p.column, p.message)))
    return described


Key = tuple[str, ...]
Places = dict[Key, tuple[int, int]]
NOWHERE = (0, 0)


def read_yaml(path: Path, shown: str | None = None) -> tuple[dict[str, Any], Places]:
    """A YAML mapping as texts, lists and mappings, and the line and column of each of its keys and items.

    Every scalar stays text (`no` is not False, `1.0` is not 1): the model converts. Raises `DescriptionError`.
    """
    shown = shown or path.as_posix()

    def wrong(place: tuple[int, int], message: str) -> DescriptionError:
        return DescriptionError([Problem(shown, *place, message)])

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise wrong(NOWHERE, "wanted a description here; found no such file") from None
    except OSError as error:
        raise wrong(NOWHERE, f"wanted a description here; it cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise wrong((line, 1), "wanted UTF-8 text; found other bytes: save the file as UTF-8") from None
    try:
        node, alias = _composed(text)
    except yaml.MarkedYAMLError as error:
        hint = "; put a value in quotes where it begins with * & { [ % @ or holds a colon and a space"
        if "'\\t'" in str(error.problem):
            hint = "; indent with spaces, not with a tab"
        place = _place(error.problem_mark) if error.problem_mark else NOWHERE
        raise wrong(place, f"not valid YAML: {error.problem}{hint}") from None
    except yaml.YAMLError as error:
        raise wrong(NOWHERE, f"not valid YAML: {str(error).splitlines()[0]}") from None
    if alias is not None:
        message = f"`*{alias.anchor}` refers to another value, which is not done here; put it in quotes"
        raise wrong(_place(alias.start_mark), message)
    if not isinstance(node, yaml.MappingNode):
        found = "something else" if text.strip() else "an empty file"
        raise wrong((1, 1), f"wanted `key: value` lines; found {found}")
    places: Places = {}
    problems: list[Problem] = []
    values = _plain(node, (), places, problems, shown)
    if problems:
        raise DescriptionError(problems)
    return typing.cast("dict[str, Any]", values), places


def _composed(text: str) -> tuple[yaml.Node | None, yaml.AliasEvent | None]:
    """A YAML text's nodes, and its first reference to another part of it, if any: it may run in a circle."""

    def read(loader: Any) -> tuple[yaml.Node | None, yaml.AliasEvent | None]:
        events = (event for event in yaml.parse(text, Loader=loader) if isinstance(event, yaml.AliasEvent))
        return yaml.compose(text, Loader=loader), next(events, None)

    try:
        # The loader in C is ten times as fast; the faults that it finds are worded by the one that every machine has.
        return read(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return read(yaml.SafeLoader)


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _plain(node: yaml.Node, at: Key, places: Places, problems: list[Problem], shown: str) -> Any:
    places.setdefault(at, _place(node.start_mark))
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = _place(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                problems.append(
                    Problem(shown, *place, "wanted a word as key; found a list or mapping: put it in quotes")
                )
                continue
            key = str(key_node.value)
            if key in mapping:
                problems.append(Problem(shown, *place, f"the key `{key}` is given a second time; keep one"))
            places[(*at, key)] = place
            mapping[key] = _plain(value_node, (*at, key), places, problems, shown)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*at, str(i)), places, problems, shown) for i, item in enumerate(node.value)]
    return "" if node.tag == "tag:yaml.org,2002:null" else node.value


def _problem(
    shown: str, places: Places, model: type[BaseModel], detail: Any, given: Container[str]
) -> Problem:
    # Pydantic names the branch of a union in the location ("str", a class name): those are not keys of the file.
    at: Key = ()
    for part in (str(part) for part in detail["loc"]):
        if (*at, part) in places:
            at = (*at, part)
    leaf = str(detail["loc"][-1]) if detail["loc"] else ""
    kind, message, found = detail["type"], detail["msg"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown(shown, places, model, at, given)
    if kind == "missing":
        inside = f" in `{'.'.join(at)}`" if at else ""
        return Problem(shown, *places.get(at, NOWHERE), f"wanted the key `{leaf}`{inside}; it is missing")
    if kind == "value_error":
        message = " ".join(message.removeprefix("Value error, ").split())
        # A check of the whole names the key that it is about first, in backquotes.
        named = re.match(r"`([^`]+)`", message)
        about = next(
            (key for key in places if named and key[:-1][: len(at)] == at and key[-1:] == named.groups()), at
        )
        text = message if about != at or not at else f"`{'.'.join(at)}`: {message}"
        return Problem(shown, *places.get(about, NOWHERE), text)
    if kind in {"literal_error", "enum"}:
        choices = [
            choice
            for part in str(detail["ctx"]["expected"]).replace(" or ", ", ").split(",")
            if (choice := part.strip(" '"))
        ]
        wanted, near = (
            f"wanted one of {', '.join(choices)}",
            nearest(found, choices) if isinstance(found, str) else "",
        )
    else:
        wanted, near = re.sub(r"^(Input|String|Value) should (be )?", "wanted ", message), ""
        wanted = wanted[0].lower() + wanted[1:]
    name = ".".join(at) or leaf
    return Problem(shown, *places.get(at, NOWHERE), f"`{name}`: {wanted}; found {_said(found)}{near}")


def _to_fill_in(value: Any, at: Key = ()) -> Iterator[Key]:
    """The places at which something is still to be filled in."""
    if isinstance(value, str):
        if value.strip().upper().startswith(TO_FILL_IN):
            yield at
        return
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in inside:
        yield from _to_fill_in(inner, (*at, str(key)))


def _unfilled(shown: str, places: Places, model: type[BaseModel], at: Key) -> Problem:
    field = next((f for name, f in model.model_fields.items() if (f.alias or name) == at[0]), None)
    meaning = (
        " ".join(field.description.split()).rstrip(".")
        if len(at) == 1 and field and field.description
        else ""
    )
    wanted = f": wanted {meaning[0].lower()}{meaning[1:]}" if meaning else ""
    return Problem(shown, *places[at], f"`{'.'.join(at)}` is still to be filled in{wanted}")


def _unknown(shown: str, places: Places, model: type[BaseModel], at: Key, given: Container[str]) -> Problem:
    inside, key = at[:-1], at[-1]
    valid = sorted(name for name in _keys_beside(model, inside) if inside or name not in given)
    return Problem(shown, *places[at], f"{_said(key)} is not a key that is known here{nearest(key, valid)}")


def _said(value: Any) -> str:
    """What a description says, as a message repeats it."""
    if isinstance(value, str):
        return f"`{' '.join(value.split())}`" if value.strip() else "nothing"
    return (
        "a list"
        if isinstance(value, list)
        else "`key: value` lines"
        if isinstance(value, dict)
        else f"`{value}`"
    )


def nearest(found: Any, choices: list[str]) -> str:
    """`; did you mean ...?` with the nearest choice, or the list of choices where none is near."""
    close = difflib.get_close_matches(str(found), choices, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known are {', '.join(choices)}" if choices else ""


def _keys_beside(model: type[BaseModel], at: tuple[str, ...]) -> set[str]:
    """The keys valid at a place in the description: the fields of the model(s) that stand there."""
    models: set[type[BaseModel]] = {model}
    for part in at:
        inner: set[type[BaseModel]] = set()
        for candidate in models:
            field = candidate.model_fields.get(part)
            if field is not None:
                inner |= set(_models_in(field.annotation))
        models = inner or models
    return {field.alias or name for candidate in models for name, field in candidate.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        for argument in get_args(annotation):
            yield from _models_in(argument)
