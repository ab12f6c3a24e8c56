"""`places forget`: have a dataset, an extract or a person forgotten, and everything made again without."""

from __future__ import annotations

import argparse
import getpass
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines import release
from pipelines.authority import Authority, Dataset, load_authority
from pipelines.commands.run import Progress
from pipelines.commands.terminal import FAILED, FINE, REFUSED, UNUSABLE, Commands, as_columns, say
from pipelines.descriptions import nearest
from pipelines.forgetting import Entry, Register, RegisterUnreadable, day_of_run, keyed_columns
from pipelines.journal import Journal, who
from pipelines.pseudonyms import Pseudonyms
from pipelines.review.decisions import DecisionsUnreadable, drop_notes
from pipelines.review.worksheet import remove_worksheets
from pipelines.run import Output, Run, opened
from pipelines.tables import quoted

EPILOG = """\
What was forgotten stays forgotten: the next runs leave it out even while the file still lies in the authority folder.
That file is its owner's to delete, as are backups of the output folder. docs/restricted.md tells the rest.
"""


class CannotForget(Exception):
    """There is no such thing to forget; the message says what was looked for, and where."""


@dataclass(frozen=True)
class Found:
    """What is to be forgotten, and how many rows of the restricted store are about it now."""

    entries: tuple[Entry, ...]
    rows: int


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places forget`."""
    forget = commands.add_parser(
        "forget", parents=[shared], help="forget a dataset, an extract or a person, and make everything again without",
        description="Takes records out of the restricted store for good: out of every table, of every former version, "
        "and of a new release.", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    what = forget.add_mutually_exclusive_group(required=True)
    what.add_argument("--dataset", metavar="NAME", help="everything of a dataset")
    what.add_argument("--extract", nargs=2, metavar=("NAME", "FILE"), help="one extract of a dataset")
    what.add_argument(
        "--person", metavar="DATASET",
        help="the rows of one person or account; the reference is asked for, or read from standard input",
    )  # fmt: skip
    what.add_argument("--list", action="store_true", help="show what was forgotten")
    what.add_argument("--undo", type=int, metavar="NUMBER", help="let the next run read it again")
    forget.set_defaults(do=do_forget)


def do_forget(chosen: argparse.Namespace) -> int:
    """Forget, list or undo; exit code 1 where something could not be done, 2 where there is no such thing."""
    output = Output(chosen.output)
    try:
        if chosen.list:
            return _list(Register(output.restricted))
        authority = load_authority(chosen.authority, chosen.data)
        if chosen.undo is not None:
            return _undo(authority, output, chosen.undo)
        authority.hold_to_data_folder()
        reference = _ask(_dataset(authority, chosen.person)) if chosen.person else ""
        with opened(authority, output) as at:
            found = _look(at, chosen, reference)
            register = Register(output.restricted)
            for entry in found.entries:
                entry = register.add(entry)
                Journal(output.restricted).append(
                    "forgotten", authority=authority.code, what=entry.what, dataset=entry.dataset, file=entry.file,
                    sha256=entry.sha256, column=entry.column, number=entry.number, rows=found.rows,
                )  # fmt: skip
                print(f"Remembered as number {entry.number}: {_named(entry)}", flush=True)
            at.warehouse.former_versions_must_go()
            if remove_worksheets(output.restricted):
                print(
                    "The worksheet of doubtful addresses is deleted: `places review` writes one.", flush=True
                )
    except (CannotForget, RegisterUnreadable) as error:
        say(f"places: {error}")
        return UNUSABLE
    return _make_again(authority, output, found, chosen.debug)


def _list(register: Register) -> int:
    lines = [("number", "on", "by", "what", "dataset", "file or column", "key")]
    lines += [
        (str(e.number), e.on, e.by, e.what, e.dataset, e.file or e.column, e.key) for e in register.entries
    ]
    print(as_columns(lines, left=7) if len(lines) > 1 else "Nothing was forgotten.")
    return FINE


def _undo(authority: Authority, output: Output, number: int) -> int:
    with output.lock():
        try:
            entry = Register(output.restricted).remove(number)
        except KeyError:
            raise CannotForget(f"wanted a number of `places forget --list`; found {number}") from None
        Journal(output.restricted).append(
            "forgetting undone", authority=authority.code, what=entry.what, dataset=entry.dataset, file=entry.file,
            number=number,
        )  # fmt: skip
    print(f"No longer forgotten: {_named(entry)}. The next run reads it again, if the file is still there.")
    return FINE


def _dataset(authority: Authority, name: str) -> Dataset:
    found = {dataset.name: dataset for dataset in authority.datasets}
    if name not in found:
        raise CannotForget(
            f"wanted a dataset of {authority.about.name}; found `{name}`{nearest(name, sorted(found))}. What has "
            "left the authority folder is in no table after the next run"
        )
    return found[name]


def _ask(dataset: Dataset) -> str:
    """The reference of a person, from the terminal without showing it, or from standard input."""
    columns = [header for _, _, header in keyed_columns(dataset)]
    if not columns:
        raise CannotForget(
            f"{dataset.name} keeps no mark of a person: no column is a `record_reference` or `keep: keyed`. Its "
            "records cannot be told apart by person; forget the extract, or leave the person out of it"
        )
    if sys.stdin.isatty():
        text = getpass.getpass(f"Reference in {dataset.name} ({' or '.join(columns)}): ")
    else:
        text = sys.stdin.readline()
    if not text.strip():
        raise CannotForget("wanted a reference on the terminal or from standard input; found none")
    return text.strip()


def _look(at: Run, chosen: argparse.Namespace, reference: str) -> Found:
    """What is meant, as entries for the register, and how many rows there are of it. Holds the run lock."""
    dataset = _dataset(at.authority, chosen.person or chosen.dataset or chosen.extract[0])
    on, by = day_of_run().isoformat(), who()
    is_read = at.warehouse.facts("services", dataset.name) is not None
    table = f"services.{quoted(dataset.name)}"
    if chosen.dataset:
        rows = _count(at, f"SELECT count(*) FROM {table}") if is_read else 0
        return Found((Entry(0, "dataset", dataset.name, on, by),), rows)
    if chosen.extract:
        files: dict[str, str] = {}
        if is_read:
            files = dict(
                at.con.execute(
                    f"SELECT file, sha256 FROM services.{quoted(dataset.name + '_files')}"
                ).fetchall()
            )
        for path in at.authority.dataset_files(dataset):
            with path.open("rb") as stream:
                files[at.authority.shown(path)] = hashlib.file_digest(stream, "sha256").hexdigest()
        wanted = chosen.extract[1]
        fits = [file for file in files if wanted in (file, Path(file).name)]
        if len(fits) != 1:
            known = ", ".join(sorted(files)) or "none"
            raise CannotForget(f"wanted one extract of {dataset.name} called {wanted}; it has {known}")
        rows = _count(at, f"SELECT count(*) FROM {table} WHERE file = ?", fits[0]) if is_read else 0
        return Found((Entry(0, "extract", dataset.name, on, by, file=fits[0], sha256=files[fits[0]]),), rows)
    pseudonyms = Pseudonyms(at.output.restricted)
    entries, total = [], 0
    for name, column, _ in keyed_columns(dataset) if is_read else []:
        mark = pseudonyms.mark(dataset.name, name, reference)
        rows = _count(at, f"SELECT count(*) FROM {table} WHERE {quoted(column)} = ?", mark)
        if rows:
            again = pseudonyms.forgotten(dataset.name, name, mark)
            entries.append(
                Entry(0, "person", dataset.name, on, by, column=name, mark=again, key=pseudonyms.fingerprint)
            )
            total += rows
    if not entries:
        columns = " or ".join(header for _, _, header in keyed_columns(dataset))
        raise CannotForget(
            f"no row of {dataset.name} has this reference in {columns}, so nothing was forgotten. Is it written as in "
            "the extract? Was the extract read (`places run`)?"
        )
    return Found(tuple(entries), total)


def _count(at: Run, sql: str, *values: str) -> int:
    return int(at.con.execute(sql, list(values)).fetchall()[0][0])


def _make_again(authority: Authority, output: Output, found: Found, debug: bool) -> int:
    """Have everything made without what was forgotten, delete what is left of it, and tell what came of it."""
    from pipelines.orchestrate.execution import HistoryNotKept, run_everything

    before = [one.release_id for one in release.releases(output.published)]
    progress = Progress()
    finished = False
    try:
        finished = bool(
            run_everything(authority, output, progress.tell, debug=debug, command="places forget")
        )
    except HistoryNotKept as error:
        say(f"places: {error}")
    print()
    left = _left(authority, output, found)
    for line in progress.trouble:
        say(line)
    if left:
        say("Not done: it is still in " + ", ".join(left))
    elif not finished:
        say(
            "It is out of the restricted store, but no new release was made: the current one counts it, protected."
        )
    if not finished or left:
        say("It is remembered, and every run leaves it out. Mend what failed, then `places run`.")
        return FAILED
    print(
        f"Forgotten: {found.rows:,} row(s) of {found.entries[0].dataset}, in every table, and former versions of them."
    )
    now = progress.made["maps.release"].facts["release"]
    earlier = [one for one in before if one != now]
    if earlier:
        print(f"Releases made before still count them, in protected figures: {', '.join(earlier)}")
    print(
        "Yours to do: delete it in the files of the authority folder, in backups of both, and in what readers copied."
    )
    return REFUSED if progress.trouble else FINE


def _left(authority: Authority, output: Output, found: Found) -> list[str]:
    """Where what was forgotten still is, once everything that can be deleted was."""
    with opened(authority, output) as at:
        at.warehouse.sweep()
        at.warehouse.write_database(output.restricted / "warehouse.duckdb")
        left = [str(path) for path in at.warehouse.versions_that_must_go()]
        try:
            drop_notes(output.restricted, _wordings(at))
        except DecisionsUnreadable as error:
            left.append(f"notes of decisions ({error})")
        for entry in found.entries:
            left += _still_in(at, entry)
    return left


def _wordings(at: Run) -> set[str]:
    """The hash of each wording that some record still carries."""
    if at.warehouse.facts("places", "address_match") is None:
        return set()
    return {one for (one,) in at.con.execute("SELECT record_hash FROM places.address_match").fetchall()}


def _still_in(at: Run, entry: Entry) -> list[str]:
    """The tables that still have rows of what was forgotten: none, unless something failed."""
    dataset = _dataset(at.authority, entry.dataset)
    own = next((column for name, column, _ in keyed_columns(dataset) if name == entry.column), "record_id")
    pseudonyms = Pseudonyms(at.output.restricted)
    found = []
    for stage, name, marked in (
        ("services", dataset.name, [own]),
        ("services", "record", ["record_id", "subject"]),
        ("places", "record_placed", ["record_id", "subject"]),
        ("places", "record_counted", ["who"]),
    ):
        if at.warehouse.facts(stage, name) is None:
            continue
        table, is_own = f"{stage}.{quoted(name)}", name == dataset.name
        of_it, values = ("true", []) if is_own else ("dataset = ?", [dataset.name])
        if entry.what == "person":
            marks = set()
            for column in marked:
                marks |= set(
                    at.con.execute(
                        f"SELECT DISTINCT {quoted(column)} FROM {table} WHERE {of_it} AND {quoted(column)} IS NOT NULL",
                        values,
                    ).fetchall()
                )
            is_there = any(
                pseudonyms.forgotten(dataset.name, entry.column, mark) == entry.mark for (mark,) in marks
            )
        else:
            if entry.file:
                of_it, values = f"{of_it} AND file = ?", [*values, entry.file]
            is_there = _count(at, f"SELECT count(*) FROM {table} WHERE {of_it}", *values) > 0
        if is_there:
            found.append(f"{stage}.{name}")
    return found


def _named(entry: Entry) -> str:
    match entry.what:
        case "dataset":
            return f"everything of {entry.dataset}"
        case "extract":
            return f"{entry.file} of {entry.dataset}"
        case "person":
            return f"a person in {entry.dataset}, by {entry.column}"
