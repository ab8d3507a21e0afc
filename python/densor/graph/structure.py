"""The forms that data have: one thing, a list of things or a dict of them; batches of features and targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from densor._check import bad_value

__all__ = ["Batch", "flat", "mapped", "packed", "packed_batch", "unpacked_batch"]


def flat(structure: Any) -> list[Any]:
    """The things in `structure`, those of a dict in its order."""
    if isinstance(structure, Mapping):
        return list(structure.values())
    return list(structure) if isinstance(structure, list | tuple) else [structure]


def packed(structure: Any, values: Iterable[Any]) -> Any:
    """`values` in the form of `structure`: one value, a list, or a dict with its keys."""
    values = list(values)
    if isinstance(structure, Mapping):
        return dict(zip(structure, values, strict=True))
    return values if isinstance(structure, list | tuple) else values[0]


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """`structure` with `function` applied to each of its things."""
    return packed(structure, map(function, flat(structure)))


class Batch(NamedTuple):
    """Features, and targets and weights or None."""

    x: Any
    y: Any = None
    sample_weight: Any = None


def packed_batch(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The data of a step: `(x, y, sample_weight)`, `(x, y)`, or without targets `x` alone.

    A list or tuple of features without targets becomes `(x,)`, so that it is not mistaken for `(x, y)`.

    Example:
        >>> from densor.utils import pack_x_y_sample_weight
        >>> pack_x_y_sample_weight(1, 2)
        (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, list | tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpacked_batch(data: Any) -> Batch:
    """`(x, y, sample_weight)` of the data of a step, with None for what it lacks.

    Raises:
        ValueError: a tuple of more than three parts.

    Example:
        >>> from densor.utils import unpack_x_y_sample_weight
        >>> x, y, sample_weight = unpack_x_y_sample_weight((1, 2))
        >>> x, y, sample_weight
        (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return Batch(data)
    if not 1 <= len(data) <= 3:
        raise bad_value("unpack_x_y_sample_weight", "data", f"expected at most 3 parts, got {len(data)}")
    return Batch(*data)
