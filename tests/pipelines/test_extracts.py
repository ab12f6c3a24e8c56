"""Successive extracts: each way in which they follow each other, on files whose answer one can work out by hand."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipelines import ingest
from pipelines.authority import load_authority
from pipelines.descriptions import DescriptionError
from pipelines.extracts import CARRIED, date_in_name
from pipelines.forgetting import LeftOut
from pipelines.pseudonyms import ENVIRONMENT, Pseudonyms
from pipelines.warehouse import Warehouse

STOCK = "title: Tallies\nowner: Publisher\nsensitivity: open\ncounts: account\n"
FLOW = STOCK + "kind: flow\nperiod: month\n"
COLUMNS = "columns: {REF: record_reference, UPRN: uprn}\n"
EVENTS = "columns: {ON: event_date, PC: postcode}\n"
CHANGES = (
    "extracts: changes\ncolumns: {REF: record_reference, UPRN: uprn, WHAT: {is: change, delete: [D, Gone]}}\n"
)


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "k" * 32)
    monkeypatch.delenv("PLACES_DATA", raising=False)


class Read:
    """What reading one dataset came to, in tables small enough to write down."""

    def __init__(self, con: Any, got: ingest.Ingested) -> None:
        self.con, self.got = con, got

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self.con.execute(sql).fetchall()
        return rows

    @property
    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """The (record, UPRN) of each date."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for day, *row in self.rows("SELECT as_at::VARCHAR, record_id, uprn FROM kept ORDER BY 1, 2, 3"):
            found.setdefault(day, []).append(tuple(row))
        return found

    @property
    def files(self) -> dict[str, str]:
        """The status of each file."""
        return {
            name.rpartition("/")[2]: status for name, status in self.rows("SELECT file, status FROM files")
        }

    @property
    def rejected(self) -> list[tuple[str, int, str]]:
        """File, row number and kind of reason of each rejected row."""
        found = self.rows("SELECT file, row_number, reason FROM rejected ORDER BY ALL")
        return [(name.rpartition("/")[2], number, why.partition(":")[0]) for name, number, why in found]

    def refusal(self) -> str:
        ((_, reason),) = self.got.refused
        return reason


@contextmanager
def reading(
    folder: Path,
    description: str,
    files: Mapping[str, str],
    up_to: str = "",
    out: datetime.date | None = None,
    today: datetime.date | None = None,
) -> Iterator[Read]:
    own = folder / "services" / "tax"
    own.mkdir(parents=True, exist_ok=True)
    (folder / "authority.yaml").write_text("name: Test\ncode: E06999001\narea_vintage: 2021\n", "utf-8")
    (own / "dataset.yaml").write_text(description, "utf-8")
    for name, text in files.items():
        (own / name).write_text(text, "utf-8")
    authority = load_authority(folder, up_to=datetime.date.fromisoformat(up_to) if up_to else None)
    if authority.broken:
        raise DescriptionError(list(authority.broken[0].problems))
    (dataset,) = authority.datasets
    with Warehouse(folder / "out" / "warehouse").connect() as con:
        left_out = LeftOut(dataset, keep_from=out)
        got = ingest.ingest_dataset(con, authority, dataset, Pseudonyms(folder / "out"), left_out, today)
        read = Read(con, got)
        # Nothing vanishes: each row that was read, in each state, is kept or rejected once.
        ((kept, lost),) = read.rows("SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM rejected)")
        sums = "sum(rows_read), sum(rows_kept), sum(rows_rejected)"
        assert read.rows(f"SELECT {sums} FROM files") == [(kept + lost, kept, lost)]
        ((keys,),) = read.rows("SELECT count(DISTINCT (file, row_number)) FROM kept")
        assert keys == kept
        yield read


@pytest.mark.parametrize(
    ("top", "why"),
    [
        (STOCK + "extracts: append\n" + COLUMNS, "not for a stock"),
        (FLOW + "extracts: snapshot\n" + EVENTS, "not for a flow"),
        (STOCK + "extracts: changes\n" + COLUMNS, "wanted a column that is the `change`"),
        (STOCK + "columns: {A: change}\n", "say also `extracts: changes`"),
        (STOCK + "extracts: full\nas_at: 2026-09-30\n" + COLUMNS, "wanted the date of each extract"),
        (STOCK + "parts: true\ncorrections: replace\n" + COLUMNS, "a part, or a correction"),
        (STOCK + "columns: {A: {is: text, delete: X}}\n", "are for the column that is the `change`"),
        (STOCK + CHANGES.replace("Gone", "U"), "`U` can mean only one"),
        (STOCK + "columns: {A: {is: uprn, also: b}, B: postcode}\n", "is another line's header"),
        (
            STOCK + "columns: {A: {is: uprn, also: X}, B: {is: text, also: x}}\n",
            "is another line's header",
        ),
    ],
)
def test_what_does_not_fit_together_is_said(top: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match=why), reading(tmp_path, top, {}):
        pass


# A second file of one date

TWICE = {"x_2026-08.csv": "REF,UPRN\na,1\nb,2\n", "x_2026-08_corrected.csv": "REF,UPRN\na,1\nb,3\nc,4\n"}
NO_REFERENCE = "columns: {REF: text, UPRN: uprn}\n"


@pytest.mark.parametrize("described", [COLUMNS, NO_REFERENCE])
def test_second_extract_of_one_date_is_refused_and_both_are_named(described: str, tmp_path: Path) -> None:
    with reading(tmp_path, STOCK + described, TWICE) as read:
        assert read.files == {"x_2026-08.csv": "read", "x_2026-08_corrected.csv": "refused"}
        assert read.got.refused[0][0] == "services/tax/x_2026-08_corrected.csv"
        for part in ("2026-08-31", "services/tax/x_2026-08.csv", "corrections: replace", "parts: true"):
            assert part in read.refusal()
        assert read.got.rows_kept == 2


@pytest.mark.parametrize("described", [COLUMNS, NO_REFERENCE])
def test_correction_replaces_where_the_description_says_so(described: str, tmp_path: Path) -> None:
    with reading(tmp_path, STOCK + "corrections: replace\n" + described, TWICE) as read:
        assert read.files == {"x_2026-08.csv": "superseded", "x_2026-08_corrected.csv": "read"}
        assert read.rows("SELECT uprn FROM kept ORDER BY 1") == [(1,), (3,), (4,)]
        ((reason,),) = read.rows("SELECT reason FROM files WHERE status = 'superseded'")
        assert reason == "superseded: services/tax/x_2026-08_corrected.csv corrects it, for 2026-08-31"


def test_later_of_several_corrections_is_told_by_numbers(tmp_path: Path) -> None:
    files = {f"x_2026-08_v{n}.csv": f"UPRN\n{n}\n" for n in (2, 10)} | {"x_2026-08.csv": "UPRN\n1\n"}
    with reading(tmp_path, STOCK + "corrections: replace\ncolumns: {UPRN: uprn}\n", files) as read:
        assert read.rows("SELECT uprn FROM kept") == [(10,)]


def test_correction_whose_name_does_not_tell_is_refused(tmp_path: Path) -> None:
    files = {"x_2026-08.csv": "UPRN\n1\n", "corrected_x_2026-08.csv": "UPRN\n2\n"}
    with reading(tmp_path, STOCK + "corrections: replace\ncolumns: {UPRN: uprn}\n", files) as read:
        assert "do not tell which is the later" in read.refusal()
        assert len(read.rows("SELECT * FROM kept")) == 1


def test_parts_of_one_extract_are_one(tmp_path: Path) -> None:
    files = {"x_2026-08_north.csv": "UPRN\n1\n", "x_2026-08_south.csv": "UPRN\n2\n"}
    with reading(tmp_path, STOCK + "parts: true\ncolumns: {UPRN: uprn}\n", files) as read:
        assert read.rows("SELECT uprn FROM kept ORDER BY 1") == [(1,), (2,)]


DATED = "as_at: {column: DAY}\ncolumns: {DAY: as_at, UPRN: uprn}\n"
SHARED = {
    "a.csv": "DAY,UPRN\n2026-08-31,1\n2026-09-30,1\n",
    "b.csv": "DAY,UPRN\n2026-09-30,1\n2026-09-30,2\n",
}


def test_rows_of_one_date_in_two_files(tmp_path: Path) -> None:
    with reading(tmp_path / "1", STOCK + DATED, SHARED) as read:
        assert "it has rows of 2026-09-30, as services/tax/a.csv has" in read.refusal()
        assert read.got.rows_kept == 2
    with reading(tmp_path / "2", STOCK + "corrections: replace\n" + DATED, SHARED) as read:
        assert read.rows("SELECT as_at::VARCHAR, uprn FROM kept ORDER BY ALL") == [
            ("2026-08-31", 1), ("2026-09-30", 1), ("2026-09-30", 2),
        ]  # fmt: skip
        assert read.rejected == [("a.csv", 3, "superseded")]


# The same bytes again


def test_snapshot_that_is_the_one_before_again_is_the_state_of_its_month(tmp_path: Path) -> None:
    same = "REF,UPRN\na,1\n"
    files = {f"x_2026-{month}.csv": same for month in ("07", "08", "09")} | {"x_2026-08 copy.csv": same}
    with reading(tmp_path, STOCK + COLUMNS, files) as read:
        assert read.state == {day: [("a", 1)] for day in ("2026-07-31", "2026-08-31", "2026-09-30")}
        assert read.got.refused == (
            ("services/tax/x_2026-08 copy.csv", "the same file as services/tax/x_2026-08.csv: remove one"),
        )


@pytest.mark.parametrize(
    ("described", "text"),
    [
        (FLOW + EVENTS, "ON,PC\n2026-07-01,AB1 2CD\n"),
        (STOCK + "as_at: {column: DAY}\ncolumns: {DAY: as_at, UPRN: uprn}\n", "DAY,UPRN\n2026-07-01,1\n"),
    ],
)
def test_same_events_or_dated_rows_again_would_count_twice(described: str, text: str, tmp_path: Path) -> None:
    with reading(tmp_path, described, {"x_2026-07.csv": text, "x_2026-08.csv": text}) as read:
        assert read.refusal() == "the same file as services/tax/x_2026-07.csv: remove one"
        assert read.got.rows_kept == 1


# Events


def events(*days: str) -> str:
    return "ON,PC\n" + "".join(f"{day},AB1 2CD\n" for day in days)


def test_events_add_up(tmp_path: Path) -> None:
    files = {"x_2026-08.csv": events("2026-08-01", "2026-08-01"), "x_2026-09.csv": events("2026-09-02")}
    with reading(tmp_path, FLOW + EVENTS, files) as read:
        assert read.got.rows_kept == 3


def test_whole_exports_that_are_taken_for_additions_are_refused(tmp_path: Path) -> None:
    files = {"x_2026-08.csv": events("2026-08-01", "2026-08-02"),
             "x_2026-09.csv": events("2026-08-01", "2026-08-02", "2026-09-02")}  # fmt: skip
    with reading(tmp_path, FLOW + EVENTS, files) as read:
        assert read.refusal().startswith("2 of its 3 rows stand in services/tax/x_2026-08.csv")
        assert "extracts: full" in read.refusal()
        assert read.got.rows_kept == 2


def test_newest_of_whole_exports_replaces_all_before_it(tmp_path: Path) -> None:
    files = {"x_2026-08.csv": events("2026-08-01", "2026-08-02"),
             "x_2026-09.csv": events("2026-08-01", "2026-09-02")}  # fmt: skip
    with reading(tmp_path, FLOW + "extracts: full\n" + EVENTS, files) as read:
        assert read.files == {"x_2026-08.csv": "superseded", "x_2026-09.csv": "read"}
        assert read.got.rows_kept == 2
    with reading(tmp_path, FLOW + "extracts: full\n" + EVENTS, {"more.csv": events("2026-09-09")}) as read:
        assert "wanted a date in the file's name" in read.refusal()


def test_event_that_comes_again_is_the_later_one_where_corrections_replace(tmp_path: Path) -> None:
    described = "columns: {REF: record_reference, ON: event_date, UPRN: uprn}\n"
    files = {"x_2026-08.csv": "REF,ON,UPRN\na,2026-08-01,1\nb,2026-08-01,2\n",
             "x_2026-09.csv": "REF,ON,UPRN\na,2026-08-01,9\nc,2026-09-01,3\n"}  # fmt: skip
    with reading(tmp_path, FLOW + "corrections: replace\n" + described, files) as read:
        assert read.rows("SELECT record_id, uprn FROM kept ORDER BY 1") == [("a", 9), ("b", 2), ("c", 3)]
        assert read.rejected == [("x_2026-08.csv", 2, "superseded")]


def test_event_after_its_extract_is_no_event_of_a_later_period(tmp_path: Path) -> None:
    days = ["2026-08-01"] * 30
    with reading(tmp_path / "1", FLOW + EVENTS, {"x_2026-08.csv": events(*days, "2062-08-01")}) as read:
        assert read.rejected == [("x_2026-08.csv", 32, "date_after_extract")]
        assert read.got.rows_kept == 30
    today = datetime.date(2026, 9, 15)
    with reading(tmp_path / "2", FLOW + EVENTS, {"x.csv": events(*days, "2026-09-16")}, today=today) as read:
        assert read.rejected == [("x.csv", 32, "date_after_extract")]


def test_extract_that_is_dated_before_many_of_its_events_is_refused(tmp_path: Path) -> None:
    days = ["2026-08-01"] * 10 + ["2026-09-01"] * 5
    with reading(tmp_path, FLOW + EVENTS, {"x_2026-08.csv": events(*days)}) as read:
        assert read.refusal().startswith("5 of its 15 events are dated after the extract itself (2026-08-31)")


# Change files

BASE = "REF,UPRN\na,1\nb,2\nc,3\n"
MONTHS = {
    "x_2026-07.csv": BASE,
    "x_2026-08.csv": "WHAT,REF,UPRN\nU,b,20\nGone,c,\nI,d,4\n",
    "x_2026-09.csv": "WHAT,REF,UPRN\nD,a,1\nI,c,30\nU,d,40\nU,d,41\n",
}
STATES = {
    "2026-07-31": [("a", 1), ("b", 2), ("c", 3)],
    "2026-08-31": [("a", 1), ("b", 20), ("d", 4)],
    "2026-09-30": [("b", 20), ("c", 30), ("d", 41)],
}


def test_changes_come_to_the_state_at_each_date(tmp_path: Path) -> None:
    with reading(tmp_path, STOCK + CHANGES, MONTHS) as read:
        assert read.got.refused == ()
        assert read.state == STATES
        assert read.rejected == [
            ("x_2026-08.csv", 3, "change_delete"), ("x_2026-09.csv", 2, "change_delete"),
            ("x_2026-09.csv", 4, "superseded"),
        ]  # fmt: skip
        # A state says where each of its rows stands.
        assert read.rows("SELECT file, row_number FROM kept WHERE as_at = '2026-09-30' ORDER BY record_id") == [
            (f"services/tax/x_2026-08.csv{CARRIED}2026-09-30", 2), ("services/tax/x_2026-09.csv", 3),
            ("services/tax/x_2026-09.csv", 5),
        ]  # fmt: skip


def test_months_without_a_change_have_a_state_too(tmp_path: Path) -> None:
    nothing = "WHAT,REF,UPRN\n"
    files = {"x_2026-07.csv": BASE, "x_2026-08.csv": nothing, "x_2026-09.csv": nothing}
    with reading(tmp_path, STOCK + CHANGES, files) as read:
        assert read.got.refused == ()
        assert read.state == dict.fromkeys(("2026-07-31", "2026-08-31", "2026-09-30"), STATES["2026-07-31"])


def test_state_of_an_earlier_month_is_what_it_was(tmp_path: Path) -> None:
    with reading(tmp_path, STOCK + CHANGES, MONTHS, up_to="2026-08-31") as read:
        assert read.state == {day: STATES[day] for day in ("2026-07-31", "2026-08-31")}
        assert "x_2026-09.csv" not in read.files


def test_states_past_retention_are_not_made_but_what_holds_is_carried_on(tmp_path: Path) -> None:
    description = STOCK + "keep_months: 1\n" + CHANGES
    with reading(tmp_path, description, MONTHS, out=datetime.date(2026, 9, 1)) as read:
        assert read.state == {"2026-09-30": STATES["2026-09-30"]}
        assert {why for _, _, why in read.rejected} == {"past_retention", "change_delete", "superseded"}


def test_changes_of_events_hold_as_they_are_at_the_end(tmp_path: Path) -> None:
    described = FLOW + CHANGES.replace("UPRN: uprn", "ON: event_date")
    files = {"x_2026-08.csv": "REF,ON\na,2026-08-01\nb,2026-08-02\n",
             "x_2026-09.csv": "WHAT,REF,ON\nU,a,2026-08-03\nD,b,2026-08-02\nI,c,2026-09-01\n"}  # fmt: skip
    with reading(tmp_path, described, files) as read:
        assert read.rows("SELECT record_id, event_date::VARCHAR FROM kept ORDER BY 1") == [
            ("a", "2026-08-03"), ("c", "2026-09-01"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("x_2026-07.csv", "WHAT,REF,UPRN\nI,a,1\nU,b,2\n", "so wanted a whole extract"),
        ("x_2026-08.csv", BASE + "d,4\n", "wanted the column `WHAT`"),
        ("x_2026-08.csv", "WHAT,REF,UPRN\nU,q,5\nU,a,6\n", "1 of its 2 changes are of records that no file"),
    ],
)
def test_changes_that_do_not_follow_on_refuse_all_after_them(
    name: str, text: str, why: str, tmp_path: Path
) -> None:
    with reading(tmp_path, STOCK + CHANGES, {**MONTHS, name: text}) as read:
        after = [month for month in MONTHS if month > name]
        assert [file.rpartition("/")[2] for file, _ in read.got.refused] == [name, *after]
        assert why in read.got.refused[0][1]
        for _, reason in read.got.refused[1:]:
            assert "changes are applied in order or not at all" in reason


def test_change_of_a_word_that_nobody_knows(tmp_path: Path) -> None:
    files = {**MONTHS, "x_2026-08.csv": MONTHS["x_2026-08.csv"] + "Z,a,7\n"}
    with reading(tmp_path, STOCK + CHANGES, files) as read:
        assert ("x_2026-08.csv", 5, "change_unknown") in read.rejected
        assert read.state == STATES


# An earlier day


def test_up_to_a_day_later_extracts_rows_and_events_are_left_out(tmp_path: Path) -> None:
    files = {"x_2026-08.csv": "UPRN\n1\n", "x_2026-09.csv": "UPRN\n2\n"}
    with reading(tmp_path / "1", STOCK + "columns: {UPRN: uprn}\n", files, up_to="2026-08-31") as read:
        assert read.files == {"x_2026-08.csv": "read"}
    with reading(tmp_path / "2", STOCK + "parts: true\n" + DATED, SHARED, up_to="2026-08-31") as read:
        assert read.rows("SELECT as_at::VARCHAR FROM kept") == [("2026-08-31",)]
    one = {"x.csv": events("2026-08-01", "2026-09-01")}
    with reading(tmp_path / "3", FLOW + "as_at: 2026-09-30\n" + EVENTS, one, up_to="2026-08-31") as read:
        assert read.rows("SELECT as_at::VARCHAR, event_date::VARCHAR FROM kept") == [
            ("2026-08-31", "2026-08-01")
        ]
        assert read.rejected == [("x.csv", 3, "after_as_at")]


def test_month_alone_in_a_name_means_its_last_day() -> None:
    assert date_in_name("x_2026-02") == datetime.date(2026, 2, 28)
