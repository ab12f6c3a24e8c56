"""The worksheet: doubtful addresses as CSV for a spreadsheet and as one page, in the restricted folder.

Both hold residents' addresses, so they are closed to all but their owner and are no archive: `remove_worksheets` takes
them away when somebody is forgotten, `remove_outdated` when a run has made the addresses anew. A CSV that somebody has
written in, and that was not read back, is not overwritten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pipelines.review.decisions import FILE, FOLDER, LOG, replace_file, review_folder
from pipelines.review.queue import MOST_CANDIDATES, Candidate, Item
from pipelines.review.spreadsheet import as_csv

CSV, PAGE, STATE = "worksheet.csv", "worksheet.html", "worksheet.json"
# What is to be filled in comes first, beside the address, where it is seen without scrolling; marks for us come last.
COLUMNS = (
    "decision", "decided_by", "note", "address", "postcode", "why", "records", "datasets",
    *(f"candidate_{n}_{part}" for n in range(1, MOST_CANDIDATES + 1) for part in ("uprn", "address", "differs")),
    "building_uprn", "record_hash", "candidates_seen", "gazetteer_version",
)  # fmt: skip


class WorksheetEdited(Exception):
    """The worksheet holds what somebody wrote in it and nobody has read back; the message says what to do."""


def write_worksheet(restricted: Path, items: Sequence[Item], page: str, made_of: str) -> tuple[Path, Path]:
    """Write the worksheet as CSV and as a page; returns both paths. Each is replaced in one step.

    `made_of` names the version of `places.address_match` that the items are from.
    """
    folder = review_folder(restricted)
    content = as_csv(COLUMNS, [_row(item) for item in items])
    # First, so that a worksheet is never there without its mark: a killed run would else leave one that looks edited.
    state = {"made_of": made_of, "sha256": hashlib.sha256(content).hexdigest()}
    replace_file(folder / STATE, json.dumps(state).encode())
    replace_file(folder / CSV, content)
    replace_file(folder / PAGE, page.encode())
    return folder / CSV, folder / PAGE


def hold_to_read_back(restricted: Path) -> None:
    """Raise `WorksheetEdited` where the CSV holds what somebody wrote in it and was not read back."""
    if is_edited(restricted):
        path = restricted / FOLDER / CSV
        raise WorksheetEdited(
            f"{path} was changed since it was written and not read back. Read it (`places review --read {path}`), or "
            "move it away; then write a new one"
        )


def is_edited(restricted: Path) -> bool:
    """Whether the CSV differs from what was written, and from what was read back last."""
    path = restricted / FOLDER / CSV
    if not path.is_file():
        return False
    state = _state(restricted)
    return hashlib.sha256(path.read_bytes()).hexdigest() not in (state.get("sha256"), state.get("read_back"))


def note_read_back(restricted: Path, path: Path) -> None:
    """Remember that the worksheet itself was read back, as it is, so that it may be overwritten."""
    own = restricted / FOLDER / CSV
    if own.is_file() and path.resolve() == own.resolve():
        state = {**_state(restricted), "read_back": hashlib.sha256(own.read_bytes()).hexdigest()}
        replace_file(restricted / FOLDER / STATE, json.dumps(state).encode())


def remove_worksheets(restricted: Path) -> list[Path]:
    """Take away the worksheet in every form, half-written ones too; the decisions stay. Returns what is gone."""
    keep = (FILE, LOG)
    gone = [
        path for path in sorted((restricted / FOLDER).glob("*")) if path.name not in keep and path.is_file()
    ]
    for path in gone:
        path.unlink()
    return gone


def remove_outdated(restricted: Path, made_of: str) -> list[Path]:
    """Take away a worksheet that was made of another version of `places.address_match`, unless somebody wrote in it.

    A worksheet that is being filled in stays: each row of it is held against the tables when it is read back.
    """
    state = _state(restricted)
    if not state or state.get("made_of") == made_of or is_edited(restricted):
        return []
    return remove_worksheets(restricted)


def _state(restricted: Path) -> dict[str, str]:
    try:
        state = json.loads((restricted / FOLDER / STATE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _row(item: Item) -> list[object]:
    candidates: list[object] = []
    for candidate in item.candidates or ():
        candidates += [candidate.uprn, whole_address(candidate), "; ".join(candidate.differs)]
    candidates += [""] * (MOST_CANDIDATES * 3 - len(candidates))
    return [
        "", "", "", item.address, item.postcode, item.why, item.records, ", ".join(item.datasets), *candidates,
        item.building_uprn or "", item.record_hash, item.candidates_seen, item.gazetteer_version,
    ]  # fmt: skip


def whole_address(candidate: Candidate) -> str:
    """A candidate's address with its postcode, once."""
    if not candidate.postcode or candidate.address.upper().endswith(candidate.postcode.upper()):
        return candidate.address
    return f"{candidate.address}, {candidate.postcode}" if candidate.address else candidate.postcode
