"""What may be said of an error in a log, in Dagster's pages or in a terminal: never a value of a record.

Our own errors are written with that in mind and are told word for word. Those of libraries may quote what they could
not convert, so only their kind and place are told. No Dagster here.
"""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

import duckdb

from pipelines.tables import REPOSITORY

OURS = {"assets", "pipelines"}
# These quote names, SQL or paths, none of which hold values of records.
QUOTES_NO_VALUE = (
    AttributeError,
    ImportError,
    NameError,
    NotImplementedError,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.ParserException,
)


class StepFailed(Exception):
    """A step failed with an error of a library: its kind, where it happened, and no more of it than may be shown.

    `original` is that error, for a person who asks to see it.
    """

    def __init__(self, message: str, original: Exception) -> None:
        super().__init__(message)
        self.original = original


class DiskFull(StepFailed):
    """There was no room left on the disk, or in somebody's share of it."""


def sayable(error: Exception) -> Exception:
    """The error itself where its message may be shown, else a `StepFailed` in its place."""
    if type(error).__module__.partition(".")[0] in OURS:
        return error
    place = _place(error)
    if _is_full_disk(error):
        return DiskFull(f"the disk is full{place}", error)
    if isinstance(error, OSError) and error.strerror:
        named = f": {error.filename}" if error.filename else ""
        return StepFailed(f"{error.strerror}{named}{place}", error)
    if isinstance(error, QUOTES_NO_VALUE):
        return StepFailed(f"{type(error).__name__}{place}: {error}", error)
    return StepFailed(
        f"{type(error).__name__}{place}. Its message is kept back, since it may hold values of records: "
        "`places run --debug` shows it",
        error,
    )


def _is_full_disk(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    said = str(error)
    return isinstance(error, duckdb.Error) and any(
        words in said
        for words in ("No space left on device", "Disk quota exceeded", "not enough space on the disk")
    )


def is_interruption(error: Exception) -> bool:
    """Whether Ctrl-C reached DuckDB in the middle of a statement: it tells so by an error of its own."""
    return isinstance(error, duckdb.InterruptException) or str(error) == "Query interrupted"


def _place(error: Exception) -> str:
    """` in pipelines/warehouse.py, line 118`: the innermost line of our own code."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(REPOSITORY) and path.relative_to(REPOSITORY).parts[0] in OURS:
            return f" in {path.relative_to(REPOSITORY).as_posix()}, line {frame.lineno}"
    return ""
