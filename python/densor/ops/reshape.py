"""Reshape, flatten and identity: the same memory under another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from densor._check import bad_value
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import array_of

__all__ = ["ReshapeNode", "flatten", "identity", "reshape"]


class ReshapeNode(Node):
    """The input under another shape; costs nothing, forward or backward."""

    stem = "reshape"
    aliases = True

    def __init__(self, x: Tensor, shape: tuple[int | None, ...]) -> None:
        super().__init__([x], shape)

    def forward(self, lowering: Lowering) -> None:
        lowering.alias(self.output, self.inputs[0])

    def backward(self, lowering: Lowering) -> None:
        lowering.pass_gradient(self.inputs[0], lowering.gradient(self.output))


def reshape(x: Any, target_shape: Sequence[int]) -> Any:
    """Give every row of the batch another shape.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers.
        target_shape: the shape after the batch axis; one entry may be -1.

    Returns:
        (batch, *target_shape): a symbolic tensor, or a float32 array.

    Raises:
        TypeError: not real numbers. ValueError: another number of values per row.

    Source: Keras 3 `Reshape`.

    Example:
        >>> from densor import ops
        >>> ops.reshape([[1, 2, 3, 4]], (2, -1)).tolist()
        [[[1.0, 2.0], [3.0, 4.0]]]
    """
    if isinstance(x, Tensor):
        shape = _resolved(x.features, tuple(target_shape))
        return ReshapeNode(x, (None, *shape)).output
    array = array_of("reshape", "x", x)
    if array.ndim == 0:
        raise bad_value("reshape", "x", "expected a batch axis, got a scalar")
    return array.reshape((array.shape[0], *_resolved(math.prod(array.shape[1:]), tuple(target_shape))))


def _resolved(features: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    known = math.prod(size for size in shape if size != -1)
    if shape.count(-1) == 1 and known > 0 and features % known == 0:
        return tuple(features // known if size == -1 else size for size in shape)
    if -1 in shape or known != features or any(size < 0 for size in shape):
        raise bad_value("reshape", "target_shape", f"{shape} does not hold the {features} values of a row")
    return shape


def flatten(x: Any) -> Any:
    """Every row of the batch as a vector: (batch, ...) to (batch, features); rank 1 becomes (batch, 1).

    Example:
        >>> from densor import ops
        >>> ops.flatten([[[1, 2], [3, 4]]]).tolist()
        [[1.0, 2.0, 3.0, 4.0]]
    """
    return reshape(x, (-1,)) if not isinstance(x, Tensor) else reshape(x, (x.features,))


def identity(x: Any) -> Any:
    """`y = x`, as a tensor of its own; vanishes when a program is compiled. Arrays come back as they are."""
    return ReshapeNode(x, x.shape).output if isinstance(x, Tensor) else x
