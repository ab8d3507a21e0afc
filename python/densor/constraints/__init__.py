"""Constraints, as in Keras: what brings weights back after every training step."""

from collections.abc import Callable, Mapping
from typing import Any

from densor._registry import Registry, custom_objects_scope, function_name
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
_registry: Registry[Constraint] = Registry("constraint", "constraints", _NAMES)


def get(
    identifier: str | Mapping[str, Any] | Constraint | type[Constraint] | Callable[[Any], Any] | None,
) -> Constraint | None:
    """Returns a constraint for its name ("max_norm", ... with its defaults), its configuration or itself.

    None for None. A function written in `densor.ops` is taken as it is, or by the name under which it was registered.

    Raises ValueError for an unknown name, with the nearest known one, and TypeError for anything else.

    >>> get("max_norm").max_value
    2.0
    """
    if identifier is None or isinstance(identifier, Constraint):
        return identifier
    own = _registry.own_function(identifier)
    return _registry.get(identifier, Constraint) if own is None else FunctionConstraint(own)


def serialize(constraint: Constraint) -> dict[str, Any] | str:
    """Returns the configuration of a constraint: `{"class_name": ..., "config": ...}`, plain data.

    That of a function is its name; ValueError for one that has none, such as a lambda.
    """
    if isinstance(constraint, FunctionConstraint):
        return function_name("constraints.serialize", "constraint", constraint.function, _NAMES)
    return _registry.serialize(constraint)


def deserialize(
    config: Mapping[str, Any] | str, custom_objects: Mapping[str, Any] | None = None
) -> Constraint:
    """Makes the constraint that `serialize` described. `custom_objects`: further classes and functions by name."""
    if isinstance(config, str):
        with custom_objects_scope(custom_objects):
            found = get(config)
        assert found is not None
        return found
    return _registry.deserialize(config, custom_objects)
