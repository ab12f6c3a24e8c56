"""`places match`: the UPRNs of addresses in a spreadsheet, from a gazetteer in another."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.address.files import FileUnusable, match_files
from pipelines.commands.terminal import FINE, REFUSED, UNUSABLE, Commands, as_columns, say

MEANING = {
    "matched": "put on their property",
    "building": "the building is certain, the part of it is not",
    "review": "a person should decide between the candidates",
    "none": "no property of the gazetteer",
}


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places match`."""
    match = commands.add_parser(
        "match", help="find the UPRNs of addresses in a CSV file",
        description="Matches the addresses of one CSV file to the UPRNs of another. A UPRN is given only where one "
        "property is meant for certain; else the column is empty, and `outcome` and `reason` say why. Nothing but the "
        "two files is needed, and nothing leaves this machine.",
        epilog="The gazetteer has at least the columns uprn and address; of parent_uprn, usrn, class_code, status, "
        "organisation, sub_building, building_name, building_number, street, locality, town, postcode, easting and "
        "northing "
        "those that there are. The records have record_id, address and, where there is one, postcode. Beside FILE "
        "two more are written: FILE_candidates (up to five properties for each record, and in what they differ) and "
        "FILE_rejected (rows that could not be used). They hold the addresses: keep them where the records are kept.",
    )  # fmt: skip
    match.add_argument("--gazetteer", type=Path, required=True, metavar="FILE", help="CSV of properties")
    match.add_argument("--records", type=Path, required=True, metavar="FILE", help="CSV of addresses")
    match.add_argument("--output", type=Path, required=True, metavar="FILE", help="CSV to write")
    match.add_argument("--debug", action="store_true", help="show the traceback of an error")
    match.set_defaults(do=do_match, authority=None)


def do_match(chosen: argparse.Namespace) -> int:
    """Match the files and say what the records came to; exit code 3 where rows were rejected."""
    try:
        account = match_files(chosen.gazetteer, chosen.records, chosen.output)
    except FileUnusable as error:
        if chosen.debug:
            raise
        say(f"places: {error}")
        return UNUSABLE
    rejected = account.gazetteer_read - account.gazetteer_kept, account.records_read - account.records_kept
    print(
        f"gazetteer  {account.gazetteer_read:,} rows read, {account.gazetteer_kept:,} kept, {rejected[0]:,} rejected"
    )
    print(
        f"records    {account.records_read:,} rows read, {account.records_kept:,} kept, {rejected[1]:,} rejected\n"
    )
    kept = max(account.records_kept, 1)
    print(as_columns([
        (name, meaning, f"{account.outcomes[name]:,}", f"{100 * account.outcomes[name] / kept:.1f} %")
        for name, meaning in MEANING.items()
    ], left=2))  # fmt: skip
    if account.reasons:
        print("\nWhy the others were not, most frequent first:")
        print(as_columns([(f"  {why}", f"{n:,}") for why, n in account.reasons.most_common(8)]))
    print(f"\n{chosen.output}")
    if account.records_repeated:
        repeated = f"{account.records_repeated:,} rows have the record_id of an earlier row"
        say(f"places: {repeated}; each is answered by itself")
    if any(rejected):
        say(f"places: rows were rejected: see {chosen.output.stem}_rejected{chosen.output.suffix}")
        return REFUSED
    return FINE
