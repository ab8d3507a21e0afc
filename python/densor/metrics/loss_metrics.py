"""Losses as metrics: means over all rows seen, whatever the batches."""

from __future__ import annotations

from typing import Any

from densor import _check, losses
from densor.losses.loss import axis_of
from densor.metrics.mean_metric import MeanMetric


class Hinge(MeanMetric):
    """The mean of max(1 - y_true * y_pred, 0), for targets -1 and 1 (or 0 and 1).

    Args:
        name: the key in History ("hinge"). dtype: None or "float32".

    >>> Hinge()([[1.0, -1.0]], [[0.5, -3.0]])
    0.25
    """

    direction = "down"

    def __init__(self, name: str = "hinge", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.hinge(y_true, y_pred)


class SquaredHinge(MeanMetric):
    """The mean of max(1 - y_true * y_pred, 0)^2, for targets -1 and 1 (or 0 and 1).

    Args:
        name: the key in History ("squared_hinge"). dtype: None or "float32".

    >>> SquaredHinge()([[1.0, -1.0]], [[0.5, -3.0]])
    0.125
    """

    direction = "down"

    def __init__(self, name: str = "squared_hinge", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.squared_hinge(y_true, y_pred)


class CategoricalHinge(MeanMetric):
    """The mean margin between the right class and the best of the others.

    Args:
        name: the key in History ("categorical_hinge"). dtype: None or "float32".

    >>> round(CategoricalHinge()([[0.0, 1.0]], [[0.4, 0.6]]), 6)
    0.8
    """

    direction = "down"

    def __init__(self, name: str = "categorical_hinge", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.categorical_hinge(y_true, y_pred)


class KLDivergence(MeanMetric):
    """The mean of sum(y_true * log(y_true / y_pred)).

    Args:
        name: the key in History ("kl_divergence"). dtype: None or "float32".

    >>> KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]])
    0.0
    """

    direction = "down"

    def __init__(self, name: str = "kl_divergence", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.kl_divergence(y_true, y_pred)


class Poisson(MeanMetric):
    """The mean of y_pred - y_true * log(y_pred + epsilon).

    Args:
        name: the key in History ("poisson"). dtype: None or "float32".

    >>> round(Poisson()([[0.0, 3.0]], [[2.0, 1.0]]), 4)
    1.5
    """

    direction = "down"

    def __init__(self, name: str = "poisson", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.poisson(y_true, y_pred)


class BinaryCrossentropy(MeanMetric):
    """The mean cross-entropy of targets in [0, 1] and probabilities or logits.

    Args:
        name: the key in History ("binary_crossentropy"). dtype: None or "float32".
        from_logits, label_smoothing: as for the loss.

    >>> round(BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]]), 4)
    0.6931
    """

    direction = "down"

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(name, dtype)
        where = "BinaryCrossentropy"
        self.from_logits = _check.boolean(where, "from_logits", from_logits)
        self.label_smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "from_logits": self.from_logits, "label_smoothing": self.label_smoothing}


class CategoricalCrossentropy(MeanMetric):
    """The mean cross-entropy of one-hot targets and probabilities or logits.

    Args:
        name: the key in History ("categorical_crossentropy"). dtype: None or "float32".
        from_logits, label_smoothing, axis: as for the loss.

    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]), 4)
    0.6931
    """

    direction = "down"

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        where = "CategoricalCrossentropy"
        self.from_logits = _check.boolean(where, "from_logits", from_logits)
        self.label_smoothing = _check.number(where, "label_smoothing", label_smoothing, low=0, high=1)
        self.axis = axis_of(where, axis)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "axis": self.axis,
        }


class SparseCategoricalCrossentropy(MeanMetric):
    """The mean cross-entropy of class labels and probabilities or logits.

    Args:
        name: the key in History ("sparse_categorical_crossentropy"). dtype: None or "float32".
        from_logits: as for the loss. ignore_class: a label whose samples count as 0, or None.
        axis: as for the loss.

    >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 4)
    0.6931
    """

    direction = "down"

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        where = "SparseCategoricalCrossentropy"
        self.from_logits = _check.boolean(where, "from_logits", from_logits)
        self.ignore_class = (
            None if ignore_class is None else _check.integer(where, "ignore_class", ignore_class)
        )
        self.axis = axis_of(where, axis)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return losses.sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "ignore_class": self.ignore_class,
            "axis": self.axis,
        }
