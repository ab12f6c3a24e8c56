"""The definitions in `assets/published`: which layer leaves under which name, and by which rule.

Here belong the models that a definition's file is checked by, what of it must hang together, and reading the folder.
The SQL that a definition comes to is `protect`; how its ties are attacked is `audit`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from pipelines.descriptions import Description, DescriptionError, Texts, nearest, read_description
from pipelines.tables import ASSETS, REPOSITORY

# Each kind of area is made of whole areas of a kind before it; a kind that is not listed never leaves.
AREA_TYPES = ("oa", "lsoa", "msoa", "ward", "lad", "authority")


class Rate(Description):
    """A figure divided by another, times `times`, to `decimals` decimals; from protected figures only.

    A rate (records for every 1,000 residents), a percentage (`times: 100`, a count by the count that it is a part of)
    or a mean (`times: 1`, an amount by the count of those that it is made of).
    """

    count: str
    per: str
    times: int = Field(default=1000, ge=1, le=1_000_000)
    decimals: int = Field(default=1, ge=0, le=3)
    meaning: str


class Amount(Description):
    """A sum of amounts: pounds, hours. Hidden where its `count` is, or where one or two amounts dominate it.

    `largest` and `second` are columns of the layer with the two largest contributions; `rounded_to` is the one with
    the step to which the sum is rounded (a public figure). Source of the rules: Hundepool and others, Statistical
    Disclosure Control (2012), chapter 4.
    """

    count: str
    largest: str
    second: str
    rounded_to: str


class Change(Description):
    """A count less the one before it, both as published; `along` orders the rows that share the columns `within`."""

    of: str
    along: str
    within: Texts = Field(min_length=1)
    meaning: str


class Elsewhere(Description):
    """Cells of another published table: those of `of` (`table.count`, or several of one table) that agree in the key's
    columns of both tables.

    `where` narrows the other table's rows, `here` those of this one; `on` says which column here stands for one of the
    other table's; `over` names columns of its key that need not agree.
    """

    of: Texts = Field(min_length=1)
    where: dict[str, bool | Texts] = Field(default_factory=dict)
    here: dict[str, bool | Texts] = Field(default_factory=dict)
    on: dict[str, str] = Field(default_factory=dict)
    over: Texts = ()

    @field_validator("of")
    @classmethod
    def _of_one_table(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", name) for name in value):
            raise ValueError(f"wanted `table.count`; found {', '.join(value)}")
        if len({name.partition(".")[0] for name in value}) > 1:
            raise ValueError(f"wanted figures of one table; found {', '.join(value)}")
        return value

    @property
    def table(self) -> str:
        """The other table's name."""
        return self.of[0].partition(".")[0]

    @property
    def figures(self) -> tuple[str, ...]:
        """The other table's figures."""
        return tuple(name.partition(".")[2] for name in self.of)


def _one_or_several(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


Elsewheres = Annotated[tuple[Elsewhere, ...], BeforeValidator(_one_or_several)]


def _one_bound_or_several(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


# What a count cannot exceed: figures of its own row, by name, or of other tables.
Ceilings = Annotated[tuple[str | Elsewhere, ...], BeforeValidator(_one_bound_or_several)]


class Quantity(Description):
    """What a count is the number of, where several tables (or columns) give the same: a name, and the columns."""

    name: str
    by: Texts = ()


class Three(Description):
    """What three groups share: the counts of the `groups`, and of the `pairs` of them (1 and 2, 1 and 3, 2 and 3)."""

    groups: Texts = Field(min_length=3, max_length=3)
    pairs: Texts = Field(min_length=3, max_length=3)


class Definition(Description):
    """`assets/published/<name>.yaml`: which layer leaves under this name, and by which rule.

    Every column of the layer stands in exactly one of `dimensions` (passed on), `counts` and `amounts` (protected),
    `open_figures` (public figures: homes, people, metres) and `left_out`. Either `open: true` (nothing in the
    layer comes from a council's records) or `datasets`, the columns whose values name datasets of
    `services.dataset`; a row is open when all of them are. `rows: open_only` keeps back every other row.
    `vouched_for` names tables below an open layer that are made from records and hold nobody's, and says why.

    A count is hidden where it, or the column of its `contributors`, is below the threshold, and where it is one of the
    `parts` of another and the rest is below it: nearly all of them is as telling as nearly none.

    `at_most`, `sums` (in a row), `totals` (of another table), `quantities`, `overlaps` (a count of what two groups
    share: the count of each group, and the column that names it) and `threes` (of what three share) tell the audit how
    the figures hang together, as an outsider may guess: what is not true of the exact figures is left out of account.
    None of them changes what is published. `of_files` are counts that tell of files and how they were handled (rows
    rejected, placed coarsely), not of people: hidden and rounded as any, though the audit does not ask how nearly they
    can be known; so are all counts of the rows that `of_files_where` names by the value of a dimension (records without
    a place).

    `drop_hidden` is for lists of what was found: a row that shows nothing does not leave, so that a row that is not
    there says no more than a hidden figure.

    `worked_out` tables are made of published ones alone (`pipelines.worked_out`): what is in them has passed already.
    """

    name: str
    path: Path
    layer: str = Field(pattern=r"^[a-z_]+\.[a-z0-9_]+$")
    meaning: str = Field(min_length=1)
    purpose: str = Field(min_length=1)
    basis: str = Field(min_length=1)
    not_for: str = Field(min_length=1)
    smallest_area: Literal["oa", "lsoa", "msoa", "ward", "lad", "authority", "exact_place", "none"]
    key: Texts = Field(min_length=1)
    datasets: Texts = ()
    open: bool = False
    vouched_for: dict[str, str] = Field(default_factory=dict)
    worked_out: bool = False
    rows: Literal["all", "open_only"] = "all"
    dimensions: Texts = ()
    counts: Texts = ()
    contributors: dict[str, str] = Field(default_factory=dict)
    parts: dict[str, Texts] = Field(default_factory=dict)
    amounts: dict[str, Amount] = Field(default_factory=dict)
    rates: dict[str, Rate] = Field(default_factory=dict)
    changes: dict[str, Change] = Field(default_factory=dict)
    open_figures: Texts = ()
    left_out: Texts = ()
    drop_hidden: bool = False
    of_files: Texts = ()
    of_files_where: dict[str, str] = Field(default_factory=dict)
    at_most: dict[str, Ceilings] = Field(default_factory=dict)
    sums: dict[str, Texts] = Field(default_factory=dict)
    totals: dict[str, Elsewheres] = Field(default_factory=dict)
    quantities: dict[str, Quantity] = Field(default_factory=dict)
    overlaps: dict[str, dict[str, str]] = Field(default_factory=dict)
    threes: dict[str, Three] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _hangs_together(self) -> Definition:
        if self.worked_out:
            return self
        if self.open == bool(self.datasets):
            found = "both" if self.open else "neither"
            raise ValueError(
                f"wanted either `open: true` or `datasets` (columns that name datasets); found {found}"
            )
        protected = (
            "counts", "contributors", "parts", "amounts", "rates", "changes", "at_most", "sums", "totals", "overlaps",
            "threes",
        )  # fmt: skip
        if self.open and (any(getattr(self, key) for key in protected) or self.rows == "open_only"):
            *most, last = (f"`{key}`" for key in (*protected, "rows"))
            raise ValueError(
                f"{', '.join(most)} and {last} are for tables with `datasets`; this one is `open: true`"
            )
        if not self.open and not self.counts and self.rows == "all":
            raise ValueError("wanted `counts` to protect, or `rows: open_only`; found neither")
        if self.smallest_area == "exact_place" and not self.open and self.rows != "open_only":
            raise ValueError("`smallest_area: exact_place` is for open data; add `rows: open_only`")
        mentioned = [*self.dimensions, *self.counts, *self.amounts, *self.open_figures, *self.left_out]
        if self.drop_hidden and (not self.counts or "area_code" in self.key):
            raise ValueError("`drop_hidden` is for tables with `counts` and without areas")
        if twice := sorted({name for name in mentioned if mentioned.count(name) > 1}):
            raise ValueError(f"column(s) {', '.join(twice)} stand in more than one list; keep one")
        for key in ("key", "datasets"):
            self._among(key, getattr(self, key), self.dimensions, "the dimensions")
        figures = (*self.counts, *self.amounts)
        for name, rate in self.rates.items():
            self._among(f"rates.{name}", [rate.count], figures, "the counts")
            per = (*figures, *self.open_figures)
            if rate.per not in per:
                near = nearest(rate.per, list(per))
                raise ValueError(f"`rates.{name}`: `{rate.per}` is neither a count nor an open figure{near}")
        for name, column in self.contributors.items():
            self._among("contributors", [name], self.counts, "the counts")
            self._among(
                f"contributors.{name}", [column], (*self.counts, *self.left_out), "`counts` or `left_out`"
            )
        self._among("of_files", self.of_files, self.counts, "the counts")
        self._among("of_files_where", self.of_files_where, self.dimensions, "the dimensions")
        for name, wholes in self.parts.items():
            self._among("parts", [name], self.counts, "the counts")
            self._among(f"parts.{name}", wholes, self.counts, "the counts")
        for name, amount in self.amounts.items():
            self._among(f"amounts.{name}", [amount.count], self.counts, "the counts")
            self._among(f"amounts.{name}", [amount.largest, amount.second], self.left_out, "`left_out`")
            self._among(f"amounts.{name}", [amount.rounded_to], self.open_figures, "the open figures")
        for name, change in self.changes.items():
            self._among(f"changes.{name}", [change.of], self.counts, "the counts")
            self._among(f"changes.{name}", [change.along, *change.within], self.dimensions, "the dimensions")
        for name, ceilings in self.at_most.items():
            self._among("at_most", [name], self.counts, "the counts")
            here = [one for one in ceilings if isinstance(one, str)]
            self._among(f"at_most.{name}", here, (*self.counts, *self.open_figures), "the figures")
        for name, parts in self.sums.items():
            self._among("sums", [name], self.counts, "the counts")
            self._among(f"sums.{name}", parts, self.counts, "the counts")
        self._among("totals", self.totals, self.counts, "the counts")
        for name, quantity in self.quantities.items():
            self._among("quantities", [name], figures, "the counts")
            self._among(f"quantities.{name}", quantity.by, self.dimensions, "the dimensions")
        for name, groups in self.overlaps.items():
            self._among("overlaps", [name], self.counts, "the counts")
            self._among(f"overlaps.{name}", groups, self.counts, "the counts")
            self._among(f"overlaps.{name}", groups.values(), self.key, "the key")
            if len(groups) != 2 or len({*groups.values()}) != 2:
                found = ", ".join(f"{count}: {column}" for count, column in groups.items()) or "none"
                raise ValueError(
                    f"`overlaps.{name}`: wanted two counts and of each the column that names its group, "
                    f"as in {{properties_a: dataset_a, properties_b: dataset_b}}; found {found}"
                )
        self._among("threes", self.threes, self.counts, "the counts")
        for name, three in self.threes.items():
            self._among(f"threes.{name}", (*three.groups, *three.pairs), self.counts, "the counts")
        made = [*self.dimensions, *self.open_figures]
        for name in (*self.counts, *self.amounts, *self.rates, *self.changes):
            made += [name, f"{name}_status"]
        if twice := sorted({name for name in made if made.count(name) > 1}):
            raise ValueError(f"the published table would have two columns named {', '.join(twice)}")
        return self

    def _among(self, where: str, names: Iterable[str], known: Sequence[str], what: str) -> None:
        for name in names:
            if name not in known:
                raise ValueError(f"`{where}`: `{name}` is not among {what}{nearest(name, list(known))}")

    @property
    def protects(self) -> bool:
        """Whether there are figures of people's data in it, which are shown or hidden."""
        return bool(self.counts) and self.rows == "all"

    @property
    def shown(self) -> str:
        """The file's path as messages give it."""
        return (
            self.path.relative_to(REPOSITORY).as_posix()
            if self.path.is_relative_to(REPOSITORY)
            else self.path.name
        )


def definitions(folder: Path = ASSETS / "published") -> list[Definition]:
    """Every definition of a folder, by name. Raises `DescriptionError` with every problem of every file."""
    found, problems = [], []
    for path in sorted(folder.glob("*.yaml")):
        shown = path.relative_to(REPOSITORY).as_posix() if path.is_relative_to(REPOSITORY) else path.name
        try:
            found.append(read_description(path, Definition, shown_as=shown, name=path.stem, path=path))
        except DescriptionError as error:
            problems += error.problems
    if problems:
        raise DescriptionError(problems)
    return found
