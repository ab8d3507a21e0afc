"""Metrics, as in Keras: stateful objects, functions on arrays (one figure per row) and string names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from densor import _check
from densor._registry import Registry, custom_objects_scope, own_object
from densor.layers._naming import snake_case
from densor.losses import Loss
from densor.losses import binary_crossentropy as binary_crossentropy
from densor.losses import binary_focal_crossentropy as binary_focal_crossentropy
from densor.losses import categorical_crossentropy as categorical_crossentropy
from densor.losses import categorical_focal_crossentropy as categorical_focal_crossentropy
from densor.losses import categorical_hinge as categorical_hinge
from densor.losses import hinge as hinge
from densor.losses import huber as huber
from densor.losses import kl_divergence as kl_divergence
from densor.losses import log_cosh as log_cosh
from densor.losses import mean_absolute_error as mean_absolute_error
from densor.losses import mean_absolute_percentage_error as mean_absolute_percentage_error
from densor.losses import mean_squared_error as mean_squared_error
from densor.losses import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from densor.losses import poisson as poisson
from densor.losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from densor.losses import squared_hinge as squared_hinge
from densor.metrics.accuracy import Accuracy as Accuracy
from densor.metrics.auc import AUC as AUC
from densor.metrics.binary_accuracy import BinaryAccuracy as BinaryAccuracy
from densor.metrics.binary_accuracy import binary_accuracy as binary_accuracy
from densor.metrics.categorical_accuracy import CategoricalAccuracy as CategoricalAccuracy
from densor.metrics.categorical_accuracy import categorical_accuracy as categorical_accuracy
from densor.metrics.confusion import FalseNegatives as FalseNegatives
from densor.metrics.confusion import FalsePositives as FalsePositives
from densor.metrics.confusion import Precision as Precision
from densor.metrics.confusion import Recall as Recall
from densor.metrics.confusion import TrueNegatives as TrueNegatives
from densor.metrics.confusion import TruePositives as TruePositives
from densor.metrics.f_score import F1Score as F1Score
from densor.metrics.f_score import FBetaScore as FBetaScore
from densor.metrics.iou import BinaryIoU as BinaryIoU
from densor.metrics.iou import IoU as IoU
from densor.metrics.iou import MeanIoU as MeanIoU
from densor.metrics.iou import OneHotIoU as OneHotIoU
from densor.metrics.iou import OneHotMeanIoU as OneHotMeanIoU
from densor.metrics.loss_metrics import BinaryCrossentropy as BinaryCrossentropy
from densor.metrics.loss_metrics import CategoricalCrossentropy as CategoricalCrossentropy
from densor.metrics.loss_metrics import CategoricalHinge as CategoricalHinge
from densor.metrics.loss_metrics import Hinge as Hinge
from densor.metrics.loss_metrics import KLDivergence as KLDivergence
from densor.metrics.loss_metrics import Poisson as Poisson
from densor.metrics.loss_metrics import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from densor.metrics.loss_metrics import SquaredHinge as SquaredHinge
from densor.metrics.mean import Mean as Mean
from densor.metrics.mean_metric_wrapper import MeanMetricWrapper as MeanMetricWrapper
from densor.metrics.metric import Metric as Metric
from densor.metrics.r2_score import R2Score as R2Score
from densor.metrics.regression import ConcordanceCorrelation as ConcordanceCorrelation
from densor.metrics.regression import CosineSimilarity as CosineSimilarity
from densor.metrics.regression import LogCoshError as LogCoshError
from densor.metrics.regression import MeanAbsoluteError as MeanAbsoluteError
from densor.metrics.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from densor.metrics.regression import MeanSquaredError as MeanSquaredError
from densor.metrics.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from densor.metrics.regression import PearsonCorrelation as PearsonCorrelation
from densor.metrics.regression import RootMeanSquaredError as RootMeanSquaredError
from densor.metrics.regression import concordance_correlation as concordance_correlation
from densor.metrics.regression import pearson_correlation as pearson_correlation
from densor.metrics.sparse_categorical_accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from densor.metrics.sparse_categorical_accuracy import (
    sparse_categorical_accuracy as sparse_categorical_accuracy,
)
from densor.metrics.sum import Sum as Sum
from densor.metrics.top_k import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from densor.metrics.top_k import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from densor.metrics.top_k import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from densor.metrics.top_k import top_k_categorical_accuracy as top_k_categorical_accuracy
from densor.metrics.trade_off import PrecisionAtRecall as PrecisionAtRecall
from densor.metrics.trade_off import RecallAtPrecision as RecallAtPrecision
from densor.metrics.trade_off import SensitivityAtSpecificity as SensitivityAtSpecificity
from densor.metrics.trade_off import SpecificityAtSensitivity as SpecificityAtSensitivity

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

Shape = Sequence[int | None]

_FUNCTIONS: dict[Callable[..., Any], type[Metric]] = {
    binary_accuracy: BinaryAccuracy,
    categorical_accuracy: CategoricalAccuracy,
    sparse_categorical_accuracy: SparseCategoricalAccuracy,
    top_k_categorical_accuracy: TopKCategoricalAccuracy,
    sparse_top_k_categorical_accuracy: SparseTopKCategoricalAccuracy,
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    kl_divergence: KLDivergence,
    poisson: Poisson,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
    pearson_correlation: PearsonCorrelation,
    concordance_correlation: ConcordanceCorrelation,
}

_CLASSES: list[type[Metric]] = [
    AUC,
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    BinaryIoU,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    F1Score,
    FBetaScore,
    FalseNegatives,
    FalsePositives,
    Hinge,
    IoU,
    KLDivergence,
    LogCoshError,
    Mean,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanIoU,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    OneHotIoU,
    OneHotMeanIoU,
    PearsonCorrelation,
    Poisson,
    Precision,
    PrecisionAtRecall,
    R2Score,
    Recall,
    RecallAtPrecision,
    RootMeanSquaredError,
    SensitivityAtSpecificity,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SpecificityAtSensitivity,
    SquaredHinge,
    Sum,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
]

_registry: Registry[Metric] = Registry(
    "metric",
    "metrics",
    {
        **{snake_case(cls.__name__): cls for cls in _CLASSES},
        **{function.__name__: cls for function, cls in _FUNCTIONS.items()},
        "mse": MeanSquaredError,
        "mae": MeanAbsoluteError,
        "mape": MeanAbsolutePercentageError,
        "msle": MeanSquaredLogarithmicError,
        "bce": BinaryCrossentropy,
        "kld": KLDivergence,
        "log_cosh": LogCoshError,
        "mean_metric_wrapper": MeanMetricWrapper,
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

    Any other function `f(y_true, y_pred)` becomes a `MeanMetricWrapper`.

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
            metric = _named(identifier)
        metric.name = identifier
        return metric
    if callable(identifier) and not isinstance(identifier, Metric | type):
        if identifier in _FUNCTIONS:
            return _FUNCTIONS[identifier]()
        return MeanMetricWrapper(identifier)
    if isinstance(identifier, Mapping) and identifier.get("class_name") == "function":
        return get(identifier.get("config", ""))  # how Keras writes a function
    return _registry.get(identifier, Metric)


def _named(name: str) -> Metric:
    """A metric by the name of its class or function, or of a function or class of the program's own."""
    if name not in _registry and callable(own := own_object(name)) and not isinstance(own, type):
        return MeanMetricWrapper(own)
    return _registry.find(name)()


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
    with custom_objects_scope(custom_objects):
        return _registry.deserialize(config, custom_objects)
