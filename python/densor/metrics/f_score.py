"""The harmonic mean of precision and recall."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _check, config
from densor._array import real_array
from densor.metrics.metric import Metric

AVERAGES = ("micro", "macro", "weighted")


class FBetaScore(Metric):
    """(1 + beta^2) precision * recall / (beta^2 precision + recall).

    Args:
        average: None for the score of each class, "micro" for one over all, "macro" for their mean, "weighted" for
            the mean weighted by the number of each class.
        beta: > 0: recall counts for beta times as much as precision (1.0).
        threshold: in (0, 1]: predictions above are yes; None: the largest of a row is.
        name: the key in History ("fbeta_score"). dtype: None or "float32".

    >>> FBetaScore(beta=2.0, threshold=0.5, average="macro")([[1, 0], [1, 1]], [[0.9, 0.2], [0.3, 0.8]]).__round__(4)
    0.7778
    """

    additive = True
    direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        where = type(self).__name__
        self.average = None if average is None else _check.choice(where, "average", average, AVERAGES)
        self.beta = _check.number(where, "beta", beta, low=0, include_low=False)
        self.threshold = (
            None
            if threshold is None
            else _check.number(where, "threshold", threshold, low=0, high=1, include_low=False)
        )
        self._sums: list[Any] = [0.0] * 4  # hits, false, missed, number of each class

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds the rows of one batch: 0 or 1 for each class, and scores, both (rows, classes)."""
        where = f"{type(self).__name__}.update_state"
        true = real_array(where, "y_true", y_true).astype(np.float64)
        scores = real_array(where, "y_pred", y_pred).astype(np.float64)
        if true.ndim != 2 or true.shape != scores.shape:
            raise _check.bad_value(
                where, "y_true", f"expected (rows, classes) as in y_pred, got {true.shape} and {scores.shape}"
            )
        if self.threshold is None:
            chosen = (scores >= scores.max(axis=-1, keepdims=True)) & (np.abs(scores) > 1e-9)
        else:
            chosen = scores > np.float32(self.threshold)
        weights = np.ones((len(true), 1))
        if sample_weight is not None:
            weights = real_array(where, "sample_weight", sample_weight).astype(np.float64).reshape(-1, 1)
        if len(weights) != len(true):
            raise _check.bad_value(
                where, "sample_weight", f"expected shape ({len(true)},), got {weights.shape[:1]}"
            )
        axis = None if self.average == "micro" else 0
        parts = (chosen * true, chosen * (1.0 - true), (1.0 - chosen) * true, true)
        self._sums = [
            old + (part * weights).sum(axis=axis) for old, part in zip(self._sums, parts, strict=True)
        ]

    def result(self) -> Any:
        epsilon = config.epsilon()
        hits, false, missed, support = self._sums
        precision, recall = hits / (hits + false + epsilon), hits / (hits + missed + epsilon)
        square = self.beta**2
        score = (1.0 + square) * precision * recall / (square * precision + recall + epsilon)
        if self.average == "weighted":
            return float((score * support / (np.sum(support) + epsilon)).sum())
        return np.asarray(score) if self.average is None else float(np.mean(score))

    def reset_state(self) -> None:
        self._sums = [0.0] * 4

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """2 precision * recall / (precision + recall).

    Args:
        average, threshold, dtype: see `FBetaScore`. name: the key in History ("f1_score").

    >>> round(F1Score(average="micro", threshold=0.5)([[1, 0], [1, 1]], [[0.9, 0.2], [0.3, 0.8]]), 4)
    0.8
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "beta"}
