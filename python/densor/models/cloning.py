"""Copies of a model's architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor._check import bad_type, bad_value, boolean, show, unsupported
from densor.layers import Layer
from densor.models.compile_config import compile_loaded, noted
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

    The clone is compiled if the model was, with a new optimizer, loss and metrics of the same settings.

    Args:
        model: made by `Sequential` or `Model(inputs, outputs)`.
        clone_function: makes the copy of each layer; by default a new layer with the same config. It may return
            the layer itself, which the clone then shares.
        recursive: with a clone function: models inside the model are taken apart, too, and not given to it whole.
        custom_objects: not needed for what the model itself uses: its classes and activations are known.
        input_tensors, call_function: must be left alone.

    Raises:
        TypeError: a model class of your own, which only its `from_config` can copy; or a clone function that
            returns no layer.

    Example:
        >>> import densor
        >>> model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3)])
        >>> clone = densor.models.clone_model(model)
        >>> clone.set_weights(model.get_weights())
    """
    unsupported("clone_model", "input_tensors", input_tensors, None)
    unsupported("clone_model", "call_function", call_function, None)
    boolean("clone_model", "recursive", recursive)
    if not isinstance(model, Sequential | Functional):
        raise bad_type("clone_model", "model", f"must be a Sequential or functional model, got {show(model)}")
    if recursive and clone_function is None:
        raise bad_value(
            "clone_model", "recursive", "is for a clone_function; without one, models inside are copied"
        )
    own = own_objects(model)
    with custom_objects_scope(own | (custom_objects or {})) as known:
        clone = deserialize_layer(serialize_layer(model)) if clone_function is None else _rebuilt(
            model, clone_function, recursive
        )  # fmt: skip
        assert isinstance(clone, Model)
        settings = noted(model)
        if settings is not None:
            compile_loaded(clone, settings | {"iterations": 0}, known)
    return clone


def _rebuilt(
    model: Sequential | Functional, clone_function: Callable[[Layer], Layer], recursive: bool
) -> Model:
    """The model anew, of the layers that `clone_function` returns."""

    def cloned(layer: Layer) -> Layer:
        if recursive and isinstance(layer, Sequential | Functional):
            return _rebuilt(layer, clone_function, recursive)
        made = clone_function(layer)
        if not isinstance(made, Layer):
            raise bad_type(
                "clone_model", "clone_function", f"must return a layer, got {show(made)} for {layer.name!r}"
            )
        return made

    if isinstance(model, Functional):
        return model.with_layers(cloned)
    clone = Sequential(name=model.name, trainable=model.trainable)
    for layer in model.layers:
        clone.add(cloned(layer))
    if model._input is not None:
        clone.build(model._input.shape)
    return clone


def own_objects(model: Layer) -> dict[str, Any]:
    """The classes of the layers inside and the functions they use as activations, by the names in their configs."""
    parts = all_layers(model)
    functions = (getattr(layer, "activation", None) for layer in parts)
    named = {f.__name__: f for f in functions if callable(f) and hasattr(f, "__name__")}
    return named | {type(layer).__name__: type(layer) for layer in parts}


def all_layers(layer: Layer) -> list[Layer]:
    """The layer and everything inside it, at any depth."""
    return [layer, *(inner for part in layer.sublayers() for inner in all_layers(part))]
