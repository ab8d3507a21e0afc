"""Derivatives of expressions: reverse differentiation that adds values to the expression itself.

At a kink the derivative is what Keras has: |x| 0 at 0, maximum and minimum a half for each of two equal
operands, a row's highest shared by the equal ones. Comparisons, sign, floor and round are constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from densor import _core
from densor.graph.expression import Expression, Value, ordered

__all__ = ["differentiate"]

# (expression, value, gradient of the value) -> the gradient of each input; None where it is zero.
Rule = Callable[[Expression, Value, Value], tuple[Value | None, ...]]


def _add(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    return dy, dy


def _subtract(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    return dy, e.negative(dy)


def _multiply(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    a, b = y.inputs
    return e.multiply(dy, b), e.multiply(dy, a)


def _divide(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    _, b = y.inputs
    quotient = e.divide(dy, b)
    return quotient, e.negative(e.multiply(quotient, y))


def _power(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    x, exponent = y.inputs
    lower = e.apply("power", x, e.subtract(exponent, e.constant(1.0)))
    zero = e.apply("equal", x, e.constant(0.0))
    logarithm = e.apply("log", e.select(zero, e.constant(1.0), x))
    return (
        e.multiply(dy, e.multiply(exponent, lower)),
        None if exponent.operation == "constant" else e.multiply(dy, e.multiply(y, logarithm)),
    )


def _extremum(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    a, b = y.inputs
    low, high = (b, a) if y.operation == "maximum" else (a, b)
    half = e.multiply(e.apply("equal", a, b), e.constant(0.5))
    first = e.select(e.apply("less", low, high), e.constant(1.0), half)
    return e.multiply(dy, first), e.multiply(dy, e.subtract(e.constant(1.0), first))


def _select(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    condition, zero = y.inputs[0], e.constant(0.0)
    return None, e.select(condition, dy, zero), e.select(condition, zero, dy)


def _absolute(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    return (e.multiply(dy, e.apply("sign", y.inputs[0])),)


def _sqrt(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    return (e.divide(e.multiply(dy, e.constant(0.5)), y),)


def _log(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    return (e.divide(dy, y.inputs[0]),)


def _log1p(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    return (e.divide(dy, e.add(e.constant(1.0), y.inputs[0])),)


def _erf(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    x = y.inputs[0]
    bell = e.apply("exp", e.negative(e.multiply(x, x)))
    return (e.multiply(dy, e.multiply(e.constant(2.0 / math.sqrt(math.pi)), bell)),)


def _reduced_extremum(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    equal = e.apply("equal", y.inputs[0], y)
    return (e.multiply(e.divide(dy, e.reduce("sum", equal)), equal),)


def _activation(e: Expression, y: Value, dy: Value) -> tuple[Value | None, ...]:
    x, alpha = y.inputs
    saved = x if _core.activation_saves(y.operation) == "input" else y
    return e.multiply(dy, e.apply(f"{y.operation}_slope", saved, alpha)), None


_RULES: dict[str, Rule] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "maximum": _extremum,
    "minimum": _extremum,
    "select": _select,
    "negative": lambda e, y, dy: (e.negative(dy),),
    "absolute": _absolute,
    "sqrt": _sqrt,
    "exp": lambda e, y, dy: (e.multiply(dy, y),),
    "expm1": lambda e, y, dy: (e.multiply(dy, e.add(y, e.constant(1.0))),),
    "log": _log,
    "log1p": _log1p,
    "erf": _erf,
    "sum": lambda e, y, dy: (dy,),
    "mean": lambda e, y, dy: (e.multiply(dy, e.constant(1.0 / e.columns)),),
    "highest": _reduced_extremum,
    "lowest": _reduced_extremum,
    **dict.fromkeys(("sign", "floor", "round"), lambda e, y, dy: (None,)),
    **dict.fromkeys(("less", "less_equal", "equal"), lambda e, y, dy: (None, None)),
}


def differentiate(
    expression: Expression, root: Value, dy: Value, leaves: Iterable[Value]
) -> dict[Value, Value]:
    """The gradient of each of `leaves`, given that of `root`; narrow for narrow leaves, 0 where nothing depends.

    The values are added to `expression`.
    """
    wanted = dict.fromkeys(leaves)
    order = ordered([root])
    depends = set(wanted)
    for value in order:
        if not depends.isdisjoint(value.inputs):
            depends.add(value)
    gradients: dict[Value, Value] = {root: dy}
    for value in reversed(order):
        if value not in gradients or value not in depends or not value.inputs:
            continue
        rule = _RULES.get(value.operation, _activation)
        for item, gradient in zip(value.inputs, rule(expression, value, gradients[value]), strict=True):
            if gradient is None or item not in depends:
                continue
            if gradient.wide and not item.wide:
                gradient = expression.reduce("sum", gradient)
            elif value.wide and not item.wide:  # the same number in every column
                gradient = expression.multiply(gradient, expression.constant(expression.columns))
            known = gradients.get(item)
            gradients[item] = gradient if known is None else expression.add(known, gradient)
    return {leaf: gradients.get(leaf, expression.constant(0.0)) for leaf in wanted}
