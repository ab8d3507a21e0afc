"""The cross-entropy of one-hot targets."""

from __future__ import annotations

from typing import Any

from densor import _check
from densor.losses.loss import Loss, aligned, arithmetic, axis_last, axis_of, clipped


def log_probabilities(predicted: Any, from_logits: bool) -> Any:
    """Returns log p over the last axis: of logits, or of probabilities made to sum to 1 and clipped.

    Clipping to [epsilon, 1 - epsilon] keeps each loss at most -log(1e-7) = 16.118, as in Keras.
    """
    xp = arithmetic(predicted)
    if from_logits:
        shifted = predicted - xp.max(predicted, axis=-1, keepdims=True)
        return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))
    return xp.log(clipped(predicted / xp.sum(predicted, axis=-1, keepdims=True)))


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Returns -sum(y * log p) over an axis, float64 (rows, ...).

    Args:
        y_true: one-hot rows, or distributions over the classes; the shape of `y_pred`.
        y_pred: probabilities (divided by their sum and clipped) or logits, (rows, ..., classes).
        from_logits: whether `y_pred` are logits (False).
        label_smoothing: s in [0, 1] makes the targets y * (1 - s) + s / classes (0.0).
        axis: that of the classes, not 0 (-1).

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.6931])
    """
    where = "categorical_crossentropy"
    smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)
    true, predicted = axis_last(where, axis, *aligned(where, y_true, y_pred, broadcast=False))
    true = true * (1.0 - smoothing) + smoothing / true.shape[-1]
    return -arithmetic(true, predicted).sum(true * log_probabilities(predicted, from_logits), axis=-1)


class CategoricalCrossentropy(Loss):
    """The cross-entropy of one-hot targets and probabilities (or logits).

    Training a model that ends with a softmax works on its logits: exact, without clipping.

    Args:
        from_logits: whether predictions are logits (False).
        label_smoothing: s in [0, 1] makes the targets y * (1 - s) + s / classes (0.0).
        axis: that of the classes, not 0 (-1).
        reduction: see `Loss` ("sum_over_batch_size").
        name: only kept ("categorical_crossentropy").
        dtype: None or "float32".

    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.6931
    """

    bounded_targets = True
    stem = "softmax_cross_entropy"
    target_kind = "one_hot"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        where = "CategoricalCrossentropy"
        self.from_logits = _check.boolean(where, "from_logits", from_logits)
        self.label_smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)
        self.axis = axis_of(where, axis)
        if self.axis != -1:
            self.stem = ""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)

    def target_scaling(self, columns: int) -> tuple[float, float]:
        return 1.0 - self.label_smoothing, self.label_smoothing / columns

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "axis": self.axis,
        }
