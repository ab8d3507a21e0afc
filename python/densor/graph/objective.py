"""The end of a program: the loss, its gradient and the metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph.buffers import View
from densor.graph.expression import Expression
from densor.graph.expression_code import Output, passes
from densor.graph.formulas import Formulas
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
    """What the compiler asks of a loss. One that no native operation computes is among the head's formulas."""

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


def loss_input(graph: Graph, loss: LossLike, output: int = 0) -> tuple[Tensor, bool] | None:
    """The tensor that the native operation of the loss reads at an output, or None if there is no such operation.

    The second value tells whether it is the logits before the last activation: a cross-entropy on probabilities is
    computed on the logits that softmax or sigmoid made them from, in one pass, without clipping.

    Raises:
        ValueError: a cross-entropy on probabilities, and these are plainly logits.
    """
    graph = drop_identities(graph)
    end = graph.outputs[output]
    if loss.stem not in (*_ENDS, *_DIFFERENCES):
        return None
    # The native operations have one loss for each row; a sum over the places of a row has several.
    if end.ndim != 2 and (loss.stem == "softmax_cross_entropy" or loss.reduction == "sum"):
        return None
    if loss.stem not in _ENDS or loss.from_logits:
        return end, False
    last = next((node for node in graph.nodes if node.output is end), None)
    if last is not None and last.cross_entropy() == loss.stem:
        return last.inputs[0], True
    if last is not None and last.stem == "dense":
        activation, example = _ENDS[loss.stem]
        raise ValueError(
            f"compile(): argument 'loss': a {loss.stem} on probabilities, but the model ends with a dense layer "
            f"without activation; it should be one that ends with {activation}: end it with {example}, or use "
            "from_logits=True"
        )
    return None


@dataclass(frozen=True)
class Head:
    """What is computed at one output: a loss (None: nothing is trained there) and metrics.

    metrics ignore the weights of the rows, weighted_metrics use them; weight is the share in the model's loss;
    weighted tells whether rows have weights; target_columns is the number of target values per row. formulas
    computes the losses and metrics that are written in `densor.ops`; the streamed metrics are left to the caller.
    read: the graph itself reads the targets and weights of the formulas.
    """

    loss: LossLike | None
    metrics: Sequence[MetricLike] = ()
    weighted_metrics: Sequence[MetricLike] = ()
    weight: float = 1.0
    weighted: bool = False
    target_columns: int = 1
    formulas: Formulas | None = None
    streamed: Sequence[Any] = ()
    read: bool = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to compute, so that no targets are read."""
        return not (self.read or self.loss is not None or self.metrics or self.weighted_metrics)

    def tensors(self, output: Tensor, end: Tensor) -> dict[Any, Tensor]:
        """What an `Objective` reads of a graph with this output, and this tensor for its native operations."""
        formulas = {} if self.formulas is None else self.formulas.values
        found: dict[Any, Tensor] = dict(formulas)
        metrics = (*self.metrics, *self.weighted_metrics)
        others = [metric for metric in metrics if metric not in formulas and metric not in self.streamed]
        if end is not output and any(metric.stem in _DIFFERENCES for metric in others):
            found["output"] = output
        if (self.loss is not None and self.loss not in formulas) or others:
            found["end"] = end
        return found

    @property
    def rows(self) -> int:
        """Its rows of totals: loss, metrics, weighted metrics, and the sum of the weights these divide by."""
        return 2 + len(self.metrics) + len(self.weighted_metrics)


@dataclass
class Objective:
    """Emits loss and metrics of one output.

    `on_logits` tells that the loss reads the logits before the last activation; accuracies read them too,
    with their threshold moved, so that the activation need not be computed.

    tensors: what is read: "end", the tensor for the native loss and accuracies; "output", the predictions, where
    they are another tensor and somebody needs them; the results of formulas, by loss and metric.
    totals: float64 (head.rows, 2), sums and numbers of rows.
    y, weights: the slots of targets and row weights.
    """

    head: Head
    tensors: dict[Any, Tensor]
    on_logits: bool
    totals: NDArray[np.float64]
    y: _core.Feed
    weights: _core.Feed
    _targets: dict[tuple[bool, float, float], View] = field(default_factory=dict)
    _weights: View | None = None

    def gather(self, lowering: Lowering) -> None:
        """Emit what brings the targets and weights that formulas read."""
        formulas = self.head.formulas
        if formulas is None or not (formulas.values or self.head.read):
            return
        target = lowering.result(formulas.y_true, formulas.y_true.features)
        lowering.emit("gather", out=target, feed=self.y, scale=1.0, offset=0.0)
        self._targets[False, 1.0, 0.0] = target
        if formulas.weight is not None:
            column = lowering.result(formulas.weight, 1)
            lowering.emit("gather", out=column, feed=self.weights, scale=1.0, offset=0.0)
            self._weights = column.reshape(lowering.rows)

    def emit(self, lowering: Lowering) -> tuple[Tensor, View] | None:
        """Emit everything; return the tensor the loss begins with and its gradient, if the lowering wants it."""
        head = self.head
        weight = self._weight(lowering) if head.weighted else None
        gradient = None if head.loss is None else self._emit_loss(lowering, head.loss, weight)
        row = 1
        for metrics, weights in ((head.metrics, None), (head.weighted_metrics, weight)):
            for metric in metrics:
                figures = self._emit_metric(lowering, metric)
                if figures is not None:
                    lowering.emit("accumulate", totals=self.totals[row], values=figures, weight=weights)
                row += 1
        if head.weighted_metrics and weight is not None:
            lowering.emit("accumulate", totals=self.totals[row], values=weight, weight=None)
        return gradient

    def _weight(self, lowering: Lowering) -> View:
        if self._weights is None:
            column = lowering.buffer("weight", (lowering.rows, 1))
            lowering.emit("gather", out=column, feed=self.weights, scale=1.0, offset=0.0)
            self._weights = column.reshape(lowering.rows)
        return self._weights

    def _emit_loss(
        self, lowering: Lowering, loss: LossLike, weight: View | None
    ) -> tuple[Tensor, View] | None:
        scale = _scale(loss, lowering.rows) * self.head.weight * lowering.gradient_scale
        if loss in self.tensors:
            return self._emit_rows(lowering, self.tensors[loss], scale)
        end = self.tensors["end"]
        x = lowering.value(end, end.features)
        gradient = lowering.buffer("d", x.shape, x.dtype) if lowering.wants(end) else None
        values = lowering.buffer("loss", (lowering.rows,))
        labels = loss.target_kind == "labels"
        scaling = (1.0, 0.0) if labels else loss.target_scaling(x.shape[1])
        target = self._target(lowering, x, labels, scaling)
        lowering.emit(
            loss.stem, loss=values, dx=gradient, x=x, target=target, weight=weight, scale=scale,
            mean=loss.reduction != "sum",
        )  # fmt: skip
        lowering.emit("accumulate", totals=self.totals[0], values=values, weight=weight)
        return None if gradient is None else (end, gradient)

    def _emit_rows(self, lowering: Lowering, rows: Tensor, scale: float) -> tuple[Tensor, View] | None:
        """The losses of the rows, weighted already, whose gradient is the same for all."""
        values = lowering.value(rows, 1).reshape(lowering.rows)
        lowering.emit("accumulate", totals=self.totals[0], values=values, weight=None)
        if not lowering.wants(rows):
            return None
        lowering.masks_rows = False
        gradient = lowering.buffer("d", (lowering.rows, 1))
        (part,) = passes([Output(Expression(1).constant(scale), False)])
        lowering.emit(
            "expression", outputs=[gradient], operands=[], code=part.code, constants=part.constants,
            rows=lowering.rows, cols=1,
        )  # fmt: skip
        return rows, gradient

    def _emit_metric(self, lowering: Lowering, metric: MetricLike) -> View | None:
        """The metric of every row; None if it is left to the caller."""
        if metric in self.head.streamed:
            return None
        if metric in self.tensors:
            return lowering.value(self.tensors[metric], 1).reshape(lowering.rows)
        end = self.tensors["end"]
        if metric.stem in _DIFFERENCES:
            output = self.tensors.get("output", end)
            return self._emit_difference(lowering, metric.stem, lowering.value(output, output.features))
        return self._emit_accuracy(lowering, metric, lowering.value(end, end.features))

    def _emit_difference(self, lowering: Lowering, stem: str, x: View) -> View:
        values = lowering.buffer(stem, (lowering.rows,))
        target = self._target(lowering, x, labels=False)
        lowering.emit(stem, loss=values, dx=None, x=x, target=target, weight=None, scale=1.0)
        return values

    def _emit_accuracy(self, lowering: Lowering, metric: MetricLike, x: View) -> View:
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
    return 1.0 if loss.reduction == "sum" else 1.0 / rows


def _logit(probability: float) -> float:
    """The logit at which a sigmoid reaches the probability, within float32's finite range."""
    largest = float(np.finfo(np.float32).max)
    if probability <= 0.0:
        return -largest
    if probability >= 1.0:
        return largest
    return math.log(probability) - math.log1p(-probability)
