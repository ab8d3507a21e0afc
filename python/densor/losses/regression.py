"""Losses of numbers: relative, logarithmic and robust differences, and the angle between rows."""

from __future__ import annotations

import math
from typing import Any

from densor import _check, config
from densor.losses.loss import Loss, aligned, arithmetic, axis_last, axis_of


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Returns 100 * mean(|y_true - y_pred| / max(|y_true|, epsilon)) over the last axis, float64 (rows, ...).

    `y_true`: the shape of `y_pred`, or one column, or none, which then stands for every column.

    >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 5.0]])
    array([37.5])
    """
    true, predicted = aligned("mean_absolute_percentage_error", y_true, y_pred, broadcast=True)
    xp = arithmetic(true, predicted)
    return 100.0 * xp.mean(abs((true - predicted) / xp.maximum(abs(true), config.epsilon())), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Returns mean((log(1 + y_true) - log(1 + y_pred))^2) over the last axis, float64 (rows, ...).

    Numbers below epsilon count as epsilon. `y_true`: as in `mean_absolute_percentage_error`.

    >>> mean_squared_logarithmic_error([[1.0]], [[1.0]])
    array([0.])
    """
    true, predicted = aligned("mean_squared_logarithmic_error", y_true, y_pred, broadcast=True)
    xp, epsilon = arithmetic(true, predicted), config.epsilon()
    difference = xp.log1p(xp.maximum(predicted, epsilon)) - xp.log1p(xp.maximum(true, epsilon))
    return xp.mean(xp.square(difference), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Returns minus the cosine of the angle between rows, in [-1, 1], float64 (rows, ...); 0 for a row of zeros.

    Args:
        y_true, y_pred: of one shape. axis: that of the vectors, not 0 (-1).

    >>> cosine_similarity([[0.0, 1.0]], [[0.0, 5.0]])
    array([-1.])
    """
    where = "cosine_similarity"
    true, predicted = axis_last(where, axis, *aligned(where, y_true, y_pred, broadcast=False))
    xp = arithmetic(true, predicted)

    def unit(x: Any) -> Any:
        square = xp.sum(xp.square(x), axis=-1, keepdims=True)
        return x / xp.sqrt(xp.maximum(square, config.epsilon() ** 2))

    return -xp.sum(unit(true) * unit(predicted), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Returns the mean over the last axis of d^2 / 2 for differences |d| <= delta, else delta * (|d| - delta / 2).

    `y_true`: as in `mean_absolute_percentage_error`. float64 (rows, ...).

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
    array([1.5])
    """
    delta = _check.number("huber", "delta", delta, low=0.0, include_low=False)
    true, predicted = aligned("huber", y_true, y_pred, broadcast=True)
    xp, difference = arithmetic(true, predicted), predicted - true
    size = abs(difference)
    losses = xp.where(size <= delta, 0.5 * xp.square(difference), delta * size - 0.5 * delta * delta)
    return xp.mean(losses, axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Returns the mean of log(cosh(y_pred - y_true)) over the last axis, without overflow, float64 (rows, ...).

    `y_true`: as in `mean_absolute_percentage_error`.

    >>> log_cosh([[0.0]], [[1000.0]]).round(3)
    array([999.307])
    """
    true, predicted = aligned("log_cosh", y_true, y_pred, broadcast=True)
    xp = arithmetic(true, predicted)
    size = abs(predicted - true)
    return xp.mean(size + xp.log1p(xp.exp(-2.0 * size)) - math.log(2.0), axis=-1)


class MeanAbsolutePercentageError(Loss):
    """100 * the mean of |y_true - y_pred| / max(|y_true|, epsilon) over the columns.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]])
    37.5
    """

    target_kind = "values"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(Loss):
    """The mean of (log(1 + y_true) - log(1 + y_pred))^2 over the columns.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> MeanSquaredLogarithmicError()([[1.0]], [[1.0]])
    0.0
    """

    target_kind = "values"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return mean_squared_logarithmic_error(y_true, y_pred)


class CosineSimilarity(Loss):
    """Minus the cosine of the angle between rows of targets and predictions.

    Args:
        axis: that of the vectors, not 0 (-1). reduction, name, dtype: see `Loss`.

    >>> CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]])
    -1.0
    """

    target_kind = "values"

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis_of("CosineSimilarity", axis)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return cosine_similarity(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class Huber(Loss):
    """Squares of small differences, sizes of large ones: see `huber`.

    Args:
        delta: > 0, where the one turns into the other (1.0). reduction, name, dtype: see `Loss`.

    >>> Huber()([[0.0, 0.0]], [[1.0, 3.0]])
    1.5
    """

    target_kind = "values"

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = _check.number("Huber", "delta", delta, low=0.0, include_low=False)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return huber(y_true, y_pred, self.delta)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "delta": self.delta}


class LogCosh(Loss):
    """The mean of log(cosh(y_pred - y_true)) over the columns: squares near 0, sizes far from it.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> round(LogCosh()([[0.0]], [[1000.0]]), 3)
    999.307
    """

    target_kind = "values"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "log_cosh",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return log_cosh(y_true, y_pred)
