"""Softmax and its logarithm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor import _core
from densor._check import bad_value
from densor.graph import Lowering, Node, Tensor
from densor.ops._axes import as_last
from densor.ops._eager import Float32, empty_like, matrix, operand, require_shape
from densor.ops.comparison import greater, where
from densor.ops.reduction import logsumexp

__all__ = ["SoftmaxNode", "log_softmax", "masked_softmax", "softmax", "softmax_backward"]


class SoftmaxNode(Node):
    """y = exp(x) / sum(exp(x)) over the last axis. Saves y."""

    stem = "softmax"

    def __init__(self, x: Tensor) -> None:
        super().__init__([x], x.shape)

    def forward(self, lowering: Lowering) -> None:
        lowering.emit("softmax_forward", y=lowering.result(self.output), x=lowering.value(self.inputs[0]))

    def backward(self, lowering: Lowering) -> None:
        dx, dy = lowering.contribution(self.inputs[0]), lowering.gradient(self.output)
        lowering.emit("softmax_backward", dx=dx, dy=dy, y=lowering.value(self.output))

    def cross_entropy(self) -> str:
        return "softmax_cross_entropy"


def softmax(x: Any, axis: int | Sequence[int] = -1) -> Any:
    """`y = exp(x - max) / sum(exp(x - max))` over an axis, or over several together.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers. axis: any but the batch's.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`; along the axes it sums to 1.

    Raises:
        TypeError: not real numbers. ValueError: an axis that is not there.

    Source: Keras 3 `activations.softmax` and `layers.Softmax`.

    Example:
        >>> from densor import ops
        >>> ops.softmax([[1.0, 1.0]]).tolist()
        [[0.5, 0.5]]
    """
    if isinstance(x, Tensor) and x.ndim < 2:
        raise bad_value("softmax", "x", f"expected rank >= 2, got shape {x.shape}")
    if axis != -1:
        moved, back = as_last("softmax", x, axis)
        return back(softmax(moved))
    if isinstance(x, Tensor):
        return SoftmaxNode(x).output
    flat, shape = matrix("softmax", "x", x)
    y = empty_like(flat)
    _core.softmax_forward(y, flat).run()
    return y.reshape(shape)


def log_softmax(x: Any, axis: int | Sequence[int] = -1) -> Any:
    """`log(softmax(x))` without underflow: `x - logsumexp(x)`; arguments as for `softmax`.

    Example:
        >>> from densor import ops
        >>> ops.log_softmax([[0.0, -1000.0]]).tolist()
        [[0.0, -1000.0]]
    """
    if axis == -1:
        x = operand("log_softmax", x)
        return x - logsumexp(x, axis=-1, keepdims=True)
    moved, back = as_last("log_softmax", x, axis)
    return back(log_softmax(moved))


def masked_softmax(x: Any, mask: Any, axis: int | Sequence[int] = -1) -> Any:
    """`softmax` over the places where the mask is above 0.5; 0 at the others, also where a mask hides all.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers. mask: its shape, or with a last axis of 1. axis: as for
            `softmax`.

    Example:
        >>> from densor import ops
        >>> ops.masked_softmax([[1.0, 9.0, 1.0]], [[1.0, 0.0, 1.0]]).tolist()
        [[0.5, 0.0, 0.5]]
    """
    kept = greater(mask, 0.5)
    return where(kept, softmax(where(kept, x, -1e9), axis), 0.0)


def softmax_backward(dy: Any, y: Any) -> Float32:
    """The gradient of softmax: `dx = y * (dy - sum(dy * y))`, sums over the last axis.

    Args:
        dy: (..., classes), the gradient of the output.
        y: (..., classes), the output.

    Returns:
        float32, shaped like `dy`.

    Raises:
        TypeError: not real numbers. ValueError: the shapes differ.

    Source: the chain rule.

    Example:
        >>> from densor import ops
        >>> ops.softmax_backward([[1.0, 0.0]], [[0.5, 0.5]]).tolist()
        [[0.25, -0.25]]
    """
    upstream, shape = matrix("softmax_backward", "dy", dy)
    output, y_shape = matrix("softmax_backward", "y", y)
    require_shape("softmax_backward", "y", y_shape, shape)
    dx = empty_like(upstream)
    _core.softmax_backward(dx, upstream, output).run()
    return dx.reshape(shape)
