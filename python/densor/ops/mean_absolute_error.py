"""Mean absolute error."""

from __future__ import annotations

from typing import Any

from densor import _core
from densor.ops._eager import Float32, array_of
from densor.ops._loss import loss_and_gradient, outputs_and_values

__all__ = ["mean_absolute_error"]


def mean_absolute_error(x: Any, target: Any, weight: Any = None) -> tuple[float, Float32]:
    """Mean absolute error of the predictions `x`, and its gradient.

    Per row the mean `l` of `|x - target|` over the columns; the loss is `sum(weight * l) / rows`.

    Args:
        x: (rows, ...), predictions. target: shaped like `x`, or (rows, 1) for all columns.
        weight: (rows,) or None.

    Returns:
        `(loss, gradient)`: a float, and float32 shaped like `x`. The derivative of |.| at 0 is 0.

    Raises:
        TypeError: not real numbers. ValueError: the shapes do not fit.

    Source: Keras 3 mean_absolute_error.

    Example:
        >>> from densor import ops
        >>> loss, gradient = ops.mean_absolute_error([[2.0]], [[-1.0]])
        >>> loss, gradient.tolist()
        (3.0, [[1.0]])
    """
    predictions = array_of("mean_absolute_error", "x", x)
    flat, values = outputs_and_values("mean_absolute_error", predictions, target)
    return loss_and_gradient(
        "mean_absolute_error", _core.mean_absolute_error, flat, values, weight, predictions.shape
    )
