"""The scalar product of two inputs, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor import ops
from densor._check import bad_value, boolean, integer
from densor.graph import Tensor
from densor.layers._merge import Merge
from densor.layers._registry import register

__all__ = ["Dot"]


@register
class Dot(Merge):
    """`y = sum_j a_ij b_ij` for a list `[a, b]` of two (batch, features) inputs; the output is (batch, 1).

    Args:
        axes: 1 or -1, or a pair of them: the axis that is summed. Matrices per row are not offered.
        normalize: whether every row is divided by its length first, which makes `y` the cosine of the angle.
        name, trainable, dtype: as for `Layer`.

    Raises:
        TypeError: arguments of the wrong kind. ValueError: not a list of two inputs of one shape
            (batch, features), or another axis.

    Source: Keras 3 `Dot`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
        [[11.0]]
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **keywords: Any) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        pair = list(axes) if isinstance(axes, (list, tuple)) else [axes]
        pair = [integer(function, "axes", axis) for axis in pair]
        if len(pair) not in (1, 2) or any(axis not in (1, -1) for axis in pair):
            raise bad_value(
                function,
                "axes",
                f"must be 1 or -1, got {axes!r}: rows of (batch, features) inputs are multiplied; "
                "products of a matrix per row are not offered, as dense nets have none",
            )
        self.axes = pair if isinstance(axes, (list, tuple)) else pair[0]
        self.normalize = boolean(function, "normalize", normalize)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        first, *others = input_shape
        if len(others) != 1 or others[0] != first or len(first) != 2:
            shapes = ", ".join(map(str, input_shape))
            raise bad_value(
                "Dot",
                "inputs",
                f"expected two (batch, features) inputs of one shape, got {shapes}; matrices per row "
                "are not offered",
            )

    def call(self, inputs: list[Tensor]) -> Any:
        a, b = [ops.unit_norm(x) for x in inputs] if self.normalize else inputs
        return ops.sum(ops.multiply(a, b), axis=-1, keepdims=True)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axes": self.axes, "normalize": self.normalize}
