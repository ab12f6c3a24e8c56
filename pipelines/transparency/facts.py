"""The facts that the transparency texts are filled from: descriptions, definitions, and figures as published.

Here belongs reading them, and the words for them that several texts share. What a text says is in its own module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from pipelines.authority import Authority, Dataset, Transparency
from pipelines.definition import Definition
from pipelines.draw.facts import Release, count_in_words, date_in_words, read_release, share_in_words
from pipelines.protect import Publication

PLACED = ("property", "building", "point")
ROUGHLY_PLACED = ("postcode", "area")
ACCOUNTS = ("read", "kept", "rejected", *PLACED, *ROUGHLY_PLACED, "unplaced")
SENSITIVITIES = {
    "open": "open",
    "personal": "personal data",
    "special": "special category data",
}
USES = {
    "demand": "counting by area",
    "overlap": "joining with other services at the same property",
    "reach": "setting against sites and the way to them",
}


@dataclass(frozen=True)
class Shares:
    """How well a dataset is placed, as published: words, empty where the figures are withheld."""

    precise: str
    coarse: str
    unplaced: str


@dataclass(frozen=True)
class Facts:
    """What the texts are made from. `accounts` holds counts in words, by dataset and column of `accounting`.

    `skill` has each service with the words on how well it can be forecast.
    """

    authority: Authority
    release: Release
    definitions: tuple[Definition, ...]
    accounts: dict[str, dict[str, str]]
    shares: dict[str, Shares]
    skill: tuple[tuple[str, str], ...] = ()

    @property
    def said(self) -> Transparency:
        """What people said in `authority.yaml`."""
        return self.authority.about.transparency

    @property
    def organisation(self) -> str:
        """The body that runs the tool."""
        return self.said.organisation or self.authority.about.name

    @property
    def protected(self) -> tuple[Dataset, ...]:
        """The datasets that are not open: people's data."""
        return tuple(dataset for dataset in self.authority.datasets if not dataset.is_open)

    @property
    def responsible(self) -> str:
        """The senior responsible owner, by job title; empty where nobody is named."""
        about = self.authority.about
        named = self.said.senior_responsible_owner or about.owners.get("senior_responsible_owner", "")
        return named or (about.sign_off.by if about.sign_off else "")

    def dated(self, name: str) -> str:
        """The dates that a dataset's extracts describe, in words."""
        facts = self.release.dataset(name)
        if facts is None or facts.last_as_at is None:
            return "date not stated"
        first, last = date_in_words(facts.first_as_at), date_in_words(facts.last_as_at)
        return last if first == last else f"{first} to {last}"

    def title(self, name: str) -> str:
        """What people call a dataset."""
        facts = self.release.dataset(name)
        return facts.title if facts else name

    def counted(self, name: str) -> str:
        """What the records of a dataset are, in the plural."""
        facts = self.release.dataset(name)
        return count_in_words(facts.counts if facts else "")


def read_facts(
    con: duckdb.DuckDBPyConnection, authority: Authority, publications: Sequence[Publication]
) -> Facts:
    """Read `published.disclosure_rule`, `.dataset`, `.source`, `.accounting`, `.who_is_missing` and `.forecast_skill`.

    Raises ValueError where a hidden figure carries a value.
    """
    release = read_release(con)
    columns = ", ".join(f"rows_{one}, rows_{one}_status" for one in ACCOUNTS)
    accounts = {}
    for name, *values in con.execute(
        f"SELECT dataset, {columns} FROM published.accounting ORDER BY dataset"
    ).fetchall():
        accounts[name] = {
            one: _in_words(name, *values[2 * number : 2 * number + 2]) for number, one in enumerate(ACCOUNTS)
        }
    shares = {}
    parts = ("precise", "coarse", "unplaced")
    columns = ", ".join(f"percent_{one}, percent_{one}_status" for one in parts)
    for name, *values in con.execute(
        f"SELECT dataset, {columns} FROM published.who_is_missing WHERE breakdown = 'all records' ORDER BY dataset"
    ).fetchall():
        shares[name] = Shares(*(_share(name, *values[2 * at : 2 * at + 2]) for at in range(len(parts))))
    skill = con.execute(
        "SELECT dataset, any_value(in_words ORDER BY model) FROM published.forecast_skill "
        "WHERE is_chosen AND area_type = 'all' AND horizon = 0 GROUP BY dataset ORDER BY dataset"
    ).fetchall()
    return Facts(
        authority,
        release,
        tuple(sorted((publication.definition for publication in publications), key=lambda one: one.name)),
        accounts,
        shares,
        tuple(skill),
    )


def _in_words(name: str, value: int | None, status: str) -> str:
    if status == "hidden":
        if value is not None:
            raise ValueError(f"{name}: a hidden figure carries a value; nothing is written")
        return "withheld"
    return "not applicable" if value is None else f"{value:,}"


def _share(name: str, percent: Decimal | None, status: str) -> str:
    if status == "hidden" and percent is not None:
        raise ValueError(f"{name}: a hidden figure carries a value; nothing is written")
    return share_in_words(percent)


def personal_columns(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """The headers of a dataset's personal columns by what becomes of them: dropped, keyed, age_band."""
    found: dict[str, list[str]] = {}
    for header, use in dataset.columns.items():
        if use.role == "personal":
            found.setdefault(use.keep, []).append(header)
    return {keep: tuple(headers) for keep, headers in sorted(found.items())}


def uses_in_words(dataset: Dataset) -> str:
    """What a dataset's records may be used for, in words."""
    if dataset.is_open:
        return "anything: it is open"
    return "; ".join(USES[use] for use in dataset.uses) or "judging the quality of the data alone"


def retention_in_words(dataset: Dataset) -> str:
    """How long the extracts of a dataset are kept; empty where its description does not say."""
    if dataset.keep_months is None:
        return "no limit needed: it is open" if dataset.is_open else ""
    return counted(dataset.keep_months, "month")


def counted(number: int, what: str) -> str:
    """A number with its noun, in the plural where it is one: `1 month`, `3 months`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")
