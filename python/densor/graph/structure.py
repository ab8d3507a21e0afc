"""One thing, a list of things or a dict of them: the forms that the inputs and outputs of models have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["flat", "mapped", "packed"]


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
