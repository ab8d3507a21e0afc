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

__all__ = ["Head", "LossLike", "MetricLike", "Objective", "loss_input"]

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


def loss_input(graph: Graph, loss: LossLike, output: int = 0) -> tuple[Tensor, bool]:
    """The tensor the loss of output number `output` reads, and whether it is the logits before the last activation.

    A cross-entropy on probabilities is computed on the logits that softmax or sigmoid made them from:
    one pass, no clipping, exact gradients.

    Raises:
        ValueError: the graph's end does not fit the loss.
    """
    if loss.stem not in (*_ENDS, *_DIFFERENCES):
        raise ValueError(
            f"compile(): argument 'loss': {type(loss).__name__} cannot be trained; it has no native operation"
        )
    graph = drop_identities(graph)
    end = graph.outputs[output]
    if loss.stem == "softmax_cross_entropy" and end.ndim != 2:
        raise ValueError(
            f"compile(): argument 'loss': a softmax cross-entropy needs outputs (batch, classes), got {end.shape}"
        )
    if loss.stem not in _ENDS or loss.from_logits:
        return end, False
    for node in graph.nodes:
        if node.output is end and node.cross_entropy() == loss.stem:
            return node.inputs[0], True
    activation, example = _ENDS[loss.stem]
    raise ValueError(
        f"compile(): argument 'loss': a {loss.stem} on probabilities needs a model that ends with {activation}; "
        f"end it with {example}, or use from_logits=True"
    )


@dataclass(frozen=True)
class Head:
    """What is computed at one output: a loss (None: nothing is trained there) and metrics.

    metrics ignore the weights of the rows, weighted_metrics use them; weight is the share in the model's loss;
    weighted tells whether rows have weights; target_columns is the number of target values per row.
    """

    loss: LossLike | None
    metrics: Sequence[MetricLike] = ()
    weighted_metrics: Sequence[MetricLike] = ()
    weight: float = 1.0
    weighted: bool = False
    target_columns: int = 1

    @property
    def idle(self) -> bool:
        """Whether there is nothing to compute, so that no targets are read."""
        return self.loss is None and not self.metrics and not self.weighted_metrics

    @property
    def rows(self) -> int:
        """Its rows of totals: loss, metrics, weighted metrics, and the sum of the weights these divide by."""
        return 2 + len(self.metrics) + len(self.weighted_metrics)


@dataclass
class Objective:
    """Emits loss and metrics of one output.

    `on_logits` tells that the loss reads the logits before the last activation; accuracies read them too,
    with their threshold moved, so that the activation need not be computed.

    output, end: the tensors of the predictions, and the one the loss reads.
    totals: float64 (head.rows, 2), sums and numbers of rows.
    y, weights: the slots of targets and row weights.
    """

    head: Head
    output: Tensor
    end: Tensor
    on_logits: bool
    totals: NDArray[np.float64]
    y: _core.Feed
    weights: _core.Feed
    _targets: dict[tuple[bool, float, float], View] = field(default_factory=dict)

    @property
    def reads_predictions(self) -> bool:
        """Whether a metric needs the model's output although the loss does not."""
        metrics = (*self.head.metrics, *self.head.weighted_metrics)
        return self.on_logits and any(metric.stem in _DIFFERENCES for metric in metrics)

    def emit(self, lowering: Lowering) -> View | None:
        """Emit everything; return the gradient of `end` if the lowering wants it."""
        head, x = self.head, lowering.value(self.end, self.end.features)
        weight = self._weight(lowering) if head.weighted else None
        gradient = None if head.loss is None else self._emit_loss(lowering, head.loss, x, weight)
        row = 1
        for metrics, weights in ((head.metrics, None), (head.weighted_metrics, weight)):
            for metric in metrics:
                figures = self._emit_metric(lowering, metric, x)
                lowering.emit("accumulate", totals=self.totals[row], values=figures, weight=weights)
                row += 1
        if head.weighted_metrics and weight is not None:
            lowering.emit("accumulate", totals=self.totals[row], values=weight, weight=None)
        return gradient

    def _weight(self, lowering: Lowering) -> View:
        column = lowering.buffer("weight", (lowering.rows, 1))
        lowering.emit("gather", out=column, feed=self.weights, scale=1.0, offset=0.0)
        return column.reshape(lowering.rows)

    def _emit_loss(self, lowering: Lowering, loss: LossLike, x: View, weight: View | None) -> View | None:
        gradient = lowering.buffer("d", x.shape) if lowering.wants(self.end) else None
        values = lowering.buffer("loss", (lowering.rows,))
        labels = loss.target_kind == "labels"
        scaling = (1.0, 0.0) if labels else loss.target_scaling(x.shape[1])
        target = self._target(lowering, x, labels, scaling)
        scale = _scale(loss, lowering.rows) * self.head.weight
        lowering.emit(loss.stem, loss=values, dx=gradient, x=x, target=target, weight=weight, scale=scale)
        lowering.emit("accumulate", totals=self.totals[0], values=values, weight=weight)
        return gradient

    def _emit_metric(self, lowering: Lowering, metric: MetricLike, x: View) -> View:
        if metric.stem in _DIFFERENCES:
            predictions = lowering.value(self.output, self.output.features)
            return self._emit_difference(lowering, metric.stem, predictions)
        return self._emit_accuracy(lowering, metric, x)

    def _emit_difference(self, lowering: Lowering, stem: str, x: View) -> View:
        values = lowering.buffer(stem, (lowering.rows,))
        target = self._target(lowering, x, labels=False)
        lowering.emit(stem, loss=values, dx=None, x=x, target=target, weight=None, scale=1.0)
        return values

    def _emit_accuracy(self, lowering: Lowering, metric: MetricLike, x: View) -> View:
        if metric.stem != "accuracy":
            raise ValueError(
                f"compile(): argument 'metrics': {metric.name!r} cannot be computed in training; it is not one of "
                "the accuracies, 'mse' or 'mae'"
            )
        kind = getattr(metric, "kind")  # noqa: B009 - only accuracies have one
        correct = lowering.buffer("correct", (lowering.rows,))
        target = self._target(lowering, x, kind == "sparse")
        threshold = float(getattr(metric, "threshold", 0.5))
        if self.on_logits and kind == "binary":
            threshold = _logit(threshold)
        lowering.emit("accuracy", correct=correct, x=x, target=target, kind=kind, threshold=threshold)
        return correct

    def _target(
        self,
        lowering: Lowering,
        x: View,
        labels: bool,
        scaling: tuple[float, float] = (1.0, 0.0),
    ) -> View:
        """The batch's targets, gathered once as int32 labels and once for each scaling as float32 values."""
        key = (labels, *scaling)
        if key not in self._targets:
            one_hot = self.head.loss is not None and self.head.loss.target_kind == "one_hot"
            columns = x.shape[1] if one_hot else self.head.target_columns
            shape = (lowering.rows,) if labels else (lowering.rows, columns)
            target = lowering.buffer("target", shape, np.int32 if labels else np.float32)
            lowering.emit("gather", out=target, feed=self.y, scale=scaling[0], offset=scaling[1])
            self._targets[key] = target
        return self._targets[key]


def _scale(loss: LossLike, rows: int) -> float:
    if loss.reduction == "sum":
        return 1.0
    if loss.reduction in ("sum_over_batch_size", "mean"):
        return 1.0 / rows
    raise ValueError(
        f"compile(): argument 'loss': reduction {loss.reduction!r} cannot be trained; "
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
