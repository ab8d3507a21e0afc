"""The base of all regularizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from densor.graph import Lowering
from densor.graph.penalty import Penalized

Self = TypeVar("Self", bound="Regularizer")


class Regularizer:
    """A penalty on weights or activations that is added to the loss of every batch.

    The penalty of weights counts once per batch, that of activations is divided by the rows of the batch.
    Its gradient is part of the gradients that are clipped and fed to the optimizer. Frozen weights are not
    penalized. Call a regularizer on an array to see the penalty.
    """

    @property
    def elementwise(self) -> tuple[float, float] | None:
        """(l1, l2) of a penalty `l1 * sum |x| + l2 * sum x^2`, None for any other."""
        return None

    def __call__(self, x: Any) -> float:
        """Returns the penalty of an array."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")

    def emit(self, lowering: Lowering, place: Penalized) -> None:
        """Adds the native operations for one array to a program."""
        raise TypeError(
            f"compile(): argument 'loss': {type(self).__name__} is a regularizer of your own, which cannot be trained; "
            "use L1, L2, L1L2 or OrthogonalRegularizer"
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        return {}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """Makes the regularizer that `get_config` described."""
        return cls(**config)
