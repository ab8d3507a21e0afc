"""Other dtypes and kinds of values, for code written for Keras: what is symbolic is float32 or bfloat16."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from densor._array import device_array, real_array
from densor._check import bad_type, bad_value, boolean, choice, integer, positive_int, unsupported
from densor.graph import Tensor, Variable, copied_to_device
from densor.ops._device import constant, float32_there, gathered
from densor.ops._eager import array_of
from densor.ops.cast import rounded, stored_as
from densor.ops.comparison import equal, logical_or, not_equal, where
from densor.ops.reduction import max, min, sum
from densor.ops.rescale import rescale
from densor.ops.reshape import reshape_rows
from densor.ops.transpose import transpose

__all__ = [
    "argmax", "argmin", "cast", "convert_to_numpy", "convert_to_tensor", "ndim", "one_hot", "ones_like", "shape",
    "size", "zeros_like",
]  # fmt: skip

_MOST_COUNTED = 2**24  # float32 has every integer up to here
DTYPES = (
    "float16", "bfloat16", "float32", "float64", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"
)  # fmt: skip


def cast(x: Any, dtype: str) -> Any:
    """`x` as numbers of a dtype.

    A symbolic tensor as "float32" or "bfloat16" is stored so, rounded to nearest. As "bool" it is 1 where it is not 0,
    as any other dtype it is what it was; write `floor` or `round` where numbers should lose their fractions. NumPy has
    no bfloat16: arrays stay float32, rounded.

    Args:
        x: a symbolic tensor, or real numbers. dtype: its name, such as "float32".

    Raises:
        TypeError: not real numbers. ValueError: an unknown dtype.

    Source: Keras 3 `ops.cast`.

    Example:
        >>> from densor import ops
        >>> ops.cast([True, False], "float32").tolist()
        [1.0, 0.0]
    """
    name = choice("cast", "dtype", getattr(dtype, "__name__", str(dtype)), DTYPES)
    if isinstance(x, Tensor):
        if name in ("float32", "bfloat16"):
            return stored_as(x, name)
        return not_equal(x, 0.0) if name == "bool" else x
    if name == "bfloat16":
        return rounded(x)
    there = float32_there("cast", "x", x)
    if there is None:
        return real_array("cast", "x", x).astype(name)
    if name not in ("float32", "bool"):
        raise bad_value("cast", "dtype", f"{name}: in device memory there are float32 and, as 0 and 1, bool; let the "
                        "library whose array it is convert it")  # fmt: skip
    return not_equal(there, 0.0) if name == "bool" else there


def convert_to_tensor(x: Any, dtype: str | None = None) -> Any:
    """A symbolic tensor as it is, other numbers as an array, float32 unless another `dtype` is given.

    Example:
        >>> from densor import ops
        >>> ops.convert_to_tensor([1, 2]).tolist()
        [1.0, 2.0]
    """
    if isinstance(x, Tensor | Variable):
        return x
    return array_of("convert_to_tensor", "x", x) if dtype is None else cast(x, dtype)


def convert_to_numpy(x: Any) -> Any:
    """The values as a NumPy array: of arrays wherever they lie, of variables, of numbers.

    Raises:
        TypeError: a symbolic tensor, which has none, or not real numbers.

    Source: Keras 3 `ops.convert_to_numpy`.

    Example:
        >>> from densor import ops
        >>> ops.convert_to_numpy([1, 2]).tolist()
        [1, 2]
    """
    if isinstance(x, Tensor):
        raise bad_type(
            "convert_to_numpy", "x", f"{x!r} is symbolic and has no values; call the model on arrays"
        )
    if isinstance(x, Variable):
        return x.numpy()
    there = float32_there("convert_to_numpy", "x", x)
    return real_array("convert_to_numpy", "x", x) if there is None else there.numpy()


def size(x: Any) -> Any:
    """The number of values; of a symbolic tensor a symbolic number, as nobody knows the rows of the batch.

    Source: Keras 3 `ops.size`.

    Example:
        >>> from densor import ops
        >>> ops.size([[1.0, 2.0]])
        2
    """
    return sum(ones_like(x)) if isinstance(x, Tensor) else math.prod(shape(x))


def ndim(x: Any) -> int:
    """The number of axes.

    Example:
        >>> from densor import ops
        >>> ops.ndim([[1.0, 2.0]])
        2
    """
    return len(shape(x))


def shape(x: Any) -> tuple[int | None, ...]:
    """The shape; of a symbolic tensor with None for the batch.

    Example:
        >>> from densor import ops
        >>> ops.shape([[1.0, 2.0]])
        (1, 2)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def zeros_like(x: Any) -> Any:
    """Zeros, shaped like `x`.

    Example:
        >>> from densor import ops
        >>> ops.zeros_like([1.0, 2.0]).tolist()
        [0.0, 0.0]
    """
    return rescale(x, 0.0, 0.0) if isinstance(x, Tensor) else _filled("zeros_like", x, 0.0)


def ones_like(x: Any) -> Any:
    """Ones, shaped like `x`.

    Example:
        >>> from densor import ops
        >>> ops.ones_like([1.0, 2.0]).tolist()
        [1.0, 1.0]
    """
    return rescale(x, 0.0, 1.0) if isinstance(x, Tensor) else _filled("ones_like", x, 1.0)


def _filled(function: str, x: Any, value: float) -> Any:
    there = device_array(function, "x", x)
    return np.full(np.shape(x), value, np.float32) if there is None else constant(there.shape, value)


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: str | None = None, sparse: bool = False) -> Any:
    """1 in the column of each class number, 0 elsewhere: (...) to (..., num_classes). No class, no 1.

    Args:
        x: class numbers, symbolic with or without a last axis of 1. num_classes: the number of columns.
        axis: where the columns stand among the axes of the result. dtype: as for `cast`, by default "float32".
        sparse: must be False.

    Source: Keras 3 `ops.one_hot`.

    Example:
        >>> from densor import ops
        >>> ops.one_hot([1, 0], 2).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
        >>> ops.one_hot([1, 0, 1], 2, axis=0, dtype="int32").tolist()
        [[0, 1, 0], [1, 0, 1]]
    """
    unsupported("one_hot", "sparse", sparse, False)
    hot = _columns_hot(x, positive_int("one_hot", "num_classes", num_classes))
    place = integer("one_hot", "axis", axis, -hot.ndim, hot.ndim - 1) % hot.ndim
    if place < hot.ndim - 1:
        order = list(range(hot.ndim - 1))
        order.insert(place, hot.ndim - 1)
        hot = transpose(hot, order)
    return hot if dtype is None else cast(hot, dtype)


def _columns_hot(x: Any, count: int) -> Any:
    """The columns behind the axes of the class numbers."""
    classes = np.arange(count, dtype=np.float32)
    if isinstance(x, Tensor):
        single = x.ndim > 1 and x.shape[-1] == 1
        return equal(x if single else reshape_rows(x, (*x.shape[1:], 1)), classes)  # type: ignore[arg-type]
    there = float32_there("one_hot", "x", x)
    if there is not None:
        return equal(there.reshape((*there.shape, 1)), copied_to_device(classes))
    return np.equal(real_array("one_hot", "x", x)[..., None], classes).astype(np.float32)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the largest value along an axis, of arrays; training has it in the accuracies.

    The first of equal ones, or the first NaN; int64, in the memory of a GPU int32. Without an axis the place among all
    values in a row; `keepdims` leaves axes of length 1.

    Raises:
        TypeError: a symbolic tensor, or not real numbers.

    Example:
        >>> from densor import ops
        >>> ops.argmax([[0.1, 0.9], [0.8, 0.2]], axis=-1).tolist()
        [1, 0]
    """
    if isinstance(x, Tensor):
        raise bad_type("argmax", "x", f"{x!r} is symbolic; argmax is for arrays only")
    there = float32_there("argmax", "x", x)
    array: Any = real_array("argmax", "x", x) if there is None else there
    if axis is not None:
        axis = integer("argmax", "axis", axis, -array.ndim, array.ndim - 1) % array.ndim
    if not array.size:
        raise bad_value("argmax", "x", f"nothing to choose from in shape {array.shape}")
    shape = [size for place, size in enumerate(array.shape) if place != axis and axis is not None]
    if boolean("argmax", "keepdims", keepdims):
        shape = [1 if axis in (None, place) else size for place, size in enumerate(array.shape)]
    if there is None:
        return array.argmax(axis=axis).reshape(shape)
    places = _argmax_there(there.reshape(there.size), 0) if axis is None else _argmax_there(there, axis)
    return places.reshape(tuple(shape))


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the smallest value along an axis, of arrays; arguments and dtypes as for `argmax`.

    Example:
        >>> from densor import ops
        >>> ops.argmin([[0.1, 0.9], [0.8, 0.2]], axis=-1).tolist()
        [0, 1]
    """
    if isinstance(x, Tensor):
        raise bad_type("argmin", "x", f"{x!r} is symbolic; argmin is for arrays only")
    there = float32_there("argmin", "x", x)
    return argmax(
        -real_array("argmin", "x", x).astype(np.float64) if there is None else -there, axis, keepdims
    )


def _argmax_there(x: Any, axis: int) -> Any:
    """`argmax` in the memory of a GPU, where numbers are float32: of axes that are not too long for them."""
    length = x.shape[axis]
    if length > _MOST_COUNTED:
        raise bad_value(
            "argmax", "x", f"in device memory an axis has at most {_MOST_COUNTED} places, got {length}"
        )
    along = np.arange(length, dtype=np.float32).reshape(
        -1, *(1,) * (-1 - axis if axis < 0 else x.ndim - axis - 1)
    )
    largest = logical_or(equal(x, max(x, axis=axis, keepdims=True)), not_equal(x, x))
    places = min(where(largest, copied_to_device(along), float(length)), axis=axis)
    return gathered(places.reshape(places.size), np.int32).reshape(places.shape)
