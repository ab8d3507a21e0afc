"""Activation memory: views of buffers, and where the buffers lie in one arena (reuse by live interval)."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from densor.graph.arena import ALIGNMENT, aligned_bytes

__all__ = ["BFLOAT16", "Buffer", "View", "place", "room_for", "storage"]

BFLOAT16 = np.dtype([("bfloat16", "<u2")])
"""How the arrays of bfloat16 numbers are marked, which NumPy does not have: the upper half of a float32 each."""


def storage(dtype: str) -> np.dtype[Any]:
    """The dtype of the buffers in which the values of a tensor lie."""
    return BFLOAT16 if dtype == "bfloat16" else np.dtype(np.float32)


@dataclass(eq=False)
class Buffer:
    """A piece of the activation arena. It lives from the first to the last instruction that mentions it."""

    name: str
    nbytes: int
    first: int = -1
    last: int = -1
    offset: int = -1
    shared: bool = False  # read under several names: nobody may overwrite it

    def mention(self, index: int) -> None:
        """Extend the live interval to instruction `index`; indices only grow."""
        if self.first < 0:
            self.first = index
        self.last = index


@dataclass(frozen=True)
class View:
    """A whole buffer seen with a shape and a dtype."""

    buffer: Buffer
    shape: tuple[int, ...]
    dtype: np.dtype[Any] = field(default=np.dtype(np.float32))

    @staticmethod
    def new(name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> View:
        """A view of a new buffer."""
        dtype = np.dtype(dtype)
        return View(Buffer(name, math.prod(shape) * dtype.itemsize), shape, dtype)

    @property
    def size(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    def reshape(self, *shape: int) -> View:
        """The same memory under another shape of the same size."""
        assert math.prod(shape) == math.prod(self.shape), (shape, self.shape)
        return replace(self, shape=shape)

    def bind(self, memory: NDArray[np.uint8]) -> NDArray[Any]:
        """The NumPy view in `memory`, after `place` gave the buffer its offset."""
        start = self.buffer.offset
        return memory[start : start + self.buffer.nbytes].view(self.dtype).reshape(self.shape)

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape))
        name = "bfloat16" if self.dtype == BFLOAT16 else str(self.dtype)
        dtype = "" if self.dtype == np.float32 else f" {name}"
        return f"{self.buffer.name}[{shape}{dtype}]@{self.buffer.offset}"


def place(buffers: Iterable[Buffer], ahead: int = 0) -> int:
    """Give every buffer an offset, first fit in the order of birth; return the bytes needed in all.

    Two buffers share memory only if the last instruction that mentions one comes more than `ahead` instructions
    before the first that mentions the other: so far apart may workers be that run the program.
    """
    ordered = sorted(buffers, key=lambda buffer: buffer.first)
    dying = sorted(ordered, key=lambda buffer: buffer.last)
    free: list[tuple[int, int]] = []  # (start, size), sorted, never adjacent
    top = 0
    dead = 0
    for buffer in ordered:
        while dead < len(dying) and dying[dead].last + ahead < buffer.first:
            top = _release(free, dying[dead].offset, _aligned(dying[dead].nbytes), top)
            dead += 1
        buffer.offset, top = _take(free, _aligned(buffer.nbytes), top)
    return max((buffer.offset + _aligned(buffer.nbytes) for buffer in ordered), default=0)


def _aligned(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def _take(free: list[tuple[int, int]], size: int, top: int) -> tuple[int, int]:
    for index, (start, room) in enumerate(free):
        if room >= size:
            free[index : index + 1] = [(start + size, room - size)] if room > size else []
            return start, top
    return top, top + size


def _release(free: list[tuple[int, int]], start: int, size: int, top: int) -> int:
    index = bisect(free, (start, 0))
    if index < len(free) and start + size == free[index][0]:
        size += free.pop(index)[1]
    if index > 0 and sum(free[index - 1]) == start:
        start, before = free.pop(index - 1)
        size += before
        index -= 1
    if start + size == top:
        return start
    free.insert(index, (start, size))
    return top


def room_for(rows: int, size: int) -> NDArray[np.uint8]:
    """`size` bytes of memory for the arrays of a batch of `rows`."""
    try:
        return aligned_bytes(size)
    except MemoryError as error:
        raise MemoryError(
            f"{rows} rows at a time need {size / 1e6:.0f} MB for activations; take smaller batches: {error}"
        ) from error
