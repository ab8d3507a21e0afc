"""Where a new weight gets its first values: from its initializer, or from a file that is about to fill it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from densor._array import float32_array
from densor._check import bad_value

__all__ = ["first_values", "without_initial_values"]

_floats_left: ContextVar[list[int] | None] = ContextVar("floats_left", default=None)


@contextmanager
def without_initial_values(floats: int) -> Iterator[None]:
    """Make weights of zeros, of at most `floats` numbers in all, inside a `with` block.

    A model file is read this way: its configuration can neither ask for more memory than the file has bytes,
    nor spend time or seeds on values that are overwritten.
    """
    token = _floats_left.set([floats])
    try:
        yield
    finally:
        _floats_left.reset(token)


def first_values(initializer: Callable[..., Any], shape: tuple[int, ...]) -> Any:
    """The first values of a weight of this shape.

    Raises:
        ValueError: inside `without_initial_values`, if there is no room left; or a function of the user's own
            returned another shape.
        TypeError: it returned something else than real numbers.
    """
    left = _floats_left.get()
    if left is None:
        values = float32_array("add_weight", "initializer", initializer(shape, dtype="float32"))
        if values.shape != shape:
            name = getattr(initializer, "__name__", type(initializer).__name__)
            raise bad_value(
                "add_weight",
                "initializer",
                f"{name} returned shape {values.shape} for a weight of shape {shape}",
            )
        return values
    left[0] -= math.prod(shape)
    if left[0] < 0:
        raise ValueError(f"a weight of shape {shape} is larger than the data that are there for it")
    return np.zeros(shape, np.float32)
