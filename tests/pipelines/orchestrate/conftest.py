"""One finished run of the small authority, shared by the tests of a worker; a test that changes it takes a copy."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.authority import Authority, load_authority
from pipelines.orchestrate.execution import Finished, run_everything
from pipelines.run import Made, Output, Step
from tests.small_authority import write_small_authority


@dataclass
class Small:
    """The small authority with its output folder, and what was heard of the run that made it."""

    folder: Path
    output: Output
    finished: Finished
    heard: list[str]

    @property
    def authority(self) -> Authority:
        return load_authority(self.folder)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Made once: look, and leave it as it is."""
    folder = write_small_authority(tmp_path_factory.mktemp("small") / "authority")
    output = Output(folder.parent / "output")
    heard: list[str] = []

    def hear(step: Step, got: Made | Exception, seconds: float) -> None:
        heard.append(step.name if isinstance(got, Made) else f"{step.name}: {got}")

    finished = run_everything(load_authority(folder), output, hear)
    return Small(folder, output, finished, heard)


@pytest.fixture
def own(small: Small, tmp_path: Path) -> Small:
    """A copy of the small authority and its output, to be changed at will; its history is empty."""
    shutil.copytree(small.folder, tmp_path / "authority")
    shutil.copytree(
        small.output.root, tmp_path / "output", symlinks=True, ignore=shutil.ignore_patterns("dagster")
    )
    return Small(tmp_path / "authority", Output(tmp_path / "output"), small.finished, [])
