"""The cross-entropy of yes/no targets."""

from __future__ import annotations

from typing import Any

from densor import _check
from densor.losses.loss import Loss, aligned, arithmetic, axis_last, axis_of, clipped


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Returns -(y log p + (1 - y) log(1 - p)), the mean over an axis, float64 (rows, ...).

    Args:
        y_true: targets in [0, 1], the shape of `y_pred`; a last axis of length 1 may be left out.
        y_pred: probabilities p, clipped to [epsilon, 1 - epsilon], or logits x with p = 1 / (1 + exp(-x)).
        from_logits: whether `y_pred` are logits (False).
        label_smoothing: s in [0, 1] makes the targets y * (1 - s) + s / 2 (0.0).
        axis: that of the mean, not 0 (-1).

    >>> binary_crossentropy([[1.0]], [[0.5]]).round(4)
    array([0.6931])
    """
    where = "binary_crossentropy"
    smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)
    true, predicted = axis_last(where, axis, *aligned(where, y_true, y_pred, broadcast=False))
    true = true * (1.0 - smoothing) + 0.5 * smoothing
    xp = arithmetic(true, predicted)
    if from_logits:
        # -log p = log(1 + exp(-x)), without overflow
        losses = xp.maximum(predicted, 0.0) - predicted * true + xp.log1p(xp.exp(-abs(predicted)))
    else:
        losses = binary_losses(true, predicted)
    return xp.mean(losses, axis=-1)


def binary_losses(true: Any, predicted: Any) -> Any:
    """Returns -(y log p + (1 - y) log(1 - p)) for each element, p clipped to [epsilon, 1 - epsilon]."""
    xp, p = arithmetic(true, predicted), clipped(predicted)
    return -(true * xp.log(p) + (1.0 - true) * xp.log1p(-p))


class BinaryCrossentropy(Loss):
    """The cross-entropy of targets in [0, 1] and probabilities (or logits), the mean over the columns.

    Training a model that ends with a sigmoid works on its logits: exact, without clipping.

    Args:
        from_logits: whether predictions are logits (False).
        label_smoothing: s in [0, 1] makes the targets y * (1 - s) + s / 2 (0.0).
        axis: that of the mean, not 0 (-1).
        reduction: see `Loss` ("sum_over_batch_size").
        name: only kept ("binary_crossentropy").
        dtype: None or "float32".

    >>> round(BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]]), 4)
    0.6931
    """

    target_kind = "values"
    bounded_targets = True
    stem = "sigmoid_cross_entropy"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        where = "BinaryCrossentropy"
        self.from_logits = _check.boolean(where, "from_logits", from_logits)
        self.label_smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)
        self.axis = axis_of(where, axis)
        if self.axis != -1:
            self.stem = ""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)

    def target_scaling(self, columns: int) -> tuple[float, float]:
        return 1.0 - self.label_smoothing, 0.5 * self.label_smoothing

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "axis": self.axis,
        }
