"""Descriptions composed for files that nobody has described: that they load, read the file, and give no value away."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import describing
from pipelines.authority import Dataset, load_authority
from pipelines.describing import (
    Group,
    Proposal,
    Unnameable,
    dataset_name,
    file_pattern,
    hold_to_name,
    propose,
)
from pipelines.descriptions import TO_FILL_IN, DescriptionError, read_description
from pipelines.ingest import Ingested, ingest_dataset
from pipelines.profile import Profile, load, profile
from pipelines.pseudonyms import Pseudonyms
from tests.small_authority import AUTHORITY, HOMES, PERSONAL

FILLED = {
    "title": "Things", "owner": "The service", "purpose": "To see", "lawful_basis": "Public task", "uses": "[demand]",
    "sensitivity": "personal", "counts": "thing", "keep_months": "36", "as_at": "2026-09-30",
}  # fmt: skip
NAMES = [f"{PERSONAL} Ann{chr(97 + i % 26)}{chr(97 + i // 26)} Smith" for i in range(48)]


def filled_in(text: str, **other: str) -> str:
    """A description with every placeholder filled in."""
    for key, value in {**FILLED, **other}.items():
        text = re.sub(rf"^{key}: {TO_FILL_IN}", f"{key}: {value}", text, flags=re.MULTILINE)
    assert f": {TO_FILL_IN}" not in text
    return text


class Described:
    """A file's proposal, the dataset that it becomes, and what a run would read of the file by it."""

    def __init__(self, path: Path, group: Group = "service") -> None:
        self.name = dataset_name(path)
        with duckdb.connect() as con:
            self.proposal: Proposal = propose(
                con, path, self.name, group, schema="../../schemas/dataset.json"
            )
        self.text = self.proposal.text
        folder = path.parent / "authority"
        description = folder / describing.FOLDERS[group] / self.name / "dataset.yaml"
        description.parent.mkdir(parents=True, exist_ok=True)
        (folder / "authority.yaml").write_text(AUTHORITY, "utf-8")
        description.write_text(self.text, "utf-8")
        (broken,) = load_authority(folder).broken
        self.unfilled = [str(problem) for problem in broken.problems]
        sensitivity = "open" if group == "site" else "personal"
        description.write_text(filled_in(self.text, sensitivity=sensitivity), "utf-8")
        authority = load_authority(folder)
        assert authority.broken == ()
        (self.dataset,) = authority.datasets
        there = self.dataset.model_copy(update={"folder": str(path.parent)})
        assert authority.dataset_files(there) == [path]
        with duckdb.connect() as con:
            self.read: Ingested = ingest_dataset(
                con, authority, there, Pseudonyms(path.parent, secrets.token_bytes(32))
            )
            rows = con.execute("SELECT * FROM kept ORDER BY row_number").fetchall()
            names = [name for name, *_ in con.description or ()]
            self.kept = [dict(zip(names, row, strict=True)) for row in rows]
        assert self.read.refused == ()
        assert self.read.rows_read == self.proposal.rows

    def role(self, header: str) -> str:
        """What the description says that a header is."""
        return self.dataset.columns[header].role

    @property
    def roles(self) -> dict[str, str]:
        """What the description says of each header."""
        return {header: use.role for header, use in self.dataset.columns.items()}


def written(folder: Path, name: str, header: str, rows: Sequence[str], encoding: str = "utf-8") -> Path:
    """A text file of a header and rows."""
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding)
    return path


def test_plain_csv_of_council_tax(tmp_path: Path) -> None:
    path = written(
        tmp_path, "council_tax_2026-09.csv",
        "ACCOUNT_REF,UPRN,LEAD_NAME,DATE_OF_BIRTH,ADDRESS,POSTCODE,BAND,CREATED_BY,AMOUNT",
        [f'{PERSONAL}-{i:03},{h.uprn},{NAMES[i]},{1940 + i}-01-17,"{h.address}",{h.postcode},{"ABC"[i % 3]},'
         f"{PERSONAL} {i % 3},{i}.50" for i, h in enumerate(HOMES)],
    )  # fmt: skip
    got = Described(path)
    assert got.roles == {
        "ACCOUNT_REF": "record_reference", "UPRN": "uprn", "LEAD_NAME": "personal", "DATE_OF_BIRTH": "personal",
        "ADDRESS": "address_line", "POSTCODE": "postcode", "BAND": "category", "CREATED_BY": "personal",
        "AMOUNT": "measure",
    }  # fmt: skip
    assert got.dataset.columns["BAND"].values == ("A", "B", "C")
    assert got.dataset.files == ("council_tax_*.csv",)
    assert (got.name, got.dataset.kind, got.dataset.as_at) == ("council_tax", "stock", "file_name")
    assert "says 2026-09-30" in got.text
    assert got.read.rows_kept == 48
    # Every column says how sure its role is, and why.
    for entry in got.proposal.entries:
        assert re.search(rf"^  {entry.key}: .*# (sure|likely|possible): .+filled", got.text, re.MULTILINE)
    assert PERSONAL not in got.text
    assert not any(str(home.uprn) in got.text or home.postcode in got.text for home in HOMES)


def test_what_is_still_to_be_filled_in_is_refused_with_line_and_meaning(tmp_path: Path) -> None:
    got = Described(written(tmp_path, "bins.csv", "UPRN,TYPE", [f"{h.uprn},A" for h in HOMES]))
    assert got.proposal.to_fill_in == (
        "title", "owner", "purpose", "lawful_basis", "uses", "sensitivity", "counts", "keep_months", "as_at",
    )  # fmt: skip
    assert len(got.unfilled) == 9
    line = 1 + got.text.splitlines().index(next(x for x in got.text.splitlines() if x.startswith("owner")))
    assert any(
        problem.startswith(
            f"services/bins/dataset.yaml:{line}:1: `owner` is still to be filled in: wanted the service"
        )
        for problem in got.unfilled
    )


def test_workbook_with_titles_above_the_header(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Bulky waste collections"],
        ["Printed on demand"],
        [],
        ["Ref", "Address", "Postcode", "Item"],
    ):
        sheet.append(row)
    for i, home in enumerate(HOMES):
        sheet.append([f"BW{i:04}", home.address, home.postcode, ("Sofa", "Fridge")[i % 2]])
    book.create_sheet("Notes").append(["nothing here"])
    book.save(tmp_path / "bulky_waste_2026-09-30.xlsx")
    got = Described(tmp_path / "bulky_waste_2026-09-30.xlsx")
    assert got.roles == {
        "Ref": "record_reference", "Address": "address_line", "Postcode": "postcode", "Item": "category"
    }  # fmt: skip
    # Of the header nothing says that these are codes.
    assert got.dataset.columns["Item"].values == () and "Sofa" not in got.text
    assert got.read.rows_kept == 48


def test_semicolons_and_windows_1252(tmp_path: Path) -> None:
    rows = [
        f"{i};Caf\xe9 {i % 7};{h.postcode};{('Active', 'Closed')[h.number % 2]}" for i, h in enumerate(HOMES)
    ]
    got = Described(written(tmp_path, "caf\xe9s 2026-09.csv", "n;Trading as;Postcode;Status", rows, "cp1252"))
    assert got.dataset.delimiter == ";"
    assert got.dataset.encoding == "" and "# encoding: cp1252" in got.text
    assert got.dataset.columns["Status"].values == ("Active", "Closed")
    assert got.dataset.columns["Trading as"].values == ()
    assert got.roles == {
        "n": "ignore",
        "Trading as": "category",
        "Postcode": "postcode",
        "Status": "category",
    }


def test_points_of_geojson_as_sites(tmp_path: Path) -> None:
    features = [
        {"type": "Feature",
         "properties": {"name": f"Park {chr(65 + i)}", "phone": f"0117 496 0{i:03}", "Easting": 1 + i},
         "geometry": {"type": "Point", "coordinates": [-2 + i / 1000, 51.7]}}
        for i in range(6)
    ]  # fmt: skip
    path = tmp_path / "parks_2026-10-01.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    got = Described(path, "site")
    assert got.roles["@easting"] == "easting" and got.roles["@northing"] == "northing"
    assert got.roles["name"] == "text" and got.roles["phone"] == "personal"
    assert got.roles["Easting"] != "easting"
    assert len(got.unfilled) == 4
    assert [round(row["easting"]) for row in got.kept[:1]] == [400096]


def test_parquet(tmp_path: Path) -> None:
    columns = {
        "uprn": [h.uprn for h in HOMES], "no": list(range(100, 148)), "Since": ["2026-01-02", "2026-03-04"] * 24,
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "permits_202609.parquet")
    got = Described(tmp_path / "permits_202609.parquet")
    assert got.roles == {"uprn": "uprn", "no": "record_reference", "Since": "date"}
    assert got.dataset.as_at == "file_name" and got.read.rows_kept == 48


AWKWARD = [
    'say "hello"', "colon: here", "# hash", "no", "yes", "null", "~", "1", "2.5", "- dash", "{brace", "[bracket",
    "*star", "&and", "!bang", "%percent", "@at", "`tick", "it's", "back\\slash", "tab\there", "a,b", "/pattern(/",
    "\u540d\u524d", "\U0001f3e0 home", "x" * 90, "nbsp\xa0in", "true", "?", "key: value # both",
    "issues", "as_at", "row number",
]  # fmt: skip


def test_headers_that_yaml_would_read_as_something_else(tmp_path: Path) -> None:
    quoted = ['"' + header.replace('"', '""') + '"' for header in AWKWARD]
    rows = [",".join(str((i + j) % 4) for j in range(1, len(AWKWARD) + 1)) for i in range(60)]
    got = Described(
        written(
            tmp_path,
            "awkward_2026-09.csv",
            ",".join([" REF ", *quoted]),
            [f"R{i:03},{row}" for i, row in enumerate(rows)],
        )
    )
    patterns = {"/pattern(/": "//pattern\\(//"}
    assert set(got.dataset.columns) == {"REF", *(patterns.get(header, header) for header in AWKWARD)}
    assert got.read.rows_kept == 60
    # Names that a table has already, or that the alphabet does not do, are others.
    names = {use.name for use in got.dataset.columns.values()}
    assert {"as_at_2", "row_number_2", "issues_2"} <= names
    assert len(got.kept[0]) > len(AWKWARD)


def test_headers_that_are_blank_or_there_twice(tmp_path: Path) -> None:
    rows = [
        f"{i},{h.uprn},{h.uprn},x,{NAMES[i]},p{i % 2},p,{h.number},{h.street}" for i, h in enumerate(HOMES)
    ]
    header = "Ref,UPRN,uprn ,,Contact name,Contact Name,Unique,Addr,addr"
    got = Described(written(tmp_path, "twice_2026-09.csv", header, rows))
    assert got.roles == {
        "Ref": "ignore", "UPRN": "ignore", "Contact name": "personal", "Unique": "ignore", "Addr": "address_line"
    }  # fmt: skip
    assert "columns 2, 3 have this header" in got.text
    assert "# column 4 (100% filled) has no header" in got.text
    assert got.kept[0]["address"] == "1, ALDER ROAD"


def test_file_without_headers(tmp_path: Path) -> None:
    got = Described(
        written(
            tmp_path,
            "bare_2026-09.csv",
            "A1,QX9 1AA,5",
            [f"B{i},{h.postcode},{i % 3}" for i, h in enumerate(HOMES)],
        )
    )
    assert got.dataset.headers == ("column 1", "column 2", "column 3")
    assert got.role("column 2") == "postcode"
    assert got.read.rows_kept == 49


def test_three_hundred_columns(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "wide_2026-09.csv",
        "UPRN,Q,NAME",
        [f"{h.uprn},{i % 3},{NAMES[i]}" for i, h in enumerate(HOMES)],
    )
    with duckdb.connect() as con:
        extract = load(con, path)
        few = profile(con, extract).columns
        many = tuple(replace(few[i % 3], position=i, header=f"{few[i % 3].header} {i}") for i in range(300))
        headers = tuple(column.header for column in many)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE extract AS SELECT position, "
            f"{', '.join(f'c{i % 3} AS c{i}' for i in range(300))} FROM extract"
        )
        wide = Profile(replace(extract, headers=headers, written=headers), many)
        entries, not_named = describing._entries(con, wide, "service")
    assert (len(entries), not_named) == (300, [])
    roles = [entry.role for entry in entries]
    # One UPRN is the place; the others may be somebody's.
    assert (roles.count("uprn"), roles.count("category"), roles.count("personal")) == (1, 100, 199)


def test_events_of_social_care(tmp_path: Path) -> None:
    rows = [
        f"{PERSONAL}{i % 20:03},{NAMES[i % 20]},F,{'White' if i % 3 else 'Asian'},Assessment,2026-0{1 + i % 9}-03,"
        f"2026-0{1 + i % 9}-13,{HOMES[i].postcode},{HOMES[0].postcode}"
        for i in range(48)
    ]
    header = (
        "Client_ID,Client_Name,Sex,Client_Ethnicity,Event_Type,Event_Start_Date,Event_End_Date,Postcode,"
        "Provider Postcode"
    )
    got = Described(written(tmp_path, "cld_events_2026Q3.csv", header, rows))
    assert (got.dataset.kind, got.dataset.period, got.dataset.as_at) == ("flow", "quarter", "file_name")
    assert got.role("Event_Start_Date") == "event_date" and got.role("Event_End_Date") == "date"
    assert got.dataset.files == ("cld_events_*.csv",)
    for header in ("Client_ID", "Client_Name", "Sex", "Client_Ethnicity", "Provider Postcode"):
        assert got.role(header) == "personal"
    assert got.role("Postcode") == "postcode"
    assert "identifies: person" in got.text
    assert str(got.kept[0]["event_date"]) == "2026-01-03"


def test_lettings(tmp_path: Path) -> None:
    """As in the lettings log of social housing (CORE): a letting is an event, and its people are many columns."""
    rows = [
        f"{1000 + i},{i % 9 + 1}/{12 + i % 9}/2026,{20 + i % 60},{'FM'[i % 2]},{1 + i % 3},{95 + i}.25,{12 + i * 250},"
        f"{h.postcode},7{h.uprn % 1000:05},{PERSONAL}{i}"
        for i, h in enumerate(HOMES)
    ]
    header = (
        "Log ID,Tenancy start date,age1,sex1,Bedrooms,brent,incfreq_id_x,ppostcode_full,propcode,Tenant code"
    )
    got = Described(written(tmp_path, "core_lettings_2026-27.csv", header, rows))
    assert got.dataset.kind == "flow" and got.role("Tenancy start date") == "event_date"
    # Both numbers are months somewhere: which comes first is for a person to say.
    assert got.dataset.columns["Tenancy start date"].format == "%m/%d/%Y"
    assert got.role("Log ID") == "record_reference"
    assert got.role("age1") == got.role("sex1") == got.role("Tenant code") == "personal"
    assert got.role("Bedrooms") in ("measure", "category") and got.role("brent") == "measure"
    assert got.dataset.files == ("core_lettings_*.csv",)
    assert got.read.rows_kept == 48


def test_licences_whose_uprns_are_not_known(tmp_path: Path) -> None:
    rows = [
        f"17/09/2026,{i:02}/LA,{PERSONAL} {i},{PERSONAL} Inn {i},{'Not Known' if i % 3 else h.uprn},{h.postcode},"
        f"{10 + i % 9}/03/2019"
        for i, h in enumerate(HOMES)
    ] + ["17/09/2026,Total,,,,,"]
    header = "ExtractDate,Case Reference,Licensee,PremisesName,UPRN,Postcode,GrantedDate"
    got = Described(written(tmp_path, "licensing register 17.09.26.csv", header, rows))
    assert got.dataset.missing == ("Not Known",)
    assert str(got.dataset.as_at) == "column='ExtractDate'" and got.role("ExtractDate") == "as_at"
    assert got.dataset.kind == "stock" and got.role("GrantedDate") == "date"
    assert got.role("PremisesName") == "address_line" and got.role("Licensee") == "personal"
    assert got.dataset.files == ("licensing register *.csv",)
    # The total at the end is a rule, not a record.
    assert got.dataset.exclude[0].equals == ("Total",) and got.read.rows_rejected == 1
    assert [row["uprn"] for row in got.kept[:2]] == [HOMES[0].uprn, None]
    assert PERSONAL not in got.text


def test_in_doubt_a_column_is_personal_or_left_out(tmp_path: Path) -> None:
    rows = [
        f"{h.uprn},{NAMES[i]},{NAMES[i % 9]},{1948 + i}-05-0{1 + i % 9},{1000000 + 7919 * (i % 40)},{PERSONAL} {i % 3},"
        f"{h.postcode},{HOMES[5].postcode},{1000 + i % 5}"
        for i, h in enumerate(HOMES)
    ]
    header = "UPRN,xa,xb,xc,xd,Case officer,Postcode,Landlord postcode,xe"
    got = Described(written(tmp_path, "doubt_2026-09.csv", header, rows))
    assert got.roles == {
        "UPRN": "uprn", "xa": "personal", "xb": "category", "xc": "personal", "xd": "personal",
        "Case officer": "personal", "Postcode": "postcode", "Landlord postcode": "personal", "xe": "category",
    }  # fmt: skip
    # A list of nine names is a category of the restricted table; but it is not written down.
    assert got.dataset.columns["xb"].values == ()
    assert PERSONAL not in got.text and "1948" not in got.text


@pytest.mark.parametrize(
    ("file", "name", "pattern"),
    [
        ("Council Tax 2026-09.csv", "council_tax", "Council Tax *.csv"),
        ("council_tax_20260930.zip", "council_tax", "council_tax_*.zip"),
        ("events_2026-01_to_2026-03.csv", "events_to", "events_*_to_*.csv"),
        ("licences 17.09.26.csv", "licences", "licences *.csv"),
        ("bins Sept 2026.xlsx", "bins", "bins *.xlsx"),
        ("2026-09.csv", "dataset", "*.csv"),
        ("what [is] this?.csv", "what_is_this", "what [[]is] this[?].csv"),
        ("plan2026b.csv", "plan_b", "plan*b.csv"),
        ("mayfair.csv", "mayfair", "mayfair.csv"),
    ],
)
def test_name_and_pattern_come_from_the_file_name(file: str, name: str, pattern: str) -> None:
    assert dataset_name(Path(file)) == name
    assert file_pattern(Path(file)) == pattern


@pytest.mark.parametrize("name", ["Bins", "record", "bins_files", "llpg", "9bins"])
def test_names_that_no_dataset_can_have(tmp_path: Path, name: str) -> None:
    (tmp_path / "authority.yaml").write_text(AUTHORITY, "utf-8")
    with pytest.raises(Unnameable, match="--name"):
        hold_to_name(name, "service", load_authority(tmp_path))


REAL = (
    "council_banes/Local_Council_Tax_Support_Claimants_2015_by_LSOA.csv", "services_banes/banes_local_shops.geojson",
)  # fmt: skip


def test_real_files(real_data: Path, tmp_path: Path) -> None:
    paths = [real_data / name for name in REAL]
    for path in paths:
        with duckdb.connect() as con:
            proposal = propose(con, path, "trial")
        (tmp_path / "dataset.yaml").write_text(filled_in(proposal.text), "utf-8")
        file = tmp_path / "dataset.yaml"
        assert read_description(file, Dataset, name="trial", group="service", path=file).columns
        (tmp_path / "dataset.yaml").write_text(proposal.text, "utf-8")
        with pytest.raises(DescriptionError, match="still to be filled in"):
            read_description(file, Dataset, name="trial", group="service", path=file)
