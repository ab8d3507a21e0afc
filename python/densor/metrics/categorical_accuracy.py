"""How often the largest prediction is at the one of a one-hot target."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor.losses.loss import Values, aligned
from densor.metrics.mean_metric import MeanMetric


def categorical_accuracy(y_true: Any, y_pred: Any) -> Values:
    """Returns argmax(y_true) == argmax(y_pred) over the last axis as 0.0 or 1.0, float64 (rows, ...).

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.4, 0.6], [0.1, 0.9]])
    array([1., 0.])
    """
    true, predicted = aligned("categorical_accuracy", y_true, y_pred, broadcast=False)
    hits: Values = (true.argmax(axis=-1) == predicted.argmax(axis=-1)).astype(np.float64)
    return hits


class CategoricalAccuracy(MeanMetric):
    """The mean of argmax(y_true) == argmax(y_pred).

    Args:
        name: the key in History ("categorical_accuracy").
        dtype: None or "float32".

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.4, 0.6], [0.1, 0.9]])
    0.5
    """

    stem = "accuracy"
    kind = "categorical"
    direction = "up"

    def __init__(self, name: str = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Values:
        return categorical_accuracy(y_true, y_pred)
