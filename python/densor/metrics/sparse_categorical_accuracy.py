"""How often the largest prediction is at the labelled class."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor._array import real_array
from densor.losses.loss import Values
from densor.losses.sparse_categorical_crossentropy import class_labels
from densor.metrics.mean_metric import MeanMetric


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Values:
    """Returns y_true == argmax(y_pred) over the last axis as 0.0 or 1.0, float64 (rows, ...).

    `y_true`: class labels, (rows, ...) or (rows, ..., 1) for predictions (rows, ..., classes).

    >>> sparse_categorical_accuracy([1, 0], [[0.4, 0.6], [0.1, 0.9]])
    array([1., 0.])
    """
    where = "sparse_categorical_accuracy"
    predicted = real_array(where, "y_pred", y_pred)
    labels = class_labels(where, y_true, predicted.shape)
    hits: Values = (labels == predicted.argmax(axis=-1)).astype(np.float64)
    return hits


class SparseCategoricalAccuracy(MeanMetric):
    """The mean of y_true == argmax(y_pred), for integer labels.

    Args:
        name: the key in History ("sparse_categorical_accuracy").
        dtype: None or "float32".

    >>> SparseCategoricalAccuracy()([1, 0], [[0.4, 0.6], [0.1, 0.9]])
    0.5
    """

    stem = "accuracy"
    kind = "sparse"
    direction = "up"

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Values:
        return sparse_categorical_accuracy(y_true, y_pred)
