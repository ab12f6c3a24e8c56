"""The audit: what somebody who computes can work out from all published tables together, and from earlier releases.

Here belongs what an outsider knows: each figure with the range that it stands for; areas that add up to larger ones,
and wards that cut across them; parts and wholes, totals in other tables, public figures that a count cannot exceed;
the same figure in an earlier release. `bounds` finds the ranges of what is hidden; `hold_back` asks the same questions
before anything is published, and hides more until none is left. Nothing is changed here.

The attacker is granted more than a real one has. Of each hidden figure that is below the threshold he knows that it
is (for a reader the marker may as well stand for a figure hidden to protect another), and of all sums that happen to
be true that they are. What is found under that assumption is a leak for nobody who knows less; what is not found is
safe from anybody who uses sums and ranges of published figures. What he may know besides is for docs/disclosure.md.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from pipelines.authority import Disclosure
from pipelines.bounds import MOST, SECONDS, Part, Question, Range, Unknowns
from pipelines.definition import Definition, Elsewhere, Three
from pipelines.protect import (
    HIDDEN,
    PUBLISHED,
    Finding,
    Publication,
    leaving_sql,
)
from pipelines.release import Candidate
from pipelines.tables import quoted, text_literal

# What a finding says of a figure. Never the figure: it goes into logs.
EXACTLY, NARROWLY, SMALL = (
    "can be worked out exactly",
    "can be worked out to within fewer values than a rounded figure stands for",
    "can be shown to be more than none and fewer than the threshold",
)
NOT_SURE = "could not be shown to be safe: too much hangs together with it (publish fewer overlaps, or by fewer areas)"
MOST_NAMED = 6
MOST_FINDINGS = 40

# table, figure, cell
Cell = tuple[str, str, str]
# What a figure is the number of: a name, by which values, of which kind of area, which area.
Identity = tuple[str, tuple[str, ...], str, str]


@dataclass(frozen=True)
class Leak:
    """A figure that can be worked out too well: what it is, how well, and the published cells that give it away."""

    unknown: int
    figure: str
    table: str
    column: str
    problem: str
    revealing: tuple[int, ...]


@dataclass
class Row:
    """A row of a published table: its key's columns, its dimensions and public figures, the unknown of each figure."""

    key: tuple[str, ...]
    values: dict[str, Any]
    unknowns: dict[str, int]


@dataclass
class Knowledge:
    """What an outsider knows: the unknowns with what is told of them, what each one is, and what must stay dark.

    `before` holds the range of each unknown without this release's figures: what is public, or was told by an
    earlier release. `cells` are the published cells that tell an unknown's range; `exact` is its true value where it
    is known here. `ties` are sums that are 0 or less in an area as a whole and in any piece of it: a part is no more
    than its whole wherever one looks.
    """

    rule: Disclosure
    unknowns: Unknowns = field(default_factory=Unknowns)
    label: list[str] = field(default_factory=list)
    place: list[tuple[str, str]] = field(default_factory=list)
    exact: list[float | None] = field(default_factory=list)
    before: list[tuple[float, float]] = field(default_factory=list)
    cells: dict[int, list[Cell]] = field(default_factory=dict)
    hidden_cells: dict[int, list[Cell]] = field(default_factory=dict)
    questions: dict[int, Question] = field(default_factory=dict)
    few_behind: set[int] = field(default_factory=set)
    of_files: set[int] = field(default_factory=set)
    amounts_of: dict[int, list[int]] = field(default_factory=dict)
    held_before: set[int] = field(default_factory=set)
    told_by_releases: set[int] = field(default_factory=set)
    index: dict[Identity, int] = field(default_factory=dict)
    kinds: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    ties: list[tuple[tuple[int, float], ...]] = field(default_factory=list)
    sums_left_out: int = 0

    def add(
        self,
        label: str,
        place: tuple[str, str],
        exact: float | None,
        low: float = 0.0,
        whole: bool = True,
        kind: int = 0,
    ) -> int:
        """A new unknown, of which nothing is told yet but that it is at least `low`."""
        self.label.append(label)
        self.place.append(place)
        self.exact.append(exact)
        self.before.append((low, MOST))
        return self.unknowns.add(low, MOST, whole, exact, kind)

    def tell(self, unknown: int, low: float, high: float) -> None:
        """Narrow what is told of an unknown."""
        known = self.unknowns
        known.low[unknown] = max(known.low[unknown], low)
        known.high[unknown] = min(known.high[unknown], high)

    def tell_before(self, unknown: int, low: float, high: float) -> None:
        """Narrow what is known of an unknown without this release."""
        known = self.before[unknown]
        self.before[unknown] = (max(known[0], low), min(known[1], high))
        self.tell(unknown, low, high)

    def tie(self, terms: Sequence[tuple[int, float]]) -> None:
        """The sum of `factor * unknown` is 0 or less, in pieces of an area, too; if that is true of what is exact."""
        if sum(factor * (self.exact[unknown] or 0.0) for unknown, factor in terms) > 0:
            self.sums_left_out += 1
            return
        self.unknowns.add_sum(terms, -MOST, 0)
        self.ties.append(tuple(terms))

    def untell(self, unknown: int) -> None:
        """As if this release hid the figure: what is told of it is what was known before."""
        self.unknowns.low[unknown], self.unknowns.high[unknown] = self.before[unknown]
        self.hidden_cells.setdefault(unknown, []).extend(self.cells.pop(unknown, []))
        if not self.unknowns.whole[unknown]:
            spread = max(1.0, abs(self.exact[unknown] or 0.0) * self.rule.dominance.p_percent / 100)
            self.questions[unknown] = Question(unknown, spread)
        for amount in self.amounts_of.pop(unknown, ()):
            self.untell(amount)


class Audit:
    """One audit of one release, as `release.assemble` calls it; what it came to stays in it.

    `already` says what the earlier releases give away by themselves: holding a new release back would protect nobody
    from that. They can be taken away (`places release prune`), though not from those who have a copy. `sums_left_out`
    are the ties between figures that are not true of the exact ones, so that nobody can reckon with them.
    """

    def __init__(self) -> None:
        self.already: list[str] = []
        self.figures = 0
        self.hidden = 0
        self.sums_left_out = 0
        self.seconds = 0.0

    def __call__(self, candidate: Candidate) -> list[Finding]:
        """What can be worked out from the release and its predecessors: [] where nothing can.

        A finding names the table and figure, the cell, how well it can be known, and the published cells that give
        it away; never a value.
        """
        started = time.monotonic()
        published = candidate.folder / "parquet"

        def shown(publication: Publication) -> str:
            path = published / f"{publication.table.name}.parquet"
            return f"SELECT * FROM read_parquet({text_literal(str(path))})"

        known = knowledge(candidate.con, candidate.publications, candidate.rule, shown, candidate.former)
        leaks = attack(known)
        old = told_before(known, [leak.unknown for leak in leaks])
        self.figures = len(known.cells) + len(known.hidden_cells)
        self.hidden = len(known.hidden_cells)
        self.sums_left_out = known.sums_left_out
        told = [leak for leak in leaks if leak.unknown in old] if known.told_by_releases else []
        self.already = [str(one) for one in findings(known, told)]
        self.seconds = time.monotonic() - started
        return findings(known, [leak for leak in leaks if leak.unknown not in old])


def attack(known: Knowledge) -> list[Leak]:
    """Every figure that ought to stay dark and does not."""
    found = []
    for part, unknown, narrowed in _light(known):
        # A figure that is hidden in one table and shown in another tells itself.
        telling = [unknown] if unknown in known.cells else []
        telling += [
            u
            for u in part.telling(known.questions[unknown])
            if u in known.cells or u in known.told_by_releases
        ]
        found.append(_leak(known, unknown, narrowed, telling))
    return found


def _light(known: Knowledge, among: Iterable[int] | None = None) -> Iterator[tuple[Part, int, Range]]:
    """Each figure (or of these, each that is `among`) that does not stay dark: its part, itself, and its range."""
    wanted = known.questions.keys() if among is None else known.questions.keys() & set(among)
    for part in known.unknowns.parts():
        asked = [known.questions[u] for u in part.unknowns if u in wanted]
        if asked:
            yield from ((part, unknown, narrowed) for unknown, narrowed in part.dark(asked).items())


def findings(known: Knowledge, leaks: Sequence[Leak]) -> list[Finding]:
    """Leaks in words, the worst first, and no more of them than anybody will read."""
    order = {EXACTLY: 0, SMALL: 1, NARROWLY: 2, NOT_SURE: 3}
    told = []
    for leak in sorted(leaks, key=lambda leak: (order[leak.problem], leak.figure)):
        names = [_as_shown(known, unknown) for unknown in leak.revealing[:MOST_NAMED]]
        more = f" and {len(leak.revealing) - MOST_NAMED} more" if len(leak.revealing) > MOST_NAMED else ""
        by = f", by {'; '.join(names)}{more}" if names else ""
        told.append(Finding(f"published.{leak.table}", leak.column, f"{leak.figure} {leak.problem}{by}"))
    if len(told) > MOST_FINDINGS:
        rest = Finding("published", "", f"and {len(told) - MOST_FINDINGS} more figures")
        told = [*told[:MOST_FINDINGS], rest]
    return told


def knowledge(
    con: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    rule: Disclosure,
    shown: Callable[[Publication], str],
    former: Sequence[Path] = (),
) -> Knowledge:
    """What the tables tell of figures that are not open.

    `con` sees the exact layers, `services.dataset` and `places.output_area`. `shown` gives the SQL of a table as it
    is to be published; `former` are the folders of earlier releases, oldest first.
    """
    known = Knowledge(rule)
    protected = [publication for publication in publications if publication.definition.protects]
    for publication in protected:
        _take_up(known, con, publication, shown(publication))
    for folder in former:
        # What only an older release hid is forgotten.
        known.held_before.clear()
        _recall(known, con, protected, folder)
    _ask(known, rule)
    for publication in protected:
        _relate(known, publication.definition)
    _add_up_areas(known, con)
    return known


def _leak(known: Knowledge, unknown: int, found: Range, telling: Iterable[int]) -> Leak:
    question = known.questions[unknown]
    if not found.is_sure:
        problem = NOT_SURE
    elif found.high - found.low < 1:
        problem = EXACTLY
    elif found.high - found.low < question.spread:
        problem = NARROWLY
    else:
        problem = SMALL
    label, (table, column) = known.label[unknown], known.place[unknown]
    if unknown in known.cells and unknown in known.hidden_cells:
        table, column, cell = known.hidden_cells[unknown][0]
        label = f"{table}.{column} of {cell}"
    return Leak(unknown, label, table, column, problem, tuple(telling))


def _as_shown(known: Knowledge, unknown: int) -> str:
    """A figure by the name of a cell that shows it: it may be hidden in the table where it was met first."""
    if unknown not in known.cells:
        return f"{known.label[unknown]} (of an earlier release)"
    table, column, cell = known.cells[unknown][0]
    return f"{table}.{column} of {cell}"


def told_before(known: Knowledge, among: Iterable[int]) -> set[int]:
    """Of these unknowns, those that are surely not dark even without this release: they are public, or told before."""
    unknowns = known.unknowns
    low, high = list(unknowns.low), list(unknowns.high)
    try:
        unknowns.low[:] = [bounds[0] for bounds in known.before]
        unknowns.high[:] = [bounds[1] for bounds in known.before]
        return {unknown for _, unknown, narrowed in _light(known, among) if narrowed.is_sure}
    finally:
        unknowns.low[:], unknowns.high[:] = low, high


# --- what is told of single figures ----------------------------------------------------------------------------------


def _take_up(known: Knowledge, con: duckdb.DuckDBPyConnection, publication: Publication, shown: str) -> None:
    """Every figure of a table that is not open: an unknown each, with the range that it is shown as."""
    definition, rule = publication.definition, known.rule
    figures = [*definition.counts, *definition.amounts]
    dimensions = [*definition.dimensions, *definition.open_figures]
    key = ", ".join(quoted(name) for name in definition.key)
    columns = [f"leaving.{quoted(name)}" for name in (*dimensions, *figures)]
    behind = [(name, definition.contributors[name]) for name in figures if name in definition.contributors]
    columns += [f"leaving.{quoted(column)}" for _, column in behind]
    columns += ["leaving.cell", *(f"stored.{quoted(name)}" for name in figures)]
    # A row that did not leave shows nothing.
    columns += [f"coalesce(stored.{quoted(f'{name}_status')}, '{HIDDEN}')" for name in figures]
    query = (
        f"WITH {leaving_sql(definition)}\nSELECT {', '.join(columns)}\n"
        f"FROM leaving LEFT JOIN ({shown}) AS stored USING ({key})\n"
        f"WHERE NOT leaving.is_open ORDER BY {', '.join(f'leaving.{quoted(name)}' for name in definition.key)}"
    )
    lowest = dict.fromkeys(figures, 0.0)
    for name in definition.amounts:
        (least,) = con.execute(f"SELECT coalesce(min({quoted(name)}), 0) FROM {definition.layer}").fetchall()[
            0
        ]
        lowest[name] = -MOST if least < 0 else 0.0
    rows = known.rows.setdefault(definition.name, [])
    for row in con.execute(query).fetchall():
        values = dict(zip(dimensions, row, strict=False))
        exact = dict(zip(figures, row[len(dimensions) :], strict=False))
        start = len(dimensions) + len(figures)
        contributors = dict(zip((name for name, _ in behind), row[start:], strict=False))
        cell = str(row[start + len(behind)])
        rest = row[start + len(behind) + 1 :]
        unknowns: dict[str, int] = {}
        for position, name in enumerate(figures):
            if exact[name] is None:
                continue
            unknown = _unknown(known, definition, name, values, cell, exact[name], lowest[name])
            unknowns[name] = unknown
            value, status = rest[position], rest[len(figures) + position]
            if status == PUBLISHED:
                known.cells.setdefault(unknown, []).append((definition.name, name, cell))
                known.tell(unknown, *_shown_as(definition, name, value, values, rule))
            elif status == HIDDEN:
                known.hidden_cells.setdefault(unknown, []).append((definition.name, name, cell))
                if contributors.get(name, rule.threshold) < rule.threshold:
                    known.few_behind.add(unknown)
                if name in definition.counts:
                    high = rule.threshold - 1 if exact[name] < rule.threshold else MOST
                    known.tell(unknown, 0, high)
        where = definition.of_files_where
        all_of_files = bool(where) and all(values[column] == value for column, value in where.items())
        known.of_files |= {u for name, u in unknowns.items() if all_of_files or name in definition.of_files}
        for name, amount in definition.amounts.items():
            # An amount is hidden with its count.
            if name in unknowns and amount.count in unknowns:
                known.amounts_of.setdefault(unknowns[amount.count], []).append(unknowns[name])
        rows.append(Row(definition.key, values, unknowns))


def _unknown(
    known: Knowledge,
    definition: Definition,
    name: str,
    values: Mapping[str, Any],
    cell: str,
    exact: float,
    lowest: float,
) -> int:
    """The unknown behind a figure: one for all cells that are the same figure, and have the same value."""
    quantity = definition.quantities.get(name)
    areas = ("area_type", "area_code")
    by = quantity.by if quantity else [column for column in definition.key if column not in areas]
    identity: Identity = (
        quantity.name if quantity else f"{definition.name}.{name}",
        tuple(str(values[column]) for column in by),
        str(values.get("area_type", "")),
        str(values.get("area_code", "")),
    )
    found = known.index.get(identity)
    if found is None or known.exact[found] != exact:
        label = f"{definition.name}.{name} of {cell}"
        whole = name in definition.counts
        # The same figure of all areas.
        kind = known.kinds.setdefault(identity[:2], len(known.kinds))
        found = known.add(label, (definition.name, name), exact, lowest, whole, kind)
        known.index.setdefault(identity, found)
    return found


def _shown_as(
    definition: Definition, name: str, value: int, values: Mapping[str, Any], rule: Disclosure
) -> tuple[float, float]:
    if name in definition.counts:
        return rule.told(value)
    step = float(values[definition.amounts[name].rounded_to])
    # Halves are rounded up, below zero, too; amounts are in whole units.
    return math.ceil(value - step / 2), math.ceil(value + step / 2) - 1


def _recall(
    known: Knowledge, con: duckdb.DuckDBPyConnection, publications: Sequence[Publication], folder: Path
) -> None:
    """What an earlier release told of the same figures, as far as they are the same today.

    A figure whose value of today was not shown as it was then has changed since: it tells nothing of today's.
    """
    try:
        rule, open_datasets = _rule_of(con, folder)
    except (duckdb.Error, OSError, ValueError, IndexError):
        return  # a release of before there were rules in it, or one that is damaged
    for publication in publications:
        definition = publication.definition
        path = folder / "parquet" / f"{definition.name}.parquet"
        if not path.is_file():
            continue
        stored = f"read_parquet({text_literal(str(path))})"
        there = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {stored}").fetchall()}
        figures = [n for n in (*definition.counts, *definition.amounts) if {n, f"{n}_status"} <= there]
        steps = sorted({a.rounded_to for n, a in definition.amounts.items() if n in figures})
        if not set(definition.key) <= there or not figures or not {*steps, *definition.datasets} <= there:
            continue
        columns = [*definition.key, *definition.datasets, *steps]
        names = [quoted(n) for n in (*columns, *figures, *(f"{n}_status" for n in figures))]
        told: dict[tuple[str, ...], tuple[Any, ...]] = {}
        for row in con.execute(f"SELECT {', '.join(names)} FROM {stored}").fetchall():
            told[tuple(str(value) for value in row[: len(definition.key)])] = row
        for now in known.rows[definition.name]:
            then = told.get(tuple(str(now.values[column]) for column in definition.key))
            if then is None:
                continue
            values = dict(zip(columns, then, strict=False))
            was_open = all(values[column] in open_datasets for column in definition.datasets)
            for position, name in enumerate(figures):
                unknown = now.unknowns.get(name)
                value = then[len(columns) + position]
                status = then[len(columns) + len(figures) + position]
                if unknown is None:
                    continue
                exact = known.exact[unknown]
                if status == PUBLISHED:
                    low, high = (
                        (value, value) if was_open else _shown_as(definition, name, value, values, rule)
                    )
                elif status == HIDDEN and name in definition.counts:
                    low, high = 0, rule.threshold - 1
                else:
                    continue
                if (
                    status == HIDDEN
                    and exact is not None
                    and exact >= rule.threshold
                    and unknown in known.cells
                ):
                    known.held_before.add(unknown)
                if exact is not None and low <= exact <= high:
                    known.tell_before(unknown, low, high)
                    if status == PUBLISHED:
                        known.told_by_releases.add(unknown)


def _rule_of(con: duckdb.DuckDBPyConnection, folder: Path) -> tuple[Disclosure, set[str]]:
    """The rule of a release, and its open datasets."""
    rule, dataset = (
        f"read_parquet({text_literal(str(folder / 'parquet' / name))})"
        for name in ("disclosure_rule.parquet", "dataset.parquet")
    )
    threshold, round_to = con.execute(f"SELECT threshold, round_to FROM {rule}").fetchall()[0]
    open_ones = con.execute(f"SELECT dataset FROM {dataset} WHERE sensitivity = 'open'").fetchall()
    return Disclosure.model_construct(threshold=threshold, round_to=round_to), {row[0] for row in open_ones}


def _ask(known: Knowledge, rule: Disclosure) -> None:
    """What must stay dark: each hidden count that is below the threshold or of few people, and each hidden amount.

    A count at the threshold or above may be known exactly: it is of nobody in particular, shown or not. Nor is what
    is known of files (rows rejected) known of anybody.
    """
    for unknown, exact in enumerate(known.exact):
        if exact is None or (unknown in known.cells and unknown not in known.hidden_cells):
            continue
        if unknown in known.of_files:
            continue
        if not known.unknowns.whole[unknown]:
            spread = max(1.0, abs(exact) * rule.dominance.p_percent / 100)
            known.questions[unknown] = Question(unknown, spread)
        elif exact < rule.threshold:
            known.questions[unknown] = Question(unknown, rule.round_to - 1, rule.threshold)
        elif unknown in known.few_behind:
            known.questions[unknown] = Question(unknown, rule.round_to - 1)


# --- how figures hang together ---------------------------------------------------------------------------------------


def _relate(known: Knowledge, definition: Definition) -> None:
    """Parts, wholes, totals and public figures that a count cannot exceed, each as far as it is true."""
    rows = known.rows[definition.name]
    for part, wholes in definition.parts.items():
        for whole in wholes:
            _part_of(known, rows, part, whole)
    for name, bound in [(name, one) for name, ceilings in definition.at_most.items() for one in ceilings]:
        if isinstance(bound, Elsewhere):
            for unknown, others in _elsewhere(known, rows, name, bound):
                known.tie([(unknown, 1.0), *((other, -1.0) for other in others)])
        elif bound in definition.counts:
            for row in rows:
                if name in row.unknowns and bound in row.unknowns:
                    known.tie([(row.unknowns[name], 1.0), (row.unknowns[bound], -1.0)])
        else:
            _public_bound(known, definition, rows, name, bound)
    for name, parts in definition.sums.items():
        for row in rows:
            # A part of which there is no such count is no part here.
            if name in row.unknowns:
                inside = [row.unknowns[part] for part in parts if part in row.unknowns]
                _sum(known, row.unknowns[name], inside, of_pieces=True)
    for name, tables in definition.totals.items():
        for table in tables:
            for unknown, others in _elsewhere(known, rows, name, table):
                _sum(known, unknown, others, of_pieces=True)
    for name, groups in definition.overlaps.items():
        _three_groups(known, rows, name, groups)
    for name, three in definition.threes.items():
        _shared_by_three(known, rows, name, three)


def _three_groups(known: Knowledge, rows: Sequence[Row], name: str, groups: Mapping[str, str]) -> None:
    """What two groups share with a third, less the third, they share with each other: for each three, in each order.

    `rows` say what two groups share (`name`); `groups` how large each of the two is, by the column that names it.
    """
    by_rest: dict[tuple[str, ...], tuple[dict[frozenset[str], int], dict[str, int]]] = {}
    for row in rows:
        named = [str(row.values[column]) for column in groups.values()]
        rest = tuple(str(row.values[column]) for column in row.key if column not in groups.values())
        shared, sizes = by_rest.setdefault(rest, ({}, {}))
        if name in row.unknowns:
            shared[frozenset(named)] = row.unknowns[name]
        sizes |= {
            group: row.unknowns[count]
            for count, group in zip(groups, named, strict=True)
            if count in row.unknowns
        }
    for shared, sizes in by_rest.values():
        for pair, both in shared.items():
            for third, size in sizes.items():
                with_third = [shared.get(frozenset((one, third))) for one in sorted(pair)]
                if third not in pair and len(with_third) == 2 and None not in with_third:
                    known.tie(
                        [*((one, 1.0) for one in with_third if one is not None), (size, -1.0), (both, -1.0)]
                    )


def _shared_by_three(known: Knowledge, rows: Sequence[Row], name: str, three: Three) -> None:
    """A group, less what it shares with each of two others, and what all three share added again, is in it alone.

    That is a group of its own, and must stay dark as any. That what all share is a part of each pair, and its rest too,
    is for `parts`.
    """
    for row in rows:
        if any(figure not in row.unknowns for figure in (name, *three.groups, *three.pairs)):
            continue
        ab, ac, bc = (row.unknowns[pair] for pair in three.pairs)
        for group, first, second in zip(three.groups, (ab, ab, ac), (ac, bc, bc), strict=True):
            whole, of_all = row.unknowns[group], row.unknowns[name]
            rest = _total(known, [whole, of_all]) - _total(known, [first, second])
            inside = [(first, 1.0), (second, 1.0), (whole, -1.0), (of_all, -1.0)]
            if rest < 0 or rest >= known.rule.threshold or whole not in known.cells:
                known.tie(inside)
                continue
            label = f"{known.label[of_all]}, those in {group} alone"
            alone = known.add(label, known.place[of_all], rest, kind=known.unknowns.kind[of_all])
            known.unknowns.add_sum([*inside, (alone, 1.0)], 0, 0)
            known.questions[alone] = Question(alone, known.rule.round_to - 1, known.rule.threshold)


def _total(known: Knowledge, unknowns: Iterable[int]) -> float:
    return sum(known.exact[u] or 0.0 for u in unknowns)


def _sum(known: Knowledge, whole: int, parts: Sequence[int], of_pieces: bool = False) -> None:
    """`whole` is the sum of `parts`, or more, or (where that is not true) nothing is known.

    With `of_pieces`, the same is true of each piece of the area that they are of.
    """
    rest = _total(known, [whole]) - _total(known, parts)
    terms = [(whole, 1.0), *((part, -1.0) for part in parts)]
    slack = _slack(known, whole, len(parts))
    if rest < -slack:
        known.sums_left_out += 1
        return
    is_all = rest <= slack
    known.unknowns.add_sum(terms, -slack, slack if is_all else MOST)
    if of_pieces and not slack:
        known.ties.append(tuple((unknown, -factor) for unknown, factor in terms))
        if is_all:
            known.ties.append(tuple(terms))


def _slack(known: Knowledge, whole: int, parts: int) -> float:
    """By how much a sum may fail: each amount was made whole by itself, counts are whole."""
    return 0.0 if known.unknowns.whole[whole] else (parts + 1) / 2


def _part_of(known: Knowledge, rows: Sequence[Row], part: str, whole: str) -> None:
    """The rest of a whole, less its part, is a group of its own, and must stay dark as any."""
    for row in rows:
        if part not in row.unknowns or whole not in row.unknowns:
            continue
        of_part, of_whole = row.unknowns[part], row.unknowns[whole]
        if of_part == of_whole or _total(known, [of_whole]) < _total(known, [of_part]):
            known.sums_left_out += 1
            continue
        rest = _total(known, [of_whole]) - _total(known, [of_part])
        if rest >= known.rule.threshold or of_whole not in known.cells:
            # Where the whole is hidden, too, nobody knows of what this would be the rest.
            known.tie([(of_part, 1.0), (of_whole, -1.0)])
            continue
        known.ties.append(((of_part, 1.0), (of_whole, -1.0)))
        unknown = known.add(
            f"{known.label[of_whole]} less {part}",
            known.place[of_part],
            rest,
            kind=known.unknowns.kind[of_part],
        )
        known.unknowns.add_sum([(of_whole, 1.0), (of_part, -1.0), (unknown, -1.0)], 0, 0)
        known.questions[unknown] = Question(unknown, known.rule.round_to - 1, known.rule.threshold)


def _public_bound(
    known: Knowledge, definition: Definition, rows: Sequence[Row], name: str, figure: str
) -> None:
    """A public figure (homes, say) that a count does not exceed anywhere in its dataset and period."""
    areas = {"area_type", "area_code"}
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if name in row.unknowns:
            by = tuple(str(row.values[c]) for c in definition.key if c not in areas)
            groups.setdefault(by, []).append(row)
    for group in groups.values():
        if any(
            row.values[figure] is None or _total(known, [row.unknowns[name]]) > row.values[figure]
            for row in group
        ):
            known.sums_left_out += 1
            continue
        for row in group:
            unknown, most = row.unknowns[name], float(row.values[figure])
            known.tell_before(unknown, known.before[unknown][0], most)
            if unknown in known.questions:
                asked = known.questions[unknown]
                # Nobody can hide more than what is not known to everybody.
                if most < 1:
                    del known.questions[unknown]
                elif asked.spread > most:
                    known.questions[unknown] = Question(unknown, most, asked.threshold)


def _elsewhere(
    known: Knowledge, rows: Sequence[Row], name: str, other: Elsewhere
) -> list[tuple[int, list[int]]]:
    """For each row that has the figure: the figure, and those of another table that agree in all columns of both."""
    found = known.rows.get(other.table, [])
    if not found or not rows:
        return []
    shared = [
        (theirs, ours)
        for theirs in found[0].key
        if theirs not in {*other.where, *other.over} and (ours := other.on.get(theirs, theirs)) in rows[0].key
    ]
    shared += [(theirs, ours) for theirs, ours in other.on.items() if theirs not in found[0].key]
    by_values: dict[tuple[str, ...], list[int]] = {}
    for row in found:
        if all(_is(row.values.get(column), wanted) for column, wanted in other.where.items()):
            told = [row.unknowns[figure] for figure in other.figures if figure in row.unknowns]
            by_values.setdefault(tuple(str(row.values[t]) for t, _ in shared), []).extend(told)
    matched = []
    for row in rows:
        if not all(_is(row.values.get(column), wanted) for column, wanted in other.here.items()):
            continue
        others = by_values.get(tuple(str(row.values[o]) for _, o in shared))
        if name in row.unknowns and others:
            matched.append((row.unknowns[name], others))
    return matched


def _is(value: Any, wanted: bool | tuple[str, ...]) -> bool:
    return value is wanted if isinstance(wanted, bool) else str(value) in wanted


@dataclass(frozen=True)
class Areas:
    """Which areas lie in which: LSOAs by MSOA and by ward, and the pieces into which wards cut LSOAs."""

    msoa: dict[str, list[str]]
    ward: dict[str, list[str]]
    pieces: dict[str, list[str]]
    oas: dict[tuple[str, str], list[str]]


def _areas(con: duckdb.DuckDBPyConnection) -> Areas:
    msoa: dict[str, set[str]] = {}
    ward: dict[str, set[str]] = {}
    pieces: dict[str, set[str]] = {}
    oas: dict[tuple[str, str], list[str]] = {}
    query = "SELECT oa_code, lsoa_code, msoa_code, ward_code FROM places.output_area ORDER BY oa_code"
    for oa, of_lsoa, of_msoa, of_ward in con.execute(query).fetchall():
        if of_lsoa and of_msoa:
            msoa.setdefault(of_msoa, set()).add(of_lsoa)
        if of_ward and of_lsoa:
            ward.setdefault(of_ward, set()).add(of_lsoa)
            pieces.setdefault(of_lsoa, set()).add(of_ward)
            oas.setdefault((of_lsoa, of_ward), []).append(oa)
    by_msoa, by_ward, by_lsoa = (
        {code: sorted(inside) for code, inside in sorted(found.items())} for found in (msoa, ward, pieces)
    )
    return Areas(by_msoa, by_ward, by_lsoa, oas)


def _add_up_areas(known: Knowledge, con: duckdb.DuckDBPyConnection) -> None:
    """Areas add up to larger ones: what is in a larger area and in none of its parts has no nearer place."""
    groups: dict[tuple[str, tuple[str, ...]], dict[str, dict[str, int]]] = {}
    for (quantity, by, area_type, area_code), unknown in known.index.items():
        if area_type:
            groups.setdefault((quantity, by), {}).setdefault(area_type, {})[area_code] = unknown
    if not groups:
        return
    areas = _areas(con)
    pieces: dict[tuple[int, str], int] = {}
    for cells in groups.values():
        lsoas, wards = cells.get("lsoa", {}), cells.get("ward", {})
        msoas, wholes = cells.get("msoa", {}), list(cells.get("authority", {}).values())
        oas = cells.get("oa", {})
        for code, unknown in msoas.items():
            _all_of(known, unknown, [lsoas.get(lsoa) for lsoa in areas.msoa.get(code, [])])
        for whole in wholes:
            _all_of(known, whole, list(msoas.values()) or list(lsoas.values()))
            _all_of(known, whole, list(wards.values()))
        if oas:
            for (lsoa, _), inside in areas.oas.items():
                if lsoa in lsoas and len(areas.pieces[lsoa]) == 1:
                    _all_of(known, lsoas[lsoa], [oas.get(oa) for oa in inside])
            for code, unknown in wards.items():
                inside = [oa for (_, ward), found in areas.oas.items() if ward == code for oa in found]
                _all_of(known, unknown, [oas.get(oa) for oa in inside])
        elif lsoas and wards:
            pieces.update(_cut_by_wards(known, areas, lsoas, wards))
    _tie_pieces(known, pieces)


def _all_of(known: Knowledge, whole: int, parts: Sequence[int | None]) -> None:
    present = [part for part in parts if part is not None]
    if present and len(present) == len(parts):
        _sum(known, whole, present)


def _cut_by_wards(
    known: Knowledge, areas: Areas, lsoas: Mapping[str, int], wards: Mapping[str, int]
) -> dict[tuple[int, str], int]:
    """Wards as sums of LSOAs and of the pieces of those that lie in several wards; pieces must stay dark, too.

    How large the pieces are is not known here: each ward's sum is taken as exact where that can be true for all of
    them together, else as "at least". Returns the pieces by the LSOA's unknown and the ward.
    """
    if any(code not in lsoas for inside in areas.ward.values() for code in inside) or not wards:
        return {}
    cut = [(lsoa, ward) for lsoa, among in areas.pieces.items() if len(among) > 1 for ward in among]
    loose = _loose_wards(known, areas, lsoas, wards, cut)
    if loose is None:
        known.sums_left_out += 1
        return {}
    piece: dict[tuple[str, str], int] = {}
    for lsoa, ward in cut:
        of, is_count = lsoas[lsoa], known.unknowns.whole[lsoas[lsoa]]
        label = f"{known.label[of]}, the piece in ward {ward}"
        unknown = known.add(label, known.place[of], None, whole=is_count, kind=known.unknowns.kind[of])
        piece[lsoa, ward] = unknown
        if is_count:
            known.questions[unknown] = Question(unknown, known.rule.round_to - 1, known.rule.threshold)
    for lsoa in dict.fromkeys(lsoa for lsoa, _ in cut):
        parts = [(piece[lsoa, ward], -1.0) for ward in areas.pieces[lsoa]]
        known.unknowns.add_sum([(lsoas[lsoa], 1.0), *parts], 0, 0)
    for ward, unknown in wards.items():
        inside = [piece.get((lsoa, ward), lsoas[lsoa]) for lsoa in areas.ward.get(ward, [])]
        if inside:
            terms = [(unknown, 1.0), *((part, -1.0) for part in inside)]
            slack = _slack(known, unknown, len(inside))
            known.unknowns.add_sum(terms, -slack, MOST if ward in loose else slack)
    return {(lsoas[lsoa], ward): unknown for (lsoa, ward), unknown in piece.items()}


def _tie_pieces(known: Knowledge, piece: Mapping[tuple[int, str], int]) -> None:
    """The ties of an LSOA's figures hold of its pieces, too: what of a part lies in a ward is of its whole's piece.

    A tie is left out of account where no pieces can be that fit all of them and the wards' sums, as with records that
    have a ward and no LSOA. Numbers that fit are noted as the likely ones.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    if not piece:
        return
    of_lsoa: dict[int, dict[str, int]] = {}
    for (lsoa, ward), unknown in piece.items():
        of_lsoa.setdefault(lsoa, {})[ward] = unknown
    ties: dict[tuple[tuple[int, float], ...], None] = {}
    for terms in known.ties:
        tied = [of_lsoa.get(unknown, {}) for unknown, _ in terms]
        # Terms of one LSOA, all of them cut: the pieces are in the same wards.
        if all(tied) and len({tuple(pieces) for pieces in tied}) == 1:
            for ward in tied[0]:
                of_ward = ((pieces[ward], factor) for pieces, (_, factor) in zip(tied, terms, strict=True))
                ties[tuple(sorted(of_ward))] = None
    at = {unknown: place for place, unknown in enumerate(piece.values())}
    sums = [one for one in known.unknowns.sums if not at.keys().isdisjoint(one[0])]
    # What is fixed in each sum, and how far the pieces in it may go.
    held: list[Tied] = []
    for row, low, high in sums:
        fixed = sum(factor * (known.exact[u] or 0.0) for u, factor in row.items() if u not in at)
        held.append(Tied({at[u]: f for u, f in row.items() if u in at}, low - fixed, high - fixed))
    held += [Tied({at[u]: f for u, f in terms}, -MOST, 0.0, terms) for terms in ties]
    joins = [(index, place) for index, one in enumerate(held) for place in one.terms]
    rows, columns = zip(*((index, len(held) + place) for index, place in joins), strict=True)
    size = len(held) + len(at)
    _, group = connected_components(
        csr_array((np.ones(len(joins)), (rows, columns)), shape=(size, size)), False
    )
    inside: dict[int, tuple[list[Tied], list[int]]] = {}
    for index, one in enumerate(held):
        inside.setdefault(int(group[index]), ([], []))[0].append(one)
    for place in range(len(at)):
        inside.setdefault(int(group[len(held) + place]), ([], []))[1].append(place)
    pieces = list(at)
    for together, places in inside.values():
        whole = known.unknowns.whole[pieces[places[0]]]
        kept, values = _fitting(together, places, whole)
        for one in kept:
            known.unknowns.add_sum(one.terms_of_unknowns, -MOST, 0)
        known.sums_left_out += sum(1 for one in together if one.terms_of_unknowns) - len(kept)
        for place, value in zip(places, values, strict=True):
            known.unknowns.likely[pieces[place]] = value


@dataclass(frozen=True)
class Tied:
    """A sum of pieces, by their places, from `low` to `high`; if it may be left out, its terms by unknowns, too."""

    terms: Mapping[int, float]
    low: float
    high: float
    terms_of_unknowns: tuple[tuple[int, float], ...] = ()


def _fitting(
    together: Sequence[Tied], places: Sequence[int], whole: bool
) -> tuple[list[Tied], list[float | None]]:
    """The sums that may be left out and need not be, as many as fit the others, and numbers that fit all those."""
    may_fail = [one for one in together if one.terms_of_unknowns]
    must_hold = [one for one in together if not one.terms_of_unknowns]
    found = _numbers(may_fail, must_hold, places, whole)
    if found is not None:
        values, failing = found
        if failing.max(initial=0.0) < 0.5:
            return may_fail, values
        kept = [one for one, by in zip(may_fail, failing, strict=True) if by < 0.5]
        if (again := _numbers([], [*kept, *must_hold], places, whole)) is not None:
            return kept, again[0]
    alone = _numbers([], must_hold, places, whole)
    return [], alone[0] if alone else [None] * len(places)


def _numbers(
    may_fail: Sequence[Tied], must_hold: Sequence[Tied], places: Sequence[int], whole: bool
) -> tuple[list[float | None], np.ndarray] | None:
    """Numbers that fit, and by how much each sum that may fail does, as little as can be; None where there are none."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    told = [*may_fail, *must_hold]
    at = {place: column for column, place in enumerate(places)}
    entries = [
        (row, at[place], factor) for row, one in enumerate(told) for place, factor in one.terms.items()
    ]
    entries += [(row, len(places) + row, -1.0) for row in range(len(may_fail))]
    # From the middle more can be reached than from an end: pieces are as even as can be.
    middle = np.zeros(len(places))
    for one in reversed(must_hold):
        if one.low == one.high:  # an LSOA's pieces, before the wards that they are in
            middle[[at[place] for place in one.terms]] = round(abs(one.low) / len(one.terms))
    aside = len(places) + len(may_fail)
    for column in range(len(places)):
        entries += [(len(told) + column, column, 1.0), (len(told) + column, aside + column, -1.0)]
    rows, columns, factors = zip(*entries, strict=True)
    sizes = [len(places), len(may_fail), len(places)]
    solved = milp(
        np.repeat([0.0, 1.0, 1e-4], sizes),
        integrality=np.repeat([int(whole), 0, 0], sizes),
        bounds=Bounds(0, np.inf),
        constraints=LinearConstraint(
            csr_array((factors, (rows, columns)), shape=(len(told) + len(places), sum(sizes))),
            [*(one.low for one in told), *([-np.inf] * len(places))],
            [*(one.high for one in told), *middle],
        ),
        options={"time_limit": SECONDS},
    )
    if solved.x is None:
        return None
    values = [float(round(value)) if whole else float(value) for value in solved.x[: len(places)]]
    return [*values], solved.x[len(places) : aside]


def _loose_wards(
    known: Knowledge,
    areas: Areas,
    lsoas: Mapping[str, int],
    wards: Mapping[str, int],
    pieces: Sequence[tuple[str, str]],
) -> set[str] | None:
    """The wards with more in them than their LSOAs and pieces hold, as few as can be; None where none of it fits."""
    from scipy.optimize import linprog

    codes = [ward for ward in wards if areas.ward.get(ward)]
    # Unknown: the pieces, then what is left over in each ward.
    count = len(pieces) + len(codes)
    equal, total = [], []
    for lsoa in sorted({lsoa for lsoa, _ in pieces}):
        equal.append([1.0 if at < len(pieces) and pieces[at][0] == lsoa else 0.0 for at in range(count)])
        total.append(_total(known, [lsoas[lsoa]]))
    for place, ward in enumerate(codes):
        row = [1.0 if at < len(pieces) and pieces[at][1] == ward else 0.0 for at in range(count)]
        row[len(pieces) + place] = 1.0
        whole = [lsoas[lsoa] for lsoa in areas.ward[ward] if len(areas.pieces[lsoa]) == 1]
        equal.append(row)
        total.append(_total(known, [wards[ward]]) - _total(known, whole))
    if not equal:
        return set()
    cost = np.array([0.0] * len(pieces) + [1.0] * len(codes))
    slack = [_slack(known, wards[ward], len(areas.ward[ward])) for ward in codes]
    bounds = [*((0.0, None) for _ in pieces), *((-most, None) for most in slack)]
    solved = linprog(cost, A_eq=np.array(equal), b_eq=np.array(total), bounds=bounds, method="highs")
    if solved.status != 0:
        return None
    left = solved.x[len(pieces) :]
    return {ward for ward, rest, most in zip(codes, left, slack, strict=True) if rest > max(0.5, most)}
