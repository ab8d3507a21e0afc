"""The loss of a model outside its programs, and how these take a subclass's own `compute_loss`, `compute_metrics`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densor._check import bad_type, show
from densor.graph import Graph, Head, Tensor
from densor.graph.structure import flat, packed
from densor.graph.trace import Scope, scoped
from densor.models.data import Data
from densor.models.endings import Ending
from densor.ops import added_loss
from densor.ops import sum as total_of

if TYPE_CHECKING:
    from densor.models.compiled import Compiled

__all__ = ["OwnLoss", "OwnMetrics", "loss_of_arrays", "loss_of_tensors"]


@dataclass
class OwnLoss:
    """A model whose class has a `compute_loss` of its own: it is traced once for every kind of data.

    penalized: whether it asked the base class for its loss, and so for the penalties.
    """

    model: Any
    penalized: bool = False

    def on(self, graph: Graph, heads: Sequence[Head], training: bool) -> Graph:
        """The graph with what `compute_loss` computes from it, added to the loss.

        Raises:
            TypeError: it returned something that is no symbolic tensor.
        """
        nodes: list[Any] = []
        self.penalized = False
        formulas = [head.formulas if head.read else None for head in heads]
        several = len(heads) > 1
        y = [None if one is None else one.y_true for one in formulas]
        weight = [None if one is None else one.weight for one in formulas]
        call = self.model.compute_loss
        mode = {"training": training} if _takes_training(call) else {}
        form = graph.result if isinstance(graph.result, list | dict) else [None]
        with scoped(Scope(training=training, nodes=nodes, depth=1)):
            loss = call(
                x=packed(self.model._input, graph.inputs),
                y=packed(form, y) if several else y[0],
                y_pred=graph.result,
                sample_weight=(packed(form, weight) if any(w is not None for w in weight) else None)
                if several else weight[0],
                **mode,
            )  # fmt: skip
            if not isinstance(loss, Tensor):
                raise bad_type(
                    "compute_loss", "return value",
                    f"must be a symbolic tensor computed by densor.ops from what it is given, got {show(loss)}",
                )  # fmt: skip
            added_loss.add_loss(loss, self.model)
        kept = graph.nodes if self.penalized else [node for node in graph.nodes if not node.sink]
        return graph.with_nodes([*kept, *nodes])


def _takes_training(function: Any) -> bool:
    parameters = inspect.signature(function).parameters
    return "training" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


@dataclass
class OwnMetrics:
    """A model whose class has a `compute_metrics` of its own: it sees every batch after the native run that made it.

    outputs, structure: of the model. returned: the results of the last batch.
    """

    model: Any
    outputs: Sequence[Tensor] = ()
    structure: Any = None
    returned: dict[str, Any] = field(default_factory=dict)

    def forget(self) -> None:
        """A run over data begins."""
        self.returned = {}
        self.model.reset_metrics()

    def see(self, data: Data, predictions: Sequence[NDArray[np.float32]], rows: Any) -> None:
        """One batch: rows of the data, and the predictions for them.

        Raises:
            TypeError: something else than a dict of results was returned.
        """
        shapes = [tensor.shape[1:] for tensor in self.outputs]
        y_pred = [p[rows].reshape(-1, *shape) for p, shape in zip(predictions, shapes, strict=True)]
        y = [None if part.shape[1:] == (0,) else part[rows] for part in data.targets]
        weight = [None if part is None else part[rows] for part in data.weight]
        several = len(shapes) > 1
        found = self.model.compute_metrics(
            packed(self.model._input, [part[rows] for part in data.x]),
            packed(self.structure, y) if several else y[0],
            packed(self.structure, y_pred) if several or isinstance(self.structure, dict) else y_pred[0],
            packed(self.structure, weight) if several else weight[0],
        )
        if not isinstance(found, dict):
            raise bad_type("compute_metrics", "return value", f"must be a dict of results, got {show(found)}")
        self.returned = {name: value() if callable(value) else value for name, value in found.items()}


def loss_of_tensors(
    compiled: Compiled, endings: Sequence[Ending], y: Any, y_pred: Any, weight: Any
) -> Tensor:
    """The compiled loss of symbolic targets and predictions, ()."""
    outputs = flat(y_pred)
    targets = flat(y) if len(outputs) > 1 else [y]
    weights = flat(weight) if len(outputs) > 1 and weight is not None else [weight] * len(outputs)
    total: Any = 0.0 * total_of(outputs[0])
    for ending, true, predicted, share in zip(endings, targets, outputs, weights, strict=True):
        if ending.loss is not None:
            total = total + ending.weight * ending.loss(true, predicted, share)
    if compiled.own_loss is not None:
        compiled.own_loss.penalized = True
    result: Tensor = total
    return result


def loss_of_arrays(
    endings: Sequence[Ending], added: Sequence[float], y: Any, y_pred: Any, weight: Any
) -> float:
    """The compiled loss of arrays, and what layers add."""
    outputs = flat(y_pred)
    targets = flat(y) if len(outputs) > 1 else [y]
    several = len(outputs) > 1 and isinstance(weight, list | tuple | dict)
    weights = flat(weight) if several else [weight] * len(outputs)
    found = [
        ending.weight * float(ending.loss(true, predicted, share))
        for ending, true, predicted, share in zip(endings, targets, outputs, weights, strict=True)
        if ending.loss is not None
    ]
    return sum(found) + sum(added)


def without_losses(endings: Sequence[Ending]) -> list[Ending]:
    """The endings as they are reported where a model computes its loss itself."""
    return [replace(ending, loss=None) for ending in endings]
