"""Reshape, flatten and identity: the same memory under another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from densor._check import bad_value, integer
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import array_of

__all__ = ["ReshapeNode", "flatten", "identity", "reshape", "reshape_rows"]


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


def reshape(x: Any, newshape: Sequence[int]) -> Any:
    """The same values under another shape, in C order.

    Args:
        x: a symbolic tensor (batch, ...), or real numbers.
        newshape: the new shape, of which one entry may be -1. That of a symbolic tensor begins with -1, the batch,
            and the others hold the values of a row.

    Returns:
        A symbolic tensor, or a float32 array.

    Raises:
        TypeError: not real numbers, or sizes that are no integers. ValueError: another number of values, or rows of a
            symbolic tensor that would be cut or joined.

    Source: Keras 3 `ops.reshape`.

    Example:
        >>> import densor
        >>> from densor import ops
        >>> ops.reshape([[1, 2, 3, 4]], (2, -1)).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
        >>> ops.reshape(densor.Input((6,)), (-1, 3, 2)).shape
        (None, 3, 2)
    """
    sizes = _sizes(newshape)
    if not isinstance(x, Tensor):
        array = array_of("reshape", "x", x)
        return array.reshape(_resolved("newshape", array.size, sizes, "the array"))
    if sizes[:1] != (-1,) or -1 in sizes[1:]:
        raise bad_value(
            "reshape", "newshape", f"the batch of a symbolic tensor stays: -1 and the shape of a row; got {sizes}"
        )  # fmt: skip
    return reshape_rows(x, sizes[1:], "newshape")


def _sizes(newshape: Any) -> tuple[int, ...]:
    listed = list(newshape) if isinstance(newshape, list | tuple) else [newshape]
    # None is the batch of a symbolic tensor's shape.
    return tuple(-1 if size is None else integer("reshape", "newshape", size, low=-1) for size in listed)


def reshape_rows(x: Any, shape: Sequence[int], argument: str = "target_shape") -> Any:
    """Every row of the batch under another shape, of which one entry may be -1: (batch, ...) to (batch, *shape)."""
    if isinstance(x, Tensor):
        return ReshapeNode(x, (None, *_resolved(argument, x.features, tuple(shape), "a row"))).output
    array = array_of("reshape", "x", x)
    if array.ndim == 0:
        raise bad_value("reshape", "x", "expected a batch axis, got a scalar")
    return array.reshape(
        (array.shape[0], *_resolved(argument, math.prod(array.shape[1:]), tuple(shape), "a row"))
    )


def _resolved(argument: str, count: int, shape: tuple[int, ...], whole: str) -> tuple[int, ...]:
    known = math.prod(size for size in shape if size != -1)
    if shape.count(-1) == 1 and known > 0 and count % known == 0:
        return tuple(count // known if size == -1 else size for size in shape)
    if -1 in shape or known != count or any(size < 0 for size in shape):
        raise bad_value("reshape", argument, f"{shape} does not hold the {count} values of {whole}")
    return shape


def flatten(x: Any) -> Any:
    """Every row of the batch as a vector: (batch, ...) to (batch, features); rank 1 becomes (batch, 1).

    Example:
        >>> from densor import ops
        >>> ops.flatten([[[1, 2], [3, 4]]]).tolist()
        [[1.0, 2.0, 3.0, 4.0]]
    """
    return reshape_rows(x, (-1,)) if not isinstance(x, Tensor) else reshape_rows(x, (x.features,))


def identity(x: Any) -> Any:
    """`y = x`, as a tensor of its own; vanishes when a program is compiled. Arrays come back as they are."""
    return ReshapeNode(x, x.shape).output if isinstance(x, Tensor) else x
