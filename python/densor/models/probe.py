"""A look into a network at work: what its layers put out, what gradients reach them, how far a step moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph import Arena, Tensor, compile_trial, run_eagerly
from densor.graph.structure import packed
from densor.graph.trace import scope, scoped
from densor.layers import InputLayer, Layer
from densor.models.compiled import Compiled
from densor.models.data import Data

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

    A forward pass in inference mode is run on `data`; gradients are computed on `batch`, and the optimizer's step is
    tried on copies of weights and slots. Statistics that have moved get their old bits back.
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
    return data.take(np.arange(rows) * (data.rows - 1) // max(rows - 1, 1))


def _observer(model: Trainer, compiled: Compiled) -> _Observer:
    if compiled.observer is None:
        compiled.observer = _Observer(model)
    observer: _Observer = compiled.observer
    return observer


class _Trial:
    """A step of the optimizer on copies of weights and slots, and what of every layer is compared with them.

    It is kept from probe to probe: touching new pages every time would take longer than copying.
    """

    def __init__(self, model: Trainer, compiled: Compiled, arena: Arena) -> None:
        self.arena = arena
        self.mask = arena.mask
        self.copies, self.program = compile_trial(compiled.optimizer, arena)
        self.moving = [variable for variable in model.weights if variable not in arena]
        self.trained: dict[Layer, tuple[list[Floats], slice]] = {}
        for layer in _layers(model):
            variables = [variable for variable, _ in layer._variables if variable in arena]
            if variables:
                kernel = max(variables, key=lambda variable: len(variable.shape))
                self.trained[layer] = list(map(arena.gradient, variables)), arena.segment(kernel)


class _Observer:
    """A function that runs the model and returns the outputs of the layers inside it."""

    def __init__(self, model: Trainer) -> None:
        self.model = model
        self.layers: list[Layer] = []
        self._trial: _Trial | None = None

    def trial(self, compiled: Compiled, arena: Arena) -> _Trial:
        """The trial for the arena as it is."""
        arena.refresh()
        if self._trial is None or self._trial.arena is not arena or self._trial.mask is not arena.mask:
            self._trial = _Trial(self.model, compiled, arena)
        return self._trial

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
    """One training step: the norm of each layer's gradient, and how far its kernel would move for its length."""
    loop, arena = compiled.gradient_loop(data)
    trial = _observer(model, compiled).trial(compiled, arena)
    hyper = compiled.optimizer.coefficients(compiled.optimizer.iterations, 1)
    moving = [(variable, variable.numpy()) for variable in trial.moving]
    loop.reset()
    loop.run(data, data.rows, step=model._clock.batches)
    _core.run(trial.program, None, batches=1, batch_size=1, hyper=hyper)
    for variable, values in moving:
        variable.overwrite(values)
    gradients, ratios = {}, {}
    for layer, (arrays, kernel) in trial.trained.items():
        gradients[layer] = float(np.sqrt(sum(map(_square, arrays))))
        ratios[layer] = _change(arena.parameters[kernel], trial.copies.parameters[kernel])
    return gradients, ratios


def _square(array: Floats) -> float:
    flat = array.reshape(-1)
    return float(np.dot(flat, flat))


def _change(before: Floats, after: Floats) -> float:
    """The length of the difference over that before, block by block in the cache; NaN for the zero vector."""
    length = moved = 0.0
    for i in range(0, before.size, _BLOCK):
        block = before[i : i + _BLOCK]
        length += _square(block)
        moved += _square(after[i : i + _BLOCK] - block)
    return float(np.sqrt(moved / length)) if length else float("nan")


def _layers(layer: Layer) -> Iterator[Layer]:
    yield layer
    for inner in layer.sublayers():
        yield from _layers(inner)
