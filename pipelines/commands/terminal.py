"""What the commands share of the terminal: exit codes, messages, and tables in plain text."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = argparse.Action

FINE, FAILED, UNUSABLE, REFUSED, BUSY = 0, 1, 2, 3, 4


def say(text: str) -> None:
    """Print a message to whoever called, apart from what the command makes (standard error)."""
    print(text, file=sys.stderr, flush=True)


def indented(text: str) -> str:
    """Each line two spaces further in."""
    return "\n".join(f"  {line}" for line in text.splitlines())


def as_columns(lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows of texts as columns of even width, the first `left` flush left and the others, numbers, flush right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))] if lines else []
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
