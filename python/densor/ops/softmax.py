"""Softmax over the last axis."""

from __future__ import annotations

from typing import Any

from densor import _core
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import Float32, empty_like, matrix, require_shape

__all__ = ["SoftmaxNode", "softmax", "softmax_backward"]


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


def softmax(x: Any) -> Any:
    """`y = exp(x - max) / sum(exp(x - max))` over the last axis.

    Args:
        x: (..., classes), a symbolic tensor or real numbers.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`; rows sum to 1.

    Raises:
        TypeError: not real numbers. ValueError: a symbolic tensor without a last axis.

    Source: Keras 3 `activations.softmax` with axis=-1.

    Example:
        >>> from densor import ops
        >>> ops.softmax([[1.0, 1.0]]).tolist()
        [[0.5, 0.5]]
    """
    if isinstance(x, Tensor):
        if x.ndim < 2:
            raise ValueError(f"softmax(): argument 'x': expected rank >= 2, got shape {x.shape}")
        return SoftmaxNode(x).output
    flat, shape = matrix("softmax", "x", x)
    y = empty_like(flat)
    _core.softmax_forward(y, flat).run()
    return y.reshape(shape)


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
