"""Orthogonal matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from densor import _check, _core
from densor._seeds import seed_or_next
from densor.initializers.initializer import Floats, Initializer, optional_seed


class Orthogonal(Initializer):
    """Draws a matrix whose columns (or rows, whichever are fewer) are orthogonal and have the length `gain`.

    The matrix is uniformly distributed over all such matrices: it is the Q of the decomposition QR of normally
    distributed values, with the signs that make R's diagonal positive. A shape of more than two axes counts as
    a matrix with the last axis as its columns. It is computed in float64 and rounded once.

    Source: Saxe et al. (2013); the signs: Mezzadri (2007).

    Args:
        gain: any finite number (1.0).
        seed: an integer for the same values at each call, or None for new ones, drawn from the global seed.

    Raises ValueError for a shape of fewer than two axes.

    >>> w = Orthogonal(seed=1)((5, 3))
    >>> bool(abs(w.T @ w - np.eye(3)).max() < 1e-6)
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = _check.number("Orthogonal", "gain", gain)
        self.seed = optional_seed("Orthogonal", seed)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        if len(shape) < 2:
            raise _check.bad_value("Orthogonal", "shape", f"must have at least two axes, got {shape}")

    def fill(self, out: Floats) -> None:
        rows, columns = math.prod(out.shape[:-1]), out.shape[-1]
        draws = np.empty((max(rows, columns), min(rows, columns)), np.float32)
        _core.random_normal(draws, 0.0, 1.0, seed_or_next("Orthogonal", self.seed), 0).run()
        q, r = np.linalg.qr(draws.astype(np.float64))
        q *= np.where(np.diagonal(r) < 0, -self.gain, self.gain)
        out.reshape(rows, columns)[...] = q.T if rows < columns else q

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, "seed": self.seed}
