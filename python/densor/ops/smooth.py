"""Smooth activations without a kernel of their own; as expressions, fused with what is around them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from densor._array import float32_array
from densor._check import boolean, number
from densor.graph import Tensor, Variable
from densor.ops._eager import operand
from densor.ops.activation import activation, relu, sigmoid, softplus, tanh
from densor.ops.arithmetic import absolute, divide, expm1, multiply, negative, sqrt, square
from densor.ops.comparison import where
from densor.ops.expression import ElementwiseNode
from densor.ops.transpose import transpose

__all__ = [
    "celu",
    "gelu",
    "log_sigmoid",
    "mish",
    "prelu",
    "silu",
    "softsign",
    "squareplus",
    "swish",
    "tanh_shrink",
]


def celu(x: Any, alpha: float = 1.0) -> Any:
    """`x` where x > 0, else `alpha * (exp(x / alpha) - 1)` (Barron 2017). Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.celu([-100.0, 2.0], alpha=0.5).tolist()
        [-0.5, 2.0]
    """
    alpha = number("celu", "alpha", alpha, low=0.0, include_low=False)
    x = operand("celu", x)
    below = where(x > 0.0, 0.0, x)  # no exponential overflows on the side that is not taken
    return where(x > 0.0, x, alpha * expm1(below * (1.0 / alpha)))


def gelu(x: Any, approximate: bool = False) -> Any:
    """`x * Phi(x)` with the normal distribution function Phi (Hendrycks and Gimpel 2016). Shapes as in `activation`.

    approximate: `x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2` instead.

    Example:
        >>> from densor import ops
        >>> ops.gelu([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    if not boolean("gelu", "approximate", approximate):
        return activation(x, "gelu")
    x = operand("gelu", x)
    inner = x * (0.044715 * square(x) + 1.0)
    return 0.5 * x * (tanh(math.sqrt(2.0 / math.pi) * inner) + 1.0)


def log_sigmoid(x: Any) -> Any:
    """`log(1 / (1 + exp(-x)))` without overflow. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.log_sigmoid([-100.0]).tolist()
        [-100.0]
    """
    return negative(softplus(negative(operand("log_sigmoid", x))))


def mish(x: Any) -> Any:
    """`x * tanh(softplus(x))` (Misra 2019). Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.mish([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    x = operand("mish", x)
    return x * tanh(softplus(x))


def prelu(x: Any, alpha: Any) -> Any:
    """`max(x, 0) + alpha * min(x, 0)` with a slope for every place (He et al. 2015); derivative 0 at 0.

    Args:
        x: a symbolic tensor, or real numbers. alpha: a variable or array with the shape of a row, or of its last
            axes; an axis of length 1 stands for all places along it only before or at the last one.

    Example:
        >>> from densor import ops
        >>> ops.prelu([[-2.0, -2.0, 3.0]], [0.5, 1.0, 2.0]).tolist()
        [[-1.0, -2.0, 3.0]]
    """
    x = operand("prelu", x)
    if not isinstance(x, Tensor):
        return relu(x) - multiply(alpha, relu(negative(x)))
    order = _repeated_first(alpha, x.ndim)
    if order == tuple(range(x.ndim)):
        return relu(x) - multiply(alpha, relu(negative(x)))
    if not isinstance(alpha, Variable):
        alpha = Variable(float32_array("prelu", "alpha", alpha), "alpha", trainable=False)
    moved = transpose(x, order)
    below = ElementwiseNode("multiply", [alpha, relu(negative(moved))], moved.shape).output
    return transpose(relu(moved) - below, tuple(order.index(axis) for axis in range(x.ndim)))


def _repeated_first(alpha: Any, ndim: int) -> tuple[int, ...]:
    """The order of axes in which those along which a row's slopes repeat stand right behind the batch.

    Values of a row that repeat themselves downwards are what an expression can read.
    """
    shape = np.shape(alpha)
    if len(shape) != ndim - 1 or ndim < 3:
        return tuple(range(ndim))
    return (0, *sorted(range(1, ndim - 1), key=lambda axis: shape[axis - 1] != 1), ndim - 1)


def silu(x: Any, beta: Any = 1.0) -> Any:
    """`x * sigmoid(beta * x)`, also called swish (Ramachandran et al. 2017). Shapes as in `activation`.

    beta: a number, or a variable that training changes.

    Example:
        >>> from densor import ops
        >>> ops.silu([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    if isinstance(beta, Variable):
        x = operand("silu", x)
        return x * sigmoid(multiply(beta, x))
    return activation(x, "silu", number("silu", "beta", beta))


swish = silu


def softsign(x: Any) -> Any:
    """`x / (1 + |x|)`. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.softsign([-1.0, 3.0]).tolist()
        [-0.5, 0.75]
    """
    x = operand("softsign", x)
    return divide(x, absolute(x) + 1.0)


def squareplus(x: Any, b: float = 4) -> Any:
    """`(x + sqrt(x^2 + b)) / 2` (Barron 2021). Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.squareplus([0.0]).tolist()
        [1.0]
    """
    smoothness = number("squareplus", "b", b, low=0.0)
    x = operand("squareplus", x)
    return multiply(x + sqrt(square(x) + smoothness), 0.5)


def tanh_shrink(x: Any) -> Any:
    """`x - tanh(x)`. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.tanh_shrink([0.0]).tolist()
        [0.0]
    """
    x = operand("tanh_shrink", x)
    return x - tanh(x)
