"""Quillhaven, an invented borough: makes `data/sample/` from a fixed seed.

    python -m data.borough --output data/sample

`make` writes the folder; `canaries` lists the marks that every personal value in it carries.
"""

from data.borough.people import canaries
from data.borough.publish import make

__all__ = ["canaries", "make"]
