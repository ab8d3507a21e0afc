"""Dropout."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import integer, number, unsupported
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer
from densor.random import next_seed

__all__ = ["Dropout"]


@register
class Dropout(Layer):
    """In training, zeroes each element with probability `rate` and divides the others by `1 - rate`.

    In inference the inputs pass unchanged. The noise is a function of (seed, layer, step, element): it keeps
    no state, and is the same on every device and for every number of threads.

    Args:
        rate: in [0, 1). noise_shape: None.
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

    def __init__(
        self, rate: float, noise_shape: None = None, seed: int | None = None, **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.rate = number(function, "rate", rate, low=0.0, high=1.0, include_high=False)
        unsupported(function, "noise_shape", noise_shape, None)
        self.seed = None if seed is None else integer(function, "seed", seed, low=0, high=2**64 - 1)
        self._noise_seed = next_seed() if self.seed is None else self.seed

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        if training and self.rate > 0.0:
            return ops.dropout(inputs, self.rate, self._noise_seed)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
