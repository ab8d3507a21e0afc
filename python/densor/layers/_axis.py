"""The `axis=` argument of normalization layers: an integer, or a list of them."""

from __future__ import annotations

from typing import Any

from densor._check import bad_type, bad_value, integer
from densor.layers.layer import Shape

__all__ = ["checked_axis", "sizes_of"]


def checked_axis(function: str, axis: Any) -> int | list[int]:
    """The argument, known to be an integer or a list of at least one.

    Raises:
        TypeError: anything else. ValueError: an empty list, or an axis twice.
    """
    if not isinstance(axis, list | tuple):
        return integer(function, "axis", axis)
    axes = [integer(function, "axis", item) for item in axis]
    if not axes or len(set(axes)) < len(axes):
        raise bad_value(function, "axis", f"expected different axes, at least one, got {axis!r}")
    return axes


def sizes_of(function: str, axis: int | list[int], input_shape: Any) -> dict[int, int]:
    """The sizes of the axes by their place counted from the front, in ascending order.

    Raises:
        TypeError: several inputs. ValueError: an axis that is not there, or the batch's.
    """
    shape = _single(function, input_shape)
    found: dict[int, int] = {}
    for item in axis if isinstance(axis, list) else [axis]:
        place = item % len(shape) if -len(shape) <= item < len(shape) else 0
        size = shape[place]
        if place == 0 or size is None or place in found:
            raise bad_value(
                function, "axis", f"{axis!r} does not name axes other than the batch's in {shape}"
            )
        found[place] = size
    return dict(sorted(found.items()))


def _single(function: str, shape: Any) -> Shape:
    if not isinstance(shape, tuple):
        raise bad_type(function, "inputs", "expected one input, got a list")
    if len(shape) < 2:
        raise bad_value(function, "inputs", f"expected (batch, ..., columns), got {shape}")
    return shape
