"""Command line: `python -m data.borough --output data/sample`."""

import argparse
from pathlib import Path

from data.borough.publish import make

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m data.borough", description="Make the invented sample borough."
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write, for instance data/sample"
    )
    make(parser.parse_args().output)
