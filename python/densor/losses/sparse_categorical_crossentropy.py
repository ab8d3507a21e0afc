"""The cross-entropy of class labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor._array import real_array
from densor.losses.categorical_crossentropy import log_probabilities
from densor.losses.loss import Loss, Values


def class_labels(function: str, y_true: Any, shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """Returns labels for predictions of `shape` (..., classes) as integers of shape (...), checked.

    Whole-numbered floats are labels too; a last axis of length 1 is dropped.
    """
    labels = real_array(function, "y_true", y_true)
    if labels.ndim == len(shape) and labels.shape[-1:] == (1,):
        labels = labels[..., 0]
    if not shape or labels.shape != shape[:-1]:
        raise _check.bad_value(
            function, "y_true", f"shape {np.shape(y_true)} does not fit predictions of shape {shape}"
        )
    wrong = (labels != np.floor(labels)) | ~((labels >= 0) & (labels < shape[-1]))
    if wrong.any():
        where = tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), labels.shape))
        row = where[0] if len(where) == 1 else where
        raise _check.bad_value(
            function, "y_true", f"value {labels[where]} at row {row} is no class of 0 to {shape[-1] - 1}"
        )
    return labels.astype(np.intp)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Values:
    """Returns -log p of the labelled class, float64 (rows, ...).

    Args:
        y_true: class labels 0 to classes - 1, (rows, ...) or (rows, ..., 1).
        y_pred: probabilities (divided by their sum and clipped) or logits, (rows, ..., classes).
        from_logits: whether `y_pred` are logits (False).
        ignore_class: an argument of Keras that this version takes only as None.
        axis: -1.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4)
    array([0.6931])
    """
    where = "sparse_categorical_crossentropy"
    _check.unsupported(where, "ignore_class", ignore_class, None)
    _check.unsupported(where, "axis", axis, -1)
    predicted = real_array(where, "y_pred", y_pred).astype(np.float64)
    labels = class_labels(where, y_true, predicted.shape)
    logarithms = log_probabilities(predicted, from_logits)
    result: Values = -np.take_along_axis(logarithms, labels[..., None], axis=-1)[..., 0]
    return result


class SparseCategoricalCrossentropy(Loss):
    """The cross-entropy of class labels and probabilities (or logits).

    Training a model that ends with a softmax works on its logits: exact, without clipping.

    Args:
        from_logits: whether predictions are logits (False).
        ignore_class: an argument of Keras that this version takes only as None.
        reduction: see `Loss` ("sum_over_batch_size").
        axis: -1.
        name: only kept ("sparse_categorical_crossentropy").
        dtype: None or "float32".

    >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 4)
    0.6931
    """

    stem = "softmax_cross_entropy"
    target_kind = "labels"

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        where = "SparseCategoricalCrossentropy"
        self.from_logits = _check.boolean(where, "from_logits", from_logits)
        _check.unsupported(where, "ignore_class", ignore_class, None)
        _check.unsupported(where, "axis", axis, -1)

    def call(self, y_true: Any, y_pred: Any) -> Values:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits, "ignore_class": None}
