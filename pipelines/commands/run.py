"""`places run`: make everything, telling each table as it is made; or, as a dry run, only tell what would change."""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Mapping

from pipelines import drift, re_placed, release
from pipelines.authority import Authority, load_authority
from pipelines.commands.terminal import FAILED, FINE, REFUSED, Commands, as_columns, indented, say
from pipelines.compare import compare, in_words
from pipelines.dry_run import copied
from pipelines.placement import Placement, columns_not_believed, placement_rows, read_placement
from pipelines.run import BrokenDescription, Made, Output, Step, opened

MAKE_ROOM = "Make room, or choose another folder with --output, and run again."


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places run`."""
    run = commands.add_parser(
        "run", parents=[shared], help="make everything, and a new release if anything changed",
        description="Makes every table, layer, map, and a release of what may leave. What was published before stays "
        "readable until the new release is whole, and stays current if anything fails.",
    )  # fmt: skip
    run.add_argument(
        "--purpose", default="", metavar="TEXT",
        help="what this run is for, for the journal (else $PLACES_PURPOSE, else as each dataset states)",
    )  # fmt: skip
    run.add_argument(
        "--dry-run", action="store_true",
        help="only show what would change and be held back; tables and releases stay as they are",
    )  # fmt: skip
    run.add_argument(
        "--as-at", type=dt.date.fromisoformat, metavar="DAY",
        help="make an earlier month again, such as 2026-08-31: extracts and events up to that day alone; into a folder "
        "of its own (--output)",
    )  # fmt: skip
    run.set_defaults(do=do_run)


def do_run(chosen: argparse.Namespace) -> int:
    """Make everything, telling each table as it is made."""
    authority = load_authority(chosen.authority, chosen.data, chosen.as_at)
    authority.hold_to_data_folder()
    output = Output(chosen.output)
    upto = f", up to {chosen.as_at}" if chosen.as_at else ""
    print(
        f"{authority.about.name} ({authority.code}): from {chosen.authority} to {chosen.output}{upto}",
        flush=True,
    )
    progress = Progress()
    started = time.monotonic()
    if chosen.dry_run:
        print("A dry run: nothing of what is made now is kept.", flush=True)
        with copied(output) as copy:
            if not _made(authority, copy, progress, chosen, "places run --dry-run"):
                say("A run would not be finished: what was published before would stay as it is.")
                return FAILED
            print(held_back(progress.made), end="\n\n")
            print("\n".join(_what_would_change(output, copy, progress.made["maps.release"])))
        print(
            f"\nThis was a dry run of {time.monotonic() - started:.0f} s: tables and releases are as they were."
        )
        return REFUSED if progress.trouble else FINE
    if not _made(authority, output, progress, chosen, "places run"):
        if "maps.release" not in progress.made:
            say("Not finished: what was published before is as it was.")
        return FAILED
    facts = progress.made["maps.release"].facts
    print(f"Release {facts['release']} ({facts['content']}), made in {time.monotonic() - started:.0f} s")
    print(f"Maps: {(chosen.output / 'published' / 'index.html').as_posix()}")
    return REFUSED if progress.trouble else FINE


def _made(
    authority: Authority, output: Output, progress: Progress, chosen: argparse.Namespace, command: str
) -> bool:
    """Make everything and print the account of rows and what went wrong; whether all came to its end."""
    from pipelines.orchestrate.execution import HistoryNotKept, run_everything
    from pipelines.orchestrate.failure import DiskFull

    with opened(authority, output) as at:
        before = read_placement(at.con)
    try:
        finished = run_everything(
            authority, output, progress.tell, debug=chosen.debug, command=command, purpose=chosen.purpose
        )
    except HistoryNotKept as error:
        if chosen.debug:
            raise
        print(flush=True)
        say(f"places: {error}. {MAKE_ROOM}")
        return False
    print(flush=True)
    full = [name for name, error in finished.failed.items() if isinstance(error, DiskFull)]
    if full:  # and whatever else failed did so for that
        say(f"places: the disk that holds {output.root} is full: {full[0]} could not be made. {MAKE_ROOM}")
        return False
    if progress.made.get("layers.accounting"):
        print(accounting(authority, output), end="\n\n")
        placed, not_believed = placement(authority, output, before)
        print(placed, end="\n\n")
        for line in not_believed:  # no failure: whoever sends a list of another area does so every month
            say(line)
        for line in drifted(authority, output):
            say(line)
        for line in re_placed_since(authority, output):
            say(line)
    for line in progress.trouble:
        say(line)
    release = progress.made.get("maps.release")
    if release and (told := release.facts.get("told_by_earlier_releases")):
        say(
            f"Earlier releases give away by themselves (`places release prune` removes them):\n{indented(told)}"
        )
    return bool(finished)


def held_back(made: Mapping[str, Made]) -> str:
    """What the gate holds back, by table: figures, hidden ones, and the share of records in them, as a table in text.

    Exact-side figures, for whoever runs it; never to be published.
    """
    lines = [("Held back", "figures", "hidden", "% of records in them")]
    for name, one in made.items():
        if name.startswith("published.") and "cells" in one.facts:
            cells, hidden = one.facts["cells"], one.facts.get("cells_hidden", 0)
            share = one.facts.get("percent_of_records_hidden", "")
            lines.append((name.removeprefix("published."), f"{cells:,}", f"{hidden:,}", str(share)))
    return as_columns(lines)


def _what_would_change(output: Output, copy: Output, made: Made) -> list[str]:
    current = release.current_release(output.published)
    if current is not None and made.facts["content"] == "unchanged":
        return [f"Nothing that is published would change: {current.release_id} would stay current."]
    candidate = release.named(copy.published, str(made.facts["release"]))
    changes = in_words(compare(current.path if current else None, candidate.path))
    if current is None:
        return ["Would be published, as the first release:", *(f"  {line}" for line in changes)]
    return [
        f"Would change in what is published, against {current.release_id}:",
        *(f"  {line}" for line in changes),
    ]


class Progress:
    """Tells of each step as it is made: a line a table, a heading a stage."""

    def __init__(self) -> None:
        self.stage = ""
        self.made: dict[str, Made] = {}
        self.trouble: list[str] = []

    def tell(self, step: Step, got: Made | BaseException, seconds: float) -> None:
        """Print one step's line and remember what went wrong with it."""
        if step.table.stage != self.stage:
            self.stage = step.table.stage
            print(f"\n{self.stage}")
        if isinstance(got, BaseException):
            print(f"  {step.table.name:<28} {'FAILED':>11}        {seconds:5.1f} s", flush=True)
            self.trouble.append(f"{step.name} failed:\n{indented(str(got))}")
            if isinstance(got, BrokenDescription):
                self.trouble.append("  Until that is mended, it is in no layer, map or release.")
            return
        self.made[step.name] = got
        size = (
            f"{got.rows:>11,} rows" if got.rows is not None else f"{got.facts.get('kilobytes', ''):>11} kB  "
        )
        if step.name == "maps.release":
            size = f"{got.facts['content']:>11}     "
        print(f"  {step.table.name:<28} {size}   {seconds:5.1f} s{_remarks(got)}", flush=True)
        self.trouble += [f"{step.name}: {problem}" for problem in got.problems]


def _remarks(made: Made) -> str:
    facts = made.facts
    left = (
        f"   {facts['files_left_out']} file(s) past `keep_months` or forgotten"
        if facts.get("files_left_out")
        else ""
    )
    if "files" in facts and not facts["files"]:
        return left or "   no file"
    if facts.get("left_out"):
        return "   not all datasets: `places list`, for this authority, says why"
    if left:
        return left
    if facts.get("rows_rejected"):
        return f"   {facts['rows_rejected']:,} of {facts['rows_read']:,} rows rejected"
    if "compared" in facts:
        off = facts.get("median_difference_percent")
        changes = f", {facts['compared']} off by {off} % in the middle" if off is not None else ""
        most = f", by {facts['largest_difference_percent']} % at most" if off is not None else ""
        return f"   {facts['figures_hidden']:,} of {facts['figures_compared']:,} hidden{changes}{most}"
    if "cells" in facts:
        share = f", {facts['percent_of_records_hidden']} % of records"
        return f"   {facts['cells_hidden']:,} of {facts['cells']:,} figures hidden{share}"
    return ""


def accounting(authority: Authority, output: Output) -> str:
    """Every dataset's rows and weight, read = kept + rejected and kept = placed + unplaced, as a table in text."""
    parts = ("read", "kept", "rejected", "property", "building", "point", "postcode", "area", "unplaced")
    lines: list[tuple[str, ...]] = [("", "", *parts)]
    counted_as = {what: ", ".join(f"{what}_{part}" for part in parts) for what in ("rows", "weight")}
    with opened(authority, output) as at:
        rows, weights = (
            at.con.execute(f"SELECT dataset, {columns} FROM layers.accounting ORDER BY dataset").fetchall()
            for columns in counted_as.values()
        )
    for (name, *counted), (_, *weighed) in zip(rows, weights, strict=True):
        lines.append((name, "rows", *(f"{number:,}" for number in counted)))
        if weighed != counted:
            lines.append((name, "weight", *(f"{number:,}" for number in weighed)))
    return as_columns(lines, left=2)


def drifted(authority: Authority, output: Output) -> list[str]:
    """What the latest extract of each dataset has otherwise than the one before it, and which files of one year of an
    open source differ, in sentences."""
    with opened(authority, output) as at:
        found = [line for dataset in authority.datasets for line in drift.told(at.con, dataset)]
        return found + drift.figures_that_differ(at.con)


def re_placed_since(authority: Authority, output: Output) -> list[str]:
    """How many records of each dataset are placed otherwise than by the gazetteer and rules before, in sentences."""
    with opened(authority, output) as at:
        return re_placed.told(at.con)


def placement(authority: Authority, output: Output, before: Placement | None) -> tuple[str, list[str]]:
    """Records by key and precision against a run before, as a table in text; and UPRN columns not believed."""
    with opened(authority, output) as at:
        now = read_placement(at.con)
        not_believed = columns_not_believed(at.con)
    return as_columns(placement_rows(now, before), left=3) if now else "", not_believed
