"""Tables on disk: the same bytes every time, whole after a kill, never changed under a reader, found again by name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from pipelines.tables import Column, Table
from pipelines.warehouse import POINTER, KeyNotUnique, Warehouse, replace_text

REPOSITORY = Path(__file__).resolve().parents[2]


def homes(*columns: Column) -> Table:
    """The table that most tests write."""
    described = columns or (
        Column("uprn", "BIGINT", "UPRN; it's a number"),
        Column("ward", "VARCHAR", "ward"),
    )
    return Table("places", "home", "One row per home.", described, ("uprn",), path="assets/places/home.sql")


FIRST = "SELECT n AS uprn, 'E0' || n % 7 AS ward FROM range(1, 1001) AS t(n)"
SECOND = "SELECT n AS uprn, 'W0' || n % 7 AS ward FROM range(1, 501) AS t(n)"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "restricted" / "warehouse")


def files(warehouse: Warehouse) -> set[str]:
    """Every file of the warehouse, relative to its root."""
    return {
        path.relative_to(warehouse.root).as_posix() for path in warehouse.root.rglob("*") if path.is_file()
    }


def current(warehouse: Warehouse) -> tuple[int, str]:
    """Rows and first ward of the table as a new connection sees it."""
    with warehouse.connect() as con:
        rows, ward = con.execute("SELECT count(*), min(ward) FROM places.home").fetchall()[0]
    return rows, ward


def test_written_table_is_a_view_at_once_and_later(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        written = warehouse.write(con, homes(), FIRST)
        assert (written.rows, written.changed) == (1000, True)
        assert written.columns == (
            Column("uprn", "BIGINT", "UPRN; it's a number"),
            Column("ward", "VARCHAR", "ward"),
        )
        assert con.execute("SELECT count(*) FROM places.home").fetchall() == [(1000,)]
    assert current(warehouse) == (1000, "E00")
    assert warehouse.read_path("places", "home") == written.path
    assert written.path.name == f"{written.sha256[:20]}.parquet"
    assert warehouse.names("places") == ["home"]
    facts = warehouse.facts("places", "home")
    assert facts is not None
    assert (facts["rows"], facts["key"], facts["path"], facts["former"]) == (
        1000,
        ["uprn"],
        "assets/places/home.sql",
        None,
    )


def test_second_write_of_the_same_leaves_every_byte(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        first = warehouse.write(con, homes(), FIRST)
        before = {name: (warehouse.root / name).stat().st_mtime_ns for name in files(warehouse)}
        second = warehouse.write(con, homes(), f"SELECT * FROM ({FIRST}) ORDER BY hash(uprn)")
    assert (second.sha256, second.path, second.changed) == (first.sha256, first.path, False)
    assert {name: (warehouse.root / name).stat().st_mtime_ns for name in files(warehouse)} == before


def test_former_version_stays_for_one_that_reads_it(warehouse: Warehouse) -> None:
    with warehouse.connect() as reader, warehouse.connect() as con:
        warehouse.write(con, homes(), FIRST)
        warehouse.attach_views(reader)
        second = warehouse.write(con, homes(), SECOND)
        assert warehouse.sweep() == 0
        assert reader.execute("SELECT count(*), min(ward) FROM places.home").fetchall() == [(1000, "E00")]
        assert second.changed
    assert current(warehouse) == (500, "W00")
    with warehouse.connect() as con:
        warehouse.write(con, homes(), f"{SECOND} WHERE n > 1")
    assert warehouse.sweep() == 1
    assert len(files(warehouse)) == 3  # the current, the former, the pointer


def test_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    """Over several row groups, joins and groupings, with ties in all but the key."""
    sql = (
        "WITH a AS (SELECT n, n % 1000 AS g, 'street ' || n % 37 AS street FROM range(400000) AS t(n)), "
        "b AS (SELECT g, count(*) AS many, CAST(sum(n) AS BIGINT) AS total, max(street) AS street FROM a GROUP BY g) "
        "SELECT a.n AS uprn, a.street || b.many || b.total || b.street AS ward FROM a JOIN b USING (g) "
        "ORDER BY hash(a.n)"
    )
    sums = set()
    for threads in (1, 2, 3, 4):
        warehouse = Warehouse(tmp_path / str(threads), threads=threads)
        with warehouse.connect() as con:
            assert con.execute("SELECT current_setting('threads')").fetchall() == [(threads,)]
            sums.add(warehouse.write(con, homes(), sql).sha256)
    assert len(sums) == 1


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            f"{FIRST} UNION ALL SELECT 7, 'x'",
            r"places\.home: the key \(uprn\) must be unique and complete; found 1 repeated",
        ),
        (f"{FIRST} UNION ALL SELECT NULL, 'x'", r"found 0 repeated key\(s\) and 1 row\(s\) without one"),
    ],
)
def test_key_that_is_none_leaves_the_former_version(sql: str, message: str, warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        warehouse.write(con, homes(), FIRST)
        before = files(warehouse)
        with pytest.raises(KeyNotUnique, match=message):
            warehouse.write(con, homes(), sql)
    assert files(warehouse) == before
    assert current(warehouse) == (1000, "E00")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1 AS uprn", "wanted the columns uprn, ward; found uprn"),
        ("SELECT 'a' AS ward, 1 AS uprn", "wanted the columns uprn, ward; found ward, uprn"),
        ("SELECT 1 AS uprn, 'a' AS ward, 2 AS more", "found uprn, ward, more"),
    ],
)
def test_other_columns_leave_the_former_version(sql: str, message: str, warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        warehouse.write(con, homes(), FIRST)
        before = files(warehouse)
        with pytest.raises(ValueError, match=message):
            warehouse.write(con, homes(), sql)
        with pytest.raises(duckdb.Error):
            warehouse.write(con, homes(), "SELECT error('as it is made') AS uprn, 'x' AS ward")
    assert files(warehouse) == before
    assert current(warehouse) == (1000, "E00")


# A writer that goes round for ever, each time with other rows; it says when it is well under way.
WRITER = """
import sys
from pathlib import Path
from pipelines.tables import Column, Table
from pipelines.warehouse import Warehouse

warehouse = Warehouse(Path(sys.argv[1]))
columns = (Column("uprn", "BIGINT", "UPRN"), Column("ward", "VARCHAR", "ward"))
table = Table("places", "home", "Homes.", columns, ("uprn",))
with warehouse.connect() as con:
    for turn in range(1000):
        rows = 40_000 + turn % 5 * 1000
        warehouse.write(con, table, f"SELECT n AS uprn, 'turn {rows}' AS ward FROM range({rows}) AS t(n)")
        print("written", flush=True)
"""


def test_killed_writer_leaves_a_whole_table(warehouse: Warehouse) -> None:
    """Killed again and again, at every point of a write: what is there is one whole version."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    kill = signal.SIGTERM if os.name == "nt" else signal.SIGKILL
    leavings = 0
    for attempt in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(warehouse.root)],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "written\n"
            time.sleep(0.017 * attempt)
            writer.send_signal(kill)
            writer.wait()
        with warehouse.connect() as con:
            rows, wards, ward, highest = con.execute(
                "SELECT count(*), count(DISTINCT ward), min(ward), max(uprn) FROM places.home"
            ).fetchall()[0]
        assert (wards, ward, highest) == (1, f"turn {rows}", rows - 1)
        facts = warehouse.facts("places", "home")
        assert facts is not None
        assert facts["rows"] == rows
        leavings += warehouse.sweep()
    assert leavings > 0
    facts = warehouse.facts("places", "home") or {}
    named = {f"places/home/{facts[name]}" for name in ("file", "former") if facts[name]}
    assert files(warehouse) == {*named, f"places/home/{POINTER}"}


def test_sweep_takes_only_what_no_pointer_names(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        written = warehouse.write(con, homes(), FIRST)
        other = Table("layers", "gone", "Gone.", homes().columns, ("uprn",))
        warehouse.write(con, other, FIRST)
    folder = warehouse.root / "places" / "home"
    (folder / ".writing-1.parquet").write_bytes(b"half")
    (folder / "0123.parquet").write_bytes(b"orphan")
    (folder / f".{POINTER}.1").write_bytes(b"{")
    (warehouse.root / "places" / "note.txt").write_text("not a table", "utf-8")
    warehouse.drop("layers", "gone")
    assert warehouse.sweep() == 4
    assert files(warehouse) == {
        f"places/home/{written.path.name}",
        f"places/home/{POINTER}",
        "places/note.txt",
    }
    assert not (warehouse.root / "layers" / "gone").exists()
    assert warehouse.sweep() == 0


def test_tables_that_nothing_makes_any_more_are_dropped(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        warehouse.write(con, homes(), FIRST)
        warehouse.write(con, Table("services", "old", "Old.", homes().columns, ("uprn",)), FIRST)
    warehouse.drop_all_but({"places.home"})
    assert (warehouse.names("places"), warehouse.names("services")) == (["home"], [])


def test_damaged_pointer_or_lost_file_is_as_no_table(warehouse: Warehouse) -> None:
    """The next run must be able to start and make it anew."""
    for damage in ("", "{", "[]", "{}", '{"file": "lost.parquet"}'):
        with warehouse.connect() as con:
            warehouse.write(con, homes(), FIRST)
        pointer = warehouse.root / "places" / "home" / POINTER
        pointer.write_text(damage, "utf-8")
        assert warehouse.facts("places", "home") is None
        assert warehouse.read_path("places", "home") is None
        with warehouse.connect() as con:
            assert warehouse.names("places") == []
            assert warehouse.write(con, homes(), SECOND).rows == 500
        assert current(warehouse) == (500, "W00")


def test_database_of_views_has_every_meaning(warehouse: Warehouse, tmp_path: Path) -> None:
    with warehouse.connect() as con:
        warehouse.write(con, homes(), FIRST)
        warehouse.write(
            con, Table("services", "order", "Named like SQL.", homes().columns, ("uprn",)), SECOND
        )
    path = tmp_path / "warehouse.duckdb"
    (tmp_path / ".writing-1.duckdb").write_bytes(b"left by a killed run")
    warehouse.write_database(path)
    warehouse.write_database(path)
    assert not list(tmp_path.glob(".writing-*"))
    with duckdb.connect(str(path), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM places.home").fetchall() == [(1000,)]
        assert con.execute('SELECT count(*) FROM services."order"').fetchall() == [(500,)]
        views = con.execute(
            "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY 1"
        ).fetchall()
        assert views == [("home", "One row per home."), ("order", "Named like SQL.")]
        meanings = con.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'home' ORDER BY 1"
        ).fetchall()
        assert meanings == [("uprn", "UPRN; it's a number"), ("ward", "ward")]
        schemas = {name for (name,) in con.execute("SELECT schema_name FROM duckdb_schemas()").fetchall()}
        assert {"sources", "services", "places", "layers", "published", "maps"} <= schemas


ORDER = Table("services", "order", "Orders.", (Column("n", "BIGINT", "number"),), ("n",))
NOTE = Table("services", "note", "Notes.", (Column("n", "BIGINT", "number"),), ("n",))


def both(warehouse: Warehouse) -> list[int]:
    """The one number in each of two tables that are written together."""
    with warehouse.connect() as con:
        return [
            con.execute(f'SELECT n FROM services."{name}"').fetchall()[0][0] for name in ("order", "note")
        ]


def write_both(warehouse: Warehouse, order: str, note: str) -> None:
    with warehouse.connect() as con:
        warehouse.write_together(con, [(ORDER, f"SELECT {order} AS n"), (NOTE, f"SELECT {note} AS n")])


def test_tables_written_together_all_move_or_none_does(warehouse: Warehouse) -> None:
    write_both(warehouse, "1::BIGINT", "1::BIGINT")
    assert both(warehouse) == [1, 1]
    with pytest.raises(KeyNotUnique):  # the second cannot be written: the first stays as it was
        write_both(warehouse, "2::BIGINT", "NULL::BIGINT")
    assert both(warehouse) == [1, 1]
    write_both(warehouse, "2::BIGINT", "2::BIGINT")
    assert both(warehouse) == [2, 2]
    assert warehouse.finish_moves() == 0
    assert [path for path in files(warehouse) if ".moving" in path] == []


@pytest.mark.parametrize(("moved", "found"), [(0, [1, 1]), (1, [2, 1])])
def test_move_that_was_broken_off_is_finished_by_the_next_run(
    warehouse: Warehouse, moved: int, found: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed for real it is in test_execution; here just where it hurts."""
    write_both(warehouse, "1::BIGINT", "1::BIGINT")
    written: list[Path] = []

    def stop(path: Path, text: str) -> None:
        if len(written) > moved:  # the first one notes what is to be moved
            raise KeyboardInterrupt
        written.append(path)
        replace_text(path, text)

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.warehouse.replace_text", stop)
        with pytest.raises(KeyboardInterrupt):
            write_both(warehouse, "2::BIGINT", "2::BIGINT")
    assert both(warehouse) == found
    # And another one, killed while it was being noted.
    (warehouse.root / f"..moving-1.json.{'0' * 32}").write_text("{", "utf-8")
    assert warehouse.finish_moves() == 1
    assert both(warehouse) == [2, 2]
    warehouse.sweep()
    assert both(warehouse) == [2, 2]
    assert [path for path in files(warehouse) if ".moving" in path] == []


def test_settings_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACES_THREADS", "3")
    monkeypatch.setenv("PLACES_MEMORY_LIMIT", "512MB")
    warehouse = Warehouse(tmp_path / "restricted" / "warehouse")
    with warehouse.connect() as con:
        settings = con.execute(
            "SELECT current_setting('threads'), current_setting('memory_limit')"
        ).fetchall()
        assert settings == [(3, "488.2 MiB")]
        spill = con.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]
        assert Path(spill) == (tmp_path / "restricted" / "spill").resolve()


def test_text_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    replace_text(path, json.dumps({"é": 1}, ensure_ascii=False) + "\n")
    replace_text(path, "new\n")
    assert path.read_bytes() == b"new\n"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "half\ud800")
    assert path.read_bytes() == b"new\n"
    assert list(tmp_path.iterdir()) == [path]


def test_former_version_goes_where_it_must(warehouse: Warehouse) -> None:
    """What was forgotten stays in no older file, even where the run was killed before its sweep."""
    with warehouse.connect() as con:
        first = warehouse.write(con, homes(), FIRST)
        second = warehouse.write(con, homes(), SECOND)
    warehouse.sweep()
    assert first.path.exists()  # somebody may still be reading it
    warehouse.former_versions_must_go()
    assert Warehouse(warehouse.root).versions_that_must_go() == [first.path]
    assert Warehouse(warehouse.root).sweep() == 1
    assert not first.path.exists() and second.path.exists()
    assert current(warehouse) == (500, "W00")
    assert warehouse.versions_that_must_go() == []
    with warehouse.connect() as con:  # from now on as before
        third = warehouse.write(con, homes(), FIRST)
    warehouse.sweep()
    assert second.path.exists() and third.path.exists()


def test_view_of_some_rows(warehouse: Warehouse) -> None:
    with warehouse.connect() as con:
        warehouse.write(con, homes(), FIRST)
        warehouse.view(con, "places", "home", "uprn <= 3")
        assert con.execute("SELECT count(*) FROM places.home").fetchall() == [(3,)]
        warehouse.view(con, "places", "home")
        assert con.execute("SELECT count(*) FROM places.home").fetchall() == [(1000,)]
