"""Right and wrong yes/no decisions at thresholds: the counts, precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from densor import _check
from densor._array import real_array
from densor.losses.loss import Values
from densor.metrics.metric import Metric

NEVER = -1e10
"""The score of what is not among the k largest, and the threshold below all others."""


class Confusion:
    """The sums of the weights of true and false positives and negatives at each threshold.

    Args:
        thresholds: a prediction is positive above its threshold. labels: how many are counted apart; None for one
            count over all.

    Attributes:
        tp, fp, tn, fn: float64 (thresholds,) or (thresholds, labels).
    """

    def __init__(self, thresholds: Sequence[float], labels: int | None = None) -> None:
        self.thresholds = np.asarray(thresholds, np.float32)
        self.labels = labels
        self.even = _even(self.thresholds)
        self.reset()

    def reset(self) -> None:
        """Back to zero."""
        shape = (len(self.thresholds),) if self.labels is None else (len(self.thresholds), self.labels)
        self.tp, self.fp, self.tn, self.fn = (np.zeros(shape) for _ in range(4))

    def add(self, true: Any, predicted: Any, weights: Any) -> None:
        """Add a batch: targets (anything but 0 is yes), scores and weights, of one shape (rows, ..., labels)."""
        columns = 1 if self.labels is None else self.labels
        true = (np.asarray(true) != 0).reshape(-1, columns)
        scores = np.asarray(predicted, np.float32).reshape(-1, columns)
        scores = np.where(np.isnan(scores), -np.float32(np.inf), scores)  # the lowest there is
        weights = np.broadcast_to(weights, np.shape(predicted)).reshape(-1, columns)
        places, count = self._places(scores), len(self.thresholds) + 1
        keys = (places + count * np.arange(columns)).reshape(-1)
        sums = [
            np.bincount(keys, (weights * chosen).reshape(-1), count * columns).reshape(columns, count)
            for chosen in (true, ~true)
        ]
        # A score with n thresholds below it is positive at the first n.
        above = [np.cumsum(part[:, ::-1], axis=1)[:, ::-1][:, 1:].T for part in sums]
        total = [part.sum(axis=1) for part in sums]
        found = [above[0], above[1], total[1] - above[1], total[0] - above[0]]
        for sum_so_far, more in zip((self.tp, self.fp, self.tn, self.fn), found, strict=True):
            sum_so_far += more.reshape(sum_so_far.shape)

    def _places(self, scores: Any) -> Any:
        """How many thresholds, which ascend, each score is above."""
        if not self.even:
            return np.searchsorted(self.thresholds, scores, side="left")
        # Keras' buckets, in float32 as well.
        steps = np.float32(len(self.thresholds) - 1)
        bucket = np.ceil(np.clip(scores, np.float32(0), np.float32(1)) * steps)
        return (np.maximum(bucket, 1) if self.thresholds[0] < 0 else bucket).astype(np.int64)


def _even(thresholds: Any) -> bool:
    """Whether they divide [0, 1] evenly, but for the first and last one's epsilon."""
    even = np.linspace(0.0, 1.0, len(thresholds))
    return len(thresholds) > 2 and bool(np.allclose(thresholds, even, atol=2e-7, rtol=0))


def ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros_like(np.asarray(a, np.float64)), where=np.asarray(b) != 0)


def checked_thresholds(function: str, thresholds: Any, default: float) -> list[float]:
    """The argument as a list; `default` for None."""
    if thresholds is None:
        return [default]
    listed = thresholds if isinstance(thresholds, list | tuple | np.ndarray) else [thresholds]
    if len(listed) == 0:
        raise _check.bad_value(function, "thresholds", "expected at least one, got none")
    return [_check.number(function, "thresholds", item, low=0, high=1) for item in listed]


def prepared(
    function: str,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    top_k: int | None = None,
    class_id: int | None = None,
) -> tuple[Values, Values, Values]:
    """Targets, scores and weights of one shape: only the k largest of a row left, or one column, if asked."""
    predicted = real_array(function, "y_pred", y_pred).astype(np.float64)
    true = real_array(function, "y_true", y_true).astype(np.float64)
    if true.size != predicted.size or true.shape[:1] != predicted.shape[:1]:
        raise _check.bad_value(
            function, "y_true", f"shape {true.shape} does not fit predictions of shape {predicted.shape}"
        )
    true = true.reshape(predicted.shape)
    weights = np.ones(predicted.shape)
    if sample_weight is not None:
        given = real_array(function, "sample_weight", sample_weight).astype(np.float64)
        if given.size == len(predicted):
            given = given.reshape(-1, *(1,) * (predicted.ndim - 1))
        try:
            weights = np.broadcast_to(given, predicted.shape)
        except ValueError:
            raise _check.bad_value(
                function, "sample_weight", f"expected shape {predicted.shape[:1]}, got {given.shape}"
            ) from None
    if top_k is not None:
        kept = np.argsort(-predicted, axis=-1, kind="stable")[..., :top_k]
        chosen = np.zeros(predicted.shape, bool)
        np.put_along_axis(chosen, kept, True, axis=-1)
        predicted = np.where(chosen, predicted, NEVER)
    if class_id is not None:
        if predicted.ndim < 2 or class_id >= predicted.shape[-1]:
            raise _check.bad_value(
                function, "class_id", f"{class_id} is no column of predictions of shape {predicted.shape}"
            )
        true, predicted, weights = (x[..., class_id] for x in (true, predicted, weights))
    return true, predicted, weights


class ConfusionMetric(Metric):
    """The base of the metrics of yes/no decisions at thresholds.

    Args:
        thresholds: None, a number in [0, 1] or a list of them.
        top_k: only the k largest predictions of a row can be positive; without thresholds they all are.
        class_id: look at this column only.
        name, dtype: see `Metric`.
    """

    additive = True

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        where = type(self).__name__
        self.top_k = None if top_k is None else _check.positive_int(where, "top_k", top_k)
        self.class_id = None if class_id is None else _check.integer(where, "class_id", class_id, low=0)
        self.thresholds = thresholds
        levels = checked_thresholds(where, thresholds, 0.5 if top_k is None else NEVER)
        self._order = np.argsort(np.argsort(levels))  # results are in the caller's order
        self.confusion = Confusion(sorted(levels))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds the rows of one batch."""
        where = f"{type(self).__name__}.update_state"
        self.confusion.add(*prepared(where, y_true, y_pred, sample_weight, self.top_k, self.class_id))

    def reset_state(self) -> None:
        self.confusion.reset()

    def figures(self) -> Any:
        """The figure at every threshold."""
        raise NotImplementedError

    def result(self) -> Any:
        """The figure, or an array of them for several thresholds."""
        found = self.figures()[self._order]
        return float(found[0]) if len(found) == 1 else found

    def get_config(self) -> dict[str, Any]:
        thresholds = self.thresholds
        if isinstance(thresholds, Sequence | np.ndarray):
            thresholds = [float(item) for item in thresholds]
        return {
            **super().get_config(),
            "thresholds": thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class _Count(ConfusionMetric):
    """The base of the plain counts."""

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {"name": config["name"], "thresholds": config["thresholds"]}


class TruePositives(_Count):
    """The number (sum of weights) of positive predictions of positive targets.

    Args:
        thresholds: predictions above are positive; None is 0.5. name, dtype: see `Metric`.

    >>> TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
    2.0
    """

    direction = "up"

    def figures(self) -> Any:
        return self.confusion.tp


class TrueNegatives(_Count):
    """The number (sum of weights) of negative predictions of negative targets; arguments as for `TruePositives`.

    >>> TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0])
    2.0
    """

    direction = "up"

    def figures(self) -> Any:
        return self.confusion.tn


class FalsePositives(_Count):
    """The number (sum of weights) of positive predictions of negative targets; arguments as for `TruePositives`.

    >>> FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1])
    2.0
    """

    direction = "down"

    def figures(self) -> Any:
        return self.confusion.fp


class FalseNegatives(_Count):
    """The number (sum of weights) of negative predictions of positive targets; arguments as for `TruePositives`.

    >>> FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0])
    2.0
    """

    direction = "down"

    def figures(self) -> Any:
        return self.confusion.fn


class Precision(ConfusionMetric):
    """The share of positive targets among positive predictions: tp / (tp + fp), 0 without any.

    Args:
        thresholds, top_k, class_id, name, dtype: see `ConfusionMetric`; thresholds None is 0.5.

    >>> round(Precision()([0, 1, 1, 1], [1, 0, 1, 1]), 4)
    0.6667
    """

    direction = "up"

    def figures(self) -> Any:
        return ratio(self.confusion.tp, self.confusion.tp + self.confusion.fp)


class Recall(ConfusionMetric):
    """The share of positive predictions among positive targets: tp / (tp + fn), 0 without any.

    Args:
        thresholds, top_k, class_id, name, dtype: see `ConfusionMetric`; thresholds None is 0.5.

    >>> round(Recall()([0, 1, 1, 1], [1, 0, 1, 1]), 4)
    0.6667
    """

    direction = "up"

    def figures(self) -> Any:
        return ratio(self.confusion.tp, self.confusion.tp + self.confusion.fn)
