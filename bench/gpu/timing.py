"""Times work on a GPU by its own events: medians of several runs after a warm-up, on random data."""

import statistics
import time
from collections.abc import Callable

import torch
from place import DRY

__all__ = ["microseconds"]


def microseconds(work: Callable[[], object], runs: int = 20, repeats: int = 5) -> float:
    """Median over `runs` of the time of one call, each run timing `repeats` calls between two events."""
    if DRY:
        begin = time.perf_counter()
        work()
        return 1e6 * (time.perf_counter() - begin)
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    found = []
    for _ in range(runs):
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        before.record()
        for _ in range(repeats):
            work()
        after.record()
        after.synchronize()
        found.append(1e3 * before.elapsed_time(after) / repeats)
    return statistics.median(found)
