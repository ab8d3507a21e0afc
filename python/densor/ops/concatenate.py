"""Concatenation along an axis after the batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from densor import _core
from densor._check import bad_type, bad_value
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import array_of, empty, tensor

__all__ = ["ConcatenateNode", "concatenate"]


class ConcatenateNode(Node):
    """y = the inputs side by side along `axis` (>= 1): as matrices, their columns side by side."""

    stem = "concatenate"

    def __init__(self, xs: Sequence[Tensor], axis: int) -> None:
        shape = _joined([x.shape for x in xs], axis)
        self.columns = [math.prod(size for size in x.shape[axis:] if size is not None) for x in xs]
        super().__init__(xs, shape)

    def forward(self, lowering: Lowering) -> None:
        xs = [lowering.value(x, columns) for x, columns in zip(self.inputs, self.columns, strict=True)]
        lowering.emit("concatenate", y=lowering.result(self.output, sum(self.columns)), xs=xs)

    def backward(self, lowering: Lowering) -> None:
        dxs = []
        for x, columns in zip(self.inputs, self.columns, strict=True):
            dx = lowering.contribution(x, columns)
            dxs.append(dx or lowering.buffer("unused", lowering.shape(x, columns)))
        dy = lowering.gradient(self.output, sum(self.columns))
        lowering.emit("concatenate_backward", dxs=dxs, dy=dy)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Put arrays behind one another along `axis`.

    Args:
        xs: symbolic tensors, or arrays of real numbers, equal in shape except along `axis`.
        axis: any axis, of symbolic tensors any but the batch's: give it, 0 is only Keras' default; negative counts
            from the last.

    Returns:
        A symbolic tensor, or a new float32 array.

    Raises:
        TypeError: symbolic tensors mixed with arrays. ValueError: shapes that do not fit, or no such axis.

    Source: Keras 3 `ops.concatenate`.

    Example:
        >>> from densor import ops
        >>> ops.concatenate([[[1.0], [2.0]], [[3.0], [4.0]]], axis=-1).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
    """
    if not isinstance(xs, (list, tuple)):
        raise bad_type("concatenate", "xs", f"must be a list of arrays, got {type(xs).__name__}")
    if not xs:
        raise bad_value("concatenate", "xs", "expected at least one array, got none")
    if any(isinstance(x, Tensor) for x in xs):
        tensors = [tensor("concatenate", "xs", x) for x in xs]
        return ConcatenateNode(tensors, _axis(axis, tensors[0].ndim, 1)).output
    arrays = [array_of("concatenate", "xs", x) for x in xs]
    axis = _axis(axis, arrays[0].ndim, 0)
    shape = _joined([x.shape for x in arrays], axis)
    flat = [x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:])) for x in arrays]
    y = empty((flat[0].shape[0], sum(x.shape[1] for x in flat)), flat[0])
    _core.concatenate(y, flat).run()
    return y.reshape(*shape)


def _axis(axis: int, ndim: int, first: int) -> int:
    positive = axis + ndim if axis < 0 else axis
    if not first <= positive < ndim:
        after = " after the batch" if first else ""
        raise bad_value("concatenate", "axis", f"{axis} is not an axis{after} of a rank-{ndim} array")
    return positive


def _joined(shapes: Sequence[tuple[int | None, ...]], axis: int) -> tuple[int | None, ...]:
    first = shapes[0]
    for index, shape in enumerate(shapes):
        if len(shape) != len(first) or shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise bad_value(
                "concatenate", "xs", f"shape {shape} of input {index} does not fit {first} along {axis}"
            )
    total = sum(size for shape in shapes if (size := shape[axis]) is not None)
    return (*first[:axis], total, *first[axis + 1 :])
