"""Timing two ways of doing one thing, in turn, in processes of their own. What is compared is in the other modules."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """CPU seconds and peak memory (MB; 0 where the system does not tell) of ours and of the alternative, run by run."""

    what: str
    ours: str
    other: str
    seconds: tuple[tuple[float, float], ...]
    megabytes: tuple[float, float]

    def line(self) -> str:
        """One line: the median ratio, and the medians that it comes from."""
        ratio = statistics.median(a / b for a, b in self.seconds)
        mine = statistics.median(a for a, _ in self.seconds)
        theirs = statistics.median(b for _, b in self.seconds)
        return (
            f"{self.what}\n  {self.ours}: {mine:.2f} CPU s, {self.megabytes[0]:.0f} MB"
            f"\n  {self.other}: {theirs:.2f} CPU s, {self.megabytes[1]:.0f} MB"
            f"\n  ratio {ratio:.2f} (median of {len(self.seconds)} pairs)"
        )


def compare(
    what: str,
    ours: tuple[str, Callable[..., Any]],
    other: tuple[str, Callable[..., Any]],
    *given: Any,
    pairs: int = 3,
) -> Comparison:
    """Time both in turn (ours, other, ours, ...), each in a fresh process, `pairs` times. `given` goes to both.

    Raises RuntimeError when one of them fails.
    """
    seconds, peaks = [], [0.0, 0.0]
    for _ in range(pairs):
        pair = []
        for i, (_, function) in enumerate((ours, other)):
            cpu, peak = _in_process(function, given)
            pair.append(cpu)
            peaks[i] = max(peaks[i], peak)
        seconds.append((pair[0], pair[1]))
    return Comparison(what, ours[0], other[0], tuple(seconds), (peaks[0], peaks[1]))


def _in_process(function: Callable[..., Any], given: tuple[Any, ...]) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_timed, args=(function, given, sender))
    process.start()
    sender.close()
    try:
        cpu, peak = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__} failed; see above") from None
    finally:
        process.join()
    return float(cpu), float(peak)


def _timed(function: Callable[..., Any], given: tuple[Any, ...], sender: Any) -> None:
    started = time.process_time()
    function(*given)
    spent = time.process_time() - started
    try:
        import resource
    except ImportError:  # Windows
        peak = 0.0
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sender.send((spent, peak))
