"""Run every comparison and print it: `python -m benchmarks`, or `python -m benchmarks points` for one."""

import sys

from benchmarks import auditing, catchments, matching, points, reading, skill, travel

BENCHMARKS = {
    "reading": lambda: reading.run().line(),
    "matching": matching.run,
    "matching at scale": matching.scale,
    "points": lambda: points.run().line(),
    "auditing": lambda: auditing.run().line(),
    "borough": auditing.whole,
    "sample": auditing.sample,
    "travel": travel.run,
    "catchments": catchments.run,
    "skill": skill.run,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        if name not in BENCHMARKS:
            sys.exit(f"benchmarks: none is named `{name}`; known are {', '.join(BENCHMARKS)}")
        print(BENCHMARKS[name](), flush=True)
