"""What may be said of an error."""

from __future__ import annotations

import errno
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipelines.orchestrate.failure import DiskFull, StepFailed, sayable
from pipelines.warehouse import KeyNotUnique, Warehouse

SECRET = "CANARY 7"


def raised(statement: str) -> Exception:
    with duckdb.connect() as con, pytest.raises(duckdb.Error) as caught:
        con.execute(statement).fetchall()
    return caught.value


def test_our_own_errors_are_told_word_for_word() -> None:
    error = KeyNotUnique("places.uprn: found 3 repeated key(s)")
    assert sayable(error) is error


@pytest.mark.parametrize(
    "error",
    [
        raised(f"SELECT CAST('{SECRET}' AS INTEGER)"),
        raised(f"SELECT strptime('{SECRET}', '%Y')"),
        raised(f"SELECT error('{SECRET}')"),
        pa.ArrowInvalid(f"Could not convert '{SECRET}'"),
        ValueError(f"invalid literal for int() with base 10: '{SECRET}'"),
        KeyError(SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_that_may_quote_a_record_are_told_by_kind_alone(error: Exception) -> None:
    assert SECRET in str(error)
    said = sayable(error)
    assert isinstance(said, StepFailed)
    assert type(error).__name__ in str(said)
    assert SECRET not in str(said)
    assert said.original is error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        duckdb.IOException('Could not write file "x.parquet": No space left on device'),
    ],
    ids=["OSError", "DuckDB"],
)
def test_full_disk_is_told_as_such(error: Exception) -> None:
    said = sayable(error)
    assert isinstance(said, DiskFull)
    assert str(said).startswith("the disk is full")
    assert not isinstance(sayable(OSError(errno.EACCES, "Permission denied")), DiskFull)


def test_errors_that_quote_names_are_told(tmp_path: Path) -> None:
    said = sayable(raised("SELECT * FROM places.nothing"))
    assert "CatalogException" in str(said)
    assert "nothing" in str(said)
    with pytest.raises(OSError) as caught:
        (tmp_path / "missing.csv").read_text("utf-8")
    assert "missing.csv" in str(sayable(caught.value))


def test_place_in_our_code_is_told(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "warehouse").connect() as con, pytest.raises(duckdb.Error) as caught:
        Warehouse(tmp_path / "warehouse").view(con, "places", "nothing")
    said = str(sayable(caught.value))
    assert "in pipelines/warehouse.py, line " in said
