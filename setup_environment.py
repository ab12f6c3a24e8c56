"""Sets up `.venv` beside this file: the locked dependencies, then this project itself.

    python setup_environment.py          what running needs
    python setup_environment.py --dev    and what tests and lint need

`make` calls it before everything else. It needs nothing but a Python of the right age: no compiler, no uv, and where
Python comes without ensurepip, whatever pip there is, or Debian's package of it. Every package is checked against the
hashes in the lock. Where the environment is there already, and made from the same lock, it does nothing and says
nothing: run it as often as you like.

pip reads its settings as always (PIP_INDEX_URL, PIP_CERT, HTTPS_PROXY, pip.conf). Which packages belong in the
environment is said in pyproject.toml, not here.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
ENVIRONMENT_PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOG = ENVIRONMENT / "setup.log"

# As `requires-python` in pyproject.toml (a test compares them).
OLDEST, NEWEST = (3, 11), (3, 13)

LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}

WHAT_TO_DO = """\
What helps most often:
  no connection, or a proxy    set HTTPS_PROXY (as for your other programs) and try again
  your own package index       set PIP_INDEX_URL to its address
  a certificate of your own    set PIP_CERT to the file that holds it
  "hashes do not match"        the package was changed on its way: tell whoever runs your index or proxy
Then run the same command again: it goes on with what it has fetched already."""


class SetupFailed(Exception):
    """Setting up cannot go on; the text says why and what to do."""


def main() -> int:
    """Set up the environment as the command line asks; returns the exit code."""
    parser = argparse.ArgumentParser(description="Sets up .venv with what Connected Places needs.")
    parser.add_argument("--dev", action="store_true", help="also what tests and lint need")
    wanted = "dev" if parser.parse_args().dev else "run"
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return run_with_another_python()
    try:
        if not is_set_up(wanted):
            set_up(wanted)
    except SetupFailed as why:
        print(f"\nSetting up failed. {why}", file=sys.stderr)
        return 1
    return 0


def is_set_up(wanted: str) -> bool:
    """Whether `.venv` was finished from the present lock, by this Python, in this folder."""
    stamp = stamp_path(wanted)
    return ENVIRONMENT_PYTHON.exists() and stamp.exists() and stamp.read_text("utf-8") == fingerprint(wanted)


def set_up(wanted: str) -> None:
    """Make `.venv` anew, or add what is missing where only the tests' tools are; raises SetupFailed."""
    began = time.monotonic()
    if wanted == "dev" and is_set_up("run"):
        print("Adding what tests and lint need to .venv (once) ...", flush=True)
    else:
        print("Setting up .venv (once; a few minutes on a slow line) ...", flush=True)
        make_environment()
    count = install_locked(LOCKS[wanted])
    # In place and with the setuptools of the lock: nothing is fetched, and edits count at once.
    pip("install", "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(ROOT))
    for name in {"run", wanted}:
        stamp_path(name).write_text(fingerprint(name), "utf-8")
    print(f"  {count} packages in {time.monotonic() - began:.0f} s", flush=True)


def make_environment() -> None:
    """An empty `.venv` in place of any that is there, with pip in it where this Python can; raises SetupFailed."""
    # Where this runs inside an environment, the new one is made from the Python below it.
    if not has_module("ensurepip") and not has_module("pip"):
        install_ensurepip()
    how = [] if has_module("ensurepip") else ["--without-pip"]
    made = subprocess.run(
        [base_python(), "-m", "venv", "--clear", *how, str(ENVIRONMENT)], capture_output=True, text=True
    )
    if made.returncode != 0:
        raise SetupFailed(
            f"{base_python()} could not make {ENVIRONMENT}:\n{made.stdout}{made.stderr}\n"
            "If a program is running from .venv (a notebook, `make ui`), close it; then try again."
        )


def base_python() -> str:
    """The Python that the environment is made from."""
    return getattr(sys, "_base_executable", None) or sys.executable


def has_module(name: str) -> bool:
    """Whether the base Python has a module."""
    return subprocess.run([base_python(), "-c", f"import {name}"], capture_output=True).returncode == 0


def install_ensurepip() -> None:
    """Debian parts ensurepip from Python: as root, fetch its package; else say what to type. Raises SetupFailed."""
    package = "python{}.{}-venv".format(*sys.version_info)
    apt, is_root = shutil.which("apt-get"), hasattr(os, "geteuid") and os.geteuid() == 0
    if apt and is_root:
        print(f"  this Python has neither pip nor ensurepip: installing Debian's {package} ...", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = [apt, "install", "-y", "-qq", "--no-install-recommends", package]
        for command in ([apt, "update", "-qq"], install):
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
        if done.returncode == 0 and has_module("ensurepip"):
            return
    raise SetupFailed(
        "This Python has neither pip nor ensurepip, and one of them is needed to install anything.\n"
        f"  Debian, Ubuntu    sudo apt-get install {package}\n"
        "  elsewhere         install Python from python.org, which has both\n"
        "Then run the same command again."
    )


def install_locked(lock: Path) -> int:
    """Install what the lock says, each package checked by its hash; returns how many were added."""
    # --no-deps: the lock is complete, so there is nothing to look up. --no-compile: Python compiles a module
    # when it is first imported; most never are, and compiling them all takes as long as everything else here.
    how = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile")
    output = pip("install", *how, "--requirement", str(lock))
    added = [line for line in output if line.startswith("Successfully installed ")]
    return len(added[0].split()) - 2 if added else 0


def pip(*arguments: str) -> list[str]:
    """Run pip on the environment; returns the lines it printed, which the log keeps; raises SetupFailed."""
    # -I: no PYTHONPATH and no user packages from outside the environment.
    command = [str(ENVIRONMENT_PYTHON), "-I", "-m", "pip", *arguments]
    if subprocess.run([*command[:4], "--version"], capture_output=True).returncode != 0:
        command = [base_python(), "-m", "pip", "--python", str(ENVIRONMENT_PYTHON), *arguments]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    lines: list[str] = []
    fetched = 0
    show_progress = sys.stdout.isatty()
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n")
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                lines.append(line.rstrip())
                fetched += line.startswith("Collecting ")
                if show_progress and fetched:
                    doing = "being installed" if line.startswith("Installing") else "fetched"
                    print(f"\r  {fetched} packages {doing} ", end="", flush=True)
    if show_progress and fetched:
        print("\r" + " " * 40 + "\r", end="")
    if process.returncode != 0:
        telling = [line for line in lines if not line.startswith(("Ignoring ", "WARNING: Retrying "))]
        last = "\n".join(f"  | {line}" for line in telling[-6:])
        raise SetupFailed(f"The last lines of pip (all of them are in {LOG}):\n{last}\n\n{WHAT_TO_DO}")
    return lines


def stamp_path(wanted: str) -> Path:
    """The file in `.venv` that says from what it was finished."""
    return ENVIRONMENT / f"set-up-{wanted}.txt"


def fingerprint(wanted: str) -> str:
    """What the environment depends on: lock, pyproject.toml's entry, this file, Python, the checkout's folder."""
    import tomllib  # here, so that a Python too old for it still reaches the message that says so

    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (LOCKS[wanted], Path(__file__))]
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    installed_as = [configuration[table] for table in ("build-system", "project")]
    digests.append(hashlib.sha256(repr(installed_as).encode()).hexdigest())
    return "\n".join([*digests, "Python {}.{}".format(*sys.version_info), str(ROOT), ""])


def run_with_another_python() -> int:
    """Run this script again with a Python of the right age, where there is one; returns the exit code."""
    ages = [f"3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    for age in ages:
        for command in (["py", f"-{age}"], [f"python{age}"]):
            program = shutil.which(command[0])
            if program is None:
                continue
            python = [program, *command[1:]]
            # Launchers and shims exist for versions that are not installed: ask before trusting.
            answer = subprocess.run([*python, "-c", "print(2 * 3)"], capture_output=True, text=True)
            if answer.stdout.strip() == "6":
                return subprocess.run([*python, str(Path(__file__).resolve()), *sys.argv[1:]]).returncode
    print(
        "Connected Places needs Python {}.{} to {}.{}; this is {}.{}, and no other was found.\n"
        "Install one (Debian, Ubuntu: apt-get install python3; Windows, macOS: python.org) and say which:\n"
        "  make run PYTHON=python3.12        or    py -3.12 setup_environment.py".format(
            *OLDEST, *NEWEST, *sys.version_info[:2]
        ),
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
