"""What the layers of a model are fed by, for those who show it."""

from __future__ import annotations

from dataclasses import dataclass

from densor.graph import Call, Tensor
from densor.graph.structure import flat
from densor.layers import Layer
from densor.models.functional import Functional
from densor.models.model import Model
from densor.models.sequential import Sequential

__all__ = ["Connections", "Source", "connections_of"]

Source = tuple[Layer, int, int]
"""A layer, the number of its call, and which of the call's outputs."""


@dataclass(frozen=True)
class Connections:
    """sources: what each layer is fed by, call by call, the layers in order. ends: those that make the outputs."""

    sources: dict[Layer, list[Source]]
    ends: list[Layer]


def connections_of(model: Model) -> Connections | None:
    """The connections between the layers directly inside; None where a `call` of the model's own makes them."""
    if isinstance(model, Functional):
        return _between_calls(model)
    if isinstance(model, Sequential):
        chain: dict[Layer, list[Source]] = {}
        for before, layer in zip([None, *model.layers], model.layers, strict=False):
            chain.setdefault(layer, [])
            if before is not None:
                chain[layer].append((before, 0, 0))
        return Connections(chain, model.layers[-1:])
    return None


def _between_calls(model: Functional) -> Connections:
    made: dict[Tensor, Source] = {}
    for tensor, entrance in zip(model.inputs, model._entrances, strict=True):
        made[tensor] = entrance, 0, 0
    sources: dict[Layer, list[Source]] = {layer: [] for layer in model.operations}
    calls: dict[Layer, list[Call]] = {}
    for call in model._replay:
        calls.setdefault(call.layer, []).append(call)
        sources[call.layer] += [made[tensor] for tensor in flat(call.inputs)]
        for number, tensor in enumerate(flat(call.outputs)):
            made[tensor] = call.layer, len(calls[call.layer]) - 1, number
    return Connections(sources, list(dict.fromkeys(made[tensor][0] for tensor in model.outputs)))
