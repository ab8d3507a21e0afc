"""The base of all constraints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from densor.graph import Lowering, Variable

Self = TypeVar("Self", bound="Constraint")


class Constraint:
    """Brings a weight back into a set after every training step. Call it on an array to see what it does."""

    def __call__(self, w: Any) -> NDArray[np.float32]:
        """Returns the constrained values of an array, a new one."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(w)")

    def check(self, function: str, shape: tuple[int, ...]) -> None:
        """Raises ValueError if weights of this shape cannot be constrained."""

    def emit(self, lowering: Lowering, variable: Variable) -> None:
        """Adds the native operations for one weight to a program."""
        raise TypeError(
            f"compile(): argument 'optimizer': {type(self).__name__} is a constraint of your own, which cannot be "
            "trained; use MaxNorm, MinMaxNorm, UnitNorm or NonNeg"
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        return {}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """Makes the constraint that `get_config` described."""
        return cls(**config)
