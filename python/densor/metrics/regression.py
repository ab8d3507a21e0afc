"""The metrics of regression that are means over rows."""

from __future__ import annotations

import math
from typing import Any

from densor import losses
from densor.losses.loss import aligned, arithmetic, axis_last, axis_of
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
        return losses.mean_squared_error(y_true, y_pred)


class RootMeanSquaredError(MeanMetric):
    """The square root of the mean of (y_true - y_pred)^2 over columns and rows.

    Args:
        name: the key in History ("root_mean_squared_error").
        dtype: None or "float32".

    >>> RootMeanSquaredError()([[0.0, 0.0]], [[1.0, 7.0]])
    5.0
    """

    direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.mean_squared_error(y_true, y_pred)

    def final(self, mean: float) -> float:
        return math.sqrt(mean)


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
        return losses.mean_absolute_error(y_true, y_pred)


class MeanAbsolutePercentageError(MeanMetric):
    """100 * the mean of |y_true - y_pred| / max(|y_true|, epsilon) over columns and rows.

    Args:
        name: the key in History ("mean_absolute_percentage_error").
        dtype: None or "float32".

    >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]])
    37.5
    """

    direction = "down"

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(MeanMetric):
    """The mean of (log(1 + y_true) - log(1 + y_pred))^2 over columns and rows.

    Args:
        name: the key in History ("mean_squared_logarithmic_error").
        dtype: None or "float32".

    >>> MeanSquaredLogarithmicError()([[1.0]], [[1.0]])
    0.0
    """

    direction = "down"

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.mean_squared_logarithmic_error(y_true, y_pred)


class LogCoshError(MeanMetric):
    """The mean of log(cosh(y_pred - y_true)) over columns and rows.

    Args:
        name: the key in History ("logcosh").
        dtype: None or "float32".

    >>> LogCoshError()([[1.0]], [[1.0]])
    0.0
    """

    direction = "down"

    def __init__(self, name: str = "logcosh", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.log_cosh(y_true, y_pred)


class CosineSimilarity(MeanMetric):
    """The mean cosine of the angle between rows of targets and predictions; the loss of that name is its negative.

    Args:
        name: the key in History ("cosine_similarity").
        dtype: None or "float32".
        axis: that of the vectors, not 0 (-1).

    >>> CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]])
    1.0
    """

    direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis_of("CosineSimilarity", axis)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return -losses.cosine_similarity(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Returns the correlation of targets and predictions over an axis, float64 (rows, ...).

    >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(6)
    array([1.])
    """
    where = "pearson_correlation"
    true, predicted = axis_last(where, axis, *aligned(where, y_true, y_pred, broadcast=False))
    xp = arithmetic(true, predicted)
    a, b = (x - xp.mean(x, axis=-1, keepdims=True) for x in (true, predicted))
    spread = xp.sqrt(xp.mean(a * a, axis=-1) * xp.mean(b * b, axis=-1))
    return xp.mean(a * b, axis=-1) / spread


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Returns 2 cov / (var_true + var_pred + (mean_true - mean_pred)^2) over an axis, float64 (rows, ...).

    >>> concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).round(6)
    array([1.])
    """
    where = "concordance_correlation"
    true, predicted = axis_last(where, axis, *aligned(where, y_true, y_pred, broadcast=False))
    xp = arithmetic(true, predicted)
    means = [xp.mean(x, axis=-1, keepdims=True) for x in (true, predicted)]
    a, b = true - means[0], predicted - means[1]
    shift = xp.mean(xp.square(means[0] - means[1]), axis=-1)
    spread = xp.mean(a * a, axis=-1) + xp.mean(b * b, axis=-1) + shift
    return 2.0 * xp.mean(a * b, axis=-1) / (spread + 1e-7)


class PearsonCorrelation(MeanMetric):
    """The mean over rows of the correlation of targets and predictions.

    Args:
        name: the key in History ("pearson_correlation").
        dtype: None or "float32".
        axis: that of the vectors, not 0 (-1).

    >>> round(PearsonCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]), 6)
    1.0
    """

    direction = "up"

    def __init__(self, name: str = "pearson_correlation", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis_of("PearsonCorrelation", axis)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return pearson_correlation(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class ConcordanceCorrelation(MeanMetric):
    """The mean over rows of the concordance correlation: 1 only where predictions equal targets.

    Args:
        name: the key in History ("concordance_correlation").
        dtype: None or "float32".
        axis: that of the vectors, not 0 (-1).

    >>> round(ConcordanceCorrelation()([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]), 6)
    1.0
    """

    direction = "up"

    def __init__(
        self, name: str = "concordance_correlation", dtype: str | None = None, axis: int = -1
    ) -> None:
        super().__init__(name, dtype)
        self.axis = axis_of("ConcordanceCorrelation", axis)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return concordance_correlation(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
