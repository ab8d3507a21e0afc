"""Functions of one's own on a weight or an activation, written in densor.ops, as part of a program.

They are traced on the array as a matrix: its first axis stands for the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from densor._check import bad_value
from densor.graph.buffers import View
from densor.graph.fusion import fuse_expressions
from densor.graph.lowering import Lowering, seen_as
from densor.graph.passes import drop_dead_code, drop_identities, fuse_activations
from densor.graph.penalty import Penalized
from densor.graph.tensor import Tensor
from densor.graph.trace import Graph, trace
from densor.graph.variable import Variable

__all__ = ["emit_own_penalty", "emit_own_values"]


def emit_own_penalty(lowering: Lowering, place: Penalized, function: Callable[..., Any]) -> None:
    """Emit the penalty `function(x)`, one number, and its gradient.

    Raises:
        TypeError: the function returns nothing symbolic. ValueError: not one number.
    """
    graph = _traced(function, place.x)
    (output,) = graph.outputs
    if output.shape != ():
        raise bad_value(
            _name(function), "x", f"the penalty must be one number, such as ops.sum(...), got {output.shape}"
        )
    inner = _lowered(lowering, place.x, graph, wanted=place.dx is not None)
    value = inner.value(output)
    if place.total is not None:
        weighted = lowering.buffer("penalty", (1, 1))
        lowering.emit("rescale", y=weighted, x=value, scale=place.total.weight, offset=0.0)
        lowering.emit("accumulate", totals=place.total.totals, values=weighted.reshape(1), weight=None)
    if place.dx is None:
        return
    seed = lowering.buffer("d", (1, 1))
    lowering.emit("rescale", y=seed, x=value, scale=0.0, offset=place.scale)
    inner.backward(graph.nodes, [(output, seed)])
    gradient = inner.gradient(graph.inputs[0])
    dx = seen_as(place.dx, *gradient.shape)
    if place.add:
        lowering.emit("add", y=dx, a=dx, b=gradient)
    else:
        lowering.emit("rescale", y=dx, x=gradient, scale=1.0, offset=0.0)


def emit_own_values(lowering: Lowering, variable: Variable, function: Callable[..., Any]) -> None:
    """Emit `variable = function(variable)`.

    Raises:
        TypeError: the function returns nothing symbolic. ValueError: another shape.
    """
    graph = _traced(function, variable)
    (output,) = graph.outputs
    if output.shape != graph.inputs[0].shape:
        raise bad_value(
            _name(function), "w", f"must return weights of shape {variable.shape}, got {output.shape} for "
            f"{graph.inputs[0].shape}"
        )  # fmt: skip
    values = _lowered(lowering, variable, graph, wanted=False).value(output)
    lowering.emit("rescale", y=seen_as(variable, *values.shape), x=values, scale=1.0, offset=0.0)


def _traced(function: Callable[..., Any], x: Variable | View) -> Graph:
    graph = drop_identities(trace(function, [Tensor((None, *x.shape[1:]))], training=True))
    if len(graph.outputs) != 1:
        raise bad_value(_name(function), "x", f"must return one tensor, got {len(graph.outputs)}")
    return fuse_expressions(fuse_activations(drop_dead_code(graph)))


def _lowered(lowering: Lowering, x: Variable | View, graph: Graph, wanted: bool) -> Lowering:
    """The graph's forward instructions, on a copy of a variable."""
    tensor = graph.inputs[0]
    matrix = seen_as(x, math.prod(x.shape) // tensor.columns, tensor.columns)
    if not isinstance(matrix, View):
        source, matrix = matrix, lowering.buffer("own", matrix.shape)
        lowering.emit("rescale", y=matrix, x=source, scale=1.0, offset=0.0)
    inner = lowering.nested(x.shape[0], {tensor: matrix}, wanted)
    inner.want_gradients(graph.nodes if wanted else ())
    for node in graph.nodes:
        node.forward(inner)
    return inner


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
