"""The leaky rectifier as a layer."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import number
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["LeakyReLU"]


@register
class LeakyReLU(Layer):
    """`y = x` where x >= 0, else `negative_slope * x`.

    Args:
        negative_slope: >= 0; `alpha` is its older name.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Example:
        >>> from densor import layers
        >>> layers.LeakyReLU(alpha=0.5)([[-2.0, 3.0]]).tolist()
        [[-1.0, 3.0]]
    """

    def __init__(self, negative_slope: float = 0.3, **keywords: Any) -> None:
        if "alpha" in keywords:
            negative_slope = keywords.pop("alpha")
        super().__init__(**keywords)
        self.negative_slope = number(type(self).__name__, "negative_slope", negative_slope, low=0.0)

    def call(self, inputs: Tensor) -> Any:
        return ops.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"negative_slope": self.negative_slope}
