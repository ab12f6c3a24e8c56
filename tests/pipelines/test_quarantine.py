"""Reports on files that could not be used: what they say, what they never say, and when they go."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipelines.quarantine import clear_all_but, folder_of, report, reports
from pipelines.run import Made, opened, plan
from tests.conftest import OfflinePage
from tests.small_authority import PERSONAL
from tests.small_run import Small

TAX = "services/council_tax/council_tax_2026-10.csv"


def read(own: Small) -> Made:
    step = next(step for step in plan(own.authority) if step.name == "services.council_tax")
    with opened(own.authority, own.output) as at:
        return step.make(at)


def spoil(own: Small) -> Path:
    """October's extract, with two columns under other names."""
    september = (own.folder / TAX).with_name("council_tax_2026-09.csv").read_text()
    path = own.folder / TAX
    path.write_text(september.replace("BAND", "BANDING", 1).replace("UPRN", "PROPERTY_NO", 1))
    return path


def text(path: Path) -> str:
    return path.with_suffix(".md").read_text("utf-8").replace("\\", "")


def test_a_refused_file_has_a_report_until_it_is_mended(own: Small, offline_page: OfflinePage) -> None:
    path = spoil(own)
    made = read(own)
    (found,) = reports(own.output.restricted, "council_tax")
    assert found == folder_of(own.output.restricted, "council_tax") / path.name / "report.html"
    assert made.problems[-2:] == (
        "the other extracts are in use",
        f"what was wanted, and how to mend it: {found.as_posix()}",
    )
    said = text(found)
    for wanted in (
        "council_tax_2026-10.csv could not be used", "the column(s) `UPRN`", "Revenues and Benefits",
        "| BAND | not there; is it BANDING (G)? |", "| LEAD_NAME | C |", "council_tax_2026-09.csv",
        "B: the description does not name it", "places check", "services/council_tax/dataset.yaml",
    ):  # fmt: skip
        assert wanted in said
    assert PERSONAL not in said + found.read_text("utf-8")
    if os.name == "posix":
        assert stat.S_IMODE(found.parent.stat().st_mode) == stat.S_IRWXU
        assert stat.S_IMODE(found.parent.parent.parent.stat().st_mode) == stat.S_IRWXU
    assert path.exists(), "it is the council's"
    page = offline_page.open(found)
    assert page.locator("h1").inner_text() == "council_tax_2026-10.csv could not be used"
    assert "UPRN" in page.locator("li code").all_inner_texts()
    assert "`" not in page.locator("main").inner_text()

    path.write_text(
        path.read_text().replace("BANDING", "BAND", 1).replace("PROPERTY_NO", "UPRN", 1) + "CANARY-77,,,,,,\n"
    )
    read(own)
    assert reports(own.output.restricted, "council_tax") == []
    assert not folder_of(own.output.restricted, "council_tax").exists()


@pytest.mark.parametrize(
    ("reason", "wanted", "found", "where", "to_do"),
    [
        ("wanted rows; found an empty file (0 bytes)", "rows", "an empty file (0 bytes)", "the file as a whole", ""),
        ("wanted one column `UPRN`; found 2", "one column `UPRN`", "2", "column UPRN", ""),
        (
            "row 12 holds a mark that is not closed: correct it",
            "a file that can be read whole", "row 12 holds a mark that is not closed", "row 12", "Correct it.",
        ),
        (
            "wanted a whole ZIP file; found one that is damaged or cut short: fetch it again",
            "a whole ZIP file", "one that is damaged or cut short", "the file as a whole", "Fetch it again.",
        ),
    ],
)  # fmt: skip
def test_a_reason_in_its_parts(
    small: Small, tmp_path: Path, reason: str, wanted: str, found: str, where: str, to_do: str
) -> None:
    described = small.authority.datasets[0]
    (path,) = report(tmp_path, small.authority, described, [("services/x/gone.csv", reason)], [])
    said = text(path)
    for cell in (f"- Wanted: {wanted}\n", f"- Found: {found}\n", f"- Where: {where}\n"):
        assert cell in said
    assert f"- {to_do}" in said
    assert "nothing was read before" in said


def test_a_row_that_may_be_a_record_is_not_repeated(own: Small) -> None:
    """Without a header the first row is somebody's."""
    path = own.folder / TAX
    path.write_text("".join(path.with_name("council_tax_2026-09.csv").read_text().splitlines(True)[1:]))
    read(own)
    (found,) = reports(own.output.restricted, "council_tax")
    assert "looks like their header" in text(found)
    assert "Where it stands" not in text(found)
    assert PERSONAL not in text(found)


def test_two_files_of_one_name_have_a_report_each_and_reports_of_what_has_left_go(
    small: Small, tmp_path: Path
) -> None:
    described = small.authority.datasets[0]
    refused = [
        ("services/x/a/one.csv", "wanted rows; found none"),
        ("services/x/b/one.csv", "wanted rows; found none"),
    ]
    written = report(tmp_path, small.authority, described, refused, [])
    assert [path.parent.name for path in written] == ["one.csv", "one.csv-2"]
    assert report(tmp_path, small.authority, described, refused[:1], []) == written[:1]
    assert reports(tmp_path, described.name) == written[:1]
    clear_all_but(tmp_path, ["another"])
    assert reports(tmp_path, described.name) == []
