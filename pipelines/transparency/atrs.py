"""The Algorithmic Transparency Recording Standard record, version 4.0 (July 2025), and the five traits beside it.

Here: the standard's fields with their numbers and names, how each is filled, and the list of what is still to be
written. Attribute names in atrs.json are the fields' names in lower case, joined by underscores, in their section;
they do not change with what is filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pipelines.authority import Dataset
from pipelines.draw.document import Block, Document, Items, Section, Words, lines_of
from pipelines.draw.facts import date_in_words
from pipelines.transparency.facts import (
    SENSITIVITIES,
    Facts,
    counted,
    personal_columns,
    retention_in_words,
    uses_in_words,
)
from pipelines.transparency.model_card import lines, models

STANDARD, VERSION = "Algorithmic Transparency Recording Standard", "4.0"
NAME = "Connected Places"
NOT_TRAINED = "Not applicable: no model is trained beforehand, by this authority or by others."

# What a record is placed by.
PLACES_BY = (
    "uprn", "usrn", "address_line", "postcode", "easting", "northing", "longitude", "latitude", "area_code",
)  # fmt: skip

Status = Literal["answered", "partly answered", "not answered"]


@dataclass(frozen=True)
class Field:
    """One field: section, number and name as in the standard; the answer (lines); where a person writes it.

    `write_in` is empty where the facts of the run say all that is asked.
    """

    section: str
    number: str
    name: str
    answer: str
    status: Status
    write_in: str = ""

    @property
    def attribute(self) -> str:
        """The field's name for machines, within its section."""
        return _attribute(self.name)


@dataclass(frozen=True)
class Trait:
    """One trait of responsible use: its name, a paragraph, and where a person writes what is lacking (or empty)."""

    name: str
    paragraph: str
    write_in: str = ""


def _attribute(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _asked(key: str) -> str:
    return f"authority.yaml, transparency: {key}"


def atrs_fields(facts: Facts) -> tuple[Field, ...]:
    """Every field of the standard in its order, answered as far as the facts and `authority.yaml` go."""
    return tuple(
        field
        for section in (
            _summary, _owner, _rationale, _deployment, _tool, _model, _development_data, _operational_data, _risks,
        )
        for field in section(facts)
    )  # fmt: skip


def _by_facts(section: str, number: str, name: str, answer: str) -> Field:
    return Field(section, number, name, answer, "answered")


def _by_people(section: str, number: str, name: str, answer: str, write_in: str, facts: str = "") -> Field:
    """A field that a person answers; `facts` is what is known without them."""
    whole = "\n".join(part for part in (facts.strip(), answer.strip()) if part)
    status: Status = "answered" if answer.strip() else "partly answered" if whole else "not answered"
    return Field(section, number, name, whole, status, write_in)


def _summary(facts: Facts) -> Iterator[Field]:
    section, said = "Tier 1 Summary", facts.said
    yield _by_facts(section, "1", "Name", NAME)
    titles = [_within(one.title) for one in facts.authority.datasets]
    yield _by_facts(
        section, "2", "Description",
        f"{NAME} puts records that {facts.organisation} holds ({_listed(titles)}) on the places that they are about, "
        "counts them by area, and shows the counts on maps and in tables beside open data, so that services can be "
        "planned where they are used. It publishes counts of areas only: small counts are withheld and the rest "
        "rounded. It forecasts the recorded use of areas, with how well that went before. It decides nothing about any "
        "person, and predicts nothing of one.",
    )  # fmt: skip
    yield _by_people(section, "3", "Website URL", said.website_url, _asked("website_url"))
    yield _by_people(section, "4", "Contact email", said.contact_email, _asked("contact_email"))


def _owner(facts: Facts) -> Iterator[Field]:
    section, said = "Tier 2 Owner and responsibility", facts.said
    yield _by_facts(section, "1.1", "Organisation or department", facts.organisation)
    team = said.team or facts.authority.about.owners.get("gis_team", "")
    yield _by_people(section, "1.2", "Team", team, _asked("team"))
    yield _by_people(
        section, "1.3", "Senior responsible owner", facts.responsible, _asked("senior_responsible_owner")
    )
    involved = said.third_party_involvement
    how = (
        "The software is open source (Apache-2.0) and runs on the authority's own machines without a network."
    )
    yield _by_people(
        section,
        "1.4",
        "Third party involvement",
        "" if involved is None else f"{'Yes' if involved else 'No'}. {how}",
        _asked("third_party_involvement"),
        how if involved is None else "",
    )
    asked = (
        ("1.4.1", "Third party", "name"),
        ("1.4.2", "Companies House number", "companies_house_number"),
        ("1.4.3", "Third party role", "role"),
        ("1.4.4", "Procurement procedure type", "procurement"),
        ("1.4.5", "Third party data access terms", "data_access"),
    )
    for number, name, key in asked:
        if involved is False:
            yield _by_facts(section, number, name, "Not applicable: no third party is involved.")
            continue
        parts = [getattr(party, key) for party in said.third_parties]
        named = "\n".join(
            part if key == "name" else f"{party.name}: {part}"
            for party, part in zip(said.third_parties, parts, strict=True)
            if part
        )
        whole = bool(parts) and all(parts)
        write_in = _asked(f"third_parties: {key}")
        status: Status = "answered" if whole else "partly answered" if named else "not answered"
        yield Field(section, number, name, named, status, write_in)


def _rationale(facts: Facts) -> Iterator[Field]:
    section, said = "Tier 2 Description and rationale", facts.said
    services = len([one for one in facts.authority.datasets if one.group == "service"])
    yield _by_facts(
        section, "2.1", "Detailed description",
        f"Extracts of {counted(services, 'service')} are read, and personal values that are not needed are dropped, "
        "keyed or banded while they are.\n"
        "Each record is put on a place by the best key that it has: property reference number (UPRN), another "
        "system's reference of the property, address, coordinates, postcode, area code. How precisely is kept; a "
        "record that cannot be placed is counted as such.\n"
        "An address is matched to the gazetteer by written rules, field by field, and says in words why. Nothing is "
        "learnt from records. Where one property is not certain it is put on no property; a person may settle it.\n"
        "Records are counted by area and period, by property known to two services, and by how well they could be "
        "placed.\n"
        "One gate lets counts leave: it withholds small ones, rounds the rest, and works out rates from those.\n"
        "A release is checked against the rule before anybody can see it. What fails the check is not published.\n"
        + "\n".join(
            f"Made: {one.name}. For: {_without_end(one.purpose)}. Not for: {_without_end(one.not_for)}."
            for one in facts.definitions
            if one.counts
        ),
    )  # fmt: skip
    yield _by_people(section, "2.2", "Benefits", said.benefits, _asked("benefits"))
    yield _by_people(section, "2.3", "Previous process", said.previous_process, _asked("previous_process"))
    yield _by_people(
        section,
        "2.4",
        "Alternatives considered",
        said.alternatives_considered,
        _asked("alternatives_considered"),
    )


def _deployment(facts: Facts) -> Iterator[Field]:
    section, said = "Tier 2 Deployment context", facts.said
    yield _by_people(
        section, "3.1", "Integration into broader operational process", said.integration, _asked("integration"),
        "Readers are given maps and tables of areas, with their rule, dates, sources and limits. The tool sends "
        "nothing to any other system and starts no action.",
    )  # fmt: skip
    yield _by_people(
        section, "3.2", "Human review", said.human_review, _asked("human_review"),
        "No output leads to a decision without a person. A release that fails its checks is not published; one that "
        "was published can be taken back to the one before.",
    )  # fmt: skip
    dates = [
        f"{one.title}: data as at {facts.dated(one.name)} in this release" for one in facts.authority.datasets
    ]
    yield _by_people(
        section, "3.3", "Frequency and scale of usage", said.frequency_and_scale, _asked("frequency_and_scale"),
        "\n".join(dates),
    )  # fmt: skip
    yield _by_people(section, "3.4", "Required training", said.required_training, _asked("required_training"))
    yield _by_people(
        section, "3.5", "Appeals and review", said.appeals, _asked("appeals"),
        "The tool makes no decision about a person, so there is none to appeal against. A person's record is "
        "corrected by the service that holds it, and the next release counts it as corrected.",
    )  # fmt: skip


def _tool(facts: Facts) -> Iterator[Field]:
    section = "Tier 2 Tool specification: system"
    yield _by_facts(
        section, "4.1.1", "System architecture",
        "Python and DuckDB on one machine, in six stages: sources, services, places, layers (all exact, in a folder "
        "that its owner alone may open), published (protected), maps. Maps and files are made from the published "
        "tables alone. The code is open, and each table's SQL can be read.",
    )  # fmt: skip
    inputs = [
        *(
            f"{one.title} ({SENSITIVITIES[one.sensitivity]}), from {one.owner}"
            for one in facts.authority.datasets
        ),
        *(f"{one.title} ({one.licence}), from {one.publisher}" for one in facts.release.sources),
    ]
    yield _by_facts(section, "4.1.2", "System-level input", "\n".join(inputs) or "None yet.")
    outputs = [f"{one.name}: {one.meaning}" for one in facts.definitions]
    yield _by_facts(section, "4.1.3", "System-level output", "\n".join(outputs))
    yield _by_people(
        section, "4.1.4", "Maintenance", facts.said.maintenance, _asked("maintenance"),
        "Automated tests run on every change of the software, on an invented borough and on open data. Each run "
        "accounts for every row: read is kept and rejected, kept is placed and not placed.",
    )  # fmt: skip
    yield _by_facts(
        section, "4.1.5", "Models",
        "Two sets of written rules (placement of records, protection of counts) and statistical models of counts of "
        "areas (rates, clusters, forecasts), fitted anew in each release. No machine-learned or language model is "
        "used. The model card (models.html) describes each.",
    )  # fmt: skip


def _model(facts: Facts) -> Iterator[Field]:
    section, found = "Tier 2 Tool specification: models", models(facts)
    yield _by_facts(section, "4.2.1", "Model name", "\n".join(model.name for model in found))
    yield _by_facts(
        section,
        "4.2.2",
        "Model version",
        "That of the software, which release.json of each release states.",
    )
    for number, name, part in (
        ("4.2.3", "Model task", "task"),
        ("4.2.4", "Model input", "takes"),
        ("4.2.5", "Model output", "gives"),
        ("4.2.6", "Model architecture", "how"),
        ("4.2.7", "Model performance", "performance"),
    ):
        yield _by_facts(section, number, name, lines(found, part))
    yield _by_facts(
        section, "4.2.8", "Datasets and their purposes",
        "No data were used to train anything beforehand. Rates, clusters and forecasts are fitted to the published "
        "counts of the release itself. The rules and the models are tested on an invented borough, whose right "
        "answers are known, on simulated areas, and on public open data.",
    )  # fmt: skip


def _development_data(facts: Facts) -> Iterator[Field]:
    section = "Tier 2 Tool specification: development data"
    yield _by_facts(
        section, "4.3.1", "Development data description",
        "An invented borough, made by the software itself, and public open data. No record of a real person was "
        "used.",
    )  # fmt: skip
    yield _by_facts(section, "4.3.2", "Data modality", "Tables and maps.")
    names = (
        ("4.3.3", "Data quantities"),
        ("4.3.4", "Sensitive attributes"),
        ("4.3.5", "Data completeness and representativeness"),
        ("4.3.6", "Data cleaning"),
        ("4.3.7", "Data collection"),
        ("4.3.8", "Data access and storage"),
        ("4.3.9", "Data sharing agreements"),
    )
    for number, name in names:
        yield _by_facts(section, number, name, NOT_TRAINED)


def _operational_data(facts: Facts) -> Iterator[Field]:
    section, said = "Tier 2 Tool specification: operational data", facts.said
    sources = [
        f"{one.title}, {one.owner}: {facts.accounts[one.name]['kept']} rows kept; as at {facts.dated(one.name)}; may "
        f"be used for {uses_in_words(one)}"
        for one in facts.authority.datasets
        if one.name in facts.accounts
    ]
    yield _by_facts(section, "4.4.1", "Data sources", "\n".join(sources) or "None yet.")
    sensitive = [f"{one.title}: {personal_in_words(one)}" for one in facts.protected]
    yield _by_facts(
        section, "4.4.2", "Sensitive attributes",
        "\n".join(sensitive) or "Not applicable: every dataset is open, and none is marked personal.",
    )  # fmt: skip
    yield _by_facts(
        section, "4.4.3", "Data processing methods",
        "Identifiers are read strictly, and one that is damaged is never believed. Personal values are dropped, "
        "keyed or banded while the file is read. Rejected rows are remembered by file, row number and reason, not "
        "by their values. A table sees only the datasets whose stated uses allow it.",
    )  # fmt: skip
    kept = [
        f"{one.title}: extracts are kept {retention_in_words(one) or 'without a stated limit'}"
        for one in facts.protected
    ]
    where = (
        "Exact data stay in one folder of the authority's own machine that its owner alone may open. Releases hold "
        "protected figures."
    )
    yield _by_people(
        section,
        "4.4.4",
        "Data access and storage",
        said.who_may_read,
        _asked("who_may_read"),
        "\n".join([where, *kept]),
    )
    yield _by_people(
        section,
        "4.4.5",
        "Data sharing agreements",
        said.data_sharing_agreements,
        _asked("data_sharing_agreements"),
    )


def _risks(facts: Facts) -> Iterator[Field]:
    section, said = "Tier 2 Risks, mitigations and impact assessments", facts.said
    made = "\n".join(
        f"{one.title}{f', {date_in_words(one.on)}' if one.on else ''}{f': {one.outcome}' if one.outcome else ''}"
        for one in said.impact_assessments
    )
    yield _by_people(
        section, "5.1", "Impact assessment", made, _asked("impact_assessments"),
        "The release holds a data protection fact sheet (dpia.html) for those who make the assessment.",
    )  # fmt: skip
    own = "\n".join(f"{one.risk} Mitigation: {one.mitigation}" for one in said.risks)
    yield _by_people(
        section, "5.2", "Risks and mitigations", own, _asked("risks"),
        "\n".join(f"{risk} Mitigation: {measure}" for risk, measure in RISKS),
    )  # fmt: skip


# What the tool itself brings, and what it does about it.
RISKS = (
    (
        "Someone is recognised from a small count, or from several figures together.",
        "Small counts are withheld, the rest rounded, and the release is checked before it is published.",
    ),
    (
        "Recorded use is read as a measure of who should be served.",
        "Every page says recorded use; each table says what it is not for.",
    ),
    (
        "A forecast is taken for what must come, or for what people want.",
        "Each forecast has its interval and the words on how well it did before; where the mean of the last four "
        "periods did as well, that is used and said. It is checked by deprivation and tenure in each release.",
    ),
    (
        "Some people's records are placed worse than others', and their areas look empty.",
        "Placement and coverage are published by deprivation and tenure (the page on who is missing).",
    ),
    (
        "Records are used for what their purpose does not cover.",
        "Each dataset states its uses, and a table is made only from those whose uses allow it.",
    ),
    (
        "Exact data leave by a file, a log or a message.",
        "They stay in one closed folder; messages name files, rows and columns and never a value.",
    ),
)


def personal_in_words(dataset: Dataset) -> str:
    """What becomes of the columns of people's data, in words; columns that are ignored are not kept at all."""
    becomes = {"dropped": "dropped", "keyed": "kept as a keyed mark", "age_band": "kept as an age band"}
    columns = personal_columns(dataset)
    read = [f"{', '.join(columns[keep])} ({words})" for keep, words in becomes.items() if columns.get(keep)]
    by_role: dict[str, list[str]] = {}
    for header, use in dataset.columns.items():
        by_role.setdefault(use.role, []).append(header)
    if references := by_role.get("record_reference"):
        read.append(f"{', '.join(references)} (kept as a keyed mark)")
    inside = [header for role in PLACES_BY for header in by_role.get(role, ())]
    kept = [
        header
        for role in ("category", "measure", "date", "event_date", "text")
        for header in by_role.get(role, ())
    ]
    return ". ".join(
        part
        for part in (
            SENSITIVITIES[dataset.sensitivity],
            f"While the file is read: {'; '.join(read) or 'no column is marked personal'}",
            f"Kept in the closed folder to place the record: {', '.join(inside)}" if inside else "",
            f"Kept in the closed folder for checks: {', '.join(kept)}" if kept else "",
        )
        if part
    )


def traits(facts: Facts) -> tuple[Trait, ...]:
    """The five traits of responsible use of technology and data that the local-government profession has set itself."""
    said, sign_off = facts.said, facts.authority.about.sign_off
    placed = [
        f"{shares.precise} of {facts.counted(one.name)} ({one.title})"
        for one in facts.authority.datasets
        if (shares := facts.shares.get(one.name)) and shares.precise
    ]
    deliberated = said.ethical_deliberation
    return (
        Trait(
            "Technical knowledge",
            "Each table's making can be read in full, in one screen of SQL, and made again with the same result. "
            + (f"How well records are placed is measured and published: {_listed(placed)} on a property, building or "
               "point. "
               if placed else "")
            + "Where the tool falls short is said beside the figures: rounding, areas, dates, and records without a "
            "place."
            + (f" {said.required_training}" if said.required_training else ""),
            "" if said.required_training else _asked("required_training"),
        ),
        Trait(
            "Social responsibility",
            "The figures serve the planning of services for the people of an area, and are no ground for acting "
            "against any of them: every table says what it is not for. Whom the records leave out is published by "
            "deprivation and tenure, so that a blank is not taken for an absence."
            + (f" {said.benefits}" if said.benefits else ""),
            "" if said.benefits else _asked("benefits"),
        ),
        Trait(
            "Foundation of trust",
            "No name, date of birth or contact detail is published, nor any figure of a person, a home or a street. "
            "Owners, purposes, lawful bases and dates of all datasets are listed in the release, and so is the rule "
            "that protects the figures; the software is open to inspection."
            + (f" Questions go to {said.contact_email}." if said.contact_email else ""),
            "" if said.contact_email else _asked("contact_email"),
        ),
        Trait(
            "Ethical deliberation",
            "Each dataset may be used only for what its description allows, and each table states purpose, basis, "
            "smallest area and misuse; to change one is a change that others review."
            + (f" {deliberated}" if deliberated else " Who weighed benefit against intrusion is not stated yet."),
            "" if deliberated else _asked("ethical_deliberation"),
        ),
        Trait(
            "Leadership commitment",
            f"Signed off by {sign_off.by} on {date_in_words(sign_off.on)}."
            + (f" {facts.responsible} is the senior responsible owner." if facts.responsible else "")
            if sign_off
            else "Nobody has signed off this use of data yet.",
            "" if sign_off else "authority.yaml, sign_off",
        ),
    )  # fmt: skip


def still_to_write(facts: Facts, fields: tuple[Field, ...]) -> tuple[str, ...]:
    """What a person has still to write: number and name of each field, and where to write it."""
    lines = [
        f"{one.number} {one.name}{' (in part)' if one.status == 'partly answered' else ''}: {one.write_in}"
        for one in fields
        if one.status != "answered"
    ]
    lines += [f"Trait, {one.name.lower()}: {one.write_in}" for one in traits(facts) if one.write_in]
    if not facts.said.phase:
        lines.append(f"Phase: {_asked('phase')}")
    return tuple(lines)


def atrs_document(facts: Facts, fields: tuple[Field, ...]) -> Document:
    """The record for readers: traits, fields by section, and what is still to be written."""
    lacking = still_to_write(facts, fields)
    phase = facts.said.phase or "not stated"
    head = (
        Words(f"{STANDARD}, version {VERSION}. Phase: {phase}."),
        Words(
            "Filled from the facts of this release and from what the authority has written. atrs.json, beside "
            "this page, holds the same for machines."
        ),
    )
    sections = [Section("About this record", head)]
    to_write: tuple[Block, ...] = (Items(lacking),) if lacking else (Words("Nothing."),)
    sections.append(Section("What a person has still to write", to_write))
    heading = ""
    for one in fields:
        if one.section != heading:
            heading = one.section
            sections.append(Section(heading))
        blocks = lines_of(one.answer)
        if one.status != "answered":
            rest = "The rest is still" if one.status == "partly answered" else "Still"
            blocks += (Words(f"{rest} to be written: {one.write_in}", to_write=True),)
        sections.append(Section(f"{one.number} {one.name}", blocks, level=3))
    sections.append(
        Section(
            "Five traits of responsible use",
            (
                Words(
                    "The local-government profession has set itself five traits of responsible use of technology "
                    "and data."
                ),
            ),
        )
    )
    for trait in traits(facts):
        said: tuple[Block, ...] = (Words(trait.paragraph),)
        if trait.write_in:
            said += (Words(f"Still to be written: {trait.write_in}", to_write=True),)
        sections.append(Section(trait.name, said, level=3))
    return Document(
        "Algorithmic transparency record",
        "What this tool does, who answers for it, which data it uses, and what is done about its risks.",
        tuple(sections),
    )


def atrs_json(facts: Facts, fields: tuple[Field, ...]) -> str:
    """The record for machines; keys are in the order of the standard and the same for every authority."""
    sections: dict[str, dict[str, object]] = {}
    for one in fields:
        section = sections.setdefault(_attribute(one.section), {})
        section[one.attribute] = {
            "number": one.number,
            "name": one.name,
            "answer": one.answer,
            "status": one.status,
            "write_in": "" if one.status == "answered" else one.write_in,
        }
    record = {
        "standard": STANDARD,
        "standard_version": VERSION,
        "title": f"{facts.organisation}: {NAME}",
        "organisation_name": facts.organisation,
        "phase": facts.said.phase,
        "region": facts.release.authority_code,
        "sections": sections,
        "traits": {
            _attribute(one.name): {"paragraph": one.paragraph, "write_in": one.write_in}
            for one in traits(facts)
        },
        "still_to_write": list(still_to_write(facts, fields)),
    }
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def _listed(texts: list[str]) -> str:
    """Texts as an enumeration: a, b and c."""
    if not texts:
        return "none yet"
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _within(title: str) -> str:
    """A title as it stands within a sentence; one that begins with an abbreviation stays as it is."""
    return title if title[1:2].isupper() else title[0].lower() + title[1:]


def _without_end(text: str) -> str:
    return text.rstrip(".")
