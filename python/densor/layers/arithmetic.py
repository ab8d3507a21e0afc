"""Several inputs combined value by value: differences, products, means and extrema."""

from __future__ import annotations

from functools import reduce
from typing import Any

from densor import ops
from densor._check import bad_value
from densor.graph import Tensor
from densor.layers._merge import Merge
from densor.layers._registry import register

__all__ = ["Average", "Maximum", "Minimum", "Multiply", "Subtract"]


@register
class Subtract(Merge):
    """`y = a - b` for a list `[a, b]`. `name, trainable, dtype`: as for `Layer`.

    Raises:
        ValueError: not a list of two inputs, or shapes that do not fit (as for `ops.subtract`).

    Source: Keras 3 `Subtract`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Subtract()([np.full((1, 2), 5.0), np.ones((1, 2))]).tolist()
        [[4.0, 4.0]]
    """

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if len(input_shape) != 2:
            raise bad_value("Subtract", "inputs", f"expected exactly two inputs, got {len(input_shape)}")

    def call(self, inputs: list[Tensor]) -> Any:
        return ops.subtract(*inputs)


@register
class Multiply(Merge):
    """The product of a list of inputs, value by value. `name, trainable, dtype`: as for `Layer`.

    Raises:
        ValueError: not a list, or shapes that do not fit (as for `ops.multiply`).

    Source: Keras 3 `Multiply`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Multiply()([np.full((1, 2), 5.0), np.full((1, 2), 3.0)]).tolist()
        [[15.0, 15.0]]
    """

    def call(self, inputs: list[Tensor]) -> Any:
        return reduce(ops.multiply, inputs)


@register
class Average(Merge):
    """The mean of a list of inputs, value by value. `name, trainable, dtype`: as for `Layer`.

    Raises:
        ValueError: not a list, or shapes that do not fit (as for `ops.add`).

    Source: Keras 3 `Average`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Average()([np.full((1, 2), 5.0), np.full((1, 2), 3.0)]).tolist()
        [[4.0, 4.0]]
    """

    def call(self, inputs: list[Tensor]) -> Any:
        return ops.rescale(reduce(ops.add, inputs), 1.0 / len(inputs))


@register
class Maximum(Merge):
    """The largest of a list of inputs, value by value; equal ones share the gradient. Arguments as for `Multiply`.

    Source: Keras 3 `Maximum`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Maximum()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[3.0, 4.0]]
    """

    def call(self, inputs: list[Tensor]) -> Any:
        return reduce(ops.maximum, inputs)


@register
class Minimum(Merge):
    """The smallest of a list of inputs, value by value; equal ones share the gradient. Arguments as for `Multiply`.

    Source: Keras 3 `Minimum`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Minimum()([np.array([[1.0, 4.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[1.0, 2.0]]
    """

    def call(self, inputs: list[Tensor]) -> Any:
        return reduce(ops.minimum, inputs)
