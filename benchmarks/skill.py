"""How well recorded use can be forecast: the back-test of the sample borough, and of real requests in Bath.

Here belongs making the tables that the forecasts need, without a release, and printing the skill of each model. The
sample's is told by its exact counts and by those that are published; Bath's data are open, so that both are the same.
Bath needs PLACES_REAL_DATA: the folder of open data that `examples/bath` describes.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

WANTED = ("forecast_skill", "forecast_by_group", "early_sign")
HEAD = (
    f"    {'':40}{'tests':>7}{'error':>9}{'against last':>14}{'against mean':>14}{'in 50 %':>9}{'in 90 %':>9}"
)


def run() -> str:
    """The tables of both authorities; of Bath, without its data, what to do to have them."""
    from pipelines.tables import REPOSITORY

    lines = told("Quillhaven, invented", REPOSITORY / "data" / "sample", None, ("layers", "published"))
    folder = os.environ.get("PLACES_REAL_DATA")
    if not folder:
        return "\n".join(
            [*lines, "Bath: left out; set PLACES_REAL_DATA to the folder with the real open data"]
        )
    data = Path(folder).expanduser()
    lines += told("Bath & North East Somerset", REPOSITORY / "examples" / "bath", data, ("layers",))
    return "\n".join(lines)


def told(name: str, folder: Path, data: Path | None, schemas: tuple[str, ...]) -> list[str]:
    """The skill of each model in each kind of area, what is chosen, and the early signs: one authority's lines."""
    from pipelines.authority import load_authority
    from pipelines.run import Output, opened, plan

    authority = load_authority(folder, data=data)
    steps = {step.name: step for step in plan(authority)}
    needed: set[str] = set()
    waiting = [f"{schema}.{table}" for schema in schemas for table in WANTED]
    while waiting:
        one = waiting.pop()
        if one not in needed:
            needed.add(one)
            waiting += steps[one].table.depends_on
    lines, spent = [], 0.0
    with tempfile.TemporaryDirectory() as output, opened(authority, Output(Path(output))) as at:
        for step in steps.values():
            if step.name in needed:
                before = time.process_time()
                step.make(at)
                if step.table.name.startswith(("forecast", "early_sign")):
                    spent += time.process_time() - before
        for schema in schemas:
            counts = "exact counts" if schema == "layers" else "published counts"
            lines += [f"forecasts of {name}, from {counts}", *_skill(at.con, schema)]
    return [*lines, f"  {spent:.1f} CPU s"]


def _skill(con: Any, schema: str) -> list[str]:
    lines = []
    words = con.execute(
        f"SELECT dataset, in_words FROM {schema}.forecast_skill WHERE in_words IS NOT NULL ORDER BY dataset"
    ).fetchall()
    for dataset, said in words:
        lines.append(f"  {dataset}: {said}")
        rows = con.execute(
            f"""
            SELECT area_type, model, tests, mean_absolute_error, skill_against_last, skill_against_mean, coverage_50,
                coverage_90
            FROM {schema}.forecast_skill WHERE dataset = ? AND horizon = 0 AND tests > 0
            ORDER BY list_position(['all', 'authority', 'ward', 'msoa', 'lsoa'], area_type),
                skill_against_last DESC, model
            """,
            [dataset],
        ).fetchall()
        lines += [HEAD] if rows else []
        for kind, model, tests, error, last, mean, half, most in rows:
            lines.append(
                f"    {f'{kind}, {model}':40}{tests:>7,}{error:>9}{last:>+12} %{mean:>+12} %{half:>9}{most:>9}"
            )
        signs = con.execute(
            f"SELECT count(*) FILTER (is_sign), count(*) FILTER (sign <> 'as forecast'), count(*) "
            f"FROM {schema}.early_sign WHERE dataset = ? AND status = 'published'",
            [dataset],
        ).fetchall()[0]
        if rows:
            lines.append(
                f"    early signs: {signs[0]} of {signs[2]} areas; {signs[1]} outside their 90 % interval"
            )
    return lines
