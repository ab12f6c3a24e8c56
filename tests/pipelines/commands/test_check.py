"""`places check`: what it says, what it writes and where, its exit codes; and that no value is on the terminal."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.small_authority import HOMES, PERSONAL
from tests.small_run import Small

GOOD = "REF,UPRN,POSTCODE,TENANT\n" + "".join(
    f"a{i},{home.uprn},{home.postcode},{PERSONAL} {i}\n" for i, home in enumerate(HOMES)
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with no authority named in the environment."""
    for name in ("AUTHORITY", "OUTPUT", "PLACES_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_sound_file_is_fine_by_form_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "x.csv").write_text(GOOD, "utf-8")
    assert main(["check", "x.csv"]) == 0
    out = capsys.readouterr().out
    assert "UPRN (UPRN): 48 of 48 rows hold a number that could be a UPRN." in out
    assert "no gazetteer was asked" in out
    assert PERSONAL not in out
    assert str(HOMES[0].uprn) not in out
    restricted = folder / "output" / "restricted"
    report = restricted / "check" / "x.csv"
    assert sorted(path.name for path in report.iterdir()) == ["report.html", "rows_to_mend.csv"]
    if sys.platform != "win32":
        for made in (restricted, restricted / "check", report):
            assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in report.iterdir())


def test_damaged_file_has_its_own_exit_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "x.csv").write_text(GOOD + f"b,100023000000,QX9 1AA,{PERSONAL}\nc,Not Known,,\n", "utf-8")
    assert main(["check", "x.csv", "--report", "mine"]) == 3
    out, err = capsys.readouterr()
    assert "error   uprn_rounded: 1 row of UPRN (first: 50)" in out
    assert "written `Not Known` (1)" in out
    assert "100023000000" not in out
    assert "keep it where the file is kept" in err
    assert "100023000000" in (folder / "mine" / "rows_to_mend.csv").read_text("utf-8")
    assert PERSONAL not in (folder / "mine" / "rows_to_mend.csv").read_text("utf-8")
    assert not (folder / "output").exists()


def test_same_file_gives_the_same_report(folder: Path) -> None:
    (folder / "x.csv").write_text(GOOD, "utf-8")
    made = []
    for name in ("one", "two"):
        main(["check", "x.csv", "--report", name])
        made.append([path.read_bytes() for path in sorted((folder / name).iterdir())])
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["none.csv"], "none.csv cannot be used: there is no such file"),
        ([], "wanted the name of a file"),
        (["."], "found a folder"),
        (["x.csv", "--uprn", "UPNR"], "did you mean `UPRN`"),
        (["x.csv", "--dataset", "council_tax"], "say which by --authority"),
        (["x.csv", "--encoding", "nonsense"], "is not an encoding that is known"),
    ],
)
def test_unusable_is_said_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], wanted: str
) -> None:
    (folder / "x.csv").write_text(GOOD, "utf-8")
    assert main(["check", *arguments]) == 2
    assert wanted in capsys.readouterr().err


def test_dataset_is_checked_by_its_description(
    small: Small, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--authority", str(small.folder), "--output", str(small.output.root), "--report", "mine"]
    assert main(["check", "--dataset", "council_tax", *asked]) == 3
    out = capsys.readouterr().out
    assert "51 rows = 48 kept + 3 rejected" in out
    assert "The newest of 2 files of council_tax was checked" in out
    assert "asked of the gazetteer and open data of Smallbridge" in out
    assert main(["check", "--dataset", "council_tacks", *asked]) == 2
    assert "did you mean `council_tax`" in capsys.readouterr().err


def test_dataset_that_no_run_has_read_yet(own: Small, capsys: pytest.CaptureFixture[str]) -> None:
    there = own.folder / "services/council_tax"
    new = own.folder / "services/garden_waste"
    new.mkdir()
    for name in ("dataset.yaml", "council_tax_2026-09.csv"):
        (new / name).write_bytes((there / name).read_bytes())
    asked = ["--authority", str(own.folder), "--output", str(own.output.root)]
    assert main(["check", "--dataset", "garden_waste", *asked]) == 3
    assert "51 rows = 48 kept + 3 rejected" in capsys.readouterr().out


def test_authority_that_was_never_run_is_said(
    small: Small, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "x.csv").write_text(GOOD, "utf-8")
    assert main(["check", "x.csv", "--authority", str(small.folder)]) == 0
    assert (
        "Smallbridge has no finished run in output: nothing was asked of its gazetteer"
        in capsys.readouterr().out
    )
