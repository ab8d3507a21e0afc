"""How often probabilities are on the right side of a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _check
from densor.losses.loss import Values, aligned
from densor.metrics.mean_metric import MeanMetric


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Values:
    """Returns the share of columns where (y_pred > threshold) == y_true, float64 (rows, ...).

    >>> binary_accuracy([[1, 0]], [[0.9, 0.6]])
    array([0.5])
    """
    true, predicted = aligned("binary_accuracy", y_true, y_pred, broadcast=False)
    hits: Values = np.mean((predicted > threshold) == true, axis=-1)
    return hits


class BinaryAccuracy(MeanMetric):
    """The mean of (y_pred > threshold) == y_true over columns and rows.

    Args:
        name: the key in History ("binary_accuracy").
        dtype: None or "float32".
        threshold: a number; a prediction equal to it counts as 0 (0.5).

    >>> BinaryAccuracy()([[1], [0], [1], [0]], [[0.9], [0.5], [0.3], [0.1]])
    0.75
    """

    stem = "accuracy"
    kind = "binary"
    direction = "up"

    def __init__(
        self, name: str = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5
    ) -> None:
        super().__init__(name, dtype)
        self.threshold = _check.number("BinaryAccuracy", "threshold", threshold)

    def values(self, y_true: Any, y_pred: Any) -> Values:
        return binary_accuracy(y_true, y_pred, self.threshold)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}
