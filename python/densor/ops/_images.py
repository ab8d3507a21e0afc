"""What the operations on images share: their shapes, and that no gradient passes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from densor._check import bad_type, bad_value, number
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import Float32, array_of, require_shape

__all__ = ["ImageNode", "bounds", "image_shape", "images", "rows_beside"]

LARGEST = 3.4028234663852886e38  # of float32


class ImageNode(Node):
    """An augmentation: it stands in front of everything that learns, and no gradient passes it."""

    def backward(self, lowering: Lowering) -> None:
        for tensor in self.inputs:
            if lowering.wants(tensor):
                raise bad_value(self.stem, "x", "depends on weights that are trained, and no gradient passes an "
                                "augmentation; put it in front of the layers with weights")  # fmt: skip


def images(function: str, x: Any) -> Any:
    """`x` as a symbolic tensor or float32 array of images."""
    found = x if isinstance(x, Tensor) else array_of(function, "x", x)
    if len(found.shape) not in (3, 4):
        raise bad_value(function, "x", "expected images (batch, height, width) or (batch, height, width, channels), "
                        f"got shape {found.shape}")  # fmt: skip
    return found


def image_shape(x: Any) -> list[int]:
    """Height, width and channels."""
    return [*x.shape[1:3], x.shape[3] if len(x.shape) == 4 else 1]


def rows_beside(function: str, argument: str, value: Any, x: Any, columns: int) -> Any:
    """A tensor or float32 array with a row of `columns` values for every image of `x`."""
    if isinstance(x, Tensor):
        if not isinstance(value, Tensor):
            raise bad_type(
                function, argument, f"must be a symbolic tensor as x is, got {type(value).__name__}"
            )
        if value.features != columns:
            raise bad_value(
                function, argument, f"has {value.features} values for an image, expected {columns}"
            )
        return value
    array: Float32 = array_of(function, argument, value)
    require_shape(function, argument, array.shape[:1], x.shape[:1])
    array = array.reshape(len(array), math.prod(array.shape[1:]))
    require_shape(function, argument, array.shape, (len(x), columns))
    return array


def bounds(function: str, value_range: Sequence[float] | None) -> tuple[float, float]:
    """The lowest and highest value of images; None: any float32."""
    if value_range is None:
        return -LARGEST, LARGEST
    low, high = (number(function, "value_range", value, low=-LARGEST, high=LARGEST) for value in value_range)
    if not low < high:
        raise bad_value(function, "value_range", f"must go upwards, got {tuple(value_range)}")
    return low, high
