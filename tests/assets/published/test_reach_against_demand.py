"""The worked-out table: of published tables alone, and in the form that a release holds it to."""

from __future__ import annotations

from assets.published import reach_against_demand as told
from pipelines.worked_out import publication
from tests.pipelines.estimate.test_reach import tables


def test_it_is_made_of_what_anybody_can_read() -> None:
    of = publication(told)
    assert of.definition.worked_out and of.definition.smallest_area == "lsoa"
    assert {name.partition(".")[0] for name in of.table.depends_on} == {"published"}
    con = tables()
    assert {table for (table,) in con.execute("SELECT table_schema FROM information_schema.tables").fetchall()} == {
        "published"
    }  # fmt: skip
    rows = told.make(con).to_pylist()
    keys = [tuple(row[name] for name in told.KEY) for row in rows]
    assert keys == sorted(set(keys)) and len(keys) == 20
