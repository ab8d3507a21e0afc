"""The area under a curve of rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from densor import _check, config
from densor.metrics.confusion import Confusion, checked_thresholds, prepared, ratio
from densor.metrics.metric import Metric

CURVES = ("ROC", "PR", "PRGAIN")
METHODS = ("interpolation", "minoring", "majoring")


class AUC(Metric):
    """The area under the curve that the rates at the thresholds make.

    Args:
        num_thresholds: from 0 to 1, > 1 (200).
        curve: "ROC" (true over false positive rate), "PR" (precision over recall) or "PRGAIN" (their gains).
        summation_method: "interpolation" (trapezoids; for PR the formula of Davis and Goadrich 2006), "minoring" or
            "majoring" (rectangles).
        name, dtype: see `Metric`.
        thresholds: in (0, 1), instead of `num_thresholds`.
        multi_label: the mean of the areas of the columns, and not one over all values.
        num_labels: the number of columns, with `multi_label`; accepted for Keras' sake.
        label_weights: the weight of each column.
        from_logits: predictions are logits.

    >>> AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    0.75
    """

    additive = True
    direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self.curve = _check.choice("AUC", "curve", curve, CURVES)
        self.summation_method = _check.choice("AUC", "summation_method", summation_method, METHODS)
        self.num_thresholds = _check.integer("AUC", "num_thresholds", num_thresholds, low=2)
        self.thresholds = None if thresholds is None else sorted(checked_thresholds("AUC", thresholds, 0.5))
        self.multi_label = _check.boolean("AUC", "multi_label", multi_label)
        self.num_labels = None if num_labels is None else _check.positive_int("AUC", "num_labels", num_labels)
        if num_labels is not None and not multi_label:
            raise _check.bad_value("AUC", "num_labels", f"{num_labels} is only for multi_label=True")
        self.label_weights = (
            None
            if label_weights is None
            else [_check.number("AUC", "label_weights", weight, low=0) for weight in label_weights]
        )
        self.from_logits = _check.boolean("AUC", "from_logits", from_logits)
        inner = self.thresholds
        if inner is None:
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        self._levels = [-config.epsilon(), *inner, 1.0 + config.epsilon()]
        self._confusion: Confusion | None = None if multi_label else Confusion(self._levels)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds the rows of one batch."""
        true, predicted, weights = prepared("AUC.update_state", y_true, y_pred, sample_weight)
        if self.from_logits:
            predicted = np.exp(-np.logaddexp(0.0, -predicted))
        columns = predicted.shape[-1] if predicted.ndim > 1 else 1
        if self.label_weights is not None and len(self.label_weights) != columns:
            raise _check.bad_value(
                "AUC.update_state",
                "y_pred",
                f"{columns} columns, but {len(self.label_weights)} label_weights",
            )
        if self._confusion is None:
            if predicted.ndim != 2:
                raise _check.bad_value(
                    "AUC.update_state", "y_pred", f"multi_label needs rank 2, got shape {predicted.shape}"
                )
            self._confusion = Confusion(self._levels, columns)
        elif self.label_weights is not None and not self.multi_label:
            weights = weights * np.asarray(self.label_weights)
        self._confusion.add(true, predicted, weights)

    def reset_state(self) -> None:
        if self._confusion is not None:
            self._confusion.reset()

    def result(self) -> float:
        if self._confusion is None:
            return 0.0
        areas = self._interpolated_pr() if self._is_interpolated_pr() else self._rectangles()
        if not self.multi_label:
            return float(areas)
        if self.label_weights is None:
            return float(np.mean(areas))
        return float(ratio(np.sum(areas * self.label_weights), np.sum(self.label_weights)))

    def _is_interpolated_pr(self) -> bool:
        return self.curve == "PR" and self.summation_method == "interpolation"

    def _interpolated_pr(self) -> Any:
        found = self._confusion
        assert found is not None
        step = found.tp[:-1] - found.tp[1:]
        positive = found.tp + found.fp
        slope = ratio(step, np.maximum(positive[:-1] - positive[1:], 0.0))
        intercept = found.tp[1:] - slope * positive[1:]
        both = (positive[:-1] > 0) & (positive[1:] > 0)
        safe = np.where(both, ratio(positive[:-1], np.maximum(positive[1:], 0.0)), 1.0)
        rise = slope * (step + intercept * np.log(safe))
        return ratio(rise, np.maximum(found.tp[1:] + found.fn[1:], 0.0)).sum(axis=0)

    def _rectangles(self) -> Any:
        x, y = self._coordinates()
        pair = (y[:-1], y[1:])
        heights = {
            "interpolation": lambda: (pair[0] + pair[1]) / 2.0,
            "minoring": lambda: np.minimum(*pair),
            "majoring": lambda: np.maximum(*pair),
        }[self.summation_method]()
        return ((x[:-1] - x[1:]) * heights).sum(axis=0)

    def _coordinates(self) -> tuple[Any, Any]:
        found = self._confusion
        assert found is not None
        recall = ratio(found.tp, found.tp + found.fn)
        if self.curve == "ROC":
            return ratio(found.fp, found.fp + found.tn), recall
        if self.curve == "PR":
            return recall, ratio(found.tp, found.tp + found.fp)
        share = ratio(found.tp + found.fn, found.tn + found.fp)
        none = found.tp == 0
        recall_gain = np.where(none, 0.0, 1.0 - share * ratio(found.fn, found.tp))
        precision_gain = np.where(none, 1.0, 1.0 - share * ratio(found.fp, found.tp))
        return np.maximum(recall_gain, 0.0), precision_gain

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "thresholds": self.thresholds,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self.from_logits,
        }
