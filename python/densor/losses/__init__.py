"""Losses, as in Keras: classes, functions on arrays (one loss per row) and string names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from densor import _check
from densor._registry import Registry, custom_objects_scope, own_object
from densor.losses.binary_crossentropy import BinaryCrossentropy as BinaryCrossentropy
from densor.losses.binary_crossentropy import binary_crossentropy as binary_crossentropy
from densor.losses.categorical_crossentropy import CategoricalCrossentropy as CategoricalCrossentropy
from densor.losses.categorical_crossentropy import categorical_crossentropy as categorical_crossentropy
from densor.losses.circle import Circle as Circle
from densor.losses.circle import circle as circle
from densor.losses.divergence import KLDivergence as KLDivergence
from densor.losses.divergence import Poisson as Poisson
from densor.losses.divergence import kl_divergence as kl_divergence
from densor.losses.divergence import poisson as poisson
from densor.losses.focal_crossentropy import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from densor.losses.focal_crossentropy import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from densor.losses.focal_crossentropy import binary_focal_crossentropy as binary_focal_crossentropy
from densor.losses.focal_crossentropy import categorical_focal_crossentropy as categorical_focal_crossentropy
from densor.losses.function_loss import LossFunctionWrapper as LossFunctionWrapper
from densor.losses.generalized_cross_entropy import (
    CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy,
)
from densor.losses.generalized_cross_entropy import (
    categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
)
from densor.losses.hinge import CategoricalHinge as CategoricalHinge
from densor.losses.hinge import Hinge as Hinge
from densor.losses.hinge import SquaredHinge as SquaredHinge
from densor.losses.hinge import categorical_hinge as categorical_hinge
from densor.losses.hinge import hinge as hinge
from densor.losses.hinge import squared_hinge as squared_hinge
from densor.losses.loss import Loss as Loss
from densor.losses.mean_absolute_error import MeanAbsoluteError as MeanAbsoluteError
from densor.losses.mean_absolute_error import mean_absolute_error as mean_absolute_error
from densor.losses.mean_squared_error import MeanSquaredError as MeanSquaredError
from densor.losses.mean_squared_error import mean_squared_error as mean_squared_error
from densor.losses.overlap import Dice as Dice
from densor.losses.overlap import Tversky as Tversky
from densor.losses.overlap import dice as dice
from densor.losses.overlap import tversky as tversky
from densor.losses.regression import CosineSimilarity as CosineSimilarity
from densor.losses.regression import Huber as Huber
from densor.losses.regression import LogCosh as LogCosh
from densor.losses.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from densor.losses.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from densor.losses.regression import cosine_similarity as cosine_similarity
from densor.losses.regression import huber as huber
from densor.losses.regression import log_cosh as log_cosh
from densor.losses.regression import mean_absolute_percentage_error as mean_absolute_percentage_error
from densor.losses.regression import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from densor.losses.sparse_categorical_crossentropy import (
    SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
)
from densor.losses.sparse_categorical_crossentropy import (
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

_FUNCTIONS: dict[Callable[..., Any], type[Loss]] = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    huber: Huber,
    log_cosh: LogCosh,
    cosine_similarity: CosineSimilarity,
    binary_crossentropy: BinaryCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    categorical_generalized_cross_entropy: CategoricalGeneralizedCrossEntropy,
    kl_divergence: KLDivergence,
    poisson: Poisson,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
    circle: Circle,
    dice: Dice,
    tversky: Tversky,
}

_registry: Registry[Loss] = Registry(
    "loss",
    "losses",
    {
        **{function.__name__: cls for function, cls in _FUNCTIONS.items()},
        "mse": MeanSquaredError,
        "mae": MeanAbsoluteError,
        "mape": MeanAbsolutePercentageError,
        "msle": MeanSquaredLogarithmicError,
        "bce": BinaryCrossentropy,
        "kld": KLDivergence,
        "LossFunctionWrapper": LossFunctionWrapper,
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

    Any other function `f(y_true, y_pred)` becomes a `LossFunctionWrapper`; a name may be that of a function or
    class of the program's own, registered or in a scope.

    Raises ValueError for an unknown name, with the nearest known one; TypeError for anything else.

    >>> get("mse").name
    'mean_squared_error'
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        return _crossentropy(identifier, output_shape, target_shape)()
    if callable(identifier) and not isinstance(identifier, Loss | type):
        if identifier in _FUNCTIONS:
            return _FUNCTIONS[identifier]()
        return LossFunctionWrapper(identifier)
    if isinstance(identifier, str) and identifier not in _registry:
        own = own_object(identifier)
        if callable(own) and not isinstance(own, type):
            return LossFunctionWrapper(own)
    if isinstance(identifier, Mapping) and identifier.get("class_name") == "function":
        return get(identifier.get("config", ""))  # how Keras writes a function
    return _registry.get(identifier, Loss)


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
    with custom_objects_scope(custom_objects):
        return _registry.deserialize(config, custom_objects)
