"""The `activation=` argument of layers: a name, a function of `densor.activations`, a layer, or None."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from densor import activations
from densor._check import bad_type, renamed
from densor.layers import _registry
from densor.layers.layer import Layer

__all__ = ["activation_config", "get_activation"]


def get_activation(function: str, value: Any) -> Any:
    """What `call` applies: a function or a layer; configs of layers are accepted too.

    Raises:
        ValueError: an unknown name. TypeError: nothing that can be called.
    """
    if isinstance(value, Mapping):
        if value.get("class_name") == "function":  # how Keras writes a function of the program's own
            return get_activation(function, value.get("config"))
        return _registry.deserialize(value)
    if isinstance(value, type):
        raise bad_type(function, "activation", f"must be a name, a function, a layer or None, got {value!r}")
    try:
        return activations.get(value)
    except (TypeError, ValueError) as error:
        raise renamed(error, function, "activation") from None


def activation_config(activation: Any) -> Any:
    """A name, or the config of a layer."""
    return (
        _registry.serialize(activation)
        if isinstance(activation, Layer)
        else activations.serialize(activation)
    )
