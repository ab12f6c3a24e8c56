"""The stored history: the same files that Dagster's own storage reads, seen at once by every process."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from pipelines.orchestrate.history import KEPT_OPEN, History
from pipelines.orchestrate.instance import dagster_home, dagster_instance
from pipelines.run import Output


@dg.asset
def thing() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"dagster/row_count": 3})


@dg.job(executor_def=dg.in_process_executor)
def idle() -> None:
    """A job without any work."""


def test_dagsters_own_storage_reads_it(tmp_path: Path) -> None:
    with dagster_instance(Output(tmp_path)) as instance:
        assert isinstance(instance.event_log_storage, History)
        run_id = dg.materialize([thing], instance=instance).run_id
        stored = [entry.dagster_event_type for entry in instance.all_logs(run_id)]
    runs = tmp_path / "restricted/dagster/history/runs"
    theirs = SqliteEventLogStorage(str(runs))
    assert [entry.dagster_event_type for entry in theirs.get_logs_for_run(run_id)] == stored
    assert dg.DagsterEventType.ASSET_MATERIALIZATION in stored
    assert [record.asset_entry.asset_key for record in theirs.get_asset_records()] == [thing.key]


def test_two_see_each_others_events_at_once(tmp_path: Path) -> None:
    with dagster_instance(Output(tmp_path)) as one, dagster_instance(Output(tmp_path)) as other:
        first = dg.materialize([thing], instance=one).run_id
        assert other.get_latest_materialization_event(thing.key).run_id == first  # type: ignore[union-attr]
        second = dg.materialize([thing], instance=other).run_id
        assert one.get_latest_materialization_event(thing.key).run_id == second  # type: ignore[union-attr]


def test_page_of_a_run_hears_of_its_events_while_it_is_at_work(tmp_path: Path) -> None:
    """The pages watch the run's file; what is written stands in the log beside it until the run ends."""
    heard: list[dg.DagsterEventType | None] = []
    has_heard = threading.Event()

    @dg.op
    def wait_until_it_was_heard() -> None:
        assert has_heard.wait(20), "nothing was heard while the run was at work"

    @dg.job(executor_def=dg.in_process_executor)
    def waiting() -> None:
        wait_until_it_was_heard()

    def hear(entry: dg.EventLogEntry, cursor: str) -> None:
        heard.append(entry.dagster_event_type)
        has_heard.set()

    with dagster_instance(Output(tmp_path)) as at_work, dagster_instance(Output(tmp_path)) as page:
        run_id = str(uuid.uuid4())
        page.watch_event_logs(run_id, None, hear)
        assert waiting.execute_in_process(instance=at_work, run_id=run_id).success
        page.end_watch_event_logs(run_id, hear)
    assert heard


def test_few_files_are_kept_open(tmp_path: Path) -> None:
    with dagster_instance(Output(tmp_path)) as instance:
        runs = [idle.execute_in_process(instance=instance).run_id for _ in range(KEPT_OPEN + 3)]
        storage = instance.event_log_storage
        assert isinstance(storage, History)
        assert len(storage._open) == KEPT_OPEN
        # Those that were closed are opened again.
        assert all(instance.all_logs(run_id) for run_id in runs)
    assert len(storage._open) == 0


def test_settings_can_go_back_to_dagsters_own(tmp_path: Path) -> None:
    with dagster_instance(Output(tmp_path)) as instance:
        dg.materialize([thing], instance=instance)
    settings = dagster_home(Output(tmp_path)) / "dagster.yaml"
    text = settings.read_text("utf-8")
    settings.write_text(
        text.replace("pipelines.orchestrate.history", "dagster._core.storage.event_log").replace(
            "class: History", "class: SqliteEventLogStorage"
        ),
        "utf-8",
    )
    with dg.DagsterInstance.from_config(str(settings.parent)) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        assert instance.get_latest_materialization_event(thing.key) is not None
