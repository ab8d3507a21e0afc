"""A term that a layer adds to the loss of the model it is in."""

from __future__ import annotations

from typing import Any

from densor._check import bad_type
from densor.graph import Lowering, Node, Tensor
from densor.graph.expression import Expression
from densor.graph.expression_code import Output, passes
from densor.ops._weights import ALONE
from densor.ops.reduction import sum as total_of

__all__ = ["AddedLossNode", "add_loss"]


class AddedLossNode(Node):
    """Adds a number, x (), to the loss of every batch; computes nothing."""

    stem = "added_loss"
    sink = True

    def __init__(self, x: Tensor, owner: Any) -> None:
        super().__init__([x], (None,))
        self.owner = owner

    def forward(self, lowering: Lowering) -> None:
        total = lowering.sum_of(self)
        if total is not None:
            weighted = lowering.buffer("penalty", (1, 1))
            x = lowering.value(self.inputs[0])
            lowering.emit("rescale", y=weighted, x=x, scale=total.weight, offset=0.0)
            lowering.emit("accumulate", totals=total.totals, values=weighted.reshape(1), weight=None)

    def backward(self, lowering: Lowering) -> None:
        dx = lowering.contribution(self.inputs[0])
        if dx is not None:
            (part,) = passes([Output(Expression(1).constant(lowering.gradient_scale), False)])
            lowering.emit(
                "expression", outputs=[dx], operands=[], code=part.code, constants=part.constants, rows=1, cols=1
            )  # fmt: skip


def add_loss(x: Tensor, owner: Any) -> None:
    """Add a symbolic number, or the sum of a symbolic array, to the loss of the model; `owner` is the layer."""
    if x.of_weights:
        raise bad_type("add_loss", "loss", ALONE)
    AddedLossNode(total_of(x) if x.batched else x, owner)
