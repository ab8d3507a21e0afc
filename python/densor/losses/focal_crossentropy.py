"""Cross-entropies that count what is predicted well already for less (Lin et al. 2017)."""

from __future__ import annotations

from typing import Any

from densor import _check, ops
from densor.graph import Tensor
from densor.losses.binary_crossentropy import binary_losses
from densor.losses.loss import Loss, aligned, arithmetic, axis_last, axis_of, clipped


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Returns the mean of (1 - p_t)^gamma * binary cross-entropy over an axis, float64 (rows, ...).

    p_t = y p + (1 - y) (1 - p) is the probability of what is true.

    Args:
        y_true: targets in [0, 1], the shape of `y_pred`; a last axis of length 1 may be left out.
        y_pred: probabilities or logits.
        apply_class_balancing: whether to weigh class 1 with `alpha` and class 0 with 1 - alpha (False).
        alpha: a weight in [0, 1] (0.25). gamma: the power, >= 0 (2.0).
        from_logits, label_smoothing, axis: as in `binary_crossentropy`.

    >>> binary_focal_crossentropy([[1.0]], [[0.5]]).round(4)
    array([0.1733])
    """
    where = "binary_focal_crossentropy"
    smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)
    true, p = axis_last(where, axis, *aligned(where, y_true, y_pred, broadcast=False))
    xp = arithmetic(true, p)
    true = true * (1.0 - smoothing) + 0.5 * smoothing
    if from_logits:
        p = ops.sigmoid(p) if isinstance(p, Tensor) else 1.0 / (1.0 + xp.exp(-p))
    losses = xp.power(1.0 - (true * p + (1.0 - true) * (1.0 - p)), gamma) * binary_losses(true, p)
    if apply_class_balancing:
        losses = (true * alpha + (1.0 - true) * (1.0 - alpha)) * losses
    return xp.mean(losses, axis=-1)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Returns -sum(alpha * (1 - p)^gamma * y * log p) over an axis, float64 (rows, ...).

    Args:
        y_true: one-hot rows, or distributions over the classes; the shape of `y_pred`.
        y_pred: probabilities (divided by their sum and clipped) or logits, (rows, ..., classes).
        alpha: a factor (0.25). gamma: the power, >= 0 (2.0).
        from_logits, label_smoothing, axis: as in `categorical_crossentropy`.

    >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.0433])
    """
    where = "categorical_focal_crossentropy"
    smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)
    true, p = axis_last(where, axis, *aligned(where, y_true, y_pred, broadcast=False))
    xp = arithmetic(true, p)
    true = true * (1.0 - smoothing) + smoothing / true.shape[-1]
    if from_logits:
        e = xp.exp(p - xp.max(p, axis=-1, keepdims=True))
        p = e / xp.sum(e, axis=-1, keepdims=True)
    p = clipped(p / xp.sum(p, axis=-1, keepdims=True))
    return -xp.sum(alpha * xp.power(1.0 - p, gamma) * true * xp.log(p), axis=-1)


class BinaryFocalCrossentropy(Loss):
    """The binary cross-entropy times (1 - p_t)^gamma: see `binary_focal_crossentropy`.

    Args:
        apply_class_balancing: whether to weigh class 1 with `alpha` and class 0 with 1 - alpha (False).
        alpha: in [0, 1] (0.25). gamma: >= 0 (2.0).
        from_logits: whether predictions are logits (False).
        label_smoothing: s in [0, 1] makes the targets y * (1 - s) + s / 2 (0.0).
        axis: that of the mean, not 0 (-1). reduction, name, dtype: see `Loss`.

    >>> round(BinaryFocalCrossentropy()([[1.0]], [[0.5]]), 4)
    0.1733
    """

    target_kind = "values"
    bounded_targets = True

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        where = "BinaryFocalCrossentropy"
        self.apply_class_balancing = _check.boolean(where, "apply_class_balancing", apply_class_balancing)
        self.alpha = _check.number(where, "alpha", alpha, low=0, high=1)
        self.gamma = _check.number(where, "gamma", gamma, low=0)
        self.from_logits = _check.boolean(where, "from_logits", from_logits)
        self.label_smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)
        self.axis = axis_of(where, axis)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return binary_focal_crossentropy(
            y_true, y_pred, self.apply_class_balancing, self.alpha, self.gamma, self.from_logits, self.label_smoothing,
            self.axis,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "apply_class_balancing": self.apply_class_balancing,
            "alpha": self.alpha,
            "gamma": self.gamma,
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "axis": self.axis,
        }


class CategoricalFocalCrossentropy(Loss):
    """The cross-entropy of one-hot targets times alpha * (1 - p)^gamma: see `categorical_focal_crossentropy`.

    Args:
        alpha: >= 0 (0.25). gamma: >= 0 (2.0).
        from_logits: whether predictions are logits (False).
        label_smoothing: s in [0, 1] makes the targets y * (1 - s) + s / classes (0.0).
        axis: that of the classes, not 0 (-1). reduction, name, dtype: see `Loss`.

    >>> round(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.0433
    """

    target_kind = "one_hot"
    bounded_targets = True

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        where = "CategoricalFocalCrossentropy"
        self.alpha = _check.number(where, "alpha", alpha, low=0)
        self.gamma = _check.number(where, "gamma", gamma, low=0)
        self.from_logits = _check.boolean(where, "from_logits", from_logits)
        self.label_smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)
        self.axis = axis_of(where, axis)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return categorical_focal_crossentropy(
            y_true,
            y_pred,
            self.alpha,
            self.gamma,
            self.from_logits,
            self.label_smoothing,
            self.axis,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "gamma": self.gamma,
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "axis": self.axis,
        }
