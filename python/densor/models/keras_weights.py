"""Where Keras 3 keeps what in `model.weights.h5`: the weights of a layer by its place in the model, then by number.

`layers/dense/vars/0` is the kernel of the first Dense in the model, `layers/dense_1/vars/0` that of the second,
whatever their names are; inside a nested model it goes on with `layers/sequential/layers/dense/...`. In layers and
models of one's own the attributes are places, in alphabetical order, private ones last, and `layers` is one of those of
a model; what was met before keeps its first place. The arrays of the
optimizer lie in `optimizer/vars`: iterations, learning rate (unless it follows a schedule), then the slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from densor.graph import Variable
from densor.layers import Layer
from densor.layers._naming import snake_case
from densor.models.functional import Functional
from densor.models.hdf5 import Array, Place
from densor.models.model import Model
from densor.models.sequential import Sequential
from densor.optimizers import Nadam, Optimizer
from densor.optimizers.state import momentum_product, slot_of, slot_order

__all__ = [
    "layer_places",
    "legacy_weights",
    "optimizer_arrays",
    "stored_weights",
]

# What containers of layers were called in the files of TensorFlow's Keras.
_OLD_CONTAINER = "_layer_checkpoint_dependencies"


def layer_places(model: Layer) -> dict[Layer, str]:
    """Every layer with its path in the file; a shared one with the first."""
    places: dict[Layer, str] = {}
    _visit(model, "", places)
    return places


def _visit(layer: Layer, path: str, places: dict[Layer, str]) -> None:
    if layer in places:
        return
    places[layer] = path
    for inner_path, inner in _inside(layer):
        _visit(inner, f"{path}/{inner_path}" if path else inner_path, places)


def _inside(layer: Layer) -> Iterator[tuple[str, Layer]]:
    if isinstance(layer, Sequential | Functional):
        yield from _numbered("layers", layer.layers)
        return
    attributes = dict(vars(layer))
    if isinstance(layer, Model):
        attributes["layers"] = layer.layers  # takes those whose attributes come after it
    for name, value in sorted(attributes.items(), key=lambda item: (item[0].startswith("_"), item[0])):
        if isinstance(value, Layer):
            yield name, value
        elif isinstance(value, list | tuple | dict) and name not in ("_variables", "_calls"):
            items = value.values() if isinstance(value, dict) else value
            yield from _numbered(name, [item for item in items if isinstance(item, Layer)])


def _numbered(container: str, layers: list[Layer]) -> Iterator[tuple[str, Layer]]:
    used: dict[str, int] = {}
    for layer in layers:
        name = snake_case(type(layer).__name__)
        count = used[name] = used.get(name, -1) + 1
        yield f"{container}/{name}_{count}" if count else f"{container}/{name}", layer


def own_variables(layer: Layer) -> list[Variable]:
    """The layer's own variables in Keras' order: those made trainable, then the others."""
    return [variable for variable, _ in sorted(layer._variables, key=lambda pair: not pair[1])]


def stored_weights(root: Place, model: Layer, skip_mismatch: bool = False) -> dict[Variable, Array]:
    """The arrays for all weights of the model; with `skip_mismatch`, of those layers for which they fit.

    Raises:
        ValueError: one is missing, too many, of another shape or not stored plainly.
    """
    if "layers" not in root and _OLD_CONTAINER not in root and "vars" not in root:
        raise ValueError("there are no layers in this file")
    values: dict[Variable, Array] = {}
    for layer, path in layer_places(model).items():
        variables = own_variables(layer)
        if not variables:
            continue
        try:
            values |= _arrays_of(_group_of(root, path).place("vars"), layer, variables)
        except ValueError:
            if not skip_mismatch:
                raise
    return values


def _arrays_of(place: Place, layer: Layer, variables: list[Variable]) -> dict[Variable, Array]:
    if len(place) != len(variables):
        raise ValueError(f"{place.path} has {len(place)} arrays; {layer.name!r} has {len(variables)} weights")
    return {variable: place.array(str(index), variable.shape) for index, variable in enumerate(variables)}


def _group_of(root: Place, path: str) -> Place:
    place = root
    for step in path.split("/") if path else ():
        name = (
            _OLD_CONTAINER if step == "layers" and "layers" not in place and _OLD_CONTAINER in place else step
        )
        place = place.place(name)
    return place


def legacy_weights(
    root: Place, model: Sequential | Functional, skip_mismatch: bool = False
) -> dict[Variable, Array]:
    """The arrays for all weights from the older layout: a group for each layer, with the names of its weights.

    Raises:
        ValueError: as `stored_weights`.
    """
    stored = [(name, root.place(name).names("weight_names")) for name in root.names("layer_names")]
    stored = [(name, weights) for name, weights in stored if weights]
    layers = [layer for layer in model.layers if layer.weights]
    if len(stored) != len(layers):
        raise ValueError(
            f"there are {len(stored)} layers with weights in the file, {len(layers)} in the model"
        )
    values: dict[Variable, Array] = {}
    for (name, weights), layer in zip(stored, layers, strict=True):
        variables = [*layer.trainable_weights, *layer.non_trainable_weights]
        try:
            if len(weights) != len(variables):
                raise ValueError(
                    f"{name} has {len(weights)} arrays; {layer.name!r} has {len(variables)} weights"
                )
            place = root.place(name)
            values |= {v: place.array(weight, v.shape) for weight, v in zip(weights, variables, strict=True)}
        except ValueError:
            if not skip_mismatch:
                raise
    return values


def optimizer_arrays(optimizer: Optimizer, arena: Any) -> list[Array]:
    """What Keras keeps of a compiled model's optimizer; `arena` may be None before the first training."""
    arrays: list[Array] = [np.array(optimizer.iterations, np.int32)]
    if optimizer._schedule is None:
        arrays.append(np.array(float(optimizer.learning_rate), np.float32))
    if arena is not None:
        variables = arena.variables
        order = slot_order(optimizer, variables)
        arrays += [slot_of(optimizer, arena, slot, variables[index]) for slot, index in order]
        if isinstance(optimizer, Nadam):
            arrays.append(np.array(momentum_product(optimizer), np.float32))
    return arrays
