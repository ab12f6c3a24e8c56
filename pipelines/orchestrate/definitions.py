"""What `dg dev`, `dg check defs` and Dagster's own processes load: the authority that the environment names.

AUTHORITY is the authority folder (data/sample), PLACES_DATA the folder that `{data}` stands for in its descriptions,
OUTPUT where everything made goes (output). Relative paths are meant from the repository's top.
"""

from __future__ import annotations

import os
from pathlib import Path

from pipelines.authority import load_authority
from pipelines.orchestrate.graph import definitions_for
from pipelines.run import Output
from pipelines.tables import REPOSITORY

__all__ = ["definitions_for", "defs"]


def _folder(variable: str, otherwise: str) -> Path:
    return REPOSITORY / Path(os.environ.get(variable) or otherwise).expanduser()


defs = definitions_for(
    load_authority(_folder("AUTHORITY", "data/sample")), Output(_folder("OUTPUT", "output"))
)
