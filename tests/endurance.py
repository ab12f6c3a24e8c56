"""A program that ends real `places` commands in the worst ways: killed outright at random moments, and on a full disk.

    python tests/endurance.py AUTHORITY OUTPUT ROUNDS SEED [DISK]

OUTPUT holds a finished run. With DISK (a folder to mount a small disk on, for which the program must run as
`unshare -rm` runs it) the output is copied there, and the disk is filled, too. Prints one JSON object: what was tried,
and `wrong`, a line for each thing that was not as it should be. Tests call it with a few rounds; PLACES_ENDURANCE asks
for as many as one has time for.

Every command runs in a child forked of this process, which has imported all that is needed and does nothing itself: so
a child starts at once, and is a real process to be killed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb
import fiona  # noqa: F401  (so that children need not import it)
import geopandas  # noqa: F401

import pipelines.orchestrate.execution  # noqa: F401
from pipelines import release
from pipelines.authority import load_authority
from pipelines.cli import main
from pipelines.run import DRY_RUN, TEXT_ASIDE, Output, opened

DISK_MEGABYTES = 80
# So much room that a run fails at its start (Dagster's history takes some 9 MB), in the middle, or in the release.
ROOM_KILOBYTES = (150, 12_000, 10_000, 14_000, 2_000)
SEPTEMBER = "services/council_tax/council_tax_2026-09.csv"
ACCOUNT = """
    SELECT (SELECT count(*) FROM services.council_tax), (SELECT sum(rows_kept) FROM services.council_tax_files),
        (SELECT count(DISTINCT (file, row_number)) FROM services.council_tax_rejected),
        (SELECT sum(rows_rejected) FROM services.council_tax_files)"""


@dataclass
class Trial:
    """One output folder under trial, and what came of it."""

    authority: Path
    output: Output
    moments: random.Random
    run_seconds: float = 3.0
    tried: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def begin(self, *arguments: str) -> int:
        """Start a command in a child, its words kept in files; returns its process id."""
        where = ["--authority", str(self.authority), "--output", str(self.output.root)]
        child = os.fork()
        if child == 0:
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(self.authority.parent / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os._exit(main([*arguments, *where]))
        return child

    def words(self, name: str) -> str:
        """What the last command said on `out` or `err`."""
        path = self.authority.parent / name
        return path.read_text("utf-8") if path.exists() else ""

    def finish(self, *arguments: str) -> int:
        """Run a command to its end; returns its exit code."""
        (self.authority.parent / "out").unlink(missing_ok=True)
        _, status = os.waitpid(self.begin(*arguments), 0)
        return os.waitstatus_to_exitcode(status)

    def note(self, what: str) -> None:
        """Count a trial, and say so to whoever waits."""
        self.tried[what] += 1
        print(
            f"{self.tried.total():>4}  {what}; {len(self.wrong)} thing(s) wrong", file=sys.stderr, flush=True
        )

    def change(self) -> None:
        """Other inputs than before: an extract comes or goes, so that a run has something new to publish."""
        extract, aside = self.authority / SEPTEMBER, self.authority.parent / "aside.csv"
        if extract.exists():
            extract.rename(aside)
        else:
            aside.rename(extract)

    def kill(self, kind: str) -> None:
        """Start a command, kill it outright at a random moment, and look at what it left."""
        self.change()
        (self.authority.parent / "out").unlink(missing_ok=True)
        if kind == "rollback":
            others = [one.release_id for one in release.releases(self.output.published) if not one.is_current]
            child = self.begin("release", "rollback", self.moments.choice(others))
            time.sleep(self.moments.uniform(0, 0.03))
        elif kind == "release":  # from the first page on: pages, assembly, audits, the switch
            child = self.begin("run")
            until = time.monotonic() + 60
            while "\nmaps\n" not in self.words("out") and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(self.moments.uniform(0, 0.5 * self.run_seconds))
        else:
            child = self.begin("run", *(["--dry-run"] if kind == "dry run" else []))
            time.sleep(self.moments.uniform(0, self.run_seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        self.note(f"killed in {kind}" if os.WIFSIGNALED(status) else f"{kind} was done before the kill")
        self.look(f"{kind} killed")
        self.look_at_accounts(f"{kind} killed")

    def fill(self, room: int) -> None:
        """Leave so many kilobytes of room on the disk and run; what is said must be plain."""
        self.change()
        before = release.current_release(self.output.published)
        ballast = self.output.root.parent / "ballast"
        free = shutil.disk_usage(ballast.parent).free
        with ballast.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, max(free - room * 1000, 1))
        code = self.finish("run")
        said = self.words("err")
        steps = self.words("out").count(" s\n")
        ballast.unlink()
        when = f"disk full with {room} kB of room"
        self.note("disk full" if code else "run that found room enough")
        if code:
            self.said.append(f"{room} kB, after {steps} steps: {said.strip()}")
            lines = said.splitlines()
            if code != 1 or "full" not in said or "Traceback" in said or len(lines) > 2:
                self.wrong.append(f"{when}: exit code {code} and said {lines[:5]}")
            if release.current_release(self.output.published) != before:
                self.wrong.append(f"{when}: another release is current")
        self.look(when)

    def look(self, when: str) -> None:
        """Is a release current, and is each of them whole and readable?"""
        known = release.releases(self.output.published)
        current = [one for one in known if one.is_current]
        if len(current) != 1:
            self.wrong.append(f"{when}: {len(current)} releases are current")
        for one in known:
            self.wrong += [f"{when}: {one.release_id}: {wrong}" for wrong in release.damage(one.path)]
        with duckdb.connect(str(self.output.published / "current" / release.DATABASE), read_only=True) as con:
            if not con.execute("SELECT count(*) FROM published.demand_by_area").fetchall()[0][0]:
                self.wrong.append(f"{when}: the current release has no demand")
        if 'content="0; url=current/index.html"' not in (self.output.published / "index.html").read_text():
            self.wrong.append(f"{when}: index.html leads nowhere")

    def look_at_accounts(self, when: str) -> None:
        """Does a dataset's table still fit what is said of its files, as the next run finds it?"""
        with opened(load_authority(self.authority), self.output) as at:
            kept, told_kept, rejected, told_rejected = at.con.execute(ACCOUNT).fetchall()[0]
        if (kept, rejected) != (told_kept, told_rejected):
            self.wrong.append(
                f"{when}: {kept} rows kept of {told_kept}, {rejected} rejected of {told_rejected}"
            )

    def look_for_leavings(self) -> None:
        """After a run that was finished nothing half-made may lie about."""
        restricted = self.output.restricted
        left = [*restricted.glob(f"{DRY_RUN}*"), *(restricted / "spill").glob("*")]
        left += (self.output.published / "releases").glob(".*")
        left += (path for path in self.output.published.glob(".*"))
        left += (path for path in restricted.rglob(".*") if TEXT_ASIDE.fullmatch(path.name))
        left += (path for start in (".writing-", ".moving-") for path in restricted.rglob(f"{start}*"))
        self.wrong += [f"left behind: {path.relative_to(self.output.root)}" for path in left]


def try_out(authority: Path, output: Path, rounds: int, seed: int, disk: Path | None) -> Trial:
    """So many kills of each kind, and as many full disks where there is a disk to fill; then one run to its end."""
    if disk is not None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", disk], check=True)
        shutil.copytree(output, disk / "output", symlinks=True)
        output = disk / "output"
    trial = Trial(authority, Output(output), random.Random(seed))
    # Another release, to roll back to.
    (first,) = release.releases(trial.output.published)
    shutil.copytree(first.path, first.path.with_name("20200101T000000Z"))
    if rounds > len(ROOM_KILOBYTES):  # else it is not worth the while
        started = time.monotonic()
        trial.finish("run")
        trial.run_seconds = time.monotonic() - started
    if disk is not None:
        rooms = trial.moments.sample(ROOM_KILOBYTES, len(ROOM_KILOBYTES))
        for number in range(rounds):
            many = number >= len(rooms)
            trial.fill(trial.moments.randint(0, max(rooms)) if many else rooms[number])
            trial.look_at_accounts("disk full")
    kinds = ("run", "rollback", "release", "dry run")
    for number in range(rounds * 2):
        trial.kill(kinds[number % len(kinds)])
    trial.change()
    before = release.current_release(trial.output.published)
    if (code := trial.finish("run")) != 0:
        trial.wrong.append(f"the last run ended with {code}: {trial.words('err')}")
    if release.current_release(trial.output.published) == before and "unchanged" not in trial.words("out"):
        trial.wrong.append("the last run made no release")
    trial.look("last run")
    trial.look_at_accounts("last run")
    trial.look_for_leavings()
    return trial


if __name__ == "__main__":
    folder, made, rounds, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    ended = try_out(folder, made, rounds, seed, Path(sys.argv[5]) if len(sys.argv) > 5 else None)
    print(json.dumps({"seed": seed, "tried": ended.tried, "wrong": ended.wrong, "said": ended.said}))
