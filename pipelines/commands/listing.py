"""`places list`: what would be made, and from which files."""

from __future__ import annotations

import argparse

from pipelines.authority import Authority, Dataset, Source, load_authority
from pipelines.commands.terminal import FINE, REFUSED, Commands, say
from pipelines.run import Step, plan
from pipelines.tables import STAGES


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places list`."""
    listing = commands.add_parser(
        "list", parents=[shared], help="show what would be made, and from which files",
        description="Lists the six stages with each table, its meaning and where it is described; makes nothing.",
    )  # fmt: skip
    listing.add_argument("stage", nargs="?", choices=STAGES, help="only this stage")
    listing.set_defaults(do=do_list)


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
        for sentence in step.left_out:
            print(f"  {'':<28} {sentence}")
    for broken in authority.broken:
        for problem in broken.problems:
            say(f"{broken.stage}.{broken.name} cannot be used: {problem}")
    return REFUSED if authority.broken else FINE


def _files(authority: Authority, step: Step) -> str:
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
