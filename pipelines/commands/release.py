"""`places release`: the releases there are, what changed between two, going back to one, and removing old ones."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable
from pathlib import Path

import duckdb

from pipelines import release
from pipelines.commands.terminal import FAILED, FINE, UNUSABLE, Commands, as_columns, say
from pipelines.compare import RowChange, as_data, changed_rows, compare, in_words
from pipelines.journal import Journal
from pipelines.release import NoSuchRelease, Release, ReleaseDamaged
from pipelines.run import Output

SHORT = 12  # characters of a fingerprint that tell two releases apart


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places release` with its own commands."""
    group = commands.add_parser(
        "release", help="list releases, compare two, go back to one, remove old ones",
        description="A release is never changed once it is made, and `current` leads to one of them.",
    )  # fmt: skip
    ways = group.add_subparsers(dest="way", required=True, metavar="WAY")
    listing = ways.add_parser(
        "list", parents=[shared], help="each release, newest first, and whether its files are whole",
        description="Lists the releases, newest first. Exit code 1 where a file of one is missing or changed.",
    )  # fmt: skip
    listing.set_defaults(do=do_list)
    diff = ways.add_parser(
        "diff", parents=[shared], help="what changed between two releases, by table",
        description="Tells what changed from OLD to NEW: rows, figures, columns, pages. Only published figures are "
        "read, from the releases' own files, so all of it may be shown.",
    )  # fmt: skip
    diff.add_argument("old", nargs="?", metavar="OLD", help="the earlier one (else the one before NEW)")
    diff.add_argument("new", nargs="?", metavar="NEW", help="the later one (else the current one)")
    diff.add_argument("--rows", action="store_true", help="print each row that differs, too")
    diff.add_argument("--json", action="store_true", help="print JSON instead, for machines")
    diff.add_argument("--csv", type=Path, metavar="FILE", help="write each value that differs to a CSV file")
    diff.set_defaults(do=do_diff)
    rollback = ways.add_parser(
        "rollback", parents=[shared], help="make an earlier release current again, in one step",
        description="Checks every file of the release and then makes it current. Nothing is removed.",
    )  # fmt: skip
    rollback.add_argument("id", nargs="?", metavar="ID", help="its id (else the one before the current one)")
    rollback.set_defaults(do=do_rollback)
    prune = ways.add_parser(
        "prune", parents=[shared], help="remove old releases",
        description="Removes all but the newest N releases; never the current one. Readers may have kept what is "
        "removed, and the audit of later releases no longer sees it.",
    )  # fmt: skip
    prune.add_argument(
        "--keep", type=_at_least_one, required=True, metavar="N", help="how many stay, newest first"
    )
    prune.set_defaults(do=do_prune)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"wanted a whole number from 1; found `{text}`")
    return int(text)


def do_list(chosen: argparse.Namespace) -> int:
    """Show each release, newest first."""
    known = _known(chosen)
    if not known:
        return UNUSABLE
    lines = [("release", "made at (UTC)", "", "content", "files", "MB")]
    damaged = []
    for one in reversed(known):
        wrong = release.damage(one.path)
        damaged += [f"{one.release_id} is damaged: {'; '.join(wrong)}"] if wrong else []
        lines.append(
            (
                one.release_id,
                f"{one.made_at:%Y-%m-%d %H:%M:%S}",
                "current" if one.is_current else "",
                one.content_sha256[:SHORT] or "unknown",
                "damaged" if wrong else "whole",
                f"{release.size(one.path) / 1e6:,.1f}",
            )
        )
    print(as_columns(lines, left=5))
    if not any(one.is_current for one in known):
        say("No release is current: `places release rollback ID` makes one so.")
    for line in damaged:
        say(line)
    return FAILED if damaged else FINE


def do_diff(chosen: argparse.Namespace) -> int:
    """Tell what changed from one release to another."""
    if not _known(chosen):
        return UNUSABLE
    try:
        old, new = _two(Output(chosen.output).published, chosen.old, chosen.new)
    except NoSuchRelease as error:
        say(f"places: {error}")
        return UNUSABLE
    for one in (old, new):
        for wrong in release.damage(one.path):
            say(f"places: release {one.release_id} is damaged: {wrong}")
    try:
        found = compare(old.path, new.path)
        rows = list(changed_rows(old.path, new.path)) if chosen.rows or chosen.csv else []
    except (OSError, ValueError, duckdb.Error) as error:
        say(
            f"places: the two releases cannot be compared: {error}\nWhether their files are whole: places release list"
        )
        return FAILED
    if chosen.csv:
        with chosen.csv.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(_as_table(rows))
    if chosen.json:
        data = {"old": old.release_id, "new": new.release_id, **as_data(found)}
        if chosen.rows:
            data["rows"] = [
                {
                    "table": row.table,
                    "what": row.what,
                    "key": dict(row.key),
                    "values": [list(v) for v in row.values],
                }
                for row in rows
            ]
        print(json.dumps(data, ensure_ascii=False, indent=1))
        return FINE
    print(f"From {_title(old)} to {_title(new)}\n")
    print("\n".join(in_words(found) if found else ["Nothing that is published differs."]))
    if chosen.rows:
        print_rows(rows)
    return FINE


def print_rows(rows: Iterable[RowChange]) -> None:
    """Print each row that differs: its key, and each value with what it was."""
    table = ""
    for row in rows:
        if row.table != table:
            table = row.table
            print(f"\n{table}")
        key = ", ".join(f"{column} {value}" for column, value in row.key)
        if row.what == "changed":
            told = "; ".join(f"{column} {_shown(was)} -> {_shown(now)}" for column, was, now in row.values)
        else:
            told = "; ".join(
                f"{column} {_shown(now if row.what == 'added' else was)}" for column, was, now in row.values
            )
        print(f"  {row.what:<7}  {key}: {told}")


def do_rollback(chosen: argparse.Namespace) -> int:
    """Make an earlier release current again."""
    if not _known(chosen):
        return UNUSABLE
    output = Output(chosen.output)
    try:
        with output.lock():
            former = release.current_release(output.published)
            now = release.roll_back(output.published, chosen.id)
            if former is not None and former.release_id != now.release_id:
                Journal(output.restricted).append(
                    "rolled back", release=now.release_id, instead_of=former.release_id
                )
    except NoSuchRelease as error:
        say(f"places: {error}")
        return UNUSABLE
    except ReleaseDamaged as error:
        say(f"places: {error}\nNothing was changed. Whole ones: places release list")
        return FAILED
    if former is not None and former.release_id == now.release_id:
        print(f"{now.release_id} is current already, and whole.")
        return FINE
    print(f"{now.release_id} is current now{f', in place of {former.release_id}' if former else ''}.")
    print(
        "Nothing was removed. The next run makes a new release of what the files then say: mend first what was wrong, "
        "and look with `places run --dry-run`."
    )
    if former is not None:
        print(f"To undo: places release rollback {former.release_id}")
    return FINE


def do_prune(chosen: argparse.Namespace) -> int:
    """Remove all but the newest releases."""
    if not _known(chosen):
        return UNUSABLE
    output = Output(chosen.output)
    with output.lock():
        sizes = {one.release_id: release.size(one.path) for one in release.releases(output.published)}
        gone = release.prune(output.published, chosen.keep)
        if gone:
            Journal(output.restricted).append(
                "releases removed", releases=", ".join(one.release_id for one in gone)
            )
    if not gone:
        print(
            f"Nothing to remove: the newest {chosen.keep} and the current one stay, and there are no others."
        )
        return FINE
    freed = sum(sizes[one.release_id] for one in gone)
    print(f"Removed {', '.join(one.release_id for one in gone)} ({freed / 1e6:,.1f} MB).")
    print(
        "Readers may have kept them, and whoever did can set them against later releases: the audit of a release sees "
        "only those that are still here."
    )
    return FINE


def _known(chosen: argparse.Namespace) -> list[Release]:
    published = Output(chosen.output).published
    known = release.releases(published)
    if not known:
        say(
            f"places: wanted releases in {published / release.RELEASES}; found none. `places run` makes the first."
        )
    return known


def _two(published: Path, old: str | None, new: str | None) -> tuple[Release, Release]:
    """The releases to be compared: those named, else the current one and the one before whichever is the later."""
    if old is not None and new is not None:
        return release.named(published, old), release.named(published, new)
    current = release.current_release(published)
    if current is None:
        raise NoSuchRelease("no release is current; name both: places release diff OLD NEW")
    return (release.named(published, old) if old else release.before_current(published)), current


def _title(one: Release) -> str:
    current = ", current" if one.is_current else ""
    return f"{one.release_id} ({one.made_at.day} {one.made_at:%B %Y, %H:%M} UTC{current})"


def _as_table(rows: Iterable[RowChange]) -> Iterable[tuple[str, ...]]:
    yield ("table", "what", "key", "column", "old", "new")
    for row in rows:
        key = "; ".join(f"{column}={value if value is not None else ''}" for column, value in row.key)
        for column, was, now in row.values or (("", None, None),):
            yield (row.table, row.what, key, column, was or "", now or "")


def _shown(value: str | None) -> str:
    return "none" if value is None else value
