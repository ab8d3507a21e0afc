"""Where Keras 3 keeps what in `model.weights.h5`: the weights of a layer by its place in the model, then by number.

`layers/dense/vars/0` is the kernel of the first Dense in the model, `layers/dense_1/vars/0` that of the second,
whatever their names are; inside a nested model it goes on with `layers/sequential/layers/dense/...`. In layers and
models of one's own the attributes are places, in alphabetical order, private ones last, and `layers` is one of those of
a model; what was met before keeps its first place. The arrays of the
optimizer lie in `optimizer/vars`: iterations, learning rate (unless it follows a schedule), then the slots.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from densor.graph import Variable
from densor.layers import Layer
from densor.layers._naming import snake_case
from densor.models.functional import Functional
from densor.models.hdf5 import Array, Place
from densor.models.model import Model
from densor.models.sequential import Sequential
from densor.optimizers import Adafactor, Muon, Nadam, Optimizer, RMSprop

__all__ = [
    "layer_places",
    "legacy_weights",
    "optimizer_arrays",
    "slot_of",
    "slot_order",
    "slot_shape",
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


def slot_order(optimizer: Optimizer, trained: Sequence[Variable]) -> list[tuple[int, int]]:
    """The order of the optimizer's arrays in the file, as (index of the slot, index of the variable)."""
    variables = len(trained)
    names, slots = optimizer.state_names, list(enumerate(optimizer.slots))
    beside = [
        (slot, variable) for slot in range(len(slots), len(names)) for variable in range(variables)
    ]  # the running mean and the accumulated gradients come first
    if isinstance(optimizer, RMSprop):
        return beside + [(slot, variable) for slot, _ in slots for variable in range(variables)]
    if isinstance(optimizer, Muon | Adafactor):
        return beside + [
            (slot, index) for index, variable in enumerate(trained) for slot in _kept(optimizer, variable)
        ]
    together = [slot for slot, name in slots if name != "velocity_hat"]
    last = [slot for slot, name in slots if name == "velocity_hat"]
    return [
        *beside,
        *((slot, variable) for variable in range(variables) for slot in together),
        *((slot, variable) for slot in last for variable in range(variables)),
    ]


def _kept(optimizer: Muon | Adafactor, variable: Variable) -> tuple[int, ...]:
    """The slots that Keras keeps of a variable."""
    if isinstance(optimizer, Muon):
        return (0,) if optimizer.is_matrix(variable) else (0, 1)
    return (0, 1, 2)


def slot_of(optimizer: Optimizer, arena: Any, slot: int, variable: Variable) -> Array:
    """A slot of a variable as Keras has it: those of Adafactor for rows and columns are smaller."""
    array: Array = arena.slot(slot, variable)
    shape = slot_shape(optimizer, slot, variable)
    return array if shape == variable.shape else array.reshape(-1)[: math.prod(shape)].reshape(shape)


def slot_shape(optimizer: Optimizer, slot: int, variable: Variable) -> tuple[int, ...]:
    """The shape of a slot of a variable in Keras."""
    shape = variable.shape
    if not isinstance(optimizer, Adafactor) or slot > 1:
        return shape
    if len(shape) < 2:
        return ()  # a number that nobody reads
    return shape[:-1] if slot == 0 else (*shape[:-2], shape[-1])


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


def momentum_product(optimizer: Nadam) -> float:
    """Nadam's u_1 u_2 ... u_t after t updates, with u_t = beta_1 (1 - 0.5 * 0.96^t)."""
    updates = optimizer.iterations // (optimizer.gradient_accumulation_steps or 1)
    t = np.arange(1.0, updates + 1.0)
    return float(np.prod(optimizer._u(t)))
