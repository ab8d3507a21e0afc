"""A cross-entropy that mislabelled samples move less (Zhang and Sabuncu 2018)."""

from __future__ import annotations

from typing import Any

from densor import _check
from densor.losses.loss import Loss, arithmetic
from densor.losses.sparse_categorical_crossentropy import one_hot_labels


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """Returns (1 - p^q) / q for the probability p of the labelled class, float64 (rows, ...).

    Args:
        y_true: class labels 0 to classes - 1, (rows, ...) or (rows, ..., 1).
        y_pred: probabilities (rows, ..., classes). q: in (0, 1).

    >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5)
    array([1.])
    """
    where = "categorical_generalized_cross_entropy"
    q = _check.number(where, "q", q, low=0, high=1, include_low=False, include_high=False)
    one_hot, predicted = one_hot_labels(where, y_true, y_pred)
    xp = arithmetic(predicted)
    return (1.0 - xp.power(xp.sum(one_hot * predicted, axis=-1), q)) / q


class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 - p^q) / q for the probability p of the labelled class: between cross-entropy (q -> 0) and 1 - p.

    Args:
        q: in (0, 1) (0.5). reduction, name, dtype: see `Loss`.

    >>> CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]])
    1.0
    """

    target_kind = "labels"

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        where = "CategoricalGeneralizedCrossEntropy"
        self.q = _check.number(where, "q", q, low=0, high=1, include_low=False, include_high=False)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return categorical_generalized_cross_entropy(y_true, y_pred, self.q)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "q": self.q}
