"""The base of all initializers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from densor import _check

Floats = npt.NDArray[np.float32]
Self = TypeVar("Self", bound="Initializer")


class Initializer:
    """Makes the first values of a variable: call it with a shape. Subclasses define `fill`."""

    def __call__(self, shape: int | Iterable[int], dtype: str | None = None) -> Floats:
        """Returns a new float32 array of `shape`. `dtype`: None or "float32"."""
        where = type(self).__name__
        _check.unsupported(where, "dtype", "float32" if dtype is None else np.dtype(dtype).name, "float32")
        sizes = checked_shape(where, shape)
        self.check_shape(sizes)
        out = np.empty(sizes, np.float32)
        if out.size:
            self.fill(out)
        return out

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raises ValueError for a shape that this initializer cannot fill; by default there is none."""

    def fill(self, out: Floats) -> None:
        """Writes the values into `out`, C-contiguous and not empty."""
        raise NotImplementedError(f"{type(self).__name__} must define fill(out), or __call__(shape, dtype)")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        return {}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """Makes the initializer that `get_config` described."""
        return cls(**config)

    def clone(self: Self) -> Self:
        """Returns another initializer with the same arguments."""
        return self.from_config(self.get_config())


def checked_shape(where: str, shape: int | Iterable[int]) -> tuple[int, ...]:
    """Returns `shape` as a tuple of sizes of at least 0."""
    sizes = (shape,) if not isinstance(shape, Iterable) else tuple(shape)
    return tuple(_check.integer(where, "shape", size, low=0) for size in sizes)


def optional_seed(where: str, seed: int | None) -> int | None:
    """Returns the `seed` argument of a constructor: None, or an integer."""
    return None if seed is None else _check.integer(where, "seed", seed)
