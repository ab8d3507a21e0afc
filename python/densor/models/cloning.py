"""Copies of a model's architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor._check import bad_type, show, unsupported
from densor.layers import Layer
from densor.models.configuration import custom_objects_scope, deserialize_layer, serialize_layer
from densor.models.functional import Functional
from densor.models.model import Model
from densor.models.sequential import Sequential

__all__ = ["all_layers", "clone_model"]


def clone_model(
    model: Model,
    input_tensors: None = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: None = None,
    recursive: bool = False,
    custom_objects: dict[str, type[Layer]] | None = None,
) -> Model:
    """A model of the same architecture with layers of its own: the same names, fresh weights.

    The clone is not compiled.

    Args:
        model: made by `Sequential` or `Model(inputs, outputs)`.
        clone_function: makes the copy of each layer; by default a new layer with the same config.
        custom_objects: not needed for layers of the model itself: their classes are known.
        input_tensors, call_function, recursive: must be left alone.

    Raises:
        TypeError: a model class of your own, which only its `from_config` can copy.

    Example:
        >>> import densor
        >>> model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3)])
        >>> clone = densor.models.clone_model(model)
        >>> clone.set_weights(model.get_weights())
    """
    unsupported("clone_model", "input_tensors", input_tensors, None)
    unsupported("clone_model", "call_function", call_function, None)
    unsupported("clone_model", "recursive", recursive, False)
    if not isinstance(model, Sequential | Functional):
        raise bad_type("clone_model", "model", f"must be a Sequential or functional model, got {show(model)}")
    if clone_function is not None and isinstance(model, Sequential):
        return _clone_stack(model, clone_function)
    unsupported("clone_model", "clone_function", clone_function, None)
    own: dict[str, Any] = {type(layer).__name__: type(layer) for layer in all_layers(model)}
    with custom_objects_scope(own | (custom_objects or {})):
        clone = deserialize_layer(serialize_layer(model))
    assert isinstance(clone, Model)
    return clone


def _clone_stack(model: Sequential, clone_function: Callable[[Layer], Layer]) -> Sequential:
    clone = Sequential(name=model.name, trainable=model.trainable)
    for layer in model.layers:
        clone.add(clone_function(layer))
    if model._input is not None:
        clone.build(model._input.shape)
    return clone


def all_layers(layer: Layer) -> list[Layer]:
    """The layer and everything inside it, at any depth."""
    return [layer, *(inner for part in layer.sublayers() for inner in all_layers(part))]
