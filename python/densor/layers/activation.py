"""An activation function as a layer."""

from __future__ import annotations

from typing import Any

from densor.graph import Tensor
from densor.layers._activation import activation_config, get_activation
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["Activation"]


@register
class Activation(Layer):
    """`y = activation(x)`, shaped like the input.

    Args:
        activation: a name, a function of `densor.activations`, or a layer.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an unknown activation.

    Example:
        >>> from densor import layers
        >>> layers.Activation("relu")([[-1.0, 2.0]]).tolist()
        [[0.0, 2.0]]
    """

    def __init__(self, activation: Any, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.activation = get_activation(type(self).__name__, activation)

    def call(self, inputs: Tensor) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"activation": activation_config(self.activation)}
