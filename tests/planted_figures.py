"""Published tables of a handful of figures, written by hand, for tests that attack them.

A world is a connection with areas, exact layers and the tables that the gate makes of them, each by a definition that
the test gives. Everything goes through the code that a run uses; nothing of it is made up but the figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines import hold_back, release
from pipelines.audit import Knowledge, attack, findings, knowledge
from pipelines.authority import Disclosure, Dominance
from pipelines.definition import Definition, definitions
from pipelines.descriptions import read_description
from pipelines.protect import (
    HELD_BACK,
    Publication,
    publication,
    publications,
    verify,
)
from pipelines.tables import Column, Table, quoted

RULE = Disclosure(threshold=10, round_to=5)
STARTED = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
HEAD = """
meaning: A table.
purpose: Testing.
basis: A test.
not_for: Anything else.
"""
DATASETS = {"tax": "personal", "care": "special", "bins": "open"}
# oa, lsoa, msoa, ward
Place = tuple[str, str, str, str]


def small_rule(threshold: int, round_to: int) -> Disclosure:
    """A rule below what an authority may choose, so that every world can be tried."""
    return Disclosure.model_construct(threshold=threshold, round_to=round_to, dominance=Dominance())


class World:
    """Exact layers, areas and published tables on a connection of their own."""

    def __init__(self, folder: Path, rule: Disclosure = RULE) -> None:
        self.folder, self.rule = folder, rule
        self.folder.mkdir(parents=True, exist_ok=True)
        self.con = duckdb.connect(config={"threads": "1"})
        self.publications: list[Publication] = []
        self.released = 0
        for stage in ("services", "places", "layers", "published"):
            self.con.execute(f"CREATE SCHEMA {stage}")
        self.con.execute("CREATE TABLE services.dataset (dataset VARCHAR, sensitivity VARCHAR)")
        self.con.executemany("INSERT INTO services.dataset VALUES (?, ?)", list(DATASETS.items()))
        self.con.execute(
            "CREATE TABLE places.output_area (oa_code VARCHAR, lsoa_code VARCHAR, msoa_code VARCHAR, ward_code VARCHAR)"
        )
        self.con.execute(f"CREATE TABLE {HELD_BACK} (published_table VARCHAR, figure VARCHAR, cell VARCHAR)")

    def places(self, *places: Place) -> None:
        """Output Areas with the LSOA, MSOA and ward of each."""
        self.con.executemany("INSERT INTO places.output_area VALUES (?, ?, ?, ?)", places)

    def table(
        self, name: str, definition: str, rows: Iterable[Mapping[str, Any]], smallest_area: str = "lsoa"
    ) -> None:
        """A layer with these rows, and the published table of the same name that the definition makes of it."""
        path = self.folder / f"{name}.yaml"
        path.write_text(
            f"layer: layers.{name}{HEAD}smallest_area: {smallest_area}\n{definition.strip()}\n",
            encoding="utf-8",
        )
        made = read_description(path, Definition, shown_as=path.name, name=name, path=path)
        numbers = (*made.counts, *made.amounts, *made.open_figures, *made.left_out)
        columns = tuple(Column(c, "", f"Meaning of {c}") for c in (*made.dimensions, *numbers))
        types = [
            f"{quoted(c)} {'VARCHAR' if c in made.dimensions else 'BIGINT'}"
            for c in (*made.dimensions, *numbers)
        ]
        self.con.execute(f"CREATE TABLE layers.{name} ({', '.join(types)})")
        values = [[row.get(column.name) for column in columns] for row in rows]
        self.con.executemany(f"INSERT INTO layers.{name} VALUES ({', '.join('?' for _ in columns)})", values)
        layer = Table("layers", name, "A layer.", columns, made.key)
        self.publications.append(publication(made, layer, self.rule))

    def use(self, areas: Mapping[str, int], dataset: str = "tax", more: str = "", **columns: Any) -> None:
        """The table `use`: one count in each area; the area's kind is the letter that its code begins with."""
        kinds = {"O": "oa", "L": "lsoa", "M": "msoa", "W": "ward", "A": "authority"}
        definition = f"""
key: [dataset, area_type, area_code]
datasets: dataset
dimensions: [dataset, area_type, area_code]
counts: used
{more}"""
        rows = [
            {"dataset": dataset, "area_type": kinds[code[0]], "area_code": code, "used": count}
            | {column: by_area[code] for column, by_area in columns.items()}
            for code, count in areas.items()
        ]
        self.table("use", definition, rows)

    def change(self, table: str, setting: str, where: str) -> None:
        """Other exact figures."""
        self.con.execute(f"UPDATE layers.{table} SET {setting} WHERE {where}")

    def publish(self) -> None:
        """Make the published tables as the gate makes them; what a first look finds must be nothing."""
        for made in self.publications:
            self.con.execute(f"CREATE OR REPLACE TABLE {made.table.full_name} AS {made.table.sql}")
        wrong = [
            str(f) for p in self.publications if p.definition.protects for f in verify(self.con, p, self.rule)
        ]
        assert wrong == []

    def known(self, former: Sequence[Path] = ()) -> Knowledge:
        """What an outsider knows of the tables as they are published now."""
        self.publish()

        def shown(made: Publication) -> str:
            return f"SELECT * FROM {made.table.full_name}"

        return knowledge(self.con, self.publications, self.rule, shown, former)

    def leaks(self, former: Sequence[Path] = ()) -> list[str]:
        """What the attack finds, in words, the worst first."""
        known = self.known(former)
        return [str(finding) for finding in findings(known, attack(known))]

    def hide(self, former: Sequence[Path] = ()) -> list[str]:
        """Hide what must be hidden besides; returns those cells."""
        cells = hold_back.held_back(self.con, self.publications, self.rule, former)
        assert cells == hold_back.held_back(self.con, self.publications, self.rule, former)
        if cells:
            self.con.executemany(f"INSERT INTO {HELD_BACK} VALUES (?, ?, ?)", cells)
        return [f"{table}.{figure} of {cell}" for table, figure, cell in cells]

    def under(self, rule: Disclosure) -> None:
        """Publish by another rule from now on."""
        self.rule = rule
        self.publications = [publication(p.definition, p.layer, rule) for p in self.publications]

    def release(self, root: Path, audits: Sequence[release.Audit] = ()) -> release.Release:
        """A release of the tables as they are now, with the rule and the datasets in it."""
        self.publish()
        self.released += 1
        started = STARTED + timedelta(minutes=self.released)
        made = [*self.publications, *self._of_the_release()]
        for one in made:
            self.con.execute(f"CREATE OR REPLACE TABLE {one.table.full_name} AS {one.table.sql}")
        page = "<!doctype html><title>Maps</title>"
        return release.assemble(
            self.con, made, self.rule, {}, page, root, release.release_id(started), release.Facts(started, "test"),
            audits,
        )  # fmt: skip

    def _of_the_release(self) -> list[Publication]:
        """The rule and the catalogue of datasets, by the shipped definitions."""
        shipped = {one.name: one for one in definitions() if one.name in {"disclosure_rule", "dataset"}}
        folder = self.folder / "shipped"
        folder.mkdir(exist_ok=True)
        for one in shipped.values():
            (folder / one.path.name).write_bytes(one.path.read_bytes())
        wanted = shipped["dataset"]
        names = (*wanted.dimensions, *wanted.open_figures, *wanted.left_out)
        there = {row[0] for row in self.con.execute("DESCRIBE services.dataset").fetchall()}
        for name in names:
            if name not in there:
                self.con.execute(f"ALTER TABLE services.dataset ADD COLUMN {name} VARCHAR")
        layer = Table("services", "dataset", "Datasets.", tuple(Column(n, "", n) for n in names), wanted.key)
        return publications([layer], "E06000022", "Here", self.rule, folder)
