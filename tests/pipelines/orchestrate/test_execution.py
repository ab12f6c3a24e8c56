"""Running everything: what is told, what is remembered, what a failure keeps back, and that two runs never meet."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from pipelines.descriptions import Problem
from pipelines.orchestrate import graph
from pipelines.orchestrate.checks import checks_of
from pipelines.orchestrate.execution import Finished, run_everything
from pipelines.orchestrate.graph import EVERYTHING, definitions_for
from pipelines.orchestrate.instance import dagster_instance
from pipelines.protect import HELD_BACK
from pipelines.release import current_release
from pipelines.run import AnotherRun, BrokenDescription, Made, Output, Run, Step, opened, plan
from pipelines.tables import REPOSITORY
from tests.small_authority import LIBRARIES, PERSONAL
from tests.small_run import Small


def materialised(output: Output, *names: str) -> list[dict[str, Any]]:
    """The metadata of each table's latest materialisation, from the history on disk."""
    found = []
    with dagster_instance(output) as instance:
        for name in names:
            event = instance.get_latest_materialization_event(dg.AssetKey(name.split(".")))
            assert event is not None
            assert event.asset_materialization is not None
            found.append({key: value.value for key, value in event.asset_materialization.metadata.items()})
    return found


def evaluations(output: Output, run: Finished) -> dict[str, dg.AssetCheckEvaluation]:
    """What the checks of a run found, by `stage.table:check`."""
    with dagster_instance(output) as instance:
        records = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
    found = {}
    for record in records:
        event = record.event_log_entry.dagster_event
        assert event is not None
        evaluation = event.asset_check_evaluation_data
        found[f"{'.'.join(evaluation.asset_key.path)}:{evaluation.check_name}"] = evaluation
    return found


# All is well


def test_everything_is_made_in_the_order_of_the_plan(small: Small) -> None:
    steps = [step.name for step in plan(small.authority)]
    assert small.heard == steps
    assert list(small.finished.made) == steps
    assert small.finished
    assert small.finished.failed == {}
    assert small.finished.skipped == ()
    assert current_release(small.output.published) is not None


def test_every_check_passes(small: Small) -> None:
    found = evaluations(small.output, small.finished)
    assert set(found) == {
        f"{step.name}:{check.name}" for step in plan(small.authority) for check in checks_of(step)
    }
    assert [name for name, evaluation in found.items() if not evaluation.passed] == []


def test_history_is_on_disk_for_the_pages_to_show(small: Small) -> None:
    with dagster_instance(small.output) as instance:
        (run,) = instance.get_runs()
        assert run.run_id == small.finished.run_id
        assert run.job_name == EVERYTHING
        assert run.status == dg.DagsterRunStatus.SUCCESS
    remembered, accounting, protected = materialised(
        small.output, "services.council_tax", "layers.accounting", "published.demand_by_area"
    )
    assert remembered["dagster/row_count"] == 96
    assert (remembered["rows read"], remembered["rows kept"], remembered["rows rejected"]) == (99, 96, 3)
    assert remembered["why rows were rejected"].splitlines()[2:5] == [
        "| duplicate: an earlier row has the same key | as_at, record_id | 1 | council_tax_2026-09.csv row 50 |",
        "| excluded: a total row inside the data | ACCOUNT_REF | 1 | council_tax_2026-09.csv row 51 |",
        "| wrong_width: 2 fields where the header has 7 |  | 1 | council_tax_2026-09.csv row 52 |",
    ]
    assert accounting["placed, % of council_tax"] == 99.0
    with opened(small.authority, small.output) as at:
        hidden = "SELECT count(*) FROM published.demand_by_area WHERE recorded_use_status = 'hidden'"
        ((count,),) = at.con.execute(hidden).fetchall()
    # Four are of fewer than ten; the others would give them away.
    assert protected["cells hidden"] == count > 4


def test_made_tables_show_the_types_of_their_columns(small: Small) -> None:
    tables = [name for name, made in small.finished.made.items() if made.rows is not None]
    for name, remembered in zip(tables, materialised(small.output, *tables), strict=True):
        schema = remembered["dagster/column_schema"]
        assert [column.name for column in schema.columns if not (column.type and column.description)] == [], (
            name
        )


def test_no_record_is_in_the_history(small: Small) -> None:
    store = small.output.restricted / "dagster"
    files = [path for path in store.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 500_000
    assert [path.name for path in files if PERSONAL.encode() in path.read_bytes()] == []
    # Neither are addresses nor UPRNs, which are no less personal where they are a record's.
    assert [path.name for path in files if b"Alder Road" in path.read_bytes()] == []
    assert [path.name for path in files if b"990000001001" in path.read_bytes()] == []


# Something is wrong


@pytest.fixture(scope="module")
def troubled(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A run with two troubles that have nothing to do with each other: a broken dataset, and a file that is refused.

    `heard` are the steps at whose end somebody else tried in vain to have the run lock.
    """
    own = small.copied(tmp_path_factory.mktemp("troubled"), "dagster")
    (own.folder / "sites/libraries/dataset.yaml").write_text(LIBRARIES.replace("counts:", "count:"), "utf-8")
    extract = own.folder / "services/council_tax/council_tax_2026-10.csv"
    extract.write_text("ACCOUNT,PROPERTY\n1,2\n", "utf-8")
    tries: list[str] = []

    def hear(step: Step, got: Made | Exception, seconds: float) -> None:
        with pytest.raises(AnotherRun), own.output.lock():
            pass
        tries.append(step.name)

    return Small(own.folder, own.output, run_everything(own.authority, own.output, hear), tries)


def test_lock_is_held_all_the_time(troubled: Small) -> None:
    assert troubled.heard == [step.name for step in plan(troubled.authority)]
    with troubled.output.lock():
        pass


def test_broken_dataset_fails_alone(troubled: Small) -> None:
    finished = troubled.finished
    assert list(finished.failed) == ["services.libraries"]
    assert "sites/libraries/dataset.yaml:9:1: `count` is not a key" in str(
        finished.failed["services.libraries"]
    )
    assert finished.skipped == ()
    assert finished
    assert finished.made["services.dataset"].rows == 2
    with dagster_instance(troubled.output) as instance:
        (failure,) = instance.get_records_for_run(
            finished.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
        ).records
    assert "dataset.yaml:9:1: `count` is not a key that is known here; did you mean `counts`?" in str(failure)


def test_broken_source_holds_back_what_is_made_from_it(own: Small, capfd: pytest.CaptureFixture[str]) -> None:
    (own.folder / "sources/llpg/source.yaml").write_text("colums: {}\n", "utf-8")
    before = current_release(own.output.published)
    finished = run_everything(own.authority, own.output)
    assert capfd.readouterr() == ("", ""), "Dagster prints what `report` was told already"
    assert list(finished.failed) == ["sources.llpg"]
    assert "places.uprn" in finished.skipped
    assert "maps.release" in finished.skipped
    assert "services.council_tax" in finished.made
    assert not finished
    assert current_release(own.output.published) == before


def test_refused_file_is_an_error_that_holds_nothing_back(troubled: Small) -> None:
    finished = troubled.finished
    assert finished
    found = evaluations(troubled.output, finished)
    refused = found["services.council_tax:files_are_read"]
    assert not refused.passed
    assert refused.severity == dg.AssetCheckSeverity.ERROR
    assert not refused.blocking
    assert refused.description is not None
    assert "services/council_tax/council_tax_2026-10.csv: wanted the column(s)" in refused.description
    assert [name for name, check in found.items() if not check.passed] == [
        "services.council_tax:files_are_read"
    ]
    (remembered,) = materialised(troubled.output, "services.council_tax")
    assert "2026-10.csv was refused" in remembered["problems"]


def planted(step: Step, damage: str) -> Step:
    """The step, which then stores its table once more with an expression applied to it."""
    make = step.make

    def make_and_damage(at: Run) -> Made:
        made = make(at)
        columns = at.warehouse.facts(step.table.stage, step.table.name)
        assert columns is not None
        at.warehouse.write(at.con, step.table, f"SELECT * REPLACE ({damage}) FROM {step.name}")
        return made

    return dataclasses.replace(step, make=make_and_damage)


def test_nothing_is_published_where_the_accounting_does_not_add_up(
    own: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage = "rows_unplaced + 1 AS rows_unplaced"
    steps = [planted(s, damage) if s.name == "layers.accounting" else s for s in plan(own.authority)]
    monkeypatch.setattr(graph, "plan", lambda authority: steps)
    before = current_release(own.output.published)
    heard: list[str] = []
    finished = run_everything(
        own.authority, own.output, lambda step, got, seconds: heard.append(f"{step.name}: {got}")
    )
    assert not finished
    published = {step.name for step in steps if step.table.stage in ("published", "maps")}
    assert set(finished.skipped) == published | {HELD_BACK}
    assert any("layers.accounting: rows_add_up: in 3 row(s) not rows_kept = " in line for line in heard)
    assert current_release(own.output.published) == before


def test_error_that_quotes_a_record_is_not_told(own: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(at: Run) -> Made:
        at.con.execute(f"SELECT CAST('{PERSONAL} Ann' AS DATE)")
        raise AssertionError("DuckDB converted it")

    steps = [step for step in plan(own.authority) if step.table.stage == "sources"][:2]
    steps[-1] = dataclasses.replace(steps[-1], make=fail)
    monkeypatch.setattr(graph, "plan", lambda authority: steps)
    finished = run_everything(own.authority, own.output)
    told = str(finished.failed[steps[-1].name])
    assert "ConversionException" in told
    assert PERSONAL not in told
    store = own.output.restricted / "dagster"
    assert [
        path for path in store.rglob("*") if path.is_file() and PERSONAL.encode() in path.read_bytes()
    ] == []
    with pytest.raises(duckdb.ConversionException, match=PERSONAL):
        run_everything(own.authority, own.output, debug=True)


# Two runs at once


def test_another_run_is_waited_for_by_nobody(own: Small) -> None:
    with own.output.lock(), pytest.raises(AnotherRun, match="another run is at work on"):
        run_everything(own.authority, own.output)
    with dagster_instance(own.output) as instance:
        assert instance.get_runs() == []


def test_run_from_the_pages_fails_with_a_plain_message_while_another_is_at_work(own: Small) -> None:
    job = definitions_for(own.authority, own.output).resolve_job_def("maps")
    with dagster_instance(own.output) as instance:
        with own.output.lock():
            result = job.execute_in_process(instance=instance, raise_on_error=False)
        assert not result.success
        events = [str(event) for event in result.all_events]
        assert any("another run is at work on" in event for event in events)
        # And the lock is held for as long as the run: here each step would find it free again.
        assert job.execute_in_process(instance=instance).success


def test_ctrl_c_ends_the_run_and_gives_the_lock_back(own: Small) -> None:
    job = definitions_for(own.authority, own.output).resolve_job_def(EVERYTHING)
    with dagster_instance(own.output) as instance:
        lost = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
    heard: list[str] = []

    def hear(step: Step, got: Made | Exception, seconds: float) -> None:
        heard.append(step.name)
        if step.table.stage == "places":
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.1)

    with pytest.raises(KeyboardInterrupt):
        run_everything(own.authority, own.output, hear)
    assert [name for name in heard if name.startswith("places")] == heard[-1:]
    with own.output.lock(), dagster_instance(own.output) as instance:
        # Both are over: this run, and one whose process was gone before, for which the queue would wait for ever.
        ended = {run.run_id: run.status for run in instance.get_runs()}
        assert len(ended) == 2
        assert lost in ended
        assert set(ended.values()) == {dg.DagsterRunStatus.FAILURE}


# Killed, or the disk full

ENDURANCE = REPOSITORY / "tests" / "endurance.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children, which this system cannot have")
def test_killed_or_on_a_full_disk_nothing_published_is_lost_and_the_next_run_is_fine(
    own: Small, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Real commands, killed at random moments and on a small disk; PLACES_ENDURANCE=100 has a hundred rounds of it."""
    rounds = int(os.environ.get("PLACES_ENDURANCE") or 1)
    seed = random.SystemRandom().randrange(1_000_000)
    disk = tmp_path / "disk"
    disk.mkdir()
    program = [sys.executable, str(ENDURANCE), str(own.folder), str(own.output.root), str(rounds), str(seed)]
    may_mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    with_disk = shutil.which("unshare") and subprocess.run(may_mount, capture_output=True).returncode == 0
    if with_disk:
        program = ["unshare", "-rm", *program, str(disk)]
    ended = subprocess.run(program, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    came = json.loads(ended.stdout)
    for name in ("seed", "tried", "said"):
        record_property(name, came[name])
    assert came["wrong"] == [], f"seed {seed}"
    assert sum(number for what, number in came["tried"].items() if what.startswith("killed in")) > 0
    if not with_disk:
        pytest.skip(
            "kills were tried; no small disk could be mounted here (wanted `unshare -rm` to mount a tmpfs)"
        )
    assert came["tried"]["disk full"] > 0


def test_broken_description_is_an_error_of_ours() -> None:
    """What `Finished` counts as a run that came to its end."""
    broken = BrokenDescription((Problem("x.yaml", 1, 1, "wrong"),))
    assert Finished("", {}, {"services.x": broken}, ())
    assert not Finished("", {}, {"services.x": ValueError()}, ())
    assert not Finished("", {}, {}, ("maps.release",))
