"""Rescaling of inputs, such as pixels to [0, 1]."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import number
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["Rescaling"]


@register
class Rescaling(Layer):
    """`y = x * scale + offset`. As the first layer of a model it costs nothing: the gather of the batch does it.

    Args:
        scale, offset: finite numbers. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or not finite.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Rescaling(1 / 255)(np.array([[0, 255]], np.uint8)).tolist()
        [[0.0, 1.0]]
    """

    def __init__(self, scale: float, offset: float = 0.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.scale = number(type(self).__name__, "scale", scale)
        self.offset = number(type(self).__name__, "offset", offset)

    def call(self, inputs: Tensor) -> Any:
        return ops.rescale(inputs, self.scale, self.offset)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"scale": self.scale, "offset": self.offset}
