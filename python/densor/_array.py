"""User arrays on their way in: what counts as an array, and the conversions the kernels need."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _core

__all__ = ["device_array", "float32_array", "real_array"]

_FLOAT32 = np.dtype(np.float32)  # of this machine's byte order
_DLPACK_CUDA = (2, 13)  # memory of a GPU, its own and managed
_NATIVE = frozenset(map(np.dtype, "?bBhHiIlLqQfd"))  # dtypes that every kernel's caller takes as they are


def real_array(function: str, argument: str, value: Any) -> NDArray[Any]:
    """`value` as an array of real numbers in this machine's byte order; nothing is copied if it is one already.

    Accepts arrays, nested lists and tuples, and anything with `__array__` (pandas frames, memory maps).

    Raises:
        TypeError: not an array, or one of complex numbers, strings, objects, dates, or masked.
        ValueError: rows of different lengths.
    """
    if type(value) is np.ndarray and value.dtype in _NATIVE:  # nearly every call
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{function}(): argument '{argument}': masked arrays are not supported; fill it first"
        )
    if not isinstance(value, np.ndarray):
        value = _from_sequence(function, argument, value)
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        advice = "; if all are numbers, pass numpy.asarray(..., 'float32')" if array.dtype.kind == "O" else ""
        raise TypeError(
            f"{function}(): argument '{argument}': expected real numbers, got dtype {array.dtype}{advice}"
        )
    if array.dtype.itemsize > 8 or array.dtype.name in ("float16", "bfloat16"):
        array = array.astype(np.float64 if array.dtype.itemsize > 8 else np.float32)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _from_sequence(function: str, argument: str, value: Any) -> NDArray[Any]:
    numbers = (bool, int, float, np.generic)
    if not isinstance(value, (list, tuple, *numbers)) and not hasattr(value, "__array__"):
        kind = type(value).__name__
        raise TypeError(f"{function}(): argument '{argument}': expected an array of real numbers, got {kind}")
    try:
        array = np.asarray(value)
        return _from_columns(function, argument, value) if _mixed(value, array) else array
    except ValueError as error:
        lengths = [len(row) if isinstance(row, (list, tuple)) else None for row in value]
        bad = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
        where = (
            f": row {bad} has length {lengths[bad]}, row 0 has {lengths[0]}"
            if bad is not None
            else f": {error}"
        )
        raise ValueError(f"{function}(): argument '{argument}': not a regular array{where}") from None


def _mixed(value: Any, array: NDArray[Any]) -> bool:
    """Whether `array` was made of a frame whose columns NumPy has no common dtype for."""
    return array.dtype.kind == "O" and array.ndim == 2 and hasattr(value, "columns")


def _from_columns(function: str, argument: str, frame: Any) -> NDArray[Any]:
    """A frame of columns of different kinds, bools and numbers or a frame's own dtypes, as one array."""
    columns = []
    for name in frame.columns:
        column = np.asarray(frame[name])
        if column.dtype.kind == "O":
            with suppress(TypeError, ValueError):  # a frame's own integers, where none are missing
                column = np.array(column.tolist())
        if column.dtype.kind not in "fiub":
            raise TypeError(
                f"{function}(): argument '{argument}': column {name!r} holds {column.dtype}, expected real numbers"
            )
        columns.append(column.astype(np.float64) if column.dtype.itemsize > 4 else column.astype(np.float32))
    return np.column_stack(columns)


def float32_array(function: str, argument: str, value: Any) -> NDArray[np.float32]:
    """`value` as a C-contiguous, aligned float32 array; copied only if it is something else.

    Raises:
        TypeError: as `real_array`.
        ValueError: as `real_array`, or a number beyond the range of float32.
    """
    if type(value) is np.ndarray and value.dtype == _FLOAT32 and value.flags.carray:
        return value
    array = real_array(function, argument, value)
    if array.dtype == _FLOAT32:
        return np.require(array, requirements=["C", "A"])
    with np.errstate(over="ignore"):
        converted = array.astype(np.float32, order="C")
    if array.dtype == np.float64:
        overflow = np.isinf(converted) & np.isfinite(array)
        if overflow.any():
            first = int(overflow.argmax())
            where = tuple(int(i) for i in np.unravel_index(first, array.shape))
            raise ValueError(
                f"{function}(): argument '{argument}': value {array.reshape(-1)[first]} at {where} "
                "is outside the range of float32"
            )
    return converted


def device_array(function: str, argument: str, value: Any) -> _core.DeviceArray | None:
    """`value` if it lies in the memory of a GPU (CuPy's, PyTorch's or densor's array), without a copy; else None.

    It shows its memory by `__cuda_array_interface__` or, where it has none, by DLPack. What the caller's current stream
    still has to do comes before anything that densor does with it.

    Raises:
        DeviceError: this build or machine cannot use a GPU. TypeError: a dtype that no kernel reads.
        ValueError: more than 8 axes; a stream that is being captured in a graph.
    """
    if isinstance(value, (np.ndarray, np.generic, list, tuple, int, float)):
        return None
    if isinstance(value, _core.DeviceArray):  # unasked: who looks at its interface borrows its memory
        return value
    if not hasattr(value, "__cuda_array_interface__"):
        device = getattr(value, "__dlpack_device__", None)
        if device is None or device()[0] not in _DLPACK_CUDA:
            return None
    try:
        return _core.DeviceArray.wrapped(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{function}(): argument '{argument}': {error}") from None
