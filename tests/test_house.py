"""The house that everything stands in: layout, dependencies and their locks, setting up, the browser's fixtures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import setup_environment
from tests.conftest import OfflinePage

REPOSITORY = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
MEGABYTE = 1_000_000

CODE_FOLDERS = {"assets", "benchmarks", "data", "pipelines", "tests"}
TOP_LEVEL = CODE_FOLDERS | {
    ".ci",
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "DATA_LICENCES.md",
    "LICENSE",
    "Makefile",
    "NOTICE",
    "README.md",
    "SECURITY.md",
    "dagster.yaml",
    "docs",
    "examples",
    "notebooks",
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements.lock",
    "setup_environment.py",
}


def git(*arguments: str) -> list[str]:
    """The lines that git prints here; skips where there is no git or no repository (an unpacked archive)."""
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-c", f"safe.directory={REPOSITORY}", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Every file that is in the repository or would be by `git add .`, relative to its top."""
    names = git("-c", "core.quotePath=off", "ls-files", "--cached", "--others", "--exclude-standard")
    return [Path(name) for name in names if (REPOSITORY / name).is_file()]


def locked(name: str) -> dict[str, list[str]]:
    """What a lock pins: package name to its entries, each with its hashes."""
    entries = re.split(r"\n(?=[a-z0-9])", (REPOSITORY / name).read_text("utf-8"))
    packages: dict[str, list[str]] = {}
    for entry in entries:
        if pinned := re.match(r"([a-z0-9-]+)(\[[a-z0-9,-]+\])?==\S+", entry):
            packages.setdefault(pinned[1], []).append(entry)
    return packages


def declared() -> dict[str, list[str]]:
    """The dependencies that pyproject.toml asks for, by the lock that must hold them."""
    configuration = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    run = configuration["project"]["dependencies"]
    return {
        "requirements.lock": run,
        "requirements-dev.lock": run + configuration["dependency-groups"]["dev"],
    }


# Dependencies


def test_each_dependency_says_what_it_is_for() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    for requirement in declared()["requirements-dev.lock"]:
        assert re.search(rf'^    "{re.escape(requirement)}",  # .{{10,}}', text, re.M), (
            f"{requirement}: no reason"
        )


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_every_dependency(lock: str) -> None:
    wanted = {re.split(r"[<>=!~\[; ]", requirement)[0] for requirement in declared()[lock]}
    assert wanted - set(locked(lock)) == set(), "run the commands of CONTRIBUTING.md, Renew the lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    packages = locked(lock)
    assert len(packages) > 50
    for name, entries in packages.items():
        for entry in entries:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), f"{name}: no hash"


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host(lock: str) -> None:
    """Or a machine with a package index of its own could not use it."""
    assert re.findall(r"\S*://\S*|^-.*|.* @ .*", (REPOSITORY / lock).read_text("utf-8"), re.M) == []


def test_tests_run_on_the_versions_that_users_run() -> None:
    run, dev = (
        {
            name: {entry.split()[0].partition("==")[2] for entry in entries}
            for name, entries in locked(lock).items()
        }
        for lock in LOCKS
    )
    assert {name: dev.get(name) for name in run} == run


# Setting up


def test_setting_up_again_does_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not setup_environment.is_set_up("dev"):
        pytest.skip("not run from the environment that setup_environment.py makes")
    monkeypatch.setattr(sys, "argv", ["setup_environment.py", "--dev"])
    assert setup_environment.main() == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("change", ["lock", "python", "folder"])
def test_environment_made_from_something_else_is_made_anew(
    change: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = setup_environment.fingerprint("run")
    if change == "lock":
        other = tmp_path / "requirements.lock"
        other.write_text(setup_environment.LOCKS["run"].read_text("utf-8") + "\n", "utf-8")
        monkeypatch.setitem(setup_environment.LOCKS, "run", other)
    elif change == "python":
        monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    else:
        shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
        monkeypatch.setattr(setup_environment, "ROOT", tmp_path)
    assert setup_environment.fingerprint("run") != before


def test_python_with_neither_pip_nor_ensurepip_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(setup_environment, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(setup_environment, "has_module", lambda name: False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(setup_environment.SetupFailed, match="apt-get install python3"):
        setup_environment.make_environment()
    assert not (tmp_path / ".venv").exists()


def test_failed_install_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With an index that does not answer: this machine's own port 9, where nothing listens."""
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"no-such-package==1.0 --hash=sha256:{'0' * 64}\n", "utf-8")
    monkeypatch.setattr(setup_environment, "ENVIRONMENT_PYTHON", Path(sys.executable))
    monkeypatch.setattr(setup_environment, "LOG", tmp_path / "setup.log")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(setup_environment.SetupFailed, match=r"(?s)no-such-package.*PIP_INDEX_URL"):
        setup_environment.install_locked(lock)
    assert "no-such-package" in (tmp_path / "setup.log").read_text("utf-8")


def test_setup_supports_the_pythons_that_pyproject_asks_for() -> None:
    configuration = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    oldest, newest = setup_environment.OLDEST, setup_environment.NEWEST
    assert configuration["project"]["requires-python"] == f">=3.{oldest[1]},<3.{newest[1] + 1}"


def test_places_command_is_there() -> None:
    places = Path(sys.executable).with_name("places.exe" if os.name == "nt" else "places")
    if not places.exists():
        pytest.skip("not run from the environment that setup_environment.py makes")
    answer = subprocess.run([places, "--help"], capture_output=True, text=True, cwd=REPOSITORY.parent)
    assert answer.returncode == 0, answer.stderr
    assert "run" in answer.stdout


def test_make_alone_lists_the_targets() -> None:
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    listed = subprocess.run(
        ["make", "-C", str(REPOSITORY)], check=True, capture_output=True, text=True
    ).stdout
    for target in ("run", "test", "ui", "lint", "bench", "clean", "setup"):
        assert re.search(rf"^ +make {target} +\w", listed, re.M), f"make {target} is not in the list"


# Layout


def test_top_level_holds_what_is_meant_to_be_there(files: list[Path]) -> None:
    unexpected = {file.parts[0] for file in files} - TOP_LEVEL
    assert unexpected == set(), "give it a place below, or add it to TOP_LEVEL with intent"


def test_no_name_that_says_nothing(files: list[Path]) -> None:
    empty_names = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}
    assert [file for file in files if empty_names & {part.partition(".")[0] for part in file.parts}] == []


def test_nothing_that_is_made_is_committed(files: list[Path]) -> None:
    made = (".duckdb", ".log", ".pyc", ".wal")
    assert [file for file in files if file.suffix in made or file.parts[0] in ("output", ".venv")] == []


def test_no_file_over_three_megabytes(files: list[Path]) -> None:
    assert [file for file in files if (REPOSITORY / file).stat().st_size > 3 * MEGABYTE] == []


def test_each_test_file_mirrors_a_file_of_code(files: list[Path]) -> None:
    """tests/pipelines/test_x.py tests pipelines/x.py, pipelines/x/ or, for an asset, its SQL or YAML."""
    mirrors = {Path(top) for top in ("assets", "data", "pipelines")}
    lonely = []
    for file in files:
        inside = Path(*file.parts[1:])
        if (
            file.parts[0] != "tests"
            or not file.name.startswith("test_")
            or Path(inside.parts[0]) not in mirrors
        ):
            continue
        subject = REPOSITORY / inside.parent / file.stem.removeprefix("test_")
        if not (subject.is_dir() or any(subject.parent.glob(f"{subject.name}.*"))):
            lonely.append(str(file))
    assert lonely == []


def test_no_address_of_this_machine_in_the_code(files: list[Path]) -> None:
    """Such as a home folder: it would work for its author alone."""
    here = {str(REPOSITORY), str(Path.home())} - {"/"}
    found = []
    for file in files:
        if file.suffix in {".md", ".py", ".sql", ".toml", ".yaml", ".html", ".ipynb"}:
            text = (REPOSITORY / file).read_text("utf-8")
            found += [f"{file}: {path}/" for path in here if f"{path}/" in text]
    assert found == []


def test_ci_is_executable(files: list[Path]) -> None:
    assert Path(".ci/run") in files
    mode = git("ls-files", "--stage", ".ci/run")
    executable = mode[0].startswith("100755") if mode else os.access(REPOSITORY / ".ci" / "run", os.X_OK)
    assert executable


# The browser's fixtures


@pytest.fixture
def quiet_after(offline_page: OfflinePage) -> Iterator[OfflinePage]:
    """A page whose noise is meant: forgotten before `offline_page` looks at it."""
    yield offline_page
    offline_page.requests.clear()
    offline_page.errors.clear()


def test_page_that_asks_the_network_is_noticed(quiet_after: OfflinePage, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<script src="https://tiles.example/leaflet.js"></script><p id="said">none</p>', "utf-8")
    opened = quiet_after.open(page)
    assert opened.inner_text("#said") == "none"
    assert quiet_after.requests == ["https://tiles.example/leaflet.js"]
    assert any("ERR_INTERNET_DISCONNECTED" in error for error in quiet_after.errors)


def test_error_in_a_page_is_noticed(quiet_after: OfflinePage, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>L.map('map')</script>", "utf-8")
    quiet_after.open(page)
    assert quiet_after.errors == ["L is not defined"]
    assert quiet_after.requests == []
