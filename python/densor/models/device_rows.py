"""Rows that the caller has in device memory: CuPy's, PyTorch's, anybody's who shows `__cuda_array_interface__`."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._check import bad_type
from densor.graph import room_on_device
from densor.graph.twins import ON_DEVICE

__all__ = ["DeviceRows", "device_rows", "on_host", "where_it_lies"]


class DeviceRows:
    """An array of real numbers in device memory, used where it lies.

    Attributes:
        shape, ndim, dtype, size: as of NumPy's arrays.
    """

    def __init__(self, owner: Any, interface: dict[str, Any]) -> None:
        self._owner, self._interface = owner, interface
        self.shape: tuple[int, ...] = tuple(interface["shape"])
        self.ndim, self.size = len(self.shape), math.prod(self.shape)
        self.dtype = np.dtype(interface["typestr"])

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return self._interface

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Any:
        """A slice of rows, where it lies; or any other rows, as a NumPy array."""
        if not isinstance(rows, slice):
            return self.numpy()[rows]
        start, stop, step = rows.indices(len(self))
        strides = self._interface.get("strides") or self._strides()
        pointer, read_only = self._interface["data"]
        part = {
            "shape": (max(0, -(-(stop - start) // step)), *self.shape[1:]),
            "strides": (strides[0] * step, *strides[1:]),
            "data": (pointer + start * strides[0], read_only),
        }
        return DeviceRows(self._owner, self._interface | part)

    def reshape(self, *shape: int) -> DeviceRows:
        """The same rows, each with one value on an axis of its own."""
        assert shape == (-1, 1)
        strides = self._interface.get("strides") or self._strides()
        part = {"shape": (len(self), 1), "strides": (strides[0], self.dtype.itemsize)}
        return DeviceRows(self._owner, self._interface | part)

    @property
    def readable(self) -> bool:
        """Whether the values of each row lie one after the other."""
        strides = self._interface.get("strides")
        pairs = zip(self.shape[1:], strides[1:], self._strides()[1:], strict=True) if strides else ()
        return all(size == 1 or stride == plain for size, stride, plain in pairs)

    def numpy(self) -> NDArray[np.float32]:
        """A copy on the host, as float32."""
        found = np.empty((len(self), self.size // max(len(self), 1)), np.float32)
        if self.size:
            feed, room = _core.Feed(), room_on_device(found)
            array: Any = self
            out: Any = room
            feed.bind(array)
            with ON_DEVICE:
                _core.gather(out, feed, 1.0, 0.0).run()
                room.download(found)
        return found.reshape(self.shape)

    def values(self, rows: slice) -> NDArray[Any]:
        """A copy of some rows on the host, of the same dtype."""
        with ON_DEVICE:
            return _core.DeviceArray.wrapped(self[rows]).numpy()

    def label_range(self, classes: int, ignored: int | None) -> tuple[int, int]:
        """How many values are no class numbers, and the flat index of the first."""
        if not self.size:
            return 0, -1
        array: Any = self
        with ON_DEVICE:
            return _core.label_range(array, classes, ignored)

    def nonfinite(self) -> tuple[int, int]:
        """How many values are NaN or infinite, and the flat index of the first."""
        if self.dtype.kind != "f" or not self.size:
            return 0, -1
        array: Any = self
        with ON_DEVICE:
            return _core.count_nonfinite(array)

    def _strides(self) -> tuple[int, ...]:
        sizes = [self.dtype.itemsize]
        for size in self.shape[:0:-1]:
            sizes.append(sizes[-1] * size)
        return tuple(reversed(sizes))


def device_rows(function: str, argument: str, value: Any) -> DeviceRows | None:
    """`value` as rows in device memory; None if it does not lie there.

    Raises:
        TypeError: an array of something else than real numbers, or without rows.
    """
    if isinstance(value, np.ndarray | list | tuple | DeviceRows):
        return value if isinstance(value, DeviceRows) else None
    interface = None
    with suppress(Exception):  # PyTorch's arrays of the CPU raise, and others' for reasons of their own
        interface = value.__cuda_array_interface__
    if not isinstance(interface, dict):
        return None
    if isinstance(value, _core.DeviceArray):  # the stream that it names is ours
        value.follow()
    if interface.get("stream") is None and (stream := _core.caller_stream(value)) is not None:
        interface = interface | {"version": 3, "stream": stream}
    rows = DeviceRows(value, interface)
    if rows.dtype.kind not in "fiub" or rows.dtype.itemsize > 8:
        raise bad_type(function, argument, f"expected real numbers, got dtype {rows.dtype}")
    if rows.ndim < 1:
        raise bad_type(function, argument, "expected rows, got a single number in device memory")
    return rows


def on_host(function: str, argument: str, value: Any) -> Any:
    """`value`, or a copy of it where it lies in device memory; of a list or dict, the parts."""
    if isinstance(value, dict):
        return {key: on_host(function, argument, part) for key, part in value.items()}
    if isinstance(value, list | tuple) and any(map(_is_foreign, value)):
        return [on_host(function, argument, part) for part in value]
    rows = None if value is None else device_rows(function, argument, value)
    return value if rows is None else rows.numpy()


def where_it_lies(function: str, argument: str, value: Any) -> Any:
    """Rows in device memory as they are; a list or dict of them, as copies of the host."""
    rows = None if value is None else device_rows(function, argument, value)
    return on_host(function, argument, value) if rows is None else rows


def _is_foreign(value: Any) -> bool:
    return not isinstance(value, np.ndarray | int | float) and hasattr(value, "__cuda_array_interface__")
