"""The configurations that the lectures recommend, as compiled models: the default network and the self-normalizing one.

| | `default_dnn` | `default_dnn(edition=2)` | `self_normalizing` |
|---|---|---|---|
| kernel initializer | He | He | LeCun |
| activation | ReLU if shallow, Swish if deep | ELU | SELU |
| normalization | none if shallow, batch normalization if deep | the same | none |
| regularization | early stopping; weight decay if needed | early stopping; l2 if needed | alpha dropout if needed |
| optimizer | Nesterov (or AdamW) | momentum (or RMSprop, Nadam) | Nesterov |
| learning rate | performance scheduling or 1cycle | 1cycle | performance scheduling or 1cycle |

Source: Géron, "Hands-On Machine Learning", chapter 11, third edition (2022) and second edition (2019), as the decks
have it. What the slides leave open is decided here and said in the arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from densor import _check, optimizers, regularizers
from densor._array import real_array
from densor.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from densor.layers import (
    Activation,
    AlphaDropout,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Input,
    Normalization,
)
from densor.models import Sequential
from densor.optimizers import Optimizer
from densor.schedules import OneCycle

__all__ = ["callbacks", "default_dnn", "self_normalizing"]

DEEP = 3  # hidden layers; the slides say only "deep"
_DROPPED = 3  # dropout comes behind the last hidden layers, at most so many
_TASKS = ("classification", "regression")
_SCHEDULES = ("performance", "1cycle")
# Learning rates to begin with: Keras' for the adaptive ones, and for SGD with momentum.
_RATES = {"nesterov": 0.01, "momentum": 0.01, "adamw": 0.001, "rmsprop": 0.001, "nadam": 0.001}


_MOMENTUM = ("nesterov", "momentum")
# Squared errors of a deep stack of SELU, which nothing bounds, diverge at those.
_CAUTION = {"performance": 10.0, "1cycle": 30.0}


@dataclass
class _Training:
    """The checked options that all presets share."""

    optimizer: str
    learning_rate: float | None
    schedule: str
    steps: int | None
    weight_decay: float | None
    caution: float = 1.0  # how many times smaller rates begin

    def check(self, function: str) -> None:
        _check.choice(function, "optimizer", self.optimizer, _RATES)
        _check.choice(function, "schedule", self.schedule, _SCHEDULES)
        if self.learning_rate is not None:
            _check.number(function, "learning_rate", self.learning_rate, 0, include_low=False)
        if self.schedule == "1cycle":
            if self.steps is None:
                raise _check.bad_value(
                    function,
                    "steps",
                    "1cycle needs the number of all steps: epochs * ceil(rows / batch_size)",
                )
            _check.positive_int(function, "steps", self.steps)
        elif self.steps is not None:
            raise _check.bad_value(function, "steps", f"only schedule='1cycle' has steps, got {self.steps}")

    def made(self) -> Optimizer:
        """The optimizer; weight decay leaves biases and normalization alone."""
        first = _RATES[self.optimizer] / self.caution
        rate = float(first if self.learning_rate is None else self.learning_rate)
        if self.schedule == "1cycle":
            assert self.steps is not None
            # The slides let the rate start at a tenth of its peak.
            peak = 10 * rate if self.learning_rate is None else rate
            chosen: Any = OneCycle(peak, self.steps)
        else:
            chosen = rate
        decay: dict[str, Any] = {} if self.weight_decay is None else {"weight_decay": self.weight_decay}
        if self.optimizer in _MOMENTUM:
            nesterov = self.optimizer == "nesterov"
            made: Optimizer = optimizers.SGD(chosen, momentum=0.9, nesterov=nesterov, **decay)
        else:
            kinds: dict[str, Any] = {
                "adamw": optimizers.AdamW, "rmsprop": optimizers.RMSprop, "nadam": optimizers.Nadam,
            }  # fmt: skip
            made = kinds[self.optimizer](chosen, **decay)
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return made


def default_dnn(
    input_shape: Sequence[int] | int,
    outputs: int,
    hidden: Sequence[int] = (300, 100),
    task: str = "classification",
    deep: bool | None = None,
    edition: int = 3,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    schedule: str | None = None,
    steps: int | None = None,
    weight_decay: float | None = None,
    dropout: float = 0.0,
    adapt: Any = None,
    name: str | None = None,
) -> Sequential:
    """The default network of the slides, built and compiled; train it with `callbacks(schedule)`.

    Args:
        input_shape: of one row, without the batch; an integer for rows of so many features.
        outputs: classes (1: two classes, one sigmoid), or values of a regression.
        hidden: the units of each hidden layer ((300, 100)).
        task: "classification": softmax and sparse categorical cross-entropy, or for one output sigmoid and binary
            cross-entropy, with accuracy; "regression": no activation, mean squared error, with "mae".
        deep: Swish and batch normalization (before the activation), instead of ReLU alone; None: with 3 hidden
            layers or more.
        edition: 3 (2022), or 2 (2019): ELU, l2 instead of weight decay, momentum, 1cycle.
        optimizer: "nesterov", "momentum", "adamw", "rmsprop" or "nadam"; None: that of the edition.
        learning_rate: to begin with, and for 1cycle the peak (`model.lr_find(x, y).max_learning_rate`). None: 0.01
            for SGD, 0.001 for the adaptive ones, and ten times as much as the peak of 1cycle.
        schedule: "performance", which is the work of `callbacks`, or "1cycle"; None: that of the edition.
        steps: of all epochs together, for 1cycle.
        weight_decay: decoupled, for kernels only; in edition 2 the factor of l2. None: 0.004 with "adamw", else 0.
        dropout: the rate behind each of the last three hidden layers (0).
        adapt: rows of the training data, whose mean and deviation standardize the inputs: feature by feature, for
            images all pixels alike. None: the inputs come as they are.
        name: of the model.

    Raises TypeError or ValueError for a wrong argument.

    >>> model = default_dnn((28, 28), 10)
    >>> model.count_params()
    266610
    >>> [layer.name.split("_")[0] for layer in default_dnn(8, 1, hidden=(30, 30, 30)).layers][:3]
    ['dense', 'batch', 'activation']
    """
    where = "default_dnn"
    edition = _check.integer(where, "edition", edition, 2, 3)
    training = _Training(
        ("nesterov" if edition == 3 else "momentum") if optimizer is None else optimizer,
        learning_rate,
        ("performance" if edition == 3 else "1cycle") if schedule is None else schedule,
        steps,
        None if weight_decay is None else _check.number(where, "weight_decay", weight_decay, 0),
    )
    training.check(where)
    units = _units(where, hidden)
    normalized = len(units) >= DEEP if deep is None else _check.boolean(where, "deep", deep)
    rate = _check.number(where, "dropout", dropout, 0, 1, include_high=False)
    activation = "elu" if edition == 2 else "swish" if normalized else "relu"
    penalty = None
    if edition == 2:
        penalty, training.weight_decay = training.weight_decay or None, None
    layers = _entrance(where, input_shape, adapt)
    for place, size in enumerate(units):
        regularizer = None if penalty is None else regularizers.L2(penalty)
        own = None if normalized else activation
        layers.append(
            Dense(size, own, not normalized, kernel_initializer="he_normal", kernel_regularizer=regularizer)
        )
        if normalized:
            layers += [BatchNormalization(), Activation(activation)]
        if rate and place >= len(units) - _DROPPED:
            layers.append(Dropout(rate))
    return _compiled(where, layers, outputs, task, training, name)


def self_normalizing(
    input_shape: Sequence[int] | int,
    outputs: int,
    hidden: Sequence[int] = (100,) * 8,
    task: str = "classification",
    optimizer: str = "nesterov",
    learning_rate: float | None = None,
    schedule: str = "performance",
    steps: int | None = None,
    dropout: float = 0.0,
    adapt: Any = None,
    name: str | None = None,
) -> Sequential:
    """The self-normalizing network of the slides, built and compiled; train it with `callbacks(schedule)`.

    Its inputs must be standardized (mean 0, deviation 1): give `adapt`, or do it yourself.

    Args:
        hidden: the units of each hidden layer (eight of 100).
        dropout: the rate of alpha dropout behind each of the last three hidden layers (0).
        input_shape, outputs, task, optimizer, learning_rate, schedule, steps, adapt, name: as for `default_dnn`,
            but that SGD begins a regression with a tenth of the rate, and peaks at a 30th.

    Raises TypeError or ValueError for a wrong argument.

    >>> model = self_normalizing(8, 3, hidden=(30, 30), dropout=0.1)
    >>> [type(layer).__name__ for layer in model.layers]
    ['Dense', 'AlphaDropout', 'Dense', 'AlphaDropout', 'Dense']
    """
    where = "self_normalizing"
    training = _Training(optimizer, learning_rate, schedule, steps, None)
    training.check(where)
    if _check.choice(where, "task", task, _TASKS) == "regression" and optimizer in _MOMENTUM:
        training.caution = _CAUTION[schedule]
    units = _units(where, hidden)
    rate = _check.number(where, "dropout", dropout, 0, 1, include_high=False)
    layers = _entrance(where, input_shape, adapt)
    for place, size in enumerate(units):
        layers.append(Dense(size, activation="selu", kernel_initializer="lecun_normal"))
        if rate and place >= len(units) - _DROPPED:
            layers.append(AlphaDropout(rate))
    return _compiled(where, layers, outputs, task, training, name)


def callbacks(schedule: str = "performance", patience: int = 10, monitor: str = "val_loss") -> list[Callback]:
    """What the slides want around `fit`: early stopping, and performance scheduling where that is the schedule.

    Args:
        schedule: that of the preset, "performance" or "1cycle".
        patience: epochs without improvement before training stops and the best weights return (10); performance
            scheduling halves the rate after half as many.
        monitor: what must improve; the default needs validation data.

    Raises TypeError or ValueError for a wrong argument.

    >>> [type(callback).__name__ for callback in callbacks()]
    ['EarlyStopping', 'ReduceLROnPlateau']
    """
    _check.choice("callbacks", "schedule", schedule, _SCHEDULES)
    epochs = _check.positive_int("callbacks", "patience", patience)
    stop = EarlyStopping(monitor=monitor, patience=epochs, restore_best_weights=True)
    if schedule == "1cycle":
        return [stop]
    return [stop, ReduceLROnPlateau(monitor=monitor, factor=0.5, patience=max(1, epochs // 2))]


def _units(function: str, hidden: object) -> list[int]:
    if isinstance(hidden, str | bytes) or not isinstance(hidden, Sequence):
        raise _check.bad_type(function, "hidden", f"must be a list of integers, got {_check.show(hidden)}")
    return [_check.positive_int(function, "hidden", units) for units in hidden]


def _entrance(function: str, input_shape: object, adapt: object) -> list[Any]:
    """Input, Flatten and Normalization, as far as they are needed."""
    several = isinstance(input_shape, Sequence) and not isinstance(input_shape, str | bytes)
    sizes: Any = input_shape if several else [input_shape]
    shape = tuple(_check.positive_int(function, "input_shape", size) for size in sizes)
    if not shape:
        raise _check.bad_value(function, "input_shape", "a row needs at least one axis, got ()")
    layers: list[Any] = [Input(shape)]
    if len(shape) > 1:
        layers.append(Flatten())
    if adapt is not None:
        rows = real_array(function, "adapt", adapt)
        if rows.shape[1:] != shape or not len(rows):
            raise _check.bad_value(function, "adapt", f"expected rows of shape {shape}, got {rows.shape}")
        # A pixel that is always 0 has no deviation of its own to divide by.
        standardize = Normalization(axis=None if len(shape) > 1 else -1)
        try:
            standardize.adapt(rows.reshape(len(rows), -1))
        except ValueError as error:
            raise _check.renamed(error, function, "adapt") from None
        layers.append(standardize)
    return layers


def _compiled(
    function: str, layers: list[Any], outputs: object, task: object, training: _Training, name: str | None
) -> Sequential:
    count = _check.positive_int(function, "outputs", outputs)
    classes = _check.choice(function, "task", task, _TASKS) == "classification"
    if not classes:
        activation, loss, metric = None, "mse", "mae"
    elif count == 1:
        activation, loss, metric = "sigmoid", "binary_crossentropy", "accuracy"
    else:
        activation, loss, metric = "softmax", "sparse_categorical_crossentropy", "accuracy"
    model = Sequential([*layers, Dense(count, activation=activation)], name=name)
    model.compile(training.made(), loss, metrics=[metric])
    return model
