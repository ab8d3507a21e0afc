"""Architectures as plain data and back: a closed list of layer classes, and what the caller adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from densor._check import bad_type, bad_value, show
from densor._registry import custom_objects_scope as custom_objects_scope
from densor.layers import Layer, deserialize, serialize
from densor.models import strict_json

if TYPE_CHECKING:
    from densor.models.model import Model

__all__ = [
    "custom_objects_scope", "deserialize_layer", "field", "model_from_json", "serialize_layer", "serialize_model",
]  # fmt: skip

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


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A new model, with fresh weights, of the architecture that `model.to_json()` wrote.

    Args:
        json_string: from `to_json`. custom_objects: further classes and functions by name.

    Raises:
        TypeError, ValueError: not such a text, unknown classes, or wrong arguments; nothing is imported by name.

    Example:
        >>> import densor
        >>> model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(3)])
        >>> densor.models.model_from_json(model.to_json()).count_params()
        9
    """
    from densor.models.model import Model

    if not isinstance(json_string, str):
        raise bad_type(
            "model_from_json", "json_string", f"must be the text of to_json(), got {show(json_string)}"
        )
    try:
        config = strict_json.parse(json_string.encode())
    except ValueError as error:
        raise bad_value("model_from_json", "json_string", f"not the text of to_json(): {error}") from None
    model = deserialize_layer(config, custom_objects)
    if not isinstance(model, Model):
        raise bad_type(
            "model_from_json", "json_string", f"describes a layer, {type(model).__name__}, not a model"
        )
    return model


def field(config: Any, name: str, kind: type[Kind]) -> Kind:
    """`config[name]`, which must be a `kind`.

    Raises:
        TypeError: it is missing, or something else.
    """
    value = config.get(name) if isinstance(config, Mapping) else None
    if not isinstance(value, kind):
        raise bad_type("from_config", "config", f"'{name}' must be a {kind.__name__}, got {show(value)}")
    return value
