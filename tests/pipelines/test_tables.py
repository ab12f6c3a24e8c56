"""What a table's own file must hold; and every asset file of this repository held to it."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import duckdb
import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from pipelines.authority import load_authority
from pipelines.lineage import code_with_imports
from pipelines.run import plan
from pipelines.tables import (
    ASSETS,
    STAGES,
    Table,
    TableFileError,
    in_order,
    quoted,
    table_from_module,
    table_from_sql,
    tables_of,
    tables_read,
    text_literal,
)
from pipelines.warehouse import Warehouse
from tests.small_run import Small

GOOD = """\
-- Homes: one row per home.
-- Second line of the meaning.
-- key: uprn, ward_code
WITH live AS (
    -- Not the historic ones.
    SELECT * FROM places.uprn WHERE status IN (SELECT status FROM sources.kind)
)
SELECT
    live.uprn,  -- UPRN, it's a number; always
    max(live.ward_code) AS ward_code,  -- ward
    CASE WHEN count(*) > 1 THEN 'many' ELSE 'one' END AS how_many  -- one or many
FROM live
LEFT JOIN layers.area_profile AS area USING (ward_code)
GROUP BY ALL
"""


def read(folder: Path, text: str) -> Table:
    path = folder / "layers" / "home.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return table_from_sql(path)


def test_table_from_sql(tmp_path: Path) -> None:
    table = read(tmp_path, GOOD)
    assert table.full_name == "layers.home"
    assert table.meaning == "Homes: one row per home. Second line of the meaning."
    assert table.key == ("uprn", "ward_code")
    assert [(column.name, column.meaning) for column in table.columns] == [
        ("uprn", "UPRN, it's a number; always"),
        ("ward_code", "ward"),
        ("how_many", "one or many"),
    ]
    assert table.depends_on == ("layers.area_profile", "places.uprn", "sources.kind")
    assert table.sql == GOOD


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-- Homes: one row per home.\n-- Second line of the meaning.\n", "", "begins with comment lines"),
        ("-- key: uprn, ward_code\n", "", "begins with comment lines"),
        (
            "-- key: uprn, ward_code\n",
            "-- key: uprn, parish\n",
            r"key column\(s\) parish are not among the columns",
        ),
        ("  -- ward\n", "\n", "column ward_code has no trailing comment that says what it means"),
        (
            "    live.uprn,  -- UPRN, it's a number; always\n",
            "    live.*,  -- all\n",
            r"the final SELECT names its columns",
        ),
        ("GROUP BY ALL\n", "GROUP BY ALL;\nSELECT 1\n", r"wanted one SELECT, found 2 statement\(s\)"),
        ("GROUP BY ALL\n", "GROUP BY (\n", "not a statement that can be read"),
        ("'many'", "'many", "not a statement that can be read"),
    ],
)
def test_each_fault_of_an_sql_file(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in GOOD
    with pytest.raises(TableFileError, match=message) as error:
        read(tmp_path, GOOD.replace(old, new))
    assert "layers/home.sql: " in str(error.value)


def test_statement_that_is_no_select(tmp_path: Path) -> None:
    with pytest.raises(TableFileError, match="wanted one SELECT"):
        read(tmp_path, "-- Homes.\n-- key: a\nDROP TABLE places.uprn\n")


def test_tables_read_sees_every_place_where_a_table_may_stand() -> None:
    sql = """
    WITH a AS (SELECT * FROM places.one), b AS (SELECT * FROM a JOIN places.two USING (x))
    SELECT (SELECT max(y) FROM places.three) AS y FROM b
    WHERE EXISTS (SELECT 1 FROM places.four) AND x IN (SELECT x FROM places.five)
    UNION ALL SELECT y FROM (SELECT y FROM places.six)
    """
    assert tables_read(sql) == tuple(
        f"places.{name}" for name in ("five", "four", "one", "six", "three", "two")
    )


def module(**attributes: object) -> ModuleType:
    made = ModuleType("assets.layers.thing", "What it is.")
    made.__file__ = str(ASSETS / "layers" / "thing.py")
    whole = {
        "COLUMNS": {"a": ("BIGINT", "a number")},
        "KEY": ("a",),
        "DEPENDS_ON": ("x.y", "b.c"),
        "make": lambda con: None,
    }
    for name, value in {**whole, **attributes}.items():
        if value is not None:
            setattr(made, name, value)
    return made


def test_table_from_module() -> None:
    table = table_from_module(module())
    assert (table.full_name, table.path) == ("layers.thing", "assets/layers/thing.py")
    assert table.columns[0].type == "BIGINT"
    assert table.depends_on == ("b.c", "x.y")
    for name in ("COLUMNS", "KEY", "DEPENDS_ON", "make"):
        with pytest.raises(TableFileError, match=rf"assets/layers/thing\.py: has no `{name}`"):
            table_from_module(module(**{name: None}))
    with pytest.raises(TableFileError, match="has no docstring"):
        table_from_module(module(__doc__=""))


def simple(name: str, *depends_on: str) -> Table:
    stage, _, short = name.partition(".")
    return Table(stage, short, "", (), (), depends_on)


def test_order_puts_each_after_what_it_needs() -> None:
    tables = [
        simple("layers.a", "places.z", "places.b"),
        simple("places.z", "sources.q"),
        simple("places.b"),
        simple("sources.q"),
    ]
    assert [table.full_name for table in in_order(tables)] == [
        "sources.q",
        "places.b",
        "places.z",
        "layers.a",
    ]
    assert in_order(reversed(tables)) == in_order(tables)


def test_order_refuses_circles_and_what_nothing_makes() -> None:
    with pytest.raises(TableFileError, match=r"in a circle: layers\.a -> layers\.b -> layers\.a"):
        in_order([simple("layers.a", "layers.b"), simple("layers.b", "layers.a")])
    with pytest.raises(TableFileError, match=r"layers\.a: depends on places\.gone, which nothing makes"):
        in_order([simple("layers.a", "places.gone")])


def test_quoting_cannot_be_broken_out_of() -> None:
    assert quoted('a"; DROP') == '"a""; DROP"'
    assert text_literal("it's'; --") == "'it''s''; --'"


# The repository's own files

SQL_FILES = sorted(ASSETS.glob("*/*.sql"))


def test_there_are_sql_files() -> None:
    assert len(SQL_FILES) > 10


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_every_sql_file_holds_to_the_form(path: Path) -> None:
    table = table_from_sql(path)  # one statement, head, key, every column named and explained
    text = path.read_text("utf-8")
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert names[0] == "authority_code", "each table says whose it is"
    statement = sqlglot.parse_one(text, dialect="duckdb")
    for scope in traverse_scope(statement):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                assert source.db in STAGES, f"{source.name}: neither `stage.table` nor a CTE"
    # What sqlglot may have missed: every `stage.table` after FROM or JOIN.
    code = re.sub(r"--.*", "", text)
    said = set(re.findall(rf"\b(?:FROM|JOIN)\s+((?:{'|'.join(STAGES)})\.\w+)", code))
    assert said == set(table.depends_on)
    for name in table.depends_on:
        assert STAGES.index(name.partition(".")[0]) <= STAGES.index(table.stage), f"{name} comes later"
    assert not re.search(r"\b(now|current_date|current_timestamp|today|random|uuid)\b", code, re.I)
    assert not re.search(r"\b(avg|first|last|arbitrary|string_agg|median|mean|mode)\(", code, re.I), (
        "not the same on every run"
    )
    for call in re.findall(r"\blist\([^()]*(?:\{[^}]*\})?[^()]*\)", code):
        assert "ORDER BY" in call, call
    assert "DOUBLE" not in code, "sums of floating point differ by thread"


def test_every_table_of_a_plan_has_a_meaning_and_a_file(sample: Path) -> None:
    authority = load_authority(sample)
    for step in plan(authority):
        table = step.table
        assert table.meaning.strip(), step.name
        files = [ASSETS.parent / table.path, authority.folder / table.path]
        assert any(file.is_file() for file in files), f"{step.name}: {table.path}"
        for column in table.columns:
            assert column.meaning.strip(), f"{step.name}.{column.name}"
        if table.stage not in {"maps"}:
            assert set(table.key) <= {column.name for column in table.columns}, step.name


@pytest.mark.parametrize("stage", ["places", "layers", "published"])
def test_python_assets_state_what_they_read(stage: str) -> None:
    """Each `stage.table` in a module's SQL is among its DEPENDS_ON, and no other is but in what it imports.

    What is worked out of exact and of published tables alike names them `{schema}.table`, or whole in quotation marks.
    """
    for table in tables_of(stage):
        if table.make is not None:
            texts = code_with_imports(table.path)
            said = {
                path: set(re.findall(rf"\b(?:FROM|JOIN)\s+((?:{'|'.join(STAGES)})\.\w+)", text))
                for path, text in texts.items()
            }
            code = "\n".join(texts.values())
            named = set(re.findall(rf'"((?:{"|".join(STAGES)})\.\w+)"', code))
            named |= {f"{stage}.{name}" for name in re.findall(r"\{(?:self\.)?schema\}\.(\w+)", code)}
            assert said[table.path] <= set(table.depends_on) <= named.union(*said.values()), table.path


@pytest.mark.parametrize("stage", ["places", "layers", "published"])
def test_python_assets_read_no_more_than_they_state(small: Small, stage: str) -> None:
    """Made where there is nothing but what is stated, and the same as in the run."""
    warehouse = Warehouse(small.output.restricted / "warehouse")
    for table in tables_of(stage):
        if table.make is not None:
            with duckdb.connect() as con:
                for name in table.depends_on:
                    con.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
                    warehouse.view(con, *name.split("."))
                made = table.make(con)
            facts = warehouse.facts(stage, table.name)
            assert facts is not None
            assert made.num_rows == facts["rows"], table.path


def test_use_of_records_is_read_from_the_head(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).use == ""
    used = read(tmp_path, GOOD.replace("-- key:", "-- use: overlap\n-- key:"))
    assert (used.use, used.meaning) == ("overlap", "Homes: one row per home. Second line of the meaning.")
    with pytest.raises(
        TableFileError, match="the use `overlop` is not known; wanted one of demand, overlap, reach"
    ):
        read(tmp_path, GOOD.replace("-- key:", "-- use: overlop\n-- key:"))
    module = ModuleType("x")
    vars(module).update(
        __file__=str(ASSETS / "layers" / "x.py"), __doc__="X.", COLUMNS={}, KEY=(), DEPENDS_ON=(), make=None,
        USE="reach",
    )  # fmt: skip
    assert table_from_module(module).use == "reach"
