"""`places`: the command line.

Here belong the grammar and what every command does alike with errors; each command is a file of `commands`. Exit
codes: 0 all is well; 1 something failed; 2 the command or the authority folder cannot be used; 3 done, but a file or
a description was refused; 4 another run is at work on the same output.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.commands import forget, journal, listing, release, run, ui
from pipelines.commands.terminal import BUSY, FAILED, UNUSABLE, indented, say
from pipelines.descriptions import DescriptionError
from pipelines.run import AnotherRun

# In the order in which help lists them.
COMMANDS = (run, listing, release, journal, forget, ui)

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
  places run --dry-run                           what would change and be held back, changing nothing
  places list --authority /secure/ourcouncil     what would be made, from which files
  places release diff                            what changed from the release before to the current one
  places release rollback                        back to the release before
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
    for command in COMMANDS:
        command.add(commands, shared)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors are one plain message unless --debug."""
    chosen = parser().parse_args(arguments)
    try:
        return int(chosen.do(chosen))
    except DescriptionError as error:
        if chosen.debug:
            raise
        say(f"places: {chosen.authority} cannot be used:\n{indented(str(error))}")
        return UNUSABLE
    except AnotherRun as error:
        if chosen.debug:
            raise
        say(f"places: {error}")
        return BUSY
    except KeyboardInterrupt:
        say("places: stopped; what was published before is as it was")
        return 130
    except OSError as error:
        if chosen.debug:
            raise
        where = f" ({error.filename})" if error.filename else ""
        say(
            f"places: {error.strerror or type(error).__name__}{where}; what was published before is as it was"
        )
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
