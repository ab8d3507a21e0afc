"""The cross-entropy of class labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check, ops
from densor._array import real_array
from densor.graph import Tensor
from densor.losses.categorical_crossentropy import log_probabilities
from densor.losses.loss import Loss, arithmetic, axis_last, axis_of
from densor.ops.reshape import reshape_rows


def class_labels(
    function: str, y_true: Any, shape: tuple[int, ...], ignored: int | None = None, axis: int = -1
) -> npt.NDArray[np.intp]:
    """Returns labels for predictions of `shape` (..., classes) as integers of shape (...), checked.

    Whole-numbered floats are labels too; an axis of length 1, the last one or that of the classes as given, is
    dropped. `ignored`: one more label.
    """
    labels = real_array(function, "y_true", y_true)
    for place in (axis, -1):
        if labels.ndim == len(shape) and labels.shape[place] == 1:
            labels = labels.squeeze(place)
    if not shape or labels.shape != shape[:-1]:
        raise _check.bad_value(
            function, "y_true", f"shape {np.shape(y_true)} does not fit predictions of shape {shape}"
        )
    known = (labels >= 0) & (labels < shape[-1])
    if ignored is not None:
        known |= labels == ignored
    wrong = (labels != np.floor(labels)) | ~known
    if wrong.any():
        where = tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), labels.shape))
        row = where[0] if len(where) == 1 else where
        raise _check.bad_value(
            function, "y_true", f"value {labels[where]:g} at row {row} is no class of 0 to {shape[-1] - 1}"
        )
    return labels.astype(np.intp)


def one_hot_labels(
    function: str, y_true: Any, y_pred: Any, ignored: int | None = None, axis: int = -1
) -> tuple[Any, Any]:
    """Labels (...) or (..., 1) as one-hot rows, and the predictions (..., classes) they are for.

    axis: where the predictions have their classes as given. float64 arrays, checked; or symbolic tensors. The row of
    an `ignored` label that is no class is all 0.
    """
    if isinstance(y_pred, Tensor):
        (y_pred,) = axis_last(function, axis, y_pred)
        labels = y_true if y_true.ndim == y_pred.ndim else reshape_rows(y_true, (*y_true.shape[1:], 1))
        return ops.equal(labels, np.arange(y_pred.columns, dtype=np.float32)), y_pred
    predicted = real_array(function, "y_pred", y_pred).astype(np.float64)
    (predicted,) = axis_last(function, axis, predicted)
    numbers = class_labels(function, y_true, predicted.shape, ignored, axis)
    return np.equal(numbers[..., None], np.arange(predicted.shape[-1])).astype(np.float64), predicted


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """Returns -log p of the labelled class, float64 (rows, ...).

    Args:
        y_true: class labels 0 to classes - 1, (rows, ...) or (rows, ..., 1).
        y_pred: probabilities (divided by their sum and clipped) or logits, (rows, ..., classes).
        from_logits: whether `y_pred` are logits (False).
        ignore_class: a label whose loss is 0, one of the classes or not, such as -1; or None.
        axis: that of the classes, not 0 (-1).

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4)
    array([0.6931])
    """
    where = "sparse_categorical_crossentropy"
    ignored = None if ignore_class is None else _check.integer(where, "ignore_class", ignore_class)
    one_hot, predicted = one_hot_labels(where, y_true, y_pred, ignored, axis)
    xp = arithmetic(predicted)
    losses = -xp.sum(one_hot * log_probabilities(predicted, from_logits), axis=-1)
    if ignored is None or not 0 <= ignored < predicted.shape[-1]:
        return losses
    return losses * (1.0 - xp.sum(one_hot * (np.arange(predicted.shape[-1]) == ignored), axis=-1))


class SparseCategoricalCrossentropy(Loss):
    """The cross-entropy of class labels and probabilities (or logits).

    Training a model that ends with a softmax works on its logits: exact, without clipping.

    Args:
        from_logits: whether predictions are logits (False).
        ignore_class: a label whose samples count for nothing, neither in the sum nor in the number that means
            divide by: one of the classes or not, such as -1; or None.
        reduction: see `Loss` ("sum_over_batch_size").
        axis: that of the classes, not 0 (-1).
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
        self.ignore_class = (
            None if ignore_class is None else _check.integer(where, "ignore_class", ignore_class)
        )
        self.axis = axis_of(where, axis)
        if self.axis != -1:
            self.stem = ""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def counted(self, y_true: Any, y_pred: Any, losses: Any) -> Any:
        if self.ignore_class is None:
            return None
        shape = tuple(losses.shape)
        if isinstance(y_true, Tensor):
            labels = y_true if y_true.shape == shape else reshape_rows(y_true, shape[1:])
            return ops.not_equal(labels, float(self.ignore_class))
        return np.not_equal(np.reshape(y_true, shape), self.ignore_class).astype(np.float64)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "ignore_class": self.ignore_class,
            "axis": self.axis,
        }
