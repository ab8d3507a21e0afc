"""Softmax as a layer."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import unsupported
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["Softmax"]


@register
class Softmax(Layer):
    """Softmax over the last axis.

    Args:
        axis: -1. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        ValueError: another axis.

    Example:
        >>> from densor import layers
        >>> layers.Softmax()([[1.0, 1.0]]).tolist()
        [[0.5, 0.5]]
    """

    def __init__(self, axis: int = -1, **keywords: Any) -> None:
        super().__init__(**keywords)
        unsupported(type(self).__name__, "axis", axis, -1)

    def call(self, inputs: Tensor) -> Any:
        return ops.softmax(inputs)
