"""Which further figures must be hidden, so that those that are hidden already cannot be worked out from the rest.

Here belongs the choice: the audit's questions are asked of the figures as they would be published, and as long as one
of them has too good an answer, the smallest of the figures that give it away is hidden as well. What the answers are
is `audit`; which figures are hidden for themselves is `protect`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipelines.audit import Cell, Knowledge, knowledge, told_before
from pipelines.authority import Disclosure
from pipelines.bounds import Part, Question
from pipelines.protect import HELD_BACK, Publication, select_sql
from pipelines.tables import Column, Table

# In a huge part, so many rounds of hiding may leave as much unsafe as before.
PATIENCE = 3

COLUMNS = (
    Column("published_table", "VARCHAR", "table of the stage published"),
    Column("figure", "VARCHAR", "count or amount that is hidden"),
    Column("cell", "VARCHAR", "the row: the values of its key, joined"),
)


def held_back_table(publications: Sequence[Publication]) -> Table:
    """`layers.held_back`, made from every layer of which figures are protected."""
    layers = {p.definition.layer for p in publications if p.definition.protects}
    stage, _, name = HELD_BACK.partition(".")
    return Table(
        stage,
        name,
        "Further figures that are hidden, since others could be worked out from them: one row per published table, "
        "figure and cell. Restricted: a reader is not told which of the hidden figures these are.",
        COLUMNS,
        tuple(column.name for column in COLUMNS),
        tuple(sorted({*layers, "places.output_area", "services.dataset"})),
        "pipelines/hold_back.py",
    )


def held_back(
    con: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    rule: Disclosure,
    former: Sequence[Path] = (),
) -> list[Cell]:
    """The cells to hide besides those that are hidden for themselves: table, figure, cell; sorted.

    `con` sees the exact layers, `services.dataset` and `places.output_area`; `former` are the folders of earlier
    releases, oldest first: what they told cannot be taken back, so hiding it would not help.
    """

    def shown(publication: Publication) -> str:
        return select_sql(publication.definition, rule, with_held_back=False)

    known = knowledge(con, publications, rule, shown, former)
    hidden: set[Cell] = set()
    # Amounts last: they are hidden with their counts, which no sum joins with them.
    parts = sorted(known.unknowns.parts(), key=lambda part: not part.integral.all())
    # What can be known without this release's figures, nothing that it hides will keep dark.
    unsafe: list[int] = []
    for part in parts:
        asked = [known.questions[u] for u in part.unknowns if u in known.questions]
        if asked:
            unsafe += _unsafe(part, asked)
    for unknown in told_before(known, unsafe):
        del known.questions[unknown]
    # What the latest release hid to protect others stays hidden: else the choice would change from run to run, and each
    # release tell a little of what the one before held back.
    for unknown in sorted(known.held_before):
        if unknown in known.cells:
            hidden |= {*known.cells[unknown]}
            known.untell(unknown)
    for part in parts:
        part.take_back()
        hidden |= _hide_until_dark(known, part)
    return sorted(hidden)


def _hide_until_dark(known: Knowledge, part: Part) -> set[Cell]:
    """Hide figures of one part until no question about it has too good an answer; returns the cells that show them."""
    hidden: set[Cell] = set()
    hopeless: set[int] = set()
    looked_at: set[int] = set()
    fewest, in_vain_for = len(part.unknowns) + 1, 0
    while True:
        asked = [known.questions[u] for u in part.unknowns if u in known.questions and u not in hopeless]
        if not asked:
            return hidden
        unsafe = _unsafe(part, asked)
        if part.is_huge and (new := {*unsafe} - looked_at):
            looked_at |= new
            if in_vain := told_before(known, new):
                for unknown in in_vain:
                    del known.questions[unknown]
                continue
        if not unsafe:
            return hidden
        # Too much hangs together to tell whether hiding more will ever do: the audit says of what.
        if part.is_huge and not part.lost(asked):
            in_vain_for = 0 if len(unsafe) < fewest else in_vain_for + 1
            fewest = min(fewest, len(unsafe))
        if in_vain_for == PATIENCE:
            hopeless |= {*unsafe}
            continue
        chosen: set[int] = set()
        for unknown in sorted(unsafe, key=lambda u: known.label[u]):
            telling = {*part.telling(known.questions[unknown]), unknown}
            if telling & chosen:
                continue  # what is hidden now may do for this one, too
            choice = [u for u in telling if u in known.cells and _can_be_hidden(known, u)]
            if not choice:  # the programmes name none: any that is near may do
                choice = [u for u in part.near(unknown) if u in known.cells and _can_be_hidden(known, u)]
            if not choice:  # nor is any: then whatever hangs together with it, at whatever distance
                choice = [u for u in part.unknowns if u in known.cells and _can_be_hidden(known, u)]
            if not choice:
                hopeless.add(unknown)
                continue
            best = min(choice, key=lambda u: (known.exact[u] or 0.0, known.label[u]))
            hidden |= {*known.cells[best]}
            known.untell(best)
            chosen.add(best)
        part.take_back()


def _unsafe(part: Part, asked: Sequence[Question]) -> list[int]:
    """The questions that are answered too well, or cannot be shown not to be.

    Of a huge part, as long as there are any, only those that are so at first sight: what is hidden for them leaves less
    to look at closely.
    """
    return (part.lost(asked) if part.is_huge else []) or [*part.dark(asked)]


def _can_be_hidden(known: Knowledge, unknown: int) -> bool:
    """Whether hiding the figure takes anything away: an earlier release may have told as much."""
    told = (known.unknowns.low[unknown], known.unknowns.high[unknown])
    return known.before[unknown] != told
