"""`places run`: make everything, telling each table as it is made."""

from __future__ import annotations

import argparse
import time

from pipelines.authority import Authority, load_authority
from pipelines.commands.terminal import FAILED, FINE, REFUSED, Commands, as_columns, indented, say
from pipelines.run import BrokenDescription, Made, Output, Step, opened


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places run`."""
    run = commands.add_parser(
        "run", parents=[shared], help="make everything, and a new release if anything changed",
        description="Makes every table, layer, map, and a release of what may leave. What was published before stays "
        "readable until the new release is whole, and stays current if anything fails.",
    )  # fmt: skip
    run.set_defaults(do=do_run)


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
        say(line)
    if not finished:
        say("Not finished: what was published before is as it was.")
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
    return as_columns(lines, left=2)
