"""The coefficient of determination."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from densor import _check
from densor.losses.loss import aligned
from densor.metrics.metric import Metric

AGGREGATIONS = ("uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean)^2) of each column, and their mean.

    Args:
        class_aggregation: "uniform_average", "variance_weighted_average", or None for a value of each column.
        num_regressors: for the adjusted score 1 - (1 - R2) (n - 1) / (n - num_regressors - 1); 0 for the plain one.
        name: the key in History ("r2_score"). dtype: None or "float32".

    >>> round(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]), 4)
    0.5714
    """

    additive = True
    direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        if class_aggregation is not None:
            _check.choice("R2Score", "class_aggregation", class_aggregation, AGGREGATIONS)
        self.class_aggregation = class_aggregation
        self.num_regressors = _check.integer("R2Score", "num_regressors", num_regressors, low=0)
        self._sums: list[Any] = [0.0] * 4  # of targets, squares, residuals and weights, by column
        self._seen = 0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds the rows of one batch, (rows, columns)."""
        true, predicted = aligned("R2Score.update_state", y_true, y_pred, broadcast=False)
        if true.ndim != 2:
            raise _check.bad_value(
                "R2Score.update_state", "y_pred", f"expected (rows, columns), got {true.shape}"
            )
        weights = np.ones((len(true), 1))
        if sample_weight is not None:
            weights = np.asarray(sample_weight, np.float64).reshape(len(true), -1)
        weights = np.broadcast_to(weights, true.shape)
        parts = (true, true * true, (true - predicted) ** 2, np.ones(true.shape))
        self._sums = [old + (part * weights).sum(axis=0) for old, part in zip(self._sums, parts, strict=True)]
        self._seen += true.size

    def result(self) -> Any:
        total, squares, residual, count = self._sums
        if not np.any(count):
            return 0.0
        spread = squares - total * total / count
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1.0 - residual / spread
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = np.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = np.sum(spread * scores) / np.sum(spread)
        if self.num_regressors:
            scores = self._adjusted(scores)
        return scores if np.ndim(scores) else float(scores)

    def _adjusted(self, scores: Any) -> Any:
        free = self._seen - self.num_regressors - 1
        if free <= 0:
            warnings.warn(
                f"R2Score(): {self._seen} values are too few to adjust for {self.num_regressors} regressors; the "
                "plain score is given",
                UserWarning,
                stacklevel=3,
            )
            return scores
        return 1.0 - (1.0 - scores) * (self._seen - 1.0) / free

    def reset_state(self) -> None:
        self._sums = [0.0] * 4
        self._seen = 0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
