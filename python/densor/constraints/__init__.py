"""Constraints, as in Keras: what brings weights back after every training step."""

from collections.abc import Mapping
from typing import Any

from densor._registry import Registry
from densor.constraints.constraint import Constraint as Constraint
from densor.constraints.min_max_norm import MaxNorm as MaxNorm
from densor.constraints.min_max_norm import MinMaxNorm as MinMaxNorm
from densor.constraints.min_max_norm import UnitNorm as UnitNorm
from densor.constraints.non_neg import NonNeg as NonNeg

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_registry: Registry[Constraint] = Registry(
    "constraint",
    "constraints",
    {"max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm},
)


def get(
    identifier: str | Mapping[str, Any] | Constraint | type[Constraint] | None,
) -> Constraint | None:
    """Returns a constraint for its name ("max_norm", ... with its defaults), its configuration or itself.

    None for None. Raises ValueError for an unknown name, with the nearest known one, and TypeError for
    anything else.

    >>> get("max_norm").max_value
    2.0
    """
    return None if identifier is None else _registry.get(identifier, Constraint)


def serialize(constraint: Constraint) -> dict[str, Any]:
    """Returns the configuration of a constraint: `{"class_name": ..., "config": ...}`, plain data."""
    return _registry.serialize(constraint)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[Constraint]] | None = None
) -> Constraint:
    """Makes the constraint that `serialize` described. `custom_objects`: further classes by name."""
    return _registry.deserialize(config, custom_objects)
