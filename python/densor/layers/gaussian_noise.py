"""Normal noise, added and multiplied."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import number
from densor.graph import Tensor
from densor.layers._noise import NoiseLayer
from densor.layers._registry import register

__all__ = ["GaussianDropout", "GaussianNoise"]


@register
class GaussianNoise(NoiseLayer):
    """In training, adds normal noise of mean 0; in inference the inputs pass unchanged.

    Args:
        stddev: the standard deviation of the noise, >= 0.
        seed: an integer repeats the noise; None draws a seed from `densor.random`.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.GaussianNoise(0.1)([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
    """

    def __init__(self, stddev: float, seed: int | None = None, **keywords: Any) -> None:
        self.stddev = number(type(self).__name__, "stddev", stddev, low=0.0)
        super().__init__(seed, **keywords)

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        if self.noisy(training) and self.stddev > 0.0:
            return ops.gaussian_noise(inputs, self.stddev, self._noise_seed)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"stddev": self.stddev}


@register
class GaussianDropout(NoiseLayer):
    """In training, multiplies by normal noise of mean 1 and deviation `sqrt(rate / (1 - rate))`, as dropout has.

    In inference the inputs pass unchanged.

    Args:
        rate: in [0, 1). seed: an integer repeats the noise; None draws a seed from `densor.random`.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Srivastava et al. 2014, section 10, as Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.GaussianDropout(0.1)([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
    """

    samples = True

    def __init__(self, rate: float, seed: int | None = None, **keywords: Any) -> None:
        self.rate = number(type(self).__name__, "rate", rate, low=0.0, high=1.0, include_high=False)
        super().__init__(seed, **keywords)

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        if self.noisy(training) and self.rate > 0.0:
            return ops.gaussian_dropout(inputs, self.rate, self._noise_seed)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate}
