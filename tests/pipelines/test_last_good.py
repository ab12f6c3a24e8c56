"""What stays as it was read before where a file was refused, for each way in which extracts follow each other."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from pipelines.authority import load_authority
from pipelines.last_good import Extract, Standing, standing
from pipelines.pseudonyms import ENVIRONMENT
from pipelines.run import Output, opened, plan
from pipelines.warehouse import Warehouse

STOCK = "title: Tallies\nowner: Publisher\nsensitivity: open\ncounts: account\n"
SNAPSHOT = STOCK + "columns: {REF: record_reference, UPRN: uprn}\n"
PARTS = STOCK + "parts: true\ncolumns: {REF: record_reference, UPRN: uprn}\n"
CHANGES = STOCK + "extracts: changes\ncolumns: {REF: record_reference, UPRN: uprn, WHAT: change}\n"
FLOW = STOCK + "kind: flow\nperiod: month\ncolumns: {ON: event_date, PC: postcode}\n"


class Council:
    """A council with the one dataset `tax`, read again and again into one output."""

    def __init__(self, folder: Path, description: str) -> None:
        self.folder, self.own = folder, folder / "services" / "tax"
        self.own.mkdir(parents=True)
        (folder / "authority.yaml").write_text("name: Test\ncode: E06999001\narea_vintage: 2021\n", "utf-8")
        (self.own / "dataset.yaml").write_text(description, "utf-8")

    def read(self, **files: str) -> tuple[str, ...]:
        """Write files (by month and what follows it, such as `m08` or `m08_north`) and read all; the problems."""
        for name, text in files.items():
            (self.own / f"x_2026-{name.removeprefix('m')}.csv").write_text(text, "utf-8")
        authority = load_authority(self.folder)
        with opened(authority, Output(self.folder / "out")) as at:
            return next(step for step in plan(authority) if step.name == "services.tax").make(at).problems

    @property
    def state(self) -> dict[str, list[str]]:
        """The records of each month, by reference or postcode."""
        found: dict[str, list[str]] = {}
        with Warehouse(self.folder / "out/restricted/warehouse").connect() as con:
            for month, what in con.execute(
                "SELECT strftime(as_at, '%m'), coalesce(postcode, record_id) FROM services.tax ORDER BY ALL"
            ).fetchall():
                found.setdefault(month, []).append(what)
            # Nothing vanishes: the account of what is in use adds up.
            ((read, kept, lost),) = con.execute(
                "SELECT coalesce(sum(rows_read), 0), coalesce(sum(rows_kept), 0), coalesce(sum(rows_rejected), 0) "
                "FROM services.tax_files WHERE status = 'read'"
            ).fetchall()
            ((rejected,),) = con.execute("SELECT count(*) FROM services.tax_rejected").fetchall()
        assert (read, kept, lost) == (kept + rejected, sum(map(len, found.values())), rejected)
        return found

    @property
    def refused(self) -> list[str]:
        with Warehouse(self.folder / "out/restricted/warehouse").connect() as con:
            found = con.execute("SELECT file FROM services.tax_files WHERE status = 'refused' ORDER BY file")
            return [file.rpartition("x_2026-")[2].removesuffix(".csv") for (file,) in found.fetchall()]


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "k" * 32)
    monkeypatch.delenv("PLACES_DATA", raising=False)


def snapshot(*references: str) -> str:
    return "REF,UPRN\n" + "".join(f"{reference},1\n" for reference in references)


BAD = "nothing,of,it\n1,2,3\n"


def test_bad_month_holds_no_good_one_back(tmp_path: Path) -> None:
    """Dropped together; left lying while others come; damaged after it was read; and mended."""
    tax = Council(tmp_path, SNAPSHOT)
    tax.read(m07=snapshot("a"))
    assert tax.read(m08=BAD, m09=snapshot("a", "b"))[-2] == "the other extracts are in use"
    assert tax.state == {"07": ["a"], "09": ["a", "b"]}
    tax.read(m10=snapshot("a", "b", "c", "c"))  # what is no key there may be one in the others
    assert tax.state == {"07": ["a"], "09": ["a", "b"]}
    assert tax.refused == ["08", "10"]
    tax.read(m10=snapshot("c"))
    damaged = tax.read(m09=BAD)
    assert "of 2026-09-30, what was read before stays in use; all else is as it was read now" in damaged
    for _ in range(2):
        assert tax.state == {"07": ["a"], "09": ["a", "b"], "10": ["c"]}
        assert tax.refused == ["08", "09"]
        assert tax.read() == damaged
    tax.read(m08=snapshot("a"), m09=snapshot("b"))
    assert tax.state == {"07": ["a"], "08": ["a"], "09": ["b"], "10": ["c"]}


def test_half_an_extract_is_never_used(tmp_path: Path) -> None:
    tax = Council(tmp_path, PARTS)
    tax.read(m08_north=snapshot("a"), m08_south=snapshot("b"), m09_north=snapshot("a"), m09_south=BAD)
    assert tax.state == {"08": ["a", "b"]}
    assert tax.refused == ["09_north", "09_south"]
    tax.read(m08_north=BAD, m08_south=snapshot("z"), m10_north=snapshot("a"))
    assert tax.state == {"08": ["a", "b"], "10": ["a"]}, "the former August stands, whole"
    tax.read(m08_north=snapshot("y"), m09_south=snapshot("b"))
    assert tax.state == {"08": ["y", "z"], "09": ["a", "b"], "10": ["a"]}


def test_of_two_extracts_of_one_date_none_is_chosen_by_chance(tmp_path: Path) -> None:
    tax = Council(tmp_path, SNAPSHOT)
    tax.read(m07=snapshot("a"))
    tax.read(m08=snapshot("b"), m08_other=snapshot("c"), m09=snapshot("d"))
    assert tax.state == {"07": ["a"], "09": ["d"]}
    # A copy takes nothing away.
    tax.read(m07_copy=snapshot("a"), m08_other=snapshot("b"))
    assert tax.state == {"07": ["a"], "08": ["b"], "09": ["d"]}


def test_changes_stand_up_to_the_file_that_is_refused(tmp_path: Path) -> None:
    tax = Council(tmp_path, CHANGES)
    tax.read(m07=snapshot("a"))
    change = "WHAT,REF,UPRN\nI,{},1\n"
    tax.read(m08=change.format("b"), m09=BAD, m10=change.format("d"))
    assert tax.state == {"07": ["a"], "08": ["a", "b"]}
    assert tax.refused == ["09", "10"]
    tax.read(m09=change.format("c"))
    months = {"07": ["a"], "08": ["a", "b"], "09": ["a", "b", "c"], "10": ["a", "b", "c", "d"]}
    assert tax.state == months
    assert "the former version stays in use" in tax.read(m08=BAD, m11=change.format("e"))
    assert tax.state == months, "later states were made of it"
    assert tax.refused == ["08", "09", "10", "11"]


def test_events_after_a_gap_wait(tmp_path: Path) -> None:
    """A month without its events would look like a quiet one."""
    tax = Council(tmp_path, FLOW)
    event = "ON,PC\n2026-{},AB1 {}\n"
    tax.read(m07=event.format("07-01", "1AA"))
    tax.read(m08=event.format("08-01", "2AA"), m09=BAD, m10=event.format("10-01", "4AA"))
    assert tax.state == {"07": ["AB1 1AA"], "08": ["AB1 2AA"]}
    assert tax.refused == ["09", "10"]
    assert "the former version stays in use" in tax.read(m07=BAD)
    assert tax.state == {"07": ["AB1 1AA"], "08": ["AB1 2AA"]}
    assert tax.refused == ["07", "09", "10"]
    (tax.own / "x_2026-09.csv").unlink()
    tax.read(m07=event.format("07-01", "1AA"))
    assert tax.state == {"07": ["AB1 1AA"], "08": ["AB1 2AA"], "10": ["AB1 4AA"]}


def test_file_without_a_date_may_be_the_one_that_had_one(tmp_path: Path) -> None:
    day = datetime.date(2026, 8, 31)
    named = next(iter(load_authority(Council(tmp_path, SNAPSHOT).folder).datasets))
    bad, before = Extract("x.csv", None), Extract("x_2026-08.csv", day, "1")
    assert standing(named, [bad], [], [before]) == Standing(dates=frozenset({day}))
    assert standing(named, [bad], [before], [before]) == Standing()


def test_rows_that_say_other_things_do_not_go_into_one_table(tmp_path: Path) -> None:
    """A column was added to the description since August was read."""
    tax = Council(tmp_path, SNAPSHOT)
    tax.read(m07=snapshot("a"), m08=snapshot("b"))
    (tax.own / "dataset.yaml").write_text(
        SNAPSHOT.replace("UPRN: uprn", "UPRN: uprn, BAND: category"), "utf-8"
    )
    banded = "REF,UPRN,BAND\nz,1,A\n"
    assert "the former version stays in use" in tax.read(m07=banded, m09=banded)
    assert tax.state == {"07": ["a"], "08": ["b"]}
    assert tax.refused == ["08", "09"], "each that is not used is told"
    tax.read(m08=banded)
    assert tax.state == {"07": ["z"], "08": ["z"], "09": ["z"]}
