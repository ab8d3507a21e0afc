"""Arrays made of nothing but numbers, as Keras' `ops` names them; float32 unless another dtype is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from densor._check import bad_value, integer, number
from densor.ops.conversion import cast

__all__ = ["arange", "eye", "full", "linspace", "ones", "zeros"]


def zeros(shape: int | Sequence[int], dtype: str | None = None) -> Any:
    """Zeros.

    Example:
        >>> from densor import ops
        >>> ops.zeros((1, 2)).tolist()
        [[0.0, 0.0]]
    """
    return cast(np.zeros(_shape("zeros", shape), np.float32), dtype or "float32")


def ones(shape: int | Sequence[int], dtype: str | None = None) -> Any:
    """Ones.

    Example:
        >>> from densor import ops
        >>> ops.ones(2, dtype="int32").tolist()
        [1, 1]
    """
    return cast(np.ones(_shape("ones", shape), np.float32), dtype or "float32")


def full(shape: int | Sequence[int], fill_value: float, dtype: str | None = None) -> Any:
    """An array of one number.

    Example:
        >>> from densor import ops
        >>> ops.full((2,), 0.5).tolist()
        [0.5, 0.5]
    """
    value = number("full", "fill_value", fill_value)
    return cast(np.full(_shape("full", shape), value), dtype or "float32")


def eye(N: int, M: int | None = None, k: int = 0, dtype: str | None = None) -> Any:
    """(N, M), by default square, with ones on the diagonal, or the `k`-th above it.

    Example:
        >>> from densor import ops
        >>> ops.eye(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    rows = integer("eye", "N", N, low=0)
    columns = rows if M is None else integer("eye", "M", M, low=0)
    return cast(np.eye(rows, columns, integer("eye", "k", k)), dtype or "float32")


def arange(
    start: float, stop: float | None = None, step: float | None = None, dtype: str | None = None
) -> Any:
    """The numbers from `start` on, `step` apart, before `stop`; with one argument from 0 on.

    Of integers int32, else float32.

    Example:
        >>> from densor import ops
        >>> ops.arange(3).tolist(), ops.arange(1.0, 2.0, 0.5).tolist()
        ([0, 1, 2], [1.0, 1.5])
    """
    given = {"start": start, "stop": stop, "step": step}
    numbers = {name: value for name, value in given.items() if value is not None}
    for name, value in numbers.items():
        number("arange", name, value)
    if step == 0:
        raise bad_value("arange", "step", "must not be 0")
    first, end = (0, start) if stop is None else (start, stop)
    values = np.arange(first, end, 1 if step is None else step)
    return cast(values, dtype or ("int32" if values.dtype.kind in "iu" else "float32"))


def linspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: str | None = None
) -> Any:
    """`num` numbers evenly spread from `start` to `stop`, which is the last one if `endpoint`.

    Example:
        >>> from densor import ops
        >>> ops.linspace(0, 1, 3).tolist()
        [0.0, 0.5, 1.0]
    """
    first, last = number("linspace", "start", start), number("linspace", "stop", stop)
    count = integer("linspace", "num", num, low=0)
    return cast(np.linspace(first, last, count, endpoint=endpoint), dtype or "float32")


def _shape(function: str, shape: Any) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, list | tuple) else (shape,)
    return tuple(integer(function, "shape", size, low=0) for size in sizes)
