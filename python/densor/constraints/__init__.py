"""Constraints, as in Keras: what brings weights back after every training step."""

from collections.abc import Callable, Mapping
from typing import Any

from densor._registry import FunctionRegistry
from densor.constraints.constraint import Constraint as Constraint
from densor.constraints.function import FunctionConstraint
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

_NAMES: dict[str, type[Constraint]] = {
    "max_norm": MaxNorm,
    "min_max_norm": MinMaxNorm,
    "non_neg": NonNeg,
    "unit_norm": UnitNorm,
}
_registry: FunctionRegistry[Constraint] = FunctionRegistry(
    "constraint", "constraints", _NAMES, Constraint, FunctionConstraint
)


def get(
    identifier: str | Mapping[str, Any] | Constraint | type[Constraint] | Callable[[Any], Any] | None,
) -> Constraint | None:
    """Returns a constraint for its name ("max_norm", ... with its defaults), its configuration or itself.

    None for None. A function written in `densor.ops` is taken as it is, or by the name under which it was registered.

    Raises ValueError for an unknown name, with the nearest known one, and TypeError for anything else.

    >>> get("max_norm").max_value
    2.0
    """
    return _registry.choose(identifier)


def serialize(constraint: Constraint) -> dict[str, Any] | str:
    """Returns the configuration of a constraint: `{"class_name": ..., "config": ...}`, plain data.

    That of a function is its name; ValueError for one that has none, such as a lambda.
    """
    return _registry.describe(constraint)


def deserialize(
    config: Mapping[str, Any] | str, custom_objects: Mapping[str, Any] | None = None
) -> Constraint:
    """Makes the constraint that `serialize` described. `custom_objects`: further classes and functions by name."""
    return _registry.restore(config, custom_objects)
