"""The journal of a restricted store: who ran what, when, on which extracts, for which purpose, and what came of it.

`restricted/journal.jsonl` holds one line an event, each with the SHA-256 of the line before, so that a line that was
changed, taken out or slipped in shows. Here belongs writing a line, reading the lines and checking the chain; what a
run has to tell is gathered by `run`. No value of a record gets here: names of datasets and files, SHA-256, counts.

Every writer holds the run lock of the output. Lines cut off the end leave a chain that is whole: write its last mark
down elsewhere (`places journal --verify` prints it) where that matters.
"""

from __future__ import annotations

import getpass
import hashlib
import itertools
import json
import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE = "journal.jsonl"
USER = "PLACES_USER"
PURPOSE = "PLACES_PURPOSE"
AS_STATED = "as stated in each dataset"
NO_LINE = "0" * 64

RUN_STARTED, RUN_ENDED, CUT_OFF = "run started", "run ended", "line cut off"


@dataclass
class Account:
    """What a run has to tell of itself when it ends.

    `extracts` holds a dict an extract (dataset, file, status, sha256, rows_read, rows_kept); `uses`, by table, the use
    that was made of records and the datasets that it left out.
    """

    run: str = ""
    extracts: list[dict[str, Any]] = field(default_factory=list)
    uses: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    release: str = ""
    content: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a journal: its number in the file (from 1) and what it says, or None where it cannot be read."""

    number: int
    raw: bytes
    says: dict[str, Any] | None


class Journal:
    """The journal of one restricted folder."""

    def __init__(self, restricted: Path) -> None:
        self.path = restricted / FILE

    def lines(self) -> list[Line]:
        """Every line, the first ever written first; empty where there is no journal yet."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        raws = content.split(b"\n")
        if raws[-1] == b"":
            raws.pop()
        return [Line(number, raw, _read(raw)) for number, raw in enumerate(raws, start=1)]

    def append(self, event: str, **facts: Any) -> None:
        """Write one line, on disk before this returns: when, who, the event and its facts, chained to the line before.

        A last line that a killed run left unfinished is closed first, and a line says so. Raises OSError where the
        journal cannot be written, after taking back what was written of the line.
        """
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "r+b") as stream:
            if hasattr(os, "fchmod"):
                os.fchmod(stream.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            before, is_whole, is_closed = _last(stream.read())
            size = stream.seek(0, os.SEEK_END)
            text = b"" if is_closed else b"\n"
            if not is_whole:
                cut = _line(before, CUT_OFF, {"note": "the line before was not finished: its run was killed"})
                text += cut + b"\n"
                before = hashlib.sha256(cut).hexdigest()
            text += _line(before, event, facts) + b"\n"
            try:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                stream.truncate(size)
                raise

    def problems(self) -> list[str]:
        """What is wrong with the chain, a sentence each; empty where every line follows on the one before.

        An unfinished line that the next line takes note of, or the last one, is no problem: see `unfinished`.
        """
        found = []
        before = NO_LINE
        lines = self.lines()
        for line, following in itertools.zip_longest(lines, lines[1:]):
            if line.says is None:
                is_noted = following is None or (following.says or {}).get("event") == CUT_OFF
                if not is_noted:
                    found.append(f"line {line.number} cannot be read")
            elif line.says.get("before") != before:
                found.append(
                    f"line {line.number} does not follow on line {line.number - 1}: one of them was changed, or lines "
                    "between them were taken out"
                    if line.number > 1
                    else "line 1 is not the first that was written: lines before it were taken out, or it was changed"
                )
            before = hashlib.sha256(line.raw).hexdigest()
        return found

    def unfinished(self) -> list[int]:
        """The numbers of lines that a killed run left unfinished."""
        return [line.number for line in self.lines() if line.says is None]

    def mark(self) -> str:
        """The SHA-256 of the last line: written down elsewhere, it shows later whether lines were cut off the end."""
        lines = self.lines()
        return hashlib.sha256(lines[-1].raw).hexdigest() if lines else NO_LINE


def who() -> str:
    """The account of the operating system, and PLACES_USER before it where that is set (a service run for a person)."""
    named = os.environ.get(USER, "").strip()
    return f"{named} (account {_account()})" if named else _account()


def _account() -> str:
    # Not from the environment, which anybody can set, where the system itself can say.
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        pass
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"number {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def purpose(stated: str = "") -> str:
    """The purpose of a run: as given, else PLACES_PURPOSE, else that each dataset states its own."""
    return " ".join((stated or os.environ.get(PURPOSE, "")).split()) or AS_STATED


def _read(raw: bytes) -> dict[str, Any] | None:
    try:
        says = json.loads(raw)
    except ValueError:
        return None
    return says if isinstance(says, dict) and "event" in says else None


def _last(content: bytes) -> tuple[str, bool, bool]:
    """Of the last line: its SHA-256, whether it can be read, whether it is closed."""
    if not content:
        return NO_LINE, True, True
    raw = content.removesuffix(b"\n").rpartition(b"\n")[2]
    return hashlib.sha256(raw).hexdigest(), _read(raw) is not None, content.endswith(b"\n")


def _line(before: str, event: str, facts: dict[str, Any]) -> bytes:
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    says = {"at": at, "event": event, "who": who(), **facts, "before": before}
    return json.dumps(says, ensure_ascii=False).encode()
