"""From a graph to a native program: gather, forward, loss and metrics, backward | optimizer, moving statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph.arena import Arena
from densor.graph.fusion import fuse_expressions
from densor.graph.lowering import Lowering
from densor.graph.objective import LossLike, MetricLike, Objective, loss_input
from densor.graph.passes import drop_dead_code, drop_identities, fold_rescaling, fuse_activations
from densor.graph.trace import Graph

__all__ = ["Feeds", "OptimizerLike", "compile_graph", "lower_graph"]


class OptimizerLike(Protocol):
    """What the compiler asks of an optimizer."""

    rule: str
    clipvalue: float | None
    clipnorm: float | None
    global_clipnorm: float | None

    def decays(self, variable: Any, /) -> bool:
        """Whether weight decay applies to the variable."""
        ...


class Feeds:
    """The slots through which a program sees the caller's arrays: data, targets, sample weights, predictions.

    `x` and `out` are the first of `inputs` and `outputs`; graphs with several have one feed for each.
    """

    def __init__(self, inputs: int = 1, outputs: int = 1) -> None:
        self.inputs = tuple(_core.Feed() for _ in range(inputs))
        self.outputs = tuple(_core.Feed() for _ in range(outputs))
        self.y = _core.Feed()
        self.weight = _core.Feed()

    @property
    def x(self) -> _core.Feed:
        """The data."""
        return self.inputs[0]

    @property
    def out(self) -> _core.Feed:
        """The predictions."""
        return self.outputs[0]


def compile_graph(graph: Graph, rows: int, **options: Any) -> _core.Program:
    """Lower `graph` for batches of exactly `rows` rows and bind it to memory.

    Takes the options of `lower_graph`. The program refers to the variables where they are now: after an
    arena has taken one of them elsewhere it must be compiled again (`Arena.holds` tells).
    """
    return lower_graph(graph, rows, **options).bind()


def lower_graph(
    graph: Graph,
    rows: int,
    *,
    feeds: Feeds,
    totals: NDArray[np.float64] | None = None,
    loss: LossLike | None = None,
    metrics: Sequence[MetricLike] = (),
    optimizer: OptimizerLike | None = None,
    arena: Arena | None = None,
    weighted: bool = False,
    target_columns: int = 1,
    update_statistics: bool | None = None,
    scatter: bool = False,
) -> Lowering:
    """Lower `graph` to instructions; `.listing()` of the result prints them, `.bind()` makes the program.

    Args:
        graph: from `trace`, in training mode for training.
        rows: rows per batch.
        feeds: where data, targets and weights come from and predictions go.
        totals: float64 `(1 + len(metrics), 2)`, row 0 for the loss; needed with a loss.
        loss: None for prediction.
        metrics: accuracies and mean differences, accumulated into the rows of `totals` after the first.
        optimizer: update the arena's parameters at the end of the batch.
        arena: compute the gradients of its variables; without an optimizer that is all.
        weighted: `feeds.weight` holds one weight per row for the loss.
        target_columns: columns of the target array, where the loss takes values.
        update_statistics: move the statistics of batch normalization; default: when there is an optimizer.
        scatter: write the output rows to `feeds.outputs`.

    Raises:
        ValueError: the loss does not fit the end of the graph, or arguments that need each other are missing.
    """
    _check(loss, totals, optimizer, arena)
    objective = None
    graph = drop_identities(graph)
    outputs = list(graph.outputs) if scatter or loss is None else []
    if loss is not None:
        end, fused = loss_input(graph, loss)
        objective = Objective(loss, metrics, fused, weighted, target_columns, totals)
        outputs = outputs or ([graph.outputs[0]] if objective.reads_predictions else [])
        outputs.append(end)
    graph, scales = fold_rescaling(fuse_activations(drop_dead_code(graph, outputs)))
    graph = fuse_expressions(graph)
    lowering = Lowering(rows, arena)
    _forward(lowering, graph, scales, feeds)
    if scatter:
        for tensor, feed in zip(graph.outputs, feeds.outputs, strict=False):
            lowering.emit("scatter", feed=feed, x=lowering.value(tensor, tensor.features))
    if objective is not None:
        _learn(lowering, graph, objective, feeds)
    lowering.phase = "update"
    if optimizer is not None and arena is not None and arena.variables:
        _emit_optimizer(lowering, optimizer, arena)
    if update_statistics or (update_statistics is None and optimizer is not None):
        for node in graph.nodes:
            node.update(lowering)
    return lowering


def _check(
    loss: LossLike | None,
    totals: NDArray[np.float64] | None,
    optimizer: OptimizerLike | None,
    arena: Arena | None,
) -> None:
    if loss is not None and totals is None:
        raise ValueError(
            "compile_graph(): argument 'totals': a program with a loss needs an array for its sums"
        )
    if optimizer is not None and (loss is None or arena is None):
        raise ValueError("compile_graph(): argument 'optimizer': training needs a loss and an arena")


def _forward(lowering: Lowering, graph: Graph, scales: Sequence[tuple[float, float]], feeds: Feeds) -> None:
    for tensor, feed, (scale, offset) in zip(graph.inputs, feeds.inputs, scales, strict=True):
        out = lowering.result(tensor, tensor.features)
        lowering.emit("gather", out=out, feed=feed, scale=scale, offset=offset)
    for node in graph.nodes:
        node.forward(lowering)


def _learn(lowering: Lowering, graph: Graph, objective: Objective, feeds: Feeds) -> None:
    lowering.want_gradients(graph.nodes)
    gradient = objective.emit(lowering, graph.outputs, feeds.y, feeds.weight)
    if gradient is not None:
        lowering.backward(graph.nodes, graph.outputs[-1], gradient)


def _emit_optimizer(lowering: Lowering, optimizer: OptimizerLike, arena: Arena) -> None:
    decayed = [optimizer.decays(variable) for variable in arena.variables]
    lowering.emit(
        "optimizer",
        parameters=arena.parameters,
        gradients=arena.gradients,
        slots=arena.slots,
        segments=arena.segments,
        decayed=np.array(decayed, dtype=np.uint8),
        rule=optimizer.rule,
        clipvalue=optimizer.clipvalue,
        clipnorm=optimizer.clipnorm,
        global_clipnorm=optimizer.global_clipnorm,
    )
