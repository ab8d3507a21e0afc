"""The metrics of regression: mean differences between targets and predictions."""

from __future__ import annotations

from typing import Any

from densor.losses import mean_absolute_error, mean_squared_error
from densor.metrics.mean_metric import MeanMetric


class MeanSquaredError(MeanMetric):
    """The mean of (y_true - y_pred)^2 over columns and rows.

    Args:
        name: the key in History ("mean_squared_error").
        dtype: None or "float32".

    >>> MeanSquaredError()([[0.0, 0.0]], [[1.0, 2.0]])
    2.5
    """

    stem = "mean_squared_error"
    direction = "down"

    def __init__(self, name: str = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(MeanMetric):
    """The mean of |y_true - y_pred| over columns and rows.

    Args:
        name: the key in History ("mean_absolute_error").
        dtype: None or "float32".

    >>> MeanAbsoluteError()([[0.0, 0.0]], [[1.0, 2.0]])
    1.5
    """

    stem = "mean_absolute_error"
    direction = "down"

    def __init__(self, name: str = "mean_absolute_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return mean_absolute_error(y_true, y_pred)
