"""The node: one operation of a graph, what it saves and how it lowers to forward and backward steps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from densor.graph.tensor import Tensor
from densor.graph.trace import record

if TYPE_CHECKING:
    from densor.graph.expression import Expression, Value
    from densor.graph.lowering import Lowering
    from densor.graph.variable import Variable

__all__ = ["Node"]

NodeType = TypeVar("NodeType", bound="Node")


class Node:
    """Base of the graph operations. A subclass states its shape rule in `__init__`, by the shape it passes up.

    A node is never changed after it was made, and it keeps nothing that belongs to one lowering: the same
    graph is lowered several times (full batch, last batch), possibly with other trainable variables.
    The attributes below are what the passes ask; a node that a pass cannot use leaves them as they are.
    """

    stem: ClassVar[str]
    aliases: ClassVar[bool] = False  # the output is the input's memory under another shape
    elementwise: ClassVar[bool] = False  # `express` can make it part of an expression
    reduces: ClassVar[bool] = False  # the output has one column, from all columns of the only input
    has_kernel: ClassVar[bool] = True  # False: it can only run as part of an expression
    noisy: ClassVar[bool] = False  # the output differs from step to step
    couples_rows: ClassVar[bool] = False  # a row of the output depends on other rows of the batch
    casts: ClassVar[bool] = False  # the output is the input in another dtype
    sink: ClassVar[bool] = False  # adds to the loss, for the layer `owner`; nobody reads its output
    owner: Any = None

    def __init__(
        self,
        inputs: Sequence[Tensor],
        shape: tuple[int | None, ...],
        variables: Sequence[Variable] = (),
        dtype: str | None = None,
    ) -> None:
        self.inputs = tuple(inputs)
        self.variables = tuple(variables)
        # Variables, and what is computed of them alone, take part in the dtype of the others, of which the wider wins.
        dtypes = {tensor.dtype for tensor in inputs if tensor.batched}
        self.output = Tensor(shape, dtype or ("bfloat16" if dtypes == {"bfloat16"} else "float32"), node=self)
        record(self)

    def forward(self, lowering: Lowering) -> None:
        """Emit the instructions that compute `lowering.result(self.output)`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement forward")

    def backward(self, lowering: Lowering) -> None:
        """Emit the instructions from `lowering.gradient(self.output)` to the inputs' and variables' gradients."""
        raise NotImplementedError(f"{type(self).__name__} does not implement backward")

    def update(self, lowering: Lowering) -> None:
        """Emit what changes non-trainable variables at the end of a training step (moving statistics)."""

    def activation_like(self) -> tuple[str, float] | None:
        """(activation name, alpha) if this node is an elementwise activation of its only input."""
        return None

    def with_activation(self, activation: str, alpha: float) -> Node | None:
        """This node with the activation applied to its result, or None if its kernel cannot fuse it."""
        return None

    def link(self) -> Literal["layer", "noise"] | None:
        """What the node can be in a run that one kernel takes rows through: a layer, or noise between two of them."""
        return None

    def chained(self, run: Sequence[Node]) -> Node:
        """The node that does what the nodes of `run`, of which this layer is the first, do one after the other."""
        raise NotImplementedError(f"{type(self).__name__} does not implement chained")

    def express(self, expression: Expression, value_of: Callable[[Tensor | Variable], Value]) -> Value:
        """The value of the output, of an elementwise node; `value_of` gives those of what it reads."""
        raise NotImplementedError(f"{type(self).__name__} does not implement express")

    def rescaling(self) -> tuple[float, float] | None:
        """(scale, offset) if this node computes `input * scale + offset`."""
        return None

    def cross_entropy(self) -> str | None:
        """The stem of the loss that takes this node's input (logits) instead of its output."""
        return None

    def rewired(self: NodeType, inputs: Sequence[Tensor], output: Tensor) -> NodeType:
        """A copy that reads `inputs` and computes `output`; passes use it, it is not recorded in a trace."""
        node = copy.copy(self)
        node.inputs = tuple(inputs)
        node.output = output
        return node

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {[tensor.shape for tensor in self.inputs]} -> {self.output.shape}>"
