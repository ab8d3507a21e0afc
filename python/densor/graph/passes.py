"""Graph passes: each takes a graph and returns an equal one that runs in fewer steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from densor.graph.node import Node
from densor.graph.tensor import Tensor
from densor.graph.trace import Graph

__all__ = ["Folded", "drop_dead_code", "drop_identities", "fold_rescaling", "fuse_activations", "gather_cast"]


def drop_identities(graph: Graph) -> Graph:
    """Remove nodes that hand their input on unchanged (identity, reshape to the same shape)."""
    replaced: dict[Tensor, Tensor] = {}
    kept = []
    for node in graph.nodes:
        inputs = [replaced.get(tensor, tensor) for tensor in node.inputs]
        if node.aliases and node.output.shape == inputs[0].shape:
            replaced[node.output] = inputs[0]
        else:
            kept.append(_reading(node, inputs))
    return graph.with_nodes(kept, [replaced.get(tensor, tensor) for tensor in graph.outputs])


def drop_dead_code(graph: Graph, outputs: Sequence[Tensor] | None = None, sinks: bool = False) -> Graph:
    """Keep only the nodes that `outputs` (default: the graph's outputs) and, if asked for, `sinks` depend on."""
    outputs = graph.outputs if outputs is None else tuple(outputs)
    needed = set(outputs)
    kept = []
    for node in reversed(graph.nodes):
        if node.output in needed or (sinks and node.sink):
            needed.update(node.inputs)
            kept.append(node)
    return graph.with_nodes(kept[::-1], outputs)


def gather_cast(graph: Graph) -> Graph:
    """Gather the inputs in the dtype that they are cast to, where everybody who reads one casts it so."""
    readers: dict[Tensor, list[Node]] = {tensor: [] for tensor in graph.inputs}
    for node in graph.nodes:
        for tensor in node.inputs:
            readers.get(tensor, []).append(node)
    replaced: dict[Tensor, Tensor] = {}
    for tensor, nodes in readers.items():
        dtypes = {node.output.dtype if node.casts else tensor.dtype for node in nodes}
        if tensor not in graph.outputs and len(dtypes) == 1 and dtypes != {tensor.dtype}:
            stored = Tensor(tensor.shape, dtypes.pop(), tensor.name)
            replaced |= {tensor: stored, **{node.output: stored for node in nodes}}
    kept = [
        _reading(node, [replaced.get(tensor, tensor) for tensor in node.inputs])
        for node in graph.nodes
        if node.output not in replaced
    ]
    outputs = tuple(replaced.get(tensor, tensor) for tensor in graph.outputs)
    return replace(
        graph.with_nodes(kept, outputs), inputs=tuple(replaced.get(tensor, tensor) for tensor in graph.inputs)
    )


def fuse_activations(graph: Graph) -> Graph:
    """Let dense and batch_norm apply the activation that follows them, where nothing else reads between."""
    uses = _uses(graph)
    producer = {node.output: node for node in graph.nodes}
    fused: dict[Node, Node | None] = {}
    for node in graph.nodes:
        activation = node.activation_like()
        before = producer.get(node.inputs[0]) if activation is not None else None
        if activation is None or before is None or uses[before.output] > 1:
            continue
        together = before.with_activation(*activation)
        if together is not None:
            fused[before] = together.rewired(before.inputs, node.output)
            fused[node] = None
    replaced = (fused.get(node, node) for node in graph.nodes)
    return graph.with_nodes([node for node in replaced if node is not None])


class Folded(NamedTuple):
    """A graph whose inputs the gather rescales: (scale, offset) for each input."""

    graph: Graph
    scales: tuple[tuple[float, float], ...]


def fold_rescaling(graph: Graph) -> Folded:
    """Let the gather of an input apply the rescaling that is the first thing done to it."""
    uses = _uses(graph)
    reader = {tensor: node for node in graph.nodes for tensor in node.inputs}
    scales = []
    folded: dict[Tensor, Tensor] = {}
    for tensor in graph.inputs:
        node = _first_computation(tensor, reader, uses)
        rescaling = node.rescaling() if node is not None else None
        scales.append(rescaling or (1.0, 0.0))
        if node is not None and rescaling is not None:
            folded[node.output] = node.inputs[0]
    kept = [
        _reading(node, [folded.get(tensor, tensor) for tensor in node.inputs])
        for node in graph.nodes
        if node.output not in folded
    ]
    outputs = [folded.get(tensor, tensor) for tensor in graph.outputs]
    return Folded(graph.with_nodes(kept, outputs), tuple(scales))


def _first_computation(tensor: Tensor, reader: dict[Tensor, Node], uses: Counter[Tensor]) -> Node | None:
    """The only reader of the tensor, looking through reshapes; None if several nodes read it."""
    while uses[tensor] == 1 and tensor in reader:
        node = reader[tensor]
        if not node.aliases:
            return node
        tensor = node.output
    return None


def _uses(graph: Graph) -> Counter[Tensor]:
    return Counter([tensor for node in graph.nodes for tensor in node.inputs] + list(graph.outputs))


def _reading(node: Node, inputs: Sequence[Tensor]) -> Node:
    return node if tuple(inputs) == node.inputs else node.rewired(inputs, node.output)
