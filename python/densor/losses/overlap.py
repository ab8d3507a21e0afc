"""Losses of overlap, between sets given by memberships: Dice and Tversky."""

from __future__ import annotations

from typing import Any

from densor import _check, config
from densor.losses.loss import Loss, aligned, arithmetic

Axes = int | list[int] | tuple[int, ...] | None


def dice(y_true: Any, y_pred: Any, axis: Axes = None) -> Any:
    """Returns 1 - 2 sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + epsilon).

    Args:
        y_true, y_pred: memberships in [0, 1], of one shape.
        axis: the axes of the sums; None for all, the batch included, which gives one number. Symbolic tensors take
            None, the last axis, or all but the batch.

    >>> float(dice([[1.0, 0.0]], [[1.0, 1.0]]).round(4))
    0.3333
    """
    true, predicted = aligned("dice", y_true, y_pred, broadcast=False)
    xp, axis = arithmetic(true, predicted), _axes(axis)
    shared = xp.sum(true * predicted, axis=axis)
    return 1.0 - 2.0 * shared / (xp.sum(true, axis=axis) + xp.sum(predicted, axis=axis) + config.epsilon())


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None) -> Any:
    """Returns 1 - s / (s + alpha * sum(y_true (1 - y_pred)) + beta * sum(y_pred (1 - y_true)) + epsilon).

    s = sum(y_true * y_pred). With both 0.5 it is `dice`.

    Args:
        y_true, y_pred, axis: as for `dice`. alpha, beta: >= 0.

    >>> float(tversky([[1.0, 0.0]], [[1.0, 1.0]]).round(4))
    0.3333
    """
    true, predicted = aligned("tversky", y_true, y_pred, broadcast=False)
    xp, axis = arithmetic(true, predicted), _axes(axis)
    shared = xp.sum(true * predicted, axis=axis)
    missed = xp.sum((1.0 - predicted) * true, axis=axis)
    false = xp.sum(predicted * (1.0 - true), axis=axis)
    return 1.0 - shared / (shared + alpha * missed + beta * false + config.epsilon())


def _axes(axis: Axes) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _checked(function: str, axis: Any) -> Axes:
    if axis is None:
        return None
    if isinstance(axis, list | tuple):
        return [_check.integer(function, "axis", item) for item in axis]
    return _check.integer(function, "axis", axis)


class Dice(Loss):
    """1 - the Dice coefficient of targets and predictions: see `dice`.

    Args:
        axis: the axes of the sums; None for the whole batch (None). reduction, name, dtype: see `Loss`.

    >>> round(Dice()([[1.0, 0.0]], [[1.0, 1.0]]), 4)
    0.3333
    """

    target_kind = "values"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = _checked("Dice", axis)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return dice(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class Tversky(Loss):
    """1 - the Tversky index, which weighs what is missed and what is too much apart: see `tversky`.

    Args:
        alpha: the weight of what is missed, >= 0 (0.5). beta: that of what is too much, >= 0 (0.5).
        axis: the axes of the sums; None for the whole batch (None). reduction, name, dtype: see `Loss`.

    >>> round(Tversky()([[1.0, 0.0]], [[1.0, 1.0]]), 4)
    0.3333
    """

    target_kind = "values"

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha = _check.number("Tversky", "alpha", alpha, low=0)
        self.beta = _check.number("Tversky", "beta", beta, low=0)
        self.axis = _checked("Tversky", axis)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta, "axis": self.axis}
