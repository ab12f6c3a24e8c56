"""Dagster's real pages: started as `places ui` starts them, asked over loopback, ended as Ctrl-C ends them."""

from __future__ import annotations

import json
import os
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
from tests.pipelines.orchestrate.conftest import Small

SERVE = """
import sys
from pathlib import Path
from pipelines.orchestrate.ui import environment, serve_ui
sys.exit(serve_ui(Path(sys.argv[1]), None, Path(sys.argv[2]), port=int(sys.argv[3])))
"""
LAUNCH = """
mutation($job: String!) {
  launchRun(executionParams: {runConfigData: {}, selector: {
    jobName: $job, repositoryName: "__repository__", repositoryLocationName: "connected-places"}}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
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

    def ask(self, query: str, **variables: str) -> Any:
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
    started = Pages(own.folder, own.output.root)
    yield started
    started.end()


@pytest.mark.slow
def test_everything_runs_from_the_pages(pages: Pages, own: Small) -> None:
    assert pages.said == f"Dagster: {pages.address} (Ctrl-C ends it)\n"

    nodes = pages.ask("{ assetNodes { groupName assetKey { path } hasAssetChecks } }")["assetNodes"]
    assert {".".join(node["assetKey"]["path"]) for node in nodes} == {
        step.name for step in plan(own.authority)
    }

    extract = own.folder / "sites/libraries/libraries_2026-10-31.csv"
    extract.write_text("LIBRARY,EASTING,NORTHING\nWest Library,400100,200050\n", "utf-8")
    before = current_release(own.output.published)
    launched = pages.ask(LAUNCH, job="everything")["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    until = time.monotonic() + 120
    refused: set[int] = set()
    while (status := pages.status(run_id)) not in FINISHED and time.monotonic() < until:
        if not refused and pages.steps_made(run_id):
            # That run is in a process of its own: the command line's must not come in between.
            where = ["--output", str(own.output.root)]
            refused |= {main(["release", "rollback", *where])}
            refused |= {
                main(["run", "--authority", str(own.folder), *where, *more]) for more in ([], ["--dry-run"])
            }
        time.sleep(0.2)
    assert refused == {4}
    assert status == "SUCCESS"
    assert current_release(own.output.published) not in (None, before)

    assert pages.end() == 0
    with dagster_instance(Output(own.output.root)) as instance:
        assert [run.run_id for run in instance.get_runs()] == [run_id]
    with pytest.raises(OSError):
        urllib.request.urlopen(pages.address, timeout=2)


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
