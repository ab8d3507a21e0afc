"""What the eager losses share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from densor import _core
from densor._check import bad_value
from densor.ops._eager import (
    Float32,
    array_of,
    empty,
    empty_like,
    first_sum,
    matrix,
    optional_vector,
    zero_sums,
)

__all__ = ["loss_and_gradient", "outputs_and_values"]


def outputs_and_values(function: str, x: Any, target: Any) -> tuple[Float32, Float32]:
    """Model outputs and targets as matrices (rows, columns); targets may have one column for all."""
    flat, shape = matrix(function, "x", x)
    rows = shape[0] if len(shape) > 1 else 1
    flat = flat.reshape(rows, -1)
    values = array_of(function, "target", target)
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
    values, dx, totals = empty((rows,), x), empty_like(x), zero_sums(x)
    loss(values, dx, x, target, weights, 1.0 / rows).run()
    _core.accumulate(totals, values, weights).run()
    return first_sum(totals) / rows, dx.reshape(shape)
