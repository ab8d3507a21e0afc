"""A penalty on activations, as a layer."""

from __future__ import annotations

from typing import Any

from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer
from densor.regularizers import L1L2

__all__ = ["ActivityRegularization"]


@register
class ActivityRegularization(Layer):
    """Passes its inputs on and adds `(l1 * sum |x| + l2 * sum x^2) / rows` to the loss of each batch.

    Args:
        l1, l2: at least 0. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Example:
        >>> from densor import layers
        >>> layers.ActivityRegularization(l1=0.1)([[1.0, -2.0]]).tolist()
        [[1.0, -2.0]]
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **keywords: Any) -> None:
        penalty = L1L2(l1, l2)
        super().__init__(activity_regularizer=penalty, **keywords)
        self.l1, self.l2 = penalty.l1, penalty.l2

    def call(self, inputs: Tensor) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config() | {"l1": self.l1, "l2": self.l2}
        del config["activity_regularizer"]
        return config
