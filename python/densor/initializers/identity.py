"""The identity matrix."""

from __future__ import annotations

from typing import Any

from densor import _check
from densor.initializers.initializer import Floats, Initializer


class Identity(Initializer):
    """Writes `gain` on the main diagonal of a matrix and 0 elsewhere; the matrix need not be square.

    Args:
        gain: any finite number (1.0).

    Raises ValueError for a shape that has not exactly two axes.

    >>> Identity(2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = _check.number("Identity", "gain", gain)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 2:
            raise _check.bad_value("Identity", "shape", f"must have two axes, got {shape}")

    def fill(self, out: Floats) -> None:
        out.fill(0.0)
        diagonal = range(min(out.shape))
        out[diagonal, diagonal] = self.gain

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}
