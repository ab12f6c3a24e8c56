"""A dry run: everything made as in a run, in a copy of the output folder that is thrown away.

Here belong the copy and its removal. The copy lies below the restricted folder, since all that is exact is in it, and
costs little: Parquet files are linked, not copied, and finished releases are links to the real ones, so that audits see
them. The journal is the real one: who had the records read stays known. Making the tables is the run's, telling what
changed is `compare`'s. What a killed dry run leaves, the next run removes (`Output.clear_leavings`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from pipelines import journal, release
from pipelines.run import DRY_RUN, Output, remove_copy
from pipelines.warehouse import Warehouse

# Made anew by every run, or only the real run's: the lock, Dagster's history, what did not fit in memory.
LEFT_OUT = {"dagster", "pages", "run.lock", "spill", "warehouse", "warehouse.duckdb"}


@contextlib.contextmanager
def copied(output: Output) -> Iterator[Output]:
    """A copy of an output folder to run in, removed at the end whatever happens.

    Holds the run lock of the real one all the while. Raises `AnotherRun` where another run is at work on it, OSError
    where the copy cannot be made. Nothing of the real one is changed but what killed runs left, which is tidied up.
    """
    with output.lock():
        output.clear_leavings()
        Warehouse(output.restricted / "warehouse").clear_leavings()
        copy = Output(output.restricted / f"{DRY_RUN}{uuid.uuid4().hex}")
        copy.root.mkdir(mode=0o700)
        try:
            copy.prepare()
            _copy_restricted(output.restricted, copy.restricted)
            _link_releases(output.published, copy.published)
            yield copy
        finally:
            remove_copy(copy.root)


def _copy_restricted(real: Path, copy: Path) -> None:
    (real / journal.FILE).touch(0o600)
    for path in sorted(real.iterdir()):
        if path.name in LEFT_OUT or path.name.startswith(DRY_RUN):
            continue
        if path.is_dir():
            shutil.copytree(path, copy / path.name)
        else:
            _link_or_copy(str(path), str(copy / path.name))
    if (real / "warehouse").is_dir():
        shutil.copytree(real / "warehouse", copy / "warehouse", copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    """A Parquet file is never changed once it is written, and the journal is to be the same; the rest is copied."""
    if source.endswith((".parquet", journal.FILE)):
        with contextlib.suppress(OSError):  # a file system without links
            os.link(source, target)
            return
    shutil.copy2(source, target)


def _link_releases(real: Path, copy: Path) -> None:
    (copy / release.RELEASES).mkdir()
    for one in release.releases(real):
        release.link_folder(copy / release.RELEASES / one.release_id, one.path.resolve())
        if one.is_current:
            release.link_folder(copy / release.CURRENT, Path(release.RELEASES) / one.release_id)
