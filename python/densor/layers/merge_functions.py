"""The merging layers as functions: `add([a, b])` is `Add()([a, b])`, as in `keras.layers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor.layers.add import Add
from densor.layers.arithmetic import Average, Maximum, Minimum, Multiply, Subtract
from densor.layers.concatenate import Concatenate
from densor.layers.dot import Dot

__all__ = ["add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"]


def add(inputs: Any, **keywords: Any) -> Any:
    """`Add(**keywords)(inputs)`.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layers.add([np.ones((1, 2)), np.ones((1, 2))]).tolist()
        [[2.0, 2.0]]
    """
    return Add(**keywords)(inputs)


def subtract(inputs: Any, **keywords: Any) -> Any:
    """`Subtract(**keywords)(inputs)`."""
    return Subtract(**keywords)(inputs)


def multiply(inputs: Any, **keywords: Any) -> Any:
    """`Multiply(**keywords)(inputs)`."""
    return Multiply(**keywords)(inputs)


def average(inputs: Any, **keywords: Any) -> Any:
    """`Average(**keywords)(inputs)`."""
    return Average(**keywords)(inputs)


def maximum(inputs: Any, **keywords: Any) -> Any:
    """`Maximum(**keywords)(inputs)`."""
    return Maximum(**keywords)(inputs)


def minimum(inputs: Any, **keywords: Any) -> Any:
    """`Minimum(**keywords)(inputs)`."""
    return Minimum(**keywords)(inputs)


def concatenate(inputs: Any, axis: int = -1, **keywords: Any) -> Any:
    """`Concatenate(axis, **keywords)(inputs)`."""
    return Concatenate(axis, **keywords)(inputs)


def dot(inputs: Any, axes: int | Sequence[int] = -1, normalize: bool = False, **keywords: Any) -> Any:
    """`Dot(axes, normalize, **keywords)(inputs)`."""
    return Dot(axes, normalize, **keywords)(inputs)
