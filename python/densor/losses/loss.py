"""The base of all losses: reduction over the samples, sample weights, configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from densor import _check, config, ops
from densor._array import real_array
from densor.graph import Tensor
from densor.ops.reshape import reshape_rows

Values = npt.NDArray[np.float64]
Self = TypeVar("Self", bound="Loss")

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


class Loss:
    """What every loss has. A subclass defines `call(y_true, y_pred)`, written in `densor.ops`.

    Called on arrays, a loss returns a number; training computes the same natively, with its gradient.

    Args:
        name: only kept.
        reduction: how the losses l of n samples with weights w (all 1 without weights) become one number:
            "sum_over_batch_size" and "mean": sum(w * l) / n; "mean_with_sample_weight": sum(w * l) / sum(w);
            "sum": sum(w * l); "none" or None: the array w * l, which cannot be trained.
        dtype: None or "float32".

    >>> from densor import ops
    >>> class Cubic(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)
    >>> Cubic()([[0.0], [1.0]], [[1.0], [3.0]])
    4.5
    """

    stem: str = ""
    """Name of the native operation; "" where training computes `call` as it is written."""

    target_kind: str = "any"
    """The targets: "labels" int (rows,), "one_hot" (rows, classes), "values" (rows, columns),
    "groups": any whole numbers (rows,), or "any" shape."""

    bounded_targets: bool = False
    """Whether targets are probabilities, in [0, 1]."""

    from_logits: bool = False
    """Whether predictions are logits (before sigmoid or softmax) and not probabilities."""

    label_smoothing: float = 0.0

    axis: Any = -1
    """The axis of the classes, or that of the mean."""

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        where = type(self).__name__
        self.name = _check.optional_name(where, name, where)
        self.reduction = _check.choice(
            where, "reduction", "none" if reduction is None else reduction, REDUCTIONS
        )
        _check.unsupported(where, "dtype", "float32" if dtype is None else dtype, "float32")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of every sample, (rows,) or (rows, ...), of arrays or symbolic tensors alike."""
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def counted(self, y_true: Any, y_pred: Any, losses: Any) -> Any:
        """Which of the losses that `call` returned count: 1 or 0 for each, or None for all of them."""
        return None

    def target_scaling(self, columns: int) -> tuple[float, float]:
        """Returns (scale, offset) with which label smoothing changes targets of `columns` columns."""
        return 1.0, 0.0

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the reduced loss of predictions `y_pred` for targets `y_true`, computed in float64.

        Shapes: `y_pred` (rows, ..., columns); `y_true` the same, or (rows, ...) as the loss says;
        `sample_weight` (rows,), or broadcastable to the per-sample losses. Raises ValueError for others.
        Symbolic tensors give a symbolic tensor.
        """
        if isinstance(y_pred, Tensor):
            return self._on_tensors(y_true, y_pred, sample_weight)
        where = type(self).__name__
        y_true, y_pred = (
            real_array(where, name, value).astype(np.float64)
            for name, value in (("y_true", y_true), ("y_pred", y_pred))
        )
        losses = np.asarray(self.call(y_true, y_pred), np.float64)
        weights = None if sample_weight is None else sample_weights(where, sample_weight, losses)
        if (counted := self.counted(y_true, y_pred, losses)) is not None:
            weights = counted if weights is None else weights * counted
            if self.reduction in ("sum_over_batch_size", "mean"):
                weights = weights * (losses.size / max(float(counted.sum()), 1.0))
        return reduced(losses, weights, self.reduction)

    def _on_tensors(self, y_true: Any, y_pred: Tensor, weight: Any) -> Tensor:
        if self.reduction != "none":
            rows = self.row_losses(y_true, y_pred, weight)
            total: Tensor = ops.sum(rows) if self.reduction == "sum" else ops.mean(rows)
            return total
        values: Tensor = self.call(y_true, y_pred)
        return values if weight is None else values * weight

    def row_losses(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None) -> Tensor:
        """What each row adds to the loss of its batch, (rows,), which is their mean, or their sum for "sum".

        Args:
            y_true, y_pred: symbolic targets and predictions. weight: (rows,), or None.
        """
        values, total = self.call(y_true, y_pred), self.reduction == "sum"
        counted = self.counted(y_true, y_pred, values)
        if counted is not None:
            values = values * counted
        if values.batched:
            rows = per_row(values, total)
        else:  # one number for the batch: the same for every row
            row = 0.0 * per_row(y_pred, False)
            rows = values + row
            if total and weight is None:
                rows = rows / ops.sum(row + 1.0)
        share = None if counted is None or total else per_row(counted, False)
        if self.reduction == "mean_with_sample_weight" and weight is not None:
            share = weight if share is None else share * weight
        if share is not None:
            rows = rows / ops.maximum(ops.mean(share), 1e-7)
        result: Tensor = rows if weight is None else rows * weight
        return result

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """Makes the loss that `get_config` described."""
        return cls(**config)


def per_row(values: Tensor, total: bool) -> Tensor:
    """Sum or mean of the symbolic values of each row, (rows,)."""
    if values.ndim == 1:
        return values
    flat = ops.flatten(values)
    result: Tensor = ops.sum(flat, axis=-1) if total else ops.mean(flat, axis=-1)
    return result


def arithmetic(*values: Any) -> Any:
    """`densor.ops` where a value is symbolic, else NumPy: formulas are written in what both have."""
    return ops if any(isinstance(value, Tensor) for value in values) else np


def axis_of(function: str, axis: Any) -> int:
    """Returns `axis`, an integer that is not the batch's 0."""
    place = _check.integer(function, "axis", axis)
    if place == 0:
        raise _check.bad_value(function, "axis", "0 is the axis of the batch; give another one")
    return place


def axis_last(function: str, axis: Any, *values: Any) -> tuple[Any, ...]:
    """Returns symbolic tensors or arrays with `axis` as their last one."""
    place = axis_of(function, axis)
    if place == -1:
        return values
    moved = []
    for value in values:
        ndim = len(value.shape)
        if not -ndim < place < ndim:
            raise _check.bad_value(
                function, "axis", f"{place} is none but the batch's of shape {tuple(value.shape)}"
            )
        order = [other for other in range(ndim) if other != place % ndim] + [place % ndim]
        if isinstance(value, Tensor):
            value = value if order[-1] == ndim - 1 else ops.transpose(value, order)
            moved.append(value)
        else:
            moved.append(np.transpose(value, order))
    return tuple(moved)


def clipped(probabilities: Any) -> Any:
    """Returns the probabilities in [epsilon, 1 - epsilon], the bounds rounded to float32 as in Keras.

    So a sure and wrong "no" costs -log(1e-7) = 16.118, and a "yes" -log(1.19e-7) = 15.942.
    """
    low, high = np.float32(config.epsilon()), np.float32(1.0 - config.epsilon())
    return arithmetic(probabilities).clip(probabilities, float(low), float(high))


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
    return float(weighted.sum()) / weighted.size if weighted.size else 0.0


def sample_weights(function: str, weights: Any, losses: Values) -> Values:
    """Returns `sample_weight` broadcast to the shape of the per-sample losses."""
    array = real_array(function, "sample_weight", weights).astype(np.float64)
    if losses.ndim == 0:  # one loss for the batch
        return array.reshape(-1)
    if array.ndim == losses.ndim + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim > losses.ndim or array.shape != losses.shape[: array.ndim]:
        raise _check.bad_value(function, "sample_weight", f"expected shape {losses.shape}, got {array.shape}")
    return np.broadcast_to(array.reshape(array.shape + (1,) * (losses.ndim - array.ndim)), losses.shape)


def aligned(function: str, y_true: Any, y_pred: Any, broadcast: bool) -> tuple[Any, Any]:
    """Returns targets and predictions of one rank and the same rows: float64 arrays, or symbolic tensors.

    A missing last axis of the targets is added, a superfluous one dropped. broadcast: whether a last axis of
    length 1 stands for every column, as Keras' regression losses have it.
    """
    symbolic = isinstance(y_true, Tensor) or isinstance(y_pred, Tensor)
    true, predicted = (
        value if symbolic else real_array(function, name, value).astype(np.float64)
        for name, value in (("y_true", y_true), ("y_pred", y_pred))
    )
    shape, wanted = tuple(true.shape), tuple(predicted.shape)
    given = shape
    if len(shape) == len(wanted) - 1:
        shape = (*shape, 1)
    elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    if shape != given:
        true = reshape_rows(true, shape[1:]) if isinstance(true, Tensor) else true.reshape(shape)
    if shape != wanted and not (broadcast and shape and shape == (*wanted[:-1], 1)):
        raise _check.bad_value(
            function, "y_true", f"shape {given} does not fit predictions of shape {wanted}"
        )
    if not wanted:
        raise _check.bad_value(function, "y_pred", "must have at least one axis, got a single number")
    return true, predicted
