"""Comparisons, which are 1 or 0 and have no gradient, choices between values, and logic on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor.graph import Tensor
from densor.ops.expression import elementwise

__all__ = [
    "equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "not_equal", "where",
]  # fmt: skip


_LARGEST = float(np.finfo(np.float32).max)


def less(a: Any, b: Any) -> Any:
    """1 where `a < b`, else 0, as float32; arguments as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.less([1.0, 3.0], 2.0).tolist()
        [1.0, 0.0]
    """
    return elementwise("less", "less", a, b)


def less_equal(a: Any, b: Any) -> Any:
    """1 where `a <= b`, else 0, as float32; arguments as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.less_equal([1.0, 3.0], 2.0).tolist()
        [1.0, 0.0]
    """
    return elementwise("less_equal", "less_equal", a, b)


def greater(a: Any, b: Any) -> Any:
    """1 where `a > b`, else 0, as float32; arguments as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.greater([1.0, 3.0], 2.0).tolist()
        [0.0, 1.0]
    """
    return elementwise("greater", "less", b, a)


def greater_equal(a: Any, b: Any) -> Any:
    """1 where `a >= b`, else 0, as float32; arguments as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.greater_equal([1.0, 3.0], 2.0).tolist()
        [0.0, 1.0]
    """
    return elementwise("greater_equal", "less_equal", b, a)


def equal(a: Any, b: Any) -> Any:
    """1 where `a == b`, else 0, as float32; arguments as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.equal([1.0, 3.0], 2.0).tolist()
        [0.0, 0.0]
    """
    return elementwise("equal", "equal", a, b)


def not_equal(a: Any, b: Any) -> Any:
    """1 where `a != b`, else 0, as float32; arguments as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.not_equal([1.0, 2.0], 2.0).tolist()
        [1.0, 0.0]
    """
    return logical_not(equal(a, b))


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition is not 0, else `b`; shapes as for `multiply`.

    The gradient goes to the chosen one. A choice whose derivative is infinite or NaN where it is not chosen
    spoils it all the same: bound its argument too.

    Example:
        >>> from densor import ops
        >>> ops.where([True, False], [1.0, 2.0], 0.0).tolist()
        [1.0, 0.0]
    """
    return elementwise("where", "select", condition, a, b)


def logical_not(x: Any) -> Any:
    """1 where `x` is 0, else 0, as float32.

    Example:
        >>> from densor import ops
        >>> ops.logical_not([1.0, 0.0]).tolist()
        [0.0, 1.0]
    """
    return equal(x, 0.0)


def logical_and(a: Any, b: Any) -> Any:
    """1 where neither is 0, else 0, as float32; shapes as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.logical_and([1.0, 1.0], [1.0, 0.0]).tolist()
        [1.0, 0.0]
    """
    return where(a, not_equal(b, 0.0), 0.0)


def logical_or(a: Any, b: Any) -> Any:
    """1 where one of them is not 0, else 0, as float32; shapes as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.logical_or([1.0, 0.0], [0.0, 0.0]).tolist()
        [1.0, 0.0]
    """
    return where(a, 1.0, not_equal(b, 0.0))


def logical_xor(a: Any, b: Any) -> Any:
    """1 where just one of them is not 0, else 0, as float32; shapes as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.logical_xor([1.0, 1.0], [1.0, 0.0]).tolist()
        [0.0, 1.0]
    """
    return not_equal(not_equal(a, 0.0), not_equal(b, 0.0))


def isnan(x: Any) -> Any:
    """1 where `x` is NaN, else 0, as float32.

    Example:
        >>> from densor import ops
        >>> ops.isnan([1.0, float("nan")]).tolist()
        [0.0, 1.0]
    """
    return not_equal(x, x)


def isinf(x: Any) -> Any:
    """1 where `x` is infinite, else 0, as float32.

    Example:
        >>> from densor import ops
        >>> ops.isinf([1.0, -float("inf")]).tolist()
        [0.0, 1.0]
    """
    return greater(elementwise("isinf", "absolute", x), _LARGEST)


def isfinite(x: Any) -> Any:
    """1 where `x` is neither infinite nor NaN, else 0, as float32.

    Example:
        >>> from densor import ops
        >>> ops.isfinite([1.0, float("nan")]).tolist()
        [1.0, 0.0]
    """
    return less_equal(elementwise("isfinite", "absolute", x), _LARGEST)


Tensor.operators |= {
    "less": less,
    "less_equal": less_equal,
    "greater": greater,
    "greater_equal": greater_equal,
}
