"""The end of a program: the loss, its gradient and the metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph.buffers import View
from densor.graph.lowering import Lowering
from densor.graph.passes import drop_identities
from densor.graph.tensor import Tensor
from densor.graph.trace import Graph

__all__ = ["LossLike", "MetricLike", "Objective", "loss_input"]

_ENDS = {
    "softmax_cross_entropy": ("softmax", "Dense(classes, activation='softmax')"),
    "sigmoid_cross_entropy": ("sigmoid", "Dense(1, activation='sigmoid')"),
}

_DIFFERENCES = ("mean_squared_error", "mean_absolute_error")


class LossLike(Protocol):
    """What the compiler asks of a loss."""

    stem: str
    from_logits: bool
    target_kind: str
    reduction: str

    def target_scaling(self, columns: int) -> tuple[float, float]:
        """(scale, offset) of the targets, where labels are smoothed."""
        ...


class MetricLike(Protocol):
    """What the compiler asks of a metric.

    One with the stem `accuracy` also has `kind`, and `threshold` if it is binary; `_DIFFERENCES` read predictions.
    """

    name: str
    stem: str


def loss_input(graph: Graph, loss: LossLike) -> tuple[Tensor, bool]:
    """The tensor the loss reads, and whether it is the logits before the model's last activation.

    A cross-entropy on probabilities is computed on the logits that softmax or sigmoid made them from:
    one pass, no clipping, exact gradients.

    Raises:
        ValueError: the graph's end does not fit the loss.
    """
    if len(graph.outputs) != 1:
        raise ValueError(
            f"compile(): argument 'loss': the model has {len(graph.outputs)} outputs, expected one"
        )
    if loss.stem not in (*_ENDS, *_DIFFERENCES):
        raise ValueError(
            f"compile(): argument 'loss': {type(loss).__name__} cannot be trained; it has no native operation"
        )
    graph = drop_identities(graph)
    output = graph.outputs[0]
    if loss.stem == "softmax_cross_entropy" and output.ndim != 2:
        raise ValueError(
            f"compile(): argument 'loss': a softmax cross-entropy needs outputs (batch, classes), got {output.shape}"
        )
    if loss.stem not in _ENDS or loss.from_logits:
        return output, False
    for node in graph.nodes:
        if node.output is output and node.cross_entropy() == loss.stem:
            return node.inputs[0], True
    activation, example = _ENDS[loss.stem]
    raise ValueError(
        f"compile(): argument 'loss': a {loss.stem} on probabilities needs a model that ends with {activation}; "
        f"end it with {example}, or use from_logits=True"
    )


@dataclass
class Objective:
    """Emits the loss and the metrics on the end of a graph.

    `on_logits` tells that the loss reads the logits before the model's last activation; accuracies read them too,
    with their threshold moved, so that the activation need not be computed.
    """

    loss: LossLike
    metrics: Sequence[MetricLike]
    on_logits: bool
    weighted: bool
    target_columns: int
    totals: NDArray[np.float64] | None
    _targets: dict[tuple[bool, float, float], View] = field(default_factory=dict)

    @property
    def reads_predictions(self) -> bool:
        """Whether a metric needs the model's output although the loss does not."""
        return self.on_logits and any(metric.stem in _DIFFERENCES for metric in self.metrics)

    def emit(
        self, lowering: Lowering, ends: Sequence[Tensor], y: _core.Feed, weights: _core.Feed
    ) -> View | None:
        """Emit everything; return the gradient of the last of `ends` if the lowering wants it.

        ends: the tensor the loss reads; before it the model's output, if `reads_predictions`.
        """
        assert self.totals is not None
        end = ends[-1]
        x = lowering.value(end, end.features)
        weight = None
        if self.weighted:
            column = lowering.buffer("weight", (lowering.rows, 1))
            lowering.emit("gather", out=column, feed=weights, scale=1.0, offset=0.0)
            weight = column.reshape(lowering.rows)
        gradient = lowering.buffer("d", x.shape) if lowering.wants(end) else None
        values = lowering.buffer("loss", (lowering.rows,))
        labels = self.loss.target_kind == "labels"
        scaling = (1.0, 0.0) if labels else self.loss.target_scaling(x.shape[1])
        target = self._target(lowering, y, x, labels, scaling)
        scale = self._scale(lowering.rows)
        lowering.emit(
            self.loss.stem, loss=values, dx=gradient, x=x, target=target, weight=weight, scale=scale
        )
        lowering.emit("accumulate", totals=self.totals[0], values=values, weight=weight)
        for metric, totals in zip(self.metrics, self.totals[1:], strict=True):
            if metric.stem in _DIFFERENCES:
                difference = lowering.value(ends[0], ends[0].features)
                figures = self._emit_difference(lowering, metric.stem, difference, y)
            else:
                figures = self._emit_accuracy(lowering, metric, x, y)
            lowering.emit("accumulate", totals=totals, values=figures, weight=None)
        return gradient

    def _emit_difference(self, lowering: Lowering, stem: str, x: View, y: _core.Feed) -> View:
        values = lowering.buffer(stem, (lowering.rows,))
        target = self._target(lowering, y, x, labels=False)
        lowering.emit(stem, loss=values, dx=None, x=x, target=target, weight=None, scale=1.0)
        return values

    def _emit_accuracy(self, lowering: Lowering, metric: MetricLike, x: View, y: _core.Feed) -> View:
        if metric.stem != "accuracy":
            raise ValueError(
                f"compile(): argument 'metrics': {metric.name!r} cannot be computed in training; it is not one of "
                "the accuracies, 'mse' or 'mae'"
            )
        kind = getattr(metric, "kind")  # noqa: B009 - only accuracies have one
        correct = lowering.buffer("correct", (lowering.rows,))
        target = self._target(lowering, y, x, kind == "sparse")
        threshold = float(getattr(metric, "threshold", 0.5))
        if self.on_logits and kind == "binary":
            threshold = _logit(threshold)
        lowering.emit("accuracy", correct=correct, x=x, target=target, kind=kind, threshold=threshold)
        return correct

    def _target(
        self,
        lowering: Lowering,
        y: _core.Feed,
        x: View,
        labels: bool,
        scaling: tuple[float, float] = (1.0, 0.0),
    ) -> View:
        """The batch's targets, gathered once as int32 labels and once for each scaling as float32 values."""
        key = (labels, *scaling)
        if key not in self._targets:
            one_hot = self.loss.target_kind == "one_hot"
            columns = x.shape[1] if one_hot else self.target_columns
            shape = (lowering.rows,) if labels else (lowering.rows, columns)
            target = lowering.buffer("target", shape, np.int32 if labels else np.float32)
            lowering.emit("gather", out=target, feed=y, scale=scaling[0], offset=scaling[1])
            self._targets[key] = target
        return self._targets[key]

    def _scale(self, rows: int) -> float:
        if self.loss.reduction == "sum":
            return 1.0
        if self.loss.reduction in ("sum_over_batch_size", "mean"):
            return 1.0 / rows
        raise ValueError(
            f"compile(): argument 'loss': reduction {self.loss.reduction!r} cannot be trained; "
            "use 'sum_over_batch_size' or 'sum'"
        )


def _logit(probability: float) -> float:
    """The logit at which a sigmoid reaches the probability, within float32's finite range."""
    largest = float(np.finfo(np.float32).max)
    if probability <= 0.0:
        return -largest
    if probability >= 1.0:
        return largest
    return math.log(probability) - math.log1p(-probability)
