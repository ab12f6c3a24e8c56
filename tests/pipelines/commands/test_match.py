"""`places match`: what it says, its exit codes, and that no address is on the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.cli import main

GAZETTEER = (
    'uprn,address,postcode\n101,"12 MILL LANE, OLDMERE",QX1 1AA\n102,"14 MILL LANE, OLDMERE",QX1 1AA\n'
)
RECORDS = "record_id,address,postcode\na,12 Mill Ln,QX1 1AA\nb,13 Mill Ln,QX1 1AA\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gazetteer.csv").write_text(GAZETTEER, "utf-8")
    (tmp_path / "records.csv").write_text(RECORDS, "utf-8")
    return tmp_path


MATCH = ["match", "--gazetteer", "gazetteer.csv", "--records", "records.csv", "--output", "out.csv"]


def test_matches_and_says_what_the_records_came_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(MATCH) == 0
    out = capsys.readouterr().out
    assert "gazetteer  2 rows read, 2 kept, 0 rejected" in out
    assert "records    2 rows read, 2 kept, 0 rejected" in out
    assert "50.0 %" in out and "the street is known, but has no such number" in out
    assert "MILL" not in out.upper() and "101" not in out
    assert (folder / "out.csv").read_text("utf-8").splitlines()[1].startswith("a,101,property,matched,")


def test_rejected_rows_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "records.csv").write_text(RECORDS + ",14 Mill Lane,QX1 1AA\n", "utf-8")
    assert main(MATCH) == 3
    told = capsys.readouterr()
    assert "3 rows read, 2 kept, 1 rejected" in told.out
    assert "rows were rejected: see out_rejected.csv" in told.err


def test_a_file_that_cannot_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "gazetteer.csv").unlink()
    assert main(MATCH) == 2
    assert "gazetteer.csv: wanted a CSV file; found no such file" in capsys.readouterr().err
    assert not (folder / "out.csv").exists()
