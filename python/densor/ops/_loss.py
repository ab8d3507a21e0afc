"""What the eager losses share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._array import float32_array
from densor._check import bad_value
from densor.ops._eager import Float32, empty_like, matrix, optional_vector

__all__ = ["loss_and_gradient", "outputs_and_values"]


def outputs_and_values(function: str, x: Any, target: Any) -> tuple[Float32, Float32]:
    """Model outputs and targets as matrices (rows, columns); targets may have one column for all."""
    flat, shape = matrix(function, "x", x)
    rows = shape[0] if len(shape) > 1 else 1
    flat = flat.reshape(rows, -1)
    values = float32_array(function, "target", target)
    if values.shape not in (shape, (rows, 1)):
        raise bad_value(function, "target", f"expected shape {shape} or ({rows}, 1), got {values.shape}")
    return flat, values.reshape(rows, -1)


def loss_and_gradient(
    function: str,
    loss: Callable[..., _core.Step],
    x: Float32,
    target: NDArray[Any],
    weight: Any,
    shape: tuple[int, ...],
) -> tuple[float, Float32]:
    """Run a loss op: the weighted mean over the rows, and its gradient in `shape`."""
    rows = x.shape[0]
    if rows == 0:
        raise bad_value(function, "x", "expected at least one row, got none")
    weights = optional_vector(function, "weight", weight, rows)
    values, dx = np.empty(rows, dtype=np.float32), empty_like(x)
    loss(values, dx, x, target, weights, 1.0 / rows).run()
    totals = np.zeros(2, dtype=np.float64)
    _core.accumulate(totals, values, weights).run()
    return float(totals[0] / rows), dx.reshape(shape)
