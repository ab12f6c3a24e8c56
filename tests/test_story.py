"""A year in the life of a GIS team: twelve months of three LSOAs of the sample, through Dagster's real pages.

`places ui` is at work all the time, as a team has it; files are dropped into the authority folder, and the sensor
starts each run but the first. Everything is looked at in a headless Chromium. The extracts are made from the sample's
council tax accounts: each month some leave, some come, some move home.

| month | what the services send |
|---|---|
| 2025-11 | the first extract of council tax; "Materialize all" is clicked, and the sensor is switched on |
| 2025-12 to 2026-02 | at once: columns in another order and one more; semicolons and Windows-1252; a total at the end |
| 2026-03 | with them; a column has another name, the housing workbook is damaged: refused, and the maps say so |
| 2026-04 | the new name is put into the description, and a whole workbook in the place of the damaged one |
| 2026-05 | a ZIP file that takes its time to be copied |
| 2026-06 | half of the accounts: a check warns |
| 2026-07 | the rest of June as a correction; garden waste, a new dataset, is described and appears |
| 2026-08 to 2026-10 | UTF-16 with tabs, and dates as day/month/year; the page of what changed says what did |

What each month must come to is worked out from what was written, not from what the product says. PLACES_STORY_PICTURES
names a folder where the pictures are kept.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser

from pipelines.authority import load_authority
from pipelines.cli import main
from pipelines.orchestrate.instance import dagster_instance
from pipelines.release import current_release, releases
from pipelines.run import Output, plan
from pipelines.tables import REPOSITORY
from tests.cut_sample import SAMPLE, Cut, cut_sources, cut_workbook, rows_of
from tests.dagster_pages import LOCATION, Looked, Pages, wait_for

CHECKS_PAGE = "assets/services/{}?view=checks&checkDetail={}"
LSOAS = ("E01999034", "E01999035", "E01999036")  # in two wards
FIRST_ACCOUNTS = 600
TAX, HOUSING, GARDEN = "services.council_tax", "services.housing_tenancy", "services.garden_waste"
MONTHS = [f"2025-{month}" for month in (11, 12)] + [f"2026-{month:02d}" for month in range(1, 11)]
TENANCIES = SAMPLE / "services/housing_tenancy/tenancies_2026-09-30.xlsx"
PLACE = ("UPRN", "ADDR1", "ADDR2", "ADDR3", "ADDR4", "POSTCODE")
# Of the last month, so many that what is published of them is not withheld.
LEAVE, COME, MOVE = 70, 50, 60
ROUND_TO = 5

Account = dict[str, str]


@dataclass
class Accounts:
    """Council tax accounts over the year, as the test itself knows them."""

    standing: dict[str, Account]
    waiting: list[Account]
    chance: random.Random
    # By month, the UPRN on which each account of the extract that holds is.
    of: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of_cut(cls, cut: Cut) -> Accounts:
        (truth,) = (SAMPLE / "truth").glob("council_tax_2026-10.csv*")
        with gzip.open(truth, "rt", encoding="utf-8-sig") as stream:
            spoilt = {int(row["row_number"]) for row in csv.DictReader(stream) if row["what"]}
        rows = rows_of(SAMPLE / "services/council_tax/council_tax_2026-10.csv")
        sound = [
            row
            for number, row in enumerate(rows, start=1)
            if number not in spoilt and row["UPRN"] in cut.uprns
        ]
        chance = random.Random(2026)
        chance.shuffle(sound)
        return cls(
            {row["ACCOUNT_REF"]: row for row in sound[:FIRST_ACCOUNTS]}, sound[FIRST_ACCOUNTS:], chance
        )

    def a_month_goes_by(self, leave: int, come: int, move: int) -> None:
        """Some leave; some come to homes that nobody had; some move to a home that has become free."""
        free = [self.standing.pop(ref) for ref in self.chance.sample(sorted(self.standing), leave)]
        for ref in self.chance.sample(sorted(self.standing), move):
            there = free.pop()
            self.standing[ref] = {**self.standing[ref], **{name: there[name] for name in PLACE}}
        for _ in range(come):
            new = self.waiting.pop()
            self.standing[new["ACCOUNT_REF"]] = new

    def extract(self, month: str) -> list[Account]:
        """All accounts as they stand, which is what the month then is to hold."""
        self.of[month] = {ref: row["UPRN"] for ref, row in self.standing.items()}
        return list(self.standing.values())


def as_csv(rows: list[Account], headers: Mapping[str, str] | None = None, delimiter: str = ",") -> str:
    """Rows as CSV; `headers` are the columns in their order, with what each is called in the file."""
    named = headers or {name: name for name in rows[0]}
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(named.values())
    writer.writerows([row.get(name, "") for name in named] for row in rows)
    return stream.getvalue()


def last_day(month: str) -> date:
    year, number = map(int, month.split("-"))
    return date(year + number // 12, number % 12 + 1, 1) - timedelta(1)


def rounded(count: int) -> int:
    return ROUND_TO * round(count / ROUND_TO)


@dataclass
class Council:
    """The authority folder, and the team that keeps it."""

    folder: Path
    output: Output
    accounts: Accounts
    # What the services have sent, before it is put into the folder.
    sent: Path

    def extract_of(self, month: str) -> Path:
        return self.folder / f"services/council_tax/council_tax_{month}.csv"

    def next_month(self, month: str, leave: int = 6, come: int = 8, move: int = 3) -> list[Account]:
        self.accounts.a_month_goes_by(leave, come, move)
        return self.accounts.extract(month)

    def describe(self, dataset: str, **lines: str) -> None:
        """Change lines of a description as a person would, each known by how it begins."""
        path = self.folder / f"services/{dataset}/dataset.yaml"
        text = path.read_text("utf-8")
        for begins, line in lines.items():
            text, changed = re.subn(rf"(?m)^( *){begins}:.*$", rf"\g<1>{line}", text)
            assert changed == 1, begins
        path.write_text(text, "utf-8")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """From the restricted warehouse."""
        with duckdb.connect(str(self.output.restricted / "warehouse.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()

    def published(self, sql: str) -> list[tuple[object, ...]]:
        release = current_release(self.output.published)
        assert release is not None
        return published(release.path, sql)

    def page(self, name: str) -> Path:
        release = current_release(self.output.published)
        assert release is not None
        return release.path / name


def published(release: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(release / "connected_places.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def council(tmp_path_factory: pytest.TempPathFactory) -> Council:
    """Before the first month: sources, schools and tenancies; no extract of council tax."""
    root = tmp_path_factory.mktemp("story")
    folder = root / "authority"
    cut = cut_sources(folder, LSOAS)
    about = (SAMPLE / "authority.yaml").read_text("utf-8")
    (folder / "authority.yaml").write_text(f"{about}automation: {{settle_seconds: 1}}\n", "utf-8")
    shutil.copytree(SAMPLE / "sites/schools", folder / "sites/schools")
    for name in ("council_tax", "housing_tenancy"):
        (folder / "services" / name).mkdir(parents=True)
        shutil.copy(SAMPLE / f"services/{name}/dataset.yaml", folder / "services" / name)
    there = Council(folder, Output(root / "output"), Accounts.of_cut(cut), root / "sent")
    cut_workbook(
        TENANCIES,
        "Tenancies",
        folder / "services/housing_tenancy/tenancies_2025-11-30.xlsx",
        lambda row: row["POSTCODE"].strip() in cut.postcodes,
    )
    cut_workbook(
        TENANCIES,
        "Tenancies",
        there.sent / "tenancies_2026-03-31.xlsx",
        lambda row: row["POSTCODE"].strip() in cut.postcodes and row["TENURE_TYPE"] != "Introductory",
    )
    there.describe("council_tax", OCCUPATION_DATE="OCCUPATION_DATE: {is: date, as: occupied_on}")
    return there


@pytest.fixture(scope="module")
def pages(council: Council) -> Iterator[Pages]:
    started = Pages(council.folder, council.output.root)
    yield started
    started.end()


@pytest.fixture(scope="module")
def looked(pages: Pages, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Looked:
    pictures = Path(os.environ.get("PLACES_STORY_PICTURES") or tmp_path_factory.mktemp("pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    return Looked(pages.address, browser, pictures)


@pytest.mark.slow
def test_a_year(council: Council, pages: Pages, looked: Looked, capsys: pytest.CaptureFixture[str]) -> None:
    assert pages.said == f"Dagster: {pages.address} (Ctrl-C ends it)\n"
    assert pages.assets() == {step.name for step in plan(load_authority(council.folder))}
    runs: list[str] = []

    def the_next_run() -> dict[str, object]:
        """What the sensor starts, once it has ended well."""
        begun = pages.run_beside(*runs)
        assert begun["jobName"] == "everything"
        ended = pages.ended(begun["runId"])
        assert ended["status"] == "SUCCESS"
        runs.append(ended["runId"])
        return ended

    november(council, pages, looked, runs)
    first = current_release(council.output.published)

    # Four months at once, of which the last cannot be used; and what a run at work keeps away.
    three_months(council)
    march(council)
    begun = pages.run_beside(*runs)
    wait_for(lambda: pages.runs()[0]["steps"], "the first table is made")
    where = ["--output", str(council.output.root)]
    assert main(["release", "rollback", *where]) == 4
    assert {
        main(["run", "--authority", str(council.folder), *where, *more]) for more in ([], ["--dry-run"])
    } == {4}
    capsys.readouterr()
    assert the_next_run()["runId"] == begun["runId"]
    assert current_release(council.output.published) not in (None, first)
    assert council.rows(
        "SELECT file, columns_left_out FROM services.council_tax_files WHERE columns_left_out ILIKE '%band_review%'"
    ) == [("services/council_tax/council_tax_2025-12.csv", "BAND_REVIEW")]

    what_was_refused_is_seen(council, pages, looked)
    mended(council, pages)
    the_next_run()
    what_was_mended_is_seen(council, pages, looked)

    may_and_half_of_june(council, pages, looked)
    the_next_run()
    status, severity, said = pages.check(TAX, "rows_as_last_time")
    whole, half = len(council.accounts.of["2026-05"]), len(council.accounts.of["2026-06"])
    assert (status, severity) == ("FAILED", "WARN")
    assert said == (
        f"the extract of 2026-06-30 has {half:,} rows, that of 2026-05-31 had {whole:,}: more than 20 % apart"
    )
    looked.at(CHECKS_PAGE.format("council_tax", "rows_as_last_time"), "more than 20 % apart", picture="jump")

    july(council, pages, looked)
    the_next_run()
    assert pages.check(TAX, "rows_as_last_time")[0] == "SUCCEEDED"
    the_correction_holds(council)
    the_new_dataset_is_everywhere(council, looked)

    to_october(council)
    the_next_run()
    every_month_is_right(council)
    what_changed_is_told(council, looked)
    assert len(releases(council.output.published)) == len(runs) == 6

    assert pages.end() == 0
    with dagster_instance(council.output) as instance:
        assert [run.run_id for run in instance.get_runs()] == runs[::-1]
    with pytest.raises(OSError):
        urllib.request.urlopen(pages.address, timeout=2)
    an_earlier_month_is_made_again(council)


def november(council: Council, pages: Pages, looked: Looked, runs: list[str]) -> None:
    """The first month: everything is made at a click, then the watch is switched on at another."""
    council.extract_of("2025-11").write_text(as_csv(council.accounts.extract("2025-11")), "utf-8")
    page = looked.at("asset-groups", "published")
    page.get_by_role("button", name="Materialize all").click()
    run = pages.run_beside()
    looked.take("materialize_all")
    ended = pages.ended(run["runId"])
    assert ended["status"] == "SUCCESS"
    assert ended["steps"] >= len(pages.assets())
    runs.append(ended["runId"])
    looked.at(f"runs/{run['runId']}", "RUN_SUCCESS", picture="everything_made")
    assert council.rows("SELECT count(*) FROM services.council_tax") == [(FIRST_ACCOUNTS,)]

    page = looked.at(f"{LOCATION}/sensors/dropped_files", "Looks for new or changed files")
    assert pages.sensor()[0] == "STOPPED"
    page.locator("input[type=checkbox]").locator("xpath=..").click()
    wait_for(lambda: pages.sensor() == ("RUNNING", "Nothing has changed."), "the sensor has looked twice")
    looked.take("watch_switched_on")


def three_months(council: Council) -> None:
    """December to February: what may be read otherwise than it was without anybody's doing."""
    december = council.next_month("2025-12")
    names = ["BAND_REVIEW", *reversed(december[0])]
    council.extract_of("2025-12").write_text(
        as_csv([{**row, "BAND_REVIEW": "no"} for row in december], dict(zip(names, names, strict=True))),
        "utf-8",
    )
    january = council.next_month("2026-01")
    january = [{**row, "LEAD_FORENAME": f"Zoë {row['LEAD_FORENAME']}"} for row in january]
    title = "Council tax accounts, January 2026;;;;\r\n;;;;\r\n"
    council.extract_of("2026-01").write_text(title + as_csv(january, delimiter=";"), "cp1252", newline="")
    february = council.next_month("2026-02")
    headers = {name: f" {name.title()}" for name in february[0]}
    total: Account = {"ACCOUNT_REF": "Grand total", "AMOUNT": "1234567.89"}
    note: Account = {"ACCOUNT_REF": "Printed by the revenues team for the mapping team"}
    council.extract_of("2026-02").write_text(as_csv([*february, total, note], headers), "utf-8")


def march(council: Council) -> None:
    """A column with another name, and a workbook that was damaged on its way."""
    rows = council.next_month("2026-03")
    headers = {name: {"POSTCODE": "POST_CODE"}.get(name, name) for name in rows[0]}
    council.extract_of("2026-03").write_text(as_csv(rows, headers), "utf-8")
    whole = council.sent / "tenancies_2026-03-31.xlsx"
    damaged = bytearray(whole.read_bytes())
    with zipfile.ZipFile(whole) as packed:
        sheet = packed.getinfo("xl/worksheets/sheet1.xml")
    middle = sheet.header_offset + sheet.compress_size // 2
    damaged[middle : middle + 200] = bytes(200)
    (council.folder / "services/housing_tenancy" / whole.name).write_bytes(damaged)


def what_was_refused_is_seen(council: Council, pages: Pages, looked: Looked) -> None:
    status, severity, said = pages.check(TAX, "files_are_read")
    assert (status, severity) == ("FAILED", "ERROR")
    assert "also: [POST_CODE]" in said
    looked.at(
        CHECKS_PAGE.format("council_tax", "files_are_read"), "also: [POST_CODE]", picture="renamed_column"
    )
    assert pages.check(HOUSING, "files_are_read")[0] == "FAILED"
    looked.at(CHECKS_PAGE.format("housing_tenancy", "files_are_read"), "damaged", picture="damaged_workbook")
    looked.at("assets/services/council_tax", "how to mend it", picture="how_to_mend_it")
    reports = council.output.restricted / "quarantine"
    assert (reports / "council_tax/council_tax_2026-03.csv/report.html").exists()
    assert (reports / "housing_tenancy/tenancies_2026-03-31.xlsx/report.html").exists()
    looked.page.goto((reports / "council_tax/council_tax_2026-03.csv/report.html").as_uri())
    looked.take("quarantine_report")
    stale = "The extract of 31 March 2026 could not be used; data to 28 February 2026 is shown."
    looked.page.goto(council.page("maps/demand.html").as_uri())
    assert looked.page.locator("#stale").inner_text() == stale
    looked.take("stale_map")
    assert council.published("SELECT dataset FROM published.dataset WHERE is_stale ORDER BY 1") == [
        ("council_tax",),
        ("housing_tenancy",),
    ]


def mended(council: Council, pages: Pages) -> None:
    """The line that the message gave is confirmed; the workbook comes again; April is there, too."""
    before = pages.description(TAX)
    assert "Revenues, Benefits and Mapping" not in before
    shutil.copy(council.sent / "tenancies_2026-03-31.xlsx", council.folder / "services/housing_tenancy")
    council.extract_of("2026-04").write_text(as_csv(council.next_month("2026-04")), "utf-8")
    council.describe(
        "council_tax",
        POSTCODE="POSTCODE: {is: postcode, also: [POST_CODE]}",
        owner="owner: Revenues, Benefits and Mapping",
        kind="kind: stock\ncorrections: replace",
    )


def what_was_mended_is_seen(council: Council, pages: Pages, looked: Looked) -> None:
    for asset in (TAX, HOUSING):
        assert pages.check(asset, "files_are_read")[0] == "SUCCEEDED"
    assert not list((council.output.restricted / "quarantine").rglob("report.html"))
    looked.at(CHECKS_PAGE.format("council_tax", "files_are_read"), "Passed", picture="mended")
    assert "could not be used" not in council.page("maps/demand.html").read_text("utf-8")
    # What changed in a description is in the pages without a restart.
    wait_for(lambda: "Revenues, Benefits and Mapping" in pages.description(TAX), "the description is new")
    looked.at("assets/services/council_tax", "Revenues, Benefits and Mapping", picture="asset")


def may_and_half_of_june(council: Council, pages: Pages, looked: Looked) -> None:
    """A ZIP file that is waited for until it is whole, and an extract that is not."""
    rows = council.next_month("2026-05")
    path = council.extract_of("2026-05").with_suffix(".zip")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("council_tax_2026-05.csv", as_csv(rows))
    path.write_bytes(packed.getvalue()[:20_000])
    wait_for(lambda: "it is not whole yet" in pages.sensor()[1], "the sensor waits for the file")
    page = looked.at(f"{LOCATION}/sensors/dropped_files", "Looks for new or changed files")
    page.get_by_role("button", name="1hr").click()
    page.get_by_text("0 runs requested").first.wait_for()
    looked.take("half_copied")
    path.write_bytes(packed.getvalue())
    council.next_month("2026-06")
    half = [row for number, row in enumerate(council.accounts.standing.values()) if number % 2]
    council.accounts.of["2026-06"] = {row["ACCOUNT_REF"]: row["UPRN"] for row in half}
    council.extract_of("2026-06").write_text(as_csv(half), "utf-8")


def july(council: Council, pages: Pages, looked: Looked) -> None:
    """A new dataset is described and appears; its extract comes with July's, and with all of June."""
    subscribers = council.accounts.chance.sample(sorted(council.accounts.standing), 200)
    waste = [
        {
            "Subscription": f"G{number:05d}",
            "Subscriber": f"{row['LEAD_FORENAME']} {row['LEAD_SURNAME']}",
            "UPRN": row["UPRN"],
            "Address": row["ADDR1"],
            "Postcode": row["POSTCODE"],
            "Bin Size": ("140 l", "240 l")[number % 2],
        }
        for number, row in enumerate(map(council.accounts.standing.__getitem__, subscribers))
    ]
    extract = council.sent / "garden_waste_2026-07.csv"
    extract.write_text(as_csv(waste), "utf-8")
    assert main(["new-dataset", str(extract), "--authority", str(council.folder)]) == 0
    council.describe(
        "garden_waste",
        title="title: Garden waste subscriptions",
        owner="owner: Waste Services",
        purpose="purpose: Billing; used here to plan rounds",
        lawful_basis="lawful_basis: Public task",
        uses="uses: [demand, overlap]",
        sensitivity="sensitivity: personal",
        counts="counts: subscription",
        keep_months="# no limit yet",
    )
    wait_for(lambda: GARDEN in pages.assets(), "the new dataset is in the pages", 60)
    looked.at("assets/services/garden_waste", "Garden waste subscriptions", picture="new_dataset")
    corrected = council.accounts.extract("2026-06")
    council.extract_of("2026-06_corrected").write_text(as_csv(corrected), "utf-8")
    council.extract_of("2026-07").write_text(as_csv(council.next_month("2026-07")), "utf-8")
    shutil.copy(extract, council.folder / "services/garden_waste")


def the_correction_holds(council: Council) -> None:
    assert council.rows(
        "SELECT status, rows_kept FROM services.council_tax_files WHERE file LIKE '%2026-06%' ORDER BY file"
    ) == [("superseded", 0), ("read", len(council.accounts.of["2026-06"]))]
    assert changes(council) == worked_out(council, "2026-06", "2026-07")


def changes(council: Council) -> dict[str, list[tuple[str, str]]]:
    """By what became of it, from which UPRN to which each account went, as `layers.record_change` has it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for change, before, now in council.rows(
        "SELECT change, coalesce(CAST(uprn_before AS VARCHAR), ''), coalesce(CAST(uprn AS VARCHAR), '') "
        "FROM layers.record_change WHERE dataset = 'council_tax' ORDER BY ALL"
    ):
        found.setdefault(str(change), []).append((str(before), str(now)))
    return found


def worked_out(council: Council, before: str, now: str) -> dict[str, list[tuple[str, str]]]:
    """The same from what was written."""
    former, latter = council.accounts.of[before], council.accounts.of[now]
    return {
        "appeared": sorted(("", latter[ref]) for ref in latter.keys() - former.keys()),
        "gone": sorted((former[ref], "") for ref in former.keys() - latter.keys()),
        "moved": sorted(
            (former[ref], latter[ref]) for ref in former.keys() & latter.keys() if former[ref] != latter[ref]
        ),
    }


def the_new_dataset_is_everywhere(council: Council, looked: Looked) -> None:
    for table, column in (
        ("demand_by_area", "dataset"),
        ("placement_by_area", "dataset"),
        ("accounting", "dataset"),
        ("dataset", "dataset"),
        ("service_overlap", "dataset_b"),
    ):
        found = council.published(f"SELECT count(*) FROM published.{table} WHERE {column} = 'garden_waste'")
        assert found[0][0], table
    assert council.published(
        "SELECT recorded_use FROM published.demand_by_area WHERE dataset = 'garden_waste' AND area_type = 'authority'"
    ) == [(200,)]
    looked.page.goto(council.page("maps/demand.html").as_uri())
    looked.page.get_by_text("Garden waste subscriptions").first.wait_for(state="attached")
    looked.at(
        "assets/services/garden_waste",
        "Garden waste subscriptions",
        "Row count",
        picture="new_dataset_made",
    )
    page = looked.at("assets/published/demand_by_area", "[Show Markdown]")
    page.get_by_text("[Show Markdown]").first.click()
    page.get_by_text("as published; grey: withheld").first.wait_for()
    looked.take("preview")


def to_october(council: Council) -> None:
    """Another encoding, another form of dates, and a last month in which much happens."""
    council.extract_of("2026-08").write_text(
        as_csv(council.next_month("2026-08"), delimiter="\t"), "utf-16", newline=""
    )
    september = [
        {**row, "OCCUPATION_DATE": "/".join(reversed(row["OCCUPATION_DATE"].split("-")))}
        for row in council.next_month("2026-09")
    ]
    council.extract_of("2026-09").write_text(as_csv(september), "utf-8")
    october = council.next_month("2026-10", LEAVE, COME, MOVE)
    council.extract_of("2026-10").write_text(as_csv(october), "utf-8")


def every_month_is_right(council: Council) -> None:
    accounts = {month: len(council.accounts.of[month]) for month in MONTHS}
    assert council.rows("SELECT as_at, count(*) FROM services.council_tax GROUP BY 1 ORDER BY 1") == [
        (last_day(month), accounts[month]) for month in MONTHS
    ]
    assert council.rows(
        "SELECT as_at, count(*) FROM places.record_placed WHERE dataset = 'council_tax' AND precision = 'property' "
        "GROUP BY 1 ORDER BY 1"
    ) == [(last_day(month), accounts[month]) for month in MONTHS]
    for uprns in (council.accounts.of[month] for month in ("2025-11", "2026-01", "2026-10")):
        assert len(uprns) >= FIRST_ACCOUNTS
    of_authority = (
        "SELECT period, recorded_use FROM {}.demand_by_area "
        "WHERE dataset = 'council_tax' AND area_type = 'authority' ORDER BY 1"
    )
    assert council.rows(of_authority.format("layers")) == list(accounts.items())
    assert council.published(of_authority.format("published")) == [
        (month, rounded(count)) for month, count in accounts.items()
    ]
    # Dates of every form that came, each read.
    assert council.rows("SELECT count(*) FROM services.council_tax WHERE len(issues) > 0") == [(0,)]
    assert council.rows(
        "SELECT reason, count(*) FROM services.council_tax_rejected GROUP BY 1 ORDER BY 1"
    ) == [("note_row", 1), ("total_row", 1)]


def what_changed_is_told(council: Council, looked: Looked) -> None:
    came_to = worked_out(council, "2026-09", "2026-10")
    assert changes(council) == came_to
    assert {name: len(rows) for name, rows in came_to.items()} == {
        "appeared": COME,
        "gone": LEAVE,
        "moved": MOVE,
    }
    before, now = (len(council.accounts.of[month]) for month in ("2026-09", "2026-10"))
    wanted = [f"{rounded(count):,}" for count in (before, LEAVE, COME, now, MOVE)]
    looked.page.goto(council.page("maps/changes.html").as_uri())
    looked.page.get_by_role(
        "heading", name="Council tax accounts: September 2026 to October 2026"
    ).first.wait_for()
    row = looked.page.get_by_role("row", name="Quillhaven").first
    assert row.locator("td").all_inner_texts()[:5] == wanted
    looked.take("what_changed")
    looked.at("runs", "dropped_files", picture="runs")


def an_earlier_month_is_made_again(council: Council) -> None:
    """March, by today's gazetteer and corrections; what was published of it since is what it comes to."""
    again = Output(council.folder.parent / "march")
    where = ["--authority", str(council.folder), "--output", str(again.root), "--as-at", "2026-03-31"]
    # Not here: the browser's driver has an event loop at work in this process.
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "run", *where], cwd=REPOSITORY, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    release = current_release(again.published)
    assert release is not None
    exact = (
        "SELECT period, recorded_use FROM layers.demand_by_area "
        "WHERE dataset = 'council_tax' AND area_type = 'authority' ORDER BY 1"
    )
    until_march = {month: len(council.accounts.of[month]) for month in MONTHS if month <= "2026-03"}
    assert replace(council, output=again).rows(exact) == list(until_march.items())
    sql = (
        "SELECT area_type, area_code, period, recorded_use FROM published.demand_by_area "
        "WHERE dataset = 'council_tax' AND recorded_use_status = 'published' AND period <= '2026-03'"
    )
    then, since = (
        {row[:3]: row[3] for row in rows} for rows in (published(release.path, sql), council.published(sql))
    )
    assert len(then) > 20
    assert {key: since[key] for key in then if key in since} == {
        key: then[key] for key in then if key in since
    }
