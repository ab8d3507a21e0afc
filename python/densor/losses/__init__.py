"""Losses, as in Keras: classes, functions on arrays (one loss per row) and string names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from densor import _check
from densor._registry import Registry
from densor.losses.binary_crossentropy import BinaryCrossentropy as BinaryCrossentropy
from densor.losses.binary_crossentropy import binary_crossentropy as binary_crossentropy
from densor.losses.categorical_crossentropy import CategoricalCrossentropy as CategoricalCrossentropy
from densor.losses.categorical_crossentropy import categorical_crossentropy as categorical_crossentropy
from densor.losses.loss import Loss as Loss
from densor.losses.mean_absolute_error import MeanAbsoluteError as MeanAbsoluteError
from densor.losses.mean_absolute_error import mean_absolute_error as mean_absolute_error
from densor.losses.mean_squared_error import MeanSquaredError as MeanSquaredError
from densor.losses.mean_squared_error import mean_squared_error as mean_squared_error
from densor.losses.sparse_categorical_crossentropy import (
    SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
)
from densor.losses.sparse_categorical_crossentropy import (
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_crossentropy",
]

_FUNCTIONS: dict[Callable[..., Any], type[Loss]] = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
}

_registry: Registry[Loss] = Registry(
    "loss",
    "losses",
    {
        **{function.__name__: cls for function, cls in _FUNCTIONS.items()},
        "mse": MeanSquaredError,
        "mae": MeanAbsoluteError,
        "bce": BinaryCrossentropy,
    },
)


def get(
    identifier: str | Mapping[str, Any] | Loss | type[Loss] | Callable[..., Any],
    *,
    output_shape: Sequence[int | None] | None = None,
    target_shape: Sequence[int | None] | None = None,
) -> Loss:
    """Returns a loss for its name, its function (`losses.mean_squared_error`), its configuration or itself.

    "crossentropy" and "ce" mean the cross-entropy that fits the shapes: one output is binary, targets of fewer
    axes or one column are labels, others are one-hot; they need both shapes (rows first).

    Raises ValueError for an unknown name, with the nearest known one, or a loss that cannot be trained;
    TypeError for anything else.

    >>> get("mse").name
    'mean_squared_error'
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        return _crossentropy(identifier, output_shape, target_shape)()
    if callable(identifier) and not isinstance(identifier, Loss | type):
        if identifier in _FUNCTIONS:
            return _FUNCTIONS[identifier]()
        raise _check.bad_value(
            "losses.get", "identifier", f"{_check.show(identifier)} is a function that cannot be trained; "
            f"use one of {', '.join(function.__name__ for function in _FUNCTIONS)}"
        )  # fmt: skip
    loss = _registry.get(identifier, Loss)
    if not loss.stem:
        raise _check.bad_value(
            "losses.get",
            "identifier",
            f"{type(loss).__name__} has no native operation, so it cannot be trained",
        )
    return loss


def _crossentropy(
    name: str, output_shape: Sequence[int | None] | None, target_shape: Sequence[int | None] | None
) -> type[Loss]:
    if output_shape is None or target_shape is None:
        raise _check.bad_value(
            "losses.get", "identifier", f"{name!r} needs the shapes of outputs and targets; name the kind instead: "
            "'binary_crossentropy', 'categorical_crossentropy' or 'sparse_categorical_crossentropy'"
        )  # fmt: skip
    if output_shape[-1] == 1:
        return BinaryCrossentropy
    labels = len(target_shape) < len(output_shape) or target_shape[-1] == 1
    return SparseCategoricalCrossentropy if labels else CategoricalCrossentropy


def serialize(loss: Loss) -> dict[str, Any]:
    """Returns the configuration of a loss: `{"class_name": ..., "config": ...}`, plain data."""
    return _registry.serialize(loss)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, type[Loss]] | None = None) -> Loss:
    """Makes the loss that `serialize` described. `custom_objects`: further loss classes by name."""
    return _registry.deserialize(config, custom_objects)
