"""Keyed marks: stable, different between datasets and columns, of no use without the key, which is its owner's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipelines.pseudonyms import ENVIRONMENT, Pseudonyms


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
