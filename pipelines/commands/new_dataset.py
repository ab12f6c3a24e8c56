"""`places new-dataset`: a description of a file that nobody has described yet, for a person to edit."""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import uuid
from pathlib import Path

import duckdb

from pipelines import describing, schemas
from pipelines.authority import Authority, Files, load_authority
from pipelines.commands.terminal import FINE, UNUSABLE, Commands, say
from pipelines.describing import FOLDERS, Group, Proposal, Unnameable
from pipelines.formats import FileRefused
from pipelines.tables import REPOSITORY
from pipelines.warehouse import replace_text

DESCRIPTION = """\
Reads an extract (CSV, XLSX, Parquet, GeoPackage, GeoJSON, or a ZIP file with one CSV) and writes a description of it,
services/NAME/dataset.yaml, with a comment on each column: what it is thought to be, how sure that is, and why. What may
be about a person is `personal`, which never enters; what is not understood is `ignore`. What only a person can say is
TO FILL IN; until that is done the dataset is left out of every run. No value of a row is written down but the codes of
columns that are surely code lists, and the file itself stays where it is, unless --copy puts a copy beside the
description.
"""
EXAMPLES = """\
examples:
  places new-dataset garden_waste_2026-09.csv --authority /secure/ourcouncil
  places new-dataset "Licences Sept.xlsx" --sheet Current --name licences --copy --authority /secure/ourcouncil
  places new-dataset leisure_centres_2026-09-30.geojson --site --authority /secure/ourcouncil

exit codes: 0 written; 2 the file, the authority folder or the name cannot be used, or there is a description already.
"""


class Refused(Exception):
    """What was asked cannot be done; the message says why and what to do."""


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places new-dataset`."""
    parser = commands.add_parser(
        "new-dataset", help="describe a new extract: write its dataset.yaml, for you to edit",
        description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("file", type=Path, metavar="FILE", help="an extract of the new dataset")
    # Not the sample, as for other commands: a council's own has no place in this repository.
    named = os.environ.get("AUTHORITY")
    parser.add_argument(
        "--authority", type=Path, default=Path(named) if named else None, metavar="DIR",
        help="the authority folder to which it is added (else $AUTHORITY)",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, default=None, metavar="DIR", help="the folder of {data} in descriptions"
    )
    parser.add_argument("--name", default="", help="what the dataset is called (else after the file)")
    parser.add_argument(
        "--site", action="store_true", help="the file lists sites from which a service is delivered"
    )
    parser.add_argument(
        "--sheet", default="", metavar="NAME", help="sheet of a workbook, or layer of a GeoPackage"
    )
    parser.add_argument(
        "--header-row", type=int, default=0, metavar="N", help="row of the headers, if not found by itself"
    )
    parser.add_argument("--encoding", default="", help="encoding of the text, such as cp1252")
    parser.add_argument("--copy", action="store_true", help="put a copy of the file beside the description")
    parser.add_argument(
        "--force",
        action="store_true",
        help="write anew a description that is there; the old one is kept (.bak)",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(do=do_new_dataset)


def do_new_dataset(chosen: argparse.Namespace) -> int:
    """Write one description, and say what to do next."""
    try:
        return _do(chosen)
    except (FileRefused, Refused, Unnameable) as error:
        if chosen.debug:
            raise
        what = f"{chosen.file} cannot be used: " if isinstance(error, FileRefused) else ""
        say(f"places new-dataset: {what}{_by_option(str(error))}")
        return UNUSABLE


def _do(chosen: argparse.Namespace) -> int:
    if chosen.authority is None:
        raise Refused("wanted the authority folder to which the dataset is added: say which by --authority")
    authority = load_authority(chosen.authority, chosen.data)
    group: Group = "site" if chosen.site else "service"
    path = chosen.file
    if not path.exists():
        raise FileRefused("there is no such file")
    name = chosen.name or describing.dataset_name(path)
    describing.hold_to_name(name, group, authority)
    folder = authority.folder / FOLDERS[group] / name
    description = folder / "dataset.yaml"
    if description.exists() and not chosen.force:
        raise Refused(
            f"{description} is there already, and stays as it is: say another name by --name, or --force to write it "
            "anew (the old one is then kept beside it)"
        )
    copied = folder / path.name
    if chosen.copy:
        _hold_to_copy(path, copied, authority)
    kept_in = _kept_in(path, folder, authority, chosen)
    with duckdb.connect() as con:
        schema = "../../schemas/dataset.json"
        proposal = describing.propose(con, path, name, group, _asked(chosen), kept_in, schema)
    schemas.write(authority.folder / "schemas", "dataset")
    folder.mkdir(parents=True, exist_ok=True)
    kept = _keep_old(description)
    replace_text(description, proposal.text)
    if chosen.copy:
        _copy(path, copied)
    for line in _report(proposal, description, kept):
        print(line)
    for line in _next(proposal, description, path, folder, authority, chosen):
        print(line)
    return FINE


def _asked(chosen: argparse.Namespace) -> Files:
    try:
        "".encode(chosen.encoding or "utf-8")
    except LookupError:
        raise Refused(
            f"`{chosen.encoding}` is not an encoding that is known, such as utf-8, cp1252, utf-16"
        ) from None
    return Files(
        sheet=chosen.sheet, layer=chosen.sheet, header_row=max(0, chosen.header_row), encoding=chosen.encoding
    )


def _by_option(reason: str) -> str:
    """A reason that tells the option to give: there is no description yet to write it into."""
    for key, option in (("sheet", "sheet"), ("layer", "sheet"), ("encoding", "encoding")):
        reason = reason.replace(f"state `{key}:`", f"say which by --{option}")
    return reason.replace(", or `format:`", "")


def _kept_in(path: Path, folder: Path, authority: Authority, chosen: argparse.Namespace) -> str:
    """Where the description says that the file is, if not beside it: inside the data folder, where it is there."""
    at = path.resolve().parent
    is_named = bool(chosen.data or os.environ.get("PLACES_DATA"))
    if chosen.copy or at == folder or not is_named or not at.is_relative_to(authority.data):
        return ""
    inside = at.relative_to(authority.data).as_posix()
    return "{data}" if inside == "." else f"{{data}}/{inside}"


def _hold_to_copy(path: Path, copied: Path, authority: Authority) -> None:
    """Refuse to copy over another file, or a council's data into the repository of the tool."""
    if copied.exists() and not (copied.samefile(path) or filecmp.cmp(path, copied, shallow=False)):
        raise Refused(f"{copied} is another file; it stays as it is: take one of the two away")
    if authority.folder.is_relative_to(REPOSITORY):
        raise Refused(
            f"{authority.folder} lies in the repository of this tool, where no data of a council belong: keep the "
            "authority folder elsewhere, or leave --copy out"
        )


def _copy(path: Path, copied: Path) -> None:
    """Put a copy of a file beside the description, whole or not at all."""
    if copied.exists():
        return
    # Nobody reads a file of this ending.
    aside = copied.with_name(f".{copied.name}.{uuid.uuid4().hex}.part")
    try:
        shutil.copy2(path, aside)
        aside.replace(copied)
    finally:
        aside.unlink(missing_ok=True)


def _keep_old(description: Path) -> Path | None:
    """Put the description that is there aside, under the first name that is free."""
    if not description.exists():
        return None
    n = 1
    while (kept := description.with_name(f"dataset.yaml.bak{'' if n == 1 else n}")).exists():
        n += 1
    shutil.copy2(description, kept)
    return kept


def _report(proposal: Proposal, description: Path, kept: Path | None) -> list[str]:
    roles = [entry.role for entry in proposal.entries]
    placing = sum(role in describing.PLACING for role in roles)
    dropped, unknown = roles.count("personal"), roles.count("ignore")
    other, unnamed = len(roles) - placing - dropped - unknown, len(proposal.not_named)
    lines = [
        f"Wrote {description}, of {proposal.rows:,} rows and {len(roles) + unnamed} columns:",
        f"  {placing} place the records, {other} are kept, {dropped} may be personal and never enter, "
        f"{unknown + unnamed} are left out",
    ]
    if not placing:
        lines.append(
            "  Nothing in the file says where its records are: no UPRN, address, postcode, point or area."
        )
    if kept is not None:
        lines.append(f"  The description that was there is now {kept.name}.")
    return lines


def _next(
    proposal: Proposal, description: Path, path: Path, folder: Path, authority: Authority, chosen: argparse.Namespace
) -> list[str]:  # fmt: skip
    there = chosen.copy or path.resolve().parent == folder or _kept_in(path, folder, authority, chosen)
    put = "" if there else f" and put the extract into {folder} (or --copy does)"
    of = f"--authority {_shell(chosen.authority)}" + (f" --data {_shell(chosen.data)}" if chosen.data else "")
    return [
        "Next:",
        f"  1. Edit it: fill in what says TO FILL IN ({', '.join(proposal.to_fill_in)}), look through the columns"
        f"{put}.",
        f"  2. places check --dataset {proposal.name} {of}",
        f"  3. places run {of}",
    ]


def _shell(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)
