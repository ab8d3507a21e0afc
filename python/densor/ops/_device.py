"""Arrays in the memory of a GPU: whatever the caller has there as float32 in C order, repeated, in another order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from densor import _core
from densor._array import device_array
from densor._check import bad_type, bad_value
from densor.graph import copied_to_device, room_on_device
from densor.graph.expression import Expression
from densor.graph.expression_code import Output, passes

__all__ = [
    "broadcast",
    "constant",
    "float32_there",
    "gathered",
    "operand_of",
    "permuted",
    "room",
    "shapes_joined",
]

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_MOST_AXES = 6  # that the kernel brings into another order


def room(shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    """Device memory for an array that is yet to be computed."""
    return room_on_device(np.empty(shape, dtype))


def constant(shape: tuple[int, ...], value: float) -> _core.DeviceArray:
    """An array of one number."""
    return copied_to_device(np.full(shape, value, np.float32))


def float32_there(function: str, argument: str, value: Any) -> Any:
    """`value` as float32 in C order if it lies in the memory of a GPU, without a copy if it is that; else None.

    Raises:
        DeviceError: this build or machine cannot use a GPU. TypeError: float16 or no numbers.
        ValueError: numbers beyond the range of float32, or gaps in its memory that no kernel reads.
    """
    array = device_array(function, argument, value)
    if array is None or (array.dtype == _FLOAT32 and array.contiguous):
        return array
    if array.dtype == np.float16:
        raise bad_type(function, argument, "expected float32 in device memory, got float16; convert it there")
    strides = array.strides
    order = tuple(sorted(range(array.ndim), key=lambda axis: -strides[axis]))
    back = tuple(order.index(axis) for axis in range(array.ndim))
    seen: Any = array.moved(order)
    try:
        values = gathered(seen, np.float32) if seen.ndim else gathered(seen.reshape(1), np.float32)
    except ValueError:
        raise bad_value(
            function, argument, "lies in device memory with gaps within its rows; copy it into C order there"
        ) from None
    if array.dtype == _FLOAT64 and _core.count_nonfinite(values)[0] > _core.count_nonfinite(seen)[0]:
        raise bad_value(function, argument, "holds float64 numbers outside the range of float32")
    values = values.reshape(seen.shape)
    return values if back == tuple(range(array.ndim)) else permuted(values, back)


def gathered(array: _core.DeviceArray, dtype: Any) -> Any:
    """A copy in C order as float32 or, of one column, as int32.

    Raises:
        ValueError: the values of a row do not lie side by side.
    """
    if dtype == np.float32:
        shape: tuple[int, ...] = (array.shape[0], math.prod(array.shape[1:]))
    else:
        shape = array.shape[:1]
    copy = room(shape, dtype)
    if array.size:
        feed = _core.Feed()
        feed.bind(array)
        _core.gather(copy, feed, 1.0, 0.0).run()
    return copy if dtype != np.float32 else copy.reshape(array.shape)


def permuted(x: Any, axes: tuple[int, ...]) -> Any:
    """A copy whose axis i is axis `axes[i]` of `x`, all in C order.

    Raises:
        ValueError: more axes than the kernel takes.
    """
    shape = tuple(x.shape[axis] for axis in axes)
    if len(shape) > _MOST_AXES:
        raise bad_value(
            "transpose", "x", f"has {len(shape)} axes; in device memory at most {_MOST_AXES} move"
        )
    y = room((1, x.size))
    if x.size:
        _core.transpose(y, x.reshape(1, x.size), list(x.shape), list(axes)).run()
    return y.reshape(shape)


def shapes_joined(function: str, argument: str, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape to which arrays of these shapes are broadcast.

    Raises:
        ValueError: there is none.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        named = " and ".join(map(str, shapes))
        raise bad_value(function, argument, f"shapes {named} cannot be broadcast") from None


def operand_of(x: Any, shape: tuple[int, ...]) -> Any:
    """`x` as a matrix that an expression over (rows, last axis) of `shape` repeats, downwards or along the columns."""
    own = (1,) * (len(shape) - x.ndim) + x.shape
    first = next((i for i, size in enumerate(own) if size != 1), len(own))
    if own[first:] == shape[first:]:
        width = shape[-1] if first < len(shape) else 1
        return x.reshape(x.size // max(width, 1), width)
    if own[-1] == 1 and own[first:-1] == shape[first:-1]:
        return x.reshape(x.size, 1)
    return broadcast(x, shape).reshape(-1, shape[-1])


def broadcast(x: Any, shape: tuple[int, ...]) -> Any:
    """`x` repeated along the axes where `shape` is longer."""
    own = (1,) * (len(shape) - x.ndim) + x.shape
    while own != shape:
        first = next(i for i, size in enumerate(own) if size != shape[i])
        end = next((i for i in range(first, len(own)) if own[i] == shape[i]), len(own))
        before, behind = math.prod(own[:first]), math.prod(own[end:])
        own = (*own[:first], *shape[first:end], *own[end:])
        x = _repeated(x.reshape(before, behind), math.prod(shape[first:end]))
    return x.reshape(shape)


def _repeated(x: Any, count: int) -> Any:
    """(before, count, behind) of (before, behind)."""
    before, behind = x.shape
    if behind == 1:
        return _copied(x, before, count)
    downwards = _copied(x.reshape(1, x.size), count, x.size)
    return downwards if before == 1 else permuted(downwards.reshape(count, before, behind), (1, 0, 2))


def _copied(x: Any, rows: int, columns: int) -> Any:
    """(rows, columns), where `x` has one row or one column of it."""
    copy = room((rows, columns))
    if copy.size:
        (part,) = passes([Output(Expression(2).operand(0, True), True)])
        _core.expression([copy], [x], part.code, part.constants, rows, columns).run()
    return copy
