"""The dense layer."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import bad_value, boolean, integer
from densor.graph import Tensor, Variable
from densor.layers._activation import activation_config, get_activation
from densor.layers._initializer import get_initializer, initializer_config
from densor.layers._registry import register
from densor.layers._regularizer import (
    constraint_config,
    get_constraint,
    get_regularizer,
    regularizer_config,
)
from densor.layers.layer import Layer, Shape

__all__ = ["Dense"]


@register
class Dense(Layer):
    """`y = activation(x kernel + bias)` over the last axis.

    Args:
        units: the size of the output's last axis, up to 2**31 - 1.
        activation: a name, a function of `densor.activations`, a layer, or None.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: anything `initializers.get` takes.
        kernel_regularizer, bias_regularizer: anything `regularizers.get` takes, None for no penalty.
        kernel_constraint, bias_constraint: anything `constraints.get` takes, None for no constraint.
        activity_regularizer, name, trainable, dtype, input_shape: as for `Layer`.

    Input: (batch, ..., features). Output: (batch, ..., units).
    Weights: `kernel` (features, units), `bias` (units,).

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.Dense(3, activation="relu")(np.ones((2, 4), np.float32)).shape
        (2, 3)
    """

    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **keywords: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **keywords)
        function = type(self).__name__
        self.units = integer(function, "units", units, low=1, high=2**31 - 1)
        self.activation = get_activation(function, activation)
        self.use_bias = boolean(function, "use_bias", use_bias)
        self.kernel_initializer = get_initializer(function, "kernel_initializer", kernel_initializer)
        self.bias_initializer = get_initializer(function, "bias_initializer", bias_initializer)
        self.kernel_regularizer = get_regularizer(function, "kernel_regularizer", kernel_regularizer)
        self.bias_regularizer = get_regularizer(function, "bias_regularizer", bias_regularizer)
        self.kernel_constraint = get_constraint(function, "kernel_constraint", kernel_constraint)
        self.bias_constraint = get_constraint(function, "bias_constraint", bias_constraint)

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise bad_value(
                type(self).__name__, "inputs", f"expected (batch, ..., features), got {input_shape}"
            )
        self.kernel = self.add_weight(
            (input_shape[-1], self.units), self.kernel_initializer, regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint, name="kernel",
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, regularizer=self.bias_regularizer,
                constraint=self.bias_constraint, name="bias",
            )  # fmt: skip

    def call(self, inputs: Tensor) -> Any:
        features = self.kernel.shape[0]
        if inputs.shape[-1] != features:
            raise bad_value(type(self).__name__, "inputs", f"layer {self.name!r} was built for {features} features, "
                            f"the last axis, got shape {inputs.shape}")  # fmt: skip
        return self.activation(ops.dense(inputs, self.kernel, self.bias))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "units": self.units,
            "activation": activation_config(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializer_config(self.kernel_initializer),
            "bias_initializer": initializer_config(self.bias_initializer),
            "kernel_regularizer": regularizer_config(self.kernel_regularizer),
            "bias_regularizer": regularizer_config(self.bias_regularizer),
            "kernel_constraint": constraint_config(self.kernel_constraint),
            "bias_constraint": constraint_config(self.bias_constraint),
        }
