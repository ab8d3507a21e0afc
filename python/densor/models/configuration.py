"""Architectures as plain data and back: a closed list of layer classes, and what the caller adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from densor._check import bad_type, show
from densor._registry import custom_objects_scope as custom_objects_scope
from densor.layers import Layer, deserialize, serialize

if TYPE_CHECKING:
    from densor.models.model import Model

__all__ = ["custom_objects_scope", "deserialize_layer", "field", "serialize_layer", "serialize_model"]

Kind = TypeVar("Kind")


def serialize_layer(layer: Layer) -> dict[str, Any]:
    """`{"class_name": ..., "config": ...}` of a layer or model."""
    return serialize(layer)


def deserialize_layer(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Layer:
    """A new layer or model from what `serialize_layer` returned; nothing is imported by name."""
    with custom_objects_scope(custom_objects) as known:
        return deserialize(config, known)


def serialize_model(model: Model) -> dict[str, Any]:
    """The architecture of a model as plain data."""
    return serialize_layer(model)


def field(config: Any, name: str, kind: type[Kind]) -> Kind:
    """`config[name]`, which must be a `kind`.

    Raises:
        TypeError: it is missing, or something else.
    """
    value = config.get(name) if isinstance(config, Mapping) else None
    if not isinstance(value, kind):
        raise bad_type("from_config", "config", f"'{name}' must be a {kind.__name__}, got {show(value)}")
    return value
