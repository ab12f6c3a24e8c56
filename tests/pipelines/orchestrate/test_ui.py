"""Dagster's real pages: started as `places ui` starts them, asked over loopback, ended as Ctrl-C ends them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from pipelines.orchestrate.instance import dagster_instance
from pipelines.orchestrate.ui import environment, serve_ui
from pipelines.release import current_release
from pipelines.run import Output, plan
from pipelines.tables import REPOSITORY
from tests.conftest import find_chromium
from tests.small_run import Small

SERVE = """
import sys
from pathlib import Path
from pipelines.orchestrate.ui import environment, serve_ui
sys.exit(serve_ui(Path(sys.argv[1]), None, Path(sys.argv[2]), port=int(sys.argv[3]), watch=True))
"""
RUNS = """
query { runsOrError { ... on Runs { results { runId jobName tags { key value } } } } }
"""
CHECKS = """
query($asset: [String!]!) { assetNodeOrError(assetKey: {path: $asset}) { ... on AssetNode { assetChecksOrError {
  ... on AssetChecks { checks { name canExecuteIndividually executionForLatestMaterialization { status } } } } } } }
"""
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def ignore_ctrl_c() -> None:
    """As a shell without job control has the processes that it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Pages:
    """Dagster's pages at work in a process of their own."""

    def __init__(self, folder: Path, output: Path) -> None:
        self.address = f"http://127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder), str(output), port],
            # From elsewhere: the checkout need not be the current folder.
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=os.name == "posix",
            preexec_fn=ignore_ctrl_c if os.name == "posix" else None,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer of GraphQL to a query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.address}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def status(self, run_id: str) -> str:
        answer = self.ask(
            "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }", run=run_id
        )
        return str(answer["runOrError"]["status"])

    def run_beside(self, *known: str) -> str:
        """The identifier of the run that starts by itself, once there is one beside those known."""
        until = time.monotonic() + 90
        while time.monotonic() < until:
            runs = self.ask(RUNS)["runsOrError"]["results"]
            if found := [run for run in runs if run["runId"] not in known]:
                assert found[0]["jobName"] == "everything"
                return str(found[0]["runId"])
            time.sleep(0.2)
        raise AssertionError("no run was started")

    def ended(self, run_id: str) -> str:
        until = time.monotonic() + 120
        while (status := self.status(run_id)) not in FINISHED and time.monotonic() < until:
            time.sleep(0.2)
        return status

    def check(self, asset: str, name: str) -> str:
        """How a check of an asset came out when it was made last."""
        node = self.ask(CHECKS, asset=asset.split("."))["assetNodeOrError"]
        found = {one["name"]: one for one in node["assetChecksOrError"]["checks"]}[name]
        assert found["canExecuteIndividually"] == "CAN_EXECUTE"
        return str(found["executionForLatestMaterialization"]["status"])

    def steps_made(self, run_id: str) -> int:
        stats = "stats { ... on RunStatsSnapshot { stepsSucceeded } }"
        answer = self.ask(
            f"query($run: ID!) {{ runOrError(runId: $run) {{ ... on Run {{ {stats} }} }} }}", run=run_id
        )
        return int(answer["runOrError"]["stats"]["stepsSucceeded"])

    def end(self) -> int:
        """Ctrl-C, and what the process then returns."""
        if self.process.poll() is None:
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGINT)
            else:
                self.process.send_signal(getattr(signal, "CTRL_BREAK_EVENT"))  # noqa: B009
        return self.process.wait(timeout=60)


@pytest.fixture
def pages(own: Small) -> Iterator[Pages]:
    about = own.folder / "authority.yaml"
    about.write_text(f"{about.read_text()}automation: {{settle_seconds: 1}}\n")
    started = Pages(own.folder, own.output.root)
    yield started
    started.end()


@pytest.mark.slow
def test_a_file_that_is_dropped_becomes_maps(
    pages: Pages, own: Small, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A good file and a bad one are dropped, the run starts by itself, the bad one is mended, and passes."""
    assert pages.said == f"Dagster: {pages.address} (Ctrl-C ends it)\n"
    tax = own.folder / "services/council_tax/council_tax_2026-10.csv"
    good = tax.with_name("council_tax_2026-09.csv").read_text().replace("CANARY-003", "CANARY-903")
    tax.write_text(good.replace("UPRN", "PROPERTY_NO", 1))
    (own.folder / "sites/libraries/libraries_2026-10-31.csv").write_text(
        "LIBRARY,EASTING,NORTHING\nWest Library,400100,200050\n", "utf-8"
    )
    before = current_release(own.output.published)

    nodes = pages.ask("{ assetNodes { groupName assetKey { path } hasAssetChecks } }")["assetNodes"]
    assert {".".join(node["assetKey"]["path"]) for node in nodes} == {
        step.name for step in plan(own.authority)
    }
    first = pages.run_beside()
    while not pages.steps_made(first) and pages.status(first) not in FINISHED:
        time.sleep(0.1)
    # That run is in a process of its own: the command line's must not come in between.
    where = ["--output", str(own.output.root)]
    assert main(["release", "rollback", *where]) == 4
    assert {main(["run", "--authority", str(own.folder), *where, *more]) for more in ([], ["--dry-run"])} == {
        4
    }
    assert pages.ended(first) == "SUCCESS"
    assert current_release(own.output.published) not in (None, before)
    assert pages.check("services.council_tax", "files_are_read") == "FAILED"
    report = own.output.restricted / "quarantine/council_tax/council_tax_2026-10.csv/report.html"
    assert report.exists()
    looked = Looked(pages, request, tmp_path)
    looked.at("services/council_tax?view=checks", "wanted the column(s)")

    tax.write_text(good)
    second = pages.run_beside(first)
    assert pages.ended(second) == "SUCCESS"
    assert not report.exists()
    assert pages.check("services.council_tax", "files_are_read") == "SUCCEEDED"
    looked.at("services/council_tax", "Council tax accounts: one row per account and extract")

    assert pages.end() == 0
    with dagster_instance(Output(own.output.root)) as instance:
        assert [run.run_id for run in instance.get_runs()] == [second, first]
    with pytest.raises(OSError):
        urllib.request.urlopen(pages.address, timeout=2)


class Looked:
    """The pages in a headless Chromium, where there is one; what was seen is kept as pictures."""

    def __init__(self, pages: Pages, request: pytest.FixtureRequest, pictures: Path) -> None:
        self.address, self.pictures = pages.address, pictures
        self.browser = request.getfixturevalue("browser") if find_chromium() else None

    def at(self, asset: str, text: str) -> None:
        """An asset's page shows a text."""
        if self.browser is None:
            return
        page = self.browser.new_page(viewport={"width": 1400, "height": 1600})
        page.goto(f"{self.address}/assets/{asset}", wait_until="domcontentloaded")
        page.get_by_text(text).first.wait_for(timeout=30_000)
        page.screenshot(path=self.pictures / f"{re.sub('[^a-z_]', '.', asset)}.png")
        page.close()


SLEEPER = """
import subprocess, sys, time
from pipelines.orchestrate.ui import ends_with_parent
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], preexec_fn=ends_with_parent())
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no other system ends a process with its parent")
def test_what_was_started_ends_with_who_started_it_even_if_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    until = time.monotonic() + 10
    while _is_alive(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _is_alive(child)


def _is_alive(process: int) -> bool:
    """Whether it is at work; a dead one that nobody has asked after is not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_folders_are_found_from_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLACES_DATA", "open-data")
    settings = environment(Path("council"), None, Path("made"), tmp_path)
    wanted = {"AUTHORITY": "council", "OUTPUT": "made", "PLACES_DATA": "open-data"}
    assert {name: settings[name] for name in wanted} == {
        name: str(tmp_path / folder) for name, folder in wanted.items()
    }
    settings = environment(Path("council"), Path("other"), Path("made"), tmp_path)
    assert settings["PLACES_DATA"] == str(tmp_path / "other")


def test_port_in_use_is_said_plainly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert serve_ui(tmp_path / "authority", None, tmp_path / "output", port=port) == 1
    assert f"Port {port} is in use" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()
