"""The rectifier as a layer."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import number
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["ReLU"]


@register
class ReLU(Layer):
    """`x` above `threshold`, at most `max_value`; below it `negative_slope * (x - threshold)`.

    Args:
        max_value: >= 0, None for no bound. negative_slope: >= 0. threshold: >= 0.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Example:
        >>> from densor import layers
        >>> layers.ReLU(max_value=6, negative_slope=0.5)([[-2.0, 3.0, 9.0]]).tolist()
        [[-1.0, 3.0, 6.0]]
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.max_value = None if max_value is None else number(function, "max_value", max_value, low=0.0)
        self.negative_slope = number(function, "negative_slope", negative_slope, low=0.0)
        self.threshold = number(function, "threshold", threshold, low=0.0)

    def call(self, inputs: Tensor) -> Any:
        return ops.bounded_relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }
