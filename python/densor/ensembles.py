"""Ensembles: several models that predict together, or are averaged into one; also from a single training run.

An ensemble of predictions is a model like any other: it is evaluated, saved and served the same way, and its members
run inside one native program.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from densor import _check, _seeds
from densor.callbacks import Callback, CallbackList
from densor.callbacks.callback import Logs
from densor.layers import Add, BatchNormalization, Input, Layer, Rescaling
from densor.models import Functional, Model, clone_model
from densor.models.compile_config import compile_config, compile_from
from densor.models.data import as_features, check_finite
from densor.schedules import CosineDecayRestarts, serialize

__all__ = ["Snapshots", "averaged_predictions", "averaged_weights", "snapshots"]


def averaged_predictions(
    models: Sequence[Model], weights: Sequence[float] | None = None, name: str = "ensemble"
) -> Model:
    """A model whose output is the weighted mean of the outputs of several models.

    The members are shared, not copied. If the first is compiled, the ensemble is compiled with its loss and metrics
    (and a new optimizer of its settings), so that `evaluate` works at once, unless that loss needs the logits of a
    single model.

    Args:
        models: at least one, all built, with equal input and output shapes.
        weights: a number for each model, none negative, not all 0; they are divided by their sum. None: all equal.
        name: of the new model.

    Raises:
        TypeError, ValueError: other things than models, or models that do not fit together.

    Example:
        >>> import densor, numpy as np
        >>> def constant(value):
        ...     return densor.Sequential([densor.Input((1,)), densor.layers.Dense(1, kernel_initializer=value)])
        >>> both = averaged_predictions([constant("zeros"), constant("ones")], weights=[1, 3])
        >>> both.predict(np.ones((1, 1))).tolist()
        [[0.75]]
    """
    members = _checked_models("averaged_predictions", models)
    shares = _shares("averaged_predictions", weights, len(members))
    _require_single("averaged_predictions", members[0])
    inputs = Input(batch_shape=members[0].input_shape)
    names: set[str] = set()
    outputs = []
    for number, (member, share) in enumerate(zip(members, shares, strict=True)):
        part = member
        if member.name in names:  # clones share their name, and the layers of a model cannot
            start = Input(batch_shape=member.input_shape)
            part = Functional(start, member(start), name=f"{member.name}_{number}")
        names.add(part.name)
        outputs.append(Rescaling(float(share))(part(inputs)))
    ensemble = Model(inputs, Add()(outputs) if len(outputs) > 1 else outputs[0], name=name)
    settings = compile_config(members[0])
    if settings is not None:
        with suppress(ValueError):  # a cross-entropy that is computed on logits
            compile_from(ensemble, settings | {"iterations": 0, "undecayed": []}, {})
    return ensemble


def averaged_weights(
    models: Sequence[Model], weights: Sequence[float] | None = None, x: Any = None, batch_size: int = 1024
) -> Model:
    """A model whose weights are the weighted means of the weights of several models of one architecture.

    The mean is taken in float64. It makes sense for models that lie in one valley of the loss: snapshots of one run,
    or runs that went on from common weights. Means of moving statistics are not the statistics of the averaged
    model; with `x` they are measured anew.

    Args:
        models: at least one, all built, with weights of equal shapes; the new model is a clone of the first.
        weights: as for `averaged_predictions`.
        x: training features, for models with batch normalization; None leaves the averaged statistics.
        batch_size: rows of `x` that are used, taken from its beginning: they are one batch.

    Returns:
        A new model, compiled as the first one.

    Source: Polyak and Juditsky (1992); Izmailov et al. (2018) for the statistics.

    Raises:
        TypeError, ValueError: other things than models, or models that do not fit together.

    Example:
        >>> import densor
        >>> models = [densor.Sequential([densor.Input((1,)), densor.layers.Dense(1)]) for _ in range(2)]
        >>> models[0].set_weights([[[1.0]], [0.0]]); models[1].set_weights([[[3.0]], [1.0]])
        >>> [w.tolist() for w in averaged_weights(models).get_weights()]
        [[[2.0]], [0.5]]
    """
    where = "averaged_weights"
    members = _checked_models(where, models)
    shares = _shares(where, weights, len(members))
    shapes = [variable.shape for variable in members[0].weights]
    for number, member in enumerate(members):
        found = [variable.shape for variable in member.weights]
        if found != shapes:
            raise _check.bad_value(where, "models", f"model {number} has weights of shapes {_check.show(found)}, the "
                                   f"first one {_check.show(shapes)}")  # fmt: skip
    if x is not None:
        count = _check.positive_int(where, "batch_size", batch_size)
        rows = _training_rows(where, members[0], x)[:count]
    mean = clone_model(members[0])
    for index, variable in enumerate(mean.weights):
        total = np.zeros(variable.shape)
        for share, member in zip(shares, members, strict=True):
            total += share * member.weights[index].values
        variable.assign(total.astype(np.float32))
    if x is not None:
        _measure_statistics(mean, rows)
    return mean


def _training_rows(where: str, model: Model, x: Any) -> Any:
    """The checked features of a model with one input; there is at least one row, and all are finite."""
    _require_single(where, model)
    rows = as_features(where, "x", x, tuple(model.input_shape[1:]))
    if not len(rows):
        raise _check.bad_value(where, "x", f"there are no rows: shape {rows.shape}")
    check_finite(where, "x", rows)
    return rows


def _require_single(where: str, model: Model) -> None:
    for side, shape in (("input", model.input_shape), ("output", model.output_shape)):
        if not isinstance(shape, tuple):
            raise _check.bad_value(
                where, "models", f"the first one has several {side}s; take models with one, such as "
                f"Model(model.inputs, model.outputs[0])"
            )  # fmt: skip


def _measure_statistics(model: Model, x: Any) -> None:
    """Set the moving statistics of batch normalization to those of the batch `x`, by a clone that forgets at once."""

    def forgetful(layer: Layer) -> Layer:
        config = layer.get_config()
        return type(layer).from_config(
            config | {"momentum": 0.0} if isinstance(layer, BatchNormalization) else config
        )

    state = _seeds.get_state()
    try:
        twin = clone_model(model, clone_function=forgetful, recursive=True)
        twin.set_weights(model.get_weights())
        twin(x, training=True)
    finally:
        _seeds.set_state(state)
    model.set_weights(twin.get_weights())


class Snapshots(Callback):
    """Keeps a copy of the model's weights at the end of every `epochs_per_cycle` epochs.

    Args:
        epochs_per_cycle: at least 1.

    Attributes:
        weights: one list of arrays for each snapshot, as `Model.get_weights` gives them.

    Raises TypeError or ValueError for a wrong argument.

    >>> Snapshots(10).weights
    []
    """

    def __init__(self, epochs_per_cycle: int) -> None:
        self.epochs_per_cycle = _check.positive_int("Snapshots", "epochs_per_cycle", epochs_per_cycle)
        self.weights: list[list[Any]] = []
        self._epochs = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.weights, self._epochs = [], 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._epochs += 1
        if self._epochs % self.epochs_per_cycle == 0:
            self.weights.append(self.model.get_weights())

    def models(self) -> list[Model]:
        """A clone of the trained model for each snapshot, compiled as it is."""
        made = []
        for weights in self.weights:
            clone = clone_model(self.model)
            clone.set_weights(weights)
            made.append(clone)
        return made


def snapshots(
    model: Model,
    x: Any,
    y: Any,
    cycles: int = 5,
    epochs_per_cycle: int = 10,
    learning_rate: float = 0.1,
    batch_size: int = 32,
    callbacks: Sequence[Callback] | None = None,
    **options: Any,
) -> list[Model]:
    """Train once, with a learning rate that falls along a cosine and starts again, and keep a model of every cycle.

    Each restart throws the model out of its minimum, each cycle ends in another: an ensemble for the price of one
    training. Give the result to `averaged_predictions`; the last models are the best ones.

    Args:
        model: compiled; it is compiled anew with an optimizer of the same settings that follows the cycles.
        x, y, batch_size, callbacks, options: as for `fit`; `epochs` follows from the cycles.
        cycles: at least 1. epochs_per_cycle: at least 1.
        learning_rate: at the start of each cycle.

    Returns:
        `cycles` models. `model` itself ends as the last of them.

    Source: Huang et al., "Snapshot ensembles: train 1, get M for free" (2017); the schedule: Loshchilov and
    Hutter (2017).

    Raises:
        TypeError, ValueError, RuntimeError: as `fit`; no weight was changed then.

    Example:
        >>> import densor
        >>> (x, y), _ = densor.datasets.digits.load_data()
        >>> model = densor.Sequential([densor.layers.Flatten(), densor.layers.Dense(10, activation="softmax")])
        >>> model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> members = snapshots(model, x / 16, y, cycles=3, epochs_per_cycle=2, verbose=0)
        >>> probabilities = averaged_predictions(members).predict(x / 16)
        >>> bool((probabilities.argmax(axis=1) == y).mean() > 0.8)
        True
    """
    where = "snapshots"
    (checked,) = _checked_models(where, [model], built=False)
    cycles = _check.positive_int(where, "cycles", cycles)
    keeper = Snapshots(epochs_per_cycle)
    rate = _check.number(where, "learning_rate", learning_rate, low=0, include_low=False)
    rows = _check.positive_int(where, "batch_size", batch_size)
    if "epochs" in options:
        raise _check.bad_type(where, "epochs", "follows from cycles and epochs_per_cycle")
    settings = compile_config(checked)
    if settings is None:
        raise RuntimeError("snapshots(): the model has no optimizer; call compile(optimizer, loss) first")
    CallbackList(callbacks)
    hooks = [] if callbacks is None else list(callbacks)
    # No epoch with the optimizer it has: what is wrong shows before that one is replaced.
    tried = checked.fit(x, y, batch_size=rows, epochs=0, **(options | {"verbose": 0}))
    steps = (tried.params or {}).get("steps")
    if steps is None:
        raise _check.bad_type(where, "x", f"must be an array, got {_check.show(x)}")
    schedule = CosineDecayRestarts(rate, steps * keeper.epochs_per_cycle, t_mul=1.0)
    settings["optimizer"]["config"]["learning_rate"] = serialize(schedule)
    compile_from(checked, settings | {"iterations": 0}, {})
    checked.fit(
        x, y, batch_size=rows, epochs=cycles * keeper.epochs_per_cycle, callbacks=[*hooks, keeper],
        **options,
    )  # fmt: skip
    return keeper.models()


def _checked_models(where: str, models: Any, built: bool = True) -> list[Model]:
    if not isinstance(models, list | tuple):
        raise _check.bad_type(where, "models", f"must be a list of models, got {_check.show(models)}")
    if not models:
        raise _check.bad_value(where, "models", "must hold at least one model")
    for number, model in enumerate(models):
        if not isinstance(model, Model):
            raise _check.bad_type(where, "models", f"must hold models, got {_check.show(model)} at {number}")
        if built and not model.built:
            raise _check.bad_value(where, "models", f"model {number} is not built; call it on data first")
        if built and (model.input_shape, model.output_shape) != (
            models[0].input_shape,
            models[0].output_shape,
        ):
            raise _check.bad_value(
                where, "models", f"model {number} maps {model.input_shape} to {model.output_shape}, the first one "
                f"{models[0].input_shape} to {models[0].output_shape}"
            )  # fmt: skip
    return list(models)


def _shares(where: str, weights: Any, count: int) -> Any:
    if weights is None:
        return np.full(count, 1.0 / count)
    if not isinstance(weights, list | tuple | np.ndarray) or len(weights) != count:
        raise _check.bad_value(where, "weights", f"must hold one number for each of {count} models, got "
                               f"{_check.show(weights)}")  # fmt: skip
    values = np.array([_check.number(where, "weights", weight, low=0) for weight in weights])
    if not values.sum() > 0:
        raise _check.bad_value(where, "weights", f"must not all be 0, got {_check.show(weights)}")
    values /= values.max()  # whose sum may be beyond all numbers
    return values / values.sum()
