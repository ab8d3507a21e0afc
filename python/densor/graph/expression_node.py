"""The node of an expression: it evaluates one, and its derivatives, over the matrix of its operands."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from densor.graph.buffers import View
from densor.graph.expression import Expression, Value, ordered
from densor.graph.expression_code import Output, passes
from densor.graph.expression_gradient import differentiate
from densor.graph.lowering import Lowering, Reshaped
from densor.graph.node import Node
from densor.graph.tensor import Tensor
from densor.graph.variable import Variable

__all__ = ["ExpressionNode", "Operand"]


@dataclass(frozen=True)
class Operand:
    """What an expression reads as operand `value.index`: a matrix `(period, width)` that repeats itself downwards.

    `period` is None for the rows of the space: a tensor that has them all.
    """

    source: Tensor | Variable
    value: Value
    period: int | None
    width: int

    @staticmethod
    def of(source: Tensor | Variable, expression: Expression, index: int, space: Tensor) -> Operand:
        """The operand that `source` is in an expression over `space`."""
        if isinstance(source, Tensor):
            width = source.columns
            same = source.shape == space.shape or (source.batched and space.batched)
            period = None if same else source.features // width
        else:
            width = source.shape[-1] if source.shape else 1
            period = source.size // width
        return Operand(source, expression.operand(index, width > 1), period, width)


class ExpressionNode(Node):
    """output = root of an expression over a space `shape`, whose last axis are the columns.

    The output has that shape, or one number per row: a last axis of 1, or none at all.
    """

    stem = "expression"

    def __init__(
        self,
        expression: Expression,
        root: Value,
        operands: Sequence[Operand],
        output: Tensor,
        shape: tuple[int | None, ...],
    ) -> None:
        # Made by a pass, after the trace, for an output that is there already.
        self.expression = expression
        self.root = root
        self.operands = tuple(operands)
        self.space = Tensor(shape)
        self.inputs = tuple(item.source for item in operands if isinstance(item.source, Tensor))
        self.variables = tuple(item.source for item in operands if isinstance(item.source, Variable))
        self.output = output

    def rewired(self, inputs: Sequence[Tensor], output: Tensor) -> ExpressionNode:
        replaced = dict(zip(self.inputs, inputs, strict=True))
        operands = [
            replace(item, source=replaced[item.source]) if isinstance(item.source, Tensor) else item
            for item in self.operands
        ]
        return ExpressionNode(self.expression, self.root, operands, output, self.space.shape)

    def forward(self, lowering: Lowering) -> None:
        wide = self._is_wide()
        rows = self._rows(lowering)
        results = {
            Output(self.root, wide): lowering.result(self.output, self.expression.columns if wide else 1)
        }
        for name, value in self._reductions().items():
            results[Output(value, False)] = lowering.save(self, name, (rows, 1))
        self._emit(lowering, self._sources(lowering), results)

    def backward(self, lowering: Lowering) -> None:
        expression = self.expression.copy()
        wide = self._is_wide()
        dy = Output(expression.operand(len(self.operands), wide), wide)
        sources = self._sources(lowering)
        saved = {value: lowering.saved(self, name) for name, value in self._reductions().items()}
        if self.root.reduces:
            saved[self.root] = lowering.value(self.output, 1)
        results = {dy: lowering.gradient(self.output, expression.columns if wide else 1)}
        wanted = [item for item in self.operands if self._is_wanted(lowering, item)]
        gradients = differentiate(expression, self.root, dy.value, [item.value for item in wanted])
        outputs = [Output(gradients[item.value], item.width > 1) for item in wanted]
        computed = {
            output: lowering.buffer("d", (self._rows(lowering), expression.columns if output.wide else 1))
            for output in outputs
            if output != dy
        }
        self._emit(lowering, {**sources, **saved, dy.value: results[dy]}, computed, saved)
        for item, output in zip(wanted, outputs, strict=True):
            _receive(lowering, item, (results | computed)[output])

    def _is_wide(self) -> bool:
        return self.output.shape == self.space.shape and self.expression.columns > 1

    def _rows(self, lowering: Lowering) -> int:
        return lowering.shape(self.space)[0]

    def _reductions(self) -> dict[str, Value]:
        """What the backward pass reads again beside the operands."""
        found = [value for value in ordered([self.root]) if value.reduces and value is not self.root]
        return {f"reduction{index}": value for index, value in enumerate(found)}

    def _sources(self, lowering: Lowering) -> dict[Value, View | Reshaped]:
        return {
            item.value: lowering.value(item.source, item.width)
            if isinstance(item.source, Tensor)
            else Reshaped(item.source, (item.period or 1, item.width))
            for item in self.operands
        }

    @staticmethod
    def _is_wanted(lowering: Lowering, item: Operand) -> bool:
        if isinstance(item.source, Tensor):
            return lowering.wants(item.source)
        return lowering.trains(item.source)

    def _emit(
        self,
        lowering: Lowering,
        sources: dict[Value, View | Reshaped],
        results: dict[Output, View],
        available: Collection[Value] = (),
    ) -> None:
        rows = self._rows(lowering)
        for part in passes(list(results), available):
            views = [results.get(out) or lowering.buffer("reduction", (rows, 1)) for out in part.outputs]
            lowering.emit(
                "expression",
                outputs=views,
                operands=[sources[value] for value in part.operands],
                code=part.code,
                constants=part.constants,
                rows=rows,
                cols=self.expression.columns if part.wide else 1,
            )
            sources = sources | {out.value: view for out, view in zip(part.outputs, views, strict=True)}


def _receive(lowering: Lowering, item: Operand, gradient: View) -> None:
    """Hand the gradient of an operand on, summed over the rows that read the same element."""
    if isinstance(item.source, Tensor) and item.period is None:
        lowering.pass_gradient(item.source, gradient)
        return
    assert item.period is not None
    columns = item.period * item.width
    total = (
        lowering.contribution(item.source, columns)
        if isinstance(item.source, Tensor)
        else lowering.variable_gradient(item.source, (1, columns))
    )
    lowering.emit(
        "column_sum", sum=total, x=gradient.reshape(gradient.shape[0] * item.width // columns, columns)
    )
