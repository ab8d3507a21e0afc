"""The pass that makes one expression of the elementwise operations between two others."""

from __future__ import annotations

from collections.abc import Iterator

from densor.graph.expression import Expression, Value
from densor.graph.expression_node import ExpressionNode, Operand
from densor.graph.node import Node
from densor.graph.tensor import Tensor
from densor.graph.trace import Graph
from densor.graph.variable import Variable

__all__ = ["fuse_expressions"]


def fuse_expressions(graph: Graph) -> Graph:
    """Turn the elementwise nodes into expressions: one for each tensor that something else reads.

    What lies between is computed again in every expression that needs it and never stored. Operations that have
    kernels of their own (activation, add, rescale) keep them where they stand alone.
    """
    clusters = _Clusters(graph)
    fused: dict[Tensor, list[Node]] = {}
    for node in graph.nodes:
        if node.output in clusters.roots:
            fused[node.output] = clusters.fused(node)
    alone = {node for nodes in fused.values() for node in nodes if not isinstance(node, ExpressionNode)}
    kept: list[Node] = []
    for node in graph.nodes:
        if not node.elementwise or node in alone:
            kept.append(node)
        else:
            kept += [item for item in fused.get(node.output, ()) if isinstance(item, ExpressionNode)]
    return graph.with_nodes(kept)


class _Clusters:
    """Which elementwise nodes are computed together, by the tensor that comes out of them."""

    def __init__(self, graph: Graph) -> None:
        self.producer = {node.output: node for node in graph.nodes if node.elementwise}
        read = {tensor for node in graph.nodes if not node.elementwise for tensor in node.inputs}
        self.roots = (read | set(graph.outputs)) & set(self.producer)
        self.members: dict[Tensor, list[Node]] = {}
        waiting = [node.output for node in graph.nodes if node.output in self.roots]
        while waiting:
            root = waiting.pop()
            space = self._space(root)
            self.members[root] = self._inside(root, space)
            # What cannot be part of this matrix is computed apart.
            for tensor in {tensor for node in self.members[root] for tensor in node.inputs}:
                if tensor in self.producer and tensor not in self.roots and not self._fits(tensor, space):
                    self.roots.add(tensor)
                    waiting.append(tensor)

    def _space(self, root: Tensor) -> Tensor:
        """The matrix of the root's expression: what the first reduction above it reads, or the root itself."""
        for node in self._above(root):
            if node.reduces and node.output.shape == root.shape:
                return node.inputs[0]
        return root

    def _above(self, root: Tensor) -> Iterator[Node]:
        stack, seen = [root], {root}
        while stack:
            tensor = stack.pop()
            if tensor in self.producer and (tensor is root or tensor not in self.roots):
                yield self.producer[tensor]
                fresh = [item for item in self.producer[tensor].inputs if item not in seen]
                seen.update(fresh)
                stack += fresh

    def _fits(self, tensor: Tensor, space: Tensor) -> bool:
        node = self.producer[tensor]
        if node.reduces:
            return node.inputs[0].shape == space.shape
        return tensor.shape == space.shape or (space.ndim > 1 and tensor.shape == (*space.shape[:-1], 1))

    def _inside(self, root: Tensor, space: Tensor) -> list[Node]:
        """The nodes of the root's expression, each after those it reads."""
        order: dict[Node, None] = {}
        stack = [(root, False)]
        while stack:
            tensor, entered = stack.pop()
            node = self.producer[tensor]
            if entered:
                order[node] = None
            elif node not in order:
                stack.append((tensor, True))
                stack += [
                    (item, False)
                    for item in node.inputs
                    if item in self.producer and item not in self.roots and self._fits(item, space)
                ]
        return list(order)

    def fused(self, root: Node) -> list[Node]:
        """The expression that computes the root's output; its nodes as they are where each has its own kernel."""
        members = self.members[root.output]
        if all(node.has_kernel for node in members):
            return members
        space = Tensor(self._space(root.output).shape)
        expression = Expression(space.columns)
        values: dict[Tensor | Variable, Value] = {}
        operands: list[Operand] = []

        def value_of(source: Tensor | Variable) -> Value:
            if source not in values:
                operands.append(Operand.of(source, expression, len(operands), space))
                values[source] = operands[-1].value
            return values[source]

        for node in members:
            values[node.output] = node.express(expression, value_of)
        return [ExpressionNode(expression, values[root.output], operands, root.output, space.shape)]
