"""The gated linear unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _core
from densor._check import bad_value
from densor.graph import Lowering, Node, Tensor
from densor.graph.expression import Expression
from densor.graph.expression_code import Output, passes
from densor.ops._axes import axes_of
from densor.ops._eager import array_of, empty
from densor.ops.activation import sigmoid
from densor.ops.arithmetic import multiply
from densor.ops.transpose import transpose

__all__ = ["GluNode", "glu"]


class GluNode(Node):
    """y = a sigmoid(b) for the halves a and b of the columns of x. Saves both."""

    stem = "glu"

    def __init__(self, x: Tensor) -> None:
        super().__init__([x], (*x.shape[:-1], x.columns // 2))

    def forward(self, lowering: Lowering) -> None:
        y = lowering.result(self.output)
        halves = [lowering.save(self, name, y.shape, y.dtype) for name in ("a", "b")]
        lowering.emit("concatenate_backward", dxs=halves, dy=lowering.value(self.inputs[0]))
        e = Expression(y.shape[1])
        a, b = (e.operand(index, True) for index in range(2))
        gate = e.apply("sigmoid", b, e.constant(0.0))
        self._emit(lowering, {a: halves[0], b: halves[1]}, {e.multiply(a, gate): y})

    def backward(self, lowering: Lowering) -> None:
        dx, upstream = lowering.contribution(self.inputs[0]), lowering.gradient(self.output)
        if dx is None:
            return
        e = Expression(upstream.shape[1])
        a, b, dy = (e.operand(index, True) for index in range(3))
        gate = e.apply("sigmoid", b, e.constant(0.0))
        da = e.multiply(dy, gate)
        db = e.multiply(e.multiply(da, a), e.subtract(e.constant(1.0), gate))
        halves = {value: lowering.buffer("d", upstream.shape) for value in (da, db)}
        saved = {a: lowering.saved(self, "a"), b: lowering.saved(self, "b"), dy: upstream}
        self._emit(lowering, saved, halves)
        lowering.emit("concatenate", y=dx, xs=list(halves.values()))

    @staticmethod
    def _emit(lowering: Lowering, operands: dict[Any, Any], results: dict[Any, Any]) -> None:
        (part,) = passes([Output(value, True) for value in results])
        view = next(iter(results.values()))
        lowering.emit(
            "expression",
            outputs=[results[out.value] for out in part.outputs],
            operands=[operands[value] for value in part.operands],
            code=part.code, constants=part.constants, rows=view.shape[0], cols=view.shape[1],
        )  # fmt: skip


def glu(x: Any, axis: int = -1) -> Any:
    """`a * sigmoid(b)` for the halves a and b of `x` along an axis.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers. axis: any but the batch's, of even length.

    Returns:
        A symbolic tensor, or a new float32 array, with half the length along the axis.

    Raises:
        TypeError: not real numbers. ValueError: an axis that is not there, or of odd length.

    Source: Dauphin et al. 2017.

    Example:
        >>> from densor import ops
        >>> ops.glu([[3.0, 4.0, 0.0, 100.0]]).tolist()
        [[1.5, 4.0]]
    """
    x = x if isinstance(x, Tensor) else array_of("glu", "x", x)
    (place,) = axes_of("glu", [axis], x.shape)
    length = x.shape[place]
    if length % 2:
        raise bad_value("glu", "x", f"axis {axis} must have an even length, got shape {x.shape}")
    order = (*(i for i in range(len(x.shape)) if i != place), place)
    if place != len(x.shape) - 1:
        return transpose(glu(transpose(x, order)), tuple(np.argsort(order).tolist()))
    if isinstance(x, Tensor):
        return GluNode(x).output
    flat, half = x.reshape(x.size // max(length, 1), length), length // 2
    a, b = (empty((flat.shape[0], half), x) for _ in range(2))
    _core.concatenate_backward([a, b], flat).run()
    return multiply(a, sigmoid(b)).reshape((*x.shape[:-1], half))
