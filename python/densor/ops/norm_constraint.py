"""Bringing the norms of vectors into an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from densor import _core
from densor._check import bad_value, integer, number
from densor.ops._eager import Float32, copy_of

__all__ = ["norm_constraint", "vectors_along"]


def norm_constraint(
    w: Any, low: float = 0.0, high: float = 1.0, rate: float = 1.0, axis: int | Sequence[int] = 0
) -> Float32:
    """`w * (rate * clip(n, low, high) + (1 - rate) * n) / (n + 1e-7)`, n the norms of the vectors along `axis`.

    Args:
        w: real numbers. low, high: 0 <= low <= high. rate: in [0, 1]; 1 goes all the way.
        axis: one axis, or several that follow one another.

    Returns:
        A new float32 array.

    Raises:
        TypeError: not real numbers. ValueError: bounds out of order, or axes that `w` does not have.

    Source: Keras 3 MinMaxNorm.

    Example:
        >>> from densor import ops
        >>> ops.norm_constraint([[3.0, 0.0], [4.0, 0.5]]).round(4).tolist()
        [[0.6000000238418579, 0.0], [0.800000011920929, 0.5]]
    """
    function = "norm_constraint"
    low = number(function, "low", low, low=0)
    high = number(function, "high", high, low=low)
    rate = number(function, "rate", rate, low=0, high=1)
    y = copy_of(function, "w", w)
    _core.norm_constraint(y.reshape(vectors_along(function, axis, y.shape)), low, high, rate).run()
    return y


def vectors_along(function: str, axis: int | Sequence[int], shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The shape as (axes before, `axis`, axes behind).

    Raises:
        TypeError, ValueError: no axes of this shape, or with others between them.
    """
    listed = sorted({*axis} if isinstance(axis, list | tuple) else {axis})
    rank = len(shape)
    axes = sorted({integer(function, "axis", a, low=-rank, high=rank - 1) % max(rank, 1) for a in listed})
    if not axes or axes[-1] - axes[0] != len(axes) - 1:
        raise bad_value(function, "axis", f"must name axes that follow one another, got {axis!r}")
    first, end = axes[0], axes[-1] + 1
    return math.prod(shape[:first]), math.prod(shape[first:end]), math.prod(shape[end:])
