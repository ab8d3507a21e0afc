"""The mean of the absolute differences."""

from __future__ import annotations

from typing import Any

from densor.losses.loss import Loss, aligned, arithmetic


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Returns the mean of |y_true - y_pred| over the last axis, float64 (rows, ...).

    `y_true`: the shape of `y_pred`, or one column, or none, which then stands for every column.

    >>> mean_absolute_error([[0.0, 0.0]], [[1.0, 2.0]])
    array([1.5])
    """
    true, predicted = aligned("mean_absolute_error", y_true, y_pred, broadcast=True)
    xp = arithmetic(true, predicted)
    return xp.mean(xp.abs(true - predicted), axis=-1)


class MeanAbsoluteError(Loss):
    """The mean of |y_true - y_pred| over the columns, then reduced over the samples.

    Args:
        reduction: see `Loss` ("sum_over_batch_size").
        name: only kept ("mean_absolute_error").
        dtype: None or "float32".

    >>> MeanAbsoluteError()([[0.0, 0.0]], [[1.0, 2.0]])
    1.5
    """

    target_kind = "values"
    stem = "mean_absolute_error"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return mean_absolute_error(y_true, y_pred)
