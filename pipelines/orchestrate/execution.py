"""Running everything from the command line: the same job as in Dagster's pages, in this process, in the same history.

What the job consists of is `graph`. The run without Dagster, without checks and history, is `pipelines.run.run`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import dagster as dg
import sqlalchemy.exc
from dagster._core.events import RunFailureReason

from pipelines.authority import Authority
from pipelines.orchestrate.failure import StepFailed
from pipelines.orchestrate.graph import EVERYTHING, Report, graph
from pipelines.orchestrate.instance import dagster_instance, end_lost_runs
from pipelines.run import BrokenDescription, Made, Output, Step, opened

# The second is how Dagster's pages know that a run is one of the jobs that they show; `code_location_name` in
# pyproject.toml is the name after the @.
TAGS = {"started_from": "command line", ".dagster/repository": "__repository__@connected-places"}


# With less than this, SQLite's "disk I/O error" is a full disk, too.
FULL_BYTES = 1_000_000


class HistoryNotKept(Exception):
    """Dagster's history of runs cannot be written, as on a full disk, so the run could not go on."""


@dataclass(frozen=True)
class Finished:
    """What a run came to. True where everything was made but what has a broken description.

    `made` holds what was made, `failed` why a step failed (or a check of it that holds back what follows), `skipped`
    the steps that were not made since something before them failed; all by `stage.name`. `run_id` is Dagster's.
    """

    run_id: str
    made: dict[str, Made]
    failed: dict[str, Exception]
    skipped: tuple[str, ...]

    def __bool__(self) -> bool:
        return not self.skipped and all(
            isinstance(error, BrokenDescription) for error in self.failed.values()
        )


def run_everything(
    authority: Authority,
    output: Output,
    report: Report | None = None,
    debug: bool = False,
    command: str = "places run",
    purpose: str = "",
) -> Finished:
    """Make and check every step of an authority; a step that fails keeps back only what is made from it.

    `report` hears of each step when it is made or has failed, with its seconds, and of checks that hold something back.
    The errors that it hears never quote a record; with `debug` the first of those whose own message was kept back is
    raised at the end. `command` and `purpose` are for the journal.
    Raises `AnotherRun` when another run is at work on the output, KeyboardInterrupt when somebody stopped it,
    `HistoryNotKept` where the disk is full (what was published before is whole all the same).
    """
    made: dict[str, Made] = {}
    failed: dict[str, Exception] = {}

    def hear(step: Step, got: Made | Exception, seconds: float) -> None:
        if isinstance(got, Made):
            made[step.name] = got
        else:
            failed[step.name] = got
        if report:
            report(step, got, seconds)

    with (
        _full_disk_told(output, made),
        opened(authority, output, command=command, purpose=purpose) as at,
        dagster_instance(output) as instance,
    ):
        end_lost_runs(instance)
        definitions = graph(authority, lambda: contextlib.nullcontext(at), hear)
        job = definitions.resolve_job_def(EVERYTHING)
        with contextlib.redirect_stderr(_WithoutRepeats()):
            result = job.execute_in_process(instance=instance, raise_on_error=False, tags=TAGS)
    if any(_is_interruption(event) for event in result.all_events):
        raise KeyboardInterrupt
    if debug:
        for error in failed.values():
            if isinstance(error, StepFailed):
                raise error.original
    steps = {".".join(key.path) for key in definitions.resolve_all_asset_keys()}
    skipped = tuple(sorted(steps - set(made) - set(failed)))
    return Finished(result.run_id, made, failed, skipped)


class _WithoutRepeats(io.TextIOBase):
    """Standard error without what Dagster prints of each event that it cannot store: we tell that once."""

    def __init__(self) -> None:
        self._otherwise = sys.stderr

    def write(self, text: str) -> int:
        if not text.startswith("Exception while writing logger call to event log"):
            self._otherwise.write(text)
        return len(text)


@contextlib.contextmanager
def _full_disk_told(output: Output, made: Mapping[str, Made]) -> Iterator[None]:
    """Turn what SQLite says when Dagster's history cannot be written into one sentence of ours."""
    try:
        yield
    except OSError as error:  # the journal, a pointer, ...: Dagster's own steps tell of theirs
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise HistoryNotKept(f"the disk that holds {output.root} is full") from error
    except sqlalchemy.exc.DBAPIError as error:
        why = str(error.orig)
        if "disk is full" in why or shutil.disk_usage(output.restricted).free < FULL_BYTES:
            why = "the disk is full"
        where = (output.restricted / "dagster").as_posix()
        after = "; the release was made all the same" if "maps.release" in made else ""
        raise HistoryNotKept(f"the history of runs in {where} cannot be written: {why}{after}") from error


def _is_interruption(event: dg.DagsterEvent) -> bool:
    """Whether the run ended since somebody pressed Ctrl-C: Dagster takes note of it and goes on to tidy up."""
    return (
        event.event_type == dg.DagsterEventType.RUN_FAILURE
        and event.job_failure_data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
    )
