"""Where Dagster keeps its files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import dagster as dg
import pytest
import yaml

from pipelines.orchestrate.instance import (
    SETTINGS,
    STANDS_THERE,
    dagster_home,
    dagster_instance,
    forget_old_runs,
)
from pipelines.run import Output


def test_settings_are_those_of_the_repository_for_this_output(tmp_path: Path) -> None:
    output = Output(tmp_path / "elsewhere")
    home = dagster_home(output)
    template = SETTINGS.read_text("utf-8")
    made = (home / "dagster.yaml").read_text("utf-8")
    assert STANDS_THERE not in made
    wanted = yaml.safe_load(template.replace(STANDS_THERE, home.as_posix()))
    assert yaml.safe_load(made) == wanted
    assert str(wanted).count(home.as_posix()) == 4


def test_history_stays_in_the_restricted_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    output = Output(Path("output"))  # as the command line gives it
    with dagster_instance(output) as instance:
        instance.get_runs()
    assert {path.name for path in tmp_path.iterdir()} == {"output"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "runs.db" for path in files)
    assert [
        path for path in files if not path.is_relative_to(tmp_path / "output" / "restricted" / "dagster")
    ] == []
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "output" / "restricted").stat().st_mode) == stat.S_IRWXU


def test_nothing_is_reported_and_one_run_goes_at_a_time(tmp_path: Path) -> None:
    with dagster_instance(Output(tmp_path)) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1  # type: ignore[union-attr]


@dg.job(executor_def=dg.in_process_executor)
def idle() -> None:
    """A job without any work."""


def test_old_runs_are_forgotten_with_their_files(tmp_path: Path) -> None:
    with dagster_instance(Output(tmp_path)) as instance:
        runs = [idle.execute_in_process(instance=instance).run_id for _ in range(4)]
        still_at_work = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED).run_id
        forget_old_runs.execute_in_process(
            instance=instance, run_config={"ops": {"forget": {"config": {"keep": 2}}}}
        )
        left = {run.run_id for run in instance.get_runs()}
    # Kept: the job that forgets, and the one before it, which has not ended.
    assert still_at_work in left
    assert left.isdisjoint(runs)
    files = {path.name.partition(".")[0] for path in (tmp_path / "restricted/dagster/history/runs").iterdir()}
    assert files.isdisjoint(runs)
    assert left - {still_at_work} <= files
