"""What contests of densor and PyTorch on a GPU have in common; in a dry run (place.py) densor's kernels run on the
processor, too.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from place import DEVICE, DRY, wait

if DRY and "densor" not in sys.modules:  # goals.py --peers puts nothing in its place
    from tests.cuda_host import use_cuda_host

    use_cuda_host()

from densor import _core  # the build that the line above has chosen

ROUNDS = 2 if DRY else 7
STORED = np.dtype([("bfloat16", "<u2")])
if DRY:
    _core.emulate_device("ascending", False)

# Does its work so many times and waits for the end.
Work = Callable[[int], None]


@dataclass
class Contest:
    """Contestants by name, densor first; `error` runs the first once and returns how far its results are off."""

    works: dict[str, Work]
    error: Callable[[], float]
    tolerance: float
    calls: int  # of each in a round
    note: str = ""
    # What a run costs that has no calls at all is not counted: what densor spends on a graph before it is launched.
    without_start: bool = True


class _Shown:
    """A tensor of the host, shown as memory of the emulated device."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        interface = tensor.numpy().__array_interface__
        self.__cuda_array_interface__ = interface | {"version": 3, "stream": None}


def native(tensor: torch.Tensor) -> Any:
    """What densor's operations take: the tensor where it lies."""
    tensor = tensor.detach()
    return _Shown(tensor) if DRY else tensor


def room(*shape: int, dtype: Any = np.float32) -> Any:
    """Device memory of densor's own."""
    array = np.broadcast_to(np.zeros(1, dtype), shape)
    return _core.DeviceArray(int(np.prod(shape)) * array.itemsize).part(0, np.empty(shape, dtype))


def stored(tensor: torch.Tensor) -> Any:
    """Rounded to bfloat16, in device memory of densor's own."""
    array = room(*tensor.shape, dtype=STORED)
    _core.cast(array, native(tensor)).run()
    return array


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Random numbers: on zeros matrix units are faster than on anything that is trained."""
    generator = torch.Generator(device=DEVICE).manual_seed(seed)
    return torch.randn(*shape, device=DEVICE, generator=generator).to(dtype)


def program(steps: list[Any], hyper: Any = None) -> Work:
    """Densor's steps one after the other, as many times as asked for."""
    made = _core.Program([], steps)

    def run(calls: int) -> None:
        rows = None if hyper is None else np.tile(np.asarray(hyper, np.float32), (calls, 1))
        _core.run(made, None, batches=calls, batch_size=0, hyper=rows)

    return run


def repeated(work: Callable[[], object]) -> Work:
    """Calls of PyTorch, and a wait for the last."""

    def run(calls: int) -> None:
        for _ in range(calls):
            work()
        wait()

    return run


def captured(work: Callable[[], object], calls: int) -> Work:
    """So many calls of PyTorch as one graph, and a wait for its last run; a dry run has no graphs."""
    if DRY:
        return repeated(lambda: [work() for _ in range(calls)])
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(calls):
            work()
    return repeated(graph.replay)


def interleaved(contest: Contest) -> dict[str, float]:
    """Microseconds a call by contestant: medians of rounds in which all take turns, after one that warms up.

    Without what begins a run: the time of twice as many calls less that of so many.
    """
    lengths = (contest.calls, 2 * contest.calls) if contest.without_start else (contest.calls,)
    rounds = {(name, calls): [0.0] * ROUNDS for name in contest.works for calls in lengths}
    for work in contest.works.values():
        work(max(1, contest.calls // 4))
    for i in range(ROUNDS):
        for (name, calls), times in rounds.items():
            wait()
            begin = time.perf_counter()
            contest.works[name](calls)
            times[i] = 1e6 * (time.perf_counter() - begin)
    found = {}
    for name in contest.works:
        spent = [median(rounds[name, calls]) for calls in lengths]
        found[name] = (spent[-1] - (spent[0] if contest.without_start else 0.0)) / contest.calls
        if found[name] <= 0 and not DRY:
            raise RuntimeError(f"times of {name} vary more than {contest.calls} calls last")
    return found


def distance(found: torch.Tensor, exact: torch.Tensor) -> float:
    """|found - exact| / |exact|, in float64."""
    return float((found.double() - exact.double()).norm() / exact.double().norm())
