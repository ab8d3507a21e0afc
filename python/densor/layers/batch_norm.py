"""Batch normalization."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import bad_value, boolean, number, unsupported
from densor.graph import Tensor, Variable
from densor.initializers import Ones, Zeros
from densor.layers._axis import checked_axis, sizes_of
from densor.layers._initializer import get_initializer, initializer_config
from densor.layers._registry import register
from densor.layers._regularizer import limits_config, limits_of, read_limits
from densor.layers.layer import Layer

__all__ = ["BatchNormalization"]


@register
class BatchNormalization(Layer):
    """`y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, for every place of `axis`.

    In training, mean and (biased) variance are those of the batch, and the moving ones follow them at the end
    of the step: `moving = momentum * moving + (1 - momentum) * batch`. In inference, and always while
    `trainable` is False, the moving ones are used and stay as they are.

    Args:
        axis: the axis whose places have statistics of their own. A list normalizes every combination of places
            by itself: `axis=[1, 2]` each pixel of (batch, height, width).
        momentum: in [0, 1]. epsilon: > 0. center, scale: whether there are beta, gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: anything
            `initializers.get` takes.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: anything `regularizers.get` and
            `constraints.get` take, or None.
        renorm: False; batch renormalization is not offered, nor are its arguments renorm_clipping, renorm_momentum.
        synchronized: False.
        init_from_first_batch: the first batch's statistics become the moving ones as they are, without momentum.
            Needs the initial values 0 and 1: what has them still has seen no batch.
        unbiased_running_variance: the moving variance follows `n / (n - 1)` times the batch's, as in PyTorch.
        name, trainable, dtype, input_shape: as for `Layer`.

    Weights: `gamma`, `beta`, `moving_mean`, `moving_variance`, each (columns,); with several axes in the rank of the
    input, its size in these axes and 1 in the others, such as (1, 28, 28).

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
        axis: Any = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        init_from_first_batch: bool = False,
        unbiased_running_variance: bool = False,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.axis = checked_axis(function, axis)
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
        read_limits(
            self, beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint, gamma_constraint=gamma_constraint,
        )  # fmt: skip
        if boolean(function, "renorm", renorm):
            raise bad_value(function, "renorm", "True (batch renormalization) is not offered; larger batches, "
                            "LayerNormalization or GroupNormalization help where batches are small")  # fmt: skip
        unsupported(function, "renorm_clipping", renorm_clipping, None)
        unsupported(function, "renorm_momentum", renorm_momentum, 0.99)
        unsupported(function, "synchronized", synchronized, False)
        self.init_from_first_batch = boolean(function, "init_from_first_batch", init_from_first_batch)
        self.unbiased_running_variance = boolean(
            function, "unbiased_running_variance", unbiased_running_variance
        )
        if self.init_from_first_batch:
            starts = ((self.moving_mean_initializer, Zeros), (self.moving_variance_initializer, Ones))
            if not all(isinstance(initializer, kind) for initializer, kind in starts):
                raise bad_value(function, "init_from_first_batch", "True needs moving_mean_initializer='zeros' and "
                                "moving_variance_initializer='ones'")  # fmt: skip

    def build(self, input_shape: Any) -> None:
        sizes = sizes_of(type(self).__name__, self.axis, input_shape)
        shape = tuple(sizes.values())
        if len(sizes) > 1:
            shape = tuple(sizes.get(axis, 1) for axis in range(len(input_shape)))
        self.gamma = self._weight(shape, self.gamma_initializer, True, "gamma") if self.scale else None
        self.beta = self._weight(shape, self.beta_initializer, True, "beta") if self.center else None
        self.moving_mean = self._weight(shape, self.moving_mean_initializer, False, "moving_mean")
        self.moving_variance = self._weight(shape, self.moving_variance_initializer, False, "moving_variance")

    def _weight(self, shape: Any, initializer: Any, trainable: bool, name: str) -> Variable:
        return self.add_weight(shape, initializer, trainable=trainable, name=name, **limits_of(self, name))

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        arguments: dict[str, Any] = {
            "moving_mean": self.moving_mean,
            "moving_variance": self.moving_variance,
            "axis": self.axis,
            "epsilon": self.epsilon,
        }
        if training and self.trainable:
            return ops.batch_norm(
                inputs,
                self.gamma,
                self.beta,
                **arguments,
                momentum=self.momentum,
                init_from_first_batch=self.init_from_first_batch,
                unbiased_running_variance=self.unbiased_running_variance,
            )
        return ops.batch_norm_inference(inputs, self.gamma, self.beta, **arguments)

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
            "init_from_first_batch": self.init_from_first_batch,
            "unbiased_running_variance": self.unbiased_running_variance,
            **limits_config(self, "beta", "gamma"),
        }
