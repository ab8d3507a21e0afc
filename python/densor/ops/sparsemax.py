"""Sparsemax: the nearest probabilities."""

from __future__ import annotations

from typing import Any

from densor import _core
from densor.graph import Lowering, Node, Tensor
from densor.graph.expression import Expression
from densor.graph.expression_code import Output, passes
from densor.ops._axes import as_last
from densor.ops._eager import empty_like, matrix

__all__ = ["SparsemaxNode", "sparsemax"]


class SparsemaxNode(Node):
    """y = max(x - tau, 0) over the last axis, whose sum is 1. Saves y."""

    stem = "sparsemax"

    def __init__(self, x: Tensor) -> None:
        super().__init__([x], x.shape)

    def forward(self, lowering: Lowering) -> None:
        lowering.emit("sparsemax", y=lowering.result(self.output), x=lowering.value(self.inputs[0]))

    def backward(self, lowering: Lowering) -> None:
        """dx = dy less its mean over the support, and 0 outside."""
        dx, dy = lowering.contribution(self.inputs[0]), lowering.gradient(self.output)
        if dx is None:
            return
        rows, columns = dx.shape
        e = Expression(columns)
        y, upstream = e.operand(0, True), e.operand(1, True)
        support = e.apply("less", e.constant(0.0), y)
        inside = e.multiply(upstream, support)
        mean = e.divide(e.reduce("sum", inside), e.reduce("sum", support))
        root = Output(e.subtract(inside, e.multiply(mean, support)), True)
        views = {y: lowering.value(self.output), upstream: dy}
        for part in passes([root]):
            outputs = [dx if out == root else lowering.buffer("sum", (rows, 1)) for out in part.outputs]
            operands = [views[value] for value in part.operands]
            lowering.emit(
                "expression", outputs=outputs, operands=operands, code=part.code, constants=part.constants,
                rows=rows, cols=columns if part.wide else 1,
            )  # fmt: skip
            views |= {out.value: view for out, view in zip(part.outputs, outputs, strict=True)}


def sparsemax(x: Any, axis: int = -1) -> Any:
    """`y = max(x - tau, 0)` along an axis, with the tau for which y sums to 1: mostly zeros where x is spread out.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers. axis: any but the batch's.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: an axis that is not there.

    Source: Martins and Astudillo 2016. (In Keras 3.15 tau comes from another sum, and the result does not sum to 1.)

    Example:
        >>> from densor import ops
        >>> ops.sparsemax([[0.5, 0.0, -0.5]]).tolist()
        [[0.75, 0.25, 0.0]]
    """
    moved, back = as_last("sparsemax", x, axis)
    if isinstance(moved, Tensor):
        return back(SparsemaxNode(moved).output)
    flat, shape = matrix("sparsemax", "x", moved)
    y = empty_like(flat)
    _core.sparsemax(y, flat).run()
    return back(y.reshape(shape))
