"""The swish activation as a layer, with a fixed or learned beta."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import boolean, number
from densor.graph import Tensor, Variable
from densor.initializers import Constant
from densor.layers._registry import register
from densor.layers.layer import Layer, Shape

__all__ = ["Swish"]


@register
class Swish(Layer):
    """`y = x * sigmoid(beta * x)` (Ramachandran et al. 2017). Keras has it with beta = 1 only, as `silu`.

    Args:
        beta: a number, the first value if training changes it (1.0).
        trainable_beta: whether training changes it: one number for the layer (False).
        name, trainable, dtype, input_shape: as for `Layer`.

    Weights: `beta` (), if it is trainable.

    Raises:
        TypeError, ValueError: an argument of the wrong kind.

    Example:
        >>> from densor import layers
        >>> layers.Swish(beta=2.0)([[0.0, 100.0]]).tolist()
        [[0.0, 100.0]]
    """

    def __init__(self, beta: float = 1.0, trainable_beta: bool = False, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.start = number(type(self).__name__, "beta", beta)
        self.trainable_beta = boolean(type(self).__name__, "trainable_beta", trainable_beta)
        self.beta: float | Variable = self.start

    def build(self, input_shape: Shape) -> None:
        if self.trainable_beta:
            self.beta = self.add_weight((), Constant(self.start), name="beta")

    def call(self, inputs: Tensor) -> Any:
        return ops.silu(inputs, self.beta)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"beta": self.start, "trainable_beta": self.trainable_beta}
