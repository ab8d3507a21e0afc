"""The penalty of L1 and L2 regularization, on arrays and on the tensors of a graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _core
from densor._check import number
from densor.graph import Lowering, Node, Tensor
from densor.graph.penalty import Penalized, PenaltySum, RegularizerLike
from densor.ops._eager import Float32, array_of, empty_like, first_sum, zero_sums

__all__ = ["PenaltyNode", "penalize", "penalty"]


class PenaltyNode(Node):
    """Adds the penalty of a tensor, divided by the rows of the batch, to the loss; computes nothing."""

    stem = "penalty"
    sink = True

    def __init__(self, x: Tensor, regularizer: RegularizerLike, owner: Any) -> None:
        super().__init__([x], (None,))
        self.regularizer = regularizer
        self.owner = owner

    def forward(self, lowering: Lowering) -> None:
        total = lowering.sum_of(self)
        if total is not None:
            per_row = PenaltySum(total.totals, total.weight / lowering.rows)
            self.regularizer.emit(lowering, Penalized(lowering.value(self.inputs[0]), None, per_row))

    def backward(self, lowering: Lowering) -> None:
        x = self.inputs[0]
        dx = lowering.contribution(x)
        if dx is not None:
            scale = lowering.gradient_scale / lowering.rows
            self.regularizer.emit(lowering, Penalized(lowering.value(x), dx, None, scale))


def penalize(x: Tensor, regularizer: RegularizerLike, owner: Any) -> None:
    """Add the regularizer's penalty of a symbolic tensor, divided by the rows, to the loss of the model."""
    PenaltyNode(x, regularizer, owner)


def penalty(x: Any, l1: float = 0.0, l2: float = 0.0) -> tuple[float, Float32]:
    """The penalty `l1 * sum |x| + l2 * sum x^2`, and its gradient `l1 * sign(x) + 2 * l2 * x`.

    The gradient of |x| at 0 is 0.

    Args:
        x: real numbers of any shape. l1, l2: at least 0.

    Returns:
        `(value, gradient)`: a float, summed in float64, and float32 shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: a negative coefficient.

    Source: the L1 and L2 regularizers of Keras 3.

    Example:
        >>> from densor import ops
        >>> value, gradient = ops.penalty([1.0, -2.0, 0.0], l1=0.5, l2=0.25)
        >>> value, gradient.tolist()
        (2.75, [1.0, -1.5, 0.0])
    """
    slope, curvature = number("penalty", "l1", l1, low=0), number("penalty", "l2", l2, low=0)
    array = array_of("penalty", "x", x)
    dx, totals = empty_like(array), zero_sums(array)
    _core.penalty(totals, [array], [dx], np.array([slope]), np.array([curvature]), 1.0, 1.0, False).run()
    return first_sum(totals), dx
