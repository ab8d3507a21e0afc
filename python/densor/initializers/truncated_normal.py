"""Normally distributed values without the tails."""

from __future__ import annotations

from typing import Any

from densor import _check, _core
from densor._seeds import seed_or_next
from densor.initializers.initializer import Floats, Initializer, optional_seed


class TruncatedNormal(Initializer):
    """Draws from a normal distribution, and again where a value is more than 2 `stddev` from the mean.

    Args:
        mean: any finite number (0.0).
        stddev: of the distribution before it is cut, at least 0 (0.05).
        seed: an integer for the same values at each call, or None for new ones, drawn from the global seed.

    >>> bool((abs(TruncatedNormal(stddev=1.0)((1000,))) <= 2).all())
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = _check.number("TruncatedNormal", "mean", mean)
        self.stddev = _check.number("TruncatedNormal", "stddev", stddev, low=0)
        self.seed = optional_seed("TruncatedNormal", seed)

    def fill(self, out: Floats) -> None:
        seed = seed_or_next("TruncatedNormal", self.seed)
        _core.random_truncated_normal(out, self.mean, self.stddev, seed, 0).run()

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}
