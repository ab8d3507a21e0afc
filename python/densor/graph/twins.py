"""Twins: the memory of device programs, each block beside the host block that it stands for."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary, ref

import numpy as np
from numpy.typing import NDArray

from densor import _core

__all__ = ["ON_DEVICE", "Twins", "ahead", "copied_to_device", "hand_out", "room_on_device", "settle"]

Array = NDArray[Any]

# Held around a run on the device and the copies before and after it, because there is one stream.
ON_DEVICE = threading.RLock()


class _Twin:
    """Device memory as large as `host`, an array that owns its memory."""

    def __init__(self, host: Array) -> None:
        self.host = host
        self._block = _core.DeviceArray(host.nbytes)
        self._whole = self._block.part(0, host)
        self._equal_at = -1  # `_looks` when both held the same

    def view(self, array: Array) -> _core.DeviceArray:
        """The part that stands for `array`, which is a view of `host`."""
        return self._block.part(_address(array) - _address(self.host), array)

    def upload(self) -> None:
        """Take over the values of the host."""
        looks = _looks
        self._whole.upload(self.host)
        self._equal_at = looks

    def download(self) -> None:
        """Bring the values to the host."""
        looks = _looks
        self._whole.download(self.host)
        self._equal_at = looks

    @property
    def same(self) -> bool:
        """Whether the host cannot have changed since both held the same. Of a block that `settle` guards."""
        return self._equal_at == _looks and id(self.host) not in _handed_out


# By the identity of the host block, which lives as long as its twin. Programs share the twins of the weights.
_twins: WeakValueDictionary[int, _Twin] = WeakValueDictionary()
# Those whose values the host does not have yet, between the runs of one `fit`.
ahead: dict[int, _Twin] = {}
# How often the host has looked at variables or arenas, and may have written: twins of before take over their values.
_looks = 0
_numbers = itertools.count(1)  # none twice, whichever thread looks
# Blocks of which somebody may hold a view, and write at any time, as long as they live; by their identity.
_handed_out: dict[int, ref[Array]] = {}


def settle() -> None:
    """Bring to the host what programs have written. Who reads or writes the host block of a twin begins with this.

    Who writes later than at once ends with this, too, or keeps a view that was handed out.
    """
    global _looks
    if ahead:
        _bring()
    _looks = next(_numbers)


def _bring() -> None:
    with ON_DEVICE:
        try:
            for twin in ahead.values():
                twin.download()
        finally:  # of a device that fails nothing can be had any more: the host keeps what it has
            ahead.clear()


def hand_out(array: Array) -> None:
    """Note that somebody gets `array`, a view of a host block, to keep."""
    owner = _owner(array)
    key = id(owner)
    if key not in _handed_out:
        _handed_out[key] = ref(owner, lambda gone: _forget(key, gone))


def _forget(key: int, gone: ref[Array]) -> None:
    if _handed_out.get(key) is gone:
        del _handed_out[key]


class Twins:
    """What programs have on the device instead of host arrays: for each block of host memory another one.

    The host blocks are what the caller sees and changes. Inside `run`, the twins hold what the host held before,
    and afterwards, or at the latest after `settle`, the host holds what programs wrote. Working memory does not
    travel.
    """

    def __init__(self) -> None:
        self._held: dict[int, _Twin] = {}
        self._working: _Twin | None = None
        self._sent: dict[int, _Twin] = {}
        self._guarded: set[int] = set()
        self._fetched: dict[int, _Twin] = {}
        self._changing: set[int] = set()
        self._written: dict[int, _Twin] = {}

    def work_in(self, memory: Array) -> None:
        """Give the memory of the programs to come a twin; that of earlier ones lives as long as these."""
        self._working, _ = self._found(memory)

    def keep(self, array: Array, *, filled: bool = False, fetched: bool = False) -> None:
        """Give an array that only programs use a twin.

        filled: programs rely on the values that it has now. fetched: they are brought back after every run.
        """
        twin, fresh = self._take(array)
        if filled and fresh:
            twin.upload()
        if fetched:
            self._fetched[id(twin.host)] = twin

    def send(
        self,
        arrays: Iterable[Array],
        *,
        fetched: bool = False,
        constant: bool = False,
        guarded: bool = False,
    ) -> None:
        """Give arrays twins that take over their values before every run.

        fetched: and give them back. constant: programs never change them. guarded: the host never looks at them but
        after `settle`, nor keeps them but after `hand_out`: what has not changed is not sent again.
        """
        for array in arrays:
            twin, _ = self._take(array)
            self._sent[id(twin.host)] = twin
            if guarded:
                self._guarded.add(id(twin.host))
            if fetched:
                self._fetched[id(twin.host)] = twin
            elif not constant:
                self._changing.add(id(twin.host))

    def __contains__(self, array: Array) -> bool:
        owner = _owner(array)
        return id(owner) in self._held or (self._working is not None and self._working.host is owner)

    def view(self, array: Array, *, written: bool) -> _core.DeviceArray:
        """What a program gets for `array`. written: the program may change what was sent, so it is brought back."""
        twin, _ = self._found(array)
        if written and id(twin.host) in self._changing:
            self._written[id(twin.host)] = twin
        return twin.view(array)

    @contextmanager
    def run(self, settled: bool = True) -> Iterator[None]:
        """Around runs of the programs; however they end, the host gets what they have written.

        settled: at once; or else it gets what they have written of what was sent when somebody calls `settle`.
        """
        with ON_DEVICE:
            for key, twin in self._sent.items():
                if key not in ahead and not (key in self._guarded and twin.same):
                    twin.upload()
            try:
                yield
            finally:
                ahead.update(self._written)
                for twin in self._fetched.values():
                    twin.download()
                if settled:
                    _bring()

    def _take(self, array: Array) -> tuple[_Twin, bool]:
        twin, fresh = self._found(array)
        self._held[id(twin.host)] = twin
        return twin, fresh

    @staticmethod
    def _found(array: Array) -> tuple[_Twin, bool]:
        """The twin of the block of `array`, and whether it is new."""
        owner = _owner(array)
        with ON_DEVICE:
            twin = _twins.get(id(owner))
            if twin is not None:
                return twin, False
            twin = _twins[id(owner)] = _Twin(owner)
            return twin, True


def _owner(array: Array) -> Array:
    """The array whose memory `array` is a part of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def room_on_device(array: Array) -> _core.DeviceArray:
    """Device memory for the values of `array`, which is in C order; they are not there yet."""
    with ON_DEVICE:
        return _core.DeviceArray(array.nbytes).part(0, array)


def copied_to_device(array: Array) -> _core.DeviceArray:
    """A copy of `array`, of the same dtype and in C order, in device memory."""
    array = np.ascontiguousarray(array)
    with ON_DEVICE:
        copy = room_on_device(array)
        copy.upload(array)
    return copy
