"""Times work on a GPU by its own events: medians of several runs after a warm-up, on random data."""

import statistics
from collections.abc import Callable

import torch

__all__ = ["microseconds"]


def microseconds(work: Callable[[], object], runs: int = 20, repeats: int = 5) -> float:
    """Median over `runs` of the time of one call, each run timing `repeats` calls between two events."""
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    found = []
    for _ in range(runs):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(repeats):
            work()
        end.record()
        end.synchronize()
        found.append(1e3 * begin.elapsed_time(end) / repeats)
    return statistics.median(found)
