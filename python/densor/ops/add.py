"""Elementwise addition (residual connections)."""

from __future__ import annotations

from numbers import Real
from typing import Any

from densor import _core
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import empty_like, matrix, require_shape, tensor
from densor.ops.rescale import rescale

__all__ = ["AddNode", "add"]


class AddNode(Node):
    """y = a + b. Both gradients are dy itself."""

    stem = "add"

    def __init__(self, a: Tensor, b: Tensor) -> None:
        super().__init__([a, b], a.shape)

    def forward(self, lowering: Lowering) -> None:
        a, b = map(lowering.value, self.inputs)
        lowering.emit("add", y=lowering.result(self.output), a=a, b=b)

    def backward(self, lowering: Lowering) -> None:
        for x in self.inputs:
            lowering.pass_gradient(x, lowering.gradient(self.output))


def add(a: Any, b: Any) -> Any:
    """`y = a + b`, elementwise; `tensor + tensor` means the same.

    Args:
        a, b: two symbolic tensors, or real numbers, of the same shape; one of them may be a number.

    Returns:
        A symbolic tensor, or a new float32 array.

    Raises:
        TypeError: a symbolic tensor with an array. ValueError: the shapes differ; nothing is broadcast.

    Source: Keras 3 `Add`, without broadcasting.

    Example:
        >>> from densor import ops
        >>> ops.add([1.0, 2.0], [10.0, 20.0]).tolist()
        [11.0, 22.0]
    """
    if isinstance(b, Real):
        return rescale(a, 1.0, float(b))
    if isinstance(a, Real):
        return rescale(b, 1.0, float(a))
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        a, b = tensor("add", "a", a), tensor("add", "b", b)
        require_shape("add", "b", b.shape, a.shape)
        return AddNode(a, b).output
    left, shape = matrix("add", "a", a)
    right, right_shape = matrix("add", "b", b)
    require_shape("add", "b", right_shape, shape)
    y = empty_like(left)
    _core.add(y, left, right).run()
    return y.reshape(shape)


Tensor.addition = add
