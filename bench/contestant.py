"""The side of the harness that runs inside a contestant's process.

A benchmark script ends with `contestant.main(CONTESTANTS)`, where CONTESTANTS maps a name to a function without
arguments that returns {case: {column: figure}}. The first column of a case is its time, by which the contestants are
compared; the first contestant is the one that is compared with the others. What must hold besides, `main` is told:
columns that must be equal for the work to be, and how much longer the first contestant may take than another.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

Figures = dict[str, dict[str, float | str]]

_wanted: list[str] = []  # parts of names of cases; none: all


def wanted(case: str) -> bool:
    """Whether the case is to be measured: scripts with long ones ask before each."""
    return not _wanted or any(part in case for part in _wanted)


def main(
    contestants: dict[str, Callable[[], Figures]],
    equal: dict[str, float] | None = None,
    at_most: dict[str, float] | None = None,
) -> None:
    """Answers `--list` with the names, and what must hold, and `--run NAME [--case PART]...` with its figures, or the
    module that it misses, as JSON on the last line.

    Args:
        contestants: what measures each.
        equal: by column, by what part of the first contestant's figure those of the others may differ.
        at_most: by contestant, how many times as long as it the first one may take.
    """
    parser = argparse.ArgumentParser()
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--list", action="store_true")
    choice.add_argument("--run", choices=list(contestants))
    parser.add_argument("--case", action="append", default=[])
    options = parser.parse_args()
    _wanted[:] = options.case
    try:
        listed = {"contestants": list(contestants), "equal": equal or {}, "at_most": at_most or {}}
        print(json.dumps(listed if options.list else contestants[options.run]()))
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}))


def seconds_per_call(function: Callable[[], object], budget: float = 0.3) -> float:
    """Median time of one call, from blocks of at least a millisecond, over about `budget` seconds."""
    function()
    count, elapsed = 1, 0.0
    while True:  # how many calls make a block that the clock resolves; these also warm up
        elapsed = _time(function, count)
        if elapsed >= 1e-3:
            break
        count *= 2
    blocks = max(5, int(budget / elapsed))
    return median(_time(function, count) for _ in range(blocks)) / count


def _time(function: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        function()
    return time.perf_counter() - start


Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def empty(*shape: int) -> Array:
    """A float32 array that begins with a cache line, as those of programs and of other libraries do; NumPy's own
    do not."""
    memory = np.empty(int(np.prod(shape)) + 15, np.float32)
    begin = -(memory.ctypes.data // 4) % 16
    return memory[begin : begin + int(np.prod(shape))].reshape(shape)


def normal(*shape: int, seed: int = 0) -> Array:
    """Standard normal float32 values, the same for every contestant."""
    values = empty(*shape)
    values[...] = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return values


def compute_figures(seconds: float, flops: float, peak_gflops: float | None = None) -> dict[str, float | str]:
    """The columns of an operation that arithmetic bounds."""
    figures: dict[str, float | str] = {"us": seconds * 1e6, "GFLOP/s": flops / seconds / 1e9}
    if peak_gflops:
        figures["% of FMA peak"] = 100 * flops / seconds / 1e9 / peak_gflops
    return figures


class PlainPasses:
    """The passes over arrays of `nbytes` bytes that an operation consists of: how many arrays each reads, and whether
    it writes another one.

    What they take with a plain loop, its lines and its threads is what the operation could reach: with the fetch of
    lines that are written, the second look at arrays whose sums are wanted first, and arrays as far away as its own.
    """

    def __init__(self, nbytes: int, *passes: tuple[int, bool]) -> None:
        self.nbytes, self.passes = nbytes, passes

    def share(self, step: Any, budget: float = 0.3) -> float:
        """Of a step's time, run as in a program: one after the other, with nothing between."""
        from densor import _core

        count = max(2, int(4e6 / self.nbytes))
        program = _core.Program([step], [], 0, count)
        shares = []
        end = time.perf_counter() + budget
        while len(shares) < 5 or time.perf_counter() < end:
            plain = _core.measure_passes(self.nbytes, self.passes)
            seconds = _time(lambda: _core.run(program, None, batches=1, batch_size=1), 1) / count
            shares.append(plain / seconds)
        return median(shares)


def memory_bound(
    cases: dict[str, tuple[Any, ...]], **prepare: Callable[..., tuple[Any, ...] | None]
) -> dict[str, Callable[[], Figures]]:
    """Returns the CONTESTANTS of an operation that memory bounds.

    `prepare[name](*cases[case])` returns the function to time and the bytes that it must read and write, or None where
    the contestant has nothing of the kind. The bandwidth it is held against is that of a scaling in place of as many
    bytes: of a cache where they fit. Where it also returns `PlainPasses`, the share is that of these: their time by the
    operation's, both without what a call costs.
    """

    def measure(name: str) -> Figures:
        found: Figures = {}
        for case, arguments in cases.items():
            if not wanted(case) or (prepared := prepare[name](*arguments)) is None:
                continue
            function, moved, *passes = prepared
            seconds = seconds_per_call(function)
            found[case] = {"us": seconds * 1e6, "GB/s": moved / seconds / 1e9}
            if passes:
                found[case]["% of plain passes"] = 100 * passes[0].share(function.__self__)
            elif name == "densor":
                from densor import _core

                found[case]["% of bandwidth"] = 100 * moved / seconds / 1e9 / _core.measure_bandwidth(moved)
        return found

    return {name: partial(measure, name) for name in prepare}
