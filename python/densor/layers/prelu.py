"""The rectifier with a learned slope."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import bad_value, integer
from densor.graph import Tensor, Variable
from densor.layers._initializer import get_initializer, initializer_config
from densor.layers._registry import register
from densor.layers._regularizer import limits_config, limits_of, read_limits
from densor.layers.layer import Layer, Shape

__all__ = ["PReLU"]


@register
class PReLU(Layer):
    """`y = max(x, 0) + alpha * min(x, 0)` with a learned `alpha` for every place (He et al. 2015).

    Args:
        alpha_initializer: anything `initializers.get` takes ("zeros").
        alpha_regularizer: anything `regularizers.get` takes, None for no penalty.
        alpha_constraint: anything `constraints.get` takes, None for no constraint.
        shared_axes: the axes, counted with the batch as axis 0, along which all places share one slope: an
            integer or a list of them. None for a slope of each place.
        name, trainable, dtype, input_shape: as for `Layer`.

    Weights: `alpha`, the shape of a row, with 1 for shared axes.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Example:
        >>> from densor import layers
        >>> layers.PReLU(alpha_initializer="ones")([[-2.0, 3.0]]).tolist()
        [[-2.0, 3.0]]
    """

    alpha: Variable

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | list[int] | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.alpha_initializer = get_initializer(function, "alpha_initializer", alpha_initializer)
        read_limits(self, alpha_regularizer=alpha_regularizer, alpha_constraint=alpha_constraint)
        listed = shared_axes if isinstance(shared_axes, list | tuple) else [shared_axes]
        self.shared_axes = (
            None if shared_axes is None else [integer(function, "shared_axes", axis, 1) for axis in listed]
        )

    def build(self, input_shape: Shape) -> None:
        shape = [size or 1 for size in input_shape[1:]]
        for axis in self.shared_axes or []:
            if axis > len(shape):
                raise bad_value(
                    type(self).__name__, "shared_axes", f"{axis} is no axis of inputs of shape {input_shape}"
                )
            shape[axis - 1] = 1
        self.alpha = self.add_weight(shape, self.alpha_initializer, name="alpha", **limits_of(self, "alpha"))

    def call(self, inputs: Tensor) -> Any:
        return ops.prelu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "alpha_initializer": initializer_config(self.alpha_initializer),
            **limits_config(self, "alpha"),
            "shared_axes": self.shared_axes,
        }
