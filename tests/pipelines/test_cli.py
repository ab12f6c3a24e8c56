"""The command line: what it says, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipelines.cli import main
from pipelines.release import DATABASE, Release, current_release
from pipelines.run import Output
from pipelines.warehouse import Warehouse
from tests.small_run import Small

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def ran(small: Small, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Authority and output; a test may change them."""
    own = small.copied(tmp_path_factory.mktemp("cli"))
    return own.folder, own.output.root


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    for word in ("places run", "places list", "places release", "--dry-run", "places ui", "exit codes"):
        assert word in told


def test_list_names_each_table_with_its_files(
    ran: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--authority", str(ran[0])]) == 0
    told = capsys.readouterr().out
    assert "services/council_tax/dataset.yaml; council_tax_2026-08.csv, council_tax_2026-09.csv" in told
    assert "assets/layers/demand_by_area.sql" in told


def test_a_folder_that_is_no_authority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--authority", str(tmp_path / "nowhere"), "--output", str(tmp_path / "output")]) == 2
    told = capsys.readouterr().err
    assert "wanted an authority folder; found no such folder" in told and "Traceback" not in told
    assert not (tmp_path / "output").exists()


def test_a_data_folder_that_is_not_there_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bath = REPOSITORY / "examples" / "bath"
    arguments = ["run", "--authority", str(bath), "--data", str(tmp_path / "nowhere")]
    assert main([*arguments, "--output", str(tmp_path / "output")]) == 2
    assert "wanted the folder that `{data}` stands for" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()


def test_a_second_run_at_once_is_told_to_wait(
    ran: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    authority, output = ran
    with Output(output).lock():
        assert main(["run", "--authority", str(authority), "--output", str(output)]) == 4
    assert "another run is at work" in capsys.readouterr().err


def test_a_dry_run_shows_what_would_change_and_changes_nothing(
    ran: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    authority, output = ran
    before = {
        path: path.read_bytes()
        for path in output.rglob("*")
        if path.is_file() and path.name not in ("run.lock", "journal.jsonl")
    }
    extract = authority / "sites/libraries/libraries_2026-10-31.csv"
    extract.write_text("LIBRARY,EASTING,NORTHING\nWest Library,400100,200050\n", "utf-8")
    capsys.readouterr()
    assert main(["run", "--dry-run", "--authority", str(authority), "--output", str(output)]) == 0
    extract.unlink()
    told, _, changes = capsys.readouterr().out.partition("\nWould change in what is published, against ")
    release = current_release(output / "published")
    assert release is not None
    assert changes.startswith(f"{release.release_id}:\n")
    assert "\n  site (" in changes
    assert "  Pages changed: " in changes
    assert "tables and releases are as they were" in changes
    held = told.partition("\nHeld back ")[2]
    assert "\ndemand_by_area " in held
    after = {
        path: path.read_bytes()
        for path in output.rglob("*")
        if path.is_file() and path.name not in ("run.lock", "journal.jsonl")
    }
    assert after == before


def released(release: Release) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(release.path / DATABASE), read_only=True)


def test_files_that_are_gone_and_a_broken_description_are_told_and_harm_nothing_else(
    ran: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A drive that is not mounted must not empty what planners see."""
    authority, output = ran
    for extract in (authority / "services" / "council_tax").glob("*.csv"):
        extract.rename(tmp_path / extract.name)
    extra = authority / "services" / "garden_waste"
    extra.mkdir()
    (extra / "dataset.yaml").write_text(
        "title: Garden waste\nowner: Waste\nsensitivty: open\n", encoding="utf-8"
    )
    release = current_release(output / "published")
    assert main(["run", "--authority", str(authority), "--output", str(output)]) == 3
    told = capsys.readouterr().err
    assert "services.council_tax: its files are gone" in told and "the former version stays in use" in told
    assert "did you mean `sensitivity`?" in told and "in no layer, map or release" in told
    with Warehouse(output / "restricted" / "warehouse").connect() as con:
        assert con.execute("SELECT count(*) FROM services.council_tax").fetchall() == [(96,)]
    now = current_release(output / "published")
    assert release is not None and now is not None
    figures = "SELECT * FROM published.demand_by_area ORDER BY ALL"
    stale = "SELECT dataset FROM published.dataset WHERE is_stale"
    with released(release) as before, released(now) as after:
        assert after.execute(figures).fetchall() == before.execute(figures).fetchall()
        assert (before.execute(stale).fetchall(), after.execute(stale).fetchall()) == ([], [("council_tax",)])
