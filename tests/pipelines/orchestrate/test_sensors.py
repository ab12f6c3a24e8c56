"""The sensor that looks at the authority folder, asked as Dagster's daemon asks it, over a real history; schedules."""

from __future__ import annotations

import re
import time
from pathlib import Path

import dagster as dg
import pytest

from pipelines.authority import load_authority
from pipelines.descriptions import DescriptionError
from pipelines.orchestrate.graph import EVERYTHING, definitions_for
from pipelines.orchestrate.instance import dagster_instance
from pipelines.orchestrate.sensors import REFRESH, WATCH
from pipelines.quarantine import reports
from pipelines.release import current_release
from pipelines.run import Output, opened, plan
from tests.small_authority import write_small_authority
from tests.small_run import Small

OCTOBER = "services/council_tax/council_tax_2026-10.csv"


class Daemon:
    """Asks the sensor and starts what it asks for, as Dagster's daemon does."""

    def __init__(self, of: Small, settle_seconds: int = 1) -> None:
        about = of.folder / "authority.yaml"
        about.write_text(f"{about.read_text()}automation: {{settle_seconds: {settle_seconds}}}\n")
        self.of, self.cursor = of, ""
        self.definitions = definitions_for(of.authority, of.output)
        self.repository = self.definitions.get_repository_def()
        self.sensor = self.repository.get_sensor_def("dropped_files")

    def tick(self) -> dg.RunRequest | str:
        """What the sensor asks for, or why it asks for nothing."""
        with (
            dagster_instance(self.of.output) as instance,
            dg.build_sensor_context(instance, self.cursor, repository_def=self.repository) as context,
        ):
            found = self.sensor.evaluate_tick(context)
        self.cursor = found.cursor or self.cursor
        if found.run_requests:
            (request,) = found.run_requests
            return request
        return str(found.skip_message)

    def settled(self) -> dg.RunRequest | str:
        self.tick()
        time.sleep(1.01)
        return self.tick()

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        job = self.definitions.resolve_job_def(EVERYTHING)
        of_it = job.get_subset(asset_selection=set(request.asset_selection or ()))
        with dagster_instance(self.of.output) as instance:
            return of_it.execute_in_process(instance=instance, tags=dict(request.tags), raise_on_error=False)


def names(request: dg.RunRequest | str) -> set[str]:
    assert isinstance(request, dg.RunRequest), request
    return {".".join(key.path) for key in request.asset_selection or ()}


def test_a_file_that_comes_starts_one_run_of_what_it_concerns(own: Small) -> None:
    daemon = Daemon(own)
    assert "it has just come" in str(daemon.tick())
    time.sleep(1.01)
    assert daemon.tick() == "Nothing has changed."
    assert re.fullmatch("[0-9a-f]{20}", daemon.cursor), "Dagster shows it on one line"
    before = current_release(own.output.published)

    september = (own.folder / OCTOBER).with_name("council_tax_2026-09.csv").read_text()
    bad = september.replace("UPRN", "PROPERTY_NO", 1)
    (own.folder / OCTOBER).write_text(bad)
    asked = daemon.settled()
    made = names(asked)
    assert {"services.council_tax", "services.record", "published.demand_by_area", "maps.release"} <= made
    assert not made & {
        "services.social_care",
        "services.libraries",
        "sources.llpg",
        "layers.road",
    }
    assert isinstance(asked, dg.RunRequest)
    assert asked.tags["files"] == OCTOBER

    ended = daemon.run(asked)
    assert ended.success
    failed = [e for e in ended.get_asset_check_evaluations() if not e.passed]
    assert [(".".join(e.asset_key.path), e.check_name) for e in failed] == [
        ("services.council_tax", "files_are_read")
    ]
    event = ended.asset_materializations_for_node("services__council_tax")[0]
    assert event.metadata["files refused"].value == 1
    assert "council\\_tax\\_2026-10.csv could not be used" in str(event.metadata["how to mend it"].value)
    assert str(event.metadata["quarantine"].value).endswith("restricted/quarantine/council_tax")
    after = current_release(own.output.published)
    assert after != before
    assert after is not None
    page = (after.path / "maps/demand.html").read_text("utf-8")
    assert "The extract of 31 October 2026 could not be used; data to 30 September 2026 is shown." in page
    assert daemon.tick() == "Nothing has changed."

    (own.folder / OCTOBER).write_text(september.replace("CANARY-003", "CANARY-903"))
    again = daemon.settled()
    assert isinstance(again, dg.RunRequest)
    assert again.run_key != asked.run_key
    ended = daemon.run(again)
    assert [e.check_name for e in ended.get_asset_check_evaluations() if not e.passed] == []
    assert reports(own.output.restricted, "council_tax") == []
    observed = [e for e in ended.all_events if e.event_type == dg.DagsterEventType.ASSET_OBSERVATION]
    assert {".".join(e.asset_key.path) for e in observed if e.asset_key} == {
        "services.council_tax", "services.libraries", "services.social_care",
    }  # fmt: skip
    release = current_release(own.output.published)
    assert release is not None
    assert "could not be used" not in (release.path / "maps/demand.html").read_text("utf-8")


def test_nothing_is_asked_for_while_a_run_is_at_work(own: Small) -> None:
    daemon = Daemon(own)
    daemon.settled()
    (own.folder / OCTOBER).write_text(
        (own.folder / OCTOBER).with_name("council_tax_2026-09.csv").read_text() + "\n"
    )
    with dagster_instance(own.output) as instance:
        run = instance.create_run_for_job(
            daemon.definitions.resolve_job_def(EVERYTHING), status=dg.DagsterRunStatus.STARTED
        )
        assert "it is waited for" in str(daemon.settled())
        instance.report_run_failed(run)
    assert isinstance(daemon.settled(), dg.RunRequest)


def test_what_would_hold_the_release_back_is_made_too(own: Small) -> None:
    """As a run that was killed, or a table that somebody made again alone, leaves it."""
    from pipelines.warehouse import Warehouse

    daemon = Daemon(own)
    daemon.settled()
    Warehouse(own.output.restricted / "warehouse").drop("layers", "road")
    libraries = own.folder / "sites/libraries/libraries_2026-09-30.csv"
    libraries.write_text(libraries.read_text() + "South Library,400500,200050\n")
    made = names(daemon.settled())
    assert {"services.libraries", "layers.road", "published.road", "maps.release"} <= made


def test_the_first_time_everything_is_made(tmp_path: Path) -> None:
    folder, output = write_small_authority(tmp_path / "authority"), Output(tmp_path / "output")
    daemon = Daemon(Small(folder, output, None, []))  # type: ignore[arg-type]
    assert names(daemon.settled()) == {
        ".".join(key.path) for key in daemon.definitions.resolve_all_asset_keys()
    }


def test_a_broken_authority_is_said(own: Small) -> None:
    daemon = Daemon(own)
    (own.folder / "authority.yaml").write_text("name: 3")
    assert "The authority folder cannot be used" in str(daemon.tick())


def statuses(folder: Path) -> dict[str, bool]:
    repository = definitions_for(
        load_authority(folder), Output(folder.parent / "output")
    ).get_repository_def()
    found = {one.name: one.default_status == dg.DefaultSensorStatus.RUNNING for one in repository.sensor_defs}
    return found | {
        one.name: one.default_status == dg.DefaultScheduleStatus.RUNNING for one in repository.schedule_defs
    }


def test_what_starts_by_itself_is_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_small_authority(tmp_path / "authority")
    assert {name for name, is_on in statuses(folder).items() if is_on} == {"clear_old_runs"}
    about = (folder / "authority.yaml").read_text()
    (folder / "authority.yaml").write_text(about + "automation: {watch: true, refresh: monthly}\n")
    monkeypatch.setenv("PLACES_MAIL_TO", "gis@smallbridge.example")
    assert {name for name, is_on in statuses(folder).items() if is_on} == {
        "clear_old_runs", "dropped_files", "refresh_monthly", "tell_of_failures", "tell_of_refused_files",
    }  # fmt: skip
    (folder / "authority.yaml").write_text(about)
    monkeypatch.setenv(WATCH, "1")
    monkeypatch.setenv(REFRESH, "30 6 3 * *")
    found = statuses(folder)
    assert found["dropped_files"]
    assert found["refresh_chosen"]
    monkeypatch.setenv(REFRESH, "at 6 on the third now")
    with pytest.raises(DescriptionError, match="the five fields of cron"):
        statuses(folder)


def test_jobs_of_a_service_have_all_that_comes_after_it(small: Small) -> None:
    definitions = definitions_for(small.authority, small.output)
    made = {
        ".".join(key.path)
        for key in definitions.resolve_job_def("service_social_care").asset_layer.selected_asset_keys
    }
    assert {"services.social_care", "services.record", "maps.release"} <= made
    assert "services.council_tax" not in made
    of_release = definitions.resolve_job_def("release").asset_layer.selected_asset_keys
    assert {key.path[0] for key in of_release} == {"published", "maps"}


def test_what_was_read_from_the_command_line_is_not_read_again(own: Small) -> None:
    daemon = Daemon(own)
    daemon.settled()
    path = own.folder / "sites/libraries/libraries_2026-09-30.csv"
    path.write_text(path.read_text() + "South Library,400500,200050\n")
    with opened(own.authority, own.output) as at:
        next(step for step in plan(own.authority) if step.name == "services.libraries").make(at)
    assert daemon.settled() == "Nothing has changed."
