"""Keyed marks: stable, different between datasets and columns, of no use without the key, which is its owner's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipelines.pseudonyms import ENVIRONMENT, FORMER, Pseudonyms, former_pseudonyms


@pytest.fixture(autouse=True)
def no_key_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def test_mark_is_stable(tmp_path: Path) -> None:
    mark = Pseudonyms(tmp_path).mark("tax", "account", "A-1")
    assert mark == Pseudonyms(tmp_path).mark("tax", "account", "A-1")
    assert len(mark) == 24
    assert set(mark) <= set("0123456789abcdef")


def test_ways_of_writing_one_value_give_one_mark(tmp_path: Path) -> None:
    keyed = Pseudonyms(tmp_path)
    assert len({keyed.mark("tax", "name", text) for text in ("Ann Ash", " ann  ash ", "ANN\tASH")}) == 1


def test_marks_cannot_be_joined_between_datasets_columns_or_keys(tmp_path: Path) -> None:
    here, there = Pseudonyms(tmp_path / "a"), Pseudonyms(tmp_path / "b")
    marks = [
        here.mark("tax", "account", "1"),
        here.mark("tax", "person", "1"),
        here.mark("housing", "account", "1"),
        here.mark("tax", "account", "2"),
        here.mark("taxaccount", "", "1"),
        there.mark("tax", "account", "1"),
    ]
    assert len(set(marks)) == len(marks)


def test_key_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "k" * 32)
    # Another number here would part every record from its marks of the past.
    assert Pseudonyms(tmp_path).mark("tax", "account", "1") == "61a5c8bc1e525b4ad7c5a014"
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv(ENVIRONMENT, "short")
    with pytest.raises(ValueError, match="wanted at least 32 characters, found 5"):
        Pseudonyms(tmp_path)


def test_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    Pseudonyms(tmp_path / "restricted")
    path = tmp_path / "restricted" / "pseudonym.key"
    key = path.read_bytes()
    assert len(key) == 64
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    Pseudonyms(tmp_path / "restricted")
    assert path.read_bytes() == key
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="too short"):
        Pseudonyms(tmp_path / "restricted")


def test_fingerprint_tells_keys_apart_and_not_what_they_are(tmp_path: Path) -> None:
    first, second = Pseudonyms(tmp_path, b"a" * 32), Pseudonyms(tmp_path, b"b" * 32)
    assert first.fingerprint == Pseudonyms(tmp_path, b"a" * 32).fingerprint != second.fingerprint
    assert len(first.fingerprint) == 16
    assert not list(tmp_path.iterdir())  # a key that is given is stored nowhere


def test_mark_of_the_forgotten_is_no_mark_that_stands_in_a_table(tmp_path: Path) -> None:
    keyed = Pseudonyms(tmp_path)
    mark = keyed.mark("tax", "account", "A-1")
    again = keyed.forgotten("tax", "account", mark)
    assert again != mark and mark not in again
    assert again == keyed.forgotten("tax", "account", mark)
    assert len({again, keyed.forgotten("tax", "name", mark), keyed.forgotten("care", "account", mark)}) == 3


def test_former_keys(tmp_path: Path) -> None:
    keyed = Pseudonyms(tmp_path)
    assert former_pseudonyms(tmp_path) == []
    (tmp_path / FORMER).mkdir()
    (tmp_path / "pseudonym.key").rename(tmp_path / FORMER / "2026.key")
    (former,) = former_pseudonyms(tmp_path)
    assert former.mark("tax", "account", "A-1") == keyed.mark("tax", "account", "A-1")
    assert Pseudonyms(tmp_path).fingerprint != former.fingerprint


def test_key_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        Pseudonyms(tmp_path)
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "pseudonym.key").stat().st_mode) == 0o600
