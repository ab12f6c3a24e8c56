"""From an authority folder to its maps: which tables are made, in which order, and making one of them.

Here belongs the plan (`plan`), making one step of it (`make`), and the whole run as a plain function (`run`). No
Dagster: `orchestrate` makes an asset of each step, with the same `make`. How to read, place, protect or draw is
elsewhere.
"""

from __future__ import annotations

import contextlib
import importlib
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from pipelines import ingest, protect, release
from pipelines.authority import BESIDE, Authority, Dataset, Disclosure, Source
from pipelines.descriptions import Problem
from pipelines.draw import gallery
from pipelines.gathered import gathered_tables
from pipelines.pseudonyms import Pseudonyms
from pipelines.tables import ASSETS, Column, Table, in_order, quoted, tables_of
from pipelines.warehouse import Warehouse, replace_text

PAGES = "maps"


class BrokenDescription(Exception):
    """A step cannot be made because its description cannot be used; `problems` says why."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class KeptBack(Exception):
    """A step was not made, since something that it is made from was not."""


class AnotherRun(Exception):
    """Another run is at work on the same output."""


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
    """One thing to be made: a table or page, and how. `of` is its description where it has one in YAML."""

    table: Table
    make: Callable[[Run], Made] = field(compare=False)
    of: Source | Dataset | protect.Publication | None = None
    sql: str | None = None
    broken: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """`stage.name`."""
        return self.table.full_name


@dataclass
class Run:
    """What a step needs: the authority, where output goes, and a connection that sees every table made so far."""

    authority: Authority
    output: Output
    warehouse: Warehouse
    con: duckdb.DuckDBPyConnection


@contextlib.contextmanager
def opened(authority: Authority, output: Output, wait_seconds: float = 0) -> Iterator[Run]:
    """Hold the run lock and a connection on the warehouse."""
    with output.lock(wait_seconds):
        warehouse = Warehouse(output.restricted / "warehouse")
        with warehouse.connect() as con:
            yield Run(authority, output, warehouse, con)


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
    for table in [*gathered_tables(authority), *tables_of("places"), *tables_of("layers")]:
        add(Step(table, _make_table(table), sql=table.sql))
    rule = authority.about.disclosure
    before = [step.table for step in steps.values()]
    publications = protect.publications(before, authority.code, authority.about.name, rule)
    for publication in publications:
        add(Step(publication.table, _protect(publication, rule), of=publication, sql=publication.table.sql))
    pages = page_modules()
    for name, module in pages.items():
        add(Step(_page_table(name, module), _draw(module)))
    made_here = {f"{name}{beside}" for name in steps for beside in ("", *BESIDE)}
    add(_release_step(pages, publications, rule, made_here))
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
    with opened(authority, output) as at:
        for step in plan(authority):
            started = time.monotonic()
            try:
                if lacking := [name for name in step.table.depends_on if name not in made]:
                    raise KeptBack(f"not made, for want of {', '.join(lacking)}")
                made[step.name] = step.make(at)
            except Exception as error:
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
        return _keep_read(at, ingest.source_table(source), got)

    return make


def _read_dataset(dataset: Dataset) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        pseudonyms = Pseudonyms(at.output.restricted)
        got = ingest.ingest_dataset(at.con, at.authority, dataset, pseudonyms)
        return _keep_read(at, ingest.dataset_table(dataset), got, is_dataset=True)

    return make


def _keep_read(at: Run, table: Table, got: ingest.Ingested, is_dataset: bool = False) -> Made:
    """Store what was read. A refused file, or files that are gone, keep the former version in use, whole."""
    files, rejected = ingest.files_table(table), ingest.rejected_table(table)
    former = at.warehouse.facts(table.stage, table.name)
    gone = former is not None and former["rows"] > 0 and not got.files and not got.refused
    stale = (bool(got.refused) and former is not None) or gone
    if stale:
        _recall_files(at, files)
        at.warehouse.write(at.con, files, "SELECT * FROM files")
        rows = int((at.warehouse.facts(table.stage, table.name) or {})["rows"])
    else:
        written = at.warehouse.write(at.con, table, "SELECT * FROM kept")
        at.warehouse.write(at.con, rejected, "SELECT * FROM rejected")
        at.warehouse.write(at.con, files, "SELECT * FROM files")
        rows = written.rows
    for name in ("typed", "rejected", "files"):
        at.con.execute(f"DROP TABLE IF EXISTS temp.{name} CASCADE")
    facts: dict[str, Any] = {"files": got.files}
    if got.files and not stale:
        facts |= {"rows_read": got.rows_read, "rows_kept": got.rows_kept, "rows_rejected": got.rows_rejected}
    problems = tuple(f"{file} was refused: {reason}" for file, reason in got.refused)
    if gone:
        problems = ("its files are gone: is a drive missing, or were they moved?",)
    elif is_dataset and not got.files and not got.refused:
        problems = (
            "no file was found: put an extract beside its description, or correct `files` and `folder`",
        )
    elif got.files and not got.rows_kept and not stale:
        problems = (
            *problems,
            f"no row was kept of {got.rows_read:,} read: see {table.full_name}_rejected for the reasons",
        )
    if stale:
        problems = (*problems, "the former version stays in use")
    return Made(rows, facts, problems, table.columns)


def _recall_files(at: Run, files: Table) -> None:
    """In the temporary table `files`: what the former version was read from, and what was refused now."""
    at.con.execute("DELETE FROM temp.files WHERE status <> 'refused'")
    facts = at.warehouse.facts(files.stage, files.name)
    if facts is None:
        return
    # An earlier version of this software may have kept fewer columns.
    kept = {name for name, *_ in facts["columns"]} & {column.name for column in files.columns}
    names = ", ".join(quoted(name) for name in sorted(kept))
    former = f"{files.stage}.{quoted(files.name)}"
    at.con.execute(f"INSERT INTO temp.files ({names}) SELECT {names} FROM {former} WHERE status = 'read'")


def _make_table(table: Table) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        if table.make is None:
            written = at.warehouse.write(at.con, table, str(table.sql))
        else:
            at.con.register("made_in_python", table.make(at.con))
            try:
                typed = ", ".join(
                    f"CAST({quoted(c.name)} AS {c.type}) AS {quoted(c.name)}" for c in table.columns
                )
                written = at.warehouse.write(at.con, table, f"SELECT {typed} FROM made_in_python")
            finally:
                at.con.unregister("made_in_python")
        return Made(written.rows, columns=written.columns)

    return make


def _protect(publication: protect.Publication, rule: Disclosure) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        written = at.warehouse.write(at.con, publication.table, str(publication.table.sql))
        loss = protect.information_loss(at.con, publication, rule)
        facts: dict[str, Any] = {}
        if loss.cells:
            facts = {"cells": loss.cells, "cells_hidden": loss.cells_hidden}
            facts["percent_of_records_hidden"] = round(100 * loss.share_of_records, 1)
        return Made(written.rows, facts, columns=written.columns)

    return make


def page_modules() -> dict[str, ModuleType]:
    """The modules of `assets/maps`, by page name."""
    names = sorted(path.stem for path in (ASSETS / PAGES).glob("*.py") if path.stem != "__init__")
    return {name: importlib.import_module(f"assets.{PAGES}.{name}") for name in names}


def _page_path(at: Run, name: str) -> Path:
    return at.output.restricted / "pages" / f"{name}.html"


def _page_table(name: str, module: ModuleType) -> Table:
    meaning = f"{module.TITLE}. {module.SENTENCE}"
    return Table("maps", name, meaning, (), (), tuple(sorted(module.DEPENDS_ON)), f"assets/maps/{name}.py")


def _draw(module: ModuleType) -> Callable[[Run], Made]:
    def make(at: Run) -> Made:
        page = module.draw(at.con)
        path = _page_path(at, module.__name__.rpartition(".")[2])
        path.parent.mkdir(exist_ok=True)
        replace_text(path, page)
        return Made(None, {"kilobytes": round(len(page.encode()) / 1000)})

    return make


def _release_step(
    pages: dict[str, ModuleType],
    publications: list[protect.Publication],
    rule: Disclosure,
    made_here: set[str],
) -> Step:
    """The release, after which tables that nothing makes any more (a dataset that has left) are taken away."""
    depends_on = (*(p.table.full_name for p in publications), *(f"{PAGES}.{name}" for name in pages))
    table = Table(
        "maps", "release",
        "The release: every published table and page assembled aside, checked, and only then made current.",
        (), (), tuple(sorted(depends_on)), "pipelines/release.py",
    )  # fmt: skip

    def make(at: Run) -> Made:
        started = datetime.now(UTC)
        made = {name: _page_path(at, name).read_text(encoding="utf-8") for name in pages}
        sign_off = at.authority.about.sign_off
        facts = release.Facts(started, software(), f"{sign_off.by}, {sign_off.on}" if sign_off else "")
        got = release.assemble(
            at.con, publications, rule, made, gallery(at.con, list(pages.values())), at.output.published,
            release.release_id(started), facts,
        )  # fmt: skip
        at.warehouse.drop_all_but(made_here)
        at.warehouse.write_database(at.output.restricted / "warehouse.duckdb")
        at.warehouse.sweep()
        what = "new" if got.is_new else "unchanged"
        return Made(None, {"release": got.release_id, "content": what, "pages": len(pages)})

    return Step(table, make)


def software() -> str:
    """The name and version of this software, as a release states it."""
    try:
        return f"Connected Places {metadata.version('connected-places')}"
    except metadata.PackageNotFoundError:
        return "Connected Places"
