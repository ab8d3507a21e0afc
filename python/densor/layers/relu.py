"""The rectifier as a layer."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import number, unsupported
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["ReLU"]


@register
class ReLU(Layer):
    """`y = x` where x > 0, else `negative_slope * x`.

    Args:
        max_value: None. negative_slope: >= 0. threshold: 0.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Example:
        >>> from densor import layers
        >>> layers.ReLU(negative_slope=0.5)([[-2.0, 3.0]]).tolist()
        [[-1.0, 3.0]]
    """

    def __init__(
        self, max_value: None = None, negative_slope: float = 0.0, threshold: float = 0.0, **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        unsupported(function, "max_value", max_value, None)
        unsupported(function, "threshold", threshold, 0.0)
        self.negative_slope = number(function, "negative_slope", negative_slope, low=0.0)

    def call(self, inputs: Tensor) -> Any:
        return ops.relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"negative_slope": self.negative_slope}
