"""Losses of distributions: the Kullback-Leibler divergence, and counts."""

from __future__ import annotations

from typing import Any

from densor import config
from densor.losses.loss import Loss, aligned, arithmetic


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Returns sum(y_true * log(y_true / y_pred)) over the last axis, both clipped to [epsilon, 1], float64 (rows, ...).

    `y_true`: distributions, the shape of `y_pred`.

    >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]])
    array([0.])
    """
    true, predicted = aligned("kl_divergence", y_true, y_pred, broadcast=False)
    xp, epsilon = arithmetic(true, predicted), config.epsilon()
    true, predicted = xp.clip(true, epsilon, 1.0), xp.clip(predicted, epsilon, 1.0)
    return xp.sum(true * xp.log(true / predicted), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Returns the mean of y_pred - y_true * log(y_pred + epsilon) over the last axis, float64 (rows, ...).

    `y_true`: counts, the shape of `y_pred`, or one column for all.

    >>> poisson([[0.0, 3.0]], [[2.0, 1.0]]).round(4)
    array([1.5])
    """
    true, predicted = aligned("poisson", y_true, y_pred, broadcast=True)
    xp = arithmetic(true, predicted)
    return xp.mean(predicted - true * xp.log(predicted + config.epsilon()), axis=-1)


class KLDivergence(Loss):
    """sum(y_true * log(y_true / y_pred)) over the columns, both clipped to [epsilon, 1].

    Args:
        reduction, name, dtype: see `Loss`.

    >>> KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]])
    0.0
    """

    target_kind = "values"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "kl_divergence",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return kl_divergence(y_true, y_pred)


class Poisson(Loss):
    """The mean of y_pred - y_true * log(y_pred + epsilon) over the columns: counts with these expected numbers.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> round(Poisson()([[0.0, 3.0]], [[2.0, 1.0]]), 4)
    1.5
    """

    target_kind = "values"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "poisson",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return poisson(y_true, y_pred)
