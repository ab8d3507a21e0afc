"""What the `call` of a layer computes of its weights alone: tensors without a batch, once a step, and trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor._check import bad_type
from densor.graph import Node, Tensor, Variable
from densor.graph.expression import Expression, Value
from densor.graph.structure import flat

__all__ = ["ALONE", "WeightNode", "weights_as_tensors"]

ALONE = (
    "was computed of weights alone, which only elementwise functions of densor.ops take; begin with the inputs, as in "
    "ops.zeros_like(inputs) + w"
)

_ELEMENTWISE = frozenset((
    "absolute", "add", "bounded_relu", "ceil", "celu", "clip", "divide", "elu", "equal", "erf", "exp", "expm1", "floor",
    "gelu", "greater", "greater_equal", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "less",
    "less_equal", "linear", "log", "log10", "log1p", "log2", "log_sigmoid", "maximum", "minimum", "mish", "multiply",
    "negative", "not_equal", "power", "reciprocal", "relu", "relu6", "rescale", "round", "rsqrt", "selu", "sigmoid",
    "sign", "silu", "soft_shrink", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sqrt", "square",
    "squareplus", "subtract", "tanh", "tanh_shrink", "threshold", "where",
))  # fmt: skip


class WeightNode(Node):
    """y = a variable, as one row of a batch that has no other: (1, ...), or () of a number."""

    stem = "expression"
    elementwise = True
    has_kernel = False

    def __init__(self, variable: Variable) -> None:
        super().__init__([], (1, *variable.shape) if variable.shape else (), [variable])

    def express(self, expression: Expression, value_of: Callable[[Any], Value]) -> Value:
        return value_of(self.variables[0])


def weights_as_tensors(function: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a function of `densor.ops`, with tensors for variables that have no batch beside them.

    Raises:
        TypeError: a function that is not elementwise, of what was computed of weights alone.
    """
    if function in _ELEMENTWISE:
        if any(isinstance(item, Tensor) and item.batched for item in arguments):
            return arguments
        return tuple(WeightNode(item).output if isinstance(item, Variable) else item for item in arguments)
    if any(isinstance(item, Tensor) and item.of_weights for given in arguments for item in flat(given)):
        raise bad_type(function, "x", ALONE)
    return arguments
