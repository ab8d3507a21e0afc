"""Margin losses: a right prediction must be right by 1."""

from __future__ import annotations

from typing import Any

from densor.losses.loss import Loss, aligned, arithmetic


def _signs(true: Any) -> Any:
    """Targets -1 and 1; where all of a batch are 0 or 1, 2 * y - 1."""
    xp = arithmetic(true)
    others = xp.sum(xp.where(xp.equal(true * true, true), 0.0, 1.0))
    return xp.where(xp.equal(others, 0.0), 2.0 * true - 1.0, true)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Returns the mean of max(1 - y_true * y_pred, 0) over the last axis, float64 (rows, ...).

    `y_true`: -1 or 1, or all of them 0 or 1; the shape of `y_pred`, or one column for all.

    >>> hinge([[1.0, -1.0]], [[0.5, -3.0]])
    array([0.25])
    """
    true, predicted = aligned("hinge", y_true, y_pred, broadcast=True)
    xp = arithmetic(true, predicted)
    return xp.mean(xp.maximum(1.0 - _signs(true) * predicted, 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Returns the mean of max(1 - y_true * y_pred, 0)^2 over the last axis, float64 (rows, ...).

    `y_true`: as in `hinge`.

    >>> squared_hinge([[1.0, -1.0]], [[0.5, -3.0]])
    array([0.125])
    """
    true, predicted = aligned("squared_hinge", y_true, y_pred, broadcast=True)
    xp = arithmetic(true, predicted)
    return xp.mean(xp.square(xp.maximum(1.0 - _signs(true) * predicted, 0.0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Returns max(1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred), 0) of every row, float64 (rows, ...).

    `y_true`: one-hot rows.

    >>> categorical_hinge([[0.0, 1.0]], [[0.4, 0.6]]).round(6)
    array([0.8])
    """
    true, predicted = aligned("categorical_hinge", y_true, y_pred, broadcast=False)
    xp = arithmetic(true, predicted)
    right = xp.sum(true * predicted, axis=-1)
    wrong = xp.max((1.0 - true) * predicted, axis=-1)
    return xp.maximum(wrong - right + 1.0, 0.0)


class Hinge(Loss):
    """The mean of max(1 - y_true * y_pred, 0) over the columns, for targets -1 and 1 (or 0 and 1).

    Args:
        reduction, name, dtype: see `Loss`.

    >>> Hinge()([[1.0, -1.0]], [[0.5, -3.0]])
    0.25
    """

    target_kind = "values"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "hinge",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return hinge(y_true, y_pred)


class SquaredHinge(Loss):
    """The mean of max(1 - y_true * y_pred, 0)^2 over the columns, for targets -1 and 1 (or 0 and 1).

    Args:
        reduction, name, dtype: see `Loss`.

    >>> SquaredHinge()([[1.0, -1.0]], [[0.5, -3.0]])
    0.125
    """

    target_kind = "values"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "squared_hinge",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return squared_hinge(y_true, y_pred)


class CategoricalHinge(Loss):
    """The margin between the right class and the best of the others: see `categorical_hinge`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> round(CategoricalHinge()([[0.0, 1.0]], [[0.4, 0.6]]), 6)
    0.8
    """

    target_kind = "values"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_hinge",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return categorical_hinge(y_true, y_pred)
