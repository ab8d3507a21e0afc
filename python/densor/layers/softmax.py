"""Softmax as a layer."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import bad_value
from densor.graph import Tensor
from densor.layers._arguments import input_array
from densor.layers._axis import checked_axis
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["Softmax"]


@register
class Softmax(Layer):
    """Softmax over an axis, or over several together.

    Args:
        axis: an integer or a list of them (-1). name, trainable, dtype, input_shape: as for `Layer`.

    Call arguments:
        inputs: the logits. mask: their shape, or with a last axis of 1: where it is at most 0.5 the result is 0.

    Raises:
        TypeError, ValueError: an argument of the wrong kind, or an axis that is not there.

    Example:
        >>> from densor import layers
        >>> layers.Softmax()([[1.0, 1.0]]).tolist()
        [[0.5, 0.5]]
        >>> layers.Softmax()([[1.0, 5.0, 1.0]], mask=[[True, False, True]]).tolist()
        [[0.5, 0.0, 0.5]]
    """

    def __init__(self, axis: int | list[int] = -1, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis = checked_axis(type(self).__name__, axis)

    def __call__(self, inputs: Any, training: bool | None = None, mask: Any = None, **keywords: Any) -> Any:
        if mask is not None:  # a second input, so that functional models know of it
            inputs = [
                x if isinstance(x, Tensor) else input_array(type(self).__name__, x) for x in (inputs, mask)
            ]
        return super().__call__(inputs, training, **keywords)

    def call(self, inputs: Tensor | list[Tensor]) -> Any:
        if isinstance(inputs, Tensor):
            return ops.softmax(inputs, self.axis)
        if len(inputs) != 2:
            raise bad_value(
                type(self).__name__, "inputs", f"expected logits and a mask, got {len(inputs)} tensors"
            )
        logits, mask = inputs
        return ops.masked_softmax(logits, mask, self.axis)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
