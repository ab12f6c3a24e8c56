"""Retention and forgetting: what is past its months or was forgotten is read no more, and is nowhere in the store."""

from __future__ import annotations

import datetime
import io
import stat
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines import forgetting
from pipelines.authority import load_authority
from pipelines.cli import main
from pipelines.forgetting import Entry, KeyLost, Register, RegisterUnreadable, keep_from
from pipelines.journal import Journal
from pipelines.pseudonyms import FORMER, Pseudonyms
from pipelines.review.decisions import review_folder
from pipelines.run import Made, Output, opened, plan
from tests.small_authority import COUNCIL_TAX, PERSONAL, SOCIAL_CARE, write_small_authority
from tests.small_run import Small

TAX = "services/council_tax/council_tax_2026-0{}.csv"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(forgetting.TODAY, "2026-11-22")
    return write_small_authority(tmp_path / "small")


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path / "output")


def read(folder: Path, output: Output, name: str = "council_tax") -> Made:
    """Read one dataset, as a run does."""
    authority = load_authority(folder)
    with opened(authority, output) as at:
        made = next(step for step in plan(authority) if step.name == f"services.{name}").make(at)
        at.warehouse.sweep()
        return made


def ask(folder: Path, output: Output, sql: str) -> list[tuple[object, ...]]:
    with opened(load_authority(folder), output) as at:
        return at.con.execute(sql).fetchall()


def describe(folder: Path, dataset: str, text: str) -> None:
    (folder / "services" / dataset / "dataset.yaml").write_text(text, "utf-8")


def forget(output: Output, **what: str) -> Entry:
    """An entry in the register."""
    output.prepare()
    return Register(output.restricted).add(
        Entry(**{"number": 0, "dataset": "council_tax", "on": "2026-11-22", "by": "me", **what})  # type: ignore[arg-type]
    )


def forget_person(output: Output, reference: str) -> Entry:
    output.prepare()
    key = Pseudonyms(output.restricted)
    mark = key.mark("council_tax", "record_reference", reference)
    again = key.forgotten("council_tax", "record_reference", mark)
    return forget(output, what="person", column="record_reference", mark=again, key=key.fingerprint)


def accounts(folder: Path, output: Output) -> list[tuple[object, ...]]:
    """Each file with status, rows read, kept and rejected; read = kept + rejected, and the tables agree."""
    found = ask(
        folder, output,
        "SELECT parse_filename(file), status, rows_read, rows_kept, rows_rejected, weight_read - weight_kept - "
        "weight_rejected, rows_kept - (SELECT count(*) FROM services.council_tax AS t WHERE t.file = f.file), "
        "rows_rejected - (SELECT count(*) FROM services.council_tax_rejected AS r WHERE r.file = f.file) "
        "FROM services.council_tax_files AS f ORDER BY file, status",
    )  # fmt: skip
    for _, status, rows, kept, rejected, weight_left, kept_left, rejected_left in found:
        if status == "read":
            assert (rows, weight_left, kept_left, rejected_left) == (kept + rejected, 0, 0, 0)  # type: ignore[operator]
        else:
            assert rows == 0
    return [row[:5] for row in found]


@pytest.mark.parametrize(
    ("today", "months", "first"),
    [
        ("2026-11-22", 3, "2026-08-22"),
        ("2026-03-31", 1, "2026-02-28"),
        ("2028-03-31", 1, "2028-02-29"),
        ("2026-01-15", 13, "2024-12-15"),
        ("2026-01-15", 1200, "1926-01-15"),
    ],
)
def test_first_day_that_is_kept(today: str, months: int, first: str) -> None:
    assert str(keep_from(datetime.date.fromisoformat(today), months)) == first


def test_day_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(forgetting.TODAY, "2026-09-30")
    assert forgetting.day_of_run() == datetime.date(2026, 9, 30)
    monkeypatch.setenv(forgetting.TODAY, "30/09/2026")
    with pytest.raises(ValueError, match="PLACES_TODAY: wanted a day such as 2026-09-30"):
        forgetting.day_of_run()
    monkeypatch.delenv(forgetting.TODAY)
    assert abs((forgetting.day_of_run() - datetime.date.today()).days) <= 1


# The register


def test_register_keeps_numbers_and_is_its_owners_alone(output: Output) -> None:
    first = forget(output, what="dataset")
    second = forget(output, what="extract", file="a.csv", sha256="ab")
    assert (first.number, second.number) == (1, 2)
    assert stat.S_IMODE(Register(output.restricted).path.stat().st_mode) == 0o600
    assert Register(output.restricted).remove(2) == second
    with pytest.raises(KeyError):
        Register(output.restricted).remove(2)
    assert forget(output, what="dataset").number == 3  # no number means two things


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"next": 2, "forgotten": [{"what": "person"}]}'])
def test_damaged_register_stops_the_run(text: str, folder: Path, output: Output) -> None:
    """Otherwise what was forgotten would be read again, and nobody be told."""
    output.prepare()
    (output.restricted / forgetting.FILE).write_text(text)
    with pytest.raises(RegisterUnreadable, match="Bring it back from a backup"):
        read(folder, output)


# Retention


def test_extract_past_retention_is_not_read(folder: Path, output: Output) -> None:
    read(folder, output)
    assert [row[1:3] for row in accounts(folder, output)] == [("read", 48), ("read", 51)]
    describe(folder, "council_tax", COUNCIL_TAX.replace("sensitivity:", "keep_months: 2\nsensitivity:"))
    made = read(folder, output)
    assert made.problems == ()
    assert made.facts["files_left_out"] == 1
    assert accounts(folder, output) == [
        ("council_tax_2026-08.csv", "expired", 0, 0, 0),
        ("council_tax_2026-09.csv", "read", 51, 48, 3),
    ]
    ((reason, sha256),) = ask(
        folder, output, "SELECT reason, sha256 FROM services.council_tax_files WHERE status = 'expired'"
    )
    assert str(reason).startswith(
        "past retention: it describes 2026-08-31, and the dataset is kept for 2 months"
    )
    assert sha256 == ""  # not even looked into
    # The former version, with August in it, is gone from the disk.
    assert len(list((output.restricted / "warehouse/services/council_tax").glob("*.parquet"))) == 1


def test_everything_past_retention_empties_the_table(
    folder: Path, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(folder, "council_tax", COUNCIL_TAX.replace("sensitivity:", "keep_months: 2\nsensitivity:"))
    read(folder, output)
    monkeypatch.setenv(forgetting.TODAY, "2027-11-22")
    made = read(folder, output)
    assert (made.rows, made.problems) == (
        0,
        (),
    )  # and not: its files are gone, the former version stays in use
    assert ask(folder, output, "SELECT * FROM services.council_tax") == []


def test_events_past_retention_are_rejected_one_by_one(folder: Path, output: Output) -> None:
    describe(folder, "social_care", SOCIAL_CARE.replace("sensitivity:", "keep_months: 6\nsensitivity:"))
    made = read(folder, output, "social_care")
    assert {k: made.facts[k] for k in ("rows_read", "rows_kept", "rows_rejected")} == {
        "rows_read": 35, "rows_kept": 15, "rows_rejected": 20,
    }  # fmt: skip
    assert ask(folder, output, "SELECT reason, count(*) FROM services.social_care_rejected GROUP BY ALL") == [
        ("past_retention: older than the 6 months that the dataset is kept", 20)
    ]
    assert ask(folder, output, "SELECT DISTINCT event_date FROM services.social_care") == [
        (datetime.date(2026, 8, 3),)
    ]


def test_rows_past_retention_by_a_column_of_dates(folder: Path, output: Output) -> None:
    text = SOCIAL_CARE.replace(
        "as_at: 2026-09-30\nkind: flow\nperiod: quarter", "as_at: {column: EVENT_DATE}"
    )
    text = text.replace("EVENT_DATE: event_date", "EVENT_DATE: as_at")
    describe(folder, "social_care", text.replace("sensitivity:", "keep_months: 6\nsensitivity:"))
    made = read(folder, output, "social_care")
    assert (made.facts["rows_kept"], made.facts["rows_rejected"]) == (15, 20)


# Forgetting while files are read


def test_forgotten_person_is_rejected_in_every_extract(folder: Path, output: Output) -> None:
    forget_person(output, f"{PERSONAL}-005".lower())  # written otherwise, the same mark
    made = read(folder, output)
    assert made.problems == ()
    assert accounts(folder, output) == [
        ("council_tax_2026-08.csv", "read", 48, 47, 1),
        ("council_tax_2026-09.csv", "read", 51, 47, 4),
    ]
    assert ask(
        folder, output,
        "SELECT row_number, column_name FROM services.council_tax_rejected WHERE reason = 'forgotten'",
    ) == [(6, "ACCOUNT_REF"), (6, "ACCOUNT_REF")]  # fmt: skip


def test_forgotten_extract_by_name_and_by_content(folder: Path, output: Output) -> None:
    read(folder, output)
    ((sha256,),) = ask(
        folder, output, "SELECT sha256 FROM services.council_tax_files WHERE file LIKE '%2026-08.csv'"
    )
    forget(output, what="extract", file=TAX.format(8), sha256=str(sha256))
    read(folder, output)
    assert accounts(folder, output)[0] == ("council_tax_2026-08.csv", "forgotten", 0, 0, 0)
    (folder / TAX.format(8)).rename(folder / TAX.format(7))  # the same under another name
    read(folder, output)
    assert accounts(folder, output)[0] == ("council_tax_2026-07.csv", "forgotten", 0, 0, 0)
    (folder / TAX.format(8)).write_bytes(
        (folder / TAX.format(7)).read_bytes() + b"\n"
    )  # saved again, a little other
    read(folder, output)
    assert [row[1] for row in accounts(folder, output)] == ["forgotten", "forgotten", "read"]


def test_forgotten_dataset_is_empty(folder: Path, output: Output) -> None:
    read(folder, output)
    forget(output, what="dataset")
    made = read(folder, output)
    assert (made.rows, made.problems) == (0, ())
    assert {row[1] for row in accounts(folder, output)} == {"forgotten"}


def test_former_version_that_stays_in_use_is_mended(folder: Path, output: Output) -> None:
    """A refused file keeps the former version whole, but for what must not be in it any longer."""
    read(folder, output)
    broken = folder / TAX.format(9)
    broken.write_text("ACCOUNT_REF;nothing else\n1;2\n", "utf-8")
    forget_person(output, f"{PERSONAL}-005")
    made = read(folder, output)
    assert any("was refused" in problem for problem in made.problems)
    assert [row for row in accounts(folder, output) if row[1] == "read"] == [
        ("council_tax_2026-08.csv", "read", 48, 47, 1),
        ("council_tax_2026-09.csv", "read", 51, 47, 4),
    ]
    mark = Pseudonyms(output.restricted).mark("council_tax", "record_reference", f"{PERSONAL}-005")
    assert places_of(output, mark) == {mark: []}
    # And a whole extract out of it, with its rejected rows.
    forget(output, what="extract", file=TAX.format(8))
    read(folder, output)
    assert [row for row in accounts(folder, output) if row[1] != "refused"] == [
        ("council_tax_2026-08.csv", "forgotten", 0, 0, 0),
        ("council_tax_2026-09.csv", "read", 51, 47, 4),
    ]
    before = ask(folder, output, "SELECT * FROM services.council_tax_files ORDER BY ALL")
    read(folder, output)
    assert ask(folder, output, "SELECT * FROM services.council_tax_files ORDER BY ALL") == before


def test_former_version_of_files_that_are_gone_is_mended_too(folder: Path, output: Output) -> None:
    read(folder, output)
    for number in (8, 9):
        (folder / TAX.format(number)).unlink()
    forget_person(output, f"{PERSONAL}-005")
    made = read(folder, output)
    assert made.rows == 94
    assert "its files are gone" in made.problems[0]


# The key


def test_forgotten_stay_forgotten_under_a_new_key(folder: Path, output: Output) -> None:
    forget_person(output, f"{PERSONAL}-005")
    read(folder, output)
    key = output.restricted / "pseudonym.key"
    former = output.restricted / FORMER
    before = ask(folder, output, "SELECT record_id FROM services.council_tax ORDER BY ALL")
    former.mkdir()
    key.rename(former / "2026.key")
    assert read(folder, output).rows == 94
    after = ask(folder, output, "SELECT record_id FROM services.council_tax ORDER BY ALL")
    assert not set(before) & set(after)
    # The former marks are not kept in a former version either.
    assert len(list((output.restricted / "warehouse/services/council_tax").glob("*.parquet"))) == 1
    (former / "2026.key").unlink()
    with pytest.raises(KeyLost, match=r"number 1 of `places forget --list`.*into restricted/former_keys"):
        read(folder, output)


# The command


def places_of(output: Output, *texts: str) -> dict[str, list[str]]:
    """Below the output folder, the files in which each text stands: in their bytes, or in what a Parquet file holds."""
    found: dict[str, list[str]] = {text: [] for text in texts}
    with duckdb.connect() as con:
        for path in sorted(p for p in output.root.rglob("*") if p.is_file()):
            held = path.read_bytes()
            if path.suffix == ".parquet":
                rows = con.execute(
                    "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet(?)", [str(path)]
                ).fetchall()
                held += "\n".join(str(cell) for row in rows for cell in row).encode()
            for text in texts:
                if text.encode() in held:
                    found[text].append(path.relative_to(output.root).as_posix())
    return found


def call(folder: Path, output: Output, *what: str) -> int:
    return main(["forget", *what, "--authority", str(folder), "--output", str(output.root)])


def test_forgotten_person_is_in_no_byte_of_the_output(
    own: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(forgetting.TODAY, "2026-11-22")
    folder, output = own.folder, own.output
    address = "The Old Forge, 1 Beech Road"  # as only this account gives it
    for number in (8, 9):
        lines = (folder / TAX.format(number)).read_text("utf-8").splitlines(keepends=True)
        lines[5] = lines[5].replace('"1 Beech Road', f'"{address}')
        (folder / TAX.format(number)).write_text("".join(lines), "utf-8")
    with opened(own.authority, output) as at:
        for step in plan(own.authority):
            if step.table.stage in ("services", "places", "layers"):
                step.make(at)
    (release,) = (path.name for path in (output.published / "releases").iterdir())
    reference = f"{PERSONAL}-005"
    mark = Pseudonyms(output.restricted).mark("council_tax", "record_reference", reference)
    stored = (mark, address)
    # The mark in four tables, and in the former versions of the three that were made anew for the address; the address
    # in three.
    assert [len(places) for places in places_of(output, *stored).values()] == [7, 3]
    (output.restricted / "spill" / "left_by_a_killed_run.tmp").write_text(mark)
    (review_folder(output.restricted) / "worksheet.csv").write_text(address)
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdin", io.StringIO(reference + "\n"))
    assert call(folder, output, "--person", "council_tax") == 0
    told = capsys.readouterr()
    assert "Forgotten: 2 row(s) of council_tax" in told.out
    assert f"Releases made before still count them, in protected figures: {release}" in told.out
    assert "delete it in the files of the authority folder, in backups" in told.out
    assert set(map(tuple, places_of(output, *stored, reference).values())) == {()}
    for text in (*stored, reference):
        assert text not in told.out + told.err
    assert ask(
        folder, output, "SELECT rows_rejected FROM layers.accounting WHERE dataset = 'council_tax'"
    ) == [(5,)]
    # That somebody was forgotten is published nowhere.
    assert ask(folder, output, "SELECT * FROM layers.data_issue WHERE issue = 'forgotten'") == []
    events = [line.says["event"] for line in Journal(output.restricted).lines() if line.says]
    assert events == ["run started", "run ended", "forgotten", "run started", "run ended"]
    assert call(folder, output, "--list") == 0
    assert "1       2026-11-22" in capsys.readouterr().out
    assert call(folder, output, "--undo", "1") == 0
    assert read(folder, output).rows == 96
    assert Journal(output.restricted).problems() == []


def test_what_cannot_be_forgotten_is_told(
    folder: Path, output: Output, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read(folder, output)
    for arguments, reference, wanted in (
        (("--dataset", "council_taxi"), "", "did you mean `council_tax`"),
        (("--extract", "council_tax", "x.csv"), "", f"it has {TAX.format(8)}, {TAX.format(9)}"),
        (("--person", "social_care"), "x", "social_care keeps no mark of a person"),
        (("--person", "council_tax"), "UNKNOWN-1", "no row of council_tax has this reference in ACCOUNT_REF"),
        (("--person", "council_tax"), "", "wanted a reference on the terminal or from standard input"),
        (("--undo", "7"), "", "wanted a number of `places forget --list`; found 7"),
    ):
        monkeypatch.setattr(sys, "stdin", io.StringIO(reference))
        assert call(folder, output, *arguments) == 2
        told = capsys.readouterr()
        assert wanted in told.err
        assert "UNKNOWN-1" not in told.err + told.out
    assert Register(output.restricted).entries == ()
    assert call(folder, output, "--list") == 0
    assert capsys.readouterr().out == "Nothing was forgotten.\n"
