"""`places review`: a worksheet of doubtful addresses, what a person decided read back, and what of it stands."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from pipelines.authority import load_authority
from pipelines.commands.terminal import FINE, REFUSED, UNUSABLE, Commands, as_columns, say
from pipelines.forgetting import day_of_run
from pipelines.journal import Journal, who
from pipelines.review.decisions import (
    DecisionsUnreadable,
    Ruling,
    keep_decisions,
    read_decisions,
    withdraw_decisions,
)
from pipelines.review.page import as_page
from pipelines.review.queue import state_of, waiting
from pipelines.review.reading import read_answers
from pipelines.review.spreadsheet import SheetUnreadable
from pipelines.review.worksheet import WorksheetEdited, hold_to_read_back, note_read_back, write_worksheet
from pipelines.run import Output, Run, opened

SHORT = 12  # digits of a record hash that tell it apart
SHORTEST = 8  # that a person has to give
UNUSED = "unused"
EPILOG = """\
Without an option it writes output/restricted/review/worksheet.html and worksheet.csv: doubtful addresses, that which
places most records first. Decide in either, have it read back, and the next `places run` follows. Both hold residents'
addresses: keep them where they are.
"""


class CannotReview(Exception):
    """There is nothing to review, or no such decision; the message says what was looked for, and where."""


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places review`."""
    review = commands.add_parser(
        "review", parents=[shared], help="settle doubtful addresses: write a worksheet, read the decisions back",
        description="Puts before a person the addresses that the matcher left open, and keeps what the person decides.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    what = review.add_mutually_exclusive_group()
    what.add_argument(
        "--read", type=Path, metavar="FILE", help="read decisions back: the page's file, or the worksheet"
    )
    what.add_argument("--list", action="store_true", help="decisions in force, and those to look at again")
    what.add_argument(
        "--withdraw", metavar="HASH",
        help=f"let the matcher decide again on one wording, or on all that no record carries now (`{UNUSED}`)",
    )  # fmt: skip
    review.add_argument(
        "--by", default="", metavar="NAME", help="who decided, where a row of FILE does not say"
    )
    review.add_argument(
        "--buildings", action="store_true", help="also what the matcher put on a building, not on its part"
    )
    review.add_argument("--dataset", default="", metavar="NAME", help="only addresses that its records carry")
    review.add_argument(
        "--most",
        type=int,
        default=2000,
        metavar="N",
        help="at most N addresses in the worksheet (2000; 0: all)",
    )
    review.set_defaults(do=do_review)


def do_review(chosen: argparse.Namespace) -> int:
    """Write, read back, list or withdraw; exit code 2 where there is nothing for it, 3 where rows are refused."""
    authority = load_authority(chosen.authority, chosen.data)
    try:
        with opened(authority, Output(chosen.output)) as at:
            if at.warehouse.facts("places", "address_match") is None:
                raise CannotReview(
                    f"wanted matched addresses in {at.output.restricted}; found none. `places run` makes them"
                )
            rulings = read_decisions(at.output.restricted)
            if chosen.read:
                return _read(at, chosen.read, chosen.by.strip())
            if chosen.list:
                return _list(at, rulings)
            if chosen.withdraw:
                return _withdraw(at, rulings, chosen.withdraw)
            return _write(at, rulings, chosen)
    except FileNotFoundError as error:
        if error.filename != str(chosen.read):
            raise
        say(f"places: wanted a file of decisions; there is no {chosen.read}")
        return UNUSABLE
    except (CannotReview, DecisionsUnreadable, SheetUnreadable, WorksheetEdited) as error:
        say(f"places: {error}")
        return UNUSABLE


def _write(at: Run, rulings: dict[str, Ruling], chosen: argparse.Namespace) -> int:
    restricted = at.output.restricted
    hold_to_read_back(restricted)
    known = [
        name
        for (name,) in at.con.execute("SELECT DISTINCT dataset FROM services.record ORDER BY 1").fetchall()
    ]
    if chosen.dataset and chosen.dataset not in known:
        raise CannotReview(f"wanted one of the datasets {', '.join(known)}; found `{chosen.dataset}`")
    outcomes = ("review", "building") if chosen.buildings else ("review",)
    found = waiting(at.con, rulings, outcomes, chosen.dataset)
    items = found[: chosen.most] if chosen.most > 0 else found
    made_of = str((at.warehouse.facts("places", "address_match") or {})["file"])
    page = as_page(items, at.authority.about.name, len(found) - len(items))
    csv_path, page_path = write_worksheet(restricted, items, page, made_of)
    records = sum(item.records for item in items)
    Journal(restricted).append("review worksheet written", addresses=len(items), records=records)
    again = sum(bool(item.again) for item in items)
    print(
        f"{len(items):,} of {len(found):,} address(es) to settle, of {records:,} of "
        f"{sum(item.records for item in found):,} record(s)"
        + (f"; {again:,} decided before, to look at again" if again else "")
    )
    if items:
        print(f"In a browser: {page_path.as_posix()}")
        print(f"In a spreadsheet: {csv_path.as_posix()}")
        print("They hold residents' addresses: leave them there. Then: places review --read FILE")
    return FINE


def _read(at: Run, path: Path, by: str) -> int:
    restricted = at.output.restricted
    content = path.read_bytes()
    answers = read_answers(at.con, path, by, day_of_run())
    kept = keep_decisions(restricted, answers.rulings, who())
    if not answers.rejected:
        note_read_back(restricted, path)
    Journal(restricted).append(
        "review decisions read", file=path.name, sha256=hashlib.sha256(content).hexdigest(),
        rows_read=answers.rows_read, kept=len(answers.rulings), new=kept.new, replaced=kept.replaced,
        as_before=kept.as_before,
        not_decided=answers.not_decided, rejected=len(answers.rejected),
        decided_by=", ".join(sorted({ruling.decided_by for ruling in answers.rulings})),
    )  # fmt: skip
    print(
        as_columns(
            [
                ("rows read", f"{answers.rows_read:,}"),
                ("  kept", f"{len(answers.rulings):,}"),
                ("  not decided", f"{answers.not_decided:,}"),
                ("  rejected", f"{len(answers.rejected):,}"),
            ]
        )
    )
    print(
        f"Decisions: {kept.new:,} new, {kept.replaced:,} in place of an earlier one, {kept.as_before:,} as before. "
        + ("`places run` follows them." if kept.new or kept.replaced else "")
    )
    for number, reason in answers.rejected:
        say(f"row {number}: {reason}")
    return REFUSED if answers.rejected else FINE


def _list(at: Run, rulings: dict[str, Ruling]) -> int:
    state = state_of(at.con, rulings)
    open_now = sum(not item.again for item in waiting(at.con, rulings))
    print(
        as_columns(
            [
                ("decisions in force", f"{state.in_force:,}"),
                ("  followed by the last run", f"{state.reused:,}"),
                ("  of addresses that no record carries now", f"{len(state.without_record):,}"),
                ("  to look at again", f"{len(state.look_again):,}"),
                ("addresses that wait for a decision", f"{open_now:,}"),
            ]
        )
    )
    if state.look_again:
        lines = [("record hash", "decided", "on", "by", "what has changed")]
        for record_hash, changed in sorted(state.look_again.items()):
            one = rulings[record_hash]
            lines.append(
                (
                    record_hash[:SHORT],
                    one.choice,
                    one.decided_on.isoformat(),
                    one.decided_by,
                    "; ".join(changed),
                )
            )
        print(f"\nTo look at again (the next worksheet has them):\n{as_columns(lines, left=5)}")
    return FINE


def _withdraw(at: Run, rulings: dict[str, Ruling], wanted: str) -> int:
    if wanted == UNUSED:
        hashes = list(state_of(at.con, rulings).without_record)
    else:
        hashes = [one for one in rulings if one.startswith(wanted)] if len(wanted) >= SHORTEST else []
        if len(hashes) != 1:
            found = (
                f"`{wanted}`, the beginning of {len(hashes)}" if len(wanted) >= SHORTEST else f"`{wanted}`"
            )
            raise CannotReview(
                f"wanted {SHORTEST} or more digits of the record hash of one decision; found {found}. "
                f"`places review --list` and {at.output.restricted / 'review' / 'decisions.csv'} show them"
            )
    gone = withdraw_decisions(at.output.restricted, hashes, who())
    if gone:
        Journal(at.output.restricted).append("review decisions withdrawn", decisions=gone)
    print(f"Withdrawn: {gone:,} decision(s). From the next run on, the matcher alone decides there.")
    return FINE
