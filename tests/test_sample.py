"""The sample borough from the command line to the release: what a newcomer's first run must come to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from data.borough import canaries
from pipelines.authority import load_authority
from pipelines.release import current_release
from pipelines.run import Output, run
from pipelines.warehouse import Warehouse
from tests.small_authority import write_small_authority
from tests.test_notebooks import RED_TEAM, execute

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLE = REPOSITORY / "data" / "sample"


def places(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, on as many threads."""
    command = [sys.executable, "-m", "pipelines", *map(str, arguments)]
    without = {name: value for name, value in os.environ.items() if name != "PLACES_THREADS"}
    return subprocess.run(
        command, cwd=REPOSITORY, env=without, capture_output=True, text=True, encoding="utf-8"
    )


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    output = tmp_path_factory.mktemp("sample") / "output"
    return output, places("run", "--authority", SAMPLE, "--output", output)


@pytest.fixture(scope="module")
def output(first_run: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    folder, done = first_run
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def warehouse(output: Path) -> Warehouse:
    return Warehouse(output / "restricted" / "warehouse")


def test_a_newcomer_is_told_each_table_with_rows_and_time_and_where_the_maps_are(
    first_run: tuple[Path, subprocess.CompletedProcess[str]], output: Path
) -> None:
    _, done = first_run
    lines = done.stdout.splitlines()
    assert lines[-1] == f"Maps: {(output / 'published' / 'index.html').as_posix()}"
    for stage in ("sources", "services", "places", "layers", "published", "maps"):
        assert stage in lines
    told = next(line for line in lines if line.split()[:1] == ["council_tax"])
    assert told.split()[1:3] == ["33,359", "rows"] and "1 of 33,360 rows rejected" in told
    assert "DEBUG" not in done.stdout + done.stderr and done.stderr == ""


def test_every_row_is_accounted_for(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        wrong = con.execute(
            """
            SELECT dataset FROM layers.accounting
            WHERE rows_read <> rows_kept + rows_rejected OR weight_read <> weight_kept + weight_rejected
                OR rows_kept <> rows_property + rows_building + rows_point + rows_postcode + rows_area + rows_unplaced
                OR weight_kept <> weight_property + weight_building + weight_point + weight_postcode + weight_area
                    + weight_unplaced
            """
        ).fetchall()
        read = dict(con.execute("SELECT dataset, rows_read FROM layers.accounting").fetchall())
    assert wrong == []
    assert read == {
        "adult_social_care": 8702, "bulky_waste": 8825, "council_tax": 33360, "gp_practices": 6,
        "housing_tenancy": 1926, "libraries": 5, "schools": 14,
    }  # fmt: skip


def test_hardly_any_record_is_put_on_a_wrong_property(warehouse: Warehouse) -> None:
    """Against what the generator knows. A record whose flat is not told belongs to the building, and is called so."""
    with warehouse.connect() as con:
        counts = con.execute(
            f"""
            SELECT
                placed.dataset,
                count(*),
                count(*) FILTER (precision = 'property'),
                count(*) FILTER (precision = 'property' AND CAST(truth.uprn AS BIGINT) IS DISTINCT FROM placed.uprn)
            FROM places.record_placed AS placed
            JOIN read_csv('{(SAMPLE / "truth").as_posix()}/*.csv.gz', all_varchar = true) AS truth
                ON truth.file = parse_filename(placed.file) AND placed.row_number = CAST(truth.row_number AS BIGINT) + 1
            GROUP BY placed.dataset
            """
        ).fetchall()
    shares = {dataset: at_property / records for dataset, records, at_property, _ in counts}
    assert shares.keys() == {"adult_social_care", "bulky_waste", "council_tax", "housing_tenancy"}
    assert min(shares.values()) == shares["adult_social_care"] > 0.94
    assert shares["bulky_waste"] > 0.99
    assert sum(at_property for _, _, at_property, _ in counts) > 52_000
    assert sum(wrong for *_, wrong in counts) <= 5


def test_a_uprn_of_another_home_does_not_lead_there(warehouse: Warehouse) -> None:
    """Bulky waste has some: the postcode and the address agree against them."""
    with warehouse.connect() as con:
        found = con.execute(
            f"""
            SELECT count(*), count(*) FILTER (
                placed.uprn_finding = 'uprn_overruled' AND CAST(truth.uprn AS BIGINT) = placed.uprn
            )
            FROM places.record_placed AS placed
            JOIN read_csv('{(SAMPLE / "truth").as_posix()}/bulky_waste*.csv.gz', all_varchar = true) AS truth
                ON truth.file = parse_filename(placed.file) AND placed.row_number = CAST(truth.row_number AS BIGINT) + 1
            WHERE truth.what = 'another home'
            """
        ).fetchall()[0]
    assert found[0] > 20 and found[1] == found[0]


def test_a_planner_sees_season_and_where_services_meet(output: Path) -> None:
    """As they were planted: more bulky waste in summer, and more at homes that social care or the council as a landlord
    knows."""
    released = output / "published" / "current" / "connected_places.duckdb"
    with duckdb.connect(str(released), read_only=True) as con:
        ratios = {
            datasets: (low, high)
            for datasets, low, high in con.execute(
                "SELECT datasets, ratio_low, ratio_high FROM published.overlap_against_chance "
                "WHERE period = 'all' AND allowing_for = 'nothing' AND status = 'published'"
            ).fetchall()
        }
        (model, beyond_mean) = con.execute(
            "SELECT model, skill_against_mean FROM published.forecast_skill "
            "WHERE dataset = 'bulky_waste' AND area_type = 'all' AND horizon = 0 AND is_chosen"
        ).fetchall()[0]
        hidden, areas = con.execute(
            "SELECT count(*) FILTER (recorded_use_status = 'hidden'), count(*) FROM published.demand_by_area "
            "WHERE dataset = 'bulky_waste' AND area_type = 'lsoa'"
        ).fetchall()[0]
    assert ratios["adult_social_care + bulky_waste"][0] > 1.3
    assert ratios["bulky_waste + housing_tenancy"][0] > 1.3
    assert ratios["adult_social_care + bulky_waste + housing_tenancy"][0] > 1.3
    assert ratios["adult_social_care + council_tax"][1] < 1.1
    assert model.endswith("regression") and beyond_mean > 10
    assert areas == 480 and hidden < areas / 5


def test_no_property_reference_is_taken_for_a_uprn(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        found = con.execute(
            "SELECT count(property_ref), count(uprn) FROM services.housing_tenancy"
        ).fetchall()[0]
    assert found == (1926, 0)


def test_no_personal_value_leaves_the_first_stage(
    first_run: tuple[Path, subprocess.CompletedProcess[str]], output: Path, warehouse: Warehouse
) -> None:
    marks = sorted(canaries(SAMPLE))
    assert len(marks) > 1000 and all(mark.startswith("CANARY-") for mark in marks)
    _, done = first_run
    assert "CANARY" not in done.stdout + done.stderr
    # Files as bytes, and tables as texts: Parquet and DuckDB files are compressed.
    for path in output.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert b"CANARY" not in path.read_bytes(), path
    with warehouse.connect() as con:
        for stage, name in con.execute(
            "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall():
            assert not mentions(con, f'{stage}."{name}"', "CANARY"), f"{stage}.{name}"
    released = output / "published" / "current" / "connected_places.duckdb"
    with duckdb.connect(str(released), read_only=True) as con:
        tables = con.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        assert len(tables) > 10
        for schema, name in tables:
            assert not mentions(con, f'{schema}."{name}"', "CANARY"), name


def mentions(con: duckdb.DuckDBPyConnection, table: str, word: str) -> bool:
    """Whether any value of a table, as text, holds a word."""
    return bool(
        con.execute(
            f"SELECT count(*) FROM {table} AS t WHERE contains(CAST(t AS VARCHAR), '{word}')"
        ).fetchall()[0][0]
    )


def test_nothing_published_is_below_the_threshold_but_open_data(output: Path) -> None:
    released = output / "published" / "current" / "connected_places.duckdb"
    with duckdb.connect(str(released), read_only=True) as con:
        least, odd, hidden = con.execute(
            "SELECT min(recorded_use), count(*) FILTER (recorded_use % 5 <> 0), "
            "count(*) FILTER (recorded_use_status = 'hidden') FROM published.demand_by_area"
        ).fetchall()[0]
    assert least >= 10 and odd == 0 and hidden > 50


def test_a_second_run_gives_the_same_bytes_and_no_new_release(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = parquet_files(output)
    release = current_release(output / "published")
    assert release is not None
    monkeypatch.setenv("PLACES_THREADS", "1")  # the first had two
    made = run(load_authority(SAMPLE), Output(output))
    facts = made["maps.release"].facts
    assert (facts["release"], facts["content"]) == (release.release_id, "unchanged")
    assert parquet_files(output) == before


def parquet_files(output: Path) -> dict[str, int]:
    """The warehouse's files, which are named by their content, with their sizes."""
    root = output / "restricted" / "warehouse"
    return {path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*.parquet")}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_what_is_exact_is_closed_to_others(output: Path) -> None:
    assert (output / "restricted").stat().st_mode & 0o777 == 0o700
    assert (output / "restricted" / "pseudonym.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_ctrl_c_is_told_in_one_line(tmp_path: Path) -> None:
    authority = write_small_authority(tmp_path / "authority")
    where = ["--authority", str(authority), "--output", str(tmp_path / "output")]
    command = [sys.executable, "-m", "pipelines", "run", *where]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        while "llpg" not in (line := process.stdout.readline()):
            assert line, process.stderr.read()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        told = process.stderr.read()
    assert process.returncode == 130
    assert told == "places: stopped; what was published before is as it was\n"


def test_an_outsider_gets_nothing_out_of_the_release(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = execute(RED_TEAM, output, SAMPLE / "sources", monkeypatch)
    assert "attacks, none succeeded" in printed and "text with one of the 0 UPRNs" not in printed
