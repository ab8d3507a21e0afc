"""Intersection over union of classes: tp / (tp + fp + fn)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from densor import _check, config
from densor._array import real_array
from densor.metrics.metric import Metric


class IoU(Metric):
    """The mean of tp / (tp + fp + fn) over some classes, those left out that never occur.

    Args:
        num_classes: how many there are. target_class_ids: which count, each below `num_classes`.
        name, dtype: see `Metric`.
        ignore_class: targets of this class are left out.
        sparse_y_true, sparse_y_pred: whether targets and predictions are class numbers, and not scores of every
            class along `axis` (True).
        axis: that of the scores (-1).

    Weights count as they are; Keras rounds them down to integers.

    >>> round(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    additive = True
    direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        where = type(self).__name__
        self.num_classes = _check.positive_int(where, "num_classes", num_classes)
        self.target_class_ids = [
            _check.integer(where, "target_class_ids", item, 0, num_classes - 1) for item in target_class_ids
        ]
        self.ignore_class = (
            None if ignore_class is None else _check.integer(where, "ignore_class", ignore_class)
        )
        self.sparse_y_true = _check.boolean(where, "sparse_y_true", sparse_y_true)
        self.sparse_y_pred = _check.boolean(where, "sparse_y_pred", sparse_y_pred)
        self.axis = _check.integer(where, "axis", axis)
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds one batch; class numbers that are no class are left out."""
        where = f"{type(self).__name__}.update_state"
        true, predicted = (
            (array if sparse else self._classes(where, name, array)).astype(np.int64).reshape(-1)
            for name, array, sparse in (
                ("y_true", real_array(where, "y_true", y_true), self.sparse_y_true),
                ("y_pred", real_array(where, "y_pred", y_pred), self.sparse_y_pred),
            )
        )
        if true.shape != predicted.shape:
            raise _check.bad_value(
                where, "y_true", f"{true.size} targets do not fit {predicted.size} predictions"
            )
        weights = np.ones(true.size)
        if sample_weight is not None:
            given = real_array(where, "sample_weight", sample_weight).astype(np.float64).reshape(-1)
            if true.size % max(given.size, 1):
                raise _check.bad_value(
                    where, "sample_weight", f"{given.size} weights for {true.size} targets"
                )
            weights = np.repeat(given, true.size // max(given.size, 1))
        kept = (true >= 0) & (true < self.num_classes) & (predicted >= 0) & (predicted < self.num_classes)
        if self.ignore_class is not None:
            kept &= true != self.ignore_class
        keys = true[kept] * self.num_classes + predicted[kept]
        self.matrix += np.bincount(keys, weights[kept], self.num_classes**2).reshape(self.matrix.shape)

    def _classes(self, where: str, argument: str, scores: Any) -> Any:
        """The classes with the largest scores."""
        if not -scores.ndim <= self.axis < scores.ndim:
            raise _check.bad_value(where, argument, f"has no axis {self.axis}, its shape is {scores.shape}")
        return scores.argmax(axis=self.axis)

    def result(self) -> float:
        hits = np.diag(self.matrix)
        union = (self.matrix.sum(axis=0) + self.matrix.sum(axis=1) - hits)[self.target_class_ids]
        valid = union > 1e-9
        shares = hits[self.target_class_ids] / (union + config.epsilon())
        return float((shares * valid).sum() / (valid.sum() + config.epsilon()))

    def reset_state(self) -> None:
        self.matrix = np.zeros((self.num_classes, self.num_classes))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


def _without(config: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in names}


class BinaryIoU(IoU):
    """The IoU of class 0 and 1 of predictions, which are class 1 from a threshold on.

    Args:
        target_class_ids: [0], [1] or both (both). threshold: in [0, 1] (0.5). name, dtype: see `Metric`.

    >>> round(BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = _check.number("BinaryIoU", "threshold", threshold, low=0, high=1)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        scores = real_array("BinaryIoU.update_state", "y_pred", y_pred)
        super().update_state(y_true, scores >= np.float32(self.threshold), sample_weight)

    def get_config(self) -> dict[str, Any]:
        left = _without(
            super().get_config(), "num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis"
        )
        return {**left, "threshold": self.threshold}


class MeanIoU(IoU):
    """The mean IoU of all classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: see `IoU`.

    >>> round(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        ids = range(_check.positive_int(type(self).__name__, "num_classes", num_classes))
        super().__init__(num_classes, ids, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "target_class_ids")


class OneHotIoU(IoU):
    """The IoU for one-hot targets and scores of every class.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, axis: see `IoU`.
        sparse_y_pred: predictions are class numbers (False).

    >>> round(OneHotIoU(2, [0])([[1, 0], [0, 1], [1, 0]], [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """The mean IoU of all classes for one-hot targets and scores of every class.

    Args:
        num_classes, name, dtype, ignore_class, axis: see `IoU`. sparse_y_pred: predictions are class numbers (False).

    >>> round(OneHotMeanIoU(2)([[1, 0], [0, 1], [1, 0]], [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]), 4)
    0.1667
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")
