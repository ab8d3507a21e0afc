"""The base of all regularizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from densor.graph import Lowering
from densor.graph.own_function import emit_own_penalty
from densor.graph.penalty import Penalized

Self = TypeVar("Self", bound="Regularizer")


class Regularizer:
    """A penalty on weights or activations that is added to the loss of every batch.

    The penalty of weights counts once per batch, that of activations is divided by the rows of the batch.
    Its gradient is part of the gradients that are clipped and fed to the optimizer. Frozen weights are not
    penalized. Call a regularizer on an array to see the penalty.

    Subclasses of your own define `__call__(x)` with functions of `densor.ops` that return one number; training runs
    them natively and differentiates them. There x is a symbolic matrix whose first axis is called None.

    >>> from densor import ops
    >>> class Smooth(Regularizer):
    ...     def __call__(self, x):
    ...         return 0.5 * ops.sum(ops.sqrt(1.0 + ops.square(x)) - 1.0)
    >>> round(float(Smooth()([1.0, -1.0])), 4)
    0.4142
    """

    @property
    def elementwise(self) -> tuple[float, float] | None:
        """(l1, l2) of a penalty `l1 * sum |x| + l2 * sum x^2`, None for any other."""
        return None

    def __call__(self, x: Any) -> Any:
        """Returns the penalty of an array, a number, or of a symbolic tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")

    def check(self, function: str, shape: tuple[int, ...]) -> None:
        """Raises ValueError if weights of this shape cannot be penalized."""

    def emit(self, lowering: Lowering, place: Penalized) -> None:
        """Adds the native operations for one array to a program."""
        emit_own_penalty(lowering, place, self)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        return {}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """Makes the regularizer that `get_config` described."""
        return cls(**config)
