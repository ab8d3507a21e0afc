"""Other dtypes and kinds of values, for code written for Keras: everything symbolic is float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor._array import float32_array, real_array
from densor._check import bad_type, choice, integer, positive_int
from densor.graph import Tensor, Variable
from densor.ops.comparison import equal, not_equal
from densor.ops.rescale import rescale
from densor.ops.reshape import reshape

__all__ = ["argmax", "cast", "convert_to_tensor", "one_hot", "ones_like", "shape", "zeros_like"]

DTYPES = (
    "float16", "bfloat16", "float32", "float64", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"
)  # fmt: skip


def cast(x: Any, dtype: str) -> Any:
    """`x` as numbers of a dtype.

    A symbolic tensor stays float32: as "bool" it is 1 where it is not 0, as any other dtype it is what it was; write
    `floor` or `round` where numbers should lose their fractions.

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
        return not_equal(x, 0.0) if name == "bool" else x
    return real_array("cast", "x", x).astype("float32" if name == "bfloat16" else name)


def convert_to_tensor(x: Any, dtype: str | None = None) -> Any:
    """A symbolic tensor as it is, other numbers as an array, float32 unless another `dtype` is given.

    Example:
        >>> from densor import ops
        >>> ops.convert_to_tensor([1, 2]).tolist()
        [1.0, 2.0]
    """
    if isinstance(x, Tensor | Variable):
        return x
    return float32_array("convert_to_tensor", "x", x) if dtype is None else cast(x, dtype)


def shape(x: Any) -> tuple[int | None, ...]:
    """The shape; of a symbolic tensor with None for the batch.

    Example:
        >>> from densor import ops
        >>> ops.shape([[1.0, 2.0]])
        (1, 2)
    """
    return tuple(x.shape) if isinstance(x, Tensor | Variable) else np.shape(x)


def zeros_like(x: Any) -> Any:
    """Zeros, shaped like `x`.

    Example:
        >>> from densor import ops
        >>> ops.zeros_like([1.0, 2.0]).tolist()
        [0.0, 0.0]
    """
    return rescale(x, 0.0, 0.0) if isinstance(x, Tensor) else np.zeros(np.shape(x), np.float32)


def ones_like(x: Any) -> Any:
    """Ones, shaped like `x`.

    Example:
        >>> from densor import ops
        >>> ops.ones_like([1.0, 2.0]).tolist()
        [1.0, 1.0]
    """
    return rescale(x, 0.0, 1.0) if isinstance(x, Tensor) else np.ones(np.shape(x), np.float32)


def one_hot(x: Any, num_classes: int) -> Any:
    """1 in the column of each class number, 0 elsewhere: (...) to (..., num_classes). No class, no 1.

    Args:
        x: class numbers, symbolic with or without a last axis of 1. num_classes: the number of columns.

    Example:
        >>> from densor import ops
        >>> ops.one_hot([1, 0], 2).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    classes = np.arange(positive_int("one_hot", "num_classes", num_classes), dtype=np.float32)
    if isinstance(x, Tensor):
        single = x.ndim > 1 and x.shape[-1] == 1
        return equal(x if single else reshape(x, (*x.shape[1:], 1)), classes)  # type: ignore[arg-type]
    return np.equal(real_array("one_hot", "x", x)[..., None], classes).astype(np.float32)


def argmax(x: Any, axis: int = -1) -> Any:
    """The place of the largest value along an axis, of arrays; training has it in the accuracies.

    Raises:
        TypeError: a symbolic tensor, or not real numbers.

    Example:
        >>> from densor import ops
        >>> ops.argmax([[0.1, 0.9]]).tolist()
        [1]
    """
    if isinstance(x, Tensor):
        raise bad_type("argmax", "x", f"{x!r} is symbolic; argmax is for arrays only")
    array = real_array("argmax", "x", x)
    return array.argmax(axis=integer("argmax", "axis", axis, -array.ndim, array.ndim - 1))
