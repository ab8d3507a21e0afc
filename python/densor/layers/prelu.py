"""The rectifier with a learned slope."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import bad_value, integer, unsupported
from densor.graph import Tensor, Variable
from densor.layers._initializer import get_initializer, initializer_config
from densor.layers._registry import register
from densor.layers.layer import Layer, Shape

__all__ = ["PReLU"]


@register
class PReLU(Layer):
    """`y = max(x, 0) + alpha * min(x, 0)` with a learned `alpha` for every place (He et al. 2015).

    Args:
        alpha_initializer: anything `initializers.get` takes ("zeros").
        alpha_regularizer, alpha_constraint: None.
        shared_axes: the axes, counted with the batch as axis 0, along which all places share one slope: an
            integer or a list of them, from the first axis on or the last one. None for a slope of each place.
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
        alpha_regularizer: None = None,
        alpha_constraint: None = None,
        shared_axes: int | list[int] | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.alpha_initializer = get_initializer(function, "alpha_initializer", alpha_initializer)
        unsupported(function, "alpha_regularizer", alpha_regularizer, None)
        unsupported(function, "alpha_constraint", alpha_constraint, None)
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
        # What an expression can repeat: a block of whole axes, or its one column.
        kept = shape[next((i for i, size in enumerate(shape) if size > 1), len(shape)) : -1]
        if kept != list(input_shape[len(input_shape) - 1 - len(kept) : -1]):
            raise bad_value(
                type(self).__name__, "shared_axes", f"{self.shared_axes} of inputs {input_shape} lie between axes that "
                "are not shared; share the axes before them, or the last one alone"
            )  # fmt: skip
        self.alpha = self.add_weight(shape, self.alpha_initializer, name="alpha")

    def call(self, inputs: Tensor) -> Any:
        return ops.prelu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "alpha_initializer": initializer_config(self.alpha_initializer),
            "shared_axes": self.shared_axes,
        }
