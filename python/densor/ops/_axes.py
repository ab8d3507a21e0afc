"""Operations on the last axis, made to work on any axes: these become the last one and go back afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from densor._check import bad_value, integer
from densor.graph import Tensor
from densor.ops._eager import array_of
from densor.ops.reshape import reshape_rows
from densor.ops.transpose import transpose

__all__ = ["as_last", "axes_of"]


def axes_of(function: str, axis: Any, shape: tuple[Any, ...]) -> tuple[int, ...]:
    """The axes named by an int or a list of ints, counted from the front, in ascending order.

    Raises:
        TypeError: not integers. ValueError: an axis that is not there, twice, or the batch's.
    """
    if len(shape) < 2:
        raise bad_value(function, "x", f"expected rank >= 2, got shape {shape}")
    listed = list(axis) if isinstance(axis, list | tuple) else [axis]
    if not listed:
        raise bad_value(function, "axis", "expected at least one axis, got none")
    found = set()
    for item in listed:
        place = integer(function, "axis", item)
        if not -len(shape) <= place < len(shape):
            raise bad_value(function, "axis", f"{place} is outside the axes of shape {shape}")
        place %= len(shape)
        if place == 0:
            raise bad_value(function, "axis", f"{item} is the axis of the batch in shape {shape}")
        if place in found:
            raise bad_value(function, "axis", f"{axis} names one axis twice in shape {shape}")
        found.add(place)
    return tuple(sorted(found))


def as_last(function: str, x: Any, axis: Any) -> tuple[Any, Callable[[Any], Any]]:
    """`x` with its axes `axis` merged into the last one, and the function that brings a result back.

    Raises:
        TypeError: not real numbers, or no axes. ValueError: axes that are not there.
    """
    if not isinstance(x, Tensor):
        x = array_of(function, "x", x)
    shape = x.shape
    axes = axes_of(function, axis, shape)
    if axes == (len(shape) - 1,):
        return x, lambda y: y
    rest = tuple(a for a in range(1, len(shape)) if a not in axes)
    order = (0, *rest, *axes)
    moved = transpose(x, order) if order != tuple(range(len(shape))) else x
    merged = reshape_rows(moved, (*(shape[a] for a in rest), math.prod(shape[a] for a in axes)))

    def back(y: Any) -> Any:
        y = reshape_rows(y, tuple(shape[a] for a in order[1:]))
        if moved is x:
            return y
        return transpose(y, tuple(order.index(a) for a in range(len(shape))))

    return merged, back
