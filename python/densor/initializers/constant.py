"""Initializers that write given numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _check
from densor._array import float32_array
from densor.initializers.initializer import Floats, Initializer


class Constant(Initializer):
    """Fills with `value`: a finite number (0.0), or an array of them that broadcasts to the shape.

    >>> Constant(0.5)((2,))
    array([0.5, 0.5], dtype=float32)
    >>> Constant([1, 2])((2, 2))
    array([[1., 2.],
           [1., 2.]], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value: float | Floats
        if _check.is_number(value) or not isinstance(value, list | tuple | np.ndarray):
            self.value = _check.number("Constant", "value", value)
        else:
            self.value = float32_array("Constant", "value", value)
            if not np.isfinite(self.value).all():
                raise _check.bad_value("Constant", "value", f"must be finite, got {_check.show(value)}")

    def check_shape(self, shape: tuple[int, ...]) -> None:
        if isinstance(self.value, float):
            return
        given = self.value.shape
        if len(given) > len(shape) or any(
            size not in (1, wanted) for size, wanted in zip(given[::-1], shape[::-1], strict=False)
        ):
            raise _check.bad_value(
                "Constant", "shape", f"values of shape {given} do not broadcast to {shape}"
            )

    def fill(self, out: Floats) -> None:
        out[...] = self.value

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value if isinstance(self.value, float) else self.value.tolist()}


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
