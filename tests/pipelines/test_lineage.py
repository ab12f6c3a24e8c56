"""No release of two states: what is out of date is found, and a release of it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipelines import lineage
from pipelines.address.match import record_hash
from pipelines.authority import load_authority
from pipelines.lineage import MixedRelease, above, made_by, out_of_date
from pipelines.release import current_release
from pipelines.review.decisions import Ruling, keep_decisions
from pipelines.run import Run, opened, page_paths, plan
from pipelines.tables import Table
from tests.small_run import Small

TAX = "services.council_tax"


def wrong(at: Run) -> dict[str, str]:
    steps = [(one.table, made_by(one.table, one.left_out)) for one in plan(at.authority)]
    release = next(table for table, _ in steps if table.full_name == "maps.release")
    return out_of_date(at.warehouse, above(steps, release), page_paths(at.output))


def make(at: Run, *names: str) -> None:
    steps = {step.name: step for step in plan(at.authority)}
    for name in names:
        steps[name].make(at)


@pytest.fixture
def at(own: Small) -> Iterator[Run]:
    with opened(own.authority, own.output) as at:
        yield at


def shorten(folder: Path) -> None:
    extract = folder / "services/council_tax/council_tax_2026-09.csv"
    extract.write_text("".join(extract.read_text().splitlines(True)[:-5]))


def test_after_a_run_nothing_is_out_of_date(small: Small) -> None:
    with opened(small.authority, small.output) as at:
        assert wrong(at) == {}


def test_one_table_made_again_puts_out_of_date_what_stands_on_it(at: Run, own: Small) -> None:
    before = current_release(at.output.published)
    make(at, TAX)
    assert wrong(at) == {}, "it came to the same content"
    shorten(own.folder)
    make(at, TAX)
    found = wrong(at)
    assert found["services.record"] == f"was made before {TAX} was"
    assert found["published.demand_by_area"].startswith("is made from ")
    assert found["maps.demand"].startswith("is made from ")
    assert "sources.source" not in found
    # Half of it made again, as by somebody who picks tables on Dagster's pages:
    make(at, "services.file_read", "services.record", "layers.demand_by_area", "published.demand_by_area")
    with pytest.raises(MixedRelease, match=r"wanted a release of one state.*`everything`"):
        make(at, "maps.release")
    assert current_release(at.output.published) == before


def test_a_page_that_is_older_than_its_tables_is_not_released(at: Run, own: Small) -> None:
    shorten(own.folder)
    make(at, *(step.name for step in plan(at.authority) if step.table.stage != "maps"))
    found = wrong(at)
    assert found["maps.demand"].startswith("was made before published.")
    assert {name.partition(".")[0] for name in found} == {"maps"}


def test_what_another_description_says_is_out_of_date(own: Small) -> None:
    path = own.folder / "services/council_tax/dataset.yaml"
    path.write_text(path.read_text().replace("uses: [demand, overlap, reach]", "uses: [demand]"))
    with opened(load_authority(own.folder), own.output) as at:
        found = wrong(at)
    assert "by another statement or code, or for other datasets" in found["services.dataset"]
    assert "layers.service_overlap" in found
    assert "layers.road" not in found


def test_what_people_decided_since_is_wanted_in_it(at: Run) -> None:
    """And a note, or a decision that was there, changes nothing."""
    ((address, postcode),) = at.con.execute(
        "SELECT address, postcode FROM places.address_match ORDER BY record_hash LIMIT 1"
    ).fetchall()
    ruling = Ruling(record_hash(address, postcode), "none", None, "A. Person", date(2026, 10, 1), "", "")
    keep_decisions(at.output.restricted, [ruling], "places")
    found = wrong(at)
    assert found["places.address_match"] == "was made before restricted/review/decisions.csv was"
    assert found["places.record_placed"].startswith("is made from places.address_match")
    with pytest.raises(MixedRelease, match=r"places\.address_match was made before restricted/review"):
        make(at, "maps.release")
    make(at, "places.address_match")
    assert "places.address_match" not in wrong(at)
    keep_decisions(at.output.restricted, [replace(ruling, note="seen on site")], "places")
    assert "places.address_match" not in wrong(at)


def test_other_code_of_a_table_or_page_is_wanted_in_it(at: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    written = lineage.code_of
    for path, wanted in (("assets/layers/site.py", "layers.site"), ("assets/maps/demand.py", "maps.demand")):
        with monkeypatch.context() as patch:
            patch.setattr(lineage, "code_of", lambda of, path=path: "changed" if of == path else written(of))
            found = wrong(at)
        assert found[wanted].startswith("was made by another statement or code")
    assert wrong(at) == {}


def test_code_is_that_of_everything_it_imports_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("assets/layers/a.py", "import json\nfrom pipelines import b\n"), ("pipelines/__init__.py", ""),
        ("pipelines/b.py", "def f():\n    from pipelines.c import g\n"), ("pipelines/c.py", "g = 1\n"),
        ("pipelines/other.py", ""),
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.setattr(lineage, "ASSETS", tmp_path / "assets")
    monkeypatch.setattr(lineage, "_code", lineage._code.__wrapped__)
    mark = lineage.code_of.__wrapped__
    before = mark("assets/layers/a.py")
    (tmp_path / "pipelines/other.py").write_text("x = 1\n", "utf-8")
    assert mark("assets/layers/a.py") == before
    (tmp_path / "pipelines/c.py").write_text("g = 2\n", "utf-8")
    assert mark("assets/layers/a.py") != before


def test_a_table_that_was_never_made_is_wanted(at: Run) -> None:
    at.warehouse.drop("layers", "road")
    assert wrong(at)["layers.road"] == "has not been made"


def test_above_has_what_a_table_stands_on_in_order() -> None:
    tables = [Table("layers", name, "", (), ("a",), depends_on) for name, depends_on in
              (("c", ("layers.b",)), ("b", ("layers.a",)), ("a", ()), ("other", ()))]  # fmt: skip
    found = above([(table, "") for table in tables], tables[0])
    assert [table.name for table, _ in found] == ["a", "b"]
