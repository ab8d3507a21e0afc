"""Activations made of straight or quadratic pieces; as expressions, fused with what is around them."""

from __future__ import annotations

from typing import Any

from densor._check import number
from densor.ops._eager import operand
from densor.ops.activation import leaky_relu, relu
from densor.ops.arithmetic import absolute, multiply, square
from densor.ops.comparison import where

__all__ = [
    "bounded_relu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "relu6", "soft_shrink",
    "sparse_plus", "sparse_sigmoid", "threshold",
]  # fmt: skip


def bounded_relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """`x` above `threshold`, at most `max_value`; below it `negative_slope * (x - threshold)`.

    Args:
        x: a symbolic tensor, or real numbers of any shape with at least one axis.
        negative_slope: >= 0. max_value: >= 0, None for no bound. threshold: >= 0.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`. At a kink the derivative is that of the flat
        side; with a slope and nothing else, as in `leaky_relu`.

    Raises:
        TypeError: not real numbers. ValueError: an argument out of range.

    Source: Keras 3 `activations.relu`.

    Example:
        >>> from densor import ops
        >>> ops.bounded_relu([-2.0, 1.0, 9.0], 0.5, max_value=6.0).tolist()
        [-1.0, 1.0, 6.0]
    """
    slope = number("relu", "negative_slope", negative_slope, low=0.0)
    bound = None if max_value is None else number("relu", "max_value", max_value, low=0.0)
    kink = number("relu", "threshold", threshold, low=0.0)
    if bound is None and kink == 0.0:
        return leaky_relu(x, slope) if slope else relu(x)
    x = operand("relu", x)
    above = where(x > kink, x, 0.0)
    if bound is not None:
        above = where(above < bound, above, bound)
    return above - slope * relu(kink - x) if slope else above


def relu6(x: Any) -> Any:
    """`min(max(x, 0), 6)`; derivative 0 at 0 and 6. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.relu6([-1.0, 2.0, 9.0]).tolist()
        [0.0, 2.0, 6.0]
    """
    return bounded_relu(x, max_value=6.0)


def hard_tanh(x: Any) -> Any:
    """`x` bounded by -1 and 1; derivative 0 there. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.hard_tanh([-3.0, 0.5]).tolist()
        [-1.0, 0.5]
    """
    x = operand("hard_tanh", x)
    return where(absolute(x) < 1.0, x, where(x > 0.0, 1.0, -1.0))


def hard_sigmoid(x: Any) -> Any:
    """`relu6(x + 3) / 6`: a sigmoid of straight pieces. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.hard_sigmoid([-3.0, 0.0, 3.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    return multiply(relu6(operand("hard_sigmoid", x) + 3.0), 1.0 / 6.0)


def hard_silu(x: Any) -> Any:
    """`x * hard_sigmoid(x)`, also called hard swish (Howard et al. 2019). Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.hard_silu([0.0, 1.5, 3.0]).tolist()
        [0.0, 1.125, 3.0]
    """
    x = operand("hard_silu", x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` where |x| > threshold, else 0. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.hard_shrink([-1.0, 0.5, 2.0]).tolist()
        [-1.0, 0.0, 2.0]
    """
    limit = number("hard_shrink", "threshold", threshold, low=0.0)
    x = operand("hard_shrink", x)
    return where(absolute(x) > limit, x, 0.0)


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` moved by `threshold` towards 0, and 0 within it. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.soft_shrink([-1.0, 0.5, 2.0]).tolist()
        [-0.5, 0.0, 1.5]
    """
    limit = number("soft_shrink", "threshold", threshold, low=0.0)
    x = operand("soft_shrink", x)
    return where(x > limit, x - limit, where(x < -limit, x + limit, 0.0))


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """`x` where x > threshold, else `default_value`. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.threshold([0.5, 2.0], 1.0, -1.0).tolist()
        [-1.0, 2.0]
    """
    limit = number("threshold", "threshold", threshold)
    other = number("threshold", "default_value", default_value)
    x = operand("threshold", x)
    return where(x > limit, x, other)


def sparse_plus(x: Any) -> Any:
    """0 up to -1, `x` from 1 on, `(x + 1)^2 / 4` between. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.sparse_plus([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.25, 2.0]
    """
    x = operand("sparse_plus", x)
    return where(x <= -1.0, 0.0, where(x < 1.0, 0.25 * square(x + 1.0), x))


def sparse_sigmoid(x: Any) -> Any:
    """0 up to -1, 1 from 1 on, `(x + 1) / 2` between. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    return multiply(hard_tanh(x) + 1.0, 0.5)
