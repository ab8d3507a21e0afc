"""The same values under another shape, or as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor import ops
from densor._check import bad_type, bad_value, integer
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer
from densor.ops.reshape import reshape_rows

__all__ = ["Identity", "Reshape"]


@register
class Reshape(Layer):
    """Every row of the batch under another shape: (batch, ...) to (batch, *target_shape). Costs nothing.

    Args:
        target_shape: the shape without the batch; one entry may be -1, which is what remains.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError: not integers. ValueError: sizes below 1, or another number of values per row.

    Source: Keras 3 `Reshape`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Reshape((2, -1))(np.zeros((3, 6))).shape
        (3, 2, 3)
    """

    def __init__(self, target_shape: Sequence[int], **keywords: Any) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        if not isinstance(target_shape, (list, tuple)):
            raise bad_type(function, "target_shape", f"expected a tuple of ints, got {target_shape!r}")
        sizes = tuple(integer(function, "target_shape", size) for size in target_shape)
        if any(size < 1 and size != -1 for size in sizes) or sizes.count(-1) > 1:
            raise bad_value(function, "target_shape", f"expected sizes >= 1 and at most one -1, got {sizes}")
        self.target_shape = sizes

    def call(self, inputs: Tensor) -> Any:
        return reshape_rows(inputs, self.target_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"target_shape": list(self.target_shape)}


@register
class Identity(Layer):
    """`y = x`: a name in a graph that costs nothing. `name, trainable, dtype, input_shape`: as for `Layer`.

    Source: Keras 3 `Identity`.

    Example:
        >>> from densor import layers
        >>> layers.Identity()([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
    """

    def call(self, inputs: Tensor) -> Any:
        return ops.identity(inputs)
