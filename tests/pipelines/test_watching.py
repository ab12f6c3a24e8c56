"""Looking at an authority folder: what counts as new, what starts nothing, and what is said of it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.authority import load_authority
from pipelines.watching import HALF_COPIED_SECONDS, TRY_AGAIN_SECONDS, Look, Used, files_used, look
from tests.small_authority import write_small_authority
from tests.small_run import Small

TAX = "services.council_tax"
SEPTEMBER = "services/council_tax/council_tax_2026-09.csv"
SETTLE = 60


class Watched:
    """The small authority, with everything in it in use, looked at once a minute."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.cursor = folder, 1_000_000.0, ""
        self.used: dict[str, tuple[Used, ...]] = {}
        self.use_everything()
        self.look()
        self.look()

    def use_everything(self, **status: str) -> None:
        """As a run leaves it; `status` by the end of a file's name, where it is not `read`."""
        authority = load_authority(self.folder)
        files = {f"sources.{one.name}": authority.source_files(one) for one in authority.sources}
        files |= {f"services.{one.name}": authority.dataset_files(one) for one in authority.datasets}
        for name, paths in files.items():
            self.used[name] = tuple(
                Used(authority.shown(path), sha256(path), status.get(path.stem[-2:], "read"))
                for path in paths
            )

    def look(self, seconds: float = SETTLE) -> Look:
        self.now += seconds
        found = look(load_authority(self.folder), self.used, self.cursor, self.now, SETTLE)
        self.cursor = found.cursor
        return found

    def settled(self) -> Look:
        """The look at which what has come has settled."""
        self.look()
        return self.look()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(write_small_authority(tmp_path / "authority"))


@pytest.fixture
def september(watched: Watched) -> Path:
    return watched.folder / SEPTEMBER


def test_nothing_new_concerns_nothing(watched: Watched) -> None:
    found = watched.look()
    assert (dict(found.concerned), found.waiting, found.notes, found.key) == ({}, (), (), "")
    assert watched.look().cursor == found.cursor


def test_a_new_file_concerns_its_table_once_it_has_settled(watched: Watched, september: Path) -> None:
    october = september.with_name("council_tax_2026-10.csv")
    october.write_text(september.read_text().replace("CANARY-001", "CANARY-901"))
    first = watched.look()
    assert dict(first.concerned) == {}
    assert first.waiting == (
        "services/council_tax/council_tax_2026-10.csv: it has just come, or is still being copied",
    )
    with october.open("a") as more:
        more.write("CANARY-902,,,,,,\n")  # the copy goes on
    assert not watched.look().concerned
    assert not watched.look(SETTLE / 2).concerned
    found = watched.look(SETTLE / 2)
    assert dict(found.concerned) == {TAX: ("services/council_tax/council_tax_2026-10.csv",)}
    assert found.key


def test_the_same_content_is_asked_for_once(watched: Watched, september: Path) -> None:
    september.write_text(september.read_text() + "CANARY-901,,,,,,\n")
    asked = watched.settled()
    assert asked.concerned
    again = watched.look()
    assert not again.concerned
    assert "a run was started for this and did not finish" in again.notes[0]
    watched.use_everything()
    assert watched.look().notes == ()


def test_going_back_to_what_was_there_before_is_another_request(watched: Watched, september: Path) -> None:
    before = september.read_text()
    keys = []
    for text in (before + "CANARY-901,,,,,,\n", before, before + "CANARY-901,,,,,,\n"):
        september.write_text(text)
        keys.append(watched.settled().key)
        watched.use_everything()
    assert all(keys)
    assert len(set(keys)) == 3


def test_a_look_that_is_taken_again_comes_to_the_same_key(watched: Watched, september: Path) -> None:
    september.write_text(september.read_text() + "CANARY-901,,,,,,\n")
    watched.look()
    cursor = watched.cursor
    key = watched.look().key
    watched.cursor = cursor  # as if Dagster had been killed before it kept the new one
    assert watched.look().key == key


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: os.utime(path, (1, 1)), ""),
        (lambda path: path.rename(path.with_name("council_tax_final_2026-09.csv")), "under another name"),
        (lambda path: shutil.copy(path, path.with_name("council_tax_2026-09 (1).csv")), "is a copy of"),
        (lambda path: path.unlink(), "is gone; what was read of it stays in use until the next run"),
        (lambda path: shutil.copy(path, path.with_name("~$council_tax_2026-10.csv")), ""),
        (lambda path: shutil.copy(path, path.with_name(".council_tax_2026-10.csv")), ""),
        (lambda path: shutil.copy(path, path.with_name("council_tax_2026-10.csv.part")), ""),
        (lambda path: shutil.copy(path, path.with_name("council_tax_2026-10.crdownload")), ""),
    ],
    ids=["touched", "renamed", "copied", "removed", "lock file", "hidden", "part", "download"],
)
def test_what_starts_nothing_is_said(
    watched: Watched, september: Path, change: Callable[[Path], object], said: str
) -> None:
    change(september)
    found = watched.settled()
    assert not found.concerned
    assert [said in note for note in found.notes] == ([True] if said else [])


def test_the_same_extract_under_another_date_is_new(watched: Watched, september: Path) -> None:
    """It says how things stood a month later: that has to be read, and refused."""
    shutil.copy(september, september.with_name("council_tax_2026-10.csv"))
    assert set(watched.settled().concerned) == {TAX}


def test_all_files_gone_start_nothing(watched: Watched, september: Path) -> None:
    for path in september.parent.glob("*.csv"):
        path.unlink()
    found = watched.settled()
    assert not found.concerned
    assert "is a drive missing" in found.notes[0]


def test_files_that_are_back_clear_the_mark(watched: Watched) -> None:
    watched.use_everything(**{"09": "missing"})
    assert set(watched.look().concerned) == {TAX}


def test_a_refused_file_that_is_gone_or_mended_clears_its_report(watched: Watched, september: Path) -> None:
    watched.use_everything(**{"09": "refused"})
    text = september.read_text()
    september.unlink()
    assert dict(watched.look().concerned) == {TAX: (SEPTEMBER,)}
    september.write_text(text + "\n")
    assert dict(watched.settled().concerned) == {TAX: (SEPTEMBER,)}


def test_a_file_that_is_open_elsewhere_or_half_copied_is_waited_for(
    watched: Watched, september: Path
) -> None:
    october = september.with_name("council_tax_2026-10.zip")
    (watched.folder / "services/council_tax/dataset.yaml").write_text(
        (watched.folder / "services/council_tax/dataset.yaml")
        .read_text()
        .replace('"council_tax_*.csv"', '"c*"')
    )
    october.write_bytes(b"PK\x03\x04 without its end")
    watched.look()
    assert "it is not whole yet" in watched.look().waiting[0]
    lock = october.with_name(f"~${october.name}")
    lock.write_text("")
    assert lock.name in watched.look().waiting[0]
    lock.unlink()
    # So long after, it is no copy under way: it is read, and refused with the reason.
    assert set(watched.look(HALF_COPIED_SECONDS).concerned) == {TAX}


def test_a_changed_description_concerns_its_table(watched: Watched) -> None:
    path = watched.folder / "sites/libraries/dataset.yaml"
    path.write_text(path.read_text() + "keep_months: 24\n")
    assert dict(watched.look().concerned) == {"services.libraries": ("sites/libraries/dataset.yaml",)}
    assert not watched.look().concerned


def test_the_gazetteer_concerns_what_is_made_of_its_delivery(watched: Watched) -> None:
    path = next((watched.folder / "sources/llpg").glob("*.csv"))
    path.write_text(path.read_text() + "\n")
    assert set(watched.settled().concerned) == {
        "sources.llpg",
        "sources.cross_reference",
        "sources.delivery_point",
    }


def test_a_dataset_that_is_not_known_yet_is_waited_for(watched: Watched) -> None:
    found = look(load_authority(watched.folder), {}, "", 0.0, SETTLE, known={"sources.llpg"})
    assert [note for note in found.notes if note.startswith(TAX)]
    assert str(watched.folder / SEPTEMBER) not in found.cursor


def test_a_cursor_that_cannot_be_read_is_as_good_as_none(watched: Watched) -> None:
    watched.cursor = '{"of": "an earlier version"}'
    assert not watched.settled().concerned


def test_files_used_are_those_of_the_last_run(small: Small) -> None:
    from pipelines.warehouse import Warehouse

    used = files_used(Warehouse(small.output.restricted / "warehouse"), small.authority)
    assert {(one.file, one.sha256, one.status) for one in used[TAX]} == {
        (f"services/council_tax/{path.name}", sha256(path), "read")
        for path in (small.folder / "services/council_tax").glob("*.csv")
    }


def test_a_file_that_could_not_be_opened_is_tried_again_as_it_is(watched: Watched, september: Path) -> None:
    """A run found it open elsewhere, so that nobody knows what it holds; the next look need not wait for a change."""
    (watched.used[TAX],) = (
        tuple(Used(one.file, "", "refused") if one.file == SEPTEMBER else one for one in watched.used[TAX]),
    )
    first = watched.look(1)
    assert dict(first.concerned) == {TAX: (SEPTEMBER,)}
    assert not watched.look(TRY_AGAIN_SECONDS - 1).concerned
    again = watched.look(1)
    assert dict(again.concerned) == {TAX: (SEPTEMBER,)}
    assert again.key != first.key
    watched.use_everything()
    assert not watched.look(TRY_AGAIN_SECONDS).concerned


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="whoever may read everything does"
)
def test_a_file_that_a_look_cannot_open_is_tried_at_the_next(watched: Watched, september: Path) -> None:
    october = september.with_name("council_tax_2026-10.csv")
    october.write_text(september.read_text() + "\n")
    october.chmod(0)
    watched.look()
    assert "it cannot be read: Permission denied" in watched.look().waiting[0]
    october.chmod(0o600)
    assert set(watched.look(1).concerned) == {TAX}
