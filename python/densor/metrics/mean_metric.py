"""The base of the metrics that are the mean of a figure of each row."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from densor.losses.loss import per_row
from densor.metrics.mean import Mean


class MeanMetric(Mean):
    """The mean of `values(y_true, y_pred)` over all rows seen, weighted by `sample_weight`."""

    @abstractmethod
    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the figure of every row, (rows, ...), float64 or symbolic."""

    def row_values(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        values = self.values(y_true, y_pred)
        if not values.batched:
            raise ValueError(f"{self.name!r} is one number for the batch")
        return per_row(values, False)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Adds the rows of one batch: targets, predictions, and the weights of the rows."""
        self.add(self.values(y_true, y_pred), sample_weight)

    def result(self) -> float:
        return self.final(super().result())

    def final(self, mean: float) -> float:
        """The figure for the mean over the rows."""
        return mean
