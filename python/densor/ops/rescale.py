"""Rescaling by two numbers: `y = x * scale + offset`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor import _core
from densor._check import number
from densor.graph import Lowering, Node, Tensor
from densor.graph.expression import Expression, Value
from densor.ops._eager import empty_like, matrix

__all__ = ["RescaleNode", "rescale"]


class RescaleNode(Node):
    """y = x * scale + offset. As the first node of a graph it is done by the gather."""

    stem = "rescale"
    elementwise = True

    def __init__(self, x: Tensor, scale: float, offset: float) -> None:
        self.scale = scale
        self.offset = offset
        super().__init__([x], x.shape)

    def forward(self, lowering: Lowering) -> None:
        y, x = lowering.result(self.output), lowering.value(self.inputs[0])
        lowering.emit("rescale", y=y, x=x, scale=self.scale, offset=self.offset)

    def backward(self, lowering: Lowering) -> None:
        dx, dy = lowering.contribution(self.inputs[0]), lowering.gradient(self.output)
        lowering.emit("rescale", y=dx, x=dy, scale=self.scale, offset=0.0)

    def express(self, expression: Expression, value_of: Callable[[Any], Value]) -> Value:
        scaled = expression.multiply(value_of(self.inputs[0]), expression.constant(self.scale))
        return expression.add(scaled, expression.constant(self.offset))

    def rescaling(self) -> tuple[float, float]:
        return self.scale, self.offset


def rescale(x: Any, scale: float, offset: float = 0.0) -> Any:
    """`y = x * scale + offset`, elementwise.

    Args:
        x: a symbolic tensor, or real numbers with at least one axis.
        scale, offset: finite numbers.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`. Its gradient is `dx = dy * scale`.

    Raises:
        TypeError: not real numbers. ValueError: `scale` or `offset` is not finite.

    Source: Keras 3 `Rescaling`.

    Example:
        >>> from densor import ops
        >>> ops.rescale([0, 255], 2 / 255, -1.0).tolist()
        [-1.0, 1.0]
    """
    scale = number("rescale", "scale", scale)
    offset = number("rescale", "offset", offset)
    if isinstance(x, Tensor):
        return RescaleNode(x, scale, offset).output
    flat, shape = matrix("rescale", "x", x)
    y = empty_like(flat)
    _core.rescale(y, flat, scale, offset).run()
    return y.reshape(shape)
