"""Normalization of every sample by itself: layer, root mean square, group (instance) and unit length."""

from __future__ import annotations

import math
from typing import Any

from densor import ops
from densor._check import bad_value, boolean, integer, number
from densor.graph import Tensor, Variable
from densor.layers._axis import checked_axis, sizes_of
from densor.layers._initializer import get_initializer, initializer_config
from densor.layers._registry import register
from densor.layers._regularizer import limits_config, limits_of, read_limits
from densor.layers.layer import Layer

__all__ = ["GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]


class _AffineNormalization(Layer):
    """What layers with gamma and beta share: their arguments, weights and config."""

    gamma: Variable | None
    beta: Variable | None

    def _read_affine(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        initializers: dict[str, Any],
        limits: dict[str, Any],
    ) -> None:
        function = type(self).__name__
        self.epsilon = number(function, "epsilon", epsilon, low=0.0, include_low=False)
        self.center = boolean(function, "center", center)
        self.scale = boolean(function, "scale", scale)
        self.beta_initializer = get_initializer(function, "beta_initializer", initializers["beta"])
        self.gamma_initializer = get_initializer(function, "gamma_initializer", initializers["gamma"])
        read_limits(self, **limits)

    def _add_affine(self, shape: tuple[int, ...]) -> None:
        self.gamma = self._weight(shape, self.gamma_initializer, "gamma") if self.scale else None
        self.beta = self._weight(shape, self.beta_initializer, "beta") if self.center else None

    def _weight(self, shape: tuple[int, ...], initializer: Any, name: str) -> Variable:
        return self.add_weight(shape, initializer, name=name, **limits_of(self, name))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializer_config(self.beta_initializer),
            "gamma_initializer": initializer_config(self.gamma_initializer),
            **limits_config(self, "beta", "gamma"),
        }


@register
class LayerNormalization(_AffineNormalization):
    """`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance over `axis` of each sample.

    Training and inference are the same; samples do not influence one another.

    Args:
        axis: the axis, or axes, that are normalized together.
        epsilon: > 0. center, scale: whether there are beta, gamma.
        beta_initializer, gamma_initializer: anything `initializers.get` takes.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: anything `regularizers.get` and
            `constraints.get` take, or None.
        rms_scaling: False; `RMSNormalization` scales by the root mean square.
        name, trainable, dtype, input_shape: as for `Layer`.

    Weights: `gamma`, `beta`, with the sizes of `axis` in ascending order.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Ba, Kiros and Hinton 2016, with the defaults of Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.LayerNormalization(epsilon=1e-12)([[1.0, 3.0]]).tolist()
        [[-1.0, 1.0]]
    """

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.axis = checked_axis(function, axis)
        if boolean(function, "rms_scaling", rms_scaling):
            raise bad_value(function, "rms_scaling", "True is not supported; use RMSNormalization")
        self._read_affine(
            epsilon,
            center,
            scale,
            {"beta": beta_initializer, "gamma": gamma_initializer},
            {
                "beta_regularizer": beta_regularizer,
                "gamma_regularizer": gamma_regularizer,
                "beta_constraint": beta_constraint,
                "gamma_constraint": gamma_constraint,
            },
        )

    def build(self, input_shape: Any) -> None:
        self._add_affine(tuple(sizes_of(type(self).__name__, self.axis, input_shape).values()))

    def call(self, inputs: Tensor) -> Any:
        return ops.layer_norm(inputs, self.gamma, self.beta, axis=self.axis, epsilon=self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}


@register
class RMSNormalization(Layer):
    """`y = scale * x / sqrt(mean(x**2) + epsilon)`, the mean over `axis` of each sample.

    Args:
        axis: the axis, or axes, that are normalized together. epsilon: > 0.
        name, trainable, dtype, input_shape: as for `Layer`.

    Weights: `scale`, with the sizes of `axis` in ascending order, at first 1.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Zhang and Sennrich 2019, with the defaults of Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RMSNormalization(epsilon=1e-12)([[3.0, 3.0]]).tolist()
        [[1.0, 1.0]]
    """

    scale: Variable

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **keywords: Any) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.axis = checked_axis(function, axis)
        self.epsilon = number(function, "epsilon", epsilon, low=0.0, include_low=False)

    def build(self, input_shape: Any) -> None:
        sizes = sizes_of(type(self).__name__, self.axis, input_shape)
        self.scale = self.add_weight(tuple(sizes.values()), "ones", name="scale")

    def call(self, inputs: Tensor) -> Any:
        return ops.rms_norm(inputs, self.scale, axis=self.axis, epsilon=self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis, "epsilon": self.epsilon}


@register
class GroupNormalization(_AffineNormalization):
    """Layer normalization of each group of channels of each sample, over all axes but the batch's.

    `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`.

    Args:
        groups: divides the number of channels; -1: as many as there are channels (instance normalization).
        axis: the axis of the channels.
        epsilon, center, scale, the initializers, regularizers and constraints: as for `LayerNormalization`.
        name, trainable, dtype, input_shape: as for `Layer`.

    Weights: `gamma`, `beta`, each (channels,).

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Wu and He 2018, with the defaults of Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.GroupNormalization(2, epsilon=1e-12)([[1.0, 3.0, 10.0, 30.0]]).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.groups = integer(function, "groups", groups, low=-1)
        if self.groups == 0:
            raise bad_value(function, "groups", "must be positive, or -1 for as many as channels, got 0")
        self.axis = integer(function, "axis", axis)
        self._read_affine(
            epsilon,
            center,
            scale,
            {"beta": beta_initializer, "gamma": gamma_initializer},
            {
                "beta_regularizer": beta_regularizer,
                "gamma_regularizer": gamma_regularizer,
                "beta_constraint": beta_constraint,
                "gamma_constraint": gamma_constraint,
            },
        )

    def build(self, input_shape: Any) -> None:
        function = type(self).__name__
        shape = tuple(sizes_of(function, self.axis, input_shape).values())
        if self.groups != -1 and math.prod(shape) % self.groups:
            raise bad_value(function, "groups", f"{self.groups} does not divide the {shape[0]} channels")
        self._add_affine(shape)

    def call(self, inputs: Tensor) -> Any:
        return ops.group_norm(
            inputs, self.gamma, self.beta, groups=self.groups, axis=self.axis, epsilon=self.epsilon
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"groups": self.groups, "axis": self.axis}


@register
class UnitNormalization(Layer):
    """`y = x / sqrt(sum(x**2))`, the sum over `axis` of each sample; zeros stay zeros.

    Args:
        axis: the axis, or axes, whose values together get length 1.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.UnitNormalization()([[0.0, 2.0]]).tolist()
        [[0.0, 1.0]]
    """

    def __init__(self, axis: Any = -1, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis = checked_axis(type(self).__name__, axis)

    def build(self, input_shape: Any) -> None:
        sizes_of(type(self).__name__, self.axis, input_shape)

    def call(self, inputs: Tensor) -> Any:
        return ops.unit_norm(inputs, axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
