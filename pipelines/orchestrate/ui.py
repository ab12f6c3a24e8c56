"""Dagster's pages in the browser, for one authority and output folder, on this machine alone.

Here belongs starting and ending Dagster's own processes. What the pages show is `graph`; where their history is kept is
`instance`, the same as that of runs from the command line.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

from pipelines.orchestrate.instance import dagster_home, dagster_instance, end_lost_runs
from pipelines.orchestrate.sensors import WATCH
from pipelines.run import AnotherRun, Output
from pipelines.tables import REPOSITORY

LOG = "pages.log"
START_SECONDS = 120
STOP_SECONDS = 30
LOOK_SECONDS = 5
# `code_location_name` in pyproject.toml.
RELOAD = 'mutation { reloadRepositoryLocation(repositoryLocationName: "connected-places") { __typename } }'
# Linux: which signal a process wants when the one that started it has gone, however that went.
PR_SET_PDEATHSIG = 1
ENDING_SIGNALS = tuple(name for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


def serve_ui(
    authority_folder: Path, data: Path | None, output: Path, port: int = 3000, host: str = "127.0.0.1",
    watch: bool = False,
) -> int:  # fmt: skip
    """Start Dagster's pages and wait until somebody stops them with Ctrl-C; returns an exit code.

    With `watch` a file that is dropped into the authority folder starts a run of what it concerns. A description that
    comes, goes or is changed is taken up by itself.

    Prints one line with the address once they answer. What Dagster itself says goes to
    `restricted/dagster/pages.log` of the output folder. They have no login, so `host` should stay this machine.
    """
    if _is_taken(host, port):
        print(
            f"Port {port} is in use, perhaps by these pages already; choose another with --port.",
            file=sys.stderr,
        )
        return 1
    home = dagster_home(Output(output))
    _forget_lost_runs(Output(output))
    with (home / LOG).open("w", encoding="utf-8") as log, _stopped_like_ctrl_c():
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "dagster_dg_cli.cli",
                "dev",
                "--no-check-yaml",
                "--host",
                host,
                "--port",
                str(port),
            ],
            cwd=REPOSITORY,
            env={**environment(authority_folder, data, output, home), **({WATCH: "1"} if watch else {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for this process, which then ends Dagster once and waits for it.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            preexec_fn=ends_with_parent(),
        )
        try:
            if not _wait_until_it_answers(process, f"http://{host}:{port}/server_info"):
                print(f"Dagster did not start; it says why in {home / LOG}", file=sys.stderr)
                return 1
            print(f"Dagster: http://{host}:{port} (Ctrl-C ends it)", flush=True)
            code = _wait_and_take_up_descriptions(process, authority_folder, f"http://{host}:{port}/graphql")
            print(f"Dagster ended by itself; it says why in {home / LOG}", file=sys.stderr)
            return code or 1
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(process)


def _wait_and_take_up_descriptions(process: subprocess.Popen[bytes], folder: Path, address: str) -> int:
    """Wait until Dagster has ended; have it load the graph again whenever the descriptions have changed."""
    loaded = seen = _descriptions(folder)
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=LOOK_SECONDS)
        now = _descriptions(folder)
        if now != loaded and now == seen:  # and nobody is writing any more
            body = json.dumps({"query": RELOAD}).encode()
            request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
            with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=START_SECONDS):
                loaded = now
        seen = now


def _descriptions(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of each description in an authority folder."""
    found = {}
    for path in [
        *folder.glob("authority.yaml"),
        *folder.glob("*/*/dataset.yaml"),
        *folder.glob("*/*/source.yaml"),
    ]:
        with contextlib.suppress(OSError):
            is_now = path.stat()
            found[path.as_posix()] = (is_now.st_size, is_now.st_mtime_ns)
    return found


def environment(authority_folder: Path, data: Path | None, output: Path, home: Path) -> Mapping[str, str]:
    """The environment in which Dagster's processes load this authority and find its history."""
    settings = {
        **os.environ,
        "AUTHORITY": str(authority_folder.resolve()),
        "OUTPUT": str(output.resolve()),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        # The checkout need not be installed.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")])),
    }
    if data is not None or settings.get("PLACES_DATA"):
        # Dagster's processes stand in another folder than the person who gave a relative path.
        settings["PLACES_DATA"] = str((data or Path(settings["PLACES_DATA"])).resolve())
    return settings


def ends_with_parent() -> Callable[[], None] | None:
    """What a new process does first so that it is interrupted when its parent is gone, killed outright too.

    None where the system has no such thing (it is Linux's): there, whoever kills this process kills Dagster's too.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # gone already
            os.kill(os.getpid(), signal.SIGINT)

    return ask


def _forget_lost_runs(output: Output) -> None:
    try:
        with output.lock(), dagster_instance(output) as instance:
            end_lost_runs(instance)
    except AnotherRun:
        pass  # it is at work: what the history says of it is true


def _is_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _wait_until_it_answers(process: subprocess.Popen[bytes], address: str) -> bool:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask Dagster to end all its processes, and wait for it."""
    if process.poll() is not None:
        return
    # Whoever presses Ctrl-C again, out of impatience, would leave Dagster's processes behind.
    for name in ENDING_SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


@contextlib.contextmanager
def _stopped_like_ctrl_c() -> Iterator[None]:
    """A closed terminal, or a request to end, is answered like Ctrl-C, so that nothing is left running."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # Ctrl-C itself too: a shell without job control has its background processes, and theirs, ignore it.
    former = {name: signal.signal(getattr(signal, name), interrupt) for name in ENDING_SIGNALS}
    try:
        yield
    finally:
        for name, handler in former.items():
            signal.signal(getattr(signal, name), handler)
