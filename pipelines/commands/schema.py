"""`places schema`: the JSON schemas of descriptions, for editors."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines import schemas
from pipelines.commands.terminal import FINE, Commands

DESCRIPTION = """\
Prints the JSON schema of a description, by which an editor completes keys, explains them and marks mistakes while one
writes. Without a name, or with --to, the files are written: dataset.json, authority.json, source.json.
"""
EXAMPLES = """\
examples:
  places schema dataset                          the schema of dataset.yaml
  places schema --to /secure/ourcouncil/schemas  all of them, into an authority folder
"""


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places schema`."""
    parser = commands.add_parser(
        "schema", help="the JSON schemas of descriptions, for editors", description=DESCRIPTION, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("name", nargs="?", choices=tuple(schemas.MODELS), help="which (else all)")
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="write into this folder (without a name: docs/schemas)"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(do=do_schema)


def do_schema(chosen: argparse.Namespace) -> int:
    """Print one schema, or write them."""
    if chosen.name and not chosen.to:
        print(schemas.text(chosen.name), end="")
        return FINE
    for path in schemas.write(chosen.to or schemas.SHIPPED, *([chosen.name] if chosen.name else [])):
        print(path.as_posix())
    return FINE
