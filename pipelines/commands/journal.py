"""`places journal`: who ran what on this output, when, on which extracts and what for, and whether it is whole."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.commands.terminal import FAILED, FINE, Commands, indented, say
from pipelines.journal import CUT_OFF, RUN_ENDED, RUN_STARTED, Journal
from pipelines.run import Output


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places journal`."""
    journal = commands.add_parser(
        "journal", parents=[shared], help="show who ran what on this output, when, on which extracts and what for",
        description="Shows the journal of the restricted store: each run, rollback and forgetting, the latest last.",
    )  # fmt: skip
    journal.add_argument(
        "--last", type=int, default=20, metavar="N", help="only the last N events (20; 0: all)"
    )
    journal.add_argument(
        "--verify", action="store_true",
        help="check instead that no line was changed or taken out, and print the mark of the last one",
    )  # fmt: skip
    journal.set_defaults(do=do_journal)


def do_journal(chosen: argparse.Namespace) -> int:
    """Show the journal, or check its chain; exit code 1 where the chain is broken."""
    journal = Journal(Output(chosen.output).restricted)
    problems = journal.problems()
    if chosen.verify:
        lines = journal.lines()
        cut = len(journal.unfinished())
        killed = f", {cut} of them unfinished, since its run was killed" if cut else ""
        print(f"{journal.path.as_posix()}: {len(lines)} line(s){killed}")
        if not problems:
            print(f"Each follows on the one before. Mark of the last: {journal.mark()}")
            print("(Lines cut off the end do not show: keep that mark elsewhere to see them.)")
    else:
        events = list(_events(line.says for line in journal.lines()))
        for text in events[-chosen.last :] if chosen.last > 0 else events:
            print(text)
        if not events:
            print(f"No run yet: {journal.path.as_posix()} is not there.")
    for problem in problems:
        say(f"{journal.path.as_posix()}: {problem}")
    return FAILED if problems else FINE


def _events(lines: Iterable[dict[str, Any] | None]) -> Iterator[str]:
    """Each event in a few lines of text; the start of a run together with its end."""
    says = [line for line in lines if line is not None]
    ended = {line.get("run"): line for line in says if line["event"] == RUN_ENDED}
    for line in says:
        if line["event"] in (RUN_ENDED, CUT_OFF):
            continue
        head = f"{line.get('at', '')}  {line.get('who', '')}  "
        if line["event"] == RUN_STARTED:
            yield head + _run(line, ended.get(line.get("run")))
        else:
            known = {"at", "who", "event", "before"}
            facts = ", ".join(
                f"{k.replace('_', ' ')} {v}" for k, v in line.items() if k not in known and v != ""
            )
            yield f"{head}{line['event']}: {facts}"


def _run(start: dict[str, Any], end: dict[str, Any] | None) -> str:
    lines = [
        f"{start.get('command', '')}, {start.get('authority', '')}",
        f"purpose: {start.get('purpose', '')}",
    ]
    if end is None:
        lines.append("did not end: it is at work, or was killed")
    else:
        read: dict[str, list[dict[str, Any]]] = {}
        for extract in end.get("extracts", []):
            read.setdefault(extract["dataset"], []).append(extract)
        for dataset, extracts in read.items():
            rows, kept = (sum(extract[name] for extract in extracts) for name in ("rows_read", "rows_kept"))
            others = [e for e in extracts if e["status"] != "read"]
            of_them = "".join(f"; {e['file']} {e['status']}" for e in others)
            lines.append(
                f"read: {dataset}, {len(extracts) - len(others)} extract(s), {rows:,} rows, {kept:,} kept{of_them}"
            )
        by_use: dict[str, list[str]] = {}
        for table, use in end.get("uses", {}).items():
            by_use.setdefault(use["use"], []).append(table)
        lines += [f"used for {use}: {', '.join(tables)}" for use, tables in by_use.items()]
        lines += [f"failed: {', '.join(end['failed'])}"] if end.get("failed") else []
        release = f"release {end['release']} ({end['content']})" if end.get("release") else "no release"
        lines.append(f"{end.get('outcome', '')} {end.get('at', '')}, {release}")
    return lines[0] + "\n" + indented("\n".join(lines[1:]))
