"""Rows as vectors."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import unsupported
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["Flatten"]


@register
class Flatten(Layer):
    """Every row of the batch as a vector: (batch, ...) to (batch, features). Costs nothing.

    Args:
        data_format: None or "channels_last". name, trainable, dtype, input_shape: as for `Layer`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Flatten()(np.zeros((2, 28, 28), np.uint8)).shape
        (2, 784)
    """

    def __init__(self, data_format: str | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        unsupported(type(self).__name__, "data_format", data_format or "channels_last", "channels_last")

    def call(self, inputs: Tensor) -> Any:
        return ops.flatten(inputs)
