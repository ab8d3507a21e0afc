"""The exponential linear unit as a layer."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import number
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["ELU"]


@register
class ELU(Layer):
    """`y = x` where x > 0, else `alpha * (exp(x) - 1)`.

    Args:
        alpha: >= 0. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Example:
        >>> from densor import layers
        >>> layers.ELU()([[0.0, 3.0]]).tolist()
        [[0.0, 3.0]]
    """

    def __init__(self, alpha: float = 1.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.alpha = number(type(self).__name__, "alpha", alpha, low=0.0)

    def call(self, inputs: Tensor) -> Any:
        return ops.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"alpha": self.alpha}
