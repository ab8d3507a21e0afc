"""Columns to mean 0 and deviation 1 by given statistics, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor import _core
from densor._check import boolean
from densor.graph import Lowering, Node, Tensor, Variable
from densor.ops._axes import as_last
from densor.ops._eager import empty_like, matrix, vector_of
from densor.ops._parameters import column_parameter, vector

__all__ = ["StandardizeNode", "standardize"]

_EPSILON = 1e-7  # Keras' backend.epsilon()


class StandardizeNode(Node):
    """y = (x - mean) / max(sqrt(variance), 1e-7) of every column, or back. The statistics are constants."""

    stem = "standardize"

    def __init__(self, x: Tensor, mean: Variable, variance: Variable, invert: bool) -> None:
        self.mean = mean
        self.variance = variance
        self.invert = invert
        super().__init__([x], x.shape, [mean, variance])

    def forward(self, lowering: Lowering) -> None:
        y, x = lowering.result(self.output), lowering.value(self.inputs[0])
        self._emit(lowering, y, x, self.mean)

    def backward(self, lowering: Lowering) -> None:
        dx = lowering.contribution(self.inputs[0])
        if dx is not None:
            self._emit(lowering, dx, lowering.gradient(self.output), None)

    def _emit(self, lowering: Lowering, y: Any, x: Any, mean: Variable | None) -> None:
        variance = vector(self.variance)
        lowering.emit(
            "standardize",
            y=y,
            x=x,
            mean=vector(mean),
            variance=variance,
            epsilon=_EPSILON,
            invert=self.invert,
        )


def standardize(
    x: Any, mean: Any, variance: Any, *, axis: int | Sequence[int] = -1, invert: bool = False
) -> Any:
    """`y = (x - mean) / max(sqrt(variance), 1e-7)` for every place of `axis`, or back.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers of rank >= 2.
        mean, variance: (columns,), Variables or real numbers; gradients do not reach them.
        axis: the axis, or axes, whose places are the columns.
        invert: `y = mean + x * max(sqrt(variance), 1e-7)` instead.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit.

    Source: Keras 3 `Normalization`.

    Example:
        >>> from densor import ops
        >>> ops.standardize([[3.0]], [1.0], [4.0]).tolist()
        [[1.0]]
    """
    function = "standardize"
    invert = boolean(function, "invert", invert)
    x, back = as_last(function, x, axis)
    if isinstance(x, Tensor):
        center, spread = (
            column_parameter(function, name, value, x.columns)
            for name, value in (("mean", mean), ("variance", variance))
        )
        return back(StandardizeNode(x, center, spread, invert).output)
    flat, shape = matrix(function, "x", x)
    means = vector_of(function, "mean", mean, shape[-1])
    variances = vector_of(function, "variance", variance, shape[-1])
    y = empty_like(flat)
    _core.standardize(y, flat, means, variances, _EPSILON, invert).run()
    return back(y.reshape(shape))
