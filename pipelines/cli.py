"""`places`: the command line.

Here belong the grammar and what every command does alike with errors; each command is a file of `commands`. Exit
codes: 0 all is well; 1 something failed; 2 the command or the authority folder cannot be used; 3 done, but a file or
a description was refused; 4 another run is at work on the same output.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.commands.terminal import BUSY, FAILED, FINE, UNUSABLE, indented, say

# The commands, in the order in which help lists them, each with its module in `commands`. Only the module of the one
# that is called is loaded: most need far more than `places match` does.
COMMANDS = {
    "run": "run", "list": "listing", "new-dataset": "new_dataset", "check": "check", "match": "match",
    "whatif": "whatif", "review": "review", "release": "release", "journal": "journal", "forget": "forget",
    "schema": "schema", "ui": "ui",
}  # fmt: skip

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
  places run --as-at 2026-08-31 --output august
                                                 an earlier month again, from the extracts up to its end
  places run --dry-run                           what would change and be held back, changing nothing
  places list --authority /secure/ourcouncil     what would be made, from which files
  places release diff                            what changed from the release before to the current one
  places release rollback                        back to the release before
  places new-dataset waste_2026-09.csv --authority /secure/ourcouncil
                                                 describes a new extract: writes its dataset.yaml, for you to edit
  places check licences.csv                      what a file holds, and what is wrong with its identifiers
  places match --gazetteer G.csv --records R.csv --output O.csv
                                                 the UPRNs of addresses, from one spreadsheet to another
  places whatif --kind libraries --close "Hill Library"
                                                 who would be too far from a library if one closed
  places review                                  doubtful addresses, to be settled by a person
  places ui                                      the same in Dagster, in your browser

exit codes: 0 all is well; 1 something failed; 2 the command or the authority folder cannot be used;
3 done, but a file or description was refused; 4 another run is at work on the same output; 130 stopped by Ctrl-C.
"""


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """The command line's grammar, with help that teaches; where a command is named, with that one alone."""
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
    for name in [command] if command in COMMANDS else COMMANDS:
        importlib.import_module(f"pipelines.commands.{COMMANDS[name]}").add(commands, shared)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors are one plain message unless --debug."""
    arguments = _with_their_values(sys.argv[1:] if arguments is None else arguments)
    chosen = parser(arguments[0] if arguments else None).parse_args(arguments)
    try:
        return int(chosen.do(chosen))
    except KeyboardInterrupt:
        say("places: stopped; what was published before is as it was")
        return 130
    except BrokenPipeError:
        # Whoever reads has had enough (`places list | head`); nor shall Python complain of it while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except Exception as error:
        said = None if chosen.debug else _explained(error, chosen)
        if said is None:
            raise
        message, code = said
        say(message)
        return code


def _with_their_values(arguments: Sequence[str]) -> list[str]:
    """`--open -1,2` as `--open=-1,2`: no option begins so, but argparse takes such a value for one."""
    joined: list[str] = []
    for word in arguments:
        if re.match(r"-[\d.]", word) and joined and re.fullmatch(r"--[a-z-]+", joined[-1]):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _explained(error: Exception, chosen: argparse.Namespace) -> tuple[str, int] | None:
    """What to say of an error that any command may meet, and the exit code; None for one that nobody foresaw."""
    from pipelines.descriptions import DescriptionError
    from pipelines.run import AnotherDay, AnotherRun

    if isinstance(error, DescriptionError):
        return f"places: {chosen.authority} cannot be used:\n{indented(str(error))}", UNUSABLE
    if isinstance(error, AnotherDay):
        return f"places: {error}", UNUSABLE
    if isinstance(error, AnotherRun):
        return f"places: {error}", BUSY
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        reason = error.strerror or type(error).__name__
        return f"places: {reason}{where}; what was published before is as it was", FAILED
    return None


if __name__ == "__main__":
    sys.exit(main())
