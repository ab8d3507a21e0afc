"""Several inputs side by side."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import integer
from densor.graph import Tensor
from densor.layers._merge import Merge
from densor.layers._registry import register

__all__ = ["Concatenate"]


@register
class Concatenate(Merge):
    """A list of inputs side by side along one axis.

    Args:
        axis: any axis but the batch's. name, trainable, dtype: as for `Layer`.

    Raises:
        ValueError: not a list, or shapes that do not fit.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Concatenate()([np.ones((1, 2)), np.zeros((1, 1))]).tolist()
        [[1.0, 1.0, 0.0]]
    """

    def __init__(self, axis: int = -1, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis = integer(type(self).__name__, "axis", axis)

    def call(self, inputs: list[Tensor]) -> Any:
        return ops.concatenate(inputs, self.axis)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
