"""The best of one rate under a bound on another, over thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _check
from densor.metrics.confusion import Confusion, prepared, ratio
from densor.metrics.metric import Metric


class TradeOff(Metric):
    """The base: the largest `gained` rate among the thresholds where the `bounded` rate is at least a value.

    Args:
        argument: the name of the value's argument. value: in [0, 1].
        num_thresholds: from 0 to 1 (200). class_id: look at this column only. name, dtype: see `Metric`.
    """

    additive = True
    direction = "up"
    gained: str
    bounded: str

    def __init__(
        self,
        argument: str,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        where = type(self).__name__
        self.argument = argument
        self.value = _check.number(where, argument, value, low=0, high=1)
        self.num_thresholds = _check.positive_int(where, "num_thresholds", num_thresholds)
        self.class_id = None if class_id is None else _check.integer(where, "class_id", class_id, low=0)
        self.confusion = Confusion(
            [0.5] if num_thresholds == 1 else np.linspace(0, 1, num_thresholds).tolist()
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds the rows of one batch."""
        where = f"{type(self).__name__}.update_state"
        self.confusion.add(*prepared(where, y_true, y_pred, sample_weight, class_id=self.class_id))

    def reset_state(self) -> None:
        self.confusion.reset()

    def result(self) -> float:
        reached = self._rate(self.bounded) >= self.value
        return float(np.where(reached, self._rate(self.gained), 0.0).max(initial=0.0))

    def _rate(self, kind: str) -> Any:
        found = self.confusion
        if kind == "sensitivity":
            return ratio(found.tp, found.tp + found.fn)
        if kind == "specificity":
            return ratio(found.tn, found.tn + found.fp)
        return ratio(found.tp, found.tp + found.fp)  # precision

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            self.argument: self.value,
            "num_thresholds": self.num_thresholds,
            "class_id": self.class_id,
        }


class SensitivityAtSpecificity(TradeOff):
    """The best sensitivity tp / (tp + fn) where the specificity tn / (tn + fp) is at least `specificity`.

    Args:
        specificity: in [0, 1]. num_thresholds, class_id, name, dtype: see `TradeOff`.

    >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    gained, bounded = "sensitivity", "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__("specificity", specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(TradeOff):
    """The best specificity tn / (tn + fp) where the sensitivity tp / (tp + fn) is at least `sensitivity`.

    Args:
        sensitivity: in [0, 1]. num_thresholds, class_id, name, dtype: see `TradeOff`.

    >>> round(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]), 4)
    0.6667
    """

    gained, bounded = "specificity", "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__("sensitivity", sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(TradeOff):
    """The best precision tp / (tp + fp) where the recall tp / (tp + fn) is at least `recall`.

    Args:
        recall: in [0, 1]. num_thresholds, class_id, name, dtype: see `TradeOff`.

    >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    gained, bounded = "precision", "sensitivity"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__("recall", recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(TradeOff):
    """The best recall tp / (tp + fn) where the precision tp / (tp + fp) is at least `precision`.

    Args:
        precision: in [0, 1]. num_thresholds, class_id, name, dtype: see `TradeOff`.

    >>> RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    0.5
    """

    gained, bounded = "sensitivity", "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__("precision", precision, num_thresholds, class_id, name, dtype)
