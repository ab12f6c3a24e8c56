"""`places schema`: printed, and written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines import schemas
from pipelines.cli import main


def test_one_is_printed_and_all_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "dataset"]) == 0
    told = capsys.readouterr().out
    assert told == schemas.text("dataset") and "columns" in json.loads(told)["properties"]
    assert main(["schema", "--to", str(tmp_path / "schemas")]) == 0
    assert sorted(path.name for path in (tmp_path / "schemas").iterdir()) == [
        "authority.json", "dataset.json", "source.json"
    ]  # fmt: skip
    assert (tmp_path / "schemas" / "dataset.json").read_text("utf-8") == told
