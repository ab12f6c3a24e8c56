"""The page of a check: opened in a browser without network, it shows what was found and no value of a record."""

from __future__ import annotations

from pathlib import Path

from pipelines.check import Asked, checking
from pipelines.draw.checked import page
from tests.conftest import OfflinePage
from tests.small_authority import PERSONAL

# A header and a code that would be markup, were they not escaped.
ROWS = "REF,UPRN,<b>Band</b>,NAME\n" + "".join(
    f"r{i},{10**11 + 7 * i},<i>A</i>,{PERSONAL} {i}\n" for i in range(30)
)


def test_page_opens_offline_and_shows_what_was_found(tmp_path: Path, offline_page: OfflinePage) -> None:
    (tmp_path / "x.csv").write_text(ROWS + "r99,100023000000,<i>A</i>,\n", "utf-8")
    with checking(tmp_path / "x.csv", Asked()) as (_, checked):
        html = page(checked)
    assert PERSONAL not in html
    assert "100023000000" not in html
    (tmp_path / "report.html").write_text(html, "utf-8")
    opened = offline_page.open(tmp_path / "report.html")
    assert opened.locator("h1").inner_text() == "x.csv"
    text = opened.locator("main").inner_text()
    assert "uprn_rounded" in text
    assert "<b>Band</b>" in text
    assert opened.locator("main b, main i").count() == 0
    opened.get_by_text("1 code", exact=True).click()
    assert "<i>A</i> 31" in opened.locator("main").inner_text()
    # It fits the window without scrolling sideways.
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
