"""What a release says of itself: nothing left out unsaid, nothing hidden told, every link leading somewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import transparency
from pipelines.authority import Authority, SignOff, Transparency, load_authority
from pipelines.descriptions import DescriptionError
from pipelines.draw.facts import MONTHS
from pipelines.protect import Publication
from pipelines.run import plan
from pipelines.tables import REPOSITORY
from pipelines.transparency.atrs import atrs_fields, still_to_write
from pipelines.transparency.dpia import MEASURES
from pipelines.transparency.facts import read_facts
from tests.conftest import OfflinePage
from tests.small_authority import PERSONAL, write_small_authority
from tests.small_run import Small

TEXTS = (
    "DATASETS.md", "DPIA.md", "MODELS.md", "atrs.json", "atrs.md", "atrs.html", "datasets.html", "dpia.html",
    "models.html", "models.json",
)  # fmt: skip
# Number and name of every field of version 4.0 of the standard.
FIELDS = """
1 Name; 2 Description; 3 Website URL; 4 Contact email; 1.1 Organisation or department; 1.2 Team;
1.3 Senior responsible owner; 1.4 Third party involvement; 1.4.1 Third party; 1.4.2 Companies House number;
1.4.3 Third party role; 1.4.4 Procurement procedure type; 1.4.5 Third party data access terms;
2.1 Detailed description; 2.2 Benefits; 2.3 Previous process; 2.4 Alternatives considered;
3.1 Integration into broader operational process; 3.2 Human review; 3.3 Frequency and scale of usage;
3.4 Required training; 3.5 Appeals and review; 4.1.1 System architecture; 4.1.2 System-level input;
4.1.3 System-level output; 4.1.4 Maintenance; 4.1.5 Models; 4.2.1 Model name; 4.2.2 Model version; 4.2.3 Model task;
4.2.4 Model input; 4.2.5 Model output; 4.2.6 Model architecture; 4.2.7 Model performance;
4.2.8 Datasets and their purposes; 4.3.1 Development data description; 4.3.2 Data modality; 4.3.3 Data quantities;
4.3.4 Sensitive attributes; 4.3.5 Data completeness and representativeness; 4.3.6 Data cleaning; 4.3.7 Data collection;
4.3.8 Data access and storage; 4.3.9 Data sharing agreements; 4.4.1 Data sources; 4.4.2 Sensitive attributes;
4.4.3 Data processing methods; 4.4.4 Data access and storage; 4.4.5 Data sharing agreements; 5.1 Impact assessment;
5.2 Risks and mitigations
"""
TRAITS = (
    "technical_knowledge", "social_responsibility", "foundation_of_trust", "ethical_deliberation",
    "leadership_commitment",
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A released small authority: where it is, and what its texts are made from."""

    authority: Authority
    publications: list[Publication]
    release: Path
    con: duckdb.DuckDBPyConnection

    def text(self, name: str) -> str:
        return (self.release / name).read_text("utf-8")

    def again(self, said: dict[str, Any], **about: Any) -> dict[str, str]:
        """The texts as they would be, had people said this in authority.yaml."""
        described = self.authority.about.model_copy(update={"transparency": Transparency(**said), **about})
        authority = Authority(
            self.authority.folder,
            self.authority.data,
            described,
            self.authority.sources,
            self.authority.datasets,
            (),
        )
        return transparency.documents(self.con, authority, self.publications)


@pytest.fixture(scope="module")
def made(small: Small) -> Iterator[Made]:
    authority = small.authority
    publications = [step.of for step in plan(authority) if isinstance(step.of, Publication)]
    release = small.output.published / "current"
    with duckdb.connect(str(release / "connected_places.duckdb"), read_only=True) as con:
        yield Made(authority, publications, release, con)


def test_made_from_what_is_released_alone_and_the_same_again(made: Made) -> None:
    texts = transparency.documents(made.con, made.authority, made.publications)
    assert sorted(texts) == sorted(TEXTS)
    for name, text in texts.items():
        assert made.text(name) == text, name


def test_every_field_of_the_standard_is_there_under_its_number(made: Made) -> None:
    wanted = [" ".join(field.split()) for field in FIELDS.split(";")]
    fields = atrs_fields(read_facts(made.con, made.authority, made.publications))
    assert [f"{field.number} {field.name}" for field in fields] == wanted
    for name in ("atrs.md", "atrs.html"):
        text = made.text(name)
        assert all(field.split(" ", 1)[1] in text for field in wanted), name


def test_every_field_is_answered_or_listed_with_where_to_write_it(made: Made) -> None:
    facts = read_facts(made.con, made.authority, made.publications)
    fields = atrs_fields(facts)
    listed = still_to_write(facts, fields)
    for field in fields:
        entries = [line for line in listed if line.startswith(f"{field.number} {field.name}")]
        assert len(entries) == (field.status != "answered"), field.number
        assert field.answer if field.status != "not answered" else not field.answer, field.number
        if entries:
            key = field.write_in.removeprefix("authority.yaml, transparency: ").split(":")[0]
            assert key in Transparency.model_fields, field.write_in
    # This authority has said nothing of itself.
    assert "3 Website URL: authority.yaml, transparency: website_url" in listed
    assert "3.2 Human review (in part): authority.yaml, transparency: human_review" in listed
    assert "Trait, leadership commitment: authority.yaml, sign_off" in listed
    page = made.text("atrs.html")
    assert all(line.split(": authority")[0] in page for line in listed)


def test_what_people_said_leaves_nothing_to_write(made: Made) -> None:
    words = {
        name: f"Said of {name}."
        for name, field in Transparency.model_fields.items()
        if field.annotation is str and name not in {"website_url", "contact_email"}
    }
    said: dict[str, Any] = {
        **words,
        "website_url": "https://smallbridge.example",
        "contact_email": "a@smallbridge.example",
        "phase": "Production",
        "third_party_involvement": False,
        "impact_assessments": ({"title": "An assessment", "on": "2026-09-01", "outcome": "approved"},),
        "risks": ({"risk": "A risk.", "mitigation": "A measure."},),
    }
    texts = made.again(said, sign_off=SignOff(by="Director", on=date(2026, 10, 1)))
    record = json.loads(texts["atrs.json"])
    assert record["still_to_write"] == []
    both = texts["atrs.md"] + texts["DPIA.md"]
    for name, sentence in words.items():
        assert sentence.replace("_", "\\_") in both, name
    assert "An assessment, 1 September 2026: approved" in both and "A measure." in both
    still = texts["DPIA.md"].split("What a person has still to write")[1].split("\n## ")[0]
    assert "transparency" not in still


def test_third_parties_are_asked_for_one_by_one(made: Made) -> None:
    party = {"name": "Hosts Ltd", "role": "hosting"}
    record = json.loads(made.again({"third_party_involvement": True, "third_parties": (party,)})["atrs.json"])
    owner = record["sections"]["tier_2_owner_and_responsibility"]
    assert owner["third_party"]["answer"] == "Hosts Ltd"
    assert owner["third_party_role"] == {
        "number": "1.4.3", "name": "Third party role", "answer": "Hosts Ltd: hosting", "status": "answered",
        "write_in": "",
    }  # fmt: skip
    assert owner["companies_house_number"]["status"] == "not answered"


def test_json_keeps_its_names_whatever_is_answered(made: Made) -> None:
    def names(record: dict[str, Any]) -> list[tuple[str, str, str]]:
        return [
            (s, f, field["number"]) for s, fields in record["sections"].items() for f, field in fields.items()
        ]

    before = json.loads(made.text("atrs.json"))
    after = json.loads(made.again({"benefits": "B", "third_party_involvement": False})["atrs.json"])
    assert list(before) == list(after) and names(before) == names(after)
    assert before["standard_version"] == "4.0" and tuple(before["traits"]) == TRAITS
    assert all(
        trait["paragraph"].endswith(".") and "\n" not in trait["paragraph"]
        for trait in before["traits"].values()
    )
    sections = before["sections"]
    assert (
        sections["tier_2_deployment_context"]["integration_into_broader_operational_process"]["number"]
        == "3.1"
    )
    assert len({(section, name) for section, name, _ in names(before)}) == 51


def test_leadership_is_who_signed_it_off(made: Made) -> None:
    sample = load_authority(REPOSITORY / "data" / "sample")
    signed = made.again({}, sign_off=sample.about.sign_off)
    assert "Signed off by Director of Resources on 1 October 2026." in signed["atrs.md"]
    assert "Nobody has signed off this use of data yet." in made.text("atrs.md")
    assert "Step 7, who signed it off, and when: authority.yaml, sign\\_off" in made.text("DPIA.md")


def test_every_dataset_is_listed_with_owner_basis_and_dates(made: Made) -> None:
    for name in ("DATASETS.md", "datasets.html"):
        text = made.text(name).replace("\\_", "_")
        for dataset in made.authority.datasets:
            assert f"Name in the tables: {dataset.name}" in text
            for said in (dataset.title, dataset.owner, dataset.purpose, dataset.lawful_basis):
                assert said in text, (name, dataset.name)
    text = made.text("DATASETS.md")
    assert (
        "Lawful basis: Public task (Care Act 2014)" in text
        and "As at: 31 August 2026 to 30 September 2026" in text
    )
    assert "Sensitivity: special category data" in text and "Licence: Open Government Licence v3.0" in text
    assert "OS Open UPRN" in text


def test_catalogue_for_machines_says_the_same(made: Made) -> None:
    found = made.con.execute("SELECT dataset, uses, keep_months FROM published.dataset ORDER BY 1").fetchall()
    described = sorted(made.authority.datasets, key=lambda dataset: dataset.name)
    assert found == [(d.name, ", ".join(d.uses), d.keep_months) for d in described]


def test_columns_that_are_dropped_or_kept_are_named(made: Made) -> None:
    text = made.text("DPIA.md").replace("\\_", "_")
    assert (
        "LEAD_NAME (dropped); DATE_OF_BIRTH (kept as an age band); ACCOUNT_REF (kept as a keyed mark)" in text
    )
    assert "Kept in the closed folder to place the record: UPRN, ADDRESS, POSTCODE" in text


def test_no_hidden_figure_and_no_value_of_a_record(made: Made) -> None:
    """Three rows are rejected, and three without a precise place: neither may be told."""
    rejected, unplaced = made.con.execute(
        "SELECT rows_rejected_status, rows_unplaced_status FROM published.accounting WHERE dataset = 'council_tax'"
    ).fetchall()[0]
    assert (rejected, unplaced) == ("hidden", "hidden")
    for name in TEXTS:
        assert PERSONAL not in made.text(name)
    lines = [line for line in made.text("DATASETS.md").splitlines() if line.startswith("- Rows read: ")]
    assert len(lines) == len(made.authority.datasets)
    assert lines[0].endswith("rejected: withheld; kept without a place: withheld")
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", "\n".join(lines))}
    published = made.con.execute("SELECT COLUMNS('rows_.*') FROM published.accounting").fetchall()
    assert numbers and numbers <= {value for row in published for value in row if isinstance(value, int)}


@pytest.mark.parametrize(
    "spoil",
    [
        "accounting SET rows_rejected = 3 WHERE rows_rejected_status = 'hidden'",
        "who_is_missing SET percent_unplaced = 3 WHERE percent_unplaced_status = 'hidden'",
    ],
)
def test_a_gate_that_failed_stops_the_texts(made: Made, spoil: str) -> None:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA published")
        for table in (
            "disclosure_rule",
            "dataset",
            "source",
            "accounting",
            "who_is_missing",
            "forecast_skill",
        ):
            rows: Any = made.con.sql(f"FROM published.{table}").to_arrow_table()
            con.register("rows", rows)
            con.execute(f"CREATE TABLE published.{table} AS FROM rows")
        transparency.documents(con, made.authority, made.publications)
        con.execute(f"UPDATE published.{spoil}")
        with pytest.raises(ValueError, match="a hidden figure carries a value"):
            transparency.documents(con, made.authority, made.publications)


def test_no_date_in_them_but_those_of_the_data(made: Made) -> None:
    """Else the same content would make a new release."""
    about = json.loads(made.text("release.json"))
    day = f"{int(about['made_at'][8:10])} {MONTHS[int(about['made_at'][5:7]) - 1]} {about['made_at'][:4]}"
    for name in TEXTS:
        assert about["release"] not in made.text(name) and about["made_at"][:10] not in made.text(name)
        assert day not in made.text(name)


def test_measures_are_where_they_are_said_to_be(made: Made) -> None:
    for _, _, where in MEASURES:
        for path in where.split(", "):
            assert (REPOSITORY / path).is_file(), path
    assert (REPOSITORY / "SECURITY.md").is_file(), "the fact sheet sends readers there"


def test_nothing_is_said_of_what_people_lack(made: Made) -> None:
    """Recorded use is no measure of need; where a definition warns of that, it is quoted."""
    quoted = " ".join(one.definition.not_for for one in made.publications)
    for name in ("atrs.md", "DPIA.md", "DATASETS.md"):
        sentences = re.findall(r"[^.\n]*\bneeds?\b[^.\n]*", made.text(name))
        ours = [
            s
            for s in sentences
            if s.strip() not in quoted and not re.search(r"assessment|limit|needed|use named", s)
        ]
        assert ours == [], name


def test_links_of_the_gallery_lead_there_without_a_network(made: Made, offline_page: OfflinePage) -> None:
    page = offline_page.open(made.release / "index.html")
    assert "About these figures" in page.inner_text("main")
    for file, title, _ in transparency.PAGES:
        page.click(f"ul.documents a[href='{file}']")
        assert page.inner_text("h1") == title
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        page.click("text=All pages")
        assert page.inner_text("h1") == "Connected Places"


# What people say, in authority.yaml


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("transparency: {benefit: x}", r"authority\.yaml:\d+:\d+: .*benefit.* is not a key.*benefits"),
        ("transparency: {website_url: smallbridge}", r"website_url"),
        ("transparency: {contact_email: nobody}", r"contact_email"),
        ("transparency: {phase: Live}", r"phase"),
        ("transparency: {third_parties: [{name: A}]}", "say also `third_party_involvement: true`"),
        ("transparency: {risks: [{risk: A}]}", "mitigation"),
    ],
)  # fmt: skip
def test_slips_in_the_section_are_reported_with_their_place(tmp_path: Path, said: str, wanted: str) -> None:
    folder = write_small_authority(tmp_path / "authority")
    with (folder / "authority.yaml").open("a", encoding="utf-8") as stream:
        stream.write(said + "\n")
    with pytest.raises(DescriptionError, match=wanted):
        load_authority(folder)


@pytest.mark.parametrize("folder", ["data/sample", "examples/bath"])
def test_ours_say_something_and_leave_something_to_write(folder: str) -> None:
    said = load_authority(REPOSITORY / folder).about.transparency
    words = [value for name, value in said if isinstance(value, str)]
    assert any(words) and not all(words)


def test_model_card_has_each_model_and_what_was_measured_in_this_release(made: Made) -> None:
    card = json.loads(made.text("models.json"))["models"]
    forecast = next(model for model in card if model["name"].startswith("Forecast"))
    words = dict(
        made.con.execute(
            "SELECT dataset, in_words FROM published.forecast_skill "
            "WHERE is_chosen AND area_type = 'all' AND horizon = 0"
        ).fetchall()
    )
    assert words or forecast["performance"] == [
        "No service has been recorded for long enough to be forecast."
    ]
    assert len(forecast["performance"]) == max(len(words), 1)
    for said in words.values():
        assert any(said in line for line in forecast["performance"])
    # The record answers its fields on models from the card, a line a model.
    fields = {
        field.number: field for field in atrs_fields(read_facts(made.con, made.authority, made.publications))
    }
    for number in ("4.2.1", "4.2.3", "4.2.4", "4.2.5", "4.2.6", "4.2.7"):
        lines = fields[number].answer.splitlines()
        assert [line.split(":")[0] for line in lines] == [model["name"] for model in card]
    assert "No score of a person" in made.text("MODELS.md")
