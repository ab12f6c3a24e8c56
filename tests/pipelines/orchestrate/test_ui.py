"""Starting and ending Dagster's processes. Its real pages, at work over a year, are in `tests/test_story.py`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.orchestrate.ui import environment, serve_ui
from pipelines.tables import REPOSITORY

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
