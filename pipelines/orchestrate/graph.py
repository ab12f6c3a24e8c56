"""An authority's steps as Dagster's assets, with their checks, the run lock as a resource, and jobs.

Here belongs only the translation. Which steps there are and what each does is `pipelines.run`; what is checked is
`checks`; what is shown is `description`.
"""

# Without `from __future__ import annotations`: Dagster reads the annotations of what it calls.

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from pipelines.authority import Authority, Dataset
from pipelines.orchestrate.checks import Check, Verdict, accounts_for_everything, checks_of
from pipelines.orchestrate.description import (
    bullets,
    code_version,
    data_version,
    described_metadata,
    description,
    key_of,
    kinds,
    made_metadata,
    owners,
    shown_elsewhere,
    tags,
)
from pipelines.orchestrate.failure import is_interruption, sayable
from pipelines.orchestrate.freshness import freshness
from pipelines.orchestrate.instance import forget_old_runs
from pipelines.orchestrate.sensors import folder_sensor, schedules, telling_sensors
from pipelines.run import BrokenDescription, Made, Output, Run, Step, opened, plan
from pipelines.tables import STAGES

EVERYTHING = "everything"
RELEASE = "release"
WORK = "work"
# For what takes a moment: a release that is rolled back, answers that are read in.
WAIT_SECONDS = 2
MEANING_OF_STAGE = {
    "sources": "Read the open data again.",
    "services": "Read the council's extracts again.",
    "places": "Put the records that were read on their places again.",
    "layers": "Make the exact layers again from what was placed.",
    "published": "Make the protected tables again from the layers.",
    "maps": "Draw the maps again, and release them if anything changed.",
}

# What hears of a step: the step, what was made (or an error that quotes no record), seconds.
Report = Callable[[Step, Made | Exception, float], None]


class CheckFailed(Exception):
    """A blocking check failed: what is made from the table is held back."""


def definitions_for(authority: Authority, output: Output) -> dg.Definitions:
    """Everything that Dagster knows of an authority: an asset a step, its checks, jobs, and the lock on `output`.

    And the sensors and schedules that start runs. Broken descriptions are assets that fail. Raises `DescriptionError`
    or `TableFileError` when the files of `assets` themselves, or what authority.yaml says of runs, cannot be used.
    """
    made = graph(authority, lambda: opened(authority, output, WAIT_SECONDS, command="places ui"))
    everything = next(job for job in made.jobs or () if job.name == EVERYTHING)
    steps = plan(authority)
    depends_on = {step.name: _depends_on(step, steps) for step in steps}
    return dg.Definitions.merge(
        made,
        dg.Definitions(
            sensors=[folder_sensor(authority, output, depends_on, everything), *telling_sensors(authority)],
            schedules=schedules(authority, everything, forget_old_runs),
        ),
    )


def graph(
    authority: Authority,
    work: Callable[[], contextlib.AbstractContextManager[Run]],
    report: Report | None = None,
) -> dg.Definitions:
    """The definitions over any way to get a `Run`; `report` hears of steps, and of checks that hold something back."""
    steps = plan(authority)
    tell = report or _tell_nobody
    jobs = [
        dg.define_asset_job(
            EVERYTHING,
            selection=dg.AssetSelection.all(),
            description="Make every table and map in order, check each, and release what may leave.",
        )
    ]
    jobs += [
        dg.define_asset_job(
            stage, selection=dg.AssetSelection.groups(stage), description=MEANING_OF_STAGE[stage]
        )
        for stage in STAGES
        if any(step.table.stage == stage for step in steps)
    ]
    jobs += [
        dg.define_asset_job(
            f"service_{step.table.name}",
            selection=dg.AssetSelection.assets(key_of(step.table)).downstream(),
            description=f"Read {step.of.title} again, and make all that comes after it, up to the release.",
        )
        for step in steps
        if isinstance(step.of, Dataset)
    ]
    jobs.append(
        dg.define_asset_job(
            RELEASE, selection=dg.AssetSelection.groups("published", "maps"),
            description="Protect the layers as they are again, draw the maps, and release them if anything changed.",
        )
    )  # fmt: skip
    return dg.Definitions(
        assets=[
            _asset(step, authority, _depends_on(step, steps), tell, place) for place, step in enumerate(steps)
        ],
        asset_checks=[
            _checks(step, checks, tell, place)
            for place, step in enumerate(steps)
            if (checks := checks_of(step))
        ],
        jobs=[*jobs, forget_old_runs],
        resources={WORK: _work(work)},
        # One process a run: a step is short beside the start of a process, and the lock is held by one.
        executor=dg.in_process_executor,
    )


def _depends_on(step: Step, steps: Sequence[Step]) -> list[str]:
    """The full names of what a step is made from, or waits for."""
    depends_on = set(step.table.depends_on)
    if step.table.stage == "published":
        # Nothing passes the gate unless every row is accounted for, whichever layer it came by.
        depends_on |= {other.name for other in steps if accounts_for_everything(other.table)}
    return sorted(depends_on)


def _tell_nobody(step: Step, got: Made | Exception, seconds: float) -> None:
    """What Dagster's pages need: they have the events."""


def _work(work: Callable[[], contextlib.AbstractContextManager[Run]]) -> dg.ResourceDefinition:
    @dg.resource(
        description="The lock on the output folder and a connection to every table, held for the whole run."
    )
    def held(_: dg.InitResourceContext) -> Iterator[Run]:
        with work() as at:
            yield at

    return held


def _in_turn(place: int, of_check: bool = False) -> dict[str, str]:
    """Of what could come next Dagster takes the highest: the plan's order, with a table's checks right after it."""
    return {"dagster/priority": str(int(of_check) - 2 * place)}


def _asset(
    step: Step, authority: Authority, depends_on: Sequence[str], tell: Report, place: int
) -> dg.AssetsDefinition:
    table = step.table

    @dg.asset(
        key=key_of(table),
        deps=[dg.AssetKey(name.split(".")) for name in depends_on],
        group_name=table.stage,
        description=description(step, authority),
        metadata=described_metadata(table),
        owners=owners(step, authority),
        kinds=kinds(step),
        tags=tags(step),
        op_tags=_in_turn(place),
        code_version=code_version(step),
        freshness_policy=freshness(step),
        required_resource_keys={WORK},
    )
    def make(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        at: Run = getattr(context.resources, WORK)
        started = time.monotonic()
        try:
            made = step.make(at)
            shown, version = made_metadata(at, step, made), data_version(at, step)
        except Exception as error:
            if is_interruption(error):
                raise KeyboardInterrupt from None
            said = sayable(error)
            at.account.failed.append(step.name)
            tell(step, said, time.monotonic() - started)
            raise _failure(said) from None
        tell(step, made, time.monotonic() - started)
        for of, more in shown_elsewhere(at, step).items():
            context.log_event(dg.AssetObservation(asset_key=key_of(of), metadata=more))
        return dg.MaterializeResult(metadata=shown, data_version=version)

    return make


def _failure(error: Exception) -> dg.Failure:
    if isinstance(error, BrokenDescription):
        return dg.Failure(
            f"The description cannot be used:\n{error}",
            metadata={"problems": dg.MetadataValue.md(bullets(error.problems))},
            allow_retries=False,
        )
    return dg.Failure(str(error), allow_retries=False)


def _as_text(problems: Sequence[str]) -> str | None:
    return bullets(problems) if len(problems) > 1 else next(iter(problems), None)


def _checks(step: Step, checks: Sequence[Check], tell: Report, place: int) -> dg.AssetChecksDefinition:
    """One operation for all checks of a table, of which Dagster can be asked to run some alone."""
    asset = key_of(step.table)

    @dg.multi_asset_check(
        name=f"check_{step.table.stage}__{step.table.name}",
        specs=[
            dg.AssetCheckSpec(c.name, asset=asset, description=c.description, blocking=c.is_blocking)
            for c in checks
        ],
        can_subset=True,
        op_tags=_in_turn(place, of_check=True),
        required_resource_keys={WORK},
    )
    def look(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        at: Run = getattr(context.resources, WORK)
        for check in checks:
            if dg.AssetCheckKey(asset, check.name) not in context.selected_asset_check_keys:
                continue
            started = time.monotonic()
            try:
                verdict = check.verdict(at)
            except Exception as error:
                if is_interruption(error):
                    raise KeyboardInterrupt from None
                verdict = Verdict((f"could not be checked: {sayable(error)}",))
            if verdict.problems and check.is_blocking:
                at.account.failed.append(f"{step.name}: {check.name}")
                tell(
                    step,
                    CheckFailed(f"{check.name}: {'; '.join(verdict.problems)}"),
                    time.monotonic() - started,
                )
            yield dg.AssetCheckResult(
                asset_key=asset,
                check_name=check.name,
                passed=not verdict.problems,
                severity=dg.AssetCheckSeverity.WARN if check.is_warning else dg.AssetCheckSeverity.ERROR,
                description=_as_text(verdict.problems),
                metadata=verdict.counts,
            )

    return look
