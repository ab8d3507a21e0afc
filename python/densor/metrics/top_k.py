"""How often the right class is among the k largest predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _check
from densor._array import real_array
from densor.losses.loss import Values, aligned
from densor.losses.sparse_categorical_crossentropy import class_labels
from densor.metrics.mean_metric import MeanMetric


def _in_top_k(labels: Any, predicted: Any, k: int) -> Values:
    """1 where fewer than k predictions are larger than the labelled one, which must be finite."""
    chosen = np.take_along_axis(predicted, labels[..., None], axis=-1)
    hits: Values = ((predicted > chosen).sum(axis=-1) < k) & np.isfinite(chosen[..., 0])
    return hits.astype(np.float64)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Values:
    """Returns whether argmax(y_true) is among the k largest of y_pred as 0.0 or 1.0, float64 (rows, ...).

    >>> top_k_categorical_accuracy([[0, 1, 0]], [[0.5, 0.3, 0.2]], k=2)
    array([1.])
    """
    true, predicted = aligned("top_k_categorical_accuracy", y_true, y_pred, broadcast=False)
    k = _check.positive_int("top_k_categorical_accuracy", "k", k)
    return _in_top_k(true.argmax(axis=-1), predicted, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Values:
    """Returns whether the labelled class is among the k largest of y_pred as 0.0 or 1.0, float64 (rows, ...).

    from_sorted_ids: `y_pred` holds class numbers, the best first, and not scores.

    >>> sparse_top_k_categorical_accuracy([2], [[0.5, 0.3, 0.2]], k=2)
    array([0.])
    """
    where = "sparse_top_k_categorical_accuracy"
    k = _check.positive_int(where, "k", k)
    predicted = real_array(where, "y_pred", y_pred)
    if not from_sorted_ids:
        return _in_top_k(class_labels(where, y_true, predicted.shape), predicted, k)
    labels = real_array(where, "y_true", y_true).reshape(predicted.shape[:-1])
    found: Values = (predicted[..., :k] == labels[..., None]).any(axis=-1).astype(np.float64)
    return found


class TopKCategoricalAccuracy(MeanMetric):
    """The mean of argmax(y_true) being among the k largest of y_pred.

    Args:
        k: how many count (5). name: the key in History ("top_k_categorical_accuracy"). dtype: None or "float32".

    >>> TopKCategoricalAccuracy(k=2)([[0, 1, 0]], [[0.5, 0.3, 0.2]])
    1.0
    """

    additive = True
    direction = "up"

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: str | None = None
    ) -> None:
        super().__init__(name, dtype)
        self.k = _check.positive_int("TopKCategoricalAccuracy", "k", k)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return top_k_categorical_accuracy(y_true, y_pred, self.k)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k}


class SparseTopKCategoricalAccuracy(MeanMetric):
    """The mean of the labelled class being among the k largest of y_pred.

    Args:
        k: how many count (5). name: the key in History ("sparse_top_k_categorical_accuracy").
        dtype: None or "float32". from_sorted_ids: predictions are class numbers, the best first (False).

    >>> SparseTopKCategoricalAccuracy(k=2)([2], [[0.5, 0.3, 0.2]])
    0.0
    """

    additive = True
    direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: str | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self.k = _check.positive_int("SparseTopKCategoricalAccuracy", "k", k)
        self.from_sorted_ids = _check.boolean(
            "SparseTopKCategoricalAccuracy", "from_sorted_ids", from_sorted_ids
        )

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k, self.from_sorted_ids)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k, "from_sorted_ids": self.from_sorted_ids}
