"""The `..._regularizer=` and `..._constraint=` arguments of layers; errors name the layer's argument."""

from __future__ import annotations

from typing import Any

from densor import constraints, regularizers
from densor._check import renamed
from densor.constraints import Constraint
from densor.regularizers import Regularizer

__all__ = [
    "constraint_config",
    "get_constraint",
    "get_regularizer",
    "limits_config",
    "limits_of",
    "read_limits",
    "regularizer_config",
]


def get_regularizer(function: str, argument: str, value: Any) -> Regularizer | None:
    """The regularizer, or None.

    Raises:
        ValueError: an unknown name. TypeError: no regularizer.
    """
    try:
        return regularizers.get(value)
    except (TypeError, ValueError) as error:
        raise renamed(error, function, argument) from None


def get_constraint(function: str, argument: str, value: Any) -> Constraint | None:
    """The constraint, or None.

    Raises:
        ValueError: an unknown name. TypeError: no constraint.
    """
    try:
        return constraints.get(value)
    except (TypeError, ValueError) as error:
        raise renamed(error, function, argument) from None


def regularizer_config(regularizer: Regularizer | None) -> dict[str, Any] | str | None:
    """The regularizer's config, None for None."""
    return None if regularizer is None else regularizers.serialize(regularizer)


def constraint_config(constraint: Constraint | None) -> dict[str, Any] | str | None:
    """The constraint's config, None for None."""
    return None if constraint is None else constraints.serialize(constraint)


def read_limits(layer: Any, **arguments: Any) -> None:
    """Set the attributes `gamma_regularizer`, `gamma_constraint` and the like of a layer from its arguments."""
    for argument, value in arguments.items():
        get = get_regularizer if argument.endswith("_regularizer") else get_constraint
        setattr(layer, argument, get(type(layer).__name__, argument, value))


def limits_of(layer: Any, weight: str) -> dict[str, Any]:
    """The arguments of `add_weight` for a weight, from what `read_limits` set."""
    return {
        "regularizer": getattr(layer, f"{weight}_regularizer", None),
        "constraint": getattr(layer, f"{weight}_constraint", None),
    }


def limits_config(layer: Any, *weights: str) -> dict[str, Any]:
    """The config of what `read_limits` set for these weights."""
    config: dict[str, Any] = {}
    for weight in weights:
        limits = limits_of(layer, weight)
        config[f"{weight}_regularizer"] = regularizer_config(limits["regularizer"])
        config[f"{weight}_constraint"] = constraint_config(limits["constraint"])
    return config
