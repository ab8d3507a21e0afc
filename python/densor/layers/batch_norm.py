"""Batch normalization."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import bad_type, bad_value, boolean, integer, number, unsupported
from densor.graph import Tensor, Variable
from densor.layers._initializer import get_initializer, initializer_config
from densor.layers._registry import register
from densor.layers.layer import Layer, Shape

__all__ = ["BatchNormalization"]


@register
class BatchNormalization(Layer):
    """`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, for every column of the last axis.

    In training, mean and (biased) variance are those of the batch, and the moving ones follow them at the end
    of the step: `moving = momentum * moving + (1 - momentum) * batch`. In inference, and always while
    `trainable` is False, the moving ones are used and stay as they are.

    Args:
        axis: -1, or the last axis.
        momentum: in [0, 1]. epsilon: > 0. center, scale: whether there are beta, gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: anything
            `initializers.get` takes.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: None.
        renorm, synchronized: False. name, trainable, dtype, input_shape: as for `Layer`.

    Weights: `gamma`, `beta`, `moving_mean`, `moving_variance`, each (columns,).

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Ioffe and Szegedy 2015, with the defaults of Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.BatchNormalization(epsilon=1e-12)([[1.0], [3.0]], training=True).tolist()
        [[-1.0], [1.0]]
    """

    gamma: Variable | None
    beta: Variable | None
    moving_mean: Variable
    moving_variance: Variable

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: None = None,
        gamma_regularizer: None = None,
        beta_constraint: None = None,
        gamma_constraint: None = None,
        renorm: bool = False,
        synchronized: bool = False,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.axis = self._checked_axis(axis)
        self.momentum = number(function, "momentum", momentum, low=0.0, high=1.0)
        self.epsilon = number(function, "epsilon", epsilon, low=0.0, include_low=False)
        self.center = boolean(function, "center", center)
        self.scale = boolean(function, "scale", scale)
        self.beta_initializer = get_initializer(function, "beta_initializer", beta_initializer)
        self.gamma_initializer = get_initializer(function, "gamma_initializer", gamma_initializer)
        self.moving_mean_initializer = get_initializer(
            function, "moving_mean_initializer", moving_mean_initializer
        )
        self.moving_variance_initializer = get_initializer(
            function, "moving_variance_initializer", moving_variance_initializer
        )
        unsupported(function, "beta_regularizer", beta_regularizer, None)
        unsupported(function, "gamma_regularizer", gamma_regularizer, None)
        unsupported(function, "beta_constraint", beta_constraint, None)
        unsupported(function, "gamma_constraint", gamma_constraint, None)
        unsupported(function, "renorm", renorm, False)
        unsupported(function, "synchronized", synchronized, False)

    def _checked_axis(self, axis: Any) -> int:
        if isinstance(axis, (list, tuple)):
            if len(axis) != 1:
                raise bad_value(type(self).__name__, "axis", f"only the last axis is supported, got {axis!r}")
            axis = axis[0]
        return integer(type(self).__name__, "axis", axis, low=-1)

    def build(self, input_shape: Shape) -> None:
        function = type(self).__name__
        if not isinstance(input_shape, tuple):
            raise bad_type(function, "inputs", "expected one input, got a list")
        if len(input_shape) < 2:
            raise bad_value(function, "inputs", f"expected (batch, ..., columns), got {input_shape}")
        if self.axis not in (-1, len(input_shape) - 1):
            raise bad_value(
                function, "axis", f"only the last axis is supported, got {self.axis} for {input_shape}"
            )
        columns = (input_shape[-1],)
        self.gamma = self._weight(columns, self.gamma_initializer, True, "gamma") if self.scale else None
        self.beta = self._weight(columns, self.beta_initializer, True, "beta") if self.center else None
        self.moving_mean = self._weight(columns, self.moving_mean_initializer, False, "moving_mean")
        self.moving_variance = self._weight(
            columns, self.moving_variance_initializer, False, "moving_variance"
        )

    def _weight(self, shape: Any, initializer: Any, trainable: bool, name: str) -> Variable:
        return self.add_weight(shape, initializer, trainable=trainable, name=name)

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        moving = {"moving_mean": self.moving_mean, "moving_variance": self.moving_variance}
        if training and self.trainable:
            return ops.batch_norm(
                inputs, self.gamma, self.beta, **moving, momentum=self.momentum, epsilon=self.epsilon
            )
        return ops.batch_norm_inference(inputs, self.gamma, self.beta, **moving, epsilon=self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializer_config(self.beta_initializer),
            "gamma_initializer": initializer_config(self.gamma_initializer),
            "moving_mean_initializer": initializer_config(self.moving_mean_initializer),
            "moving_variance_initializer": initializer_config(self.moving_variance_initializer),
        }
