"""Expressions: elementwise arithmetic on a matrix as a graph of values, and its derivatives.

What Python code written in `densor.ops` computes between two other operations (a custom activation, a loss) is
one expression over a matrix `(rows, columns)`. A `Value` is a number per element (wide) or per row (narrow);
leaves are operands and constants, and a reduction over the columns makes a wide value narrow. The names of the
operations are those of the native instructions, `csrc/math/expression_kind.h`.

An expression is built by `Expression`, which makes equal values once; `differentiate` adds the values of the
gradient to it; `densor.graph.expression_code` turns values into lists of instructions, which are plain data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["REDUCTIONS", "Expression", "Value", "ordered"]

REDUCTIONS = frozenset(("sum", "mean", "highest", "lowest"))


@dataclass(frozen=True, eq=False)
class Value:
    """One value of an expression: `operation` of `inputs`, or a leaf ("operand" or "constant").

    `wide`: a number per element; otherwise one per row, which stands for every column.
    """

    operation: str
    inputs: tuple[Value, ...] = ()
    wide: bool = False
    number: float = 0.0  # of a constant
    index: int = -1  # of an operand

    @property
    def reduces(self) -> bool:
        """Whether the value is a reduction over the columns."""
        return self.operation in REDUCTIONS


def ordered(roots: Iterable[Value], leaves: Collection[Value] = ()) -> list[Value]:
    """The values that `roots` depend on, each after its inputs; what is in `leaves` counts as an operand."""
    done: dict[Value, None] = {}
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        value, entered = stack.pop()
        if value in done:
            continue
        if entered or value in leaves:
            done[value] = None
            continue
        stack.append((value, True))
        stack.extend((item, False) for item in reversed(value.inputs) if item not in done)
    return list(done)


@dataclass
class Expression:
    """Makes the values of one expression over a matrix with `columns` columns; equal values are one object."""

    columns: int
    _known: dict[Any, Value] = field(default_factory=dict)

    def copy(self) -> Expression:
        """The same values; what is added to the copy stays there."""
        return Expression(self.columns, dict(self._known))

    def _make(self, *fields: Any) -> Value:
        if fields not in self._known:
            self._known[fields] = Value(*fields)
        return self._known[fields]

    def operand(self, index: int, wide: bool) -> Value:
        """The value of operand `index`."""
        return self._make("operand", (), wide and self.columns > 1, 0.0, index)

    def constant(self, number: float) -> Value:
        """A number."""
        return self._make("constant", (), False, float(number))

    def reduce(self, operation: str, x: Value) -> Value:
        """sum, mean, highest or lowest of `x` over the columns."""
        if x.wide:
            return self._make(operation, (x,), False)
        return self.multiply(x, self.constant(self.columns)) if operation == "sum" else x

    def apply(self, operation: str, *inputs: Value) -> Value:
        """An elementwise operation; sums and products with 0 and 1 vanish."""
        simpler = getattr(self, f"_{operation}", None)
        found: Value | None = simpler(*inputs) if simpler is not None else None
        if found is not None:
            return found
        return self._make(operation, inputs, any(item.wide for item in inputs))

    def add(self, a: Value, b: Value) -> Value:
        """a + b"""
        return self.apply("add", a, b)

    def subtract(self, a: Value, b: Value) -> Value:
        """a - b"""
        return self.apply("subtract", a, b)

    def multiply(self, a: Value, b: Value) -> Value:
        """a * b"""
        return self.apply("multiply", a, b)

    def divide(self, a: Value, b: Value) -> Value:
        """a / b"""
        return self.apply("divide", a, b)

    def negative(self, a: Value) -> Value:
        """-a"""
        return self.apply("negative", a)

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """a where the condition is not 0, else b."""
        return self.apply("select", condition, a, b)

    # Each returns the simpler value that the operation equals, or None.

    def _add(self, a: Value, b: Value) -> Value | None:
        if _both_constant(a, b):
            return self.constant(a.number + b.number)
        return b if _is(a, 0.0) else a if _is(b, 0.0) else None

    def _subtract(self, a: Value, b: Value) -> Value | None:
        if _both_constant(a, b):
            return self.constant(a.number - b.number)
        return self.negative(b) if _is(a, 0.0) else a if _is(b, 0.0) else None

    def _multiply(self, a: Value, b: Value) -> Value | None:
        if _both_constant(a, b):
            return self.constant(a.number * b.number)
        if _is(b, 1.0) or _is(b, -1.0):
            return a if b.number > 0 else self.negative(a)
        return self._multiply(b, a) if _is(a, 1.0) or _is(a, -1.0) else None

    def _divide(self, a: Value, b: Value) -> Value | None:
        return a if _is(b, 1.0) else None

    def _negative(self, a: Value) -> Value | None:
        if a.operation == "constant":
            return self.constant(-a.number)
        return a.inputs[0] if a.operation == "negative" else None

    def _linear(self, a: Value, alpha: Value) -> Value:
        return a


def _is(value: Value, number: float) -> bool:
    return value.operation == "constant" and value.number == number


def _both_constant(a: Value, b: Value) -> bool:
    return a.operation == b.operation == "constant"
