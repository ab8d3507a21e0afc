"""How often predictions equal targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor.losses.loss import Values, aligned
from densor.metrics.mean_metric import MeanMetric


class Accuracy(MeanMetric):
    """The mean of y_true == y_pred, for predictions that are classes and not probabilities.

    In `compile` this is hardly ever what is meant: the string "accuracy" picks the kind that fits the model.

    >>> Accuracy()([1, 2, 3, 4], [0, 2, 3, 4])
    0.75
    """

    additive = True
    direction = "up"

    def __init__(self, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Values:
        true, predicted = aligned("Accuracy", y_true, y_pred, broadcast=False)
        hits: Values = (true == predicted).astype(np.float64)
        return hits
