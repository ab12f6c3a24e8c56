"""The authority folder: what its descriptions may say, how a broken one is told, which files they mean."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from pipelines.authority import (
    FIXED_COLUMNS,
    RESERVED,
    AsAtColumn,
    Authority,
    column_name,
    load_authority,
    match_headers,
)
from pipelines.descriptions import DescriptionError
from pipelines.gathered import gathered_tables
from pipelines.reading_plan import FIXED

AUTHORITY = "name: Test\ncode: E06999001\narea_vintage: 2021\n"
OUTSIDE = "wanted a pattern inside the folder; set `folder` for files kept elsewhere"
AS_AT = "`as_at`: wanted `file_name`, a date such as 2026-09-30, or `{column: header}`"
ONE_TEST = "wanted exactly one of `equals`, `matches`, `blank`"
MEANS_NONE = "which means no value: use `blank: true`"
UNREADABLE = "is not a pattern that can be read: missing ), unterminated subpattern at position"
SAYS_WHY = "a personal dataset says why it may be used"
DATASET = """\
title: Accounts
owner: Revenues
purpose: to bill
lawful_basis: public task
sensitivity: personal
columns:
  UPRN: uprn
"""


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has set does not count."""
    monkeypatch.delenv("PLACES_DATA", raising=False)


def write(folder: Path, files: dict[str, str]) -> Path:
    """An authority folder with authority.yaml and the files given."""
    for name, text in {"authority.yaml": AUTHORITY, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def broken(authority: Authority) -> list[str]:
    """What is broken, a line a problem."""
    return [f"{one.stage}.{one.name} {problem}" for one in authority.broken for problem in one.problems]


def problem(folder: Path, description: str) -> str:
    """The one problem of a dataset's description."""
    authority = load_authority(write(folder, {"services/tax/dataset.yaml": description}))
    assert authority.datasets == ()
    (line,) = broken(authority)
    return line.removeprefix("services.tax services/tax/dataset.yaml:")


def with_columns(*lines: str, top: str = "") -> str:
    return f"{DATASET}{''.join(f'  {line}{chr(10)}' for line in lines)}{top}"


# authority.yaml


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code: E06999001\narea_vintage: 2021", "authority.yaml:1:1: wanted the key `name`; it is missing"),
        (
            "name: T\ncode: Bath\narea_vintage: 2021",
            "authority.yaml:2:1: `code`: wanted a GSS code such as E06000022; found `Bath`",
        ),
        (
            "name: T\ncode: E06999001\narea_vintage: 21",
            "`area_vintage`: wanted greater than or equal to 2001; found `21`",
        ),
        (
            AUTHORITY + "disclosure: {threshold: 12, round_to: 5}",
            "authority.yaml:4:14: `threshold` may not be rounded down below itself",
        ),
        (
            AUTHORITY + "disclosure: {threshold: 2}",
            "`disclosure.threshold`: wanted greater than or equal to 5; found `2`",
        ),
        (
            AUTHORITY + "sign_off: {by: Director}",
            "authority.yaml:4:1: wanted the key `on` in `sign_off`; it is missing",
        ),
        (
            AUTHORITY + "disclosure: {treshold: 5}",
            "`treshold` is not a key that is known here; did you mean `threshold`?",
        ),
    ],
)
def test_authority_itself_must_be_right(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DescriptionError) as error:
        load_authority(write(tmp_path, {"authority.yaml": text}))
    assert message in str(error.value)
    assert len(error.value.problems) == 1


def test_no_folder_and_no_authority_yaml(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match="wanted an authority folder; found no such folder"):
        load_authority(tmp_path / "nowhere")
    with pytest.raises(
        DescriptionError, match=r"^authority\.yaml: wanted a description here; found no such file$"
    ):
        load_authority(tmp_path)


def test_authority_is_read_whole(tmp_path: Path) -> None:
    text = AUTHORITY + "owners: {gis_team: Maps}\nsign_off: {by: Director, on: 2026-10-01}\n"
    about = load_authority(write(tmp_path, {"authority.yaml": text})).about
    assert (about.disclosure.threshold, about.disclosure.round_to) == (10, 5)
    assert about.owners == {"gis_team": "Maps"}
    assert about.sign_off is not None
    assert about.sign_off.on == date(2026, 10, 1)  # YAML 1.1 alone would make `on` a True


# dataset.yaml


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (DATASET.replace("purpose: to bill\n", ""), f"1:1: wanted the key `purpose`: {SAYS_WHY}"),
        (
            DATASET.replace("lawful_basis: public task", "lawful_basis:"),
            f"1:1: wanted the key `lawful_basis`: {SAYS_WHY}",
        ),
        (
            DATASET.replace("personal", "secret"),
            "5:1: `sensitivity`: wanted one of open, personal, special; found `secret`",
        ),
        (DATASET.replace("UPRN: uprn", "UPRN: uprm"), "7:3: `columns.UPRN`: wanted one of uprn, usrn"),
        (
            DATASET.replace("UPRN: uprn", "UPRN: {is: uprn, was: x}"),
            "7:20: `was` is not a key that is known here; did you mean `as`?",
        ),
        (
            DATASET.replace("UPRN: uprn", "UPRN: {as: x}"),
            "7:3: wanted the key `is` in `columns.UPRN`; it is missing",
        ),
        (DATASET + "name: tax", "8:1: `name` is not a key that is known here; known are as_at, attribution"),
        (DATASET + "as_at: yesterday", f"8:1: {AS_AT}; found `yesterday`"),
        (DATASET + "as_at: 20261301", f"8:1: {AS_AT}; found `20261301`"),
        (DATASET + "kind: flow", "1:1: a flow has exactly one `event_date` column; found none"),
        (with_columns("U2: uprn"), "8:3: `U2`: `UPRN` is `uprn` already; which is it?"),
        (with_columns("P: postcode", "Q: postcode"), "9:3: `Q`: `P` is `postcode` already; which is it?"),
        (with_columns("E: easting"), "1:1: wanted both `easting` and `northing`; found only one"),
        (with_columns("LAT: latitude"), "1:1: wanted both `longitude` and `latitude`; found only one"),
        (with_columns("D: as_at"), "8:3: `D`: say also `as_at: {column: D}`, at the top"),
        (
            with_columns("B: {is: category, as: band}", "C: {is: category, as: band}"),
            "9:3: `C`: the name `band` is taken; give another with `as`",
        ),
        (
            with_columns("Weight: category"),
            "8:3: `Weight`: the name `weight` is taken; give another with `as`",
        ),
        (
            with_columns("/band.*/: category"),
            "8:3: `/band.*/` is a pattern: give the column a name with `as`",
        ),
        (with_columns("/band(/: category"), f"8:3: `/band(/`: `band(` {UNREADABLE} 4"),
        (
            with_columns("B: {is: category, as: Band}"),
            "8:3: `columns.B`: `as: Band`: wanted lower-case letters, digits and underscores",
        ),
        (with_columns("B: {is: category, keep: keyed}"), "8:21: `keep` is for columns that are `personal`"),
        (with_columns("B: {is: category, format: '%Y'}"), "8:21: `format` is for dates"),
        (with_columns("B: {is: measure, values: [a]}"), "8:20: `values` is for a `category`"),
        (with_columns("B: {is: personal, required: true}"), "8:21: `required` is for columns that are kept"),
        (
            with_columns("D: {is: date, format: dd/mm/yyyy}"),
            "8:3: `columns.D`: `dd/mm/yyyy` is not a form in which dates are read, such as %d/%m/%Y",
        ),
        (with_columns("D: {is: date, format: '%d/%Q/%Y'}"), "8:3: `columns.D`: `%d/%Q/%Y` is not a form"),
        (with_columns("D: {is: date, format: '%d/%m'}"), "8:3: `columns.D`: `%d/%m` is not a form"),
        (DATASET + "exclude: [{column: A, because: b}]", f"8:11: `exclude.0`: {ONE_TEST}"),
        (
            DATASET + "exclude: [{column: A, equals: x, blank: true, because: b}]",
            f"8:11: `exclude.0`: {ONE_TEST}",
        ),
        (
            DATASET + "exclude: [{column: A, equals: x}]",
            "8:11: wanted the key `because` in `exclude.0`; it is missing",
        ),
        (
            DATASET + "exclude: [{column: A, matches: '(', because: b}]",
            f"8:11: `exclude.0`: `(` {UNREADABLE} 0",
        ),
        (
            DATASET + "exclude: [{column: A, matches: '(?=x)', because: b}]",
            "8:11: `exclude.0`: `(?=x)` is not a pattern that DuckDB can read (no look-ahead, no references)",
        ),
        (
            DATASET + "exclude: [{column: A, equals: n/a, because: b}]",
            f"1:1: a rule for `A` equals `n/a`, {MEANS_NONE}",
        ),
        (
            DATASET + "missing: [Nil]\nkeep_only: {column: A, equals: ['x', ' nil '], because: b}",
            f"1:1: a rule for `A` equals ` nil `, {MEANS_NONE}",
        ),
        (DATASET + "files: ../*.csv", f"8:1: `files`: `../*.csv`: {OUTSIDE}"),
        (DATASET + "files: a/../../*.csv", f"8:1: `files`: `a/../../*.csv`: {OUTSIDE}"),
        (DATASET + "files: /etc/passwd", f"8:1: `files`: `/etc/passwd`: {OUTSIDE}"),
        (DATASET + "files: 'C:\\x.csv'", f"8:1: `files`: `C:\\x.csv`: {OUTSIDE}"),
        (DATASET + "files:", f"8:1: `files`: ``: {OUTSIDE}"),
        (DATASET + "files: '**.csv'", "8:1: `files`: `**.csv`: wanted `**` alone between two slashes"),
        (
            DATASET + "format: xls",
            "8:1: `format`: wanted one of csv, xlsx, parquet, geopackage, geojson, osm; found `xls`; "
            "did you mean `xlsx`?",
        ),
        (
            DATASET + "encoding: utf-99",
            "8:1: `encoding`: `utf-99` is not an encoding that is known, such as utf-8, cp1252, utf-16",
        ),
        (DATASET + "delimiter: ';;'", "8:1: `delimiter`: `;;`: wanted one character, or `tab`"),
        (DATASET + "header_row: -1", "8:1: `header_row`: wanted greater than or equal to 0; found `-1`"),
        (
            DATASET.replace("columns:\n  UPRN: uprn\n", "columns: UPRN"),
            "6:1: `columns`: wanted a valid dictionary; found `UPRN`",
        ),
        (
            DATASET.replace("title: Accounts", "title: Accounts: old"),
            "1:16: not valid YAML: mapping values are not allowed here",
        ),
    ],
)
def test_each_error_in_a_dataset(description: str, message: str, tmp_path: Path) -> None:
    assert problem(tmp_path, description).startswith(message)


EVENTS = ("ON: event_date", "TO: {is: date, as: ended_on}")


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (
            DATASET + "counting: {one: persons}",
            "8:12: `counting.one`: wanted one of record, person, household, address, open_event; found `persons`; "
            "did you mean `person`?",
        ),
        (
            DATASET + "counting: {one: person}",
            "8:1: `counting`: `one: person` wants a column that says which person a record is about (`is: personal, "
            "keep: keyed, identifies: person`); found none",
        ),
        (
            DATASET + "counting: persons",
            "8:1: `counting`: wanted one of record, person, household, address, open_event; found `persons`; "
            "did you mean `person`?",
        ),
        (
            DATASET + "counting: person",
            "8:1: `counting`: `one: person` wants a column that says which person a record is about",
        ),
        (
            with_columns(
                "H: {is: personal, keep: keyed, identifies: household}", top="counting: {one: person}"
            ),
            "9:1: `counting`: `one: person` wants a column that says which person a record is about (`is: personal, "
            "keep: keyed, identifies: person`); found one that says which household",
        ),
        (
            DATASET.replace("UPRN: uprn", "P: postcode") + "counting: {one: address}",
            "8:1: `counting`: `one: address` wants a column that leads to a property",
        ),
        (
            with_columns("N: weight", top="counting: {one: address}"),
            "9:1: `counting`: `N` is a `weight`, and a tally does not say of whom: wanted `one: record`; found "
            "`one: address`",
        ),
        (
            DATASET + "counting: {one: open_event, ended: x}",
            "8:1: `counting`: `one: open_event` is for a flow; a stock holds already what is open at its date",
        ),
        (
            with_columns(*EVENTS, top="kind: flow\ncounting: {one: open_event}"),
            "11:1: `counting`: `one: open_event` wants in `ended` the column that is the `date` of an event's end; "
            "found nothing; known are ended_on",
        ),
        (
            with_columns(*EVENTS, top="kind: flow\ncounting: {one: open_event, ended: ended_in}"),
            "11:1: `counting`: `one: open_event` wants in `ended` the column that is the `date` of an event's end; "
            "found `ended_in`; did you mean `ended_on`?",
        ),
        (
            with_columns(*EVENTS, top="kind: flow\ncounting: {ended: ended_on}"),
            "11:1: `counting`: `ended` is for `one: open_event`",
        ),
        (
            DATASET + "counting: {denominator: dwellings}",
            "8:12: `counting.denominator`: wanted one of ",
        ),
    ],
)
def test_each_error_in_counting(description: str, message: str, tmp_path: Path) -> None:
    assert problem(tmp_path, description).startswith(message)


def test_counting_and_denominator(tmp_path: Path) -> None:
    """Without a word each record counts, by homes where it is a stock and by people where it is a flow."""
    flow = with_columns(*EVENTS, top="kind: flow\n")
    described = {
        "tax": DATASET,
        "meters": DATASET + "counting: address",
        "care": flow,
        "open": flow + "counting: {one: open_event, ended: ended_on, denominator: people_65_and_over}\n",
    }
    folders = {f"services/{name}/dataset.yaml": text for name, text in described.items()}
    found = {
        d.name: (d.counting.one, d.denominator) for d in load_authority(write(tmp_path, folders)).datasets
    }
    assert found == {
        "tax": ("record", "homes"),
        "meters": ("address", "homes"),
        "care": ("record", "people"),
        "open": ("open_event", "people_65_and_over"),
    }


def test_sites_are_counted_as_they_are(tmp_path: Path) -> None:
    authority = load_authority(
        write(tmp_path, {"sites/tax/dataset.yaml": DATASET + "counting: {one: address}"})
    )
    place = "services.tax sites/tax/dataset.yaml:8:1: "
    assert broken(authority) == [
        f"{place}`counting` is for what a service records; sites are counted as they are"
    ]


def test_sites_are_no_flow(tmp_path: Path) -> None:
    description = with_columns("ON: event_date", top="kind: flow\n")
    authority = load_authority(write(tmp_path, {"sites/tax/dataset.yaml": description}))
    place = "services.tax sites/tax/dataset.yaml:9:1: "
    assert broken(authority) == [f"{place}`kind`: sites are a `stock`, as they stand at a date"]


def test_broken_dataset_stands_beside_good_ones(tmp_path: Path) -> None:
    authority = load_authority(
        write(
            tmp_path,
            {
                "services/tax/dataset.yaml": DATASET,
                "services/broken/dataset.yaml": "title: only",
                "sites/libraries/dataset.yaml": DATASET.replace("personal", "open"),
            },
        )
    )
    assert [(d.name, d.group) for d in authority.datasets] == [("tax", "service"), ("libraries", "site")]
    assert broken(authority) == [
        "services.broken services/broken/dataset.yaml:1:1: wanted the key `columns`; it is missing",
        "services.broken services/broken/dataset.yaml:1:1: wanted the key `owner`; it is missing",
        "services.broken services/broken/dataset.yaml:1:1: wanted the key `sensitivity`; it is missing",
    ]
    assert authority.code == "E06999001"


def test_names_that_cannot_be(tmp_path: Path) -> None:
    """Nothing that is broken takes the name of something good."""
    folders = [
        "services/tax",
        "sites/tax",
        "services/Council Tax",
        "services/record",
        "services/tax_files",
        "sites/2nd",
    ]
    authority = load_authority(write(tmp_path, {f"{folder}/dataset.yaml": DATASET for folder in folders}))
    assert [d.name for d in authority.datasets] == ["tax"]
    assert [(one.name, one.problems[0].message.partition(": ")[0]) for one in authority.broken] == [
        ("council_tax", "`Council Tax` cannot name a dataset"),
        ("record_broken", "`record` cannot name a dataset"),
        ("tax_files_broken", "`tax_files` cannot name a dataset"),
        ("c_2nd", "`2nd` cannot name a dataset"),
        ("tax_broken", "`tax` is the name of another dataset already"),
    ]


def test_every_gathered_table_has_a_reserved_name(tmp_path: Path) -> None:
    """Or a dataset of that name would take its place."""
    gathered = gathered_tables(load_authority(write(tmp_path, {})))
    assert {table.name for table in gathered} == RESERVED


def test_fixed_columns_are_those_of_the_ingest() -> None:
    assert tuple(column.name for column in FIXED) == FIXED_COLUMNS


def test_folder_without_a_description_is_told(tmp_path: Path) -> None:
    """Files that nobody reads are a mistake; a folder that is still empty is none."""
    (tmp_path / "services/planned").mkdir(parents=True)
    authority = load_authority(
        write(tmp_path, {"services/tax/dataset.yml": DATASET, "services/README.md": "x"})
    )
    assert broken(authority) == [
        "services.tax services/tax/dataset.yaml: wanted a description here; found no such file"
    ]


# sources


def test_authority_says_how_its_copy_of_a_source_is_written(tmp_path: Path) -> None:
    text = "folder: '{data}/roads'\nfiles: os_roads.geojson\nlayer: ''\n"
    text += "columns: {gid: road_id, '@geometry': geometry}\n"
    authority = load_authority(write(tmp_path, {"sources/os_open_roads/source.yaml": text}))
    assert broken(authority) == []
    roads = next(source for source in authority.sources if source.name == "os_open_roads")
    assert (roads.layer, roads.files, set(roads.columns)) == ("", ("os_roads.geojson",), {"gid", "@geometry"})
    assert roads.publisher == "Ordnance Survey"
    assert roads.key == ("road_id",)
    assert len(authority.sources) > 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("table: {}", "1:1: `table` is not a key that is known here; did you mean `title`?"),
        ("colums: {}", "1:1: `colums` is not a key that is known here; did you mean `columns`?"),
        (
            "columns: {A: road_nr}",
            "1:11: `A` is said to be `road_nr`, which is not a column of the table; did you mean `road_number`?",
        ),
        ("columns: {'/(/': road_id}", f"1:11: `/(/`: `(` {UNREADABLE} 0"),
        ("files: ../x", f"1:1: `files`: `../x`: {OUTSIDE}"),
    ],
)
def test_each_error_in_a_source(text: str, message: str, tmp_path: Path) -> None:
    authority = load_authority(write(tmp_path, {"sources/os_open_roads/source.yaml": text}))
    assert broken(authority) == [f"sources.os_open_roads sources/os_open_roads/source.yaml:{message}"]
    assert "os_open_roads" not in {source.name for source in authority.sources}


def test_unknown_source_is_told(tmp_path: Path) -> None:
    folders = {"sources/os_open_urpn/osopenuprn_202610.csv": "UPRN", "sources/zoo/source.yaml": "files: x"}
    assert broken(load_authority(write(tmp_path, folders))) == [
        "sources.os_open_urpn sources/os_open_urpn: `os_open_urpn` is not a source that is known; "
        "did you mean `os_open_uprn`?",
        "sources.zoo sources/zoo: `zoo` is not a source that is known; known are area_boundary, area_lookup, "
        "catchment_area, code_point_open, cross_reference, delivery_point, deprivation, gp_registered_patients, "
        "household_tenure, llpg, onsud, os_open_linked_identifiers, os_open_rivers, os_open_roads, os_open_uprn, "
        "osm_roads, population",
    ]


# which files


def shown(authority: Authority) -> list[str]:
    return [authority.shown(path) for path in authority.dataset_files(authority.datasets[0])]


def test_files_of_the_datasets_own_folder(tmp_path: Path) -> None:
    names = ["b.csv", "A.CSV", "sub/c.csv", "~$b.xlsx", ".d.csv", "e.csv.part", "notes.txt", "f.XLSX"]
    write(tmp_path, {f"services/tax/{name}": "x" for name in names})
    write(tmp_path, {"services/tax/dataset.yaml": DATASET})
    assert shown(load_authority(tmp_path)) == [
        "services/tax/A.CSV",
        "services/tax/b.csv",
        "services/tax/f.XLSX",
    ]
    write(tmp_path, {"services/tax/dataset.yaml": DATASET + "files: ['**/*.csv', 'b.*']"})
    assert shown(load_authority(tmp_path)) == [
        "services/tax/A.CSV",
        "services/tax/b.csv",
        "services/tax/sub/c.csv",
    ]
    write(tmp_path, {"services/tax/dataset.yaml": DATASET + "files: '[bc].csv'"})
    assert shown(load_authority(tmp_path)) == ["services/tax/b.csv"]


def test_files_kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = write(tmp_path / "authority", {"services/tax/dataset.yaml": DATASET + "folder: '{data}/tax'"})
    for place in ("given", "environment", "authority/data"):
        write(tmp_path / place, {f"tax/{place.replace('/', '_')}.csv": "x"})
    assert shown(load_authority(here)) == ["data/tax/authority_data.csv"]
    monkeypatch.setenv("PLACES_DATA", str(tmp_path / "environment"))
    assert shown(load_authority(here)) == ["tax/environment.csv"]
    assert shown(load_authority(here, tmp_path / "given")) == ["tax/given.csv"]


def test_files_outside_both_folders_keep_their_names_apart(tmp_path: Path) -> None:
    outside = tmp_path / "share"
    write(outside, {"2026-08/extract.csv": "x", "2026-09/extract.csv": "y"})
    text = f"{DATASET}folder: {outside.as_posix()}\nfiles: '*/extract.csv'"
    authority = load_authority(write(tmp_path / "authority", {"services/tax/dataset.yaml": text}))
    assert shown(authority) == ["2026-08/extract.csv", "2026-09/extract.csv"]
    relative = text.replace(outside.as_posix(), "../../../share")
    authority = load_authority(write(tmp_path / "authority", {"services/tax/dataset.yaml": relative}))
    assert shown(authority) == ["2026-08/extract.csv", "2026-09/extract.csv"]


def test_folder_that_is_not_there_yet_has_no_files(tmp_path: Path) -> None:
    authority = load_authority(
        write(tmp_path, {"services/tax/dataset.yaml": DATASET + "folder: '{data}/none'"})
    )
    assert shown(authority) == []
    assert authority.source_files(authority.sources[0]) == []


# headers


def test_headers_match_without_regard_to_case_and_spaces() -> None:
    headers = [" uprn ", "Band A", "BAND b", "\u00a0Postcode", "", "oa21cd"]
    wanted = {"UPRN": 0, "/band [ab]/": 0, "postcode": 0, r"/OA\d\dCD/": 0, "none": 0}
    assert match_headers(wanted, headers) == {
        "UPRN": [0],
        "/band [ab]/": [1, 2],
        "postcode": [3],
        r"/OA\d\dCD/": [5],
        "none": [],
    }


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("LEAD_NAME", "lead_name"),
        (" No. Claimants ", "no_claimants"),
        ("2021 Code", "c_2021_code"),
        ("£", "c_"),
    ],
)
def test_column_name(header: str, name: str) -> None:
    assert column_name(header) == name


def test_as_at_in_its_three_forms(tmp_path: Path) -> None:
    forms = {
        "": "file_name",
        "as_at: 2026-09-30": date(2026, 9, 30),
        "as_at: {column: D}": AsAtColumn(column="D"),
    }
    for line, as_at in forms.items():
        authority = load_authority(write(tmp_path, {"services/tax/dataset.yaml": DATASET + line}))
        assert authority.datasets[0].as_at == as_at


def test_examples_of_this_repository_are_whole(sample: Path) -> None:
    for folder in (sample, sample.parents[1] / "examples" / "bath"):
        assert broken(load_authority(folder)) == []


@pytest.mark.skipif(os.name == "nt", reason="file rights are other ones on Windows")
def test_description_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """In the shape of a folder of that name, since root may read everything."""
    (tmp_path / "services/tax/dataset.yaml/inside").mkdir(parents=True)
    (tmp_path / "services/tax/dataset.yaml/inside/x").write_text("x", "utf-8")
    (line,) = broken(load_authority(write(tmp_path, {})))
    assert line.startswith(
        "services.tax services/tax/dataset.yaml: wanted a description here; it cannot be read: "
    )


def test_uses_say_what_records_may_be_used_for(tmp_path: Path) -> None:
    texts = {
        "plain": "", "more": "uses: [overlap, reach]\n", "none": "uses: []\n",
    }  # fmt: skip
    described = "title: T\nowner: O\npurpose: P\nlawful_basis: L\nsensitivity: {}\n{}columns: {{N: text}}\n"
    files = {
        f"services/{name}/dataset.yaml": described.format("personal", text) for name, text in texts.items()
    }
    files["services/tally/dataset.yaml"] = described.format("open", "uses: []\n")
    files["sites/refuges/dataset.yaml"] = described.format("special", "")
    authority = load_authority(write(tmp_path, files))
    assert broken(authority) == []
    allowed = {
        dataset.name: [use for use in ("demand", "overlap", "reach") if dataset.allows(use)]
        for dataset in authority.datasets
    }
    assert allowed == {
        "plain": ["demand"],
        "more": ["overlap", "reach"],
        "none": [],
        "tally": ["demand", "overlap", "reach"],
        "refuges": ["demand", "overlap", "reach"],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("uses: [demand, overlp]", "overlp"),
        ("keep_months: 0", "keep_months"),
        (
            "cadence: now and then",
            "`now and then` does not say how often: wanted words such as daily, weekly",
        ),
        ("due_days: 14", "`due_days`: say also how often extracts are promised, as in `cadence: monthly`"),
        ("cadence: monthly\ndue_days: -1", "due_days"),
    ],
)
def test_uses_and_months_that_are_none(line: str, message: str, tmp_path: Path) -> None:
    text = f"title: T\nowner: O\npurpose: P\nlawful_basis: L\nsensitivity: personal\n{line}\ncolumns: {{N: text}}\n"
    authority = load_authority(write(tmp_path, {"services/tax/dataset.yaml": text}))
    (said,) = broken(authority)
    assert message in said
