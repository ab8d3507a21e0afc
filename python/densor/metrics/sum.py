"""The weighted sum of the values seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor._array import real_array
from densor.losses.loss import sample_weights
from densor.metrics.metric import Metric


class Sum(Metric):
    """sum(w * x) over all values x seen, with weights w of 1 where none are given.

    Args:
        name: the key in logs ("sum"). dtype: None or "float32".

    >>> Sum()([1.0, 3.0, 5.0], sample_weight=[1.0, 0.0, 2.0])
    11.0
    """

    def __init__(self, name: str = "sum", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.total = 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Adds `values` of any shape, with `sample_weight` for their first axes."""
        array = np.atleast_1d(real_array("Sum.update_state", "values", values).astype(np.float64))
        if sample_weight is not None:
            array = array * sample_weights("Sum.update_state", sample_weight, array)
        self.total += float(array.sum())

    def result(self) -> float:
        return self.total

    def reset_state(self) -> None:
        self.total = 0.0
