"""What the layers with several inputs share."""

from __future__ import annotations

from typing import Any

from densor._check import bad_value
from densor.layers.layer import Layer

__all__ = ["Merge"]


class Merge(Layer):
    """A layer that takes a list of inputs; of one, what the operation of several leaves of it."""

    def build(self, input_shape: Any) -> None:
        function = type(self).__name__
        if not isinstance(input_shape, list):
            raise bad_value(function, "inputs", f"expected a list of inputs, got one of shape {input_shape}")
