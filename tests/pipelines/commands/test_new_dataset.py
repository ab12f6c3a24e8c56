"""`places new-dataset`: what it writes, what it leaves alone, and the way of a new dataset to the published tables."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest

from pipelines.cli import main
from pipelines.run import opened, plan
from pipelines.warehouse import Warehouse
from tests.small_authority import AUTHORITY, HOMES, PERSONAL
from tests.small_run import Small

REPOSITORY = Path(__file__).resolve().parent.parent.parent.parent
WASTE = "Ref,UPRN,Subscriber,Postcode,Bin size\n" + "".join(
    f"G{i:03},{home.uprn},{PERSONAL} Cy {chr(97 + i % 26)}{i},{home.postcode},{(140, 240)[i % 2]}\n"
    for i, home in enumerate(HOMES)
)
FILLED = {
    "title": "Garden waste subscriptions", "owner": "Waste Services", "purpose": "Billing; used here to plan rounds",
    "lawful_basis": "Public task", "uses": "[demand, overlap, reach]", "sensitivity": "personal",
    "counts": "subscription", "keep_months": "36",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with an authority folder and an extract, and none named in the environment."""
    for name in ("AUTHORITY", "OUTPUT", "PLACES_DATA"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "council").mkdir()
    (tmp_path / "council" / "authority.yaml").write_text(AUTHORITY, "utf-8")
    (tmp_path / "Garden waste 2026-09.csv").write_text(WASTE, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def inside(folder: Path) -> list[str]:
    """The files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_description_is_written_and_the_next_steps_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-dataset", "Garden waste 2026-09.csv", "--authority", "council"]) == 0
    out = capsys.readouterr().out
    assert "of 48 rows and 5 columns" in out and "1 may be personal" in out
    steps = out.partition("Next:\n")[2].splitlines()
    assert len(steps) == 3
    assert "TO FILL IN (title, owner," in steps[0] and "or --copy does" in steps[0]
    assert steps[1].endswith("places check --dataset garden_waste --authority council")
    assert steps[2].endswith("places run --authority council")
    # Nothing of the data is there, and the schema that the description names is.
    assert inside(folder / "council") == [
        "authority.yaml", "schemas/dataset.json", "services/garden_waste/dataset.yaml"
    ]  # fmt: skip
    description = folder / "council/services/garden_waste/dataset.yaml"
    schema = re.match(r"# yaml-language-server: \$schema=(\S+)\n", description.read_text("utf-8"))
    assert (
        schema
        and (description.parent / schema[1]).resolve() == (folder / "council/schemas/dataset.json").resolve()
    )
    assert PERSONAL not in out + description.read_text("utf-8")


def test_check_says_what_is_still_to_be_filled_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["new-dataset", "Garden waste 2026-09.csv", "--authority", "council", "--copy"])
    capsys.readouterr()
    assert main(["check", "--dataset", "garden_waste", "--authority", "council"]) == 2
    err = capsys.readouterr().err
    assert (
        len(re.findall(r"services/garden_waste/dataset\.yaml:\d+:1: `\w+` is still to be filled in", err))
        == 8
    )


def test_description_that_is_there_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["new-dataset", "Garden waste 2026-09.csv", "--authority", "council", "--name", "waste"]
    assert main(asked) == 0
    written = folder / "council/services/waste/dataset.yaml"
    for n, mine in enumerate(("mine", "mine again"), start=1):
        written.write_text(mine, "utf-8")
        assert main(asked) == 2
        assert "is there already" in capsys.readouterr().err and written.read_text("utf-8") == mine
        assert main([*asked, "--force"]) == 0
        kept = written.with_name("dataset.yaml.bak" + ("" if n == 1 else str(n)))
        assert kept.read_text("utf-8") == mine and "columns:" in written.read_text("utf-8")


def test_copy_goes_beside_the_description_and_over_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["new-dataset", "Garden waste 2026-09.csv", "--authority", "council", "--copy"]
    assert main(asked) == 0
    copied = folder / "council/services/garden_waste/Garden waste 2026-09.csv"
    assert copied.read_text("utf-8") == WASTE
    assert "put the extract" not in capsys.readouterr().out
    copied.write_text("another", "utf-8")
    assert main([*asked, "--force"]) == 2
    assert "is another file" in capsys.readouterr().err and copied.read_text("utf-8") == "another"
    assert not list(copied.parent.glob("*.bak"))


def test_nothing_of_a_council_is_copied_into_the_repository(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = REPOSITORY / "data" / "sample"
    before = inside(sample)
    assert main(["new-dataset", "Garden waste 2026-09.csv", "--authority", str(sample), "--copy"]) == 2
    assert "where no data of a council belong" in capsys.readouterr().err
    assert inside(sample) == before


def test_file_in_the_data_folder_is_used_where_it_is(folder: Path) -> None:
    (folder / "open" / "waste").mkdir(parents=True)
    (folder / "Garden waste 2026-09.csv").rename(folder / "open/waste/garden_2026-09.csv")
    asked = [
        "new-dataset",
        "open/waste/garden_2026-09.csv",
        "--authority",
        "council",
        "--data",
        "open",
        "--site",
    ]
    assert main(asked) == 0
    text = (folder / "council/sites/garden/dataset.yaml").read_text("utf-8")
    assert 'folder: "{data}/waste"' in text


def test_of_several_sheets_one_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = openpyxl.Workbook()
    for title in ("Current", "No"):
        sheet = book.create_sheet(title)
        for row in (["UPRN", "Bin"], *([home.uprn, "AB"[home.number % 2]] for home in HOMES)):
            sheet.append(row)
    book.save(folder / "bins_2026-09.xlsx")
    asked = ["new-dataset", "bins_2026-09.xlsx", "--authority", "council"]
    assert main(asked) == 2
    assert "found Current, No: say which by --sheet" in capsys.readouterr().err
    assert main([*asked, "--sheet", "No"]) == 0
    assert '\nsheet: "No" ' in (folder / "council/services/bins/dataset.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["none.csv", "--authority", "council"], "none.csv cannot be used: there is no such file"),
        (["Garden waste 2026-09.csv"], "say which by --authority"),
        (["Garden waste 2026-09.csv", "--authority", "council", "--name", "record"], "cannot name a dataset"),
        (["council", "--authority", "council"], "found a folder"),
        (["Garden waste 2026-09.csv", "--authority", "nowhere"], "found no such folder"),
        (["Garden waste 2026-09.csv", "--authority", "council", "--encoding", "x"], "is not an encoding"),
    ],
)  # fmt: skip
def test_unusable_is_said_in_words_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], wanted: str
) -> None:
    assert main(["new-dataset", *arguments]) == 2
    assert wanted in capsys.readouterr().err
    assert inside(folder / "council") == ["authority.yaml"]


def _make(own: Small, *wanted: str) -> None:
    """Make some tables and all that they stand on, but the open sources, which are there."""
    steps = {step.name: step for step in plan(own.authority)}
    needed, waiting = set(), list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += steps[name].table.depends_on
    assert "services.garden_waste" in needed
    with opened(own.authority, own.output) as at:
        for name, step in steps.items():
            if name in needed and step.table.stage != "sources":
                step.make(at)


def test_new_dataset_comes_to_the_published_tables_without_further_work(
    own: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLACES_DATA", raising=False)
    extract = tmp_path / "garden_waste_2026-09.csv"
    # One home whose UPRN is not known, and twelve whose UPRN a spreadsheet has spoilt: placed by their postcodes.
    text = WASTE.replace(str(HOMES[4].uprn), "Not Known")
    for home in HOMES[-12:]:
        text = text.replace(str(home.uprn), "9.90E+11")
    extract.write_text(text, "utf-8")
    assert main(["new-dataset", str(extract), "--authority", str(own.folder), "--copy"]) == 0
    description = own.folder / "services/garden_waste/dataset.yaml"
    # Until it is filled in, it stands in nobody's way.
    assert [broken.name for broken in own.authority.broken] == ["garden_waste"]
    text = description.read_text("utf-8")
    for key, value in FILLED.items():
        text = re.sub(rf"^{key}: TO FILL IN", f"{key}: {value}", text, flags=re.MULTILINE)
    description.write_text(text, "utf-8")
    _make(
        own,
        "published.demand_by_area",
        "published.accounting",
        "published.service_overlap",
        "published.data_issue",
    )
    with Warehouse(own.output.restricted / "warehouse").connect() as con:

        def asked(sql: str) -> list[tuple[object, ...]]:
            return con.execute(sql).fetchall()

        # The names were dropped while the file was read.
        kept = asked("SELECT * FROM services.garden_waste")
        assert len(kept) == 48 and PERSONAL not in str(kept)

        assert asked(
            "SELECT recorded_use FROM published.demand_by_area "
            "WHERE dataset = 'garden_waste' AND area_type = 'authority'"
        ) == [(50,)]
        assert asked("SELECT count(*) FROM published.accounting WHERE dataset = 'garden_waste'") != [(0,)]
        pairs = asked("SELECT DISTINCT dataset_a, dataset_b FROM published.service_overlap")
        assert ("council_tax", "garden_waste") in pairs
        # The word that means "no value" is no damage; what the spreadsheet did is.
        assert asked("SELECT DISTINCT uprn_issue FROM services.garden_waste ORDER BY 1") == [
            ("uprn_blank",), ("uprn_scientific",), (None,)
        ]  # fmt: skip
        spoilt = asked(
            "SELECT rows FROM published.data_issue WHERE dataset = 'garden_waste' AND issue = 'uprn_scientific'"
        )
        assert spoilt == [(10,)]
