"""The gate: what leaves of each count, which definitions are refused, and what a first look finds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from pipelines.authority import Disclosure, Dominance
from pipelines.definition import Definition, definitions
from pipelines.descriptions import DescriptionError, read_description
from pipelines.protect import (
    HELD_BACK,
    Publication,
    information_loss,
    publication,
    publications,
    rule_sentence,
    select_sql,
    verify,
)
from pipelines.tables import Column, Table, tables_read
from tests.planted_figures import World

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
        con.execute(f"CREATE TABLE {HELD_BACK} (published_table VARCHAR, figure VARCHAR, cell VARCHAR)")
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
    rules = 0
    for round_to in (5, 6, 10):
        for threshold in (5, 6, 7, 8, 9, 10, 12, 15, 20, 30):
            # 7 would be shown as 5, below the threshold.
            rounds_down = 2 * (threshold % round_to) < round_to and threshold % round_to
            if rounds_down or threshold < round_to / 2:
                with pytest.raises(ValidationError, match="may not be rounded down below itself"):
                    Disclosure(threshold=threshold, round_to=round_to)
                continue
            rule = Disclosure(threshold=threshold, round_to=round_to)
            rules += 1
            made = publication(definition, LAYER, rule)
            stands_for: dict[int, list[int]] = {}
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
                    stands_for.setdefault(near, []).append(n)
                    assert row["per_1000"] == Decimal((2 * near * 10_000 + 7) // 14) / 10
            assert verify(con, made, rule) == []
            # The last one may stand for more than were tried.
            stands_for.pop(max(stands_for))
            assert {near: (min(ns), max(ns)) for near, ns in stands_for.items()} == {
                near: rule.told(near) for near in stands_for
            }
    assert rules > 20


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
    made = publication(define(tmp_path), LAYER, RULE)
    publish(con, made)
    loss = information_loss(con, made, RULE)
    assert (loss.table, loss.rows, loss.rows_withheld) == ("published.use", 6, 0)
    assert (loss.cells, loss.cells_hidden, loss.records, loss.records_hidden) == (4, 2, 40, 3)
    assert (loss.share_of_cells, loss.share_of_records) == (0.5, 0.075)
    assert loss.cells_hidden_further == 0
    con.execute(f"INSERT INTO {HELD_BACK} VALUES ('use', 'used', 'tax | lsoa | E2')")
    publish(con, made)
    further = information_loss(con, made, RULE)
    assert (further.cells_hidden, further.cells_hidden_further, further.records_hidden) == (3, 1, 13)


def test_columns_carry_their_meaning(tmp_path: Path) -> None:
    made = publication(define(tmp_path), LAYER, RULE)
    meanings = {column.name: column.meaning for column in made.table.columns}
    assert meanings["area_code"] == "Area"
    assert (
        meanings["used"]
        == "Records of use (empty where hidden, else to the nearest 5; exact for open datasets)"
    )
    assert "'hidden' (0 to 9, or hidden to protect another)" in meanings["used_status"]
    assert meanings["per_1000"].startswith("Use for every 1000 residents (used as published")
    assert (made.table.full_name, made.table.key) == ("published.use", ("dataset", "area_type", "area_code"))
    assert made.table.depends_on == ("layers.held_back", "layers.use", "services.dataset")


def test_the_rule_is_one_plain_sentence() -> None:
    assert rule_sentence(RULE).startswith(
        "Counts of 0 to 9 are hidden, and with the same marker any that would give another away; "
        "all others are rounded to the nearest 5; rates"
    )


# Contributors, parts, amounts, rates of rates, changes, lists ---------------------------------

PAIR = """
key: area
datasets: dataset
dimensions: [dataset, area]
counts: [in_a, in_both]
parts: {in_both: in_a}
rates:
  percent: {count: in_both, per: in_a, times: 100, decimals: 0, meaning: Share in both}
"""
SPEND = """
key: area
datasets: dataset
dimensions: [dataset, area]
counts: payers
open_figures: step
left_out: [first, second]
amounts: {paid: {count: payers, largest: first, second: second, rounded_to: step}}
rates:
  mean: {count: paid, per: payers, times: 1, decimals: 0, meaning: Mean of those who pay}
"""
MONTHS = """
key: [dataset, month]
datasets: dataset
dimensions: [dataset, month]
counts: used
changes: {change: {of: used, along: month, within: dataset, meaning: Change since the month before}}
"""


def shown(world: World, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Columns of a published table, by its key."""
    world.publish()
    (made,) = (one for one in world.publications if one.table.name == table)
    key = ", ".join(made.definition.key)
    return world.con.execute(f"SELECT {', '.join(columns)} FROM published.{table} ORDER BY {key}").fetchall()


def test_many_records_of_few_people_are_hidden(tmp_path: Path) -> None:
    world = World(tmp_path)
    more = "contributors: {used: behind}\nleft_out: behind"
    counts = {"L1": 20, "L2": 20, "L3": 9, "L4": 20}
    behind = {"L1": 9, "L2": 10, "L3": 9, "L4": None}
    world.use(counts, more=more, behind=behind)
    assert shown(world, "use", "used", "used_status") == [
        (None, "hidden"), (20, "published"), (None, "hidden"), (None, "hidden"),
    ]  # fmt: skip
    assert "behind" not in [column.name for column in world.publications[0].table.columns]
    # Who stands behind open figures is nobody's business either, and hides nothing.
    world.con.execute("UPDATE services.dataset SET sensitivity = 'open'")
    assert shown(world, "use", "used") == [(20,), (20,), (9,), (20,)]


@pytest.mark.parametrize(
    ("in_a", "in_both", "leaves"),
    [
        (30, 20, (30, 20, 67)),
        (30, 21, (30, None, None)),
        (30, 30, (30, None, None)),
        (30, 9, (30, None, None)),
        (9, 9, (None, None, None)),
        (33, 12, (35, 10, 29)),
    ],
)
def test_nearly_all_is_hidden_like_nearly_none(
    tmp_path: Path, in_a: int, in_both: int, leaves: tuple[int | None, ...]
) -> None:
    world = World(tmp_path)
    world.table("pair", PAIR, [{"dataset": "tax", "area": "1", "in_a": in_a, "in_both": in_both}], "none")
    assert shown(world, "pair", "in_a", "in_both", "percent") == [leaves]


# The (n, k) rule with next to no p% rule, and the p% rule without the other.
NK = Dominance(contributors=2, percent=85, p_percent=1)
N1K = Dominance(contributors=1, percent=50, p_percent=1)
P = Dominance(contributors=2, percent=100, p_percent=10)


@pytest.mark.parametrize(
    ("dominance", "payers", "paid", "first", "second", "leaves"),
    [
        (NK, 12, 10_000, 5_000, 3_500, (10_000, 1_000)),
        (NK, 12, 10_000, 5_000, 3_501, (None, None)),
        (N1K, 12, 10_000, 5_000, 4_500, (10_000, 1_000)),
        (N1K, 12, 10_000, 5_001, 100, (None, None)),
        (P, 12, 10_000, 6_000, 3_400, (10_000, 1_000)),
        (P, 12, 10_000, 6_000, 3_401, (None, None)),
        # Rounded to the step, halves up; the mean is of what is shown: 12 payers are shown as 10.
        (NK, 12, 10_049, 1_000, 1_000, (10_000, 1_000)),
        (NK, 12, 10_050, 1_000, 1_000, (10_100, 1_010)),
        (NK, 13, 10_050, 1_000, 1_000, (10_100, 673)),
        # Few payers, or a sum that repayments have made small.
        (NK, 9, 10_000, 1_000, 1_000, (None, None)),
        (NK, 12, -10_000, 1_000, 1_000, (None, None)),
        (NK, 12, 0, 1_000, 1_000, (None, None)),
    ],
)  # fmt: skip
def test_amounts_that_one_or_two_dominate_are_hidden(
    tmp_path: Path,
    dominance: Dominance,
    payers: int,
    paid: int,
    first: int,
    second: int,
    leaves: tuple[int | None, int | None],
) -> None:
    world = World(tmp_path, Disclosure(dominance=dominance))
    amounts = {"payers": payers, "paid": paid, "first": first, "second": second, "step": 100}
    world.table("spend", SPEND, [{"dataset": "tax", "area": "1", **amounts}], "none")
    status = "hidden" if leaves[0] is None else "published"
    assert shown(world, "spend", "paid", "mean", "paid_status", "mean_status") == [(*leaves, status, status)]


def test_open_amounts_pass_as_they_are_and_missing_ones_are_not_applicable(tmp_path: Path) -> None:
    world = World(tmp_path)
    rows = [
        {
            "dataset": "bins",
            "area": "1",
            "payers": 2,
            "paid": -1_049,
            "first": 900,
            "second": 149,
            "step": 100,
        },
        {"dataset": "tax", "area": "2", "payers": 20, "paid": None, "first": 0, "second": 0, "step": 100},
    ]
    world.table("spend", SPEND, rows, "none")
    assert shown(world, "spend", "paid", "paid_status") == [(-1_049, "published"), (None, "not applicable")]


@pytest.mark.parametrize(
    ("payers", "paid", "mean"), [(4, -1_049, -262), (4, -1_051, -263), (2, -1_049, -524), (2, -1_051, -525), (4, -1, 0)]
)  # fmt: skip
def test_means_below_zero_are_rounded_like_those_above(
    tmp_path: Path, payers: int, paid: int, mean: int
) -> None:
    # To the nearest, halves up: -262.25, -262.75, -524.5, -525.5, -0.25.
    world = World(tmp_path)
    row = {"dataset": "bins", "area": "1", "payers": payers, "paid": paid, "first": 900, "second": 149}
    world.table("spend", SPEND, [row | {"step": 100}], "none")
    assert shown(world, "spend", "mean") == [(mean,)]


def test_changes_are_of_what_is_published(tmp_path: Path) -> None:
    world = World(tmp_path)
    months: dict[str, list[int | None]] = {"tax": [12, 13, 9, 40, None, 40, 62], "bins": [3, 1]}
    rows = [
        {"dataset": dataset, "month": f"2026-{month:02}", "used": used}
        for dataset, counts in months.items()
        for month, used in enumerate(counts, start=1)
    ]
    world.table("months", MONTHS, rows[::-1], "none")
    assert shown(world, "months", "dataset", "used", "change", "change_status") == [
        ("bins", 3, None, "not applicable"),
        ("bins", 1, -2, "published"),
        ("tax", 10, None, "not applicable"),
        # By one, as published by five.
        ("tax", 15, 5, "published"),
        ("tax", None, None, "hidden"),
        ("tax", 40, None, "hidden"),
        ("tax", None, None, "not applicable"),
        ("tax", 40, None, "not applicable"),
        ("tax", 60, 20, "published"),
    ]


def test_a_list_leaves_out_what_shows_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    counts = {"tax": {"blank": 9, "doubled": 12}, "bins": {"blank": 1}}
    rows = [
        {"dataset": d, "issue": issue, "n": n} for d, found in counts.items() for issue, n in found.items()
    ]
    listed = (
        "key: [dataset, issue]\ndatasets: dataset\ndimensions: [dataset, issue]\ncounts: n\ndrop_hidden: true"
    )
    world.table("issues", listed, rows, "none")
    assert shown(world, "issues", "dataset", "issue", "n", "n_status") == [
        ("bins", "blank", 1, "published"), ("tax", "doubled", 10, "published"),
    ]  # fmt: skip
    loss = information_loss(world.con, world.publications[0], world.rule)
    assert (loss.cells, loss.cells_hidden, loss.records, loss.records_hidden) == (2, 1, 21, 9)


def test_what_is_held_back_is_hidden_with_all_that_is_made_of_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    held = [("pair", "in_a", "1"), ("spend", "payers", "1"), ("months", "used", "tax | 2026-02")]
    world.con.executemany(f"INSERT INTO {HELD_BACK} VALUES (?, ?, ?)", held)
    world.table(
        "pair", PAIR, [{"dataset": "tax", "area": a, "in_a": 40, "in_both": 20} for a in "12"], "none"
    )
    amounts = {"payers": 20, "paid": 9_000, "first": 500, "second": 500, "step": 100}
    world.table("spend", SPEND, [{"dataset": "tax", "area": a, **amounts} for a in "12"], "none")
    months = [{"dataset": "tax", "month": f"2026-{month:02}", "used": 20 * month} for month in range(1, 5)]
    world.table("months", MONTHS, months, "none")
    assert shown(world, "pair", "in_a", "in_both", "percent") == [(None, 20, None), (40, 20, 50)]
    assert shown(world, "spend", "payers", "paid", "mean") == [(None, None, None), (20, 9_000, 450)]
    assert shown(world, "months", "used", "change") == [(20, None), (None, None), (60, None), (80, 20)]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("UPDATE published.spend SET paid = paid + 1", "spend.paid: an amount is not a multiple of step"),
        ("UPDATE published.spend SET paid = 900 WHERE area = '2'",
         "spend.paid: an amount is shown whose count is hidden"),
        ("UPDATE published.spend SET paid = NULL", "spend.paid: value and status contradict each other"),
        ("UPDATE published.spend SET paid_status = 'few'", "spend.paid_status: a status is none of"),
        ("UPDATE published.spend SET mean = mean + 1", "spend.mean: a rate is not what the published counts give"),
        ("ALTER TABLE published.spend ALTER paid TYPE DOUBLE", "spend.paid: is DOUBLE; wanted BIGINT"),
        ("UPDATE published.spend SET paid = NULL, paid_status = 'hidden' WHERE dataset = 'bins'",
         "spend.paid_status: an open figure is hidden"),
        ("UPDATE published.months SET change = 4 WHERE change = 5",
         "months.change: a change is not what the published counts give"),
        ("UPDATE published.months SET change = 1, change_status = 'published' WHERE used IS NULL",
         "months.change: a change is not what the published counts give"),
        ("UPDATE published.months SET change_status = 'not applicable' WHERE used IS NULL",
         "months.change_status: a change's status does not follow from its counts"),
        ("UPDATE published.months SET used = 20 WHERE used = 15",
         "months.change: a change is not what the published counts give"),
        ("ALTER TABLE published.months ALTER change TYPE DOUBLE", "months.change: is DOUBLE; wanted BIGINT"),
    ],
)  # fmt: skip
def test_verify_sees_tampered_amounts_and_changes(tmp_path: Path, change: str, wanted: str) -> None:
    world = World(tmp_path)
    rows = [
        {
            "dataset": dataset,
            "area": area,
            "payers": payers,
            "paid": 9_000,
            "first": 500,
            "second": 500,
            "step": 100,
        }
        for dataset, area, payers in (("tax", "1", 20), ("tax", "2", 4), ("bins", "3", 4))
    ]
    world.table("spend", SPEND, rows, "none")
    months = [
        {"dataset": "tax", "month": f"2026-0{month}", "used": n} for month, n in ((1, 12), (2, 13), (3, 4))
    ]
    world.table("months", MONTHS, months, "none")
    world.publish()
    world.con.execute(change)
    found = [str(one) for made in world.publications for one in verify(world.con, made, world.rule)]
    assert any(one.startswith(f"published.{wanted}") for one in found), found


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
        (
            {"contributors": "{usd: people}"},
            "`contributors`: `usd` is not among the counts; did you mean `used`?",
        ),
        (
            {"contributors": "{used: behind}"},
            "`contributors.used`: `behind` is not among `counts` or `left_out`",
        ),
        ({"parts": "{used: all}"}, "`parts.used`: `all` is not among the counts"),
        ({"at_most": "{used: homes}"}, "`at_most.used`: `homes` is not among the figures"),
        ({"at_most": "{people: used}"}, "`at_most`: `people` is not among the counts"),
        ({"sums": "{used: [parts, others]}"}, "`sums.used`: `parts` is not among the counts"),
        ({"totals": "{usd: {of: other.n}}"}, "`totals`: `usd` is not among the counts"),
        (
            {"totals": "{used: {of: other}}"},
            "use.yaml:14:17: `totals.used.of`: wanted `table.count`; found other",
        ),
        ({"totals": "{used: {of: other.n, were: {a: b}}}"}, "did you mean `where`?"),
        (
            {"quantities": "{used: {name: use, by: datasett}}"},
            "`quantities.used`: `datasett` is not among the dimensions",
        ),
        (
            {"overlaps": "{used: {used: dataset}}"},
            "`overlaps.used`: wanted two counts and of each the column that names its group",
        ),
        (
            {"overlaps": "{used: {used: dataset, usd: area_code}}"},
            "`overlaps.used`: `usd` is not among the counts; did you mean `used`?",
        ),
        ({"overlaps": "{used: {used: people}}"}, "`overlaps.used`: `people` is not among the key"),
        (
            {"threes": "{used: {groups: [used, used, usd], pairs: [used, used, used]}}"},
            "`threes.used`: `usd` is not among the counts; did you mean `used`?",
        ),
        ({"at_most": "{used: [used, homes]}"}, "`at_most.used`: `homes` is not among the figures"),
        (
            {"changes": "{change: {of: usd, along: area_code, within: dataset, meaning: Change}}"},
            "`changes.change`: `usd` is not among the counts; did you mean `used`?",
        ),
        (
            {"changes": "{change: {of: used, along: month, within: dataset, meaning: Change}}"},
            "`changes.change`: `month` is not among the dimensions",
        ),
        (
            {"amounts": "{paid: {count: usd, largest: a, second: b, rounded_to: people}}"},
            "`amounts.paid`: `usd` is not among the counts",
        ),
        (
            {
                "amounts": "{paid: {count: used, largest: a, second: b, rounded_to: people}}",
                "left_out": "[a, c]",
            },
            "`amounts.paid`: `b` is not among `left_out`",
        ),
        (
            {
                "amounts": "{paid: {count: used, largest: a, second: b, rounded_to: used}}",
                "left_out": "[a, b]",
            },
            "`amounts.paid`: `used` is not among the open figures",
        ),
        ({"drop_hidden": "true"}, "`drop_hidden` is for tables with `counts` and without areas"),
        (
            {"open": "true", "datasets": "", "rates": "", "  per_1000": ""},
            "are for tables with `datasets`; this one is `open: true`",
        ),
    ],
)
def test_a_definition_that_does_not_hang_together_says_why(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(DescriptionError) as refused:
        define(tmp_path, **changed)
    assert message in str(refused.value)
    assert re.match(r"use\.yaml:\d+:\d+: ", str(refused.value)) or "use.yaml: " in str(refused.value)


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
        "wanted it under `dimensions`, `counts`, `amounts`, `open_figures` or `left_out`"
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


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("{of: reasons.n}", "`totals.used`: `reasons` is not among the published tables; did you mean `reason`?"),
        ("{of: reason.m}", "`totals.used`: `m` is not among the figures of reason; known are n"),
        ("{of: reason.n, where: {resaon: fraud}}",
         "`resaon` is not among the dimensions of reason; did you mean `reason`?"),
        ("{of: reason.n, here: {area_tipe: authority}}",
         "`area_tipe` is not among the dimensions; did you mean `area_type`?"),
        ("{of: reason.n, on: {data: dataset}}", "`data` is not among the dimensions of reason"),
        ("{of: reason.n, on: {dataset: datasets}}", "`datasets` is not among the key; did you mean `dataset`?"),
        ("{of: reason.n, over: reasn}", "`reasn` is not among the key of reason; did you mean `reason`?"),
    ],
)  # fmt: skip
def test_a_name_that_the_other_table_does_not_have_is_not_passed_over(
    tmp_path: Path, other: str, message: str
) -> None:
    columns = tuple(Column(name, "", name) for name in ("dataset", "reason", "n"))
    reason = Table("layers", "reason", "By reason.", columns, ("dataset", "reason"))
    lines = "key: [dataset, reason]\ndatasets: dataset\ndimensions: [dataset, reason]\ncounts: n"
    head = DEFINITION.split("smallest_area")[0].replace("layers.use", "layers.reason")
    (tmp_path / "reason.yaml").write_text(f"{head}smallest_area: none\n{lines}\n", encoding="utf-8")
    define(tmp_path, totals="{used: {of: reason.n, here: {area_type: authority}, over: reason}}")
    assert len(publications([LAYER, reason], "E06000022", "Here", RULE, tmp_path)) == 2
    define(tmp_path, totals=f"{{used: {other}}}")
    with pytest.raises(DescriptionError) as refused:
        publications([LAYER, reason], "E06000022", "Here", RULE, tmp_path)
    assert message in str(refused.value)
    assert str(refused.value).startswith("use.yaml:14:10: ")


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
        assert reads - {"services.dataset"} <= {definition.layer, HELD_BACK}
        assert (HELD_BACK in reads) == definition.protects
        assert definition.open or "services.dataset" in reads


def test_sites_and_distances_leave_only_where_the_sites_are_open() -> None:
    found = {definition.name: definition for definition in definitions()}
    names = (
        "site",
        "distance_to_site",
        "travel_by_area",
        "travel_gap",
        "closure_by_area",
        "closure_by_decile",
        "closure_at_site",
    )
    assert {found[name].rows for name in names} == {"open_only"}


def test_the_rule_itself_is_published(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    shipped = next(definition for definition in definitions() if definition.name == "disclosure_rule")
    (tmp_path / "disclosure_rule.yaml").write_bytes(shipped.path.read_bytes())
    (made,) = publications([], "E06000022", "Bath & North 'East' Somerset", RULE, tmp_path)
    (row,) = publish(con, made)
    assert (row["authority_code"], row["authority_name"]) == ("E06000022", "Bath & North 'East' Somerset")
    assert (row["threshold"], row["round_to"], row["rule"]) == (10, 5, rule_sentence(RULE))
    assert verify(con, made, RULE) == []
    assert information_loss(con, made, RULE).rows_withheld == 0
