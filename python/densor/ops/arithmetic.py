"""Elementwise arithmetic, powers, exponentials and logarithms."""

from __future__ import annotations

from typing import Any

from densor._check import bad_value, is_number, number
from densor.graph import Tensor
from densor.ops.add import add
from densor.ops.expression import elementwise
from densor.ops.rescale import rescale

__all__ = [
    "absolute",
    "ceil",
    "clip",
    "divide",
    "erf",
    "exp",
    "expm1",
    "floor",
    "log",
    "log1p",
    "log2",
    "log10",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "power",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "sqrt",
    "square",
    "subtract",
]  # fmt: skip


def multiply(a: Any, b: Any) -> Any:
    """`y = a * b`, elementwise; `tensor * tensor` means the same.

    Args:
        a, b: symbolic tensors, variables or real numbers. Arrays are broadcast as NumPy does. Symbolic tensors
            have the same shape, or a last axis of 1 which then stands for all columns; variables and arrays
            beside them have the shape of a row, or of its last axes.

    Returns:
        A symbolic tensor, or a new float32 array.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit.

    Source: Keras 3 `ops.multiply`.

    Example:
        >>> from densor import ops
        >>> ops.multiply([1.0, 2.0], [[3.0], [5.0]]).tolist()
        [[3.0, 6.0], [5.0, 10.0]]
    """
    if isinstance(a, Tensor) and is_number(b):
        return rescale(a, number("multiply", "b", b), 0.0)
    if isinstance(b, Tensor) and is_number(a):
        return rescale(b, number("multiply", "a", a), 0.0)
    return elementwise("multiply", "multiply", a, b)


def subtract(a: Any, b: Any) -> Any:
    """`y = a - b`, elementwise; arguments as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.subtract([1.0, 2.0], 0.5).tolist()
        [0.5, 1.5]
    """
    if isinstance(a, Tensor) and is_number(b):
        return add(a, -number("subtract", "b", b))
    return elementwise("subtract", "subtract", a, b)


def divide(a: Any, b: Any) -> Any:
    """`y = a / b`, elementwise; arguments as for `multiply`.

    Example:
        >>> from densor import ops
        >>> ops.divide([1.0, 2.0], 4.0).tolist()
        [0.25, 0.5]
    """
    return elementwise("divide", "divide", a, b)


def power(a: Any, b: Any) -> Any:
    """`a ** b`, elementwise, NaN for a negative `a` and a broken `b`; arguments as for `multiply`.

    Exponents 2, 3, 0.5, 1, 0 and -1 given as numbers take the shorter way.

    Example:
        >>> from densor import ops
        >>> ops.power([1.0, 2.0], 3.0).tolist()
        [1.0, 8.0]
    """
    if isinstance(a, Tensor) and is_number(b):
        exponent = number("power", "b", b)
        if exponent == 1.0:
            return a
        if exponent == 0.0:
            return rescale(a, 0.0, 1.0)
        if exponent in (2.0, 3.0):
            return multiply(a, a) if exponent == 2.0 else multiply(multiply(a, a), a)
        if exponent in (0.5, -1.0):
            return sqrt(a) if exponent == 0.5 else reciprocal(a)
    return elementwise("power", "power", a, b)


def maximum(a: Any, b: Any) -> Any:
    """The larger of the two, elementwise; NaN where either is; arguments as for `multiply`.

    Equal ones share the gradient.

    Example:
        >>> from densor import ops
        >>> ops.maximum([1.0, 4.0], 2.0).tolist()
        [2.0, 4.0]
    """
    return elementwise("maximum", "maximum", a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of the two, elementwise; NaN where either is; arguments as for `multiply`.

    Equal ones share the gradient.

    Example:
        >>> from densor import ops
        >>> ops.minimum([1.0, 4.0], 2.0).tolist()
        [1.0, 2.0]
    """
    return elementwise("minimum", "minimum", a, b)


def clip(x: Any, x_min: float, x_max: float) -> Any:
    """`x` bounded by two numbers; the gradient is 0 outside.

    Example:
        >>> from densor import ops
        >>> ops.clip([-1.0, 0.5, 3.0], 0.0, 1.0).tolist()
        [0.0, 0.5, 1.0]
    """
    low, high = number("clip", "x_min", x_min), number("clip", "x_max", x_max)
    if low > high:
        raise bad_value("clip", "x_min", f"must be at most x_max = {high:g}, got {low:g}")
    return minimum(maximum(x, low), high)


def negative(x: Any) -> Any:
    """`y = -x`, elementwise.

    Example:
        >>> from densor import ops
        >>> ops.negative([1.0, -2.0]).tolist()
        [-1.0, 2.0]
    """
    return elementwise("negative", "negative", x)


def absolute(x: Any) -> Any:
    """`y = |x|`, elementwise; derivative 0 at 0.

    Example:
        >>> from densor import ops
        >>> ops.absolute([1.0, -2.0]).tolist()
        [1.0, 2.0]
    """
    return elementwise("absolute", "absolute", x)


abs = absolute


def sign(x: Any) -> Any:
    """-1, 0 or 1, elementwise; its gradient is 0.

    Example:
        >>> from densor import ops
        >>> ops.sign([3.0, 0.0, -2.0]).tolist()
        [1.0, 0.0, -1.0]
    """
    return elementwise("sign", "sign", x)


def sqrt(x: Any) -> Any:
    """The square root, elementwise; NaN for negative numbers.

    Example:
        >>> from densor import ops
        >>> ops.sqrt([4.0]).tolist()
        [2.0]
    """
    return elementwise("sqrt", "sqrt", x)


def floor(x: Any) -> Any:
    """The largest integer not above `x`, elementwise; its gradient is 0.

    Example:
        >>> from densor import ops
        >>> ops.floor([1.5, -1.5]).tolist()
        [1.0, -2.0]
    """
    return elementwise("floor", "floor", x)


def round(x: Any) -> Any:
    """The nearest integer, the even one of two, elementwise; its gradient is 0.

    Example:
        >>> from densor import ops
        >>> ops.round([1.5, 2.5]).tolist()
        [2.0, 2.0]
    """
    return elementwise("round", "round", x)


def exp(x: Any) -> Any:
    """The exponential function, elementwise.

    Example:
        >>> from densor import ops
        >>> ops.exp([0.0]).tolist()
        [1.0]
    """
    return elementwise("exp", "exp", x)


def expm1(x: Any) -> Any:
    """`exp(x) - 1`, elementwise, exact near 0.

    Example:
        >>> from densor import ops
        >>> ops.expm1([0.0]).tolist()
        [0.0]
    """
    return elementwise("expm1", "expm1", x)


def log(x: Any) -> Any:
    """The natural logarithm, elementwise; -inf at 0, NaN below.

    Example:
        >>> from densor import ops
        >>> ops.log([1.0]).tolist()
        [0.0]
    """
    return elementwise("log", "log", x)


def log1p(x: Any) -> Any:
    """`log(1 + x)`, elementwise, exact near 0.

    Example:
        >>> from densor import ops
        >>> ops.log1p([0.0]).tolist()
        [0.0]
    """
    return elementwise("log1p", "log1p", x)


def erf(x: Any) -> Any:
    """The error function, elementwise.

    Example:
        >>> from densor import ops
        >>> ops.erf([0.0]).tolist()
        [0.0]
    """
    return elementwise("erf", "erf", x)


def ceil(x: Any) -> Any:
    """The smallest integer not below `x`, elementwise; its gradient is 0.

    Example:
        >>> from densor import ops
        >>> ops.ceil([1.5, -1.5]).tolist()
        [2.0, -1.0]
    """
    return negative(floor(negative(x)))


def square(x: Any) -> Any:
    """`y = x * x`, elementwise.

    Example:
        >>> from densor import ops
        >>> ops.square([3.0]).tolist()
        [9.0]
    """
    return elementwise("square", "multiply", x, x)


def reciprocal(x: Any) -> Any:
    """`y = 1 / x`, elementwise.

    Example:
        >>> from densor import ops
        >>> ops.reciprocal([4.0]).tolist()
        [0.25]
    """
    return elementwise("reciprocal", "divide", 1.0, x)


def rsqrt(x: Any) -> Any:
    """`y = 1 / sqrt(x)`, elementwise.

    Example:
        >>> from densor import ops
        >>> ops.rsqrt([4.0]).tolist()
        [0.5]
    """
    return reciprocal(sqrt(x))


def log2(x: Any) -> Any:
    """The logarithm to base 2, elementwise.

    Example:
        >>> from densor import ops
        >>> ops.log2([1.0]).tolist()
        [0.0]
    """
    return multiply(log(x), 1.4426950408889634)


def log10(x: Any) -> Any:
    """The logarithm to base 10, elementwise.

    Example:
        >>> from densor import ops
        >>> ops.log10([1.0]).tolist()
        [0.0]
    """
    return multiply(log(x), 0.4342944819032518)


Tensor.operators |= {
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "power": power,
    "negative": negative,
    "absolute": absolute,
}
