"""Running everything from the command line: the same job as in Dagster's pages, in this process, in the same history.

What the job consists of is `graph`. The run without Dagster, without checks and history, is `pipelines.run.run`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import dagster as dg
from dagster._core.events import RunFailureReason

from pipelines.authority import Authority
from pipelines.orchestrate.failure import StepFailed
from pipelines.orchestrate.graph import EVERYTHING, Report, graph
from pipelines.orchestrate.instance import dagster_instance, end_lost_runs
from pipelines.run import BrokenDescription, Made, Output, Step, opened

# The second is how Dagster's pages know that a run is one of the jobs that they show; `code_location_name` in
# pyproject.toml is the name after the @.
TAGS = {"started_from": "command line", ".dagster/repository": "__repository__@connected-places"}


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
    authority: Authority, output: Output, report: Report | None = None, debug: bool = False
) -> Finished:
    """Make and check every step of an authority; a step that fails keeps back only what is made from it.

    `report` hears of each step when it is made or has failed, with its seconds, and of checks that hold something back.
    The errors that it hears never quote a record; with `debug` the first of those whose own message was kept back is
    raised at the end.
    Raises `AnotherRun` when another run is at work on the output, KeyboardInterrupt when somebody stopped it.
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

    with opened(authority, output) as at, dagster_instance(output) as instance:
        end_lost_runs(instance)
        definitions = graph(authority, lambda: contextlib.nullcontext(at), hear)
        job = definitions.resolve_job_def(EVERYTHING)
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


def _is_interruption(event: dg.DagsterEvent) -> bool:
    """Whether the run ended since somebody pressed Ctrl-C: Dagster takes note of it and goes on to tidy up."""
    return (
        event.event_type == dg.DagsterEventType.RUN_FAILURE
        and event.job_failure_data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
    )
