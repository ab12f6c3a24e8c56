"""The plan and the run: order, what is broken or refused, what a second, a locked and a killed run leave behind."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines import release
from pipelines.authority import Authority, load_authority
from pipelines.ingest import FILE_COLUMNS
from pipelines.journal import RUN_ENDED, Journal
from pipelines.run import (
    AnotherDay,
    AnotherRun,
    BrokenDescription,
    KeptBack,
    Made,
    Output,
    Step,
    opened,
    plan,
    run,
)  # fmt: skip
from pipelines.tables import STAGES, Table
from tests.four_squares import answer
from tests.small_authority import PERSONAL, SOCIAL_CARE, write_small_authority
from tests.small_run import Small

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_authority(tmp_path / "authority")


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path / "output")


def make(authority: Authority, output: Output, through: str = "layers") -> dict[str, Made]:
    """Every step up to a stage, whatever its problems."""
    made = {}
    with opened(authority, output) as at:
        for step in plan(authority):
            if STAGES.index(step.table.stage) <= STAGES.index(through):
                made[step.name] = step.make(at)
    return made


def make_council_tax(folder: Path, output: Output) -> Made:
    """The one step that reads the council tax."""
    with opened(load_authority(folder), output) as at:
        return next(step for step in plan(at.authority) if step.name == "services.council_tax").make(at)


def ask(folder: Path, output: Output, sql: str) -> list[object]:
    with opened(load_authority(folder), output) as at:
        return answer(at.con, sql)


def bytes_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


# The plan


def test_each_step_comes_after_what_it_needs(folder: Path) -> None:
    steps = plan(load_authority(folder))
    done: set[str] = set()
    for step in steps:
        assert set(step.table.depends_on) <= done, step.name
        done.add(step.name)
    assert len(done) == len(steps)
    assert {step.table.stage for step in steps} == set(STAGES)
    assert [step.name for step in plan(load_authority(folder))] == [step.name for step in steps]
    assert steps[-1].name == "maps.release"
    for step in steps:
        if step.sql is not None:
            assert step.sql.strip()


def test_nothing_but_the_gate_reads_layers_for_others(folder: Path) -> None:
    """What is published reads layers; pages and the release read nothing but what is published, and pages."""
    for step in plan(load_authority(folder)):
        stages = {name.partition(".")[0] for name in step.table.depends_on}
        if step.table.stage == "maps":
            assert stages <= {"published", "maps"}, step.name
        elif step.table.stage != "published":
            assert not stages & {"published", "maps"}, step.name


# A run


def test_run_makes_everything_and_the_same_as_dagster_made(own: Small) -> None:
    """Down to the byte, without a new release; and what was lost of the output is there again."""
    folder, output = own.folder, own.output
    warehouse = output.restricted / "warehouse"
    before = bytes_of(warehouse)
    assert len(before) > 80
    (output.restricted / "warehouse.duckdb").unlink()
    (output.published / "index.html").unlink()
    output.restricted.chmod(0o755)
    heard: list[tuple[str, bool]] = []

    def hear(step: Step, got: Made | BaseException, seconds: float) -> None:
        heard.append((step.name, isinstance(got, Made)))
        assert seconds >= 0

    made = run(load_authority(folder), output, hear)
    assert heard == [(step.name, True) for step in plan(load_authority(folder))]
    assert own.finished.made["maps.release"].facts["content"] == "new"
    assert made["maps.release"].facts["content"] == "unchanged"
    assert bytes_of(warehouse) == before
    ended = Journal(output.restricted).lines()[-1].says or {}
    assert (ended["event"], ended["outcome"], ended["content"]) == (RUN_ENDED, "finished", "unchanged")
    assert (output.restricted / "warehouse.duckdb").is_file()
    assert (output.published / "index.html").is_file()
    if os.name != "nt":
        assert stat.S_IMODE(output.restricted.stat().st_mode) == 0o700


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Output]:
    """The small authority made up to layers, for tests that only look."""
    folder = write_small_authority(tmp_path_factory.mktemp("once") / "authority")
    output = Output(folder.parent / "output")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACES_PSEUDONYM_KEY", "k" * 32)
        patch.setenv("PLACES_THREADS", "1")
        make(load_authority(folder), output)
    return folder, output


def test_same_files_elsewhere_give_the_same_bytes(
    once: tuple[Path, Output], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, output = once
    moved, other = tmp_path / "elsewhere" / "deeper", Output(tmp_path / "other")
    shutil.copytree(folder, moved)
    monkeypatch.setenv("PLACES_PSEUDONYM_KEY", "k" * 32)
    monkeypatch.setenv("PLACES_THREADS", "4")
    make(load_authority(moved), other)
    assert bytes_of(other.restricted / "warehouse") == bytes_of(output.restricted / "warehouse")


def test_personal_values_are_in_no_table(once: tuple[Path, Output]) -> None:
    folder, output = once
    assert any(PERSONAL in path.read_text("utf-8") for path in (folder / "services").rglob("*.csv"))
    with opened(load_authority(folder), output) as at:
        for stage in STAGES:
            for name in at.warehouse.names(stage):
                assert PERSONAL not in str(at.con.execute(f'SELECT * FROM {stage}."{name}"').fetchall()), name
                assert PERSONAL not in str(at.warehouse.facts(stage, name))


def test_counts_that_one_can_work_out(once: tuple[Path, Output]) -> None:
    """As the table at the head of small_authority says."""
    columns = "dataset, rows_read, rows_kept, rows_property, rows_postcode, rows_point, rows_unplaced"
    assert ask(*once, f"SELECT {columns} FROM layers.accounting ORDER BY dataset") == [
        ("council_tax", 99, 96, 94, 1, 0, 1),
        ("libraries", 2, 2, 0, 0, 2, 0),
        ("social_care", 35, 35, 0, 35, 0, 0),
    ]


# Broken, refused, gone


def test_broken_dataset_fails_alone_and_one_that_left_is_gone(own: Small) -> None:
    """Broken for a day is not gone: its table stays. Data of a service that takes part no more must not lie about."""
    folder, output = own.folder, own.output
    (folder / "services/social_care/dataset.yaml").write_text("title: Care\n", "utf-8")
    shutil.rmtree(folder / "sites" / "libraries")
    failed: dict[str, BaseException] = {}

    def hear(step: Step, got: Made | BaseException, seconds: float) -> None:
        if isinstance(got, BaseException):
            failed[step.name] = got

    made = run(load_authority(folder), output, hear)
    assert set(failed) == {"services.social_care"}
    assert isinstance(failed["services.social_care"], BrokenDescription)
    assert "services/social_care/dataset.yaml:1:1: wanted the key `owner`" in str(
        failed["services.social_care"]
    )
    assert "maps.release" in made
    assert ask(folder, output, "SELECT dataset FROM services.dataset") == ["council_tax"]
    left = {path.name for path in (output.restricted / "warehouse" / "services").iterdir()}
    assert not {name for name in left if name.startswith("libraries")}
    for dataset in ("council_tax", "social_care"):
        assert {dataset, f"{dataset}_files", f"{dataset}_rejected"} <= left


def test_broken_source_keeps_back_what_is_made_from_it(folder: Path, output: Output) -> None:
    """Places made without half the spine would be wrong, and nothing would say so."""
    (folder / "sources/llpg/source.yaml").write_text("colums: {}\n", "utf-8")
    failed: dict[str, BaseException] = {}

    def hear(step: Step, got: Made | BaseException, seconds: float) -> None:
        if isinstance(got, BaseException):
            failed[step.name] = got

    made = run(load_authority(folder), output, hear)
    assert isinstance(failed.pop("sources.llpg"), BrokenDescription)
    assert failed
    assert all(isinstance(error, KeptBack) for error in failed.values())
    assert str(failed["places.address"]) == "not made, for want of sources.llpg"
    assert "services.council_tax" in made
    assert "maps.release" in failed
    assert not (output.published / "index.html").exists()


SEPTEMBER = "services/council_tax/council_tax_2026-09.csv"


def test_refused_snapshot_stays_as_it_was_read_before_and_holds_no_other_date_back(
    folder: Path, output: Output
) -> None:
    make_council_tax(folder, output)
    whole = (folder / SEPTEMBER).read_text("utf-8")
    (folder / SEPTEMBER).write_text(whole.replace("UPRN", "UPRNS", 1), "utf-8")
    (folder / SEPTEMBER.replace("09", "10")).write_text(whole.replace(",A\n", ",B\n"), "utf-8")
    for _ in range(2):
        made = make_council_tax(folder, output)
        assert made.rows == 144
        assert made.problems[0].startswith(
            f"{SEPTEMBER} was refused: wanted the column(s) `UPRN` (did you mean `UPRNS`?)"
        )
        assert made.problems[1] == (
            "of 2026-09-30, what was read before stays in use; all else is as it was read now"
        )
        assert made.problems[2].endswith("/quarantine/council_tax/council_tax_2026-09.csv/report.html")
        assert PERSONAL not in str(made)
        found = "SELECT file, status, rows_read FROM services.council_tax_files ORDER BY ALL"
        assert ask(folder, output, found) == [
            ("services/council_tax/council_tax_2026-08.csv", "read", 48),
            (SEPTEMBER, "read", 51),
            (SEPTEMBER, "refused", 0),
            (SEPTEMBER.replace("09", "10"), "read", 51),
        ]
        rows = "SELECT as_at::VARCHAR, count(*) FROM services.council_tax WHERE band <> 'A' GROUP BY 1 ORDER BY 1"
        assert ask(folder, output, rows) == [("2026-08-31", 32), ("2026-09-30", 32), ("2026-10-31", 48)]
    make(load_authority(folder), output)
    stale = (
        "SELECT is_stale, refused_as_at::VARCHAR, files FROM services.dataset WHERE dataset = 'council_tax'"
    )
    assert ask(folder, output, stale) == [(False, "2026-09-30", 3)]
    accounts = (
        "SELECT rows_read, rows_kept, rows_rejected FROM layers.accounting WHERE dataset = 'council_tax'"
    )
    assert ask(folder, output, accounts) == [(150, 144, 6)]
    (folder / SEPTEMBER).write_text(whole, "utf-8")
    made = make_council_tax(folder, output)
    assert (made.problems, made.rows) == ((), 144)


def test_refused_file_with_no_former_version(folder: Path, output: Output) -> None:
    (folder / SEPTEMBER).write_bytes(b"")
    made = make_council_tax(folder, output)
    assert made.problems[0] == f"{SEPTEMBER} was refused: wanted rows; found an empty file (0 bytes)"
    assert made.rows == 48
    assert made.facts == {"files": 1, "rows_read": 48, "rows_kept": 48, "rows_rejected": 0}


def test_files_that_are_gone_keep_the_former_version_too(folder: Path, output: Output) -> None:
    """As when a drive is missing: an empty table would say that nobody pays council tax."""
    make_council_tax(folder, output)
    for path in (folder / "services" / "council_tax").glob("*.csv"):
        path.unlink()
    made = make_council_tax(folder, output)
    assert made.problems == (
        "its files are gone: is a drive missing, or were they moved?",
        "the former version stays in use",
    )
    assert made.rows == 96
    assert ask(folder, output, "SELECT count(*) FROM services.council_tax") == [96]


def test_former_table_of_files_with_fewer_columns_does_not_stand_in_the_way(
    folder: Path, output: Output
) -> None:
    """As an earlier version of this software may have left it."""
    make_council_tax(folder, output)
    with opened(load_authority(folder), output) as at:
        columns = tuple(column for column in FILE_COLUMNS if column.name != "edition")
        former = Table("services", "council_tax_files", "Files.", columns, ("file",))
        at.warehouse.write(at.con, former, "SELECT * EXCLUDE (edition) FROM services.council_tax_files")
    (folder / SEPTEMBER).write_bytes(b"")
    made = make_council_tax(folder, output)
    assert made.problems[1].startswith("of 2026-09-30, what was read before stays in use")
    assert made.rows == 96


# Two at once, and killed


def test_second_run_on_the_same_output_is_told(folder: Path, output: Output) -> None:
    authority = load_authority(folder)
    with opened(authority, output):
        with pytest.raises(AnotherRun, match="another run is at work on "):
            run(authority, output)
        with pytest.raises(AnotherRun), opened(authority, output, wait_seconds=0.1):
            pass
    with opened(authority, output):
        pass


RUNNER = """
import sys
from pathlib import Path
from pipelines.authority import load_authority
from pipelines.run import Output, opened, plan

authority = load_authority(Path(sys.argv[1]))
with opened(authority, Output(Path(sys.argv[2]))) as at:
    for step in plan(authority):
        print(step.name, flush=True)
        step.make(at)
"""


def test_killed_run_leaves_whole_tables_and_the_next_one_finishes(own: Small) -> None:
    folder, output = own.folder, own.output
    (folder / SEPTEMBER).unlink()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", RUNNER, str(folder), str(output.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "places.record_placed":
                break
        time.sleep(0.004)
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        process.wait()
    # What was made before the kill is new, what was not is old and whole, and the lock is free.
    council_tax = "SELECT count(*) FROM {} WHERE dataset = 'council_tax'"
    assert ask(folder, output, council_tax.format("services.record")) == [48]
    assert ask(folder, output, council_tax.format("places.record_placed")) in ([96], [48])
    assert ask(folder, output, "SELECT rows_kept FROM layers.accounting WHERE dataset = 'council_tax'") == [
        96
    ]
    after = make(load_authority(folder), output)
    assert after["services.council_tax"].rows == 48
    with opened(load_authority(folder), output) as at:
        at.warehouse.sweep()
    assert not list((output.restricted / "warehouse").rglob(".*"))


# Real open data


@pytest.fixture(scope="module")
def bath(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Output]:
    """examples/bath over the real files, made up to layers."""
    folder = REPOSITORY / "examples" / "bath"
    output = Output(tmp_path_factory.mktemp("bath"))
    made = make(load_authority(folder, real_data), output)
    assert all(step.problems == () for step in made.values())
    return folder, real_data, output


def test_bath_sources(bath: tuple[Path, Path, Output]) -> None:
    """Each published file is read whole: nothing refused, and no more rejected than is known."""
    folder, data, output = bath
    with opened(load_authority(folder, data), output) as at:
        read = (
            'SELECT "of", sum(rows_kept), sum(rows_rejected) FROM sources.file_read GROUP BY ALL ORDER BY ALL'
        )
        assert answer(at.con, read) == [
            ("area_boundary", 762, 0),
            ("code_point_open", 5783, 0),
            ("deprivation", 115, 0),
            ("gp_registered_patients", 1637, 0),
            ("household_tenure", 698, 39),  # rows of wards, the district and England
            ("os_open_roads", 9015, 0),
            ("population", 698, 39),  # the same
        ]
        kinds = "SELECT area_type, vintage, count(*) FROM sources.area_boundary GROUP BY ALL ORDER BY ALL"
        assert answer(at.con, kinds) == [
            ("lsoa", "11", 115),
            ("msoa", "11", 27),
            ("oa", "11", 583),
            ("wd", "13", 37),
        ]
        rejected = "SELECT DISTINCT reason FROM sources.row_rejected"
        assert answer(at.con, rejected) == ["excluded: another level of geography than LSOA and Output Area"]


def test_bath_homes_and_claimants(bath: tuple[Path, Path, Output]) -> None:
    folder, data, output = bath
    with opened(load_authority(folder, data), output) as at:
        con = at.con
        authority = (
            "SELECT recorded_use, homes, people FROM layers.demand_by_area WHERE area_type = 'authority'"
        )
        authority += " AND dataset = '{}'"
        # The published tally of homes; the people of Census 2011, from Output Areas that are wholly inside.
        assert answer(con, authority.format("council_tax_bands")) == [(77_733, 77_733, 176_016)]
        columns = "rows_read, rows_kept, rows_rejected, weight_kept, weight_rejected, weight_area"
        accounts = f"SELECT {columns} FROM layers.accounting WHERE dataset = 'council_tax_support'"
        # The naive sum would be 21,345: the file holds its own total.
        assert answer(con, accounts) == [(464, 382, 82, 10_524, 10_821, 10_524)]
        assert answer(con, authority.format("council_tax_support")) == [(10_524, 77_733, 176_016)]
        reasons = "SELECT split_part(reason, ':', 1) AS why, count(*), sum(weight) FROM services.row_rejected"
        # Of a list of all practices in England, those of this clinical commissioning group are kept.
        here = f"{reasons} WHERE \"of\" <> 'gp_practices' GROUP BY why ORDER BY why"
        assert answer(con, here) == [("excluded", 4, 10_821), ("withheld", 78, 0)]
        elsewhere = f"{reasons} WHERE \"of\" = 'gp_practices' GROUP BY why"
        assert answer(con, elsewhere) == [("excluded", 14_276, 14_276)]


def test_bath_adds_up_everywhere(bath: tuple[Path, Path, Output]) -> None:
    folder, data, output = bath
    with opened(load_authority(folder, data), output) as at:
        con = at.con
        placed = " + ".join(
            f"rows_{part}" for part in ("property", "building", "point", "postcode", "area", "unplaced")
        )
        wrong = f"rows_read <> rows_kept + rows_rejected OR rows_kept <> {placed}"
        assert answer(con, f"SELECT dataset FROM layers.accounting WHERE {wrong}") == []
        # Wards and LSOAs come to the same people; the district's own total is theirs.
        people = "SELECT area_type, sum(people) FROM layers.area_profile GROUP BY 1 ORDER BY 1"
        assert answer(con, people) == [
            ("authority", 176_016),
            ("lsoa", 176_016),
            ("msoa", 176_016),
            ("ward", 176_016),
        ]
        assert answer(con, "SELECT area_type, count(*) FROM places.area GROUP BY 1 ORDER BY 1") == [
            ("authority", 1), ("lsoa", 115), ("msoa", 27), ("oa", 583), ("ward", 37)
        ]  # fmt: skip
        lost = "lsoa_code IS NULL OR msoa_code IS NULL OR ward_code IS NULL"
        assert answer(con, f"SELECT count(*) FROM places.output_area WHERE {lost}") == [0]


def test_bath_damaged_identifiers(bath: tuple[Path, Path, Output]) -> None:
    folder, data, output = bath
    with opened(load_authority(folder, data), output) as at:
        con = at.con
        found = "SELECT uprn_issue, count(*) FROM services.record WHERE dataset = '{}' GROUP BY 1 ORDER BY 1"
        # `Not Known` is declared as missing there.
        assert dict(answer(con, found.format("premises_licences"))) == {None: 584, "uprn_blank": 362}
        keys = "SELECT DISTINCT location_key FROM places.record_placed WHERE dataset = 'council_tax_bands' ORDER BY 1"
        assert answer(con, keys) == ["none", "postcode"]


VENUES = """\
title: Venues
owner: O
sensitivity: open
as_at: 2026-09-30
folder: "{{data}}/{folder}"
files: "{file}"
columns:
  {header}: uprn
"""
BANES, LONDON = "uprn_addresses_banes", "london_cultural_infrastructure"


@pytest.mark.parametrize(
    ("folder", "file", "header", "wanted"),
    [
        (BANES, "Premises_License_-_17.09.14.csv", "UPRN", {"uprn_not_a_number": 362, None: 584}),
        (BANES, "bath_and_north_east_somerset_council.csv", "unique property reference number", {None: 15}),
        (LONDON, "Theatres.csv", "os_addressbase_uprn", {"uprn_blank": 2, "uprn_rounded": 104, None: 158}),
        (
            LONDON,
            "Cinemas.csv",
            "os_addressbase_uprn",
            {"uprn_blank": 1, "uprn_padded": 81, None: 34},
        ),
        (LONDON, "Pubs.csv", "os_addressbase_uprn", {"uprn_blank": 4098}),
        (LONDON, "Skate_Parks.csv", "os_addressbase_uprn", {"uprn_zero": 50}),
        (
            "libraries_england",
            "libraries_england_2023.csv",
            "UPRN",
            {
                "uprn_blank": 1009,
                "uprn_not_a_number": 226,
                "uprn_too_long": 12,
                "uprn_padded": 10,
                None: 1286,
            },
        ),
    ],
)
def test_real_uprn_columns(
    folder: str, file: str, header: str, wanted: dict[str | None, int], real_data: Path, tmp_path: Path
) -> None:
    """What was counted in each file by other means."""
    own = tmp_path / "services" / "venues"
    own.mkdir(parents=True)
    (tmp_path / "authority.yaml").write_text("name: T\ncode: E06000022\narea_vintage: 2011\n", "utf-8")
    (own / "dataset.yaml").write_text(VENUES.format(folder=folder, file=file, header=header), "utf-8")
    authority = load_authority(tmp_path, real_data)
    with opened(authority, Output(tmp_path / "output")) as at:
        step = next(step for step in plan(authority) if step.name == "services.venues")
        assert step.make(at).problems == ()
        assert dict(answer(at.con, "SELECT uprn_issue, count(*) FROM services.venues GROUP BY 1")) == wanted


def test_an_earlier_month_is_made_again_as_it_was(tmp_path: Path) -> None:
    """From extracts up to its end: the release is the same to the byte; it cannot take the place of another."""
    by_name = SOCIAL_CARE.replace("as_at: 2026-09-30", "as_at: file_name")
    month = {
        "events_2026-08.csv": [("2026-05-04", 20), ("2026-08-03", 12)],
        "events_2026-09.csv": [("2026-09-02", 30)],
    }
    contents = []
    for name, up_to in (("then", None), ("now", dt.date(2026, 8, 31))):
        folder = write_small_authority(tmp_path / name)
        care = folder / "services" / "social_care"
        (care / "dataset.yaml").write_text(by_name, "utf-8")
        (care / "events_2026.csv").unlink()
        for file, days in month.items():
            rows = [f"Ann,{day},QX9 1AA\n" for day, count in days for _ in range(count)]
            (care / file).write_text("CLIENT_NAME,EVENT_DATE,POSTCODE\n" + "".join(rows), "utf-8")
        if up_to is None:  # as it lay there at the end of August
            for late in folder.glob("s*/*/*_2026-09*.csv"):
                late.unlink()
        output = Output(tmp_path / f"output {name}")
        made = run(load_authority(folder, up_to=up_to), output)
        # The libraries' first file came later: then it was missing, now there is nothing to mend.
        assert bool(made["services.libraries"].problems) is (up_to is None)
        current = release.current_release(output.published)
        assert current is not None
        contents.append(current.content_sha256)
        about = json.loads((current.path / "release.json").read_text("utf-8"))
        assert (about["data_to"], about["made_again_up_to"]) == ("2026-08-31", "2026-08-31" if up_to else "")
        assert "Data to 31 August 2026" in (current.path / "index.html").read_text("utf-8")
    assert contents[0] == contents[1]
    for name, up_to in (("then", dt.date(2026, 8, 31)), ("now", None), ("now", dt.date(2026, 7, 31))):
        with pytest.raises(AnotherDay, match="choose another folder with --output"):
            run(load_authority(tmp_path / name, up_to=up_to), Output(tmp_path / f"output {name}"))
