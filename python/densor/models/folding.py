"""Batch normalization folded into the dense layers beside it: the same predictions in fewer steps.

With s = gamma / sqrt(moving_variance + epsilon), a normalization behind a dense layer without activation becomes
W' = W s, b' = (b - mean) s + beta; one in front of a dense layer W' = diag(s) W, b' = b + (beta - mean s) W.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor._check import bad_type, show
from densor.graph import Tensor
from densor.graph.structure import flat, mapped, packed
from densor.layers import BatchNormalization, Dense, Dropout, Flatten, InputLayer, Layer
from densor.layers.dropout import AlphaDropout
from densor.layers.gaussian_noise import GaussianDropout, GaussianNoise
from densor.models.functional import Functional
from densor.models.model import Model
from densor.models.sequential import Sequential

__all__ = ["fold_batchnorm"]

Float64 = NDArray[np.float64]
_TRANSPARENT = (Dropout, AlphaDropout, GaussianDropout, GaussianNoise, Flatten)  # in inference


@dataclass(eq=False)
class _Step:
    """One layer call between numbered tensors; `affine` is what folding made of a dense layer's weights."""

    layer: Layer
    inputs: Any
    output: Any
    arguments: Mapping[str, Any] = field(default_factory=dict)
    affine: tuple[Float64, Float64] | None = None
    removed: bool = False


def fold_batchnorm(model: Model) -> Model:
    """A model without the normalizations that can be folded; see `Model.fold_batchnorm`."""
    if isinstance(model, Sequential):
        steps = [_Step(layer, index, index + 1) for index, layer in enumerate(model.layers)]
    elif isinstance(model, Functional):
        steps = [_Step(call.layer, call.inputs, call.outputs, call.arguments) for call in model._replay]
    else:
        raise bad_type(
            "fold_batchnorm", "model", f"must be a Sequential or functional model, got {show(model)}"
        )
    start = model._built_input()
    _fold(steps, _outputs(model, steps))
    return _sequential(model, steps, start) if isinstance(model, Sequential) else _functional(model, steps)


def _outputs(model: Model, steps: Sequence[_Step]) -> list[Any]:
    return (
        [steps[-1].output] if isinstance(model, Sequential) and steps else list(getattr(model, "outputs", []))
    )


def _fold(steps: Sequence[_Step], outputs: Sequence[Any]) -> None:
    layers = Counter(step.layer for step in steps)
    uses = Counter(tensor for step in steps for tensor in flat(step.inputs))
    uses.update(outputs)
    maker = {tensor: step for step in steps for tensor in flat(step.output)}
    reader = {tensor: step for step in steps for tensor in flat(step.inputs)}

    def alone(step: _Step) -> bool:
        return layers[step.layer] == 1 and not isinstance(step.inputs, list | tuple | dict)

    def dense_before(norm: _Step) -> _Step | None:
        step = maker.get(norm.inputs)
        while step is not None and step.removed:
            step = maker.get(step.inputs)
        if step is None or not alone(step) or uses[step.output] > 1 or not _is_dense(step.layer, linear=True):
            return None
        return step

    def dense_behind(norm: _Step) -> tuple[_Step, list[_Step]] | None:
        between: list[_Step] = []
        tensor = norm.output
        while uses[tensor] == 1 and tensor in reader and alone(reader[tensor]):
            step = reader[tensor]
            if _is_dense(step.layer):
                return step, between
            if type(step.layer) not in _TRANSPARENT:
                return None
            between.append(step)
            tensor = step.output
        return None

    for norm in steps:
        if not isinstance(norm.layer, BatchNormalization) or not alone(norm):
            continue
        before, behind = dense_before(norm), dense_behind(norm)
        if before is not None and _over_last_axis(norm.layer):
            scale, shift = _affine_of(norm.layer)
            w, b = _weights(before)
            before.affine, norm.removed = (w * scale, b * scale + shift), True
        elif behind is not None:
            dense, between = behind
            w, b = _weights(dense)
            columns = _columns_seen(norm.layer, between, len(w))
            if columns is not None:
                scale, shift = columns
                dense.affine, norm.removed = (scale[:, None] * w, b + shift @ w), True


def _is_dense(layer: Layer, linear: bool = False) -> bool:
    # Exactly Dense: a class derived from it may do more than multiply.
    return type(layer) is Dense and (not linear or layer.get_config()["activation"] in (None, "linear"))


def _over_last_axis(norm: BatchNormalization) -> bool:
    assert isinstance(norm.build_shape, tuple)
    axes = norm.axis if isinstance(norm.axis, list) else [norm.axis]
    return [axis % len(norm.build_shape) for axis in axes] == [len(norm.build_shape) - 1]


def _affine_of(norm: BatchNormalization) -> tuple[Float64, Float64]:
    """y = scale x + shift, in float64, in the shape of the layer's weights."""
    mean, variance = (
        norm.moving_mean.numpy().astype(np.float64),
        norm.moving_variance.numpy().astype(np.float64),
    )
    scale = 1.0 / np.sqrt(variance + norm.epsilon)
    scale = scale if norm.gamma is None else norm.gamma.numpy() * scale
    return scale, (0.0 if norm.beta is None else norm.beta.numpy()) - mean * scale


def _columns_seen(
    norm: BatchNormalization, between: Sequence[_Step], columns: int
) -> tuple[Float64, Float64] | None:
    """Scale and shift of every row of the kernel behind the normalization; None where rows would need several."""
    shape = tuple(size for size in norm.build_shape[1:])
    axes = norm.axis if isinstance(norm.axis, list) else [norm.axis]
    kept = {axis % (len(shape) + 1) - 1 for axis in axes}
    flat = any(isinstance(step.layer, Flatten) for step in between)
    if not flat and kept != {len(shape) - 1}:
        return None
    spread = tuple(size if axis in kept else 1 for axis, size in enumerate(shape))
    if not flat:
        shape, spread = shape[-1:], spread[-1:]
    scale, shift = (np.broadcast_to(value.reshape(spread), shape).reshape(-1) for value in _affine_of(norm))
    return (scale, shift) if scale.size == columns else None


def _weights(step: _Step) -> tuple[Float64, Float64]:
    if step.affine is not None:
        return step.affine
    layer = step.layer
    assert isinstance(layer, Dense)
    kernel = layer.kernel.numpy().astype(np.float64)
    bias = np.zeros(layer.units) if layer.bias is None else layer.bias.numpy().astype(np.float64)
    return kernel, bias


def _copies(steps: Sequence[_Step]) -> dict[Layer, Layer]:
    """A layer of its own for every layer that stays; weights are copied once it is built."""
    copies: dict[Layer, Layer] = {}
    for step in steps:
        if step.removed or step.layer in copies:
            continue
        config = step.layer.get_config()
        if step.affine is not None:
            config["use_bias"] = True
        copies[step.layer] = type(step.layer).from_config(config)
    return copies


def _fill(steps: Sequence[_Step], copies: Mapping[Layer, Layer]) -> None:
    for step in steps:
        if step.affine is not None:
            copies[step.layer].set_weights([value.astype(np.float32) for value in step.affine])
        elif not step.removed:
            copies[step.layer].set_weights(step.layer.get_weights())


def _sequential(model: Sequential, steps: Sequence[_Step], start: Tensor) -> Model:
    copies = _copies(steps)
    folded = Sequential([copies[step.layer] for step in steps if not step.removed], name=model.name)
    if folded._input is None and folded.layers:
        folded.build(start.shape)
    _fill(steps, copies)
    return folded


def _functional(model: Functional, steps: Sequence[_Step]) -> Model:
    copies = _copies(steps)
    starts = [
        InputLayer(batch_shape=tensor.shape, name=name).output
        for tensor, name in zip(model.inputs, model.input_names, strict=True)
    ]
    known: dict[Tensor, Any] = dict(zip(model.inputs, starts, strict=True))
    for step in steps:
        inputs = mapped(known.__getitem__, step.inputs)
        results = inputs if step.removed else copies[step.layer](inputs, **step.arguments)
        known.update(zip(flat(step.output), flat(results), strict=True))
    _fill(steps, copies)
    ends = mapped(known.__getitem__, model.output)
    return Model(packed(model.input, starts), ends, name=model.name)
