"""A model that is a stack of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from densor._check import bad_type, bad_value, show
from densor.graph import Tensor
from densor.layers import InputLayer, Layer
from densor.layers._registry import register
from densor.models.configuration import deserialize_layer, field, serialize_layer
from densor.models.model import Model

__all__ = ["Sequential"]


@register
class Sequential(Model):
    """A stack of layers, each fed by the one before.

    The weights are made as soon as the input's shape is known: from an `Input` at the bottom, from
    `input_shape=` on the first layer, from a first layer that was built elsewhere, or from the first data.

    Args:
        layers: the layers from the bottom up; layers of other models are shared, not copied, and one that stands
            in several places has the same weights in all of them.
        trainable: whether training changes the weights.
        name: default `sequential` with a running number.

    Raises:
        TypeError: something that is no layer.
        ValueError: layers that do not fit on one another, or two different layers with one name.

    Example:
        >>> import densor
        >>> model = densor.Sequential([densor.Input((784,)), densor.layers.Dense(10, activation="softmax")])
        >>> model.count_params()
        7850
    """

    def __init__(
        self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self._stack: list[Layer] = []
        self._output: Tensor | None = None
        if layers is None:
            return
        if not isinstance(layers, Iterable):
            raise bad_type("Sequential", "layers", f"must be a list of layers, got {show(layers)}")
        for layer in layers:
            self._push("Sequential", "layers", layer)

    def add(self, layer: Any) -> None:
        """Put a layer (or an `Input`, at the bottom) on top.

        Raises:
            TypeError: not a layer.
            ValueError: it does not fit; the model is as before.
        """
        self._refuse_training("add")
        self._push("add", "layer", layer)

    def pop(self, rebuild: bool = True) -> Layer | None:
        """Take the top layer off and return it.

        Raises:
            ValueError: there is no layer.
        """
        self._refuse_training("pop")
        if not self._stack:
            raise ValueError("pop(): there is no layer to take off")
        layer = self._stack.pop()
        if self._stack and self._input is not None:
            self._output = self._chain(self._input)
        else:
            self._output = self._input
        self._forget_traces()
        return layer

    def _push(self, function: str, argument: str, item: Any) -> None:
        if isinstance(item, Tensor) and item.call is not None and isinstance(item.call.layer, InputLayer):
            item = item.call.layer
        if not isinstance(item, Layer):
            kind = type(item).__name__
            raise bad_type(function, argument, f"must be a layer, got {show(item)} ({kind})")
        if any(layer is not item and layer.name == item.name for layer in self._stack):
            raise bad_value(function, argument, f"two layers of a model cannot both be named {item.name!r}")
        if isinstance(item, InputLayer):
            if self._stack or self._input is not None:
                raise bad_value(function, argument, "an Input can only be at the bottom")
            self._input = self._output = item.output
            return
        start = self._output if self._stack or self._output is not None else _start_of(item)
        if start is not None:
            self._output = item(start)
            if self._input is None:
                self._input = start
            self.built = True
        self._stack.append(item)
        self._forget_traces()

    def _chain(self, tensor: Tensor) -> Tensor:
        for layer in self._stack:
            tensor = layer(tensor)
        return tensor

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of `input_shape`, which has None for the rows."""
        if not self._stack:
            raise RuntimeError(f"model {self.name!r} has no layers; add() some first")
        if self._input is None:
            if input_shape is None:
                raise bad_value("build", "input_shape", "the shape of the inputs is not known")
            start = InputLayer(batch_shape=tuple(input_shape)).output
            self._output = self._chain(start)
            self._input = start
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The layers one after the other."""
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    @property
    def layers(self) -> list[Layer]:
        """The layers from the bottom up, without the input."""
        return list(self._stack)

    @property
    def inputs(self) -> list[Tensor]:
        """The symbolic input, once the model is built."""
        return [self._built_input()]

    @property
    def outputs(self) -> list[Tensor]:
        """The symbolic output, once the model is built."""
        return [self._built_output()]

    @property
    def input(self) -> Any:
        """The symbolic input, once the model is built."""
        return self._built_input()

    @property
    def output(self) -> Tensor:
        """The symbolic output, once the model is built."""
        return self._built_output()

    def _built_output(self) -> Tensor:
        self._built_input()
        assert self._output is not None
        return self._output

    def get_config(self) -> dict[str, Any]:
        """Name and layers; the first is an InputLayer if the model is built."""
        layers = self.layers
        if self._input is not None and self._input.call is not None:
            layers = [self._input.call.layer, *layers]
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [serialize_layer(layer) for layer in layers],
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Sequential:
        """A new model of the architecture that `get_config` described, with fresh weights."""
        known: dict[str, Layer] = {}
        layers = []
        for part in field(config, "layers", list):
            layers.append(same_layer(known, deserialize_layer(part, custom_objects)))
        return cls(layers, trainable=config.get("trainable", True), name=config.get("name"))


def same_layer(known: dict[str, Layer], layer: Layer) -> Layer:
    """The layer that stands under this name already, in another place of a stack, or this one, now known.

    Raises:
        ValueError: that is a different layer.
    """
    found = known.setdefault(layer.name, layer)
    if type(found) is not type(layer) or found.get_config() != layer.get_config():
        raise bad_value("from_config", "config", f"two different layers are named {layer.name!r}")
    return found


def _start_of(layer: Layer) -> Tensor | None:
    """The symbolic input that the bottom layer implies, if it does."""
    shape = layer.declared_shape
    if shape is None and layer.built and isinstance(layer.build_shape, tuple):
        shape = layer.build_shape
    if shape is None and isinstance(layer, Model) and layer._input is not None:
        shape = layer._input.shape
    if shape is None:
        return None
    tensor: Tensor = InputLayer(batch_shape=shape).output
    return tensor
