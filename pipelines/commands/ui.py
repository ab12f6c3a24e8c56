"""`places ui`: Dagster's own pages on an authority."""

from __future__ import annotations

import argparse

from pipelines.authority import load_authority
from pipelines.commands.terminal import Commands


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """`places ui`."""
    ui = commands.add_parser(
        "ui", parents=[shared], help="open Dagster on this authority",
        description="Starts Dagster on this machine alone (it has no login). Ctrl-C ends it.",
    )  # fmt: skip
    ui.add_argument("--port", type=int, default=3000, help="port on this machine (3000)")
    ui.add_argument(
        "--watch", action="store_true",
        help="let a file that is dropped into the authority folder start a run of what it concerns",
    )  # fmt: skip
    ui.set_defaults(do=do_ui)


def do_ui(chosen: argparse.Namespace) -> int:
    """Start Dagster's own pages on this authority."""
    from pipelines.orchestrate.ui import serve_ui

    load_authority(
        chosen.authority, chosen.data
    ).hold_to_data_folder()  # a plain error now beats one inside Dagster
    return serve_ui(chosen.authority, chosen.data, chosen.output, port=chosen.port, watch=chosen.watch)
