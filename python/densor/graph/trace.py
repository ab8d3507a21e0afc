"""Tracing: a function runs once on symbolic tensors, and the nodes it makes are the graph."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from densor.graph.structure import flat, packed
from densor.graph.tensor import Tensor

if TYPE_CHECKING:
    from densor.graph.node import Node
    from densor.graph.variable import Variable

__all__ = ["SAMPLING", "Graph", "Scope", "record", "scope", "scoped", "trace"]


class _Sampling(int):
    """What `call` gets for `training` while samples are drawn: 0, and yet no `False` that the program wrote.

    Where a `call` passes it on to a layer, as `self.dropout(x, training=training)` does, it means what it came from:
    the mode of the call around.
    """


SAMPLING: Any = _Sampling(0)


@dataclass(frozen=True)
class Scope:
    """What a layer call inherits from the calls around it, per thread.

    `training` is the mode of the innermost call that set it; `depth` counts the layer calls around this
    point; `nodes` collects what a running trace records, None outside a trace; `observer` is told of every layer
    call and its outputs, None if nobody asks; `sampling` turns dropout on outside training, until a call says
    `training=False`; `rows` is an input of the innermost layer call, which has the rows of the batch.
    """

    training: bool | None = None
    depth: int = 0
    nodes: list[Node] | None = None
    observer: Callable[[Any, Any], None] | None = None
    sampling: bool = False
    rows: Tensor | None = None

    @property
    def in_call(self) -> bool:
        """Whether a layer or function is being traced here, rather than layers called one after the other."""
        return self.nodes is not None or self.depth > 0

    def inside(self, training: bool | None, sampling: bool, rows: Tensor) -> Scope:
        """The scope inside a layer call on such an input."""
        return replace(self, training=training, depth=self.depth + 1, sampling=sampling, rows=rows)


class _Local(threading.local):
    scope = Scope()


_local = _Local()


def scope() -> Scope:
    """The current scope of this thread."""
    return _local.scope


@contextmanager
def scoped(new: Scope) -> Iterator[Scope]:
    """Make `new` the current scope inside a `with` block."""
    old = _local.scope
    _local.scope = new
    try:
        yield new
    finally:
        _local.scope = old


def record(node: Node) -> None:
    """Add a new node to the running trace, if there is one."""
    nodes = _local.scope.nodes
    if nodes is not None:
        nodes.append(node)


@dataclass(frozen=True)
class Graph:
    """A traced function: its nodes in an order in which they can run.

    Lowering (`densor.graph.compile_graph`) never changes a graph; passes return new ones. `result` is what the
    function returned, a tensor, or a list or dict of the outputs; passes do not follow it.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    result: Any = None

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Every variable the nodes use, once each, in the order of first use."""
        return tuple(dict.fromkeys(variable for node in self.nodes for variable in node.variables))

    @property
    def rows_apart(self) -> bool:
        """Whether each row is computed for itself: no node looks at several, or at their number."""
        return not any(node.sink or node.couples_rows or not node.output.batched for node in self.nodes)

    def with_nodes(self, nodes: Sequence[Node], outputs: Sequence[Tensor] | None = None) -> Graph:
        """The same graph with other nodes (and outputs)."""
        return replace(self, nodes=tuple(nodes), outputs=self.outputs if outputs is None else tuple(outputs))

    def __str__(self) -> str:
        return "\n".join(repr(node) for node in self.nodes)


def trace(
    function: Callable[..., Any],
    inputs: Sequence[Tensor] | Mapping[str, Tensor],
    *,
    training: bool,
    sampling: bool = False,
    listed: bool = False,
    keywords: dict[str, Any] | None = None,
) -> Graph:
    """Run `function` once on fresh symbolic tensors like `inputs` and return what it computed.

    Args:
        function: takes one tensor, a list of tensors if there are several inputs, or a dict if `inputs` is one;
            returns a tensor, a list or a dict.
        inputs: tensors whose shapes and dtypes describe the inputs.
        training: the mode that layers inside see unless they are called with `training=`.
        sampling: layers of dropout make noise although it is no training (Monte Carlo dropout).
        listed: whether a single input reaches the function as a list of one.
        keywords: further arguments of `function`.

    Raises:
        TypeError: the function returned something that is not symbolic.
        ValueError: the function used a symbolic tensor from outside its inputs.
    """
    fresh = [Tensor(tensor.shape, tensor.dtype, tensor.name) for tensor in flat(inputs)]
    nodes: list[Node] = []
    several = listed or isinstance(inputs, Mapping) or len(fresh) != 1
    with scoped(Scope(training=training, nodes=nodes, sampling=sampling, rows=fresh[0] if fresh else None)):
        result = function(packed(inputs, fresh) if several else fresh[0], **(keywords or {}))
    outputs = tuple(flat(result))
    for output in outputs:
        if not isinstance(output, Tensor):
            name = getattr(function, "__name__", type(function).__name__)
            raise TypeError(
                f"{name}(): the call must return symbolic tensors made by densor.ops, got {type(output).__name__}"
            )
    _check_closed(fresh, nodes, outputs)
    return Graph(tuple(fresh), outputs, tuple(nodes), result)


def _check_closed(inputs: Sequence[Tensor], nodes: Sequence[Node], outputs: Sequence[Tensor]) -> None:
    known = set(inputs)
    for node in nodes:
        for tensor in node.inputs:
            if tensor not in known:
                raise ValueError(f"{node.stem}(): the input {tensor!r} does not belong to the traced call")
        known.add(node.output)
    for tensor in outputs:
        if tensor not in known:
            raise ValueError(f"trace(): the output {tensor!r} does not belong to the traced call")
