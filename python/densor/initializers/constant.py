"""Initializers that write one number."""

from __future__ import annotations

from typing import Any

from densor import _check
from densor.initializers.initializer import Floats, Initializer


class Constant(Initializer):
    """Fills with `value`, a finite number (0.0).

    >>> Constant(0.5)((2,))
    array([0.5, 0.5], dtype=float32)
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = _check.number("Constant", "value", value)

    def fill(self, out: Floats) -> None:
        out.fill(self.value)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}


class Zeros(Initializer):
    """Fills with 0.

    >>> Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    def fill(self, out: Floats) -> None:
        out.fill(0.0)


class Ones(Initializer):
    """Fills with 1.

    >>> Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    def fill(self, out: Floats) -> None:
        out.fill(1.0)
