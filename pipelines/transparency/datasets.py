"""The catalogue of datasets for readers: whose each is, why it may be used, for what, how old it is.

The same for machines is `published.dataset` and `catalogue.json`.
"""

from __future__ import annotations

from pipelines.authority import Dataset
from pipelines.cadence import promise_in_words
from pipelines.draw.document import Document, Grid, Items, Section, Words
from pipelines.transparency.facts import SENSITIVITIES, Facts, retention_in_words, uses_in_words


def datasets_document(facts: Facts) -> Document:
    """Every dataset and open source of the authority, a section each or a row."""
    services = tuple(one for one in facts.authority.datasets if one.group == "service")
    sites = tuple(one for one in facts.authority.datasets if one.group == "site")
    sections = [
        Section(
            "How to read this",
            (
                Words(
                    "Counts are those that are published: small ones are withheld, the rest rounded. "
                    f"{facts.release.rule}"
                ),
                Words(
                    "To have a record corrected, or to ask what is held about you, write to the owner named here, "
                    "not to those who make the maps: the maps hold no names, and a person cannot be looked up in "
                    "them."
                ),
            ),
        )
    ]
    for heading, group in (
        ("Records of services", services),
        ("Places that services are delivered from", sites),
    ):
        sections.append(Section(heading, () if group else (Words("None."),)))
        sections += [Section(one.title, (Items(_facts_of(facts, one)),), level=3) for one in group]
    rows = tuple(
        (one.title, one.publisher, one.epoch or "not stated", one.licence, one.attribution)
        for one in facts.release.sources
    )
    columns = ("Source", "Publisher", "Edition", "Licence", "Attribution")
    sections.append(Section("Open data", (Grid(columns, rows) if rows else Words("None."),)))
    return Document(
        "Datasets",
        "Which records and open data the figures are made of, who answers for each, and why it may be used.",
        tuple(sections),
    )


def _facts_of(facts: Facts, dataset: Dataset) -> tuple[str, ...]:
    account = facts.accounts.get(dataset.name, {})
    shares = facts.shares.get(dataset.name)
    lines = [
        f"Name in the tables: {dataset.name}",
        f"Owner: {dataset.owner}",
        f"Purpose: {dataset.purpose or 'not stated'}",
        f"Lawful basis: {dataset.lawful_basis or ('open data' if dataset.is_open else 'not stated')}",
        f"May be used for: {uses_in_words(dataset)}",
        f"Sensitivity: {SENSITIVITIES[dataset.sensitivity]}",
        f"Licence: {dataset.licence or ('not stated' if dataset.is_open else 'not open data')}",
        f"As at: {facts.dated(dataset.name)}",
        f"Extracts are promised: {promise_in_words(dataset.cadence, dataset.due_days) or 'no promise is stated'}",
        f"Kept for: {retention_in_words(dataset) or 'no limit is stated'}",
        f"One record counts as one {dataset.counts.replace('_', ' ')}",
    ]
    if account:
        lines.append(
            f"Rows read: {account['read']}; kept: {account['kept']}; rejected: {account['rejected']}; "
            f"kept without a place: {account['unplaced']}"
        )
    if shares and shares.precise:
        lines.append(f"Placed on a property, building or point: {shares.precise}")
    if dataset.attribution:
        lines.append(f"Attribution: {dataset.attribution}")
    return tuple(lines)
