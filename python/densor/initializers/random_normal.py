"""Normally distributed values."""

from __future__ import annotations

from typing import Any

from densor import _check, _core
from densor._seeds import seed_or_next
from densor.initializers.initializer import Floats, Initializer, optional_seed


class RandomNormal(Initializer):
    """Draws from a normal distribution.

    Args:
        mean: any finite number (0.0).
        stddev: at least 0 (0.05).
        seed: an integer for the same values at each call, or None for new ones, drawn from the global seed.

    >>> bool((RandomNormal(seed=1)((3,)) == RandomNormal(seed=1)((3,))).all())
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = _check.number("RandomNormal", "mean", mean)
        self.stddev = _check.number("RandomNormal", "stddev", stddev, low=0)
        self.seed = optional_seed("RandomNormal", seed)

    def fill(self, out: Floats) -> None:
        _core.random_normal(out, self.mean, self.stddev, seed_or_next("RandomNormal", self.seed), 0).run()

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}
