"""Regularizers, as in Keras: penalties on weights and activations that are added to the loss."""

from collections.abc import Mapping
from typing import Any

from densor._registry import Registry
from densor.regularizers.l1_l2 import L1 as L1
from densor.regularizers.l1_l2 import L1L2 as L1L2
from densor.regularizers.l1_l2 import L2 as L2
from densor.regularizers.regularizer import Regularizer as Regularizer

__all__ = ["L1", "L1L2", "L2", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2", "serialize"]

l1, l2, l1_l2 = L1, L2, L1L2

_registry: Registry[Regularizer] = Registry("regularizer", "regularizers", {"l1": L1, "l2": L2, "L1L2": L1L2})


def get(
    identifier: str | Mapping[str, Any] | Regularizer | type[Regularizer] | None,
) -> Regularizer | None:
    """Returns a regularizer for its name ("l1" and "l2" with their default of 0.01), its configuration or itself.

    None for None. Raises ValueError for an unknown name, with the nearest known one, and TypeError for
    anything else.

    >>> get("l2").l2
    0.01
    """
    return None if identifier is None else _registry.get(identifier, Regularizer)


def serialize(regularizer: Regularizer) -> dict[str, Any]:
    """Returns the configuration of a regularizer: `{"class_name": ..., "config": ...}`, plain data."""
    return _registry.serialize(regularizer)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[Regularizer]] | None = None
) -> Regularizer:
    """Makes the regularizer that `serialize` described. `custom_objects`: further classes by name."""
    return _registry.deserialize(config, custom_objects)
