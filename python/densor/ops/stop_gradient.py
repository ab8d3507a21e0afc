"""Values through which no gradient flows."""

from __future__ import annotations

from typing import Any

from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import array_of

__all__ = ["StopGradientNode", "stop_gradient"]


class StopGradientNode(Node):
    """The input itself, forward; nothing, backward."""

    stem = "stop_gradient"

    def __init__(self, x: Tensor) -> None:
        super().__init__([x], x.shape)

    def forward(self, lowering: Lowering) -> None:
        lowering.alias(self.output, self.inputs[0])

    def backward(self, lowering: Lowering) -> None:
        pass  # what it is for


def stop_gradient(variable: Any) -> Any:
    """`variable` as a constant: training does not look at how it came about.

    Args:
        variable: a symbolic tensor, or real numbers, which have no gradient anyway.

    Raises:
        TypeError: not real numbers.

    Source: Keras 3 `ops.stop_gradient`.

    Example:
        >>> from densor import ops
        >>> ops.stop_gradient([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """
    if isinstance(variable, Tensor):
        return StopGradientNode(variable).output
    return array_of("stop_gradient", "variable", variable)
