"""The data protection fact sheet: facts for the questions that the ICO's template for an assessment asks.

It is no assessment: how likely and how grave a risk is, and whether it is acceptable, is for people to judge, and is
marked as theirs to write.
"""

from __future__ import annotations

from pipelines.draw.document import Block, Document, Grid, Items, Section, Words
from pipelines.draw.facts import date_in_words
from pipelines.transparency.atrs import personal_in_words
from pipelines.transparency.facts import (
    SENSITIVITIES,
    Facts,
    counted,
    personal_columns,
    retention_in_words,
    uses_in_words,
)

# A risk to people, what is done about it, and where in the software.
MEASURES = (
    (
        "A person is recognised by a name, a date of birth or a contact detail",
        "Such columns are dropped, keyed or turned into an age band while the file is read; they are never stored "
        "as written",
        "pipelines/reading_plan.py, pipelines/pseudonyms.py",
    ),
    (
        "A person is recognised from a small count",
        "Counts below the threshold are withheld, zeros among them; the rest are rounded; rates are made from those",
        "pipelines/protect.py",
    ),
    (
        "A withheld count is worked out from sums, differences or earlier releases",
        "Areas nest; further counts are withheld; each release is attacked by a solver before it is published",
        "pipelines/hold_back.py, pipelines/audit.py",
    ),
    (
        "A new column or table leaves by mistake",
        "Nothing leaves without a definition that names every column, and the release is read back as a reader would",
        "pipelines/protect.py, pipelines/release.py",
    ),
    (
        "A withheld figure or a record is left over inside a published file",
        "Every file of a release is opened and compared with what was withheld, before it is published",
        "pipelines/scan.py",
    ),
    (
        "Records are kept longer than they are used",
        "Extracts past their retention are not read; a dataset, an extract or a person's rows can be forgotten",
        "pipelines/forgetting.py",
    ),
    (
        "Records are used for what people do not expect",
        "Each dataset states its uses; a table is made without the datasets whose uses do not allow it",
        "pipelines/uses.py",
    ),
    (
        "Exact data are read by somebody who may not",
        "They stay in one folder with rights for its owner alone; nothing is sent over a network; who ran what is "
        "recorded",
        "pipelines/run.py, pipelines/journal.py",
    ),
    (
        "Services are joined to make a picture of one household",
        "Joining needs the use named overlap; what is published of it is counts by area, and no list of homes can be "
        "made from it",
        "pipelines/uses.py, assets/published/service_overlap.yaml",
    ),
    (
        "A figure is wrong for some groups, since their records cannot be placed",
        "Placement and coverage are published by deprivation and tenure",
        "assets/layers/who_is_missing.sql",
    ),
    (
        "A release turns out to tell too much",
        "It can be replaced by the one before in one step; what to do then is in SECURITY.md",
        "pipelines/release.py",
    ),
)


def dpia_document(facts: Facts) -> Document:
    """The fact sheet, in the template's seven steps."""
    said = facts.said
    lacking: list[str] = []

    def asked(step: str, question: str, answer: str, key: str) -> tuple[Block, ...]:
        """What a person answers, or the mark that nobody has."""
        if answer:
            return (Words(answer),)
        where = f"authority.yaml, transparency: {key}"
        lacking.append(f"Step {step}, {question}: {where}")
        return (
            Words(f"{question[0].upper()}{question[1:]}: still to be written, in {where}", to_write=True),
        )

    protected = facts.protected
    special = [one for one in protected if one.sensitivity == "special"]
    sections = [
        Section("Step 1: is an assessment needed?", (Items(_need(facts)),)),
        Section("Step 2: what is done with the data"),
        Section("Nature", (Items(_nature(facts)),), level=3),
        Section("Scope", (_scope(facts), Items(_scope_words(facts))), level=3),
        Section(
            "Context",
            (
                Words(
                    "The people concerned are residents and users of the services listed. Their data were given to, "
                    "or made by, each service for its own purpose; nothing is collected from them for this tool."
                ),
                *asked("2", "whether people would expect this use, and what control they have", said.expectations,
                       "expectations"),
            ),
            level=3,
        ),
        Section(
            "Purposes",
            (
                Items(tuple(f"{one.name}: {one.purpose}" for one in facts.definitions if one.counts)),
                *asked("2", "the benefits of this use", said.benefits, "benefits"),
            ),
            level=3,
        ),
        Section(
            "Step 3: consultation",
            asked("3", "who was asked, residents among them, and what they said", said.consultation, "consultation"),
        ),
        Section("Step 4: necessity and proportionality", _necessity(facts, lacking)),
    ]  # fmt: skip
    if special:
        titles = ", ".join(one.title for one in special)
        sections.append(
            Section(
                "Condition for special category data (UK GDPR Article 9)",
                (
                    Words(f"Datasets concerned: {titles}."),
                    *asked(
                        "4",
                        "the condition relied on",
                        said.special_category_condition,
                        "special_category_condition",
                    ),
                ),
                level=3,
            )
        )
    sections += [
        Section(
            "Rights of people",
            (
                Words(
                    "Access, correction and objection go to the service that holds the record; the next extract "
                    "brings the change here. What is published is about areas and cannot be looked up by person."
                ),
                *asked("4", "how a person asks, and who answers", said.rights, "rights"),
            ),
            level=3,
        ),
        Section(
            "Steps 5 and 6: risks, and measures against them",
            (
                Grid(("Risk", "Measure", "Where it is implemented"), MEASURES),
                *(Words(f"{one.risk} Measure: {one.mitigation}") for one in said.risks),
                *asked(
                    "5",
                    "how likely and how grave each risk is, and what is left after the measures",
                    said.risk_assessment,
                    "risk_assessment",
                ),
            ),
        ),
        Section("Step 7: sign-off", _sign_off(facts, lacking)),
        Section(
            "Advice of the data protection officer",
            asked(
                "7",
                "the officer's advice, and whether it was followed",
                said.data_protection_advice,
                "data_protection_advice",
            ),
            level=3,
        ),
    ]
    to_write: tuple[Block, ...] = (Items(tuple(lacking)),) if lacking else (Words("Nothing."),)
    head = [
        Section(
            "About this fact sheet",
            (
                Words(
                    "It gives facts for each question of the Information Commissioner's template for a data "
                    "protection impact assessment. It is not itself the assessment: people judge."
                ),
            ),
        ),
        Section("What a person has still to write", to_write),
    ]
    return Document(
        "Data protection fact sheet",
        "How personal data are used and protected here, for those who assess it.",
        (*head, *sections),
    )


def _need(facts: Facts) -> tuple[str, ...]:
    if not facts.protected:
        return (
            "Every dataset is open already and none is marked personal: an assessment may not be needed. Confirm "
            "that no extract holds personal data all the same.",
        )
    lines = ["Personal data of residents are used for another purpose than billing or care: planning."]
    special = [one.title for one in facts.protected if one.sensitivity == "special"]
    if special:
        lines.append(f"Special category data are used: {', '.join(special)}.")
    joined = [one.title for one in facts.protected if one.allows("overlap")]
    if len(joined) > 1:
        lines.append(
            f"Datasets of different services are joined at the same property: {', '.join(joined)}. Matching data of "
            "several sources is on the Commissioner's list of processing that is likely to need an assessment."
        )
    lines.append("No automated decision is made, and no one is profiled, scored or predicted.")
    return tuple(lines)


def _nature(facts: Facts) -> tuple[str, ...]:
    said = facts.said
    return (
        "Collected: services export extracts from their own systems; nothing is collected from people.",
        "Used: placed, counted by area, joined by property where the uses allow, and published as protected counts.",
        "Stored: exact data in the folder restricted of the output (rights for its owner alone), on the "
        "authority's own machine; releases beside it in published.",
        "Shared: releases only. Nothing is sent over a network by the tool.",
        "Deleted: by the retention of each dataset (see Scope), and at once on request of the owner.",
        f"May be read by: {said.who_may_read}"
        if said.who_may_read
        else "May be read by: the account that runs the tool; who that is, is not stated "
        "(authority.yaml, transparency: who_may_read).",
    )


def _scope(facts: Facts) -> Block:
    rows = []
    for one in facts.authority.datasets:
        account = facts.accounts.get(one.name, {})
        rows.append(
            (
                one.title,
                SENSITIVITIES[one.sensitivity],
                account.get("kept", "none yet"),
                facts.dated(one.name),
                retention_in_words(one) or f"no limit stated: write keep_months in its {one.path.name}",
            )
        )
    if not rows:
        return Words("There is no dataset yet.")
    return Grid(
        ("Dataset", "Sensitivity", "Rows kept, as published", "As at", "Extracts are kept"), tuple(rows)
    )


def _scope_words(facts: Facts) -> tuple[str, ...]:
    smallest = sorted({one.smallest_area for one in facts.definitions if one.counts} - {"none"})
    lines = [f"{one.title}: {personal_in_words(one)}." for one in facts.protected]
    lines.append(f"Area covered: {facts.release.authority_name} ({facts.release.authority_code}).")
    if smallest:
        lines.append(f"Smallest area for which people's data are published: {', '.join(smallest).upper()}.")
    return tuple(lines)


def _necessity(facts: Facts, lacking: list[str]) -> tuple[Block, ...]:
    rows = tuple((one.title, one.lawful_basis, one.purpose, uses_in_words(one)) for one in facts.protected)
    minimised = sum(len(names) for one in facts.protected for names in personal_columns(one).values())
    blocks: list[Block] = []
    if rows:
        blocks.append(Grid(("Dataset", "Lawful basis", "Purpose", "May be used for"), rows))
    blocks.append(
        Words(
            f"Least data: {counted(minimised, 'personal column')} of the extracts, dropped, keyed or banded while they "
            "are read; what is not named in a dataset's description is not kept. Areas are used because planning "
            "is for areas; records are used because counts by service do not add up to who uses several."
        )
    )
    for one in facts.protected:
        if one.keep_months is None:
            lacking.append(
                f"Step 4, how long extracts of {one.title} are kept: {one.path.parent.name}/{one.path.name}, "
                "keep_months"
            )
    return tuple(blocks)


def _sign_off(facts: Facts, lacking: list[str]) -> tuple[Block, ...]:
    sign_off = facts.authority.about.sign_off
    officer = facts.authority.about.owners.get("data_protection_officer", "")
    lines: list[Block] = []
    if sign_off:
        lines.append(
            Words(f"The use of these data was signed off by {sign_off.by} on {date_in_words(sign_off.on)}.")
        )
    else:
        lacking.append("Step 7, who signed it off, and when: authority.yaml, sign_off")
        lines.append(
            Words("Who signed it off: still to be written, in authority.yaml, sign_off", to_write=True)
        )
    if officer:
        lines.append(Words(f"Data protection is answered for by: {officer}."))
    else:
        lacking.append("Step 7, the data protection officer: authority.yaml, owners: data_protection_officer")
    return tuple(lines)
