"""Tables that are worked out of published ones: their form, what they may read, and how far they are from the exact."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import duckdb
import pytest

from pipelines.definition import definitions
from pipelines.tables import TableFileError
from pipelines.worked_out import FOLDER, against_exact, publication, publications

Module = Callable[..., ModuleType]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """Makes a module as it would stand in the folder; what is given takes the place of what it says."""

    def make(**says: object) -> ModuleType:
        made = ModuleType("assets.published.guess", "A guess for each area.")
        vars(made).update(
            __file__=str(FOLDER / "guess.py"), KEY=("area_code",), DEPENDS_ON=("published.demand_by_area",),
            COLUMNS={"area_code": ("VARCHAR", "area"), "rate": ("DOUBLE", "rate"), "status": ("VARCHAR", "status")},
            make=lambda con: con.sql("SELECT 1").to_arrow_table(), PURPOSE="Testing.", BASIS="A test.",
            NOT_FOR="Else.", SMALLEST_AREA="lsoa", DATASETS=(), COMPARED="rate",
        )  # fmt: skip
        vars(made).update(says)
        for name in [name for name, value in says.items() if value is None]:
            delattr(made, name)
        monkeypatch.setitem(sys.modules, made.__name__, made)
        return made

    yield make


def test_each_shipped_one_has_its_form_and_reads_what_is_published() -> None:
    shipped = publications()
    gated = {definition.name for definition in definitions()}
    for one in shipped:
        assert one.definition.worked_out and one.table.stage == "published"
        assert all(name.startswith("published.") for name in one.table.depends_on)
        assert one.table.name not in gated, "one table, two ways to it"
        twin = FOLDER.parent / "layers" / f"{one.table.name}.py"
        if twin.exists():
            exact = importlib.import_module(f"assets.layers.{one.table.name}")
            assert tuple(exact.COLUMNS) == tuple(column.name for column in one.table.columns)
            assert tuple(exact.KEY) == one.table.key


def test_what_reads_an_exact_table_is_refused(module: Module) -> None:
    assert publication(module()).table.full_name == "published.guess"
    with pytest.raises(TableFileError, match=r"reads layers\.x; a worked-out table reads published tables"):
        publication(module(DEPENDS_ON=("published.demand_by_area", "layers.x")))


def test_what_does_not_say_its_purpose_is_refused(module: Module) -> None:
    with pytest.raises(TableFileError, match=r"assets/published/guess\.py: has no `PURPOSE`"):
        publication(module(PURPOSE=None))
    with pytest.raises(TableFileError, match="the column rate has no type"):
        publication(module(COLUMNS={"area_code": ("VARCHAR", "area"), "rate": ("", "rate")}))


def test_difference_that_protection_makes(module: Module) -> None:
    table = publication(module()).table
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA published; CREATE SCHEMA layers")
        con.execute(
            "CREATE VIEW published.guess AS FROM (VALUES ('a', 11.0, 'published'), ('b', NULL, 'hidden'), "
            "('c', 18.0, 'published')) AS told (area_code, rate, status)"
        )
        assert against_exact(con, table) == {}
        con.execute(
            "CREATE VIEW layers.guess AS FROM (VALUES ('a', 10.0, 'published'), ('b', 3.0, 'published'), "
            "('c', 20.0, 'published')) AS exact (area_code, rate, status)"
        )
        assert against_exact(con, table) == {
            "figures_compared": 3, "figures_hidden": 1, "compared": "rate",
            "median_difference_percent": 10.0, "largest_difference_percent": 10.0,
        }  # fmt: skip
        assert against_exact(con, publication(module(COMPARED=None)).table) == {}
