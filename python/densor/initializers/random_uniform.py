"""Uniformly distributed values."""

from __future__ import annotations

from typing import Any

from densor import _check, _core
from densor._seeds import seed_or_next
from densor.initializers.initializer import Floats, Initializer, optional_seed


class RandomUniform(Initializer):
    """Draws uniformly from [minval, maxval).

    Args:
        minval: any finite number (-0.05).
        maxval: at least `minval` (0.05).
        seed: an integer for the same values at each call, or None for new ones, drawn from the global seed.

    >>> bool((RandomUniform(seed=1)((3,)) == RandomUniform(seed=1)((3,))).all())
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval = _check.number("RandomUniform", "minval", minval)
        self.maxval = _check.number("RandomUniform", "maxval", maxval)
        if self.maxval < self.minval:
            raise _check.bad_value(
                "RandomUniform", "maxval", f"must be at least minval ({self.minval}), got {self.maxval}"
            )
        self.seed = optional_seed("RandomUniform", seed)

    def fill(self, out: Floats) -> None:
        seed = seed_or_next("RandomUniform", self.seed)
        _core.random_uniform(out, self.minval, self.maxval, seed, 0).run()

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}
