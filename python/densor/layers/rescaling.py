"""Rescaling of inputs, such as pixels to [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import ops
from densor._array import real_array
from densor._check import bad_value, number
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["Rescaling"]


@register
class Rescaling(Layer):
    """`y = x * scale + offset`. As the first layer of a model it costs nothing: the gather of the batch does it.

    Args:
        scale, offset: finite numbers, or arrays of them that broadcast to the shape of a row.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or not finite, or inputs to which it does not broadcast.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Rescaling(1 / 255)(np.array([[0, 255]], np.uint8)).tolist()
        [[0.0, 1.0]]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.scale = _number_or_list(type(self).__name__, "scale", scale)
        self.offset = _number_or_list(type(self).__name__, "offset", offset)

    def call(self, inputs: Tensor) -> Any:
        if isinstance(self.scale, float) and isinstance(self.offset, float):
            return ops.rescale(inputs, self.scale, self.offset)
        scaled = ops.multiply(inputs, self._for_row("scale", self.scale, inputs))
        return ops.add(scaled, self._for_row("offset", self.offset, inputs))

    def _for_row(self, argument: str, value: float | list[Any], inputs: Tensor) -> Any:
        if isinstance(value, float):
            return value
        row = tuple(size for size in inputs.shape[1:] if size is not None)
        try:
            return np.broadcast_to(np.asarray(value, np.float32), row)
        except ValueError:
            raise bad_value(
                type(self).__name__,
                argument,
                f"shape {np.shape(value)} does not broadcast to rows of shape {row}",
            ) from None

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"scale": self.scale, "offset": self.offset}


def _number_or_list(function: str, argument: str, value: Any) -> float | list[Any]:
    """A finite number, or a nested list of them."""
    if not isinstance(value, list | tuple) and not getattr(value, "ndim", 0):
        return number(function, argument, value)
    array = real_array(function, argument, value)
    if not np.isfinite(array).all():
        raise bad_value(function, argument, f"must be finite, got {value!r}")
    listed: float | list[Any] = array.astype(np.float64).tolist()
    return listed
