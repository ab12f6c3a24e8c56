"""The journal: every run in it, whoever started it; no line changed or taken out unseen; no value of a record."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from pipelines import journal
from pipelines.authority import load_authority
from pipelines.cli import main
from pipelines.journal import CUT_OFF, PURPOSE, RUN_ENDED, RUN_STARTED, USER, Journal
from pipelines.orchestrate.graph import definitions_for
from pipelines.run import Output, opened, plan
from tests.small_authority import CODE, PERSONAL, write_small_authority
from tests.small_run import Small


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (USER, PURPOSE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_authority(tmp_path / "small")


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path / "output")


def says(output: Output) -> list[dict[str, object]]:
    return [line.says or {} for line in Journal(output.restricted).lines()]


def three(tmp_path: Path) -> tuple[Journal, list[bytes]]:
    """A journal of three lines, and the lines."""
    kept = Journal(tmp_path)
    for number in range(3):
        kept.append("noted", number=number)
    return kept, kept.path.read_bytes().splitlines(keepends=True)


def test_a_run_from_start_to_end(small: Small) -> None:
    output, made = small.output, small.finished.made
    started, ended = says(output)
    assert (
        started | {"event": RUN_STARTED, "authority": CODE, "purpose": "as stated in each dataset"} == started
    )
    assert started["purposes"] == {
        "council_tax": "Council tax billing; used here to see which homes are occupied",
        "social_care": "The statutory return; used here for demand by area",
    }
    assert ended | {"event": RUN_ENDED, "run": started["run"], "outcome": "finished", "failed": []} == ended
    assert ended["release"] == made["maps.release"].facts["release"]
    extracts = {extract["file"]: extract for extract in ended["extracts"]}  # type: ignore[attr-defined]
    assert len(extracts) == 4
    tax = extracts["services/council_tax/council_tax_2026-09.csv"]
    assert tax | {"dataset": "council_tax", "status": "read", "rows_read": 51, "rows_kept": 48} == tax
    assert len(tax["sha256"]) == 64
    assert ended["uses"]["layers.service_overlap"] == {"use": "overlap", "left_out": []}  # type: ignore[index]
    assert Journal(output.restricted).problems() == []
    assert PERSONAL not in Journal(output.restricted).path.read_text("utf-8")


def test_who_looks_is_not_in_it_and_who_fails_is(
    folder: Path, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = load_authority(folder)
    with opened(authority, output):
        pass
    assert says(output) == []
    with pytest.raises(ZeroDivisionError), opened(authority, output, command="a notebook", purpose="trying"):
        raise ZeroDivisionError(PERSONAL)
    started, ended = says(output)
    assert (started["command"], started["purpose"]) == ("a notebook", "trying")
    assert ended["outcome"] == "failed: ZeroDivisionError"
    with pytest.raises(KeyboardInterrupt), opened(authority, output, command="a notebook"):
        raise KeyboardInterrupt
    assert says(output)[-2]["purpose"] == "as stated in each dataset"
    assert says(output)[-1]["outcome"] == "stopped"
    monkeypatch.setenv(PURPOSE, "Budget 2027,  first look")
    with opened(authority, output, command="a notebook"):
        pass
    assert says(output)[-2]["purpose"] == "Budget 2027, first look"


def test_runs_from_the_pages_are_in_it(folder: Path, output: Output) -> None:
    definitions = definitions_for(load_authority(folder), output)
    assert definitions.resolve_job_def("services").execute_in_process().success
    # What it is made from is not there yet.
    assert not definitions.resolve_job_def("maps").execute_in_process(raise_on_error=False).success
    first, second = says(output)[:2], says(output)[2:]
    assert (first[0]["command"], first[1]["outcome"], first[1]["release"]) == ("places ui", "finished", "")
    assert (second[1]["outcome"], second[1]["release"]) == ("not finished", "")
    assert "maps.demand" in second[1]["failed"]  # type: ignore[operator]


def test_whose_account_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    account = journal.who()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):  # which anybody can set
        monkeypatch.setenv(name, "somebody-else")
    if hasattr(os, "getuid"):
        assert journal.who() == account != "somebody-else"
    monkeypatch.setenv(USER, "Pat Example")
    assert journal.who().startswith("Pat Example (account ")


def test_only_its_owner_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    for number, umask in enumerate((0, 0o022, 0o077)):
        former = os.umask(umask)
        try:
            output = Output(tmp_path / str(number))
            output.prepare()
            kept = Journal(output.restricted)
            kept.append("noted")
        finally:
            os.umask(former)
        assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(output.restricted.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda lines: [lines[0], lines[1].replace(b'"number": 1', b'"number": 7'), lines[2]],
            "line 3 does not",
        ),
        (lambda lines: [lines[0], lines[2]], "line 2 does not follow on line 1"),
        (lambda lines: lines[1:], "line 1 is not the first"),
        (lambda lines: [lines[0], lines[2], lines[1]], "line 2 does not follow"),
        (lambda lines: [lines[0], b"nonsense\n", lines[2]], "line 2 cannot be read"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "line 2 does not follow"),
    ],
)
def test_tampering_shows(change: object, problem: str, tmp_path: Path) -> None:
    kept, lines = three(tmp_path)
    assert kept.problems() == []
    kept.path.write_bytes(b"".join(change(lines)))  # type: ignore[operator]
    assert any(found.startswith(problem) for found in kept.problems())


def test_lines_cut_off_the_end_show_by_the_mark_alone(tmp_path: Path) -> None:
    kept, lines = three(tmp_path)
    mark = kept.mark()
    kept.path.write_bytes(b"".join(lines[:2]))
    assert kept.problems() == []
    assert kept.mark() != mark


@pytest.mark.parametrize("bytes_left", [1, 30, -2])
def test_line_that_a_killed_run_left_unfinished(bytes_left: int, tmp_path: Path) -> None:
    kept, lines = three(tmp_path)
    kept.path.write_bytes(b"".join([*lines[:2], lines[2][:bytes_left]]))
    assert kept.problems() == []
    assert kept.unfinished() == [3]
    kept.append("noted", number=4)
    assert [line.says and line.says["event"] for line in kept.lines()] == [
        "noted", "noted", None, CUT_OFF, "noted",
    ]  # fmt: skip
    assert kept.problems() == []
    assert kept.unfinished() == [3]
    # And changing what was left of it shows.
    content = kept.path.read_bytes().splitlines(keepends=True)
    content[2] = content[2].rstrip(b"\n") + b"x\n"
    kept.path.write_bytes(b"".join(content))
    assert kept.problems() != []


def test_whole_line_without_its_end_is_no_loss(tmp_path: Path) -> None:
    kept, lines = three(tmp_path)
    kept.path.write_bytes(b"".join(lines).rstrip(b"\n"))
    kept.append("noted", number=3)
    assert [line.says and line.says["number"] for line in kept.lines()] == [0, 1, 2, 3]
    assert kept.problems() == []


def test_disk_that_is_full_leaves_the_journal_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, lines = three(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space left"):
        patched.setattr(os, "fsync", full)
        kept.append("noted", number=3)
    assert kept.path.read_bytes() == b"".join(lines)


# The command


def test_journal_shown_and_checked(folder: Path, output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["journal", "--output", str(output.root)]
    assert main(arguments) == 0
    assert "No run yet" in capsys.readouterr().out
    assert not output.root.exists()  # looking makes nothing
    with opened(load_authority(folder), output, command="places run") as at:
        next(step for step in plan(at.authority) if step.name == "services.council_tax").make(at)
        at.account.uses["layers.service_overlap"] = {"use": "overlap", "left_out": []}
        at.account.release, at.account.content = "20260202T000000Z", "new"
    Journal(output.restricted).append("rolled back", authority=CODE, release="20260101T000000Z")
    with opened(load_authority(folder), output, command="places run", purpose="trying"):
        pass
    assert main(arguments) == 0
    told = capsys.readouterr().out
    for text in (
        "places run, " + CODE,
        "purpose: as stated in each dataset",
        "read: council_tax, 2 extract(s), 99 rows, 96 kept",
        "used for overlap: layers.service_overlap",
        ", release 20260202T000000Z (new)",
        f"rolled back: authority {CODE}, release 20260101T000000Z",
    ):
        assert text in told
    assert main([*arguments, "--last", "1"]) == 0
    told = capsys.readouterr().out
    assert "purpose: trying" in told and "rolled back" not in told
    assert main([*arguments, "--verify"]) == 0
    kept = Journal(output.restricted)
    assert (
        f"5 line(s)\nEach follows on the one before. Mark of the last: {kept.mark()}"
        in capsys.readouterr().out
    )
    lines = kept.path.read_text("utf-8").splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | {"who": "nobody"})
    kept.path.write_text("\n".join(lines) + "\n", "utf-8")
    assert main([*arguments, "--verify"]) == 1
    assert "line 2 does not follow on line 1" in capsys.readouterr().err
    # A run that was killed has no end.
    kept.path.write_text("\n".join(lines[:1]) + "\n", "utf-8")
    main(arguments)
    assert "did not end: it is at work, or was killed" in capsys.readouterr().out
