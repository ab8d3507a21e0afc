"""The axes of every row in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor import ops
from densor._check import bad_type, bad_value, integer
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["Permute"]


@register
class Permute(Layer):
    """Axis i of the output is axis `dims[i - 1]` of the input; the batch, axis 0, stays.

    Args:
        dims: a permutation of 1 to the number of axes of a row. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError: not integers. ValueError: not a permutation, or inputs with another number of axes.

    Source: Keras 3 `Permute`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Permute((2, 1))(np.zeros((5, 3, 4))).shape
        (5, 4, 3)
    """

    def __init__(self, dims: Sequence[int], **keywords: Any) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        if not isinstance(dims, (list, tuple)):
            raise bad_type(function, "dims", f"expected a tuple of ints, got {dims!r}")
        self.dims = tuple(integer(function, "dims", axis) for axis in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise bad_value(
                function, "dims", f"expected 1 to {len(self.dims)} in some order, got {self.dims}"
            )

    def build(self, input_shape: Any) -> None:
        if len(input_shape) != len(self.dims) + 1:
            raise bad_value(
                type(self).__name__, "inputs", f"dims {self.dims} do not fit inputs of shape {input_shape}"
            )

    def call(self, inputs: Tensor) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"dims": list(self.dims)}
