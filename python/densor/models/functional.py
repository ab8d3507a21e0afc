"""A model given by the symbolic tensors at its two ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from densor._check import bad_type, bad_value, show
from densor.graph import Call, Tensor
from densor.graph.structure import flat, mapped, packed
from densor.layers import InputLayer, Layer
from densor.layers._registry import register
from densor.layers.operation import Operation
from densor.models.configuration import deserialize_layer, field, serialize_layer
from densor.models.model import Model
from densor.models.walk import Walk

__all__ = ["Functional", "between_tensors", "from_calls", "made_functional"]


@register
class Functional(Model):
    """The layer calls between inputs and outputs; made by `Model(inputs, outputs)`.

    Calling the model replays them on other tensors. The order of `layers` and weights is Keras': by the longest
    way to an output, then as a walk from the outputs meets them.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        start, end = _tensors("inputs", inputs), _tensors("outputs", outputs)
        entrances = {tensor: _entrance(tensor) for tensor in flat(start)}
        if len(entrances) < len(flat(start)):
            raise bad_value("Model", "inputs", "the same tensor is given twice")
        walk = Walk(entrances, flat(end))
        self._replay, self._order = walk.calls, walk.layers
        self._entrances: list[InputLayer] = [call.layer for call in entrances.values()]
        self._output = end
        names = [layer.name for layer in self._order]
        for layer_name in names:
            if names.count(layer_name) > 1:
                raise bad_value(
                    "Model", "outputs", f"two layers are named {layer_name!r}; give them other names"
                )
        self._input = start
        self.built = True
        self.build_shape = mapped(lambda tensor: tensor.shape, start)

    def build(self, input_shape: Any) -> None:
        """Nothing to do: the layers were built when they were called."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Replay the layer calls on other inputs."""
        known = dict(zip(self.inputs, self._inputs_form().by_place(self.name, inputs), strict=True))
        _replay(self._replay, known, lambda layer: layer)
        return mapped(lambda tensor: known[tensor], self._output)

    def sublayers(self) -> list[Layer]:
        """The layers in order, an InputLayer for each input among them."""
        return [layer for layer in self._order if not isinstance(layer, Operation)]

    @property
    def operations(self) -> list[Layer]:
        """The layers, and between them the functions of `densor.ops` that were called on symbolic tensors."""
        return list(self._order)

    def with_layers(self, make: Callable[[Layer], Layer]) -> Functional:
        """The same calls between the layers that `make` returns for this model's, each asked for once."""
        starts = [
            InputLayer(batch_shape=layer.batch_shape, name=layer.name).output for layer in self._entrances
        ]
        layers = {layer: make(layer) for layer in self._order if layer not in self._entrances}
        known = dict(zip(self.inputs, starts, strict=True))
        _replay(self._replay, known, layers.__getitem__)
        ends = mapped(lambda tensor: known[tensor], self._output)
        return Functional(packed(self._input, starts), ends, name=self.name, trainable=self.trainable)

    @property
    def inputs(self) -> list[Tensor]:
        """The symbolic inputs."""
        return flat(self._built_input())

    @property
    def outputs(self) -> list[Tensor]:
        """The symbolic outputs."""
        return flat(self._output)

    @property
    def input(self) -> Any:
        """The symbolic input, or a list or dict of them."""
        return self._built_input()

    @property
    def output(self) -> Any:
        """The symbolic output, or a list or dict of them."""
        return self._output

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs: those of their `Input`."""
        return [layer.name for layer in self._entrances]

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs: those of the layers that make them."""
        return [_name(tensor) for tensor in self.outputs]

    def get_config(self) -> dict[str, Any]:
        """Name, layers, and the calls between them; tensors are numbered, the inputs first."""
        numbers: dict[Tensor, Any] = {tensor: number for number, tensor in enumerate(self.inputs)}
        calls = []
        for call in self._replay:
            inputs = mapped(numbers.__getitem__, call.inputs)
            for tensor in flat(call.outputs):
                numbers[tensor] = len(numbers)
            calls.append({
                "layer": call.layer.name,
                "inputs": inputs,
                "outputs": mapped(numbers.__getitem__, call.outputs),
                "arguments": call.arguments,
            })  # fmt: skip
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [serialize_layer(layer) for layer in self._order],
            "calls": calls,
            "inputs": packed(self._input, self.input_names),
            "output": mapped(numbers.__getitem__, self._output),
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Functional:
        """A new model of the architecture that `get_config` described, with fresh weights."""
        return cast(Functional, from_calls(cls, config, custom_objects))


def from_calls(
    make: Callable[..., Any], config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None
) -> Any:
    """`make(inputs, outputs, name=, trainable=)` with the tensors that a configuration describes."""
    layers = [deserialize_layer(layer, custom_objects) for layer in field(config, "layers", list)]
    by_name = {layer.name: layer for layer in layers}
    names = config.get(
        "inputs", layers[0].name if layers else ""
    )  # older files have one input, the first layer
    entrances = [by_name.get(name) if isinstance(name, str) else None for name in flat(names)]
    if not all(isinstance(layer, InputLayer) for layer in entrances):
        raise bad_type("from_config", "config", f"'inputs' must name InputLayers, got {show(names)}")
    starts = [layer.output for layer in entrances if layer is not None]
    tensors: dict[Any, Tensor] = dict(enumerate(starts))
    for number, call in enumerate(field(config, "calls", list)):
        layer = by_name.get(field(call, "layer", str))
        wanted = call.get("inputs")
        if layer is None or not _known(wanted, tensors):
            raise bad_value(
                "from_config", "config", f"call {number} names a layer or tensor that is not there"
            )
        results = layer(mapped(tensors.__getitem__, wanted), **field(call, "arguments", dict))
        tensors.update(zip(flat(call.get("outputs")), flat(results), strict=True))
    ends = config.get("output")
    if not _known(ends, tensors):
        raise bad_value("from_config", "config", f"'output' names a tensor that is not there: {show(ends)}")
    ends = mapped(tensors.__getitem__, ends)
    return make(packed(names, starts), ends, name=config.get("name"), trainable=config.get("trainable", True))


def between_tensors(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
    """Whether a model is made by these from the symbolic tensors at its two ends."""
    if "inputs" in keywords and "outputs" in keywords:
        return True
    return bool(arguments) and any(isinstance(tensor, Tensor) for tensor in flat(arguments[0]))


def made_functional(cls: type) -> type:
    """The class with `Functional` among its bases in the place of `Model`: once and for all, as Keras does it."""
    if cls is Model:
        return Functional
    if issubclass(cls, Model) and not issubclass(cls, Functional):
        cls.__bases__ = tuple(map(made_functional, cls.__bases__))
    return cls


def _tensors(argument: str, value: Any) -> Any:
    """The checked symbolic tensors in `value`; a list of one is that one, a dict is sorted by its keys."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise bad_type("Model", argument, f"the keys of a dict must be strings, got {show(key)}")
        value = dict(sorted(value.items()))
    elif isinstance(value, list | tuple):
        value = value[0] if len(value) == 1 else list(value)
    if not flat(value):
        raise bad_value("Model", argument, "expected at least one tensor, got none")
    for tensor in flat(value):
        if not isinstance(tensor, Tensor):
            raise bad_type(
                "Model",
                argument,
                f"must be symbolic tensors, got {show(tensor)} ({type(tensor).__name__})",
            )
    return value


def _entrance(tensor: Tensor) -> Call:
    """The call of the InputLayer that stands for an input, a new one for a tensor from inside another model."""
    if tensor.call is not None and isinstance(tensor.call.layer, InputLayer):
        return tensor.call
    return Call(InputLayer(batch_shape=tensor.shape), [], tensor)


def _name(tensor: Tensor) -> str:
    return "output" if tensor.call is None else str(tensor.call.layer.name)


def _replay(calls: Sequence[Call], known: dict[Tensor, Tensor], layer_of: Callable[[Layer], Layer]) -> None:
    """Make the calls on the tensors that stand for theirs, and add what they return."""
    for call in calls:
        results = layer_of(call.layer)(mapped(known.__getitem__, call.inputs), **call.arguments)
        known.update(zip(flat(call.outputs), flat(results), strict=True))


def _known(structure: Any, tensors: Mapping[Any, Tensor]) -> bool:
    numbers = flat(structure)
    return bool(numbers) and all(type(number) is int and number in tensors for number in numbers)
