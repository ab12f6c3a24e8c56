"""Dagster's own files: `restricted/dagster` of an output folder, the same for the command line and the browser.

Here belongs where they are and with which settings (dagster.yaml at the top of the repository). How events are stored
is `history`.
"""

# Without `from __future__ import annotations`: Dagster reads the annotations of what it calls.

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from pipelines.run import Output
from pipelines.tables import REPOSITORY
from pipelines.warehouse import replace_text

SETTINGS = REPOSITORY / "dagster.yaml"
# The folder that stands in SETTINGS, for commands that are called there.
STANDS_THERE = "output/restricted/dagster"
KEPT_RUNS = 100
HEADER = "# Made of dagster.yaml of the repository at each start: change that, not this.\n"


def dagster_home(output: Output) -> Path:
    """The folder of Dagster's files for an output folder, made and with its settings in it (closed to others)."""
    output.prepare()
    home = output.restricted.resolve() / "dagster"
    home.mkdir(exist_ok=True)
    settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    text = HEADER + yaml.safe_dump(_moved(settings, home.as_posix()), sort_keys=False, allow_unicode=True)
    path = home / "dagster.yaml"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        replace_text(path, text)
    return home


def _moved(value: Any, home: str) -> Any:
    if isinstance(value, dict):
        return {key: _moved(inner, home) for key, inner in value.items()}
    if isinstance(value, str) and f"{value}/".startswith(f"{STANDS_THERE}/"):
        return home + value.removeprefix(STANDS_THERE)
    return value


@contextlib.contextmanager
def dagster_instance(output: Output) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance for an output folder: its history of runs, events and checks."""
    with dg.DagsterInstance.from_config(str(dagster_home(output))) as instance:
        yield instance


def end_lost_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs whose process has gone as failed, so that the queue does not wait for them; returns how many.

    Only for a caller who holds the run lock: then nobody else can be at work, whatever the history says.
    """
    at_work = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    lost = instance.get_runs(dg.RunsFilter(statuses=at_work))
    for run in lost:
        instance.report_run_failed(run, "The process of this run ended before its work was done.")
    return len(lost)


@dg.op(config_schema={"keep": dg.Field(int, default_value=KEPT_RUNS, description="runs to keep, the latest")})
def forget(context: dg.OpExecutionContext) -> None:
    """Take all but the latest runs out of Dagster's history, with their events."""
    latest_first = [record.dagster_run for record in context.instance.get_run_records()]
    old = [run for run in latest_first[context.op_config["keep"] :] if run.is_finished]
    for run in old:
        context.instance.delete_run(run.run_id)
    context.add_output_metadata({"runs forgotten": len(old)})


@dg.job(
    description=f"Take all but the latest {KEPT_RUNS} runs out of Dagster's history, which otherwise grows for ever.",
    executor_def=dg.in_process_executor,
)
def forget_old_runs() -> None:
    """Keep Dagster's history small. Tables and releases are not touched."""
    forget()
