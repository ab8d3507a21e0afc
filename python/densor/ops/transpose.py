"""Axes in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor._check import bad_value, integer
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import operand, transposed

__all__ = ["TransposeNode", "transpose"]


class TransposeNode(Node):
    """Axis i of the output is axis axes[i] of the input; the batch stays first. Saves nothing."""

    stem = "transpose"

    def __init__(self, x: Tensor, axes: tuple[int, ...]) -> None:
        self.axes = axes
        super().__init__([x], tuple(x.shape[axis] for axis in axes))

    def forward(self, lowering: Lowering) -> None:
        features = self.output.features
        lowering.emit(
            "transpose",
            y=lowering.result(self.output, features),
            x=lowering.value(self.inputs[0], features),
            shape=list(self.inputs[0].shape[1:]),
            axes=[axis - 1 for axis in self.axes[1:]],
        )

    def backward(self, lowering: Lowering) -> None:
        features = self.output.features
        dx = lowering.contribution(self.inputs[0], features)
        if dx is not None:
            lowering.emit(
                "transpose",
                y=dx,
                x=lowering.gradient(self.output, features),
                shape=list(self.output.shape[1:]),
                axes=[self.axes.index(axis) - 1 for axis in range(1, len(self.axes))],
            )


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Put the axes of `x` into another order: axis i of the result is axis `axes[i]` of `x`.

    Args:
        x: a symbolic tensor (batch, ...), or real numbers.
        axes: a permutation of the axes; None turns their order round. Of a symbolic tensor 0 comes first: the batch
            stays where it is.

    Returns:
        A symbolic tensor, or a new float32 array.

    Raises:
        TypeError: not real numbers, or axes that are not integers. ValueError: not such a permutation.

    Source: Keras 3 `ops.transpose`.

    Example:
        >>> from densor import ops
        >>> ops.transpose([[[1, 2, 3], [4, 5, 6]]], (0, 2, 1)).tolist()
        [[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]]
        >>> ops.transpose([[1, 2, 3]]).tolist()
        [[1.0], [2.0], [3.0]]
    """
    array = operand("transpose", x)
    given = range(array.ndim)[::-1] if axes is None else axes
    order = tuple(integer("transpose", "axes", axis) for axis in given)
    order = tuple(axis + array.ndim if axis < 0 else axis for axis in order)
    if sorted(order) != list(range(array.ndim)):
        raise bad_value(
            "transpose", "axes", f"expected the axes of shape {array.shape}, each once, got {axes}"
        )
    if not isinstance(array, Tensor):
        return transposed(array, order)
    if order[0] != 0:
        raise bad_value(
            "transpose", "axes", f"the batch of a symbolic tensor stays: expected 0 and then the other axes of shape "
            f"{array.shape}, got {axes}"
        )  # fmt: skip
    return TransposeNode(array, order).output
