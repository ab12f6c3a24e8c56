"""Fixtures that several test files share: a browser, a page without network, the sample, a finished run, real data.

What only one test file needs stays in that file. A test that cannot run here is skipped with a reason, and
the last lines of the test run say in plain words how to have it run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, WebSocket, sync_playwright

from tests.small_run import Small, make_small, small_of

REPOSITORY = Path(__file__).resolve().parent.parent

# There are as many test processes as cores: with more threads each they would only wait for one another. That the bytes
# are the same with more of them is what tests/pipelines/test_warehouse.py, test_run.py and tests/test_sample.py ask.
os.environ.setdefault("PLACES_THREADS", "1")

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSIDE_THE_PAGE = ("file:", "data:", "blob:", "about:")

NO_BROWSER = "no Chromium was found"
NO_DRIVER = "Playwright's driver did not start"
NO_REAL_DATA = "no folder of real open data"
HOW_TO_RUN = {
    NO_BROWSER: "install Chromium (Debian: apt-get install chromium) or set PLACES_CHROMIUM to its program",
    NO_DRIVER: "on Debian, apt-get install libatomic1; elsewhere, `.venv/bin/playwright --version` says why",
    NO_REAL_DATA: "set PLACES_REAL_DATA to the folder that holds it",
}


@dataclass
class OfflinePage:
    """A browser page that cannot reach any network, and what went wrong in it."""

    page: Page
    # Texts of console errors and of exceptions that no script caught.
    errors: list[str] = field(default_factory=list)
    # Addresses outside the page and its disk that it asked for (and did not get).
    requests: list[str] = field(default_factory=list)

    def open(self, path: Path) -> Page:
        """Open a file of this machine and wait until it has loaded."""
        self.page.goto(path.resolve().as_uri(), wait_until="load")
        return self.page

    def note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def note_exception(self, error: Error) -> None:
        self.errors.append(str(error))

    def note_request(self, request: Request) -> None:
        if not request.url.startswith(INSIDE_THE_PAGE):
            self.requests.append(request.url)

    def note_socket(self, socket: WebSocket) -> None:
        self.requests.append(socket.url)


def is_on(variable: str) -> bool:
    """Whether an environment variable is set to something other than nothing or 0."""
    return os.environ.get(variable, "") not in ("", "0")


def find_chromium() -> str | None:
    """The Chromium of PLACES_CHROMIUM, else the first on the PATH; None where there is none."""
    named = os.environ.get("PLACES_CHROMIUM")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


# One browser a test file: Playwright keeps an event loop running in this thread while it is started, so with
# one for the whole run asyncio.run() would fail in every later file, and the notebooks' tests need it.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium; skips without one, or fails where PLACES_REQUIRE_BROWSER is set."""
    chromium = find_chromium()
    if chromium is None:
        cannot_run(NO_BROWSER)
    playwright = sync_playwright()
    try:
        driver = playwright.start()
    except Exception as error:  # Playwright's own type is a plain Exception here
        cannot_run(NO_DRIVER, error)
    try:
        opened = driver.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield opened
        opened.close()
    finally:
        driver.stop()


def cannot_run(reason: str, cause: Exception | None = None) -> NoReturn:
    """Skip, or fail where PLACES_REQUIRE_BROWSER is set, with the reason and what to do about it."""
    text = f"{reason}: {HOW_TO_RUN[reason]}"
    if is_on("PLACES_REQUIRE_BROWSER"):
        raise AssertionError(text) from cause
    pytest.skip(text)


@pytest.fixture
def offline_page(browser: Browser) -> Iterator[OfflinePage]:
    """A page without network. The test fails where the page asked for anything outside, or had an error.

    A test that means to provoke one takes it from the lists `requests` and `errors` itself.
    """
    context = browser.new_context(
        offline=True, viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    page = context.new_page()
    watched = OfflinePage(page)
    page.on("console", watched.note_console)
    page.on("pageerror", watched.note_exception)
    page.on("websocket", watched.note_socket)
    context.on("request", watched.note_request)
    yield watched
    context.close()
    assert not watched.requests, f"the page asked the network for {watched.requests}"
    assert not watched.errors, f"errors in the page: {watched.errors}"


@pytest.fixture(scope="session")
def sample() -> Path:
    """The authority folder of the invented borough."""
    return REPOSITORY / "data" / "sample"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A finished run of the small authority, this process's own copy: look, and leave it as it is."""
    own = tmp_path_factory.mktemp("small")
    # pytest-xdist gives each of its processes a folder below that of the test run.
    shared = own.parent.parent if "PYTEST_XDIST_WORKER" in os.environ else own.parent
    made = shared / "small-made-once"
    with FileLock(shared / "small-made-once.lock"):
        if not made.exists():
            make_small(shared / "small-begun")
            (shared / "small-begun").rename(made)
    return small_of(made, own)


@pytest.fixture
def own(small: Small, tmp_path: Path) -> Small:
    """A copy of the small authority and its output, to be changed at will; Dagster's history of it is empty."""
    return small.copied(tmp_path, "dagster")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real open data, which is not part of this repository; skips without one."""
    beside = REPOSITORY.parent / "shared" / "data" / "real"
    folder = Path(os.environ.get("PLACES_REAL_DATA") or beside).expanduser()
    if not folder.is_dir():
        pytest.skip(f"{NO_REAL_DATA}: {HOW_TO_RUN[NO_REAL_DATA]}")
    return folder.resolve()


# The files that take longest: begun last, one of them would be waited for with the other cores idle.
LONGEST_FIRST = (
    "test_story.py", "test_sample.py", "test_execution.py", "test_forgetting.py", "test_run.py", "test_canaries.py",
    "test_maps.py", "test_cli.py", "test_release.py", "test_borough.py", "test_scan.py", "test_noninterference.py",
)  # fmt: skip


# Files most of whose time goes into whole runs, killed or not, of the sample or of an authority of their own.
WHOLE_RUNS = (
    "test_story.py", "test_sample.py", "test_execution.py", "test_forgetting.py", "test_run.py", "test_canaries.py",
    "test_sensors.py", "test_noninterference.py", "test_notebooks.py", "test_cli.py", "test_ui.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; and tests marked by what they need, so that `-m "not browser"` leaves them out."""
    turns = {name: turn for turn, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: turns.get(item.path.name, len(turns)))
    for item in items:
        if item.path.name in WHOLE_RUNS:
            item.add_marker("slow")
        for name in ("browser", "real_data"):
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(name)


# Outermost, so that these lines come last, right above the closing line.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Say in plain words what was skipped for want of something, and how to have it run."""
    yield
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", ())]
    for reason, remedy in HOW_TO_RUN.items():
        count = sum(reason in text for text in reasons)
        if count:
            tests = "1 test was" if count == 1 else f"{count} tests were"
            terminalreporter.write_line(f"{tests} skipped, since {reason}. To run them: {remedy}.")
