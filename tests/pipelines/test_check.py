"""The check of an extract: what is wrong with its identifiers, what would be placed and how."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from pipelines.check import FINDINGS, Asked, Checked, checking, write_rows_to_mend
from pipelines.descriptions import DescriptionError
from pipelines.formats import FileRefused
from pipelines.identifiers import ISSUES
from pipelines.run import Output
from tests.small_authority import CODE, HOMES, PERSONAL
from tests.small_run import Small

GAZETTEER = ("uprn", "parent_uprn", "class_code", "status", "postcode", "easting", "northing", "address")


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """A CSV file."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def check(path: Path, asked: Asked | None = None) -> tuple[Checked, list[dict[str, str]]]:
    """The answer, and the rows to mend as read back."""
    with checking(path, asked or Asked()) as (con, checked):
        rows = write_rows_to_mend(con, path.parent)
    with rows.open(encoding="utf-8", newline="") as stream:
        return checked, list(csv.DictReader(stream))


def found(checked: Checked, column: str = "UPRN") -> dict[str, int]:
    """Rows by issue of a column."""
    return {one.issue: one.rows for one in checked.findings if one.column == column}


def verdicts(checked: Checked) -> dict[str, str]:
    """The severity of each column's verdict."""
    return {one.column: one.severity for one in checked.verdicts}


# --- by form alone ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checked, list[dict[str, str]]]:
    """A file with every damage of form, checked without a gazetteer."""
    good = [
        (f"A{i}", 100_000_000_000 + 7 * i, f"QX1 {i % 10}AA", f"{PERSONAL} Ann", 375_000, 165_000)
        for i in range(1, 61)
    ]
    bad: list[tuple[object, ...]] = [
        ("B1", "Not Known", "QX11AA", PERSONAL, 375_000, 165_000),
        ("B2", "1.00023E+11", "QX1", PERSONAL, 375_000, 165_000),
        ("B3", "100023000000", "none here", PERSONAL, 0, 0),
        ("B4", "1234567890123", "", PERSONAL, "", ""),
        ("B5", "0", "QX1 1AA", PERSONAL, "east", "north"),
        ("B6", "010033542077", "QX1 1AA", PERSONAL, 375_000, 165_000),
        ("B7", "100000000007.0", "QX1 1AA", PERSONAL, 375_000, 165_000),
        ("B8", "", "QX1 1AA", PERSONAL, 375_000, 165_000),
        ("B9", "=HYPERLINK(1)", "QX1 1AA", PERSONAL, 375_000, 165_000),
        ("B10", f"{PERSONAL[0]}12345678901B", "QX1 1AA", PERSONAL, 375_000, 165_000),
    ]
    header = ("REF", "UPRN", "POSTCODE", "TENANT_NAME", "EASTING", "NORTHING")
    return check(write(tmp_path_factory.mktemp("damaged") / "x.csv", header, [*good, *bad]))


def test_every_damage_of_a_uprn_is_named_and_counted(damaged: tuple[Checked, list[dict[str, str]]]) -> None:
    assert found(damaged[0]) == {
        "uprn_not_a_number": 2, "uprn_scientific": 1, "uprn_rounded": 1, "uprn_too_long": 1, "uprn_zero": 1,
        "uprn_padded": 1, "uprn_decimal": 1, "uprn_blank": 1, "uprn_pupil_number": 1, "uprn_repeated": 2,
    }  # fmt: skip


def test_damage_of_postcodes_and_coordinates_is_too(damaged: tuple[Checked, list[dict[str, str]]]) -> None:
    assert found(damaged[0], "POSTCODE") == {
        "postcode_spacing": 1, "postcode_partial": 1, "postcode_malformed": 1, "postcode_blank": 1,
    }  # fmt: skip
    assert found(damaged[0], "EASTING") == {
        "coordinates_outside": 1, "coordinates_blank": 1, "coordinates_malformed": 1,
    }  # fmt: skip


def test_gravest_come_first_and_say_where_and_in_which_form(
    damaged: tuple[Checked, list[dict[str, str]]],
) -> None:
    checked, _ = damaged
    severities = [one.about.severity for one in checked.findings]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    words = next(one for one in checked.findings if one.issue == "uprn_not_a_number")
    assert words.first_rows == (62, 70)
    assert set(words.forms) == {("=AAAAAAAAA(9)", 1), ("`Not Known`", 1)}
    assert checked.has("error")


def test_answer_holds_no_value(damaged: tuple[Checked, list[dict[str, str]]]) -> None:
    text = str(damaged[0])
    assert PERSONAL not in text
    assert "100023000000" not in text
    assert "QX1" not in text


def test_rows_to_mend_hold_identifiers_and_nothing_else(
    damaged: tuple[Checked, list[dict[str, str]]],
) -> None:
    checked, rows = damaged
    assert len(rows) == checked.rows_to_mend == 14
    assert [int(row["row_number"]) for row in rows] == sorted(int(row["row_number"]) for row in rows)
    assert not any(PERSONAL in value for row in rows for value in row.values())
    by_issue = {row["issue"]: row for row in rows if row["row_number"] != "70"}
    assert by_issue["uprn_rounded"]["found"] == "100023000000"
    assert by_issue["uprn_rounded"]["who_fixes"] == ISSUES["uprn_rounded"].who_fixes
    # A pupil's number is of a child, and a spreadsheet would run a formula.
    assert by_issue["uprn_pupil_number"]["found"] == ""
    assert [row["found"] for row in rows if row["row_number"] == "70"] == ["'=HYPERLINK(1)"]
    assert {row["severity"] for row in rows} == {"error", "warning"}


def test_what_could_place_the_rows(damaged: tuple[Checked, list[dict[str, str]]]) -> None:
    # 60 good, a padded and a decimal; of the others two carry no coordinates that can be used, and one no postcode.
    assert dict(damaged[0].could) == {"uprn": 62, "coordinates": 5, "postcode": 1, "none": 2}


def test_column_of_row_numbers_is_no_column_of_uprns(tmp_path: Path) -> None:
    checked, _ = check(write(tmp_path / "x.csv", ("UPRN", "PC"), [(i, "QX1 1AA") for i in range(1, 50)]))
    assert found(checked) == {"uprn_row_numbers": 49}
    assert verdicts(checked)["UPRN"] == "error"


def test_short_numbers_close_together_may_be_a_property_reference(tmp_path: Path) -> None:
    checked, _ = check(
        write(tmp_path / "x.csv", ("UPRN", "PC"), [(4000 + 2 * i, "QX1 1AA") for i in range(1, 50)])
    )
    assert verdicts(checked)["UPRN"] == "warning"
    apart, _ = check(
        write(tmp_path / "y.csv", ("UPRN", "PC"), [(4000 + 997 * i, "QX1 1AA") for i in range(1, 50)])
    )
    assert verdicts(apart)["UPRN"] == "fine"


def test_areas_by_number_are_false_keys(tmp_path: Path) -> None:
    rows = [(f"a{i}", i % 7, f"E0199990{i % 5}") for i in range(30)]
    checked, _ = check(
        write(tmp_path / "x.csv", ("Ref", "Lower Layer Super Output Areas (LSOA)", "Output Area"), rows)
    )
    assert [(one.column, one.issue) for one in checked.findings] == [
        ("Lower Layer Super Output Areas (LSOA)", "area_code_row_numbers")
    ]
    assert dict(checked.could) == {"area_code": 30}


def test_postcodes_written_without_space_throughout_are_one_matter(tmp_path: Path) -> None:
    checked, rows = check(write(tmp_path / "x.csv", ("n", "Postcode"), [(i, f"QX1{i}AA") for i in range(9)]))
    assert found(checked, "Postcode") == {"postcode_spacing": 9}
    assert rows == []


def test_pairs_of_coordinates_that_disagree_are_told(tmp_path: Path) -> None:
    """A point of Bath (EPSG:27700, and by OSTN15 in degrees), once right and once with the pair 124.6 m to the east."""
    header = ("n", "easting", "northing", "longitude", "latitude")
    right = [(i, 375_000, 164_800, -2.360653, 51.381684) for i in range(3)]
    assert (
        found(
            check(write(tmp_path / "x.csv", header, right))[0], "easting and northing; longitude and latitude"
        )
        == {}
    )
    wrong = [(i, 375_124.6, 164_800, -2.360653, 51.381684) for i in range(3)]
    checked, _ = check(write(tmp_path / "y.csv", header, wrong))
    assert verdicts(checked)["easting and northing; longitude and latitude"] == "warning"


def test_user_says_which_column_is_what(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", ("Key", "Line"), [(100_023_336_956, "1 High Street"), ("mobile", "")])
    assert [one.role for one in check(path)[0].verdicts] == ["record_reference"]
    checked, _ = check(path, Asked(roles={"uprn": ("key",), "address_line": ("Line",)}))
    assert found(checked, "Key") == {"uprn_not_a_number": 1}
    with pytest.raises(FileRefused, match="did you mean `Key`"):
        check(path, Asked(roles={"uprn": ("Kex",)}))


def test_row_that_is_too_short_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Ref,UPRN,Postcode\na,100023336956,QX1 1AA\nb,1\nc,100023336957,QX1 1AA\n", "utf-8")
    checked, rows = check(path)
    assert found(checked, "") == {"wrong_width": 1}
    assert [(row["row_number"], row["found"]) for row in rows] == [("3", "")]


def test_register_has_every_issue_of_a_run() -> None:
    assert ISSUES.items() <= FINDINGS.items()


# --- against a gazetteer in a file -----------------------------------------------------------------------------------


@pytest.fixture
def gazetteer(tmp_path: Path) -> Path:
    """The homes of the small authority as a gazetteer in a file; the last one is historic."""
    rows = [
        (
            h.uprn,
            "",
            "RD04",
            "historic" if h is HOMES[-1] else "live",
            h.postcode,
            h.easting,
            h.northing,
            h.address,
        )
        for h in HOMES
    ]
    return write(tmp_path / "gazetteer.csv", GAZETTEER, rows)


def test_gazetteer_in_a_file_places_by_uprn_coordinates_and_postcode(tmp_path: Path, gazetteer: Path) -> None:
    first, last = HOMES[0], HOMES[-1]
    rows = [
        *((h.uprn, h.postcode, "", "") for h in HOMES[:30]),
        (last.uprn, "", "", ""),
        (990_000_999_999, HOMES[1].postcode, "", ""),
        ("", "", first.easting, first.northing),
        ("", HOMES[1].postcode, "", ""),
        (HOMES[31].uprn, HOMES[0].postcode, "", ""),
        ("", "", 1000, 1000),
        ("", "ZZ1 1ZZ", "", ""),
        ("", "", "", ""),
    ]  # fmt: skip
    path = write(
        tmp_path / "x.csv",
        ("UPRN", "POSTCODE", "EASTING", "NORTHING", "REF"),
        [(*row, i) for i, row in enumerate(rows)],
    )
    checked, _ = check(path, Asked(gazetteer=gazetteer))
    assert checked.placing is not None
    assert {(key, to): n for key, to, n in checked.placing.placed} == {
        ("uprn", "property"): 31, ("coordinates", "point"): 1, ("postcode", "postcode"): 2, ("none", "none"): 4,
    }  # fmt: skip
    assert dict(checked.placing.unplaced) == {
        "no_location": 2,
        "coordinates_elsewhere": 1,
        "postcode_unknown": 1,
    }
    issues = found(checked)
    assert issues.pop("uprn_blank") == 5
    assert issues == {"uprn_historic_no_successor": 1, "uprn_unknown": 1, "uprn_postcode_clash": 1}
    assert checked.placing.rows == len(rows)


def test_gazetteer_in_a_file_places_by_address(tmp_path: Path, gazetteer: Path) -> None:
    home = HOMES[5]
    path = write(
        tmp_path / "x.csv",
        ("REF", "ADDRESS", "POSTCODE"),
        [("a", home.address, home.postcode), ("b", "1 Nowhere", "")],
    )
    checked, _ = check(path, Asked(gazetteer=gazetteer))
    assert checked.placing is not None
    assert checked.placing.placed == (("address", "property", 1), ("none", "none", 1))


def test_property_references_posing_as_uprns_are_not_believed(tmp_path: Path, gazetteer: Path) -> None:
    rows = [(70_000_001 + 31 * i, h.postcode) for i, h in enumerate(HOMES)]
    checked, mend = check(write(tmp_path / "x.csv", ("UPRN", "POSTCODE"), rows), Asked(gazetteer=gazetteer))
    assert found(checked) == {"uprn_column_not_uprns": 48}
    assert verdicts(checked)["UPRN"] == "error"
    assert mend == []
    assert checked.placing is not None
    assert [key for key, *_ in checked.placing.placed] == ["postcode"]


@pytest.mark.parametrize(
    ("header", "cells", "wanted"),
    [
        (("uprn", "town"), [("1", "X")], r"wanted the column\(s\) address; found `uprn`, `town`"),
        (("uprn", "address"), [("none", "1 High Street")], "wanted UPRNs in its column `uprn`"),
    ],
)
def test_unusable_gazetteer_is_refused(
    tmp_path: Path, header: tuple[str, ...], cells: list[tuple[str, ...]], wanted: str
) -> None:
    given = write(tmp_path / "g.csv", header, cells)
    path = write(tmp_path / "x.csv", ("UPRN", "REF"), [(100_023_336_956, "a")])
    with pytest.raises(FileRefused, match=wanted):
        check(path, Asked(gazetteer=given))


# --- against a finished run ------------------------------------------------------------------------------------------


def test_dataset_says_what_would_be_read_and_placed(small: Small, tmp_path: Path) -> None:
    """As the small authority's own table tells: of 51 rows 48 kept, 45 by UPRN, 1 by address, 1 by postcode."""
    (dataset,) = (one for one in small.authority.datasets if one.name == "council_tax")
    path = tmp_path / "council_tax_2026-09.csv"
    path.write_bytes((small.folder / "services/council_tax/council_tax_2026-09.csv").read_bytes())
    checked, rows = check(path, Asked(small.authority, small.output, dataset=dataset))
    assert checked.read is not None
    assert (checked.read.rows_read, checked.read.rows_kept, checked.read.rows_rejected) == (51, 48, 3)
    assert {reason.split(":")[0] for _, reason, _ in checked.read.rejected} == {
        "duplicate",
        "excluded",
        "wrong_width",
    }
    assert checked.placing is not None
    assert checked.placing.placed == (
        ("uprn", "property", 45), ("address", "property", 1), ("postcode", "postcode", 1), ("none", "none", 1),
    )  # fmt: skip
    assert {(row["row_number"], row["issue"]) for row in rows} == {
        ("49", "postcode_unknown"), ("50", "duplicate"), ("52", "wrong_width"),
    }  # fmt: skip
    assert PERSONAL not in str(checked)
    assert not any(PERSONAL in value for row in rows for value in row.values())


def test_bare_file_is_asked_of_the_run(small: Small, tmp_path: Path) -> None:
    rows = [(home.uprn, home.postcode) for home in HOMES]
    checked, _ = check(
        write(tmp_path / "x.csv", ("UPRN", "POSTCODE"), rows), Asked(small.authority, small.output)
    )
    assert checked.placing is not None
    assert checked.placing.placed == (("uprn", "property", 48),)
    assert checked.findings == ()


def test_file_that_does_not_fit_its_description_is_refused(small: Small, tmp_path: Path) -> None:
    (dataset,) = (one for one in small.authority.datasets if one.name == "council_tax")
    path = write(tmp_path / "council_tax_2026-10.csv", ("ACCOUNT_REF", "UPRNS"), [("a", "1")])
    with pytest.raises(FileRefused, match="UPRN"):
        check(path, Asked(small.authority, small.output, dataset=dataset))


def test_run_of_another_authority_is_refused(small: Small, tmp_path: Path) -> None:
    about = small.folder / "authority.yaml"
    other = tmp_path / "other"
    other.mkdir()
    (other / "authority.yaml").write_text(about.read_text("utf-8").replace(CODE, "E06999001"), "utf-8")
    from pipelines.authority import load_authority

    path = write(tmp_path / "x.csv", ("UPRN", "REF"), [(1, "a")])
    with pytest.raises(DescriptionError, match=f"wanted the run of E06999001; found that of {CODE}"):
        check(path, Asked(load_authority(other), small.output))


def test_authority_without_a_run_is_asked_nothing(small: Small, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", ("UPRN", "REF"), [(HOMES[0].uprn, "a")])
    assert check(path, Asked(small.authority, Output(tmp_path / "none")))[0].placing is None


def test_check_leaves_the_run_as_it_was(small: Small, tmp_path: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in small.output.restricted.rglob("*"))
    check(
        write(tmp_path / "x.csv", ("UPRN", "REF"), [(HOMES[0].uprn, "a")]),
        Asked(small.authority, small.output),
    )
    assert sorted((path, path.stat().st_mtime_ns) for path in small.output.restricted.rglob("*")) == before


# --- real files ------------------------------------------------------------------------------------------------------

LONDON = "london_cultural_infrastructure"


@pytest.mark.parametrize(
    ("file", "rows", "column", "issues"),
    [
        ("uprn_addresses_banes/Premises_License_-_17.09.14.csv", 946, "UPRN", {"uprn_not_a_number": 362}),
        ("uprn_addresses_banes/bath_and_north_east_somerset_council.csv", 15, "Unique property reference number", {}),
        (
            "libraries_england/libraries_england_2023.csv", 2543, "uprn",
            {"uprn_not_a_number": 226, "uprn_too_long": 12, "uprn_blank": 1009, "uprn_padded": 10, "uprn_repeated": 46},
        ),
        (f"{LONDON}/Cinemas.csv", 116, "os_addressbase_uprn", {"uprn_padded": 81, "uprn_blank": 1}),
        (
            f"{LONDON}/Theatres.csv", 264, "os_addressbase_uprn",
            {"uprn_rounded": 104, "uprn_blank": 2, "uprn_repeated": 2},
        ),
        (f"{LONDON}/Pubs.csv", 4098, "os_addressbase_uprn", {"uprn_column_blank": 4098}),
        (f"{LONDON}/Skate_Parks.csv", 50, "os_addressbase_uprn", {"uprn_zero": 50, "uprn_column_unusable": 50}),
    ],
)  # fmt: skip
def test_real_files(
    real_data: Path, tmp_path: Path, file: str, rows: int, column: str, issues: dict[str, int]
) -> None:
    """Counts as those who published or copied the files give them; the repeated ones were counted by hand."""
    path = tmp_path / Path(file).name
    path.write_bytes((real_data / file).read_bytes())
    checked, _ = check(path)
    assert checked.profile.extract.rows_read == rows
    assert found(checked, column) == issues


def test_real_rounded_uprns_are_of_one_value(real_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "Theatres.csv"
    path.write_bytes((real_data / LONDON / "Theatres.csv").read_bytes())
    checked, _ = check(path)
    (rounded,) = (one for one in checked.findings if one.issue == "uprn_rounded")
    assert rounded.most_alike == 66
    assert any(one.issue == "coordinates_disagree" for one in checked.findings)


def test_real_false_keys(real_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes((real_data / "council_banes/Council_tax_bands_by_postcode.csv").read_bytes())
    checked, _ = check(path)
    assert [one.column for one in checked.findings if one.issue == "area_code_row_numbers"] == [
        "Lower Layer Super Output Areas (LSOA)", "Middle Layer Super Output Areas (MSOA)", "Output Areas (OA)", "Ward",
    ]  # fmt: skip
