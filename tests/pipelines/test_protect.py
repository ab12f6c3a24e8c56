"""The gate: what leaves of each count, which definitions are refused, and what a first look finds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.authority import Disclosure
from pipelines.descriptions import DescriptionError, read_description
from pipelines.protect import (
    Definition,
    Publication,
    definitions,
    information_loss,
    publication,
    publications,
    rule_sentence,
    select_sql,
    verify,
)
from pipelines.tables import Column, Table, tables_read

RULE = Disclosure(threshold=10, round_to=5)
LAYER = Table(
    stage="layers",
    name="use",
    meaning="A layer.",
    columns=(
        Column("dataset", "", "Dataset"),
        Column("area_type", "", "Kind of area"),
        Column("area_code", "", "Area"),
        Column("people", "", "Residents"),
        Column("used", "", "Records of use."),
    ),
    key=("dataset", "area_code"),
)
DEFINITION = """
layer: layers.use
meaning: Use by area.
purpose: Testing.
basis: A test.
not_for: Anything else.
smallest_area: lsoa
key: [dataset, area_type, area_code]
datasets: dataset
dimensions: [dataset, area_type, area_code]
open_figures: people
counts: used
rates:
  per_1000: {count: used, per: people, times: 1000, decimals: 1, meaning: Use for every 1000 residents}
"""
OVERLAP = Table(
    stage="layers",
    name="overlap",
    meaning="Two services.",
    columns=tuple(Column(name, "", name) for name in ("dataset_a", "dataset_b", "in_a", "in_both")),
    key=("dataset_a", "dataset_b"),
)
OVERLAP_DEFINITION = """
layer: layers.overlap
meaning: Two services.
purpose: Testing.
basis: A test.
not_for: Anything else.
smallest_area: none
key: [dataset_a, dataset_b]
datasets: [dataset_a, dataset_b]
dimensions: [dataset_a, dataset_b]
counts: [in_a, in_both]
rates:
  share: {count: in_both, per: in_a, times: 100, decimals: 0, meaning: Share of those in a that are in both}
"""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": "1"}) as con:
        for stage in ("services", "layers", "published"):
            con.execute(f"CREATE SCHEMA {stage}")
        con.execute(
            "CREATE TABLE services.dataset AS SELECT * FROM (VALUES "
            "('care', 'special'), ('tax', 'personal'), ('bins', 'open'), ('mixed', 'open'), ('mixed', NULL)"
            ") AS t(dataset, sensitivity)"
        )
        yield con


def define(folder: Path, text: str = DEFINITION, **changed: str) -> Definition:
    """A definition from its text, with whole lines `key: value` replaced (or added)."""
    lines = [line for line in text.strip().splitlines() if line.partition(":")[0] not in changed]
    lines += [f"{key}: {value}" for key, value in changed.items() if value]
    path = folder / "use.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_description(path, Definition, shown_as="use.yaml", name="use", path=path)


def fill(con: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]], used_type: str = "BIGINT") -> None:
    con.execute(
        "CREATE OR REPLACE TABLE layers.use "
        f"(dataset VARCHAR, area_type VARCHAR, area_code VARCHAR, people BIGINT, used {used_type})"
    )
    con.executemany("INSERT INTO layers.use VALUES (?, ?, ?, ?, ?)", rows)


def publish(con: duckdb.DuckDBPyConnection, made: Publication) -> list[dict[str, Any]]:
    """Make the published table and return its rows."""
    con.execute(f"CREATE OR REPLACE TABLE published.{made.table.name} AS {made.table.sql}")
    result = con.execute(f"SELECT * FROM published.{made.table.name}")
    names = [column[0] for column in result.description or ()]
    assert names == [column.name for column in made.table.columns]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def protect(
    con: duckdb.DuckDBPyConnection, folder: Path, dataset: str, used: int | None, people: int | None
) -> Any:
    """What leaves of one row: count, its status, rate, its status."""
    fill(con, [(dataset, "lsoa", "E01", people, used)])
    made = publication(define(folder), LAYER, RULE)
    (row,) = publish(con, made)
    assert verify(con, made, RULE) == []
    return row["used"], row["used_status"], row["per_1000"], row["per_1000_status"]


@pytest.mark.parametrize(
    ("used", "shown"),
    [
        (0, None),
        (1, None),
        (9, None),
        (10, 10),
        (12, 10),
        (13, 15),
        (17, 15),
        (18, 20),
        (1_000_002, 1_000_000),
    ],
)
def test_counts_below_the_threshold_are_hidden_and_others_rounded(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, used: int, shown: int | None
) -> None:
    count, status, rate, rate_status = protect(con, tmp_path, "tax", used, 1500)
    assert (count, status) == (shown, "hidden" if shown is None else "published")
    # From the count as published: 13 of 1,500 would be 8.7, 15 of 1,500 is 10.
    assert (rate, rate_status) == (
        None if shown is None else round(Decimal(shown) / Decimal("1.5"), 1),
        status,
    )


def test_open_datasets_pass_unchanged(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert protect(con, tmp_path, "bins", 3, 2000) == (3, "published", Decimal("1.5"), "published")
    assert protect(con, tmp_path, "bins", 0, 2000) == (0, "published", Decimal(0), "published")


@pytest.mark.parametrize("dataset", ["special", "not_in_the_catalogue", "mixed"])
def test_what_is_not_known_to_be_open_is_protected(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, dataset: str
) -> None:
    assert protect(con, tmp_path, dataset, 3, 2000) == (None, "hidden", None, "hidden")


def test_no_count_and_no_denominator_are_not_applicable(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert protect(con, tmp_path, "tax", None, 100) == (None, "not applicable", None, "not applicable")
    assert protect(con, tmp_path, "tax", 50, 0) == (50, "published", None, "not applicable")
    assert protect(con, tmp_path, "tax", 50, None) == (50, "published", None, "not applicable")
    # Hidden comes first: that there is no denominator tells nothing of the count.
    assert protect(con, tmp_path, "tax", 5, 0) == (None, "hidden", None, "hidden")


def test_a_row_is_open_only_when_each_of_its_datasets_is(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    con.execute(
        "CREATE TABLE layers.overlap AS SELECT * FROM (VALUES ('bins', 'bins', 4, 2), ('bins', 'tax', 4, 2), "
        "('tax', 'bins', 44, 12), ('tax', NULL, 44, 2), ('tax', 'care', 9, 9)) "
        "AS t(dataset_a, dataset_b, in_a, in_both)"
    )
    made = publication(define(tmp_path, OVERLAP_DEFINITION), OVERLAP, RULE)
    shown = {
        (r["dataset_a"], r["dataset_b"]): (r["in_a"], r["in_both"], r["share"]) for r in publish(con, made)
    }
    assert shown == {
        ("bins", "bins"): (4, 2, 50),
        ("bins", "tax"): (None, None, None),
        ("tax", "bins"): (45, 10, 22),
        ("tax", None): (45, None, None),
        ("tax", "care"): (None, None, None),
    }
    assert verify(con, made, RULE) == []


def test_every_small_count_under_every_rule(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    fill(con, [("tax", "lsoa", f"E{n:03}", 7, n) for n in range(130)])
    definition = define(tmp_path)
    for round_to in (5, 6, 10):
        for threshold in range(round_to, 31, round_to):
            rule = Disclosure(threshold=threshold, round_to=round_to)
            made = publication(definition, LAYER, rule)
            for n, row in enumerate(publish(con, made)):
                # The nearest multiple; of two as near, the higher.
                multiples = range(0, 200, round_to)
                least = min(abs(multiple - n) for multiple in multiples)
                near = max(multiple for multiple in multiples if abs(multiple - n) == least)
                assert row["used"] == (None if n < threshold else near), (n, rule)
                if n < threshold:
                    assert (row["used_status"], row["per_1000"], row["per_1000_status"]) == (
                        "hidden",
                        None,
                        "hidden",
                    )
                else:
                    assert near >= threshold
                    assert row["per_1000"] == Decimal((2 * near * 10_000 + 7) // 14) / 10
            assert verify(con, made, rule) == []


@pytest.mark.parametrize(("type_", "value"), [("BIGINT", -1), ("DOUBLE", 12.5), ("DECIMAL(9,2)", 0.5)])
def test_what_is_no_count_is_refused_without_telling_it(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, type_: str, value: float
) -> None:
    fill(con, [("tax", "lsoa", "E01", 100, value), ("bins", "lsoa", "E01", 100, 3)], type_)
    with pytest.raises(duckdb.Error, match=r"layers\.use\.used holds a value that is not a count") as refused:
        publish(con, publication(define(tmp_path), LAYER, RULE))
    assert str(value) not in str(refused.value)


def test_whole_numbers_of_other_types_are_counts(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    fill(con, [("tax", "lsoa", "E01", 100, 13)], "HUGEINT")
    (row,) = publish(con, publication(define(tmp_path), LAYER, RULE))
    assert row["used"] == 15
    assert con.execute("SELECT typeof(used), typeof(per_1000) FROM published.use").fetchall() == [
        ("BIGINT", "DECIMAL(18,1)")
    ]


def test_areas_below_the_smallest_and_unknown_ones_stay_inside(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    kinds = ["oa", "lsoa", "msoa", "ward", "authority", "hexagon", None]
    fill(con, [("tax", kind, f"{kind}1", 100, 20) for kind in kinds])
    made = publication(define(tmp_path), LAYER, RULE)
    assert {row["area_type"] for row in publish(con, made)} == {"lsoa", "msoa", "ward", "authority"}
    assert information_loss(con, made, RULE).rows_withheld == 3


def test_rows_that_are_not_open_stay_inside_where_only_open_ones_may_leave(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    fill(con, [(dataset, "lsoa", "E01", 100, 20) for dataset in ("bins", "tax", "mixed", "unknown", None)])
    only = define(
        tmp_path, rows="open_only", counts="", rates="", open_figures="[people, used]", **{"  per_1000": ""}
    )
    made = publication(only, LAYER, RULE)
    rows = publish(con, made)
    assert [(row["dataset"], row["used"]) for row in rows] == [("bins", 20)]
    assert verify(con, made, RULE) == []
    assert information_loss(con, made, RULE).rows_withheld == 4
    # Reclassified since.
    con.execute("UPDATE services.dataset SET sensitivity = 'special' WHERE dataset = 'bins'")
    assert [str(finding) for finding in verify(con, made, RULE)] == [
        "published.use: rows of a dataset that is not open (1 row(s))"
    ]


def test_information_loss_counts_cells_and_records_of_people_only(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    counts = [("tax", 3), ("tax", 0), ("tax", 10), ("tax", 27), ("tax", None), ("bins", 2)]
    fill(con, [(dataset, "lsoa", f"E{i}", 100, n) for i, (dataset, n) in enumerate(counts)])
    loss = information_loss(con, publication(define(tmp_path), LAYER, RULE), RULE)
    assert (loss.table, loss.rows, loss.rows_withheld) == ("published.use", 6, 0)
    assert (loss.cells, loss.cells_hidden, loss.records, loss.records_hidden) == (4, 2, 40, 3)
    assert (loss.share_of_cells, loss.share_of_records) == (0.5, 0.075)


def test_columns_carry_their_meaning(tmp_path: Path) -> None:
    made = publication(define(tmp_path), LAYER, RULE)
    meanings = {column.name: column.meaning for column in made.table.columns}
    assert meanings["area_code"] == "Area"
    assert (
        meanings["used"]
        == "Records of use (empty where 0 to 9, else to the nearest 5; exact for open datasets)"
    )
    assert "'hidden' (0 to 9)" in meanings["used_status"]
    assert meanings["per_1000"].startswith("Use for every 1000 residents (used as published")
    assert (made.table.full_name, made.table.key) == ("published.use", ("dataset", "area_type", "area_code"))
    assert made.table.depends_on == ("layers.use", "services.dataset")


def test_the_rule_is_one_plain_sentence() -> None:
    assert rule_sentence(RULE).startswith(
        "Counts of 0 to 9 are hidden, with one marker; all others are rounded to the nearest 5; rates"
    )


# Definitions that do not fit ---------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"dimension": "[dataset]"},
            "use.yaml:14:1: `dimension` is not a key that is known here; did you mean `dimensions`?",
        ),
        (
            {"smallest_area": "lsoas"},
            "`smallest_area`: wanted one of oa, lsoa, msoa, ward, lad, authority, exact_place, none",
        ),
        (
            {"open": "true"},
            "wanted either `open: true` or `datasets` (columns that name datasets); found both",
        ),
        ({"datasets": ""}, "found neither"),
        (
            {"key": "[dataset, area_kode]"},
            "`key`: `area_kode` is not among the dimensions; did you mean `area_code`?",
        ),
        ({"counts": "[used, people]"}, "column(s) people stand in more than one list"),
        ({"left_out": "used"}, "column(s) used stand in more than one list"),
        (
            {"smallest_area": "exact_place"},
            "`smallest_area: exact_place` is for open data; add `rows: open_only`",
        ),
        ({"counts": "usedd"}, "`rates.per_1000`: `used` is not among the counts; did you mean `usedd`?"),
        ({"open_figures": "homes"}, "`rates.per_1000`: `people` is neither a count nor an open figure"),
        ({"dimensions": "[dataset, area_type, area_code, used_status]"}, "two columns named used_status"),
        ({"layer": "DROP TABLE x"}, "`layer`"),
    ],
)
def test_a_definition_that_does_not_hang_together_says_why(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(DescriptionError) as refused:
        define(tmp_path, **changed)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"open_figures": "[people, homes]"},
            "use.yaml:13:24: `open_figures`: `homes` is not a column of layers.use",
        ),
        ({"counts": "[used, area_kode]"}, "`counts`: `area_kode` is not a column of layers.use"),
        ({"smallest_area": "none"}, "layers.use has a column `area_type`, so wanted one of oa, lsoa"),
    ],
)
def test_a_definition_that_does_not_fit_its_layer_says_where(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(DescriptionError) as refused:
        publication(define(tmp_path, **changed), LAYER, RULE)
    assert message in str(refused.value)


def test_nothing_leaves_by_accident(tmp_path: Path) -> None:
    wider = Table(**{**vars(LAYER), "columns": (*LAYER.columns, Column("names", "", "Names"))})
    with pytest.raises(DescriptionError) as refused:
        publication(define(tmp_path), wider, RULE)
    assert str(refused.value) == (
        "use.yaml:1:1: says nothing of the column `names` of layers.use; "
        "wanted it under `dimensions`, `counts`, `open_figures` or `left_out`"
    )
    made = publication(define(tmp_path, left_out="names"), wider, RULE)
    assert "names" not in (made.table.sql or "")


def test_a_number_cannot_leave_as_a_dimension(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    sly = define(
        tmp_path, dimensions="[dataset, area_type, area_code, used]", counts="people", open_figures="", rates="",
        **{"  per_1000": ""},
    )  # fmt: skip
    typed = Table(**{**vars(LAYER), "columns": (*LAYER.columns[:-1], Column("used", "BIGINT", "Use"))})
    with pytest.raises(
        DescriptionError, match="`used` is BIGINT: wanted dimensions of people's data to be VARCHAR"
    ):
        publication(sly, typed, RULE)
    # Where the type is known only when the table is made, it is found before release.
    fill(con, [("tax", "lsoa", "E01", 100, 7)])
    made = publication(sly, LAYER, RULE)
    publish(con, made)
    assert [finding.column for finding in verify(con, made, RULE)] == ["used"]


def test_an_open_table_cannot_come_from_records(tmp_path: Path) -> None:
    (tmp_path / "open.yaml").write_text(
        DEFINITION.split("rates:")[0]
        .replace("counts: used", "open: true")
        .replace("datasets: dataset\n", "")
        .replace("open_figures: people", "open_figures: [people, used]"),
        encoding="utf-8",
    )
    between = Table("places", "between", "", (), (), depends_on=("sources.census", "services.record"))
    layer = Table(**{**vars(LAYER), "depends_on": ("services.dataset", "places.between")})
    with pytest.raises(DescriptionError) as refused:
        publications([layer, between], "E06000022", "Here", RULE, tmp_path)
    assert "open.yaml:11:1: says `open: true`, but comes from a council's records: " in str(refused.value)
    assert str(refused.value).endswith("layers.use <- places.between <- services.record")
    between = Table("places", "between", "", (), (), depends_on=("sources.census",))
    (made,) = publications([layer, between], "E06000022", "Here", RULE, tmp_path)
    assert "CASE" not in (made.table.sql or "")


def test_a_layer_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    define(tmp_path, layer="layers.user")
    with pytest.raises(
        DescriptionError, match=r"no table is named `layers.user`; did you mean `layers.use`\?"
    ):
        publications([LAYER], "E06000022", "Here", RULE, tmp_path)


# A first look through an attacker's eyes ---------------------------------


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("UPDATE published.use SET used = 9 WHERE area_code = 'E2'", "a count below 10 is shown"),
        ("UPDATE published.use SET used = 21 WHERE area_code = 'E2'", "a count is not a multiple of 5"),
        ("UPDATE published.use SET used = -20 WHERE area_code = 'E2'", "a negative count is shown"),
        ("UPDATE published.use SET used = 15 WHERE area_code = 'E1'", "value and status contradict each other"),
        ("UPDATE published.use SET used_status = 'nearly' WHERE area_code = 'E1'", "a status is none of"),
        ("UPDATE published.use SET used_status = NULL WHERE area_code = 'E1'", "a status is none of"),
        ("UPDATE published.use SET per_1000 = 2.4 WHERE area_code = 'E1'", "a rate is shown whose count is hidden"),
        (
            "UPDATE published.use SET per_1000_status = 'published' WHERE area_code = 'E1'",
            "a rate's status does not follow from its counts",
        ),
        (
            "UPDATE published.use SET per_1000 = 21.3 WHERE area_code = 'E2'",
            "a rate is not what the published counts give",
        ),
        ("UPDATE published.use SET area_type = 'oa' WHERE area_code = 'E2'", "areas smaller than lsoa"),
        ("INSERT INTO published.use SELECT * FROM published.use WHERE area_code = 'E2'", "the key (dataset, area_type"),
        ("ALTER TABLE published.use ADD COLUMN exact BIGINT", "its columns are not those of use.yaml: exact"),
        ("ALTER TABLE published.use ALTER used TYPE DOUBLE", "is DOUBLE; wanted BIGINT"),
        ("UPDATE services.dataset SET sensitivity = 'personal' WHERE dataset = 'bins'", "a count below 10 is shown"),
        ("DELETE FROM published.use WHERE area_code = 'E1' AND dataset = 'tax'", "an absent row tells"),
    ],
)  # fmt: skip
def test_verify_sees_what_the_rule_forbids(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, change: str, wanted: str
) -> None:
    fill(con, [(d, "lsoa", f"E{i}", 1000, n) for d in ("tax", "bins") for i, n in enumerate((55, 4, 22))])
    made = publication(define(tmp_path), LAYER, RULE)
    publish(con, made)
    assert verify(con, made, RULE) == []
    con.execute(change)
    findings = [str(finding) for finding in verify(con, made, RULE)]
    assert any(wanted in finding for finding in findings), findings
    assert all(finding.startswith("published.use") for finding in findings)


def test_areas_that_no_row_mentions_are_missed_too(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    fill(con, [("tax", "lsoa", "E1", 1000, 55), ("bins", "lsoa", "E2", 1000, 5)])
    made = publication(define(tmp_path), LAYER, RULE)
    publish(con, made)
    assert len(verify(con, made, RULE)) == 1
    fill(con, [("tax", "lsoa", "E1", 1000, 55), ("bins", "lsoa", "E1", 1000, 5)])
    publish(con, made)
    assert verify(con, made, RULE) == []
    con.execute(
        "CREATE TABLE published.area AS SELECT 'lsoa' AS area_type, unnest(['E1', 'E9']) AS area_code"
    )
    assert [finding.rows for finding in verify(con, made, RULE)] == [1]


# The definitions that there are ---------------------------------


def test_each_shipped_definition_reads_its_layer_and_nothing_else() -> None:
    found = {definition.name: definition for definition in definitions()}
    assert set(found) >= {"demand_by_area", "service_overlap", "accounting", "site", "disclosure_rule"}
    for definition in found.values():
        if definition.layer.startswith("authority."):
            continue
        reads = set(tables_read(select_sql(definition, RULE)))
        assert reads - {"services.dataset"} <= {definition.layer}
        assert definition.open or "services.dataset" in reads


def test_sites_and_distances_leave_only_where_the_sites_are_open() -> None:
    found = {definition.name: definition for definition in definitions()}
    assert {found[name].rows for name in ("site", "distance_to_site")} == {"open_only"}


def test_the_rule_itself_is_published(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    shipped = next(definition for definition in definitions() if definition.name == "disclosure_rule")
    (tmp_path / "disclosure_rule.yaml").write_bytes(shipped.path.read_bytes())
    (made,) = publications([], "E06000022", "Bath & North 'East' Somerset", RULE, tmp_path)
    (row,) = publish(con, made)
    assert (row["authority_code"], row["authority_name"]) == ("E06000022", "Bath & North 'East' Somerset")
    assert (row["threshold"], row["round_to"], row["rule"]) == (10, 5, rule_sentence(RULE))
    assert verify(con, made, RULE) == []
    assert information_loss(con, made, RULE).rows_withheld == 0
