"""`places release`: what it says, its exit codes, and that it holds the run lock where it changes anything."""

from __future__ import annotations

import copy
import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.cli import main
from pipelines.release import releases
from pipelines.run import Output
from tests.pipelines.test_release import Borough


class Three:
    """Three releases in an output folder, in which the bins' use was 3, 8 and 77."""

    def __init__(self, borough: Borough, output: Path) -> None:
        self.borough, self.output = borough, output
        self.ids = [one.release_id for one in releases(borough.root)]

    def places(self, *arguments: str) -> int:
        return main(["release", *arguments, "--output", str(self.output)])

    def damage(self, place: int) -> None:
        page = releases(self.borough.root)[place].path / "index.html"
        page.chmod(0o644)
        page.write_text("other", "utf-8")


def writable(root: Path) -> None:
    """What is read-only, pytest could not take away."""
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Borough]:
    root = tmp_path_factory.mktemp("three") / "output" / "published"
    with duckdb.connect(config={"threads": "1"}) as con:
        borough = Borough(con, root)
        borough.release()
        for use in (8, 77):
            borough.change(use)
            borough.release()
        yield borough
    writable(root)


@pytest.fixture
def three(made: Borough, tmp_path: Path) -> Iterator[Three]:
    shutil.copytree(made.root, tmp_path / "output" / "published", symlinks=True)
    own = copy.copy(made)
    own.root = tmp_path / "output" / "published"
    yield Three(own, tmp_path / "output")
    writable(tmp_path)


def test_list_and_diff_tell_what_is_there_and_what_changed(
    three: Three, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert three.places("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == three.ids[::-1]
    assert [" current " in line for line in lines[1:]] == [True, False, False]
    assert all(" whole " in line for line in lines[1:])
    one = releases(three.borough.root)[2]
    assert one.content_sha256[:12] in lines[1]
    assert f"{one.made_at:%Y-%m-%d %H:%M:%S}" in lines[1]

    assert three.places("diff") == 0
    told = capsys.readouterr().out
    assert f"From {three.ids[1]} (1 October 2026, 09:32 UTC) to {three.ids[2]} (" in told
    assert "demand_by_area (7 rows): 1 changed\n  recorded_use: 1 higher by 69\n" in told
    assert three.places("diff", three.ids[0], "--rows") == 0
    assert ": recorded_use 3 -> 77" in capsys.readouterr().out
    assert three.places("diff", three.ids[2], three.ids[0], "--json", "--csv", str(tmp_path / "d.csv")) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["old"], data["new"]) == (three.ids[2], three.ids[0])
    (demand,) = (table for table in data["tables"] if table["table"] == "demand_by_area")
    assert demand["figures"][0]["differences"] == [{"difference": -74.0, "rows": 1}]
    with (tmp_path / "d.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert ("demand_by_area", "recorded_use", "77", "3") in {
        (row["table"], row["column"], row["old"], row["new"]) for row in rows
    }


def test_rollback_goes_back_and_forward(three: Three, capsys: pytest.CaptureFixture[str]) -> None:
    assert three.places("rollback") == 0
    told = capsys.readouterr().out
    assert f"{three.ids[1]} is current now, in place of {three.ids[2]}." in told
    assert "The next run makes a new release" in told
    assert f"To undo: places release rollback {three.ids[2]}" in told
    assert three.borough.use() == 8
    assert three.places("rollback", three.ids[1]) == 0
    assert "is current already" in capsys.readouterr().out
    assert three.places("rollback") == 0
    assert three.borough.use() == 3
    assert three.places("rollback") == 2
    assert f"there is no release before the current one, {three.ids[0]}" in capsys.readouterr().err
    assert three.places("rollback", "20200101T000000Z") == 2
    assert f"known are {', '.join(three.ids)}" in capsys.readouterr().err
    assert three.places("rollback", three.ids[2]) == 0
    assert three.borough.use() == 77
    # The next run makes a release anew, whatever was gone back to.
    assert three.places("rollback", three.ids[0]) == 0
    assert three.borough.release().is_new
    assert three.borough.use() == 77


def test_damage_is_shown_and_not_gone_back_to(three: Three, capsys: pytest.CaptureFixture[str]) -> None:
    three.damage(1)
    about = releases(three.borough.root)[0].path / "release.json"
    about.chmod(0o644)
    about.write_text("{", "utf-8")
    assert three.places("list") == 1
    shown = capsys.readouterr()
    assert [line.split()[-2] for line in shown.out.splitlines()[1:]] == ["whole", "damaged", "damaged"]
    assert f"{three.ids[1]} is damaged: index.html was changed" in shown.err
    assert f"{three.ids[0]} is damaged: release.json was changed" in shown.err
    assert three.places("rollback") == 1
    told = capsys.readouterr().err
    assert "is damaged: index.html was changed\nNothing was changed." in told
    assert "Traceback" not in told
    assert three.borough.use() == 77
    (releases(three.borough.root)[0].path / "catalogue.json").rename(three.output / "elsewhere")
    assert three.places("diff", three.ids[0]) == 1
    assert "cannot be compared" in capsys.readouterr().err


def test_prune_never_takes_the_current_one(three: Three, capsys: pytest.CaptureFixture[str]) -> None:
    assert three.places("rollback", three.ids[0]) == 0
    capsys.readouterr()
    assert three.places("prune", "--keep", "1") == 0
    told = capsys.readouterr().out
    assert f"Removed {three.ids[1]} (" in told
    assert "Readers may have kept them" in told
    assert [one.release_id for one in releases(three.borough.root)] == [three.ids[0], three.ids[2]]
    assert list((three.borough.root / "releases").glob(".*")) == []
    assert three.borough.use() == 3
    assert three.places("prune", "--keep", "1") == 0
    assert "Nothing to remove" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        three.places("prune", "--keep", "0")
    assert "wanted a whole number from 1; found `0`" in capsys.readouterr().err


def test_a_killed_removal_is_finished_by_the_next(three: Three) -> None:
    folder = three.borough.root / "releases"
    (folder / three.ids[0]).chmod(0o755)
    (folder / three.ids[0]).rename(folder / f".removing-{three.ids[0]}")
    assert three.places("list") == 0
    assert three.places("prune", "--keep", "9") == 0
    assert sorted(path.name for path in folder.iterdir()) == three.ids[1:]


def test_while_a_run_is_at_work_nothing_is_switched_or_removed(
    three: Three, capsys: pytest.CaptureFixture[str]
) -> None:
    with Output(three.output).lock():
        assert three.places("rollback") == 4
        assert three.places("prune", "--keep", "1") == 4
        assert three.places("list") == 0
        assert three.places("diff") == 0
    assert capsys.readouterr().err.count("another run is at work on") == 2
    assert three.borough.use() == 77
    assert len(releases(three.borough.root)) == 3


@pytest.mark.parametrize("way", [["list"], ["diff"], ["rollback"], ["prune", "--keep", "2"]])
def test_where_there_is_no_release_nothing_is_made(
    way: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["release", *way, "--output", str(tmp_path / "nowhere")]) == 2
    assert "found none. `places run` makes the first." in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()
