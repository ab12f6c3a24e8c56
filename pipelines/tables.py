"""What a table is: its name, meaning, columns, key and what it is made from, as read from its own file in `assets`.

Here belongs how an asset file is read and held to its form. How a table is stored is `warehouse`; who makes it in
which order is `run`; tables that an authority's own descriptions bring are made in `ingest`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, cast, get_args

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

STAGES = ("sources", "services", "places", "layers", "published", "maps")
# What a table uses records for, where it is more than placing them and judging their quality: they are counted by area;
# joined with those of other services at the same property; set against sites and the way to them. A dataset says in
# `uses` which of these its purpose covers.
Use = Literal["demand", "overlap", "reach"]
# A table of this use sees open datasets and sites alone, which are about no person, so that any table may read it.
IMPERSONAL = "impersonal"
REPOSITORY = Path(__file__).resolve().parent.parent
ASSETS = REPOSITORY / "assets"


@dataclass(frozen=True)
class Column:
    """One column: its name, its DuckDB type (empty where only the finished table knows it) and its meaning."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One table of one stage.

    `depends_on` holds full names (`stage.name`). Exactly one of `sql` (a single SELECT) and `make` (a function of a
    connection on the warehouse that returns an Arrow table with the columns in order) is set for tables made from
    other tables; both are empty for tables that are read from files. `path` is where the table is described,
    relative to the repository or to the authority folder. `use` is what it uses records for (one of `Use`, or
    `impersonal`); empty where it places them, judges their quality, or reads none.
    """

    stage: str
    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    depends_on: tuple[str, ...] = ()
    path: str = ""
    sql: str | None = None
    use: str = ""
    make: Callable[[duckdb.DuckDBPyConnection], pa.Table] | None = field(default=None, compare=False)

    @property
    def full_name(self) -> str:
        """`stage.name`, as SQL writes it."""
        return f"{self.stage}.{self.name}"


class TableFileError(Exception):
    """An asset file is not in its form; the message names the file and what to write."""


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


@functools.lru_cache(maxsize=1000)  # a text says the same each time, and reading it takes a while
def tables_read(sql: str) -> tuple[str, ...]:
    """The full names of the tables that a statement reads, sorted; names of its own CTEs are not among them."""
    names = {
        f"{source.db}.{source.name}"
        for scope in traverse_scope(sqlglot.parse_one(sql, dialect="duckdb"))
        for source in scope.sources.values()
        if isinstance(source, exp.Table) and source.db
    }
    return tuple(sorted(names))


def table_from_sql(path: Path) -> Table:
    """Read `assets/<stage>/<name>.sql`.

    The leading comment is the table's meaning, with a line `key: a, b` and, where the table uses records for more than
    judging their quality, a line `use: overlap`; each column of the final SELECT carries its
    meaning as a trailing comment. Raises `TableFileError` where the file is not in that form.
    """
    where = path.relative_to(REPOSITORY).as_posix() if path.is_relative_to(REPOSITORY) else path.as_posix()
    return _table_from_text(path, where, path.read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=1000)
def _table_from_text(path: Path, where: str, text: str) -> Table:
    meaning, key, use = _head(text, where)
    try:
        statements = [s for s in sqlglot.parse(text, dialect="duckdb") if s is not None]
    except sqlglot.errors.SqlglotError as error:
        raise TableFileError(f"{where}: not a statement that can be read: {error}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise TableFileError(f"{where}: wanted one SELECT, found {len(statements)} statement(s)")
    columns = []
    for select in statements[0].selects:
        if select.is_star:
            raise TableFileError(f"{where}: the final SELECT names its columns; found *")
        comment = " ".join(part.strip() for part in _comments(select))
        if not comment:
            raise TableFileError(
                f"{where}: column {select.alias_or_name} has no trailing comment that says what it means"
            )
        columns.append(Column(select.alias_or_name, "", comment))
    names = {column.name for column in columns}
    if missing := [name for name in key if name not in names]:
        raise TableFileError(f"{where}: key column(s) {', '.join(missing)} are not among the columns")
    return Table(
        stage=path.parent.name,
        name=path.stem,
        meaning=meaning,
        columns=tuple(columns),
        key=key,
        depends_on=tables_read(text),
        path=where,
        sql=text.rstrip().rstrip(";") + "\n",
        use=use,
    )


def _head(text: str, where: str) -> tuple[str, tuple[str, ...], str]:
    lines = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line[2:].strip())
    key, use = (
        next((line.removeprefix(word).strip() for line in lines if line.startswith(word)), "")
        for word in ("key:", "use:")
    )
    meaning = " ".join(line for line in lines if line and not line.startswith(("key:", "use:")))
    if not meaning or not key.strip():
        raise TableFileError(
            f"{where}: begins with comment lines that say what the table is, and `-- key: column, ...`"
        )
    return meaning, tuple(part.strip() for part in key.split(",")), _known_use(use, where)


def _known_use(use: str, where: str) -> str:
    known = (*get_args(Use), IMPERSONAL)
    if use and use not in known:
        raise TableFileError(f"{where}: the use `{use}` is not known; wanted one of {', '.join(known)}")
    return use


def _comments(select: exp.Expr) -> list[str]:
    found = list(select.comments or [])
    inner = select.this if isinstance(select, exp.Alias) else None
    if not found and isinstance(inner, exp.Expr):
        found = list(inner.comments or [])
    return found


def table_from_module(module: ModuleType) -> Table:
    """Read a Python asset: docstring (meaning), `COLUMNS` (name: (type, meaning)), `KEY`, `DEPENDS_ON`, `make`.

    `USE` may say what it uses records for.
    """
    path = Path(cast(str, module.__file__))
    where = path.relative_to(REPOSITORY).as_posix()
    for name in ("COLUMNS", "KEY", "DEPENDS_ON", "make"):
        if not hasattr(module, name):
            raise TableFileError(f"{where}: has no `{name}`")
    if not module.__doc__:
        raise TableFileError(f"{where}: has no docstring that says what the table is")
    return Table(
        stage=path.parent.name,
        name=path.stem,
        meaning=" ".join(module.__doc__.split()),
        columns=tuple(Column(name, type_, meaning) for name, (type_, meaning) in module.COLUMNS.items()),
        key=tuple(module.KEY),
        depends_on=tuple(sorted(module.DEPENDS_ON)),
        path=where,
        use=_known_use(getattr(module, "USE", ""), where),
        make=module.make,
    )


def table_of_rows(columns: Mapping[str, tuple[str, str]], rows: Sequence[Sequence[object]]) -> pa.Table:
    """Rows as an Arrow table, as the `make` of a Python asset returns it, also where there are none.

    `columns` is {name: (DuckDB type, meaning)} in the order of the values. Numbers with decimals are given as text,
    which is exact; the table's type is made of it when it is stored.
    """
    import pyarrow as pa

    kinds = {"BIGINT": pa.int64(), "BOOLEAN": pa.bool_(), "BLOB": pa.binary(), "DOUBLE": pa.float64()}
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    return pa.table(
        {
            name: pa.array(of_column, kinds.get(type_, pa.string()))
            for (name, (type_, _)), of_column in zip(columns.items(), values, strict=True)
        }
    )


def tables_of(stage: str) -> list[Table]:
    """Every table that `assets/<stage>` describes in `.sql` and `.py` files, by name."""
    folder = ASSETS / stage
    tables = [table_from_sql(path) for path in folder.glob("*.sql")]
    for path in folder.glob("*.py"):
        if path.stem != "__init__":
            tables.append(table_from_module(importlib.import_module(f"assets.{stage}.{path.stem}")))
    return sorted(tables, key=lambda table: table.name)


def in_order(tables: Iterable[Table]) -> list[Table]:
    """The tables so that each comes after what it depends on, ties by stage and name.

    Raises `TableFileError` on a dependency that no table provides, or on a circle.
    """
    by_name = {table.full_name: table for table in tables}
    ordered: list[Table] = []
    done: set[str] = set()

    def visit(table: Table, above: Sequence[str]) -> None:
        if table.full_name in done:
            return
        if table.full_name in above:
            raise TableFileError(
                f"tables depend on each other in a circle: {' -> '.join([*above, table.full_name])}"
            )
        for name in table.depends_on:
            if name not in by_name:
                raise TableFileError(
                    f"{table.path or table.full_name}: depends on {name}, which nothing makes"
                )
            visit(by_name[name], [*above, table.full_name])
        done.add(table.full_name)
        ordered.append(table)

    for table in sorted(by_name.values(), key=lambda t: (STAGES.index(t.stage), t.name)):
        visit(table, [])
    return ordered
