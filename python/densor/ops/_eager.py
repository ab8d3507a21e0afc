"""What the eager functions share: arrays as matrices, variables or constants as parameters, errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._array import float32_array
from densor.graph import Tensor, Variable, copied_to_device
from densor.ops._device import float32_there, permuted, room

__all__ = [
    "Float32",
    "array_beside",
    "array_of",
    "copy_of",
    "empty",
    "empty_like",
    "first_sum",
    "matrix",
    "operand",
    "optional_vector",
    "parameter",
    "require_shape",
    "tensor",
    "transposed",
    "vector_of",
    "zero_sums",
]

Float32 = NDArray[np.float32]


def array_of(function: str, argument: str, value: Any) -> Float32:
    """A float32 array in C order: of the host, or as it is where it lies in the memory of a GPU."""
    there: Any = float32_there(function, argument, value)
    return float32_array(function, argument, value) if there is None else cast(Float32, there)


def matrix(
    function: str, argument: str, value: Any, columns: int | None = None
) -> tuple[Float32, tuple[int, ...]]:
    """An array of rank >= 1 as a float32 matrix over its last axis (or `columns`), and its own shape."""
    array = array_of(function, argument, value)
    if array.ndim == 0:
        raise ValueError(f"{function}(): argument '{argument}': expected at least one axis, got a scalar")
    columns = array.shape[-1] if columns is None else columns
    rows = math.prod(array.shape[:-1]) if columns == array.shape[-1] else array.size // max(columns, 1)
    return array.reshape(rows, columns), array.shape


def operand(function: str, x: Any) -> Any:
    """A symbolic tensor as it is, real numbers as a float32 array: what the operators of Python then take."""
    return x if isinstance(x, Tensor) else array_of(function, "x", x)


def empty_like(x: Float32) -> Float32:
    """An output shaped like `x`, where that is."""
    return cast(Float32, empty(x.shape, x))


def empty(shape: tuple[int, ...], like: Any, dtype: Any = np.float32) -> Any:
    """An output of this shape in the memory in which `like` is."""
    return room(shape, dtype) if isinstance(like, _core.DeviceArray) else np.empty(shape, dtype)


def zero_sums(like: Any) -> Any:
    """Two sums in float64, to which kernels add, in the memory in which `like` is."""
    sums = np.zeros(2)
    return copied_to_device(sums) if isinstance(like, _core.DeviceArray) else sums


def first_sum(sums: Any) -> float:
    """The first of them."""
    return float((sums.numpy() if isinstance(sums, _core.DeviceArray) else sums)[0])


def array_beside(array: Float32, like: Any) -> Any:
    """An array of the host in the memory in which `like` is."""
    return copied_to_device(array) if isinstance(like, _core.DeviceArray) else array


def copy_of(function: str, argument: str, value: Any) -> Float32:
    """A new float32 array in C order, where `value` is."""
    array: Any = array_of(function, argument, value)
    if isinstance(array, _core.DeviceArray):
        return cast(Float32, permuted(array.reshape(array.size), (0,)).reshape(array.shape))
    return cast(Float32, array.copy())


def transposed(x: Any, axes: Sequence[int]) -> Float32:
    """The axes of an array in another order, as a new array in C order."""
    if isinstance(x, _core.DeviceArray):
        return cast(Float32, permuted(x, tuple(axes)))
    return np.ascontiguousarray(x.transpose(axes))


def optional_vector(function: str, argument: str, value: Any, size: int) -> Float32 | None:
    """None, or a float32 vector of `size` values."""
    if value is None:
        return None
    return vector_of(function, argument, value, size)


def vector_of(function: str, argument: str, value: Any, size: int) -> Float32:
    """A float32 vector of `size` values, or those of a variable."""
    array = value.values if isinstance(value, Variable) else array_of(function, argument, value)
    require_shape(function, argument, array.shape, (size,))
    return array


def require_shape(function: str, argument: str, got: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    """Raise ValueError unless the shapes are equal."""
    if got != expected:
        raise ValueError(f"{function}(): argument '{argument}': expected shape {expected}, got {got}")


def parameter(function: str, argument: str, value: Any, shape: tuple[int, ...]) -> Variable:
    """A variable for a symbolic operation: `value` itself, or an array as a constant."""
    if isinstance(value, Tensor):
        raise TypeError(
            f"{function}(): argument '{argument}': expected a Variable or an array, got {value!r}"
        )
    if isinstance(value, Variable):
        variable = value
    else:
        variable = Variable(float32_array(function, argument, value), argument, trainable=False)
    require_shape(function, argument, variable.shape, shape)
    return variable


def tensor(function: str, argument: str, value: Any) -> Tensor:
    """`value`, which must be symbolic because another input is."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{function}(): argument '{argument}': expected a symbolic tensor like the other input, "
            f"got {type(value).__name__}"
        )
    return value
