"""Metrics, as in Keras: stateful objects, functions on arrays (one figure per row) and string names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from densor import _check
from densor._registry import Registry
from densor.losses import Loss
from densor.losses import mean_absolute_error as mean_absolute_error
from densor.losses import mean_squared_error as mean_squared_error
from densor.metrics.accuracy import Accuracy as Accuracy
from densor.metrics.binary_accuracy import BinaryAccuracy as BinaryAccuracy
from densor.metrics.binary_accuracy import binary_accuracy as binary_accuracy
from densor.metrics.categorical_accuracy import CategoricalAccuracy as CategoricalAccuracy
from densor.metrics.categorical_accuracy import categorical_accuracy as categorical_accuracy
from densor.metrics.mean import Mean as Mean
from densor.metrics.metric import Metric as Metric
from densor.metrics.regression import MeanAbsoluteError as MeanAbsoluteError
from densor.metrics.regression import MeanSquaredError as MeanSquaredError
from densor.metrics.sparse_categorical_accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from densor.metrics.sparse_categorical_accuracy import (
    sparse_categorical_accuracy as sparse_categorical_accuracy,
)

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_accuracy",
]

Shape = Sequence[int | None]

_FUNCTIONS: dict[Callable[..., Any], type[Metric]] = {
    binary_accuracy: BinaryAccuracy,
    categorical_accuracy: CategoricalAccuracy,
    sparse_categorical_accuracy: SparseCategoricalAccuracy,
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
}

_registry: Registry[Metric] = Registry(
    "metric",
    "metrics",
    {
        "accuracy": Accuracy,
        "mean": Mean,
        **{function.__name__: cls for function, cls in _FUNCTIONS.items()},
        "mse": MeanSquaredError,
        "mae": MeanAbsoluteError,
    },
)


def get(
    identifier: str | Mapping[str, Any] | Metric | type[Metric] | Callable[..., Any],
    *,
    loss: Loss | None = None,
    output_shape: Shape | None = None,
    target_shape: Shape | None = None,
) -> Metric:
    """Returns a metric for its name, its function, its configuration or itself.

    A metric made from a string is called by that string ("acc", "mse"). "accuracy" and "acc" mean the accuracy
    that fits, as in Keras: one output column is binary; targets of fewer axes than the outputs, or of one
    column, are labels (sparse); others are one-hot (categorical). Where `target_shape` is not known, the
    kind of targets that `loss` takes decides. Shapes have the rows first.

    Raises ValueError for an unknown name, with the nearest known one, or an accuracy that nothing decides;
    TypeError for anything else.

    >>> get("acc", output_shape=(None, 10), target_shape=(None,))
    <SparseCategoricalAccuracy 'acc'>
    """
    if isinstance(identifier, str):
        if identifier.lower() in ("accuracy", "acc"):
            metric = _accuracy(identifier, loss, output_shape, target_shape)()
        else:
            metric = _registry.find(identifier)()
        metric.name = identifier
        return metric
    if callable(identifier) and not isinstance(identifier, Metric | type):
        if identifier in _FUNCTIONS:
            return _FUNCTIONS[identifier]()
        raise _check.bad_value(
            "metrics.get", "identifier", f"{_check.show(identifier)} is a function that cannot be computed in "
            f"training; use one of {', '.join(function.__name__ for function in _FUNCTIONS)}"
        )  # fmt: skip
    return _registry.get(identifier, Metric)


def _accuracy(
    name: str, loss: Loss | None, output_shape: Shape | None, target_shape: Shape | None
) -> type[Metric]:
    if output_shape is not None and output_shape[-1] == 1:
        return BinaryAccuracy
    if output_shape is not None and target_shape is not None:
        labels = len(target_shape) < len(output_shape) or target_shape[-1] == 1
        return SparseCategoricalAccuracy if labels else CategoricalAccuracy
    if loss is None or output_shape is None:
        raise _check.bad_value(
            "metrics.get", "identifier", f"{name!r} needs the shapes of outputs and targets; name the kind instead: "
            "'binary_accuracy', 'categorical_accuracy' or 'sparse_categorical_accuracy'"
        )  # fmt: skip
    return SparseCategoricalAccuracy if loss.target_kind == "labels" else CategoricalAccuracy


def serialize(metric: Metric) -> dict[str, Any]:
    """Returns the configuration of a metric: `{"class_name": ..., "config": ...}`, plain data."""
    return _registry.serialize(metric)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[Metric]] | None = None
) -> Metric:
    """Makes the metric that `serialize` described. `custom_objects`: further metric classes by name."""
    return _registry.deserialize(config, custom_objects)
