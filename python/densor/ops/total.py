"""Sums over everything, the batch included."""

from __future__ import annotations

from densor.graph import Lowering, Node, Tensor
from densor.graph.expression import Expression
from densor.graph.expression_code import Output, passes

__all__ = ["TotalNode"]


class TotalNode(Node):
    """y () = the sum, or mean, of x (batch, 1) over the rows."""

    stem = "total"
    couples_rows = True

    def __init__(self, x: Tensor, mean: bool) -> None:
        self.mean = mean
        super().__init__([x], ())

    def forward(self, lowering: Lowering) -> None:
        x, y = lowering.value(self.inputs[0], 1), lowering.result(self.output)
        total = lowering.buffer("total", (1, 1)) if self.mean else y
        lowering.emit("column_sum", sum=total, x=x)
        if self.mean:
            lowering.emit("rescale", y=y, x=total, scale=1.0 / x.shape[0], offset=0.0)

    def backward(self, lowering: Lowering) -> None:
        dx, dy = lowering.contribution(self.inputs[0], 1), lowering.gradient(self.output)
        if dx is None:
            return
        expression = Expression(1)
        scale = 1.0 / dx.shape[0] if self.mean else 1.0
        every = expression.multiply(expression.operand(0, False), expression.constant(scale))
        (part,) = passes([Output(every, False)])
        lowering.emit(
            "expression",
            outputs=[dx], operands=[dy], code=part.code, constants=part.constants, rows=dx.shape[0], cols=1,
        )  # fmt: skip
