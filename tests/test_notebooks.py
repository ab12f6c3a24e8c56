"""The notebooks run from beginning to end on a release of the small authority, and are committed without outputs.

The one that attacks the release must fail where there is something to be had: it is given releases that were tampered
with. On the sample it runs in `test_sample`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.small_run import Small

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
RED_TEAM = next(path for path in NOTEBOOKS if path.stem == "red_team")


def execute(path: Path, output: Path, open_data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a notebook on what a run left; returns what it printed. Raises `CellExecutionError` where a cell fails."""
    monkeypatch.setenv("OUTPUT", str(output))
    monkeypatch.setenv("OPEN_DATA", str(open_data))
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=400, resources={"metadata": {"path": str(path.parent)}}).execute()
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", ())]
    assert outputs
    return "".join(each.get("text", "") for each in outputs)


@pytest.fixture
def output(small: Small) -> Path:
    return small.output.root


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(path, output, output.parent / "authority" / "sources", monkeypatch)


def test_red_team_notices_what_can_be_worked_out(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tampered = tmp_path / "output"
    shutil.copytree(output, tampered, symlinks=True)
    release = (tampered / "published" / "current").resolve()
    for path in (release, release / "parquet", release / "connected_places.duckdb"):
        path.chmod(0o755)
    # All of Q3 but the three of LSOA 2: what is left of the MSOA is one to seven, so somebody, and few.
    shown = """
        UPDATE published.demand_by_area SET recorded_use_status = 'published', recorded_use = CASE area_code
            WHEN 'E01999901' THEN 10 WHEN 'E02999901' THEN 15 END
        WHERE dataset = 'social_care' AND period = '2026 Q3' AND area_code IN ('E01999901', 'E02999901')
    """
    with duckdb.connect(str(release / "connected_places.duckdb")) as con:
        con.execute(shown)
    with pytest.raises(CellExecutionError, match="shown to exist"):
        execute(RED_TEAM, tampered, output.parent / "authority" / "sources", monkeypatch)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
