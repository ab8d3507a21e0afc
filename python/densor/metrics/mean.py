"""The weighted mean of the values seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor._array import real_array
from densor.losses.loss import sample_weights
from densor.metrics.metric import Metric


class Mean(Metric):
    """sum(w * x) / sum(w) over all values x seen, with weights w of 1 where none are given; 0.0 without values.

    >>> Mean()([1.0, 3.0, 5.0])
    3.0
    """

    def __init__(self, name: str = "mean", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.reset_state()

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Adds `values` of any shape, with `sample_weight` for their first axes."""
        where = f"{type(self).__name__}.update_state"
        self.add(real_array(where, "values", values).astype(np.float64), sample_weight)

    def add(self, values: np.ndarray[Any, np.dtype[np.float64]], sample_weight: Any) -> None:
        """Adds checked values; a row counts once, whatever the number of its values."""
        weights = None
        if sample_weight is not None:
            weights = sample_weights(f"{type(self).__name__}.update_state", sample_weight, values)
            values = values * weights
        self.total += _sum_of_rows(values)
        self.count += float(len(np.atleast_1d(values))) if weights is None else _sum_of_rows(weights)

    def result(self) -> float:
        return self.total / self.count if self.count else 0.0

    def reset_state(self) -> None:
        self.total = 0.0
        self.count = 0.0


def _sum_of_rows(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """The sum of the means of the rows."""
    rows = np.atleast_1d(values)
    return float(rows.sum()) / max(rows[:1].size, 1)
