"""Layers from configurations: the classes that a model file may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from densor._registry import Registry
from densor.layers.layer import Layer

__all__ = ["deserialize", "register", "serialize"]

LayerClass = TypeVar("LayerClass", bound=type[Layer])

_registry: Registry[Layer] = Registry("layer", "layers", {})


def register(cls: LayerClass) -> LayerClass:
    """Let `deserialize` find the class; used as a decorator by the layers and models of the package."""
    _registry.register(cls)
    return cls


def serialize(layer: Layer) -> dict[str, Any]:
    """`{"class_name": ..., "config": ...}`, JSON-ready.

    Example:
        >>> from densor import layers
        >>> layers.serialize(layers.ReLU(name="r"))["class_name"]
        'ReLU'
    """
    return _registry.serialize(layer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, type[Layer]] | None = None) -> Layer:
    """A new layer from what `serialize` returned; nothing is imported by name.

    Args:
        config: from `serialize`. custom_objects: further classes by name.

    Raises:
        TypeError, ValueError: not a config, an unknown class, or wrong arguments.
    """
    return _registry.deserialize(config, custom_objects)
