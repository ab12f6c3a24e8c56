"""Canaries: unique words where an extract holds what nobody may see, looked for in every byte that a run leaves.

After a whole run, a run that fails in the middle of a personal table, and one that is killed there: in the release, in
Dagster's history as its pages show it, in what is printed, in temporary folders, and in the restricted store past the
first stage. That the sample's own canaries do not leave it is in `test_sample`.
"""

from __future__ import annotations

import csv
import functools
import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest

from pipelines.orchestrate.instance import dagster_instance
from pipelines.release import current_release
from pipelines.run import Output
from tests.small_authority import HOMES, write_small_authority

REPOSITORY = Path(__file__).resolve().parent.parent
CANARY = re.compile(rb"CANARY[A-Z]*", re.IGNORECASE)

# What stands in the restricted store, and no further than these stages: text that the description says to keep, the
# headers that it does not name, the names of files. Every other canary, and with it every personal value, is nowhere.
KEPT = {
    "CANARYADDRESS": {"services", "places"},
    "CANARYCATEGORY": {"services"},
    "CANARYTEXT": {"services"},
    "CANARYHEADER": {"services"},
    "CANARYFILE": {"services", "places", "dagster", "journal", "quarantine"},
}

AWKWARD = """\
title: Awkward extracts
owner: Somebody
purpose: To see what becomes of values in the wrong place
lawful_basis: Public task
uses: [demand, overlap, reach]
sensitivity: special
files: "awkward_*.csv"
as_at: file_name
unreadable_percent: 100
counts: record
columns:
  REF: record_reference
  CLIENT: {is: personal, keep: keyed, as: client}
  NAME: personal
  BORN: {is: personal, keep: age_band, as: age_band}
  UPRN: uprn
  ADDRESS: address_line
  POSTCODE: postcode
  STREET: usrn
  AREA: area_code
  OPENED: {is: date, as: opened_on}
  AMOUNT: {is: measure, as: amount}
  BAND: {is: category, as: band, values: [A, B]}
  NOTE: {is: category, as: note}
exclude:
  - {column: NAME, matches: "^test", because: a test record}
"""
HEADER = (
    "REF", "CLIENT", "NAME", "BORN", "UPRN", "ADDRESS", "POSTCODE", "STREET", "AREA", "OPENED", "AMOUNT", "BAND",
    "NOTE", "CANARYHEADER",
)  # fmt: skip
SHEETS = """\
title: Workbook
owner: Somebody
purpose: To see what becomes of a sheet's name
lawful_basis: Public task
uses: [demand, overlap, reach]
sensitivity: personal
files: "sheets_*.xlsx"
as_at: file_name
counts: record
columns:
  NAME: {is: personal, keep: keyed, as: name}
  POSTCODE: postcode
"""


def rows(number: int) -> Iterator[tuple[str, ...]]:
    """Rows with a canary in every column, sound otherwise, and some that are rejected."""
    for i in range(number):
        home = HOMES[i % len(HOMES)]
        yield (
            f"CANARYREF{i}", f"CANARYCLIENT{i}", f"CANARYNAME {i}", "1951-03-09 CANARYBORN", f"{home.uprn} CANARYUPRN",
            f"{home.address} CANARYADDRESS", f"{home.postcode} CANARYPOSTCODE", "CANARYSTREET", "CANARYAREA",
            "2026-13-45 CANARYDATE", "12 CANARYNUMBER", "CANARYCATEGORY", "CANARYTEXT", "CANARYEXTRA",
        )  # fmt: skip
    yield ("CANARYREF0", *[""] * 12, "CANARYTWICE")
    yield (*["CANARYWIDE"] * 20,)
    yield ("CANARYNARROW",)
    yield ("CANARYEXCLUDED", "", "test CANARYEXCLUDED", *[""] * 11)
    yield ("", "CANARYNOREF", *[""] * 12)


def write_awkward_authority(folder: Path, number: int = 40) -> Path:
    """The small authority with two more datasets, in which there is a canary wherever one can be."""
    write_small_authority(folder)
    awkward, sheets = folder / "services" / "awkward", folder / "services" / "sheets"
    awkward.mkdir()
    sheets.mkdir()
    (awkward / "dataset.yaml").write_text(AWKWARD, "utf-8")
    (sheets / "dataset.yaml").write_text(SHEETS, "utf-8")
    with (awkward / "awkward_2026-09_CANARYFILE.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows(number)])
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "CANARYSHEET"
    for row in [("NAME", "POSTCODE"), *[("CANARYNAME", HOMES[0].postcode)] * 12]:
        sheet.append(row)
    book.properties.creator = "CANARYAUTHOR"
    book.save(sheets / "sheets_2026-09.xlsx")
    return folder


def command(
    authority: Path, output: Path, temporary: Path, program: str = ""
) -> tuple[list[str], dict[str, str]]:
    """`places run`, as a user starts it; or a program that ends in the same."""
    temporary.mkdir(parents=True, exist_ok=True)
    start = ["-c", textwrap.dedent(program)] if program else ["-m", "pipelines"]
    arguments = [sys.executable, *start, "run", "--authority", str(authority), "--output", str(output)]
    return arguments, {**os.environ, "TMPDIR": str(temporary), "TMP": str(temporary), "TEMP": str(temporary)}


def places(
    authority: Path, output: Path, temporary: Path, program: str = ""
) -> subprocess.CompletedProcess[bytes]:
    arguments, environment = command(authority, output, temporary, program)
    return subprocess.run(arguments, cwd=REPOSITORY, env=environment, capture_output=True)


# Looking ---------------------------------


def unpacked(data: bytes) -> Iterator[bytes]:
    """Bytes as they are and, where they are compressed, as they were."""
    yield data
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from unpacked(archive.read(name))
    for kind in (zlib.MAX_WBITS, zlib.MAX_WBITS | 16):  # zlib, gzip
        try:
            yield zlib.decompressobj(kind).decompress(data)
        except zlib.error:
            continue


@functools.cache
def reader() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def contents(path: Path) -> Iterator[bytes]:
    """Everything that can be read in a file: its name and bytes, its rows, its metadata and comments."""
    yield path.name.encode()
    raw = path.read_bytes()
    yield from unpacked(raw)
    if raw[:4] == b"PAR1":
        file = pq.ParquetFile(path)
        yield str(file.metadata.metadata).encode()
        yield str(file.schema_arrow).encode()
        rows_of = "SELECT CAST(t AS VARCHAR) FROM read_parquet(?) AS t"
        yield from (row.encode() for (row,) in reader().execute(rows_of, [str(path)]).fetchall())
    elif raw[:15] == b"SQLite format 3":
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as con:
            names = [name for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                if name.startswith("rtree_"):
                    continue
                for row in con.execute(f'SELECT * FROM "{name}"'):
                    for value in row:
                        yield from unpacked(value if isinstance(value, bytes) else str(value).encode())
    elif raw[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as con:
            for schema, name, comment in con.execute(
                "SELECT schema_name, table_name, comment FROM duckdb_tables()"
            ).fetchall():
                yield str(comment).encode()
                for (row,) in con.execute(
                    f'SELECT CAST(t AS VARCHAR) FROM {schema}."{name}" AS t'
                ).fetchall():
                    yield row.encode()
            for said in con.execute("SELECT comment FROM duckdb_columns() WHERE NOT internal").fetchall():
                yield str(said).encode()
            for said in con.execute("SELECT sql, comment FROM duckdb_views() WHERE NOT internal").fetchall():
                yield str(said).encode()


def canaries_in(*texts: bytes) -> set[str]:
    return {found.decode().upper() for text in texts for found in CANARY.findall(text)}


@functools.cache
def canaries_of(path: Path, written: int, size: int) -> frozenset[str]:
    """The canaries in a file as it was written at a moment: most files of an output outlive several runs."""
    return frozenset(canaries_in(*contents(path)))


def canaries_below(folder: Path) -> dict[str, set[str]]:
    """The canaries found below a folder, by file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            held = path.stat()
            if marks := canaries_of(path, held.st_mtime_ns, held.st_size):
                found[path.relative_to(folder).as_posix()] = set(marks)
    return found


def as_the_pages_show_it(output: Path) -> Iterator[bytes]:
    """Dagster's history through its own interface: every event with its metadata and errors, and every log."""
    with dagster_instance(Output(output)) as instance:
        for run in instance.get_runs(limit=2):  # the latest: those since somebody looked
            yield str(run).encode()
            for entry in instance.all_logs(run.run_id):
                yield dg.serialize_value(entry).encode()
            snapshot = instance.get_historical_job(run.job_snapshot_id) if run.job_snapshot_id else None
            yield dg.serialize_value(snapshot.job_snapshot).encode() if snapshot else b""


def may_stand_in(mark: str, stage: str) -> bool:
    """Whether a canary is one that the stage may keep, or the beginning of one, cut where a database's page ends."""
    return any(stage in stages and kept.startswith(mark) for kept, stages in KEPT.items())


def hold_to_rule(output: Path, temporary: Path, *printed: bytes) -> None:
    """No canary outside the restricted store; inside, only those of `KEPT`, and no further than it says."""
    assert canaries_in(*printed) == set()
    assert canaries_below(temporary) == {}
    assert canaries_below(output / "published") == {}
    further = {}
    for file, marks in canaries_below(output / "restricted").items():
        parts = file.split("/")
        stage = parts[1] if parts[0] == "warehouse" else parts[0].partition(".")[0]
        if too_far := {mark for mark in marks if not may_stand_in(mark, stage)}:
            further[file] = too_far
    assert further == {}
    shown = canaries_in(*as_the_pages_show_it(output))
    assert shown <= {mark for mark, stages in KEPT.items() if "dagster" in stages}


# Runs ---------------------------------


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_awkward_authority(tmp_path_factory.mktemp("canaries") / "authority")


@pytest.fixture(scope="module")
def output(awkward: Path) -> Path:
    return awkward.parent / "output"


def test_the_search_finds_what_is_hidden_in_files(tmp_path: Path) -> None:
    """A search that finds nothing anywhere would pass every test below."""
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT 'CANARYA' AS a FROM range(9)) TO '{tmp_path / 'a.parquet'}' (COMPRESSION zstd)"
        )
    with duckdb.connect(str(tmp_path / "b.duckdb")) as con:
        con.execute("CREATE TABLE t AS SELECT 'CANARYB' AS b FROM range(9); COMMENT ON TABLE t IS 'CANARYC'")
    with closing(sqlite3.connect(tmp_path / "c.db")) as lite:
        lite.execute("CREATE TABLE t (x BLOB)")
        lite.execute("INSERT INTO t VALUES (?)", [zlib.compress(b"CANARYD " * 9)])
        lite.commit()
    with zipfile.ZipFile(tmp_path / "d.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.txt", "CANARYE " * 9)
    (tmp_path / "CANARYF.txt").touch()
    assert set().union(*canaries_below(tmp_path).values()) == {f"CANARY{letter}" for letter in "ABCDEF"}


def test_after_a_whole_run(awkward: Path, output: Path) -> None:
    temporary = awkward.parent / "temporary"
    done = places(awkward, output, temporary)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    hold_to_rule(output, temporary, done.stdout, done.stderr)
    # What is kept is there, so that looking for it meant something; and the rows were read.
    kept = canaries_below(output / "restricted" / "warehouse")
    assert set().union(*kept.values()) == set(KEPT)
    assert current_release(output / "published") is not None


# Two steps fail as libraries fail, with a value in the message: a reader in the middle of a file, and a layer that
# takes text for a number.
ERRORS = """
    import dataclasses, sys
    from pipelines import cli, pseudonyms, run
    from pipelines.orchestrate import graph

    mark, steps_of = pseudonyms.Pseudonyms.mark, run.plan

    def failing(self, dataset, column, value):
        return mark(self, dataset, column, str(int(value)) if dataset == "sheets" else value)

    def plan(authority):
        steps = steps_of(authority)
        (layer,) = [step for step in steps if step.name == "layers.demand_by_area"]
        sql = "SELECT CAST(address AS INTEGER) AS dataset FROM services.awkward"
        wrong = dataclasses.replace(layer.table, sql=sql, key=("dataset",), depends_on=("services.awkward",))
        broken = dataclasses.replace(layer, table=wrong, make=run._make_table(wrong, ()), sql=sql)
        return [broken if step is layer else step for step in steps]

    pseudonyms.Pseudonyms.mark = failing
    run.plan = graph.plan = plan
    sys.exit(cli.main(sys.argv[1:]))
"""


def test_after_a_run_that_fails_in_personal_tables(awkward: Path, output: Path, tmp_path: Path) -> None:
    """Also of a file without its header: the row that was looked at in its place is a person's."""
    before = current_release(output / "published")
    stray = awkward / "services" / "awkward" / "awkward_2026-10.csv"
    with stray.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows(12))
    try:
        done = places(awkward, output, tmp_path, ERRORS)
    finally:
        stray.unlink()
    told = done.stderr.decode()
    assert done.returncode == 1
    assert "services.sheets failed:\n  ValueError in pipelines/reading_plan.py" in told
    assert "layers.demand_by_area failed:\n  ConversionException in pipelines/warehouse.py" in told
    assert told.count("Its message is kept back") == 2
    assert "awkward_2026-10.csv was refused" in told
    hold_to_rule(output, tmp_path, done.stdout, done.stderr)
    assert current_release(output / "published") == before


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_after_a_run_that_is_killed_in_a_personal_table(tmp_path: Path) -> None:
    """With so little memory that DuckDB writes to disk what it is at work on."""
    authority = write_awkward_authority(tmp_path / "authority", number=60_000)
    output, temporary = tmp_path / "output", tmp_path / "temporary"
    arguments, environment = command(authority, output, temporary)
    environment |= {"PLACES_MEMORY_LIMIT": "60MB", "PLACES_THREADS": "1"}
    with subprocess.Popen(
        arguments, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        printed = b""
        while (
            b"services" not in printed
        ):  # the heading is printed with the first service's line: too late by then
            line = process.stdout.readline()
            assert line, process.stderr.read().decode()
            printed += line
            if line.split()[:1] == [b"population"]:
                break
        time.sleep(0.6)
        process.send_signal(signal.SIGKILL)
        printed += process.stdout.read() + process.stderr.read()
    assert process.returncode == -signal.SIGKILL
    assert b"awkward" not in printed, "it was killed before the table was made"
    hold_to_rule(output, temporary, printed)
    assert not (output / "restricted" / "warehouse" / "services" / "awkward" / "current.json").exists()
