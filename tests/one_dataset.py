"""One dataset, or one open source, read from files whose answer one can work out by hand; its accounts are checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines import ingest
from pipelines.authority import Authority, load_authority
from pipelines.identifiers import ISSUES
from pipelines.ingest import Ingested
from pipelines.pseudonyms import Pseudonyms
from pipelines.warehouse import Warehouse

CODE = "E06999001"
CANARY = "CANARY"
PERSONAL = """\
title: Accounts
owner: Revenues
purpose: to bill
lawful_basis: public task
sensitivity: personal
as_at: 2026-09-30
"""
PARTS = "parts: true\n"  # several files of one date
OPEN = "title: Tallies\nowner: Publisher\nsensitivity: open\nas_at: 2026-09-30\n"


@dataclass
class Read:
    """What reading a dataset came to: the connection with the tables `kept`, `rejected` and `files`, and the totals."""

    con: duckdb.DuckDBPyConnection
    got: Ingested

    def kept(self, *columns: str) -> list[Any]:
        """The kept rows in the order of files and rows; of a single column its values."""
        names = ", ".join(columns)
        rows = self.con.execute(f"SELECT {names} FROM kept ORDER BY file, row_number").fetchall()
        return [row[0] for row in rows] if len(columns) == 1 else rows

    def rejected(self) -> list[tuple[int, str, str, int]]:
        """The rejected rows: row number, column, reason, weight."""
        return self.con.execute(
            "SELECT row_number, column_name, reason, weight FROM rejected ORDER BY file, row_number"
        ).fetchall()

    def files(self, *columns: str) -> list[tuple[Any, ...]]:
        return self.con.execute(f"SELECT {', '.join(columns)} FROM files ORDER BY file").fetchall()

    def refusal(self) -> str:
        """Why the one file was refused; never with a value in it."""
        ((_, reason),) = self.got.refused
        assert CANARY not in reason
        assert (self.got.rows_read, self.got.files) == (0, 0)
        for name in ("kept", "rejected"):
            assert self.con.execute(f"SELECT count(*) FROM {name}").fetchall() == [(0,)]
        return reason

    def adds_up(self) -> None:
        """Read = kept + rejected, in rows and in weight, of each file and together; each row has one place."""
        for rows, kept, rejected, weight, weight_kept, weight_rejected in self.files(
            "rows_read", "rows_kept", "rows_rejected", "weight_read", "weight_kept", "weight_rejected"
        ):
            assert rows == kept + rejected
            assert weight == weight_kept + weight_rejected
        sums = self.con.execute(
            "SELECT coalesce(sum(rows_read), 0), coalesce(sum(rows_kept), 0), coalesce(sum(rows_rejected), 0), "
            "coalesce(sum(weight_kept), 0), coalesce(sum(weight_rejected), 0) FROM files"
        ).fetchall()[0]
        assert sums[:3] == (self.got.rows_read, self.got.rows_kept, self.got.rows_rejected)
        assert self.con.execute("SELECT count(*), coalesce(sum(weight), 0) FROM kept").fetchall() == [
            (sums[1], sums[3])
        ]
        assert self.con.execute("SELECT count(*), coalesce(sum(weight), 0) FROM rejected").fetchall() == [
            (sums[2], sums[4])
        ]
        places = self.con.execute(
            "SELECT count(*), count(DISTINCT (file, n)) FROM (SELECT file, row_number AS n FROM kept "
            "UNION ALL SELECT file, row_number FROM rejected)"
        ).fetchall()[0]
        assert places[0] == places[1] == self.got.rows_read
        for (reason,) in self.con.execute("SELECT DISTINCT reason FROM rejected").fetchall():
            assert reason.partition(":")[0] in ISSUES


def authority_with(
    folder: Path, description: str, files: Mapping[str, str | bytes], group: str = "services"
) -> Authority:
    """An authority with the one dataset `tax`."""
    own = folder / group / "tax"
    own.mkdir(parents=True, exist_ok=True)
    (folder / "authority.yaml").write_text(f"name: Test\ncode: {CODE}\narea_vintage: 2021\n", "utf-8")
    (own / "dataset.yaml").write_text(description, "utf-8")
    for name, content in files.items():
        (own / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    authority = load_authority(folder)
    assert [str(problem) for one in authority.broken for problem in one.problems] == []
    return authority


@contextmanager
def reading(folder: Path, description: str, files: Mapping[str, str | bytes]) -> Iterator[Read]:
    """The dataset read, and its accounts checked."""
    authority = authority_with(folder, description, files)
    with Warehouse(folder / "out" / "warehouse").connect() as con:
        got = ingest.ingest_dataset(con, authority, authority.datasets[0], Pseudonyms(folder / "out"))
        read = Read(con, got)
        read.adds_up()
        yield read


def columns(*lines: str) -> str:
    return "columns:\n" + "".join(f"  {line}\n" for line in lines)


def source_read(folder: Path, source: str, files: dict[str, str], description: str = "") -> Read:
    """An open source read on a connection that stays open."""
    own = folder / "sources" / source
    own.mkdir(parents=True)
    (folder / "authority.yaml").write_text(f"name: Test\ncode: {CODE}\narea_vintage: 2021\n", "utf-8")
    if description:
        (own / "source.yaml").write_text(description, "utf-8")
    for name, text in files.items():
        (own / name).write_text(text, "utf-8")
    authority = load_authority(folder)
    found = next(one for one in authority.sources if one.name == source)
    con = duckdb.connect()
    read = Read(con, ingest.ingest_source(con, authority, found))
    read_files = read.files("rows_read", "rows_kept", "rows_rejected")
    assert all(rows == kept + rejected for rows, kept, rejected in read_files)
    return read
