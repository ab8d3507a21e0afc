"""The base of all constraints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from densor.graph import Lowering, Variable
from densor.graph.own_function import emit_own_values

Self = TypeVar("Self", bound="Constraint")


class Constraint:
    """Brings a weight back into a set after every training step. Call it on an array to see what it does.

    Subclasses of your own define `__call__(w)` with functions of `densor.ops`; training runs them natively. There w
    is a symbolic matrix whose first axis is called None.

    >>> from densor import ops
    >>> class Bounded(Constraint):
    ...     def __call__(self, w):
    ...         return ops.clip(w, -1.0, 1.0)
    >>> Bounded()([0.5, -3.0]).tolist()
    [0.5, -1.0]
    """

    def __call__(self, w: Any) -> Any:
        """Returns the constrained values of an array, a new one, or of a symbolic tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(w)")

    def check(self, function: str, shape: tuple[int, ...]) -> None:
        """Raises ValueError if weights of this shape cannot be constrained."""

    def emit(self, lowering: Lowering, variable: Variable) -> None:
        """Adds the native operations for one weight to a program."""
        emit_own_values(lowering, variable, self)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        return {}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """Makes the constraint that `get_config` described."""
        return cls(**config)
