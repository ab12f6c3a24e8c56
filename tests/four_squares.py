"""Authorities of four square Output Areas, filled by hand, with their tables up to `layers`, for tests that reckon.

The ground is that of `small_authority`: squares of 200 m in a row from west to east, LSOA 1 of the first two and LSOA 2
of the others, ward 1 of the first three and ward 2 of the last. Everything on it (properties, postcodes, records) is
what a test gives.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.authority import load_authority
from pipelines.run import Output, opened, plan
from pipelines.tables import STAGES
from tests.small_authority import SIDE, SOUTH, WEST, write_small_authority


@dataclass(frozen=True)
class Property:
    """One entry of the gazetteer, on a square (1 to 4), so many metres from its west side; a home unless said else."""

    uprn: int
    square: int
    x: int = 100
    postcode: str = ""
    number: int | None = None
    street: str = "ALDER ROAD"
    class_code: str = "RD04"
    status: int = 1
    parent: int | None = None
    successor: int | None = None
    in_open_uprn: bool = True

    @property
    def easting(self) -> int:
        """Easting, metres."""
        return WEST + (self.square - 1) * SIDE + self.x

    @property
    def northing(self) -> int:
        """Northing, metres: in the middle of the squares."""
        return SOUTH + SIDE // 2


class FourSquares:
    """An authority folder with boundaries and nothing else, to be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_small_authority(folder / "authority")
        self.output = Output(folder / "output")
        for name in ("services", "sites"):
            shutil.rmtree(self.folder / name)
        for source in (self.folder / "sources").iterdir():
            if source.name != "area_boundary":
                shutil.rmtree(source)

    def source(self, name: str, file: str, rows: Iterable[Sequence[object]]) -> None:
        """A file of an open source: its header and rows."""
        _write(self.folder / "sources" / name / file, rows)

    def properties(self, *properties: Property) -> None:
        """The gazetteer, and OS Open UPRN with what is in it."""
        header = (
            "LPI_KEY", "UPRN", "PARENT_UPRN", "USRN", "BLPU_LOGICAL_STATUS", "LPI_LOGICAL_STATUS",
            "CLASSIFICATION_CODE", "PAO_START_NUMBER", "STREET_DESCRIPTOR", "TOWN", "POSTCODE", "X_COORDINATE",
            "Y_COORDINATE", "SUCCESSOR_UPRN",
        )  # fmt: skip
        rows = [
            (
                f"L{p.uprn}", p.uprn, p.parent, 99_000_001, p.status, 8 if p.status == 8 else 1, p.class_code, p.number,
                p.street, "SMALLBRIDGE", p.postcode, p.easting, p.northing, p.successor,
            )
            for p in properties
        ]  # fmt: skip
        self.source("llpg", "llpg.csv", [header, *rows])
        known = [(p.uprn, p.easting, p.northing, 51.7, -2.0) for p in properties if p.in_open_uprn]
        columns = ("UPRN", "X_COORDINATE", "Y_COORDINATE", "LATITUDE", "LONGITUDE")
        self.source("os_open_uprn", "osopenuprn_202610.csv", [columns, *known])

    def postcodes(self, **points: tuple[int, int]) -> None:
        """Code-Point Open: postcodes (without their space) and their points."""
        rows = [
            (f"{code[:3]} {code[3:]}", 10, e, n, "", "", "", "", "", "") for code, (e, n) in points.items()
        ]
        self.source("code_point_open", "qx.csv", rows)

    def dataset(
        self,
        name: str,
        description: str,
        files: Mapping[str, Sequence[Any]],
        group: str = "services",
    ) -> None:
        """A dataset or kind of site: its description and its extracts, each with header and rows."""
        folder = self.folder / group / name
        folder.mkdir(parents=True)
        (folder / "dataset.yaml").write_text(description, "utf-8")
        for file, rows in files.items():
            _write(folder / file, rows)

    @contextmanager
    def made(self, through: str = "layers") -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees every table up to a stage."""
        authority = load_authority(self.folder)
        assert [str(problem) for one in authority.broken for problem in one.problems] == []
        with opened(authority, self.output) as at:
            for step in plan(authority):
                if STAGES.index(step.table.stage) <= STAGES.index(through):
                    made = step.make(at)
                    refused = [problem for problem in made.problems if " was refused: " in problem]
                    assert refused == []
            yield at.con


def _write(path: Path, rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def answer(con: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    """The rows of a query; of a single column its values."""
    rows = con.execute(sql).fetchall()
    return [row[0] for row in rows] if rows and len(rows[0]) == 1 else rows
