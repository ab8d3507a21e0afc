"""Operators of Python on arrays in the memory of a GPU: `x + 1.0` is `ops.add(x, 1.0)`, as for symbolic tensors."""

from __future__ import annotations

from densor import _core
from densor.graph import Tensor

__all__ = ["NAMES"]

NAMES = (
    "__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__", "__pow__",
    "__rpow__", "__lt__", "__le__", "__gt__", "__ge__", "__neg__", "__abs__",
)  # fmt: skip

for name in NAMES:
    setattr(_core.DeviceArray, name, getattr(Tensor, name))
