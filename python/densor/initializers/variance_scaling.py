"""Values whose variance goes with the size of the layer."""

from __future__ import annotations

import math
from typing import Any

from densor import _check, _core
from densor._seeds import seed_or_next
from densor.initializers.initializer import Floats, Initializer, optional_seed

# The standard deviation of a standard normal distribution cut at +-2.
_TRUNCATED_STDDEV = 0.87962566103423978

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


class VarianceScaling(Initializer):
    """Draws with mean 0 and variance scale / n, n being the fan that `mode` names.

    fan_in is the number of inputs of a unit, fan_out the number of units that an input reaches: the sizes of the
    last two axes of a kernel (..., inputs, outputs), times the sizes of the axes before them.

    Args:
        scale: greater than 0 (1.0).
        mode: n = "fan_in", "fan_out", or "fan_avg" for their mean ("fan_in").
        distribution: "truncated_normal" (cut at 2 standard deviations and widened, so that the variance after the
            cut is right), "untruncated_normal", or "uniform" in +-sqrt(3 * scale / n) ("truncated_normal").
        seed: an integer for the same values at each call, or None for new ones, drawn from the global seed.

    >>> weights = VarianceScaling(2.0, mode="fan_avg", distribution="uniform", seed=1)((300, 100))
    >>> weights.shape, round(float(weights.std()), 2)
    ((300, 100), 0.1)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        where = type(self).__name__
        self.scale = _check.number(where, "scale", scale, low=0, include_low=False)
        self.mode = _check.choice(where, "mode", mode, _MODES)
        if distribution == "normal":  # Keras' other name
            distribution = "truncated_normal"
        self.distribution = _check.choice(where, "distribution", distribution, _DISTRIBUTIONS)
        self.seed = optional_seed(where, seed)

    def fill(self, out: Floats) -> None:
        seed = seed_or_next(type(self).__name__, self.seed)
        fan_in, fan_out = fans(out.shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(n, 1.0)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            _core.random_uniform(out, -limit, limit, seed, 0).run()
        elif self.distribution == "truncated_normal":
            _core.random_truncated_normal(out, 0.0, math.sqrt(variance) / _TRUNCATED_STDDEV, seed, 0).run()
        else:
            _core.random_normal(out, 0.0, math.sqrt(variance), seed, 0).run()

    def get_config(self) -> dict[str, Any]:
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, "seed": self.seed}


class SeededVarianceScaling(VarianceScaling):
    """The base of the named initializers, which fix everything but the seed."""

    settings: tuple[float, str, str]

    def __init__(self, seed: int | None = None) -> None:
        scale, mode, distribution = self.settings
        super().__init__(scale, mode, distribution, seed)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Returns (fan_in, fan_out) of a kernel of `shape`."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    field = math.prod(shape[:-2])
    return float(shape[-2] * field), float(shape[-1] * field)
