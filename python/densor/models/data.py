"""What a caller passes as data, checked completely and made ready for the native side without copying.

Native feeds take rows of any real dtype and any distance, so that a large uint8 or float64 array is read in
place; only rows that are not contiguous in themselves, and dtypes the kernels do not know, are copied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._array import real_array
from densor._check import bad_type, bad_value, show
from densor.graph import copied_to_device
from densor.models.device_rows import DeviceRows, device_rows

__all__ = ["Data", "Feedable", "as_features", "check_finite", "check_range", "feedable", "nonfinite", "split"]

Array = NDArray[Any]
_BLOCK = 1 << 20  # values copied at a time where an array is not contiguous
_FLOAT32 = np.dtype(np.float32)
_FLOAT32_MAX = 3.4028234663852886e38  # np.finfo takes a millisecond to say it


class Feedable(NamedTuple):
    """What feeds read: features of each input, targets and columns of weights or None of each output."""

    x: tuple[Any, ...]
    y: tuple[Any, ...]
    weight: tuple[Any, ...]


@dataclass(frozen=True)
class Data:
    """Rows ready for the native side: features of each input, targets and float32 weights or None of each output."""

    x: tuple[Array, ...]
    y: tuple[Array, ...]
    weight: tuple[NDArray[np.float32] | None, ...]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.x[0].shape[0])

    @cached_property
    def targets(self) -> tuple[Array, ...]:
        """The targets on the host."""
        return tuple(array.numpy() if isinstance(array, DeviceRows) else array for array in self.y)

    @property
    def on_host(self) -> Feedable:
        """The arrays themselves."""
        columns = (None if weight is None else weight.reshape(-1, 1) for weight in self.weight)
        return Feedable(self.x, self.y, tuple(columns))

    @cached_property
    def on_device(self) -> Feedable:
        """Copies in device memory, of the same dtypes, made once; what the caller has there stays where it is."""

        def copied(array: Any) -> Any:
            return array if array is None or isinstance(array, DeviceRows) else copied_to_device(array)

        return Feedable(*(tuple(map(copied, part)) for part in self.on_host))

    def leave_device(self) -> None:
        """Give the memory of the copies back."""
        vars(self).pop("on_device", None)

    def take(self, rows: NDArray[np.int64]) -> Data:
        """These rows, as copies."""
        weight = tuple(None if array is None else array[rows] for array in self.weight)
        return Data(tuple(array[rows] for array in self.x), tuple(array[rows] for array in self.y), weight)

    def slice(self, start: int, stop: int) -> Data:
        """Rows `start` to `stop`, as views."""
        weight = tuple(None if array is None else array[start:stop] for array in self.weight)
        return Data(tuple(a[start:stop] for a in self.x), tuple(a[start:stop] for a in self.y), weight)


def split(data: Data, share: float) -> tuple[Data, Data]:
    """The rows to train on, and the last ones, a `share` of all, to validate with.

    Raises:
        ValueError: one of the two would be empty.
    """
    kept = math.floor(data.rows * (1.0 - share))
    if kept in (0, data.rows):
        raise bad_value(
            "fit", "validation_split", f"{share} of {data.rows} rows leaves one of the parts empty"
        )
    return data.slice(0, kept), data.slice(kept, data.rows)


def feedable(array: Array) -> Array:
    """`array`, or a copy of it where a feed could not read its rows in place."""
    if not array.flags.aligned or (array.ndim and array.strides[0] % array.itemsize):
        return array.copy()
    if array.flags.c_contiguous:
        return array
    inner = array.itemsize
    for size, stride in zip(array.shape[:0:-1], array.strides[:0:-1], strict=True):
        if size != 1 and stride != inner:
            return np.ascontiguousarray(array)
        inner *= size
    return array


def as_features(function: str, argument: str, value: Any, shape: tuple[int, ...] | None) -> Array:
    """`value` as rows of features of `shape` (None: any shape); 1-D data is one feature per row if that fits.

    Raises:
        TypeError: not an array of real numbers, or several arrays.
        ValueError: the wrong shape, no features, or a number beyond float32.
    """
    if type(value) is np.ndarray and value.dtype is _FLOAT32 and value.shape[1:] == shape and value.ndim > 1:
        return value if value.flags.carray else feedable(value)
    if isinstance(value, list | tuple) and len(value) and all(getattr(part, "ndim", 0) > 1 for part in value):
        raise bad_type(function, argument, f"{len(value)} arrays given; the model has one input")
    there = device_rows(function, argument, value)
    array: Any = real_array(function, argument, value) if there is None else there
    if array.ndim == 1 and shape in (None, (1,)):
        array = array.reshape(-1, 1)
    if shape is not None and array.shape[1:] != shape:
        raise bad_value(function, argument, f"expected shape {_with_rows(shape)}, got {array.shape}")
    if array.ndim < 2 or 0 in array.shape[1:]:
        raise bad_value(function, argument, f"expected rows of at least one feature, got shape {array.shape}")
    if there is not None:
        if not there.readable:
            raise bad_value(
                function, argument, "has rows that are not contiguous in device memory; copy it first"
            )
        return there  # type: ignore[return-value]
    check_range(function, argument, array)
    return feedable(array)


def _with_rows(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['rows', *map(str, shape)])})"


def check_range(function: str, argument: str, array: Array) -> None:
    """Refuse finite float64 values that float32 cannot hold; infinities and NaN are `check_finite`'s matter."""
    if array.dtype != np.float64 or array.size == 0:
        return
    low, high = float(np.fmin.reduce(array, axis=None)), float(np.fmax.reduce(array, axis=None))
    if (low >= -_FLOAT32_MAX and high <= _FLOAT32_MAX) or math.isnan(low):
        return
    bad = np.isfinite(array) & (np.abs(array) > _FLOAT32_MAX)
    if bad.any():
        where = _index(array.shape, int(bad.argmax()))
        raise bad_value(
            function, argument, f"value {array[where]} at {_place(where)} is outside the range of float32"
        )


def check_finite(function: str, argument: str, array: Array) -> None:
    """Refuse NaN and infinities, with their number and the place of the first."""
    if problem := nonfinite(array):
        raise bad_value(function, argument, problem)


def nonfinite(array: Array) -> str:
    """How many values are NaN or infinite and where the first is; "" if none."""
    if isinstance(array, DeviceRows):
        count, first = array.nonfinite()
        where = _index(array.shape, max(first, 0))
        return (
            f"{count} of {array.size} values are not finite; the first is at {_place(where)}" if count else ""
        )
    if array.dtype.kind != "f" or array.size == 0:
        return ""
    array = np.atleast_1d(array)
    count, first = 0, -1
    rows = (
        max(1, _BLOCK // max(1, array[:1].size))
        if array.ndim and not array.flags.c_contiguous
        else len(array)
    )
    for start in range(0, len(array), rows):
        here, place = _core.count_nonfinite(np.ascontiguousarray(array[start : start + rows]))
        if here and first < 0:
            first = start * array[:1].size + place
        count += here
    if not count:
        return ""
    where = _index(array.shape, first)
    return f"{count} of {array.size} values are not finite; the first is {array[where]} at {_place(where)}"


def _index(shape: tuple[int, ...], flat: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def _place(where: tuple[int, ...]) -> str:
    return f"row {where[0]}" + (
        f", index {where[1:] if len(where) > 2 else where[1]}" if len(where) > 1 else ""
    )


def as_weights(function: str, value: Any, rows: int) -> NDArray[np.float32]:
    """`sample_weight` as float32 `(rows,)`.

    Raises:
        TypeError: not real numbers.
        ValueError: another length, a weight that is negative or not finite, or nothing but zeros.
    """
    array = real_array(function, "sample_weight", value)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.reshape(-1)
    if array.shape != (rows,):
        raise bad_value(function, "sample_weight", f"expected shape ({rows},), got {array.shape}")
    check_range(function, "sample_weight", array)
    check_finite(function, "sample_weight", array)
    if (array < 0).any():
        row = int((array < 0).argmax())
        raise bad_value(function, "sample_weight", f"value {array[row]} at row {row} is negative")
    if rows and not array.any():
        raise bad_value(function, "sample_weight", "all weights are zero: there is nothing to learn from")
    return np.ascontiguousarray(array, dtype=np.float32)


def class_weights(function: str, value: Any, y: Array, classes: int) -> NDArray[np.float32]:
    """The weight of each row from the weights of its class; classes that are not named weigh 1.

    Args:
        function: the caller, for messages.
        value: a mapping of class numbers to weights.
        y: labels `(rows,)` or `(rows, 1)`, or one-hot rows `(rows, classes)`.
        classes: the number of classes.

    Raises:
        TypeError: not a mapping of integers to numbers.
        ValueError: an unknown class, a weight that is negative or not finite, or targets that are not classes.
    """
    if not isinstance(value, Mapping):
        raise bad_type(function, "class_weight", f"must be a dict of class: weight, got {show(value)}")
    table = np.ones(classes, dtype=np.float32)
    for label, weight in value.items():
        if isinstance(label, bool) or not isinstance(label, int | np.integer):
            raise bad_type(function, "class_weight", f"classes must be integers, got {show(label)}")
        if not 0 <= label < classes:
            raise bad_value(function, "class_weight", f"class {label} is outside [0, {classes})")
        if isinstance(weight, bool) or not isinstance(weight, int | float | np.integer | np.floating):
            raise bad_type(function, "class_weight", f"class {label} must have a number, got {show(weight)}")
        if not 0 <= weight <= _FLOAT32_MAX:
            raise bad_value(
                function, "class_weight", f"class {label} must have a finite weight >= 0, got {weight}"
            )
        table[label] = weight
    labels = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
    return table[labels.astype(np.int64)]
