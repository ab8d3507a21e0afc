"""Elementwise addition (residual connections)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor._check import is_number
from densor.graph import Lowering, Node, Tensor
from densor.graph.expression import Expression, Value
from densor.ops.expression import elementwise
from densor.ops.rescale import rescale

__all__ = ["AddNode", "add"]


class AddNode(Node):
    """y = a + b. Both gradients are dy itself."""

    stem = "add"
    elementwise = True

    def __init__(self, a: Tensor, b: Tensor) -> None:
        super().__init__([a, b], a.shape)

    def forward(self, lowering: Lowering) -> None:
        a, b = map(lowering.value, self.inputs)
        lowering.emit("add", y=lowering.result(self.output), a=a, b=b)

    def backward(self, lowering: Lowering) -> None:
        for x in self.inputs:
            lowering.pass_gradient(x, lowering.gradient(self.output))

    def express(self, expression: Expression, value_of: Callable[[Any], Value]) -> Value:
        a, b = map(value_of, self.inputs)
        return expression.add(a, b)


def add(a: Any, b: Any) -> Any:
    """`y = a + b`, elementwise; `tensor + tensor` means the same.

    Args:
        a, b: symbolic tensors, variables or real numbers, whose shapes fit as for `multiply`.

    Returns:
        A symbolic tensor, or a new float32 array.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit.

    Source: Keras 3 `ops.add`.

    Example:
        >>> from densor import ops
        >>> ops.add([1.0, 2.0], [10.0, 20.0]).tolist()
        [11.0, 22.0]
    """
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape:
        return AddNode(a, b).output
    if isinstance(a, Tensor) and is_number(b):
        return rescale(a, 1.0, float(b))
    if isinstance(b, Tensor) and is_number(a):
        return rescale(b, 1.0, float(a))
    return elementwise("add", "add", a, b)


Tensor.operators["add"] = add
