"""Dropout, and alpha dropout for self-normalizing networks."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import number
from densor.graph import Tensor
from densor.layers._noise import NoiseLayer, checked_noise_shape
from densor.layers._registry import register

__all__ = ["AlphaDropout", "Dropout"]


class _RandomMask(NoiseLayer):
    """What both kinds of dropout share: rate, shape of the noise, seed."""

    samples = True
    _drops_all = False  # whether a rate of 1 has a meaning

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **keywords: Any
    ) -> None:
        function = type(self).__name__
        self.rate = number(function, "rate", rate, low=0.0, high=1.0, include_high=self._drops_all)
        self.noise_shape = checked_noise_shape(function, noise_shape)
        super().__init__(seed, **keywords)

    def get_config(self) -> dict[str, Any]:
        noise_shape = None if self.noise_shape is None else list(self.noise_shape)
        return super().get_config() | {"rate": self.rate, "noise_shape": noise_shape}


@register
class Dropout(_RandomMask):
    """In training, zeroes each element with probability `rate` and divides the others by `1 - rate`.

    In inference the inputs pass unchanged. The noise is a function of (seed, layer, step, element): it keeps
    no state, and is the same on every device and for every number of threads.

    Args:
        rate: in [0, 1]; with 1 everything is zero.
        noise_shape: a size for every axis of the inputs, the batch's included: 1 where all places of the axis are
            kept or dropped together, None (or the size itself) where each decides alone. `(None, 1, 8)` drops
            whole columns of (batch, time, 8).
        seed: an integer repeats the noise; None draws a seed from `densor.random`.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Srivastava et al. 2014, inverted as in Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.Dropout(0.5)([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
    """

    _drops_all = True

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        if self.noisy(training) and self.rate == 1.0:
            return ops.zeros_like(inputs)
        if self.noisy(training) and self.rate > 0.0:
            return ops.dropout(inputs, self.rate, self._noise_seed, noise_shape=self.noise_shape)
        return inputs


@register
class AlphaDropout(_RandomMask):
    """Dropout that keeps mean and variance of standardized inputs, for networks of SELU.

    In training `y = a * x + b` where the element is kept, `a * s + b` where it is dropped, with
    `s = -scale * alpha` of SELU, `a = ((1 - rate) * (1 + rate * s**2)) ** -0.5` and `b = -a * rate * s`.
    In inference the inputs pass unchanged.

    Args:
        rate: in [0, 1). noise_shape, seed: as for `Dropout`. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Klambauer et al. 2017, as Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.AlphaDropout(0.1)([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
    """

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        if self.noisy(training) and self.rate > 0.0:
            return ops.alpha_dropout(inputs, self.rate, self._noise_seed, noise_shape=self.noise_shape)
        return inputs
