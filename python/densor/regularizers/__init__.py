"""Regularizers, as in Keras: penalties on weights and activations that are added to the loss."""

from collections.abc import Callable, Mapping
from typing import Any

from densor._registry import FunctionRegistry
from densor.regularizers.function import FunctionRegularizer
from densor.regularizers.l1_l2 import L1 as L1
from densor.regularizers.l1_l2 import L1L2 as L1L2
from densor.regularizers.l1_l2 import L2 as L2
from densor.regularizers.orthogonal import OrthogonalRegularizer as OrthogonalRegularizer
from densor.regularizers.regularizer import Regularizer as Regularizer

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_NAMES: dict[str, type[Regularizer]] = {
    "l1": L1,
    "l2": L2,
    "L1L2": L1L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
}
_registry: FunctionRegistry[Regularizer] = FunctionRegistry(
    "regularizer", "regularizers", _NAMES, Regularizer, FunctionRegularizer
)


def get(
    identifier: str | Mapping[str, Any] | Regularizer | type[Regularizer] | Callable[[Any], Any] | None,
) -> Regularizer | None:
    """Returns a regularizer for its name ("l1" and "l2" with their default of 0.01), its configuration or itself.

    None for None. A function written in `densor.ops` is taken as it is, or by the name under which it was registered.

    Raises ValueError for an unknown name, with the nearest known one, and TypeError for anything else.

    >>> get("l2").l2
    0.01
    """
    return _registry.choose(identifier)


def serialize(regularizer: Regularizer) -> dict[str, Any] | str:
    """Returns the configuration of a regularizer: `{"class_name": ..., "config": ...}`, plain data.

    That of a function is its name; ValueError for one that has none, such as a lambda.
    """
    return _registry.describe(regularizer)


def deserialize(
    config: Mapping[str, Any] | str, custom_objects: Mapping[str, Any] | None = None
) -> Regularizer:
    """Makes the regularizer that `serialize` described. `custom_objects`: further classes and functions by name."""
    return _registry.restore(config, custom_objects)
