"""From an authority folder to its maps: which tables are made, in which order, and making one of them.

Here belongs the plan (`plan`), making one step of it (`make`), and the whole run as a plain function (`run`). No
Dagster: `orchestrate` makes an asset of each step, with the same `make`. How to read, place, protect or draw is
elsewhere.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import importlib
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from pipelines import (
    audit,
    forgetting,
    hold_back,
    ingest,
    last_good,
    lineage,
    matching,
    protect,
    quarantine,
    re_placed,
    release,
    scan,
    transparency,
    uses,
    worked_out,
)
from pipelines.authority import BESIDE, Authority, Dataset, Disclosure, Source
from pipelines.descriptions import Problem
from pipelines.draw import gallery
from pipelines.gathered import gathered_tables
from pipelines.journal import RUN_ENDED, RUN_STARTED, Account, Journal
from pipelines.journal import purpose as purpose_of
from pipelines.pseudonyms import Pseudonyms, former_pseudonyms
from pipelines.review import FOLDER as REVIEW
from pipelines.review import read_decisions, remove_outdated
from pipelines.tables import ASSETS, IMPERSONAL, Column, Table, in_order, quoted, tables_of
from pipelines.warehouse import Warehouse, Written, replace_text

PAGES = "maps"
# What a dry run makes, in a folder of its own below the restricted one.
DRY_RUN = "dry-run-"
# In the restricted folder of an output in which an earlier day was made again: that day.
UP_TO = "up_to.txt"
# A small text on its way to its place, as `replace_text` names it.
TEXT_ASIDE = re.compile(r"\..+\.[0-9a-f]{32}")


class BrokenDescription(Exception):
    """A step cannot be made because its description cannot be used; `problems` says why."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class KeptBack(Exception):
    """A step was not made, since something that it is made from was not."""


class AnotherRun(Exception):
    """Another run is at work on the same output."""


class AnotherDay(Exception):
    """The output holds what was made of the data up to another day."""


@dataclass(frozen=True)
class Output:
    """The folder of everything made: `restricted/` (exact, for its owner alone) and `published/` (protected)."""

    root: Path

    @property
    def restricted(self) -> Path:
        """Everything exact."""
        return self.root / "restricted"

    @property
    def published(self) -> Path:
        """What may leave."""
        return self.root / "published"

    def prepare(self) -> None:
        """Make the folders; `restricted` is closed to all but its owner where the system knows such rights."""
        self.restricted.mkdir(parents=True, exist_ok=True)
        self.published.mkdir(parents=True, exist_ok=True)
        self.restricted.chmod(stat.S_IRWXU)

    def hold_to_day(self, up_to: dt.date | None) -> None:
        """Make sure that all in this output is made of the data up to one day, or of all data; only under the run lock.

        Raises `AnotherDay` where it was made otherwise: an earlier day that is made again must not take the place of
        what is current.
        """
        path = self.restricted / UP_TO
        stated = path.read_text(encoding="utf-8").strip() if path.exists() else ""
        wanted = up_to.isoformat() if up_to else ""
        if stated == wanted:
            return
        if stated or (self.restricted / "warehouse").exists() or release.releases(self.published):
            holds = f"the data up to {stated}, made again" if stated else "all data that there are"
            wants = f"the data up to {wanted}" if wanted else "all data"
            raise AnotherDay(
                f"{self.root} holds what was made of {holds}; to make it of {wants}, choose another folder with "
                "--output"
            )
        replace_text(path, f"{wanted}\n")

    def clear_leavings(self) -> int:
        """Remove what killed runs left half-made in this output; returns how many. Only under the run lock.

        Half-made releases, what did not fit in memory, dry runs, and texts on their way to their place.
        """
        gone = release.clean(self.published)
        for folder in self.restricted.glob(f"{DRY_RUN}*"):
            remove_copy(folder)
            gone += 1
        for left in (self.restricted / "spill").glob("*"):
            left.unlink(missing_ok=True)
            gone += 1
        for folder in (
            self.restricted,
            self.restricted / "pages",
            self.restricted / "dagster",
            self.restricted / REVIEW,
            self.published,
        ):
            for left in (path for path in folder.glob(".*") if TEXT_ASIDE.fullmatch(path.name)):
                left.unlink(missing_ok=True)
                gone += 1
        return gone

    @contextlib.contextmanager
    def lock(self, wait_seconds: float = 0) -> Iterator[None]:
        """Hold the one run lock of this output; raises `AnotherRun` when it cannot be had in time."""
        self.prepare()
        try:
            with FileLock(self.restricted / "run.lock", timeout=wait_seconds):
                yield
        except Timeout:
            raise AnotherRun(
                f"another run is at work on {self.root}; wait until it is done, or choose another folder with --output"
            ) from None


@dataclass(frozen=True)
class Made:
    """What making a step came to: rows (None for a page), facts for people, and problems that did not stop it."""

    rows: int | None
    facts: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Step:
    """One thing to be made: a table or page, and how. `of` is its description where it has one in YAML.

    `left_out` says, a sentence each, which datasets it leaves out since their stated uses do not allow it.
    """

    table: Table
    make: Callable[[Run], Made] = field(compare=False)
    of: Source | Dataset | protect.Publication | None = None
    sql: str | None = None
    broken: tuple[Problem, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`stage.name`."""
        return self.table.full_name


@dataclass
class Run:
    """What a step needs: the authority, where output goes, and a connection that sees every table made so far.

    `today` is the day by which retention is reckoned; `account` gathers what the journal tells of the run.
    """

    authority: Authority
    output: Output
    warehouse: Warehouse
    con: duckdb.DuckDBPyConnection
    today: dt.date = field(default_factory=forgetting.day_of_run)
    account: Account = field(default_factory=Account)


@contextlib.contextmanager
def opened(
    authority: Authority,
    output: Output,
    wait_seconds: float = 0,
    command: str = "",
    purpose: str = "",
) -> Iterator[Run]:
    """Hold the run lock and a connection on the warehouse, put in order where a run was killed.

    With a `command` (how the run was started: `places run`, ...) it is a run, and the journal has a line when it starts
    and when it ends; `purpose` is what it is for (else PLACES_PURPOSE, else what each dataset states). Without, it only
    looks.
    """
    with output.lock(wait_seconds):
        output.clear_leavings()
        warehouse = Warehouse(output.restricted / "warehouse")
        warehouse.clear_leavings()
        matched = warehouse.facts("places", "address_match") or {}
        remove_outdated(output.restricted, matched.get("file", ""))
        with warehouse.connect() as con:
            at = Run(authority, output, warehouse, con)
            if command:
                output.hold_to_day(authority.up_to)
            with _journalled(at, command, purpose) if command else contextlib.nullcontext():
                yield at


@contextlib.contextmanager
def _journalled(at: Run, command: str, purpose: str) -> Iterator[None]:
    journal = Journal(at.output.restricted)
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    journal.append(
        RUN_STARTED, run=run, command=command, authority=at.authority.code, purpose=purpose_of(purpose),
        purposes={d.name: d.purpose for d in at.authority.datasets if not d.is_open}, software=software(),
    )  # fmt: skip
    outcome = "stopped"
    try:
        yield
        outcome = "finished" if at.account.release or not at.account.failed else "not finished"
    except Exception as error:
        outcome = f"failed: {type(error).__name__}"
        raise
    finally:
        done = at.account
        journal.append(
            RUN_ENDED, run=run, outcome=outcome, extracts=done.extracts, uses=done.uses, failed=done.failed,
            release=done.release, content=done.content,
        )  # fmt: skip


def remove_copy(folder: Path) -> None:
    """Remove a copy of an output folder in which releases are links to finished ones, and leave those as they are."""
    published = Output(folder).published
    for link in (published / release.CURRENT, *(published / release.RELEASES).glob("*")):
        if release.is_link(link):
            release.unlink_folder(link)
    release.remove(folder)


def plan(authority: Authority) -> list[Step]:
    """Every step for an authority, each after what it depends on; broken descriptions as steps that fail when made."""
    steps: dict[str, Step] = {}

    def add(step: Step) -> None:
        steps[step.name] = step

    for source in authority.sources:
        add(Step(ingest.source_table(source), _read_source(source), of=source))
    for dataset in authority.datasets:
        add(Step(ingest.dataset_table(dataset), _read_dataset(dataset), of=dataset))
    for broken in authority.broken:
        table = Table(
            broken.stage, broken.name, "Its description cannot be used.", (), (), (), broken.problems[0].path
        )
        add(Step(table, _fail(broken.problems), broken=broken.problems))
    made_from_others = [
        *gathered_tables(authority), matching.TABLE, re_placed.TABLE, *tables_of("places"), *tables_of("layers"),
    ]  # fmt: skip
    known = {
        table.full_name: table for table in (*(step.table for step in steps.values()), *made_from_others)
    }
    uses.hold_to_uses(known.values(), authority.datasets)
    for table in made_from_others:
        without = uses.left_out(table, known, authority)
        why = tuple(uses.reason(table, dataset) for dataset in without if table.use != IMPERSONAL)
        make = _match_addresses if table is matching.TABLE else _make_table(table, why)
        if table is re_placed.TABLE:
            make = _re_place(steps)
        add(Step(table, make, sql=table.sql, left_out=why))
    rule = authority.about.disclosure
    before = [step.table for step in steps.values()]
    publications = protect.publications(before, authority.code, authority.about.name, rule)
    held = hold_back.held_back_table(publications)
    add(Step(held, _hold_back(held, publications, rule)))
    for publication in publications:
        add(Step(publication.table, _protect(publication, rule), of=publication, sql=publication.table.sql))
    estimates = worked_out.publications()
    for publication in estimates:
        add(Step(publication.table, _work_out(publication.table), of=publication))
    publications = sorted([*publications, *estimates], key=lambda one: one.table.name)
    pages = page_modules()
    for name, module in pages.items():
        add(Step(_page_table(name, module), _draw(module)))
    made_here = {f"{name}{beside}" for name in steps for beside in ("", *BESIDE)}
    standing_on = [(step.table, lineage.made_by(step.table, step.left_out)) for step in steps.values()]
    add(_release_step(pages, publications, rule, made_here, standing_on))
    return [steps[table.full_name] for table in in_order(step.table for step in steps.values())]


def run(
    authority: Authority,
    output: Output,
    report: Callable[[Step, Made | BaseException, float], None] | None = None,
) -> dict[str, Made]:
    """Make every step in order, in this process. A broken description keeps back only what is made from it.

    Raises what a step raises; `report` hears of each step with its seconds, failed ones and those kept back too.
    """
    made: dict[str, Made] = {}
    with opened(authority, output, command="pipelines.run.run") as at:
        for step in plan(authority):
            started = time.monotonic()
            try:
                if lacking := [name for name in step.table.depends_on if name not in made]:
                    raise KeptBack(f"not made, for want of {', '.join(lacking)}")
                made[step.name] = step.make(at)
            except Exception as error:
                at.account.failed.append(step.name)
                if report:
                    report(step, error, time.monotonic() - started)
                if isinstance(error, BrokenDescription | KeptBack):
                    continue
                raise
            if report:
                report(step, made[step.name], time.monotonic() - started)
    return made


# --- making one step -------------------------------------------------------------------------------------------------


def _fail(problems: tuple[Problem, ...]) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        raise BrokenDescription(problems)

    return make


def _read_source(source: Source) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        got = ingest.ingest_source(at.con, at.authority, source)
        # What a source's files have to do with each other is not told: none of them is used without the others.
        stands = last_good.Standing(whole=bool(got.refused))
        return _tell_owner(at, source, got, _keep_read(at, ingest.source_table(source), got, stands))

    return make


def _read_dataset(dataset: Dataset) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        pseudonyms = Pseudonyms(at.output.restricted)
        is_new_key = pseudonyms.is_new(at.output.restricted)
        if is_new_key:
            at.warehouse.former_versions_must_go()  # or the former marks would stay in them
            pseudonyms.remember(at.output.restricted)
        keys = [pseudonyms, *former_pseudonyms(at.output.restricted)]
        register = forgetting.Register(at.output.restricted)
        out = forgetting.left_out(dataset, register, at.today, keys)
        read = functools.partial(
            ingest.ingest_dataset, at.con, at.authority, dataset, pseudonyms, out, at.today
        )
        got, stands = read(), last_good.Standing()
        if got.refused:
            stands = _standing(at, dataset, is_new_key)
            if stands.held:
                got = read(stands.held)
        return _tell_owner(at, dataset, got, _keep_read(at, ingest.dataset_table(dataset), got, stands, out))

    return make


def _standing(at: Run, dataset: Dataset, is_new_key: bool) -> last_good.Standing:
    """What of a dataset's former version stays in use, since a file was refused now; asks the temporary `files`."""
    table = ingest.dataset_table(dataset)
    facts = at.warehouse.facts(table.stage, table.name)
    files = ingest.files_table(table)
    former = None
    if facts is not None:
        former = last_good.looked_at(at.con, f"{files.stage}.{quoted(files.name)}")[1]
    # Rows that say other things, or name people by other marks, do not go into one table.
    columns = [name for name, *_ in facts["columns"]] if facts else []
    may_mix = columns == [column.name for column in table.columns] and not is_new_key
    return last_good.standing(dataset, *last_good.looked_at(at.con, "files"), former, may_mix)


def _keep_read(
    at: Run, table: Table, got: ingest.Ingested, stands: last_good.Standing,
    out: forgetting.LeftOut | None = None,
) -> Made:  # fmt: skip
    """Store what was read, beside what stands of the former version; where files are gone, that is all of it.

    But for what is past retention or forgotten: that goes out of the former version as well.
    """
    files, rejected = ingest.files_table(table), ingest.rejected_table(table)
    former = at.warehouse.facts(table.stage, table.name)
    gone = former is not None and former["rows"] > 0 and not (got.files or got.refused or got.left_out)
    stale = (stands.whole and former is not None) or gone
    mended = (
        (stale or bool(stands.dates))
        and out is not None
        and forgetting.take_out(at.con, table, rejected, files, out)
    )
    if former is not None and (mended or got.left_out or got.rows_gone):
        # Before it is written, so that a run which is killed now leaves the next one to see to it.
        at.warehouse.former_versions_must_go()
    if stale:
        _recall_files(at, files, "former_files" if mended else f"{files.stage}.{quoted(files.name)}")
        if gone:
            _note_missing(at)
        mended_too = [(table, "former_kept"), (rejected, "former_rejected")] if mended else []
        _write_together(at, [*mended_too, (files, "files")])
        rows = int((at.warehouse.facts(table.stage, table.name) or {})["rows"])
    else:
        if stands.dates:
            last_good.put_beside(at.con, table, rejected, files, stands.dates)
        written = _write_together(at, [(table, "kept"), (rejected, "rejected"), (files, "files")])
        rows = written.rows
    left = (
        "typed",
        "rejected",
        "files",
        "former_kept",
        "former_rejected",
        "former_files",
        "standing",
        "read_now",
    )
    for name in left:
        at.con.execute(f"DROP TABLE IF EXISTS temp.{name} CASCADE")
    if out is not None:
        _tell_of_extracts(at, files)
    facts: dict[str, Any] = {"files": got.files}
    if got.left_out:
        facts["files_left_out"] = got.left_out
    if got.files and not stale and not stands.dates:
        facts |= {"rows_read": got.rows_read, "rows_kept": got.rows_kept, "rows_rejected": got.rows_rejected}
    problems = tuple(f"{file} was refused: {reason}" for file, reason in got.refused)
    if gone:
        problems = ("its files are gone: is a drive missing, or were they moved?",)
    elif out is not None and not (got.files or got.refused or got.left_out or at.authority.up_to):
        # Of an earlier month made again that is no trouble: the dataset's first extract may have come later.
        problems = (
            "no file was found: put an extract beside its description, or correct `files` and `folder`",
        )
    elif got.files and not got.rows_kept and not stale and not stands.dates:
        problems = (
            *problems,
            f"no row was kept of {got.rows_read:,} read: see {table.full_name}_rejected for the reasons",
        )
    if stale:
        problems = (*problems, "the former version stays in use")
    elif stands.dates:
        days = ", ".join(str(day) for day in sorted(stands.dates))
        problems = (
            *problems,
            f"of {days}, what was read before stays in use; all else is as it was read now",
        )
    elif got.refused and got.files:
        problems = (*problems, "the other extracts are in use")
    return Made(rows, facts, problems, table.columns)


def _tell_owner(at: Run, described: Source | Dataset, got: ingest.Ingested, made: Made) -> Made:
    """Write a report on each file that was refused, and take away those on files that are no longer."""
    files = ingest.files_table(
        ingest.source_table(described) if isinstance(described, Source) else ingest.dataset_table(described)
    )
    in_use = at.con.execute(
        f"SELECT file FROM {files.stage}.{quoted(files.name)} WHERE status = 'read' ORDER BY file"
    ).fetchall()
    written = quarantine.report(
        at.output.restricted, at.authority, described, got.refused, [file for (file,) in in_use]
    )
    told = tuple(f"what was wanted, and how to mend it: {path.as_posix()}" for path in written)
    return replace(made, problems=(*made.problems, *told))


def _note_missing(at: Run) -> None:
    """In the temporary table `files`: that each file read before is gone, although what was read of it is in use."""
    counts = ", ".join(f"0 AS {c.name}" for c in ingest.FILE_COLUMNS if re.match("(rows|weight)_", c.name))
    at.con.execute(
        f"INSERT INTO temp.files SELECT * REPLACE ({counts}, 'missing' AS status, "
        "'it is gone; what was read of it stays in use' AS reason) FROM temp.files WHERE status = 'read'"
    )


def _write_together(at: Run, tables: list[tuple[Table, str]]) -> Written:
    """Store temporary tables so that a kill between them cannot leave an account that does not add up; the first's."""
    return at.warehouse.write_together(at.con, [(table, f"SELECT * FROM {name}") for table, name in tables])[
        0
    ]


def _tell_of_extracts(at: Run, files: Table) -> None:
    names = ("dataset", "file", "status", "sha256", "rows_read", "rows_kept")
    found = at.con.execute(
        f'SELECT "of", file, status, sha256, rows_read, rows_kept FROM {files.stage}.{quoted(files.name)} '
        "ORDER BY file, status"
    ).fetchall()
    at.account.extracts += [dict(zip(names, row, strict=True)) for row in found]


def _recall_files(at: Run, files: Table, former: str) -> None:
    """In the temporary table `files`: what the former version was read from, and what was not read now."""
    at.con.execute("DELETE FROM temp.files WHERE status = 'read'")
    facts = at.warehouse.facts(files.stage, files.name)
    if facts is None:
        return
    # An earlier version of this software may have kept fewer columns.
    kept = {name for name, *_ in facts["columns"]} & {column.name for column in files.columns}
    names = ", ".join(quoted(name) for name in sorted(kept))
    at.con.execute(
        f"INSERT INTO temp.files ({names}) SELECT {names} FROM {former} AS former WHERE status = 'read' "
        "OR (status IN ('expired', 'forgotten') AND NOT EXISTS (SELECT 1 FROM temp.files AS now "
        "WHERE now.file = former.file AND now.status = former.status))"
    )


def _make_table(table: Table, left_out: tuple[str, ...]) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        with uses.limited(at.con, at.warehouse, table, at.authority):
            if table.make is None:
                written = at.warehouse.write(
                    at.con, table, str(table.sql), lineage.made(at.warehouse, table, left_out)
                )
            else:
                written = _write_arrow(at, table, table.make(at.con), left_out)
        facts = {"left_out": "; ".join(left_out)} if left_out else {}
        if table.use and table.use != IMPERSONAL:
            at.account.uses[table.full_name] = {"use": table.use, "left_out": list(left_out)}
        return Made(written.rows, facts, columns=written.columns)

    return make


def _match_addresses(at: Run) -> Made:
    rulings = read_decisions(at.output.restricted)
    rows, facts = matching.match_records(at.con, at.warehouse, rulings)
    written = _write_arrow(at, matching.TABLE, rows)
    return Made(written.rows, dict(facts), columns=written.columns)


def _re_place(steps: Mapping[str, Step]) -> Callable[[Run], Made]:
    """Beside its place now, how each record was placed before; `steps` are complete when it is made."""

    def make(at: Run) -> Made:
        standing_on = [(step.table, lineage.made_by(step.table, step.left_out)) for step in steps.values()]
        select = re_placed.rows(at.con, re_placed.edition(at.warehouse, standing_on))
        table = re_placed.TABLE
        # Stored first: the bytes of a Parquet file tell whether a value was reckoned or read, and the two ways in
        # which a row comes about, with a former version and without, are to give the same.
        at.con.execute(
            f"CREATE OR REPLACE TEMP TABLE re_placed_now AS {select} ORDER BY {', '.join(table.key)}"
        )
        made = lineage.made(at.warehouse, table)
        written = at.warehouse.write(at.con, table, "SELECT * FROM re_placed_now", made)
        at.con.execute("DROP TABLE re_placed_now")
        ((compared, anew),) = at.con.execute(
            f"SELECT count(edition_before), count(*) FILTER (is_re_placed) FROM {table.full_name}"
        ).fetchall()
        return Made(written.rows, {"compared": compared, "re_placed": anew}, columns=written.columns)

    return make


def _write_arrow(at: Run, table: Table, rows: pa.Table, left_out: tuple[str, ...] = ()) -> Written:
    """Store an Arrow table with the columns' declared types."""
    at.con.register("made_in_python", rows)
    try:
        typed = ", ".join(f"CAST({quoted(c.name)} AS {c.type}) AS {quoted(c.name)}" for c in table.columns)
        select = f"SELECT {typed} FROM made_in_python"
        return at.warehouse.write(at.con, table, select, lineage.made(at.warehouse, table, left_out))
    finally:
        at.con.unregister("made_in_python")


def _hold_back(
    table: Table, publications: list[protect.Publication], rule: Disclosure
) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        former = [one.path for one in release.releases(at.output.published)]
        cells = hold_back.held_back(at.con, publications, rule, former)
        names = [column.name for column in table.columns]
        columns = {name: [cell[at_] for cell in cells] for at_, name in enumerate(names)}
        written = _write_arrow(
            at, table, pa.table(columns, schema=pa.schema([(n, pa.string()) for n in names]))
        )
        return Made(written.rows, columns=written.columns)

    return make


def _protect(publication: protect.Publication, rule: Disclosure) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        table = publication.table
        written = at.warehouse.write(at.con, table, str(table.sql), lineage.made(at.warehouse, table))
        loss = protect.information_loss(at.con, publication, rule)
        facts: dict[str, Any] = {}
        if loss.cells:
            facts = {"cells": loss.cells, "cells_hidden": loss.cells_hidden}
            facts["cells_hidden_further"] = loss.cells_hidden_further
            facts["percent_of_records_hidden"] = round(100 * loss.share_of_records, 1)
        return Made(written.rows, facts, columns=written.columns)

    return make


def _work_out(table: Table) -> Callable[[Run], Made]:
    make_it = _make_table(table, ())

    def make(at: Run) -> Made:
        return replace(make_it(at), facts=worked_out.against_exact(at.con, table))

    return make


def page_modules() -> dict[str, ModuleType]:
    """The modules of `assets/maps`, by page name."""
    names = sorted(path.stem for path in (ASSETS / PAGES).glob("*.py") if path.stem != "__init__")
    return {name: importlib.import_module(f"assets.{PAGES}.{name}") for name in names}


def _page_path(at: Run, name: str) -> Path:
    return at.output.restricted / "pages" / f"{name}.html"


def page_paths(output: Output) -> dict[str, Path]:
    """The file of each page, restricted, by its full name (`maps.demand`)."""
    return {f"{PAGES}.{name}": output.restricted / "pages" / f"{name}.html" for name in page_modules()}


def _page_table(name: str, module: ModuleType) -> Table:
    meaning = f"{module.TITLE}. {module.SENTENCE}"
    return Table("maps", name, meaning, (), (), tuple(sorted(module.DEPENDS_ON)), f"assets/maps/{name}.py")


def _draw(module: ModuleType) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        page, name = module.draw(at.con), module.__name__.rpartition(".")[2]
        path = _page_path(at, name)
        path.parent.mkdir(exist_ok=True)
        replace_text(path, page)
        lineage.note_page(at.warehouse, _page_table(name, module), path)
        return Made(None, {"kilobytes": round(len(page.encode()) / 1000)})

    return make


def _release_step(
    pages: dict[str, ModuleType],
    publications: list[protect.Publication],
    rule: Disclosure,
    made_here: set[str],
    standing_on: list[tuple[Table, str]],
) -> Step:
    """The release, made of one state of everything it stands on.

    After it, tables that nothing makes any more (a dataset that has left) are taken away.
    """
    depends_on = (*(p.table.full_name for p in publications), *(f"{PAGES}.{name}" for name in pages))
    table = Table(
        "maps", "release",
        "The release: every published table and page assembled aside, checked, and only then made current.",
        (), (), tuple(sorted(depends_on)), "pipelines/release.py",
    )  # fmt: skip

    def make(at: Run) -> Made:
        started = datetime.now(UTC)
        lineage.hold_together(at.warehouse, lineage.above(standing_on, table), page_paths(at.output))
        made = {name: _page_path(at, name).read_text(encoding="utf-8") for name in pages}
        sign_off = at.authority.about.sign_off
        signed = f"{sign_off.by}, {sign_off.on}" if sign_off else ""
        facts = release.Facts(started, software(), signed, at.authority.up_to)
        attacker = audit.Audit()
        # What draws each page: the scan draws them again, from the released file alone.
        drawn: dict[str, scan.Draw] = {f"{PAGES}/{name}.html": module.draw for name, module in pages.items()}
        drawn["index.html"] = lambda con: gallery(con, list(pages.values()), transparency.PAGES)
        documents = transparency.documents(at.con, at.authority, publications)
        for name in documents:
            drawn[name] = functools.partial(transparency.document, name, at.authority, publications)
        got = release.assemble(
            at.con, publications, rule, made, drawn["index.html"](at.con), at.output.published,
            release.release_id(started), facts,
            audits=[attacker, functools.partial(scan.scan, drawn=drawn), worked_out.made_again], documents=documents,
        )  # fmt: skip
        at.warehouse.drop_all_but(made_here)
        quarantine.clear_all_but(at.output.restricted, {name.partition(".")[2] for name in made_here})
        at.warehouse.write_database(at.output.restricted / "warehouse.duckdb")
        at.warehouse.sweep()
        what = "new" if got.is_new else "unchanged"
        at.account.release, at.account.content = got.release_id, what
        made_facts = {"release": got.release_id, "content": what, "pages": len(pages)}
        made_facts |= {"figures_audited": attacker.figures, "audit_seconds": round(attacker.seconds, 1)}
        made_facts["sums_left_out"] = attacker.sums_left_out
        if attacker.already:
            # No problem of this release, which holds nothing back for it.
            made_facts["told_by_earlier_releases"] = "; ".join(attacker.already)
        return Made(None, made_facts)

    return Step(table, make)


def software() -> str:
    """The name and version of this software, as a release states it."""
    try:
        return f"Connected Places {metadata.version('connected-places')}"
    except metadata.PackageNotFoundError:
        return "Connected Places"
