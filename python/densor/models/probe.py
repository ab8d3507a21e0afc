"""A look into a network at work: what its layers put out, what gradients reach them, how far a step moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densor.graph import Arena, Tensor, run_eagerly
from densor.graph.structure import packed
from densor.graph.trace import scope, scoped
from densor.layers import InputLayer, Layer
from densor.models.compiled import Compiled
from densor.models.data import Data
from densor.models.fitting import Fitting, Plan

if TYPE_CHECKING:
    from densor.models.model import Model
    from densor.models.trainer import Trainer

__all__ = ["LayerFigures", "probe", "some_rows"]

Floats = NDArray[np.float32]

# Activations that are 0 for half of their inputs, and the slopes of those that level off, from their outputs.
_RECTIFIERS = {"relu", "relu6"}
_SLOPES: dict[str, Callable[[Floats], Floats]] = {
    "sigmoid": lambda a: 4 * a * (1 - a),
    "tanh": lambda a: 1 - a * a,
    "hard_sigmoid": lambda a: ((a > 0) & (a < 1)).astype(np.float32),
    "softsign": lambda a: (1 - np.abs(a)) ** 2,
}
_BLOCK = 1 << 14
_FLAT = 0.1  # a slope below a tenth of the steepest counts as saturated


@dataclass(frozen=True)
class LayerFigures:
    """What was seen of one layer on the rows of the probe; NaN where a figure means nothing for the layer.

    Attributes:
        name: of the layer. activation: the name of its activation, "linear" if it has none.
        mean, deviation: of its outputs.
        dead: share of the units of a ReLU that are 0 in every row.
        saturated: share of the outputs of a sigmoid, tanh, hard_sigmoid or softsign where the slope is below a tenth
            of the steepest.
        gradient_norm: of the loss by all trained weights of the layer.
        update_ratio: norm of the change of the kernel in one step of the optimizer, over the norm of the kernel.
    """

    name: str
    activation: str
    mean: float
    deviation: float
    dead: float
    saturated: float
    gradient_norm: float
    update_ratio: float


def probe(model: Model, compiled: Compiled, data: Data, batch: Data) -> list[LayerFigures]:
    """The figures of every layer with weights or an activation, in the order in which they are called.

    A forward pass in inference mode is run on `data` and a training step on `batch`; then weights, optimizer,
    statistics and counters get their old bits back.
    """
    layers, outputs = _outputs(model, compiled, data)
    gradients, ratios = _step(model, compiled, batch)
    return [_figures(layer, output, gradients, ratios) for layer, output in zip(layers, outputs, strict=True)]


def first_nonfinite(model: Trainer, compiled: Compiled, data: Data) -> str | None:
    """The name of the first layer, in the order of the calls, whose outputs for these rows are not all finite."""
    with np.errstate(all="ignore"):
        for layer, output in zip(*_outputs(model, compiled, data), strict=True):
            if not np.isfinite(output).all():
                return layer.name
    return None


def _outputs(model: Trainer, compiled: Compiled, data: Data) -> tuple[list[Layer], list[Floats]]:
    """The layers that tell something, in the order of the calls, and their outputs in inference mode."""
    observer = _observer(model, compiled)
    inputs = packed(model._input, data.x) if isinstance(model._input, dict) else data.x
    outputs = run_eagerly(observer, inputs, training=False)
    return observer.layers, outputs if isinstance(outputs, list) else [outputs]


def some_rows(data: Data, rows: int) -> Data:
    """At most `rows` rows, spread evenly over the data, so that sorted classes all have their share."""
    if data.rows <= rows:
        return data
    return data.take(np.linspace(0, data.rows - 1, rows).astype(np.int64))


def _observer(model: Trainer, compiled: Compiled) -> _Observer:
    if compiled.observer is None:
        compiled.observer = _Observer(model)
    observer: _Observer = compiled.observer
    return observer


class _Observer:
    """A function that runs the model and returns the outputs of the layers inside it.

    It keeps the memory in which a probe saves the arrays that its step changes: touching new pages at every probe
    would take longer than copying.
    """

    def __init__(self, model: Trainer) -> None:
        self.model = model
        self.layers: list[Layer] = []
        self.memory: list[Floats] = []

    def saved(self, arrays: Sequence[Floats]) -> list[Floats]:
        """Copies of the arrays, valid until the next call."""
        if [copy.shape for copy in self.memory] != [array.shape for array in arrays]:
            self.memory = [np.empty_like(array) for array in arrays]
        for copy, array in zip(self.memory, arrays, strict=True):
            copy[...] = array
        return self.memory

    def __call__(self, inputs: Any) -> list[Tensor]:
        seen: dict[Layer, Tensor] = {}

        def note(layer: Layer, outputs: Any) -> None:
            if isinstance(outputs, Tensor) and _tells(layer):
                seen.setdefault(layer, outputs)

        with scoped(replace(scope(), observer=note)):
            self.model(inputs)
        self.layers = list(seen)
        return list(seen.values())


def _tells(layer: Layer) -> bool:
    if isinstance(layer, InputLayer) or any(inner.weights for inner in layer.sublayers()):
        return False
    return bool(layer.weights) or _activation(layer) != "linear"


def _activation(layer: Layer) -> str:
    """The name of what the layer ends with; of a layer that is an activation itself, its own."""
    used = getattr(layer, "activation", None)
    if used is None:
        name = type(layer).__name__.lower()
        return name if name in _RECTIFIERS else "linear"
    return str(getattr(used, "__name__", type(used).__name__)).lower()


def _figures(
    layer: Layer, output: Floats, gradients: dict[Layer, float], ratios: dict[Layer, float]
) -> LayerFigures:
    activation = _activation(layer)
    values = output.reshape(-1, output.shape[-1])
    mean, slope = float(values.mean(dtype=np.float64)), _SLOPES.get(activation)
    plain = activation in _RECTIFIERS and not getattr(layer, "negative_slope", 0.0)
    return LayerFigures(
        name=layer.name,
        activation=activation,
        mean=mean,
        deviation=float(np.sqrt(_square(values - np.float32(mean)) / max(values.size, 1))),
        dead=float((values <= 0).all(axis=0).mean()) if plain else float("nan"),
        saturated=float("nan") if slope is None else float((slope(values) < _FLAT).mean()),
        gradient_norm=gradients.get(layer, float("nan")),
        update_ratio=ratios.get(layer, float("nan")),
    )


def _step(model: Model, compiled: Compiled, data: Data) -> tuple[dict[Layer, float], dict[Layer, float]]:
    """One training step: the norm of each layer's gradient, and how far its kernel moved for its length."""
    fitting = Fitting(model, compiled, data, Plan(batch_size=data.rows, shuffle=False))
    arena = compiled.take_arena()
    with _restored(model, compiled, arena) as before:
        loop, arena = compiled.gradient_loop(data)  # a training step does not keep them
        loop.reset()
        loop.run(data, data.rows, step=model._clock.batches)
        fitting.step()
        gradients, ratios = {}, {}
        for layer in _layers(model):
            trained = [variable for variable, _ in layer._variables if variable in arena]
            if not trained:
                continue
            gradients[layer] = float(np.sqrt(sum(_square(arena.gradient(variable)) for variable in trained)))
            place = arena.segment(max(trained, key=lambda variable: len(variable.shape)))
            length = _square(before[place])
            moved = _distance(arena.parameters[place], before[place])
            ratios[layer] = float(np.sqrt(moved / length)) if length else float("nan")
    return gradients, ratios


def _square(array: Floats) -> float:
    flat = array.reshape(-1)
    return float(np.dot(flat, flat))


def _distance(a: Floats, b: Floats) -> float:
    """The square of the distance, block by block in the cache."""
    return sum(_square(a[i : i + _BLOCK] - b[i : i + _BLOCK]) for i in range(0, a.size, _BLOCK))


def _layers(layer: Layer) -> Iterator[Layer]:
    yield layer
    for inner in layer.sublayers():
        yield from _layers(inner)


@contextmanager
def _restored(model: Model, compiled: Compiled, arena: Arena) -> Iterator[Floats]:
    """Give weights, slots, counters and the sums of the running epoch their old bits at the end.

    Hands out the parameters of the arena as they were.
    """
    optimizer, clock = compiled.optimizer, replace(model._clock)
    others = [(variable.array, variable.numpy()) for variable in model.weights if variable not in arena]
    arrays = [arena.parameters, *arena.slots]
    saved = _observer(model, compiled).saved(arrays)
    iterations = optimizer.iterations
    try:
        yield saved[0]
    finally:
        for array, values in (*zip(arrays, saved, strict=True), *others):
            array[...] = values
        optimizer.iterations = iterations
        model._clock = clock
