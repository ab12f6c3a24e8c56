"""Run every comparison and print it: `python -m benchmarks`, or `python -m benchmarks points` for one."""

import sys

from benchmarks import points, reading

COMPARISONS = {"reading": reading.run, "points": points.run}

if __name__ == "__main__":
    for name in sys.argv[1:] or COMPARISONS:
        if name not in COMPARISONS:
            sys.exit(f"benchmarks: no comparison is named `{name}`; known are {', '.join(COMPARISONS)}")
        print(COMPARISONS[name]().line(), flush=True)
