"""Normal noise, added or multiplied, a function of (seed, stream, step, row, column)."""

from __future__ import annotations

import math
from typing import Any

from densor import _core
from densor._check import integer, number
from densor._seeds import next_seed
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import empty_like
from densor.ops.dropout import as_rows

__all__ = ["GaussianNoiseNode", "gaussian_dropout", "gaussian_noise"]


class GaussianNoiseNode(Node):
    """y = x + noise, or x (1 + noise), whose gradient is the same map of dy: nothing is saved."""

    stem = "gaussian_noise"
    noisy = True

    def __init__(self, x: Tensor, stddev: float, multiplies: bool, seed: int) -> None:
        self.stddev = stddev
        self.multiplies = multiplies
        self.seed = seed
        super().__init__([x], x.shape)

    def forward(self, lowering: Lowering) -> None:
        features = self.output.features
        y, x = lowering.result(self.output, features), lowering.value(self.inputs[0], features)
        self._emit(lowering, y, x)

    def backward(self, lowering: Lowering) -> None:
        features = self.output.features
        dy = lowering.gradient(self.output, features)
        if not self.multiplies:
            lowering.pass_gradient(self.inputs[0], dy)
            return
        dx = lowering.contribution(self.inputs[0], features)
        if dx is not None:
            self._emit(lowering, dx, dy)

    def _emit(self, lowering: Lowering, y: Any, x: Any) -> None:
        lowering.emit(
            "gaussian_noise",
            y=y,
            x=x,
            stddev=self.stddev,
            multiplies=self.multiplies,
            seed=self.seed,
            stream=lowering.stream(self),
        )


def gaussian_noise(x: Any, stddev: float, seed: int | None = None) -> Any:
    """`y = x + noise` with independent normal noise of mean 0.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers.
        stddev: the standard deviation of the noise, >= 0.
        seed: an integer repeats the noise; None draws a fresh seed from `densor.random`. In a program the noise
            also depends on the number of the step.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: `stddev` below 0, or `seed` outside [0, 2**64).

    Source: Keras 3 `GaussianNoise`; noise from Philox4x32-10 (Salmon et al. 2011).

    Example:
        >>> from densor import ops
        >>> float(abs(ops.gaussian_noise([[1.0] * 100], 0.5, seed=1).mean()) - 1) < 0.2
        True
    """
    function = "gaussian_noise"
    return _noise(function, x, number(function, "stddev", stddev, low=0.0), False, seed)


def gaussian_dropout(x: Any, rate: float, seed: int | None = None) -> Any:
    """`y = x * (1 + noise)` with normal noise of mean 0 and deviation `sqrt(rate / (1 - rate))`.

    Args:
        x, seed: as for `gaussian_noise`. rate: in [0, 1).

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: `rate` outside [0, 1), or `seed` outside [0, 2**64).

    Source: Srivastava et al. 2014, section 10, as Keras 3 `GaussianDropout`.

    Example:
        >>> from densor import ops
        >>> ops.gaussian_dropout([[0.0, 3.0]], 0.0).tolist()
        [[0.0, 3.0]]
    """
    function = "gaussian_dropout"
    rate = number(function, "rate", rate, low=0.0, high=1.0, include_high=False)
    return _noise(function, x, math.sqrt(rate / (1.0 - rate)), True, seed)


def _noise(function: str, x: Any, stddev: float, multiplies: bool, seed: int | None) -> Any:
    flat, shape = (None, x.shape) if isinstance(x, Tensor) else as_rows(function, "x", x)
    key = next_seed() if seed is None else integer(function, "seed", seed, low=0, high=2**64 - 1)
    if flat is None:
        return GaussianNoiseNode(x, stddev, multiplies, key).output
    y = empty_like(flat)
    _core.gaussian_noise(y, flat, stddev, multiplies, key, 0).run()
    return y.reshape(shape)
