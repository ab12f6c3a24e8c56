"""The checks, each asked alone of a warehouse that somebody has damaged, as Dagster's pages would ask it.

That they all pass before is seen in test_execution.py.
"""

from __future__ import annotations

import dagster as dg
import pytest

from pipelines.orchestrate.graph import definitions_for
from pipelines.release import current_release
from pipelines.tables import text_literal
from pipelines.warehouse import Warehouse
from tests.small_run import Small


def ask(of: Small, table: str, check: str) -> dg.AssetCheckEvaluation:
    """Run one check alone, in a job of its own."""
    key = dg.AssetCheckKey(dg.AssetKey(table.split(".")), check)
    alone = dg.define_asset_job("alone", selection=dg.AssetSelection.checks(key))
    definitions = dg.Definitions.merge(definitions_for(of.authority, of.output), dg.Definitions(jobs=[alone]))
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("alone").execute_in_process(
            instance=instance, raise_on_error=False
        )
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.asset_key, evaluation.check_name) == (key.asset_key, key.name)
    # A blocking check that fails fails the run.
    assert result.success == (evaluation.passed or not evaluation.blocking)
    return evaluation


def store(of: Small, table: str, select: str) -> None:
    """Put other rows into the file of a table, behind the warehouse's back."""
    stage, _, name = table.partition(".")
    warehouse = Warehouse(of.output.restricted / "warehouse")
    path = warehouse.read_path(stage, name)
    assert path is not None
    with warehouse.connect() as con:
        con.execute(f"CREATE TABLE memory.main.damaged AS {select}")
        con.execute(f"COPY memory.main.damaged TO {text_literal(str(path))} (FORMAT parquet)")


DAMAGES = {
    "a row twice": (
        "places.uprn", "SELECT * FROM places.uprn UNION ALL (SELECT * FROM places.uprn LIMIT 1)",
        "key_is_unique_and_complete", "1 key(s) stand in more than one row",
    ),
    "a key gone": (
        "places.uprn", "SELECT * REPLACE (nullif(uprn, 990000001001) AS uprn) FROM places.uprn",
        "key_is_unique_and_complete", "1 row(s) lack a part of the key",
    ),
    "a record lost": (
        "services.council_tax", "SELECT * FROM services.council_tax WHERE row_number <> 7",
        "rows_add_up", "- rows kept: 96 by file, 94 stored\n- weight kept: 96 by file, 94 stored",
    ),
    "a weight changed": (
        "services.council_tax",
        "SELECT * REPLACE (CASE WHEN row_number = 7 THEN 3 ELSE weight END AS weight) FROM services.council_tax",
        "rows_add_up", "weight kept: 96 by file, 100 stored",
    ),
    "a row of a source lost": (
        "sources.llpg", "SELECT * FROM sources.llpg LIMIT 47",
        "rows_add_up", "rows kept: 48 by file, 47 stored",
    ),
    "a file's rows miscounted": (
        "services.file_read", "SELECT * REPLACE (rows_rejected + 1 AS rows_rejected) FROM services.file_read",
        "rows_add_up", "in 4 row(s) not rows_read = rows_kept + rows_rejected",
    ),
    "a placed record lost": (
        "layers.accounting", "SELECT * REPLACE (rows_postcode - 1 AS rows_postcode) FROM layers.accounting",
        "rows_add_up", "in 3 row(s) not rows_kept = rows_property + ",
    ),
    "a gap in the accounting": (
        "layers.accounting",
        "SELECT * REPLACE (CASE WHEN dataset = 'libraries' THEN NULL ELSE 0 END AS weight_area) FROM layers.accounting",
        "rows_add_up", "in 1 row(s) not weight_kept = ",
    ),
    "a small count shown": (
        "published.demand_by_area",
        "SELECT * REPLACE (5::BIGINT AS recorded_use, 'published' AS recorded_use_status) "
        "FROM published.demand_by_area",
        "protection_holds", "a count below 10 is shown",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed(damage: str, own: Small) -> None:
    table, select, check, said = DAMAGES[damage]
    store(own, table, select)
    after = ask(own, table, check)
    assert not after.passed
    assert after.blocking
    assert after.severity == dg.AssetCheckSeverity.ERROR
    assert said in str(after.description)


def test_changed_release_is_noticed(own: Small) -> None:
    release = current_release(own.output.published)
    assert release is not None
    page = release.path / "index.html"
    page.chmod(0o644)
    page.write_text("other", "utf-8")
    assert ask(own, "maps.release", "release_is_whole").description == "index.html was changed"


def test_table_that_is_not_there_does_not_pass(own: Small) -> None:
    Warehouse(own.output.restricted / "warehouse").drop("places", "home")
    evaluation = ask(own, "places.home", "key_is_unique_and_complete")
    assert not evaluation.passed
    assert evaluation.description == "it has not been made yet: materialise it first"


def test_dataset_that_was_open_no_longer_is(own: Small) -> None:
    """Its figures were published as they are: the check reads what is open today."""
    store(own, "services.dataset", "SELECT * REPLACE ('personal' AS sensitivity) FROM services.dataset")
    evaluation = ask(own, "published.accounting", "protection_holds")
    assert not evaluation.passed
    assert "a count below 10 is shown" in str(evaluation.description)
