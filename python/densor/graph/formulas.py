"""Losses and metrics written in `densor.ops`: traced once, then part of the graph of every program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from densor.graph.node import Node
from densor.graph.tensor import Tensor
from densor.graph.trace import Graph, trace

__all__ = ["Formulas"]

Rows = Callable[
    [Tensor, Tensor, Tensor | None], Tensor
]  # of targets, predictions and weights: a number for each row


@dataclass(frozen=True)
class Formulas:
    """Numbers for each row, computed from the targets, predictions and weights of one output.

    `values` are the results by what they belong to (a loss or a metric); `nodes` compute them.
    """

    y_true: Tensor
    y_pred: Tensor
    weight: Tensor | None
    nodes: tuple[Node, ...] = ()
    values: dict[Any, Tensor] = field(default_factory=dict)

    @property
    def couple_rows(self) -> bool:
        """Whether the number of a row depends on others of its batch."""
        return any(node.couples_rows for node in self.nodes)

    @staticmethod
    def of(target: tuple[int, ...], output: tuple[int, ...], weighted: bool) -> Formulas:
        """None yet, for rows of targets and predictions of these shapes."""
        return Formulas(
            Tensor((None, *target)), Tensor((None, *output)), Tensor((None,)) if weighted else None
        )

    def extended(self, owner: Any, function: Rows) -> Formulas:
        """These and what `function` computes.

        Raises:
            TypeError, ValueError: as `trace`; also for another result than a number for each row.
        """
        inputs = [self.y_true, self.y_pred, *([] if self.weight is None else [self.weight])]
        weighted = self.weight is not None

        def call(tensors: Sequence[Tensor]) -> Tensor:
            return function(tensors[0], tensors[1], tensors[2] if weighted else None)

        graph = trace(call, inputs, training=True)
        (result,) = graph.outputs
        if result.shape != (None,):
            raise ValueError(f"expected a number for each row, of shape (None,), got shape {result.shape}")
        mine = dict(zip(graph.inputs, inputs, strict=True))
        nodes, result = rewired(graph, mine), mine.get(result, result)
        return Formulas(
            self.y_true, self.y_pred, self.weight, (*self.nodes, *nodes), {**self.values, owner: result}
        )

    def on(self, output: Tensor) -> tuple[Node, ...]:
        """The nodes, reading `output` as the predictions."""
        return rewired(Graph((self.y_pred,), (), self.nodes), {self.y_pred: output})


def rewired(graph: Graph, inputs: dict[Tensor, Tensor]) -> tuple[Node, ...]:
    """The nodes of the graph, reading other tensors for its inputs."""
    return tuple(
        node.rewired([inputs.get(tensor, tensor) for tensor in node.inputs], node.output)
        if any(tensor in inputs for tensor in node.inputs)
        else node
        for node in graph.nodes
    )
