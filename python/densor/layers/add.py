"""The sum of several inputs, as in residual connections."""

from __future__ import annotations

from functools import reduce
from typing import Any

from densor import ops
from densor.graph import Tensor
from densor.layers._merge import Merge
from densor.layers._registry import register

__all__ = ["Add"]


@register
class Add(Merge):
    """The sum of a list of inputs of one shape; nothing is broadcast. `name, trainable, dtype`: as for `Layer`.

    Raises:
        ValueError: not a list, or different shapes.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Add()([np.ones((1, 2)), np.ones((1, 2))]).tolist()
        [[2.0, 2.0]]
    """

    def call(self, inputs: list[Tensor]) -> Any:
        return reduce(ops.add, inputs)
