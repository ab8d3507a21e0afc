"""The pass that makes one node of dense layers that follow one another, for the kernel that takes rows through all."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from densor import _core
from densor.graph.node import Node
from densor.graph.tensor import Tensor
from densor.graph.trace import Graph

__all__ = ["chains_on", "join_dense_chains", "join_narrow_net"]


def chains_on(device: str) -> Literal["all", "narrow nets"] | None:
    """Which programs for the device have chains: on a GPU all whose batches run as graphs.

    A persistent kernel hands a row on from layer to layer by phases of its own, and has none for chains. So where
    measurements choose between the two ("auto"), only nets that are narrow throughout have them, and are graphs.
    """
    if device != "cuda" or not _core.device_chains() or _core.device_steps() == "persistent":
        return None
    return "all" if _core.device_steps() == "graph" else "narrow nets"


def join_dense_chains(graph: Graph) -> Graph:
    """Turn every run of two layers or more whose outputs only the next one reads into one node.

    What nodes can be a part of it, they say themselves (`Node.link`): dense layers in float32 of at most
    `_core.dense_chain_width` inputs and units, and dropout between two of them. All products are float32
    multiply-adds then, at least as exact as any precision that was asked for.
    """
    runs = _Runs(graph)
    joined: dict[Node, Node | None] = {}
    for node in graph.nodes:
        if node.link() != "layer" or node in joined:
            continue
        run = runs.beginning_with(node)
        if len(run) > 1:
            joined |= dict.fromkeys(run)
            joined[run[0]] = node.chained(run)
    replaced = (joined.get(node, node) for node in graph.nodes)
    return graph.with_nodes([node for node in replaced if node is not None])


def join_narrow_net(graph: Graph) -> Graph:
    """The same where it leaves no dense layer by itself; otherwise all stay as they are."""
    joined = join_dense_chains(graph)
    return graph if any(node.stem == "dense" for node in joined.nodes) else joined


class _Runs:
    """What follows each node, where nobody else reads its output."""

    def __init__(self, graph: Graph) -> None:
        self.uses = Counter([tensor for node in graph.nodes for tensor in node.inputs] + list(graph.outputs))
        self.reader: dict[Tensor, Node] = {node.inputs[0]: node for node in graph.nodes if node.link()}

    def beginning_with(self, node: Node) -> list[Node]:
        run, layers = [node], 1
        while layers < _core.dense_chain_layers:
            between = self.after(run[-1])
            noise = between is not None and between.link() == "noise"
            layer = self.after(between) if noise and between is not None else between
            if layer is None or layer.link() != "layer":
                break
            run += [between, layer] if noise and between is not None else [layer]
            layers += 1
        return run

    def after(self, node: Node) -> Node | None:
        return self.reader.get(node.output) if self.uses[node.output] == 1 else None
