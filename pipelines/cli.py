"""`places`: the command line.

Here belongs what a person types and reads: arguments, progress, tables in the terminal, exit codes. What is done is
elsewhere. Exit codes: 0 all is well; 1 something failed; 2 the command or the authority folder cannot be used;
3 done, but a file or a description was refused; 4 another run is at work on the same output.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pipelines.authority import Authority, load_authority
from pipelines.descriptions import DescriptionError
from pipelines.run import AnotherRun, BrokenDescription, Made, Output, Step, opened, plan
from pipelines.tables import STAGES

FINE, FAILED, UNUSABLE, REFUSED, BUSY = 0, 1, 2, 3, 4

DESCRIPTION = """\
Puts a council's records on places, joins its services there, and writes maps and tables in which small counts are
withheld and the rest rounded. A council is a folder: its open data in sources/, its extracts in services/, its sites in
sites/.
"""
EXAMPLES = """\
examples:
  places run                                     the invented sample borough, into output/
  places run --authority /secure/ourcouncil      your own council
  places run --authority examples/bath --data /data/open
                                                 descriptions here, files kept elsewhere
  places list --authority /secure/ourcouncil     what would be made, from which files
  places ui                                      the same in Dagster, in your browser

exit codes: 0 all is well; 1 something failed; 2 the command or the authority folder cannot be used;
3 done, but a file or description was refused; 4 another run is at work on the same output; 130 stopped by Ctrl-C.
"""


def parser() -> argparse.ArgumentParser:
    """The command line's grammar, with help that teaches."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--authority", type=Path, default=Path(os.environ.get("AUTHORITY") or "data/sample"), metavar="DIR",
        help="the authority folder (else $AUTHORITY, else data/sample)",
    )  # fmt: skip
    shared.add_argument(
        "--data", type=Path, default=None, metavar="DIR",
        help="the folder that {data} stands for in descriptions (else $PLACES_DATA, else `data:` in authority.yaml)",
    )  # fmt: skip
    shared.add_argument(
        "--output", type=Path, default=Path(os.environ.get("OUTPUT") or "output"), metavar="DIR",
        help="where all goes: DIR/restricted (exact, its owner's alone) and DIR/published (else $OUTPUT, else output)",
    )  # fmt: skip
    shared.add_argument("--debug", action="store_true", help="show the traceback of an error")
    top = argparse.ArgumentParser(
        prog="places",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run", parents=[shared], help="make everything, and a new release if anything changed",
        description="Makes every table, layer, map, and a release of what may leave. What was published before stays "
        "readable until the new release is whole, and stays current if anything fails.",
    )  # fmt: skip
    run.set_defaults(do=do_run)
    listing = commands.add_parser(
        "list", parents=[shared], help="show what would be made, and from which files",
        description="Lists the six stages with each table, its meaning and where it is described; makes nothing.",
    )  # fmt: skip
    listing.add_argument("stage", nargs="?", choices=STAGES, help="only this stage")
    listing.set_defaults(do=do_list)
    ui = commands.add_parser(
        "ui", parents=[shared], help="open Dagster on this authority",
        description="Starts Dagster on this machine alone (it has no login). Ctrl-C ends it.",
    )  # fmt: skip
    ui.add_argument("--port", type=int, default=3000, help="port on this machine (3000)")
    ui.set_defaults(do=do_ui)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors are one plain message unless --debug."""
    chosen = parser().parse_args(arguments)
    try:
        return int(chosen.do(chosen))
    except DescriptionError as error:
        if chosen.debug:
            raise
        _say(f"places: {chosen.authority} cannot be used:\n{_indented(str(error))}")
        return UNUSABLE
    except AnotherRun as error:
        if chosen.debug:
            raise
        _say(f"places: {error}")
        return BUSY
    except KeyboardInterrupt:
        _say("places: stopped; what was published before is as it was")
        return 130
    except OSError as error:
        if chosen.debug:
            raise
        where = f" ({error.filename})" if error.filename else ""
        _say(
            f"places: {error.strerror or type(error).__name__}{where}; what was published before is as it was"
        )
        return FAILED


def do_run(chosen: argparse.Namespace) -> int:
    """Make everything, telling each table as it is made."""
    from pipelines.orchestrate.execution import run_everything

    authority = load_authority(chosen.authority, chosen.data)
    authority.hold_to_data_folder()
    output = Output(chosen.output)
    print(
        f"{authority.about.name} ({authority.code}): from {chosen.authority} to {chosen.output}", flush=True
    )
    progress = Progress()
    started = time.monotonic()
    finished = run_everything(authority, output, progress.tell, debug=chosen.debug)
    print()
    if progress.made.get("layers.accounting"):
        print(accounting(authority, output), end="\n\n")
    for line in progress.trouble:
        _say(line)
    if not finished:
        _say("Not finished: what was published before is as it was.")
        return FAILED
    release = progress.made["maps.release"].facts
    print(f"Release {release['release']} ({release['content']}), made in {time.monotonic() - started:.0f} s")
    print(f"Maps: {(chosen.output / 'published' / 'index.html').as_posix()}")
    return REFUSED if progress.trouble else FINE


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
            self.trouble.append(f"{step.name} failed:\n{_indented(str(got))}")
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
    if "files" in facts and not facts["files"]:
        return "   no file"
    if facts.get("rows_rejected"):
        return f"   {facts['rows_rejected']:,} of {facts['rows_read']:,} rows rejected"
    if "cells" in facts:
        return f"   {facts['cells_hidden']:,} of {facts['cells']:,} figures hidden"
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
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def do_list(chosen: argparse.Namespace) -> int:
    """Show every table of every stage with its meaning and files."""
    authority = load_authority(chosen.authority, chosen.data)
    print(f"{authority.about.name} ({authority.code}), in {chosen.authority}")
    stage = ""
    for step in sorted(plan(authority), key=lambda step: (STAGES.index(step.table.stage), step.table.name)):
        if chosen.stage not in (None, step.table.stage):
            continue
        if step.table.stage != stage:
            stage = step.table.stage
            print(f"\n{stage}")
        print(f"  {step.table.name:<28} {step.table.meaning.split('. ')[0].rstrip('.')}.")
        print(f"  {'':<28} {step.table.path}{_files(authority, step)}")
    for broken in authority.broken:
        for problem in broken.problems:
            _say(f"{broken.stage}.{broken.name} cannot be used: {problem}")
    return REFUSED if authority.broken else FINE


def _files(authority: Authority, step: Step) -> str:
    from pipelines.authority import Dataset, Source

    if isinstance(step.of, Dataset):
        paths = authority.dataset_files(step.of)
    elif isinstance(step.of, Source):
        paths = authority.source_files(step.of)
    else:
        return ""
    if not paths:
        return "; no file"
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return "; " + ", ".join(path.name for path in paths[:3]) + more


def do_ui(chosen: argparse.Namespace) -> int:
    """Start Dagster's own pages on this authority."""
    from pipelines.orchestrate.ui import serve_ui

    load_authority(
        chosen.authority, chosen.data
    ).hold_to_data_folder()  # a plain error now beats one inside Dagster
    return serve_ui(chosen.authority, chosen.data, chosen.output, port=chosen.port)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
