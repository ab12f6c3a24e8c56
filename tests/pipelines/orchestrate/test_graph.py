"""The graph that Dagster shows: a snapshot of it, and what each of its assets must say."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest

from pipelines.authority import load_authority
from pipelines.orchestrate.checks import checks_of
from pipelines.orchestrate.graph import EVERYTHING, definitions_for
from pipelines.run import Output, plan
from pipelines.tables import STAGES
from tests.small_authority import write_small_authority

SNAPSHOT = Path(__file__).with_name("graph.txt")
TO_UPDATE = (
    "the graph is not as it was. Where that is meant: "
    "PLACES_UPDATE_SNAPSHOT=1 .venv/bin/python -m pytest tests/pipelines/orchestrate/test_graph.py"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_authority(tmp_path_factory.mktemp("graph") / "authority")


@pytest.fixture(scope="module")
def definitions(folder: Path) -> dg.Definitions:
    return definitions_for(load_authority(folder), Output(folder.parent / "output"))


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    return sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key)


def drawn(definitions: dg.Definitions) -> str:
    """The graph as text: each asset, what it is made from, and its checks (! holds back what follows)."""
    lines = []
    checks: dict[dg.AssetKey, list[str]] = {}
    for of_asset in definitions.asset_checks or ():
        assert isinstance(of_asset, dg.AssetChecksDefinition)
        for check in of_asset.check_specs:
            checks.setdefault(check.asset_key, []).append(f"{check.name}{'!' if check.blocking else ''}")
    for stage in STAGES:
        for spec in sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key):
            if spec.group_name == stage:
                lines.append("/".join(spec.key.path))
                lines += [
                    f"    from {'/'.join(dep.asset_key.path)}"
                    for dep in sorted(spec.deps, key=lambda d: d.asset_key)
                ]
                lines += [f"    check {name}" for name in sorted(checks.get(spec.key, []))]
    return "\n".join(lines) + "\n"


def test_graph_is_as_in_the_snapshot(definitions: dg.Definitions) -> None:
    now = drawn(definitions)
    if os.environ.get("PLACES_UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(now, encoding="utf-8", newline="\n")
    assert now.splitlines() == SNAPSHOT.read_text(encoding="utf-8").splitlines(), TO_UPDATE


def test_an_asset_a_step_in_the_six_groups(folder: Path, specs: list[dg.AssetSpec]) -> None:
    assert [".".join(spec.key.path) for spec in specs] == sorted(
        step.name for step in plan(load_authority(folder))
    )
    assert {spec.group_name for spec in specs} == set(STAGES)
    assert [spec.key for spec in specs if spec.key.path[0] != spec.group_name] == []


def test_each_asset_says_what_it_is_and_where_it_is_made(specs: list[dg.AssetSpec]) -> None:
    for spec in specs:
        assert spec.description
        assert f"`{spec.metadata['path']}`" in spec.description, spec.key
        assert spec.kinds, spec.key


def test_each_table_has_its_columns_with_meanings(specs: list[dg.AssetSpec]) -> None:
    for spec in specs:
        if spec.group_name == "maps":
            continue
        schema = spec.metadata["dagster/column_schema"]
        assert schema.columns, spec.key
        assert [column.name for column in schema.columns if not column.description] == [], spec.key
        assert any(not column.constraints.nullable for column in schema.columns), f"{spec.key} shows no key"


def test_sql_is_shown_as_it_is_run(folder: Path, specs: list[dg.AssetSpec]) -> None:
    described = {".".join(spec.key.path): spec.description or "" for spec in specs}
    shown = 0
    for step in plan(load_authority(folder)):
        if step.sql:
            assert f"```sql\n{step.sql.strip()}\n```" in described[step.name]
            shown += 1
    assert shown > 20


def test_dataset_says_who_answers_for_it_and_why_it_may_be_used(specs: list[dg.AssetSpec]) -> None:
    spec = next(spec for spec in specs if spec.key == dg.AssetKey(["services", "social_care"]))
    assert spec.description is not None
    for said in ("Adult Social Care", "Public task (Care Act 2014)", "special", "statutory return"):
        assert said in spec.description
    assert spec.owners == ["team:adult-social-care"]
    assert spec.tags["sensitivity"] == "special"


def test_published_waits_for_the_accounting(specs: list[dg.AssetSpec]) -> None:
    accounting = dg.AssetKey(["layers", "accounting"])
    published = [spec for spec in specs if spec.group_name == "published"]
    assert published
    for spec in published:
        assert accounting in {dep.asset_key for dep in spec.deps}, spec.key


def test_every_table_has_its_checks(folder: Path) -> None:
    for step in plan(load_authority(folder)):
        names = {check.name for check in checks_of(step)}
        assert bool(step.table.key) == ("key_is_unique_and_complete" in names), step.name
        assert (step.table.stage == "published") == ("protection_holds" in names), step.name
    assert {"rows_add_up", "files_are_read"} <= {
        check.name
        for step in plan(load_authority(folder))
        if step.name == "services.council_tax"
        for check in checks_of(step)
    }


def test_jobs_have_every_asset_and_those_of_a_stage(
    definitions: dg.Definitions, specs: list[dg.AssetSpec]
) -> None:
    def made_by(job: str) -> set[dg.AssetKey]:
        return set(definitions.resolve_job_def(job).asset_layer.selected_asset_keys)

    assert made_by(EVERYTHING) == {spec.key for spec in specs}
    for stage in STAGES:
        assert made_by(stage) == {spec.key for spec in specs if spec.group_name == stage}
