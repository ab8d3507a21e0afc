"""The mean of the absolute differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor.losses.loss import Loss, Values, aligned


def mean_absolute_error(y_true: Any, y_pred: Any) -> Values:
    """Returns the mean of |y_true - y_pred| over the last axis, float64 (rows, ...).

    `y_true`: the shape of `y_pred`, or one column, or none, which then stands for every column.

    >>> mean_absolute_error([[0.0, 0.0]], [[1.0, 2.0]])
    array([1.5])
    """
    true, predicted = aligned("mean_absolute_error", y_true, y_pred, broadcast=True)
    result: Values = np.mean(np.abs(true - predicted), axis=-1)
    return result


class MeanAbsoluteError(Loss):
    """The mean of |y_true - y_pred| over the columns, then reduced over the samples.

    Args:
        reduction: see `Loss` ("sum_over_batch_size").
        name: only kept ("mean_absolute_error").
        dtype: None or "float32".

    >>> MeanAbsoluteError()([[0.0, 0.0]], [[1.0, 2.0]])
    1.5
    """

    stem = "mean_absolute_error"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Values:
        return mean_absolute_error(y_true, y_pred)
