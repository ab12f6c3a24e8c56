"""What `dg dev` and `dg check defs` load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pipelines.tables import REPOSITORY
from tests.small_authority import CODE, write_small_authority

# What only steps need must not slow down each start of each of Dagster's processes.
HEAVY = ("fiona", "folium", "geopandas", "pandas", "pyproj", "scipy")


def load(authority: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Load the definitions of an authority in a process of their own, from a folder that is not the repository."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; from pipelines.orchestrate.definitions import defs\n{code}"],
        env={**os.environ, "AUTHORITY": str(authority), "PYTHONPATH": str(REPOSITORY)},
        cwd=authority.parent,
        capture_output=True,
        text=True,
    )


def test_the_authority_is_the_one_that_the_environment_names(tmp_path: Path) -> None:
    folder = write_small_authority(tmp_path / "authority")
    made = load(
        folder,
        f"""
print(*sorted('.'.join(spec.key.path) for spec in defs.resolve_all_asset_specs() if spec.group_name == 'services'))
print([spec.description for spec in defs.resolve_all_asset_specs() if '{CODE}' in spec.description] != [])
print([name for name in {HEAVY!r} if name in sys.modules])
""",
    )
    assert made.returncode == 0, made.stderr
    names, is_named, heavy = made.stdout.splitlines()
    assert {"services.council_tax", "services.social_care", "services.libraries"} <= set(names.split())
    assert is_named == "True"
    assert heavy == "[]"
    assert not (tmp_path / "output").exists(), "loading made something"


def test_authority_that_cannot_be_read_is_named_with_line_and_column(tmp_path: Path) -> None:
    folder = write_small_authority(tmp_path / "authority")
    (folder / "authority.yaml").write_text("name: Smallbridge\ncode: nowhere\narea_vintage: 2021\n", "utf-8")
    made = load(folder, "")
    assert made.returncode != 0
    assert "authority.yaml:2:1" in made.stderr


def test_sample_loads() -> None:
    made = load(REPOSITORY / "data" / "sample", "print(len(list(defs.resolve_all_asset_specs())))")
    assert made.returncode == 0, made.stderr
    assert int(made.stdout) > 40
