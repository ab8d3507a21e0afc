"""Functions called on symbolic tensors between layers: they note it, and a functional model makes a layer of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from densor.graph import Tensor, Written
from densor.graph.structure import flat
from densor.graph.trace import scope
from densor.ops._weights import weights_as_tensors

__all__ = ["FORMULAS", "noting"]

# Those that may stand there, and that a model file may name: no variables, no noise, nothing that adds to the loss.
FORMULAS = (
    "absolute", "add", "all", "any", "bounded_relu", "cast", "ceil", "celu", "clip", "concatenate",
    "convert_to_tensor", "count_nonzero", "divide", "dot", "elu", "equal", "erf", "exp", "expand_dims", "expm1",
    "flatten", "flip", "floor", "gelu", "get_item", "glu", "greater", "greater_equal", "hard_shrink", "hard_sigmoid",
    "hard_silu", "hard_tanh", "hstack", "isfinite", "isinf", "isnan", "leaky_relu", "less", "less_equal", "linear",
    "log", "log10", "log1p", "log2", "log_sigmoid", "log_softmax", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logsumexp", "matmul", "max", "maximum", "mean", "min", "minimum", "mish", "moveaxis", "multiply",
    "negative", "norm", "not_equal", "one_hot", "ones_like", "power", "reciprocal", "relu", "relu6", "repeat",
    "rescale", "reshape", "round", "rsqrt", "selu", "sigmoid", "sign", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "split", "sqrt", "square", "squareplus", "squeeze",
    "stack", "std", "stop_gradient", "subtract", "sum", "swapaxes", "take", "tanh", "tanh_shrink", "threshold", "tile",
    "transpose", "unit_norm", "unstack", "var", "where", "zeros_like",
)  # fmt: skip


def noting(namespace: dict[str, Any]) -> dict[str, Any]:
    """The formulas of a namespace, under all their names, as functions that leave notes."""
    made = {id(namespace[name]): _noted(name, namespace[name]) for name in FORMULAS}
    return {name: made[id(value)] for name, value in namespace.items() if id(value) in made}


def _noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which leaves a note on its results where it is called on symbolic tensors outside any layer.

    In the `call` of one it takes weights alone.
    """

    @wraps(function)
    def between(*arguments: Any, **keywords: Any) -> Any:
        if scope().in_call:
            return function(*weights_as_tensors(name, arguments), **keywords)
        result = function(*arguments, **keywords)
        _note(name, arguments, keywords, result)
        return result

    between.__module__ = "densor.ops"  # where pickle finds this one, not the function inside
    return between


def _note(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], result: Any) -> None:
    outputs = flat(result)
    given = set(_tensors([*arguments, *keywords.values()]))
    # What hands on a tensor that it got makes nothing.
    if given and all(
        isinstance(item, Tensor) and item not in given and item.call is None for item in outputs
    ):
        note = Written(name, arguments, keywords, result)
        for tensor in outputs:
            tensor.written = note


def _tensors(items: Any) -> Iterator[Tensor]:
    for item in items:
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, list | tuple):
            yield from _tensors(item)
