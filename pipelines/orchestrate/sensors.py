"""What Dagster starts by itself: a run where files have come, runs by the calendar, and word of what went wrong.

Here belong the sensors and schedules. What has changed in the folder is `pipelines.watching`; how word is sent is
`notify`. All but the clearing of old runs is switched off until `automation:` of authority.yaml, an environment
variable or a person in Dagster's pages switches it on; they work while these are open (`places ui`).
"""

# Without `from __future__ import annotations`: Dagster reads the annotations of what it calls.

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterInvalidDefinitionError

from pipelines import lineage, watching
from pipelines.authority import Authority, load_authority
from pipelines.descriptions import DescriptionError, Problem
from pipelines.orchestrate import notify
from pipelines.release import current_release
from pipelines.run import Output, Step, page_paths, plan
from pipelines.warehouse import Warehouse, replace_text

LOOKS = "dagster/looks"
WATCH, REFRESH = "PLACES_WATCH", "PLACES_REFRESH"
TIME_ZONE = "Europe/London"
EARLY = {"daily": "0 5 * * *", "weekly": "0 5 * * 1", "monthly": "0 5 1 * *"}
CLEAR_RUNS = "0 4 * * 0"
LONGEST_INTERVAL_SECONDS = 30
LONGEST_TAG = 400
MOST_LINES = 12
AT_WORK = [
    dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING,
]  # fmt: skip


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "") not in ("", "0")


def folder_sensor(
    authority: Authority, output: Output, depends_on: Mapping[str, Sequence[str]], job: object
) -> dg.SensorDefinition:
    """The sensor that looks at the authority folder and asks for one run of exactly what changed files concern.

    `depends_on` are the assets of the definitions (`stage.name`), each with those that it is made from.
    """
    automation = authority.about.automation
    is_on = automation.watch or _is_on(WATCH)

    @dg.sensor(
        name="dropped_files",
        job=job,  # type: ignore[arg-type]
        minimum_interval_seconds=min(LONGEST_INTERVAL_SECONDS, automation.settle_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description="Looks for new or changed files in the authority folder. When one has stayed as it is for "
        f"{automation.settle_seconds} s, its table and all that comes after it are made again, up to the release.",
    )
    def dropped_files(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        if runs := context.instance.get_runs(dg.RunsFilter(statuses=AT_WORK), limit=1):
            return dg.SensorResult(skip_reason=f"A run is at work ({runs[0].run_id[:8]}): it is waited for.")
        try:
            now = load_authority(authority.folder, authority.data)
        except DescriptionError as error:
            return dg.SensorResult(skip_reason=f"The authority folder cannot be used:\n{error}")
        warehouse = Warehouse(output.restricted / "warehouse")
        looked = watching.look(
            now,
            watching.files_used(warehouse, now),
            _recalled(output.restricted / LOOKS, context.cursor),
            time.time(),
            automation.settle_seconds,
            depends_on,
        )
        cursor = _noted(output.restricted / LOOKS, looked.cursor, context.cursor)
        said = [str(problem) for broken in now.broken for problem in broken.problems]
        said += _at_most([*looked.notes, *looked.waiting])
        if not looked.concerned:
            return dg.SensorResult(skip_reason="\n".join(said) or "Nothing has changed.", cursor=cursor)
        asked = _to_make(set(looked.concerned), depends_on, warehouse, output, plan(now))
        files = dict.fromkeys(file for files in looked.concerned.values() for file in files)
        tags = {"files": ", ".join(files)[:LONGEST_TAG]}
        if said:
            tags["noticed"] = "; ".join(said)[:LONGEST_TAG]
        request = dg.RunRequest(
            run_key=looked.key, asset_selection=[dg.AssetKey(name.split(".")) for name in asked], tags=tags
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return dropped_files


# Dagster shows a cursor on one line, and what a look remembers names every file: the cursor is the name of that.


def _noted(folder: Path, remembered: str, before: str | None) -> str:
    """Keep what a look remembers in a file named by its content; returns that name, to be the cursor."""
    name = hashlib.sha256(remembered.encode()).hexdigest()[:20]
    path = folder / f"{name}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        replace_text(path, remembered)
        # Where this look comes to nothing, the next one starts from the one before.
        for old in folder.glob("*.json"):
            if old.stem not in (name, before):
                old.unlink(missing_ok=True)
    return name


def _recalled(folder: Path, cursor: str | None) -> str | None:
    """What the look with this cursor remembered; None where that is lost, which costs one more look at every file."""
    try:
        return (folder / f"{cursor}.json").read_text(encoding="utf-8") if cursor else None
    except OSError:
        return None


def _at_most(lines: Sequence[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"... and {more} more"] if more > 0 else [])]


def _to_make(
    concerned: set[str], depends_on: Mapping[str, Sequence[str]], warehouse: Warehouse, output: Output,
    steps: Sequence[Step],
) -> list[str]:  # fmt: skip
    """The assets concerned with all that comes after them, and what would otherwise hold the release back."""
    if current_release(output.published) is None:
        return list(depends_on)
    made_by = [(step.table, lineage.made_by(step.table, step.left_out)) for step in steps if not step.broken]
    pages = page_paths(output)
    wanting = lineage.out_of_date(
        warehouse, [(table, by) for table, by in made_by if table.key or table.full_name in pages], pages
    )
    unread = {
        step.name
        for step in steps
        if step.table.key and warehouse.facts(step.table.stage, step.table.name) is None
    }
    roots = concerned | set(wanting) | unread
    chosen: set[str] = set()
    for name, above in depends_on.items():  # in the order in which they are made
        if name in roots or any(other in chosen for other in above):
            chosen.add(name)
    return [name for name in depends_on if name in chosen]


def schedules(
    authority: Authority, everything: object, forget_old_runs: object
) -> list[dg.ScheduleDefinition]:
    """Everything made again daily, weekly or monthly, early in the morning, or as a cron text says; old runs cleared.

    Only the one that authority.yaml (`automation: {refresh: ...}`) or PLACES_REFRESH names is switched on.
    Raises `DescriptionError` where the cron text cannot be used.
    """
    chosen = os.environ.get(REFRESH) or authority.about.automation.refresh
    crons = dict(EARLY) if not chosen or chosen in EARLY else {**EARLY, "chosen": chosen}
    switched_on = chosen if chosen in EARLY else "chosen"
    try:
        made = [
            dg.ScheduleDefinition(
                name=f"refresh_{name}", job=everything, cron_schedule=cron, execution_timezone=TIME_ZONE,  # type: ignore[arg-type]
                description="Makes every table and map again, and a release if anything changed.",
                default_status=_schedule_status(bool(chosen) and name == switched_on),
            )
            for name, cron in crons.items()
        ]  # fmt: skip
    except DagsterInvalidDefinitionError:
        wanted = "wanted `daily`, `weekly`, `monthly` or the five fields of cron, such as 0 6 3 * *"
        problem = Problem("authority.yaml", 0, 0, f"automation, refresh: {wanted}; found `{chosen}`")
        raise DescriptionError([problem]) from None
    clearing = dg.ScheduleDefinition(
        name="clear_old_runs", job=forget_old_runs, cron_schedule=CLEAR_RUNS, execution_timezone=TIME_ZONE,  # type: ignore[arg-type]
        description="Keeps Dagster's history small.", default_status=_schedule_status(True),
    )  # fmt: skip
    return [*made, clearing]


def _schedule_status(is_on: bool) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED


def telling_sensors(authority: Authority) -> list[dg.SensorDefinition]:
    """Sensors that send word of runs that failed, and of those that went well but for a file or a check."""
    to = notify.recipients()
    status = dg.DefaultSensorStatus.RUNNING if to else dg.DefaultSensorStatus.STOPPED
    where = "as PLACES_WEBHOOK and PLACES_MAIL_TO say" + ("" if to else " (neither is set)")

    def tell(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        word = notify.word_of(context.instance, context.dagster_run, authority)
        if word is None:
            return dg.SkipReason("There is nothing to tell.")
        notify.send(word, notify.recipients())
        return None

    @dg.run_failure_sensor(
        name="tell_of_failures",
        default_status=status,
        description=f"Sends word of a run that failed, {where}.",
    )
    def failures(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        return tell(context)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS, name="tell_of_refused_files", default_status=status,
        description=f"Sends word of a run in which a file was refused or another check failed, {where}.",
    )  # fmt: skip
    def refused(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        return tell(context)

    return [failures, refused]
