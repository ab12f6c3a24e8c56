"""One finished run of the small authority, for the tests that need one: what it left, and what was heard of it.

It is made once for all processes of a test run (fixture `small` in conftest.py); who changes anything takes a copy.
"""

from __future__ import annotations

import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.authority import Authority, load_authority
from pipelines.run import Made, Output, Step
from pipelines.warehouse import Warehouse
from tests.small_authority import write_small_authority

if TYPE_CHECKING:  # it imports Dagster, which few of the test files need
    from pipelines.orchestrate.execution import Finished


@dataclass
class Small:
    """The small authority with its output folder, and what was heard of the run that made it."""

    folder: Path
    output: Output
    finished: Finished
    heard: list[str]

    @property
    def authority(self) -> Authority:
        """The authority folder, read afresh."""
        return load_authority(self.folder)

    def copied(self, to: Path, *but: str) -> Small:
        """A copy of authority and output in another folder, without files and folders of some names."""
        shutil.copytree(self.folder, to / "authority", dirs_exist_ok=True)
        without = shutil.ignore_patterns(*but)
        shutil.copytree(self.output.root, to / "output", symlinks=True, ignore=without)
        return Small(to / "authority", Output(to / "output"), self.finished, self.heard)


def make_small(folder: Path) -> None:
    """Make it in a folder, with a pickle of what was heard, so that other processes know."""
    from pipelines.orchestrate.execution import run_everything

    authority, output = write_small_authority(folder / "authority"), Output(folder / "output")
    heard: list[str] = []

    def hear(step: Step, got: Made | Exception, seconds: float) -> None:
        heard.append(step.name if isinstance(got, Made) else f"{step.name}: {got}")

    finished = run_everything(load_authority(authority), output, hear)
    (folder / "heard.pickle").write_bytes(pickle.dumps((finished, heard)))


def small_of(folder: Path, to: Path) -> Small:
    """A whole copy of what `make_small` made in a folder, in another."""
    finished, heard = pickle.loads((folder / "heard.pickle").read_bytes())
    small = Small(folder / "authority", Output(folder / "output"), finished, heard).copied(to)
    # The views in it name their files by the whole path.
    restricted = small.output.restricted
    Warehouse(restricted / "warehouse").write_database(restricted / "warehouse.duckdb")
    return small
