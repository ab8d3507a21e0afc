"""The dtype in which a tensor is stored: float32, or bfloat16, its upper half."""

from __future__ import annotations

from typing import Any

from densor import _core
from densor.graph import Lowering, Node, Tensor
from densor.graph.buffers import BFLOAT16
from densor.ops._eager import Float32, array_of, empty, empty_like

__all__ = ["CastNode", "rounded", "stored_as"]


class CastNode(Node):
    """y = x in another dtype; to bfloat16 rounded to nearest, ties to even. So is its gradient on the way back."""

    stem = "cast"
    casts = True

    def __init__(self, x: Tensor, dtype: str) -> None:
        super().__init__([x], x.shape, dtype=dtype)

    def forward(self, lowering: Lowering) -> None:
        lowering.emit("cast", y=lowering.result(self.output), x=lowering.value(self.inputs[0]))

    def backward(self, lowering: Lowering) -> None:
        dx, dy = lowering.contribution(self.inputs[0]), lowering.gradient(self.output)
        lowering.emit("cast", y=dx, x=dy)


def stored_as(x: Tensor, dtype: str) -> Tensor:
    """The tensor in a dtype, "float32" or "bfloat16": itself where it has that already."""
    return x if x.dtype == dtype else CastNode(x, dtype).output


def rounded(x: Any) -> Float32:
    """The values of an array rounded to bfloat16, as a new float32 array where `x` is."""
    array = array_of("cast", "x", x)
    flat = array.reshape(1, array.size)
    stored, y = empty(flat.shape, flat, BFLOAT16), empty_like(flat)
    _core.cast(stored, flat).run()
    _core.cast(y, stored).run()
    return y.reshape(array.shape)
