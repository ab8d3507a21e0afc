"""The base of all losses: reduction over the samples, sample weights, configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from densor import _check, config
from densor._array import real_array

Values = npt.NDArray[np.float64]
Self = TypeVar("Self", bound="Loss")

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


class Loss:
    """What every loss has. Use a subclass: MeanSquaredError, BinaryCrossentropy, ...

    Called on arrays, a loss returns a number; training computes the same natively, with its gradient.

    Args:
        name: only kept.
        reduction: how the losses l of n samples with weights w (all 1 without weights) become one number:
            "sum_over_batch_size" and "mean": sum(w * l) / n; "mean_with_sample_weight": sum(w * l) / sum(w);
            "sum": sum(w * l); "none" or None: the array w * l.
        dtype: None or "float32".
    """

    stem: str = ""
    """Name of the native operation; "" where there is none, so that the loss cannot be trained."""

    target_kind: str = "values"
    """The targets: "labels" int (rows,), "one_hot" (rows, classes) or "values" (rows, columns)."""

    from_logits: bool = False
    """Whether predictions are logits (before sigmoid or softmax) and not probabilities."""

    label_smoothing: float = 0.0

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        where = type(self).__name__
        self.name = _check.optional_name(where, name, where)
        self.reduction = _check.choice(
            where, "reduction", "none" if reduction is None else reduction, REDUCTIONS
        )
        _check.unsupported(where, "dtype", "float32" if dtype is None else dtype, "float32")

    def call(self, y_true: Any, y_pred: Any) -> Values:
        """Returns the loss of every sample, float64 (rows,)."""
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def target_scaling(self, columns: int) -> tuple[float, float]:
        """Returns (scale, offset) with which label smoothing changes targets of `columns` columns."""
        return 1.0, 0.0

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float | Values:
        """Returns the reduced loss of predictions `y_pred` for targets `y_true`, computed in float64.

        Shapes: `y_pred` (rows, ..., columns); `y_true` the same, or (rows, ...) as the loss says;
        `sample_weight` (rows,), or broadcastable to the per-sample losses. Raises ValueError for others.
        """
        losses = self.call(y_true, y_pred)
        weights = (
            None if sample_weight is None else sample_weights(type(self).__name__, sample_weight, losses)
        )
        return reduced(losses, weights, self.reduction)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """Makes the loss that `get_config` described."""
        return cls(**config)


def clipped(probabilities: Values) -> Values:
    """Returns the probabilities in [epsilon, 1 - epsilon], the bounds rounded to float32 as in Keras.

    So a sure and wrong "no" costs -log(1e-7) = 16.118, and a "yes" -log(1.19e-7) = 15.942.
    """
    low, high = np.float32(config.epsilon()), np.float32(1.0 - config.epsilon())
    return np.clip(probabilities, float(low), float(high))


def reduced(losses: Values, weights: Values | None, reduction: str) -> float | Values:
    """Reduces per-sample losses as `Loss` says."""
    weighted = losses if weights is None else losses * weights
    if reduction == "none":
        return weighted
    if reduction == "sum":
        return float(weighted.sum())
    if reduction == "mean_with_sample_weight" and weights is not None:
        total = float(weights.sum())
        return float(weighted.sum()) / total if total else 0.0
    return float(weighted.sum()) / losses.size if losses.size else 0.0


def sample_weights(function: str, weights: Any, losses: Values) -> Values:
    """Returns `sample_weight` broadcast to the shape of the per-sample losses."""
    array = real_array(function, "sample_weight", weights).astype(np.float64)
    if array.ndim == losses.ndim + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim > losses.ndim or array.shape != losses.shape[: array.ndim]:
        raise _check.bad_value(function, "sample_weight", f"expected shape {losses.shape}, got {array.shape}")
    return np.broadcast_to(array.reshape(array.shape + (1,) * (losses.ndim - array.ndim)), losses.shape)


def aligned(function: str, y_true: Any, y_pred: Any, broadcast: bool) -> tuple[Values, Values]:
    """Returns targets and predictions as float64 arrays of one rank and the same rows.

    A missing last axis of the targets is added, a superfluous one dropped. broadcast: whether a last axis of
    length 1 stands for every column, as Keras' regression losses have it.
    """
    true = real_array(function, "y_true", y_true).astype(np.float64)
    predicted = real_array(function, "y_pred", y_pred).astype(np.float64)
    if true.ndim == predicted.ndim - 1:
        true = true[..., None]
    elif true.ndim == predicted.ndim + 1 and true.shape[-1] == 1:
        true = true[..., 0]
    same = true.shape == predicted.shape
    if not same and not (broadcast and true.ndim and true.shape == (*predicted.shape[:-1], 1)):
        shape = np.shape(y_true)
        raise _check.bad_value(
            function, "y_true", f"shape {shape} does not fit predictions of shape {predicted.shape}"
        )
    if predicted.ndim == 0:
        raise _check.bad_value(function, "y_pred", "must have at least one axis, got a single number")
    return true, predicted
