"""Purpose limits: a table sees the datasets whose stated uses allow it, whatever its SQL says, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipelines import uses
from pipelines.authority import load_authority
from pipelines.cli import main
from pipelines.run import Output, Run, _make_table, opened, plan
from pipelines.tables import STAGES, Column, Table, TableFileError
from pipelines.uses import UseRefused, hold_to_uses, limited
from tests.small_authority import COUNCIL_TAX, write_small_authority

DATASETS = {"council_tax", "libraries", "social_care"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Output, dict[str, dict[str, object]]]:
    """The small authority, whose council tax is for demand alone, made up to the layers; the facts of each step."""
    root = tmp_path_factory.mktemp("uses")
    folder, output = write_small_authority(root / "small"), Output(root / "output")
    description = COUNCIL_TAX.replace("uses: [demand, overlap, reach]\n", "uses: [demand]\n")
    (folder / "services/council_tax/dataset.yaml").write_text(description, "utf-8")
    facts = {}
    with opened(load_authority(folder), output) as at:
        for step in plan(at.authority):
            if STAGES.index(step.table.stage) <= STAGES.index("layers"):
                facts[step.name] = step.make(at).facts
    return folder, output, facts


@pytest.fixture
def at(made: tuple[Path, Output, dict[str, dict[str, object]]]) -> Iterator[Run]:
    with opened(load_authority(made[0]), made[1]) as at:
        yield at


def a_table(name: str, *depends_on: str, use: str = "", columns: tuple[str, ...] = ()) -> Table:
    stage, _, own = name.partition(".")
    described = tuple(Column(column, "VARCHAR", "") for column in columns)
    return Table(stage, own, "", described, (), depends_on, f"assets/{stage}/{own}.sql", use=use)


def datasets_in(con: duckdb.DuckDBPyConnection, table: str, column: str = "dataset") -> set[str]:
    return {name for (name,) in con.execute(f'SELECT DISTINCT "{column}" FROM {table}').fetchall()}


def views(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return con.execute(
        "SELECT schema_name || '.' || view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    ).fetchall()


def test_layers_use_what_they_may(made: tuple[Path, Output, dict[str, dict[str, object]]], at: Run) -> None:
    said = (
        "leaves out council_tax: its `uses` (demand) do not include overlap; its purpose is: Council tax billing; used "
        "here to see which homes are occupied"
    )
    for name in ("places.property_profile", "layers.service_overlap"):
        assert made[2][name]["left_out"] == f"{name} {said}"
        assert at.con.execute(f"SELECT count(*) FROM {name}").fetchall() == [(0,)]  # care has no properties
    assert "left_out" not in made[2]["layers.demand_by_area"]
    assert datasets_in(at.con, "layers.demand_by_area") == {"council_tax", "social_care"}
    # Judging the quality of data is no such use, and sites are about no person.
    assert datasets_in(at.con, "layers.accounting") == DATASETS
    assert at.con.execute("SELECT count(*) FROM layers.site").fetchall() == [(2,)]


def test_list_tells_what_is_left_out_and_why(
    made: tuple[Path, Output, dict[str, dict[str, object]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "layers", "--authority", str(made[0])]) == 0
    assert "layers.service_overlap leaves out council_tax: its `uses` (demand)" in capsys.readouterr().out


def test_records_that_a_use_does_not_allow_are_not_there(at: Run) -> None:
    table = a_table(
        "layers.x", "services.record", "services.file_read", "services.dataset", "places.record_placed",
        "sources.file_read", "services.social_care", "layers.demand_by_area", use="overlap",
    )  # fmt: skip
    before = views(at.con)
    with limited(at.con, at.warehouse, table, at.authority):
        for name, column in (
            ("services.record", "dataset"), ("places.record_placed", "dataset"), ("services.dataset", "dataset"),
            ("services.file_read", "of"),
        ):  # fmt: skip
            assert datasets_in(at.con, name, column) == DATASETS - {"council_tax"}
        assert "population" in datasets_in(at.con, "sources.file_read", "of")
        for name in ("services.council_tax", "services.council_tax_rejected", "places.record_address"):
            with pytest.raises(duckdb.CatalogException):
                at.con.execute(f"SELECT * FROM {name}")
    assert views(at.con) == before
    assert datasets_in(at.con, "services.record") == DATASETS


def test_both_datasets_of_a_pair_must_allow_it(at: Run) -> None:
    pairs = a_table("layers.pair", columns=("dataset_a", "dataset_b"))
    pairs = Table(**{**vars(pairs), "key": ("dataset_a", "dataset_b")})
    at.warehouse.write(
        at.con, pairs,
        "SELECT * FROM (VALUES ('council_tax', 'social_care'), ('libraries', 'social_care')) "
        "AS t (dataset_a, dataset_b)",
    )  # fmt: skip
    with limited(at.con, at.warehouse, a_table("layers.x", "layers.pair", use="overlap"), at.authority):
        assert at.con.execute("FROM layers.pair").fetchall() == [("libraries", "social_care")]


def test_everything_is_back_after_an_error(at: Run) -> None:
    before = views(at.con)
    table = a_table("layers.x", "services.record", use="overlap")
    with pytest.raises(ZeroDivisionError), limited(at.con, at.warehouse, table, at.authority):
        raise ZeroDivisionError
    assert views(at.con) == before


def test_error_of_the_engine_is_told_and_not_what_came_of_it(at: Run) -> None:
    """After it DuckDB takes no statement until everything is taken back, and tidying up fails as well."""
    before = views(at.con)
    table = a_table("layers.x", "services.record", use="overlap")
    with pytest.raises(duckdb.ConversionException), limited(at.con, at.warehouse, table, at.authority):
        at.con.register("made_in_python", pa.table({"dataset": ["none"]}))
        try:
            at.con.execute("SELECT CAST(dataset AS BIGINT) FROM made_in_python").fetchall()
        finally:
            at.con.unregister("made_in_python")
    assert views(at.con) == before


@pytest.mark.parametrize("in_python", [False, True])
def test_making_a_table_is_limited_and_told(in_python: bool, at: Run) -> None:
    sql = "SELECT DISTINCT dataset FROM services.record"

    def make(con: duckdb.DuckDBPyConnection) -> pa.Table:
        return pa.table({"dataset": sorted(datasets_in(con, "services.record"))})

    table = Table(
        "layers", "seen", "", (Column("dataset", "VARCHAR", ""),), ("dataset",), ("services.record",), "", use="reach",
        **({"make": make} if in_python else {"sql": sql}),
    )  # fmt: skip
    got = _make_table(table, ("why",))(at)
    assert (got.rows, got.facts) == (2, {"left_out": "why"})
    assert datasets_in(at.con, "layers.seen") == DATASETS - {"council_tax"}
    assert at.account.uses == {"layers.seen": {"use": "reach", "left_out": ["why"]}}


def test_own_table_of_a_dataset_that_does_not_allow_it_is_refused(at: Run) -> None:
    table = a_table("layers.x", "services.council_tax", use="reach")
    refused = pytest.raises(UseRefused, match=r"layers.x leaves out council_tax: its `uses` \(demand\)")
    with refused, limited(at.con, at.warehouse, table, at.authority):
        pass


def test_impersonal_table_sees_open_data_and_sites_alone(at: Run) -> None:
    table = a_table("places.x", "services.record", use="impersonal")
    with limited(at.con, at.warehouse, table, at.authority):
        assert datasets_in(at.con, "services.record") == {"libraries"}


def test_no_dataset_at_all_means_no_row(at: Run, tmp_path: Path) -> None:
    nobody = load_authority(write_small_authority(tmp_path / "nobody"))
    nobody = type(nobody)(**{**vars(nobody), "datasets": ()})
    with limited(at.con, at.warehouse, a_table("layers.x", "services.record", use="demand"), nobody):
        assert at.con.execute("FROM services.record").fetchall() == []


RECORD = a_table("services.record", columns=("dataset",))
PROFILE = a_table("places.profile", "services.record", use="overlap", columns=("uprn",))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            [PROFILE, a_table("layers.demand", "places.profile", use="demand")],
            r"layers.demand \(use: demand\) reads places.profile \(use: overlap\)",
        ),
        (  # through one that has no use of its own
            [
                PROFILE,
                a_table("layers.between", "places.profile", columns=("dataset",)),
                a_table("layers.demand", "layers.between", use="demand"),
            ],
            r"layers.demand \(use: demand\) reads places.profile \(use: overlap\)",
        ),
        (
            [
                a_table("layers.sum", "services.record", columns=("area_code",)),
                a_table("layers.demand", "layers.sum", use="demand"),
            ],
            r"layers.demand \(use: demand\) reads layers.sum, which is made of records and has no column `dataset`",
        ),
    ],
)
def test_no_table_passes_on_what_another_may_not_see(tables: list[Table], message: str) -> None:
    with pytest.raises(TableFileError, match=message):
        hold_to_uses([RECORD, *tables], ())


def test_what_is_fine() -> None:
    hold_to_uses(
        [
            RECORD,
            PROFILE,
            a_table("layers.overlap", "places.profile", use="overlap"),
            a_table("layers.quality", "places.profile", "services.record", columns=("dataset",)),
            a_table("places.home", "services.record", use="impersonal", columns=("place",)),
            a_table("layers.demand", "places.home", "services.record", use="demand"),
        ],
        (),
    )


def test_every_layer_made_of_records_states_its_use_or_judges_their_quality(sample: Path) -> None:
    """A new layer is to say what it uses records for; those that only judge the data are named here."""
    quality = {"layers.accounting", "layers.data_issue", "layers.who_is_missing", "layers.held_back"}
    quality |= {"layers.quality_by_extract", "layers.issue_by_extract", "layers.extract_due"}
    authority = load_authority(sample)
    tables = {step.name: step.table for step in plan(authority)}
    records = {f"services.{dataset.name}" for dataset in authority.datasets}
    silent = {
        name
        for name, table in tables.items()
        if table.stage == "layers" and not table.use and uses._above(table, tables) & records
    }
    assert "layers.accounting" in silent and silent <= quality
