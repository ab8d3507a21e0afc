"""A model given by the symbolic tensors at its two ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from densor._check import bad_type, bad_value
from densor.graph import Call, Tensor
from densor.layers import Add, InputLayer, Layer
from densor.layers._registry import register
from densor.models.configuration import deserialize_layer, field, serialize_layer
from densor.models.model import Model, one_tensor

__all__ = ["Functional"]


@register
class Functional(Model):
    """The layer calls between an input and an output; made by `Model(inputs, outputs)`.

    Calling the model replays them on other tensors. The order of `layers` and weights is Keras': by the longest
    way to the output, then as a walk from the output meets them.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        start, end = one_tensor("Model", "inputs", inputs), one_tensor("Model", "outputs", outputs)
        entrance = None if start.call is None else start.call.layer
        if not isinstance(entrance, InputLayer):  # a tensor from inside another model
            entrance = InputLayer(batch_shape=start.shape)
        calls, met = _calls_between(start, end)
        self._replay, inner = _by_depth(calls, met)
        self._order: list[Layer] = [entrance, *inner]
        self._output = end
        names = [layer.name for layer in self._order]
        for layer_name in names:
            if names.count(layer_name) > 1:
                raise bad_value(
                    "Model", "outputs", f"two layers are named {layer_name!r}; give them other names"
                )
        self._input = start
        self.built = True
        self.build_shape = start.shape

    def build(self, input_shape: Any) -> None:
        """Nothing to do: the layers were built when they were called."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Replay the layer calls on other inputs."""
        known = {self._built_input(): one_tensor(self.name, "inputs", inputs)}
        for call in self._replay:
            results = call.layer(_mapped(call.inputs, known), **call.arguments)
            outputs = call.outputs if isinstance(call.outputs, list | tuple) else [call.outputs]
            known.update(
                zip(outputs, results if isinstance(results, list | tuple) else [results], strict=True)
            )
        return known[self._output]

    def sublayers(self) -> list[Layer]:
        """The layers in order, the InputLayer first."""
        return list(self._order)

    def with_layers(self, make: Callable[[Layer], Layer]) -> Functional:
        """The same calls between the layers that `make` returns for this model's, each asked for once."""
        start = InputLayer(batch_shape=self._built_input().shape, name=self._order[0].name).output
        layers = {layer: make(layer) for layer in self._order[1:]}
        known: dict[Tensor, Tensor] = {self._built_input(): start}
        for call in self._replay:
            results = layers[call.layer](_mapped(call.inputs, known), **call.arguments)
            many = isinstance(results, list | tuple)
            made = call.outputs if isinstance(call.outputs, list | tuple) else [call.outputs]
            known.update(zip(made, results if many else [results], strict=True))
        return Functional(start, known[self._output], name=self.name, trainable=self.trainable)

    @property
    def inputs(self) -> list[Tensor]:
        """The symbolic input."""
        return [self._built_input()]

    @property
    def outputs(self) -> list[Tensor]:
        """The symbolic output."""
        return [self._output]

    @property
    def input(self) -> Tensor:
        """The symbolic input."""
        return self._built_input()

    @property
    def output(self) -> Tensor:
        """The symbolic output."""
        return self._output

    def get_config(self) -> dict[str, Any]:
        """Name, layers, and the calls between them; tensors are numbered, 0 is the input."""
        numbers: dict[Tensor, Any] = {self._built_input(): 0}
        calls = []
        for call in self._replay:
            outputs = call.outputs if isinstance(call.outputs, list | tuple) else [call.outputs]
            inputs = _mapped(call.inputs, numbers)
            for tensor in outputs:
                numbers[tensor] = len(numbers)
            calls.append({
                "layer": call.layer.name,
                "inputs": inputs,
                "outputs": _mapped(call.outputs, numbers),
                "arguments": call.arguments,
            })  # fmt: skip
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [serialize_layer(layer) for layer in self._order],
            "calls": calls,
            "output": numbers[self._output],
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Functional:
        """A new model of the architecture that `get_config` described, with fresh weights."""
        layers = [deserialize_layer(layer, custom_objects) for layer in field(config, "layers", list)]
        if not layers or not isinstance(layers[0], InputLayer):
            raise bad_type("from_config", "config", "the first of 'layers' must be an InputLayer")
        by_name = {layer.name: layer for layer in layers}
        tensors: dict[Any, Tensor] = {0: layers[0].output}
        for number, call in enumerate(field(config, "calls", list)):
            layer = by_name.get(field(call, "layer", str))
            wanted = call.get("inputs")
            numbers = wanted if isinstance(wanted, list) else [wanted]
            if layer is None or any(type(n) is not int or n not in tensors for n in numbers):
                raise bad_value(
                    "from_config", "config", f"call {number} names a layer or tensor that is not there"
                )
            results = layer(_mapped(wanted, tensors), **field(call, "arguments", dict))
            made = call.get("outputs")
            pairs = zip(made, results, strict=True) if isinstance(made, list) else [(made, results)]
            tensors.update(pairs)
        start, end = tensors[0], tensors[field(config, "output", int)]
        return cls(start, end, name=config.get("name"), trainable=config.get("trainable", True))


def _mapped(structure: Any, values: Mapping[Any, Any]) -> Any:
    """The same tensor or list of tensors, looked up."""
    if isinstance(structure, list | tuple):
        return [values[item] for item in structure]
    return values[structure]


def _maker(tensor: Tensor) -> Call | None:
    """The call that computed the tensor; a sum written with `+` outside layers becomes an Add layer."""
    if tensor.call is None and tensor.node is not None and tensor.node.stem == "add":
        inputs, layer = list(tensor.node.inputs), Add()
        layer.build_for([item.shape for item in inputs])
        tensor.call = Call(layer, inputs, tensor)
    return tensor.call


def _inputs_of(call: Call) -> Sequence[Tensor]:
    return call.inputs if isinstance(call.inputs, list | tuple) else [call.inputs]


def _calls_between(start: Tensor, end: Tensor) -> tuple[list[Call], dict[Layer, int]]:
    """The calls from start to end in an order in which they can run, and the layers as a walk from `end` meets them.

    Depth first with its own stack: models may be deeper than Python's.
    """
    finished: dict[Call, None] = {}
    met: dict[Layer, int] = {}
    stack: list[tuple[Tensor, bool]] = [(end, False)]
    while stack:
        tensor, done = stack.pop()
        if tensor is start:
            continue
        call = _maker(tensor)
        if call is None or isinstance(call.layer, InputLayer):
            what = (
                "does not come from 'inputs'" if call or tensor.node is None else "was made outside any layer"
            )
            raise bad_value("Model", "outputs", f"the graph is not connected: {tensor!r} {what}")
        if done:
            finished.setdefault(call)
        elif call not in finished:
            met.setdefault(call.layer, len(met))
            stack.append((tensor, True))
            stack.extend((item, False) for item in reversed(_inputs_of(call)))
    return list(finished), met


def _by_depth(calls: list[Call], met: dict[Layer, int]) -> tuple[list[Call], list[Layer]]:
    """Calls and layers sorted by the longest way to the output, then by when the walk met them."""
    depth_of_call: dict[Call | None, int] = dict.fromkeys(calls, 0)
    depth_of_layer: dict[Layer, int] = {}
    for call in reversed(calls):
        depth = max(depth_of_call[call], depth_of_layer.get(call.layer, 0))
        depth_of_call[call] = depth_of_layer[call.layer] = depth
        for tensor in _inputs_of(call):
            if tensor.call in depth_of_call:
                depth_of_call[tensor.call] = max(depth + 1, depth_of_call[tensor.call])
    return (
        sorted(calls, key=lambda call: -depth_of_call[call]),
        sorted(depth_of_layer, key=lambda layer: (-depth_of_layer[layer], met[layer])),
    )
