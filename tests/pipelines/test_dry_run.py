"""The copy that a dry run works in: what is in it, that nothing of it reaches the real one, and that it always goes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines import release
from pipelines.dry_run import copied
from pipelines.journal import Journal
from pipelines.run import AnotherRun, Output
from pipelines.tables import Column, Table
from pipelines.warehouse import Warehouse
from tests.pipelines.test_release import Borough

HOME = Table("places", "home", "Homes.", (Column("uprn", "BIGINT", "UPRN"),), ("uprn",))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Output]:
    """An output folder with a table, a key, and two releases of which the earlier is current."""
    output = Output(tmp_path_factory.mktemp("made") / "output")
    output.prepare()
    with Warehouse(output.restricted / "warehouse").connect() as con:
        Warehouse(output.restricted / "warehouse").write(con, HOME, "SELECT 1::BIGINT AS uprn")
    (output.restricted / "pseudonym.key").write_text("k" * 64, "utf-8")
    Journal(output.restricted).append("run started")
    (output.restricted / "worksheets").mkdir()
    (output.restricted / "worksheets" / "review.csv").write_text("row\n", "utf-8")
    (output.restricted / "dagster").mkdir()
    (output.restricted / "dagster" / "history.db").write_text("events", "utf-8")
    with duckdb.connect(config={"threads": "1"}) as con:
        borough = Borough(con, output.published)
        first = borough.release()
        borough.change(8)
        borough.release()
    release.switch(output.published, first.release_id)
    yield output
    for path in output.root.rglob("*"):  # what is read-only, pytest could not take away
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def state(output: Output) -> dict[str, tuple[bytes, int]]:
    """Every file that is the real output's, with its rights."""
    return {
        path.relative_to(output.root).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for path in sorted(output.root.rglob("*"))
        if path.is_file() and path.name != "run.lock"
    }


def test_a_copy_has_the_tables_the_key_and_every_release_and_costs_no_room(made: Output) -> None:
    with copied(made) as copy:
        assert copy.root.parent == made.restricted
        if os.name != "nt":
            assert stat.S_IMODE(copy.root.stat().st_mode) == 0o700
        warehouse = Warehouse(copy.restricted / "warehouse")
        path = warehouse.read_path("places", "home")
        real = Warehouse(made.restricted / "warehouse").read_path("places", "home")
        assert path is not None and real is not None
        assert path != real and path.samefile(real)
        assert (copy.restricted / "pseudonym.key").read_text("utf-8") == "k" * 64
        assert (copy.restricted / "worksheets" / "review.csv").is_file()
        assert not (copy.restricted / "dagster").exists()
        known = release.releases(copy.published)
        assert [(one.release_id, one.is_current) for one in known] == [
            (one.release_id, one.is_current) for one in release.releases(made.published)
        ]
        assert [release.damage(one.path) for one in known] == [[], []]


@pytest.mark.parametrize("ending", [None, RuntimeError, KeyboardInterrupt])
def test_nothing_done_in_the_copy_reaches_the_real_one_and_it_goes(
    made: Output, ending: type[BaseException] | None
) -> None:
    before = state(made)
    try:
        with copied(made) as copy:
            warehouse = Warehouse(copy.restricted / "warehouse")
            with warehouse.connect() as con:
                warehouse.write(con, HOME, "SELECT 2::BIGINT AS uprn")
                warehouse.drop_all_but(set())
                warehouse.sweep()
            (copy.restricted / "worksheets" / "review.csv").write_text("other\n", "utf-8")
            (copy.restricted / "pseudonym.key").write_text("other", "utf-8")
            release.roll_back(copy.published, release.releases(copy.published)[1].release_id)
            if ending:
                raise ending
    except (RuntimeError, KeyboardInterrupt):
        assert ending
    assert state(made) == before
    assert list(made.restricted.glob("dry-run-*")) == []


def test_what_a_killed_dry_run_left_goes_with_the_next_run(made: Output) -> None:
    before = state(made)
    held = copied(made)
    copy = held.__enter__()
    releases = copy.published / "releases"
    real = releases / release.releases(copy.published)[0].release_id
    # As a candidate release is, read-only.
    (releases / ".building-20270101T000000Z").mkdir()
    (releases / ".building-20270101T000000Z" / "index.html").write_text("", "utf-8")
    (releases / ".building-20270101T000000Z").chmod(0o555)
    assert release.is_link(real)
    assert made.clear_leavings() == 1
    assert not copy.root.exists()
    assert state(made) == before
    with pytest.raises(FileNotFoundError):  # what would have removed it finds that it is gone
        held.__exit__(None, None, None)


def test_a_dry_run_stands_in_the_journal(tmp_path: Path) -> None:
    """Who had the records read is to be known, even where nothing else is kept."""
    output = Output(tmp_path / "output")
    with copied(output) as copy:
        Journal(copy.restricted).append("run started", command="places run --dry-run")
    (line,) = Journal(output.restricted).lines()
    assert line.says is not None and line.says["command"] == "places run --dry-run"
    assert Journal(output.restricted).problems() == []


def test_a_copy_holds_the_run_lock(made: Output) -> None:
    with copied(made), pytest.raises(AnotherRun), made.lock():
        pass
    with made.lock(), pytest.raises(AnotherRun), copied(made):
        pass
    with made.lock():
        pass


def test_what_killed_runs_left_is_cleared_and_nothing_else(made: Output) -> None:
    before = state(made)
    left = [
        made.restricted / "spill" / "duckdb_temp_storage_DEFAULT-0.tmp",
        made.restricted / "pages" / f".demand.html.{'0' * 32}",
        made.restricted / f".settings.{'a' * 32}",
        made.published / f".index.html.{'0' * 32}",
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("", "utf-8")
    kept = made.restricted / ".hidden"
    kept.write_text("somebody's own", "utf-8")
    assert made.clear_leavings() == len(left)
    assert not [path for path in left if path.exists()]
    kept.unlink()
    assert state(made) == before


def test_an_output_with_nothing_in_it_can_be_copied(tmp_path: Path) -> None:
    with copied(Output(tmp_path / "output")) as copy:
        assert release.releases(copy.published) == []
    left = {path.name for path in (tmp_path / "output" / "restricted").iterdir()}
    assert left == {"journal.jsonl", "run.lock"}
