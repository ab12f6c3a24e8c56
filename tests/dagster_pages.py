"""Dagster's pages at work, as `places ui` starts them, for the tests that ask them, look at them and click in them.

Here belongs the process, its GraphQL, and a headless Chromium on it. What is dropped into the folder, and what has to
come of it, is the tests'.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser, Page

from pipelines.tables import REPOSITORY

SERVE = """
import sys
from pathlib import Path
from pipelines.orchestrate.ui import serve_ui
sys.exit(serve_ui(Path(sys.argv[1]), None, Path(sys.argv[2]), port=int(sys.argv[3])))
"""
LOCATION = "locations/connected-places"
SENSOR = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "connected-places",
    "sensorName": "dropped_files",
}
RUNS = """
{ runsOrError { ... on Runs { results { runId jobName status tags { key value } stats {
  ... on RunStatsSnapshot { stepsSucceeded } } } } } }
"""
CHECKS = """
query($asset: [String!]!) { assetNodeOrError(assetKey: {path: $asset}) { ... on AssetNode { assetChecksOrError {
  ... on AssetChecks { checks { name canExecuteIndividually executionForLatestMaterialization {
    status evaluation { severity description } } } } } } } }
"""
TICKS = """
query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState {
  status ticks(limit: 1) { status skipReason error { message } } } } } }
"""
DESCRIPTION = """
query($asset: [String!]!) { assetNodeOrError(assetKey: {path: $asset}) { ... on AssetNode { description } } }
"""
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}
WAIT_SECONDS = 180
T = TypeVar("T")


def free_port() -> int:
    """A port of this machine on which nobody listens."""
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
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def assets(self) -> set[str]:
        """The assets that the pages know, as `stage.name`."""
        nodes = self.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]
        return {".".join(node["assetKey"]["path"]) for node in nodes}

    def description(self, asset: str) -> str:
        """What the pages say of an asset, as Markdown."""
        node = self.ask(DESCRIPTION, asset=asset.split("."))["assetNodeOrError"]
        return str(node.get("description"))

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the newest first; `tags` as a mapping, `steps` as the number of those that were made."""
        found = self.ask(RUNS)["runsOrError"]["results"]
        for run in found:
            run["tags"] = {tag["key"]: tag["value"] for tag in run["tags"]}
            run["steps"] = run["stats"].get("stepsSucceeded", 0)
        return list(found)

    def run_beside(self, *known: str) -> dict[str, Any]:
        """The run that starts, once there is one beside those known."""
        return wait_for(
            lambda: next((run for run in self.runs() if run["runId"] not in known), None), "a run is started"
        )

    def ended(self, run_id: str) -> dict[str, Any]:
        """The run, once it is finished."""
        return wait_for(
            lambda: next((r for r in self.runs() if r["runId"] == run_id and r["status"] in FINISHED), None),
            "the run is finished",
        )

    def check(self, asset: str, name: str) -> tuple[str, str, str]:
        """How a check of an asset came out when it was made last: status, severity, and what it says."""
        node = self.ask(CHECKS, asset=asset.split("."))["assetNodeOrError"]
        found = {one["name"]: one for one in node["assetChecksOrError"]["checks"]}[name]
        assert found["canExecuteIndividually"] == "CAN_EXECUTE"
        of = found["executionForLatestMaterialization"]
        evaluation = of["evaluation"] or {}
        return str(of["status"]), str(evaluation.get("severity")), str(evaluation.get("description") or "")

    def sensor(self) -> tuple[str, str]:
        """Whether `dropped_files` is switched on, and what it said at its latest look."""
        state = self.ask(TICKS, sensor=SENSOR)["sensorOrError"]["sensorState"]
        said = next((tick["skipReason"] or tick["status"] for tick in state["ticks"]), "")
        return str(state["status"]), str(said)

    def end(self) -> int:
        """Ctrl-C, and what the process then returns."""
        if self.process.poll() is None:
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGINT)
            else:
                self.process.send_signal(getattr(signal, "CTRL_BREAK_EVENT"))  # noqa: B009
        return self.process.wait(timeout=60)


def wait_for(look: Callable[[], T | None], what: str, seconds: float = WAIT_SECONDS) -> T:
    """The first thing that a look finds; raises AssertionError where it finds nothing for so long."""
    until = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < until, f"waited {seconds} s in vain until {what}"
        time.sleep(0.25)


class Looked:
    """The pages in a headless Chromium, in one window; what was seen is kept as pictures."""

    def __init__(self, address: str, browser: Browser, pictures: Path) -> None:
        self.address, self.pictures, self.taken = address, pictures, 0
        self.page: Page = browser.new_page(viewport={"width": 1400, "height": 1000})
        self.page.set_default_timeout(60_000)

    def at(self, path: str, *texts: str, picture: str = "") -> Page:
        """A page of Dagster's that shows some texts."""
        self.page.goto(f"{self.address}/{path}", wait_until="domcontentloaded")
        for text in texts:
            self.page.get_by_text(text).first.wait_for()
        if texts:
            self.page.get_by_text(texts[-1]).first.scroll_into_view_if_needed()
        if picture:
            self.take(picture)
        return self.page

    def take(self, picture: str) -> None:
        """Keep what is seen now, numbered in the order of the story, and close it: a page asks again and again."""
        self.taken += 1
        self.page.screenshot(path=self.pictures / f"{self.taken:02d}_{picture}.png")
        self.page.goto("about:blank")
