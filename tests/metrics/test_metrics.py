"""Metrics: numbers worked out by hand, state over batches, names and the resolution of "accuracy"."""

import json

import numpy as np
import pytest

from densor import losses, metrics
from densor.metrics import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    Mean,
    MeanAbsoluteError,
    MeanSquaredError,
    Metric,
    SparseCategoricalAccuracy,
)

SCORES = [[0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.2, 0.2, 0.6], [0.5, 0.3, 0.2]]

# metric, targets, predictions, the figure of each row
CASES = [
    (Accuracy(), [1, 2, 3, 4], [0, 2, 3, 4], [0, 1, 1, 1]),
    (BinaryAccuracy(), [[1], [0], [1], [0]], [[0.9], [0.5], [0.3], [0.6]], [1, 1, 0, 0]),
    (BinaryAccuracy(threshold=0.2), [[1], [0], [1], [0]], [[0.9], [0.2], [0.3], [0.6]], [1, 1, 1, 0]),
    (BinaryAccuracy(), [1, 0, 1, 0], [[0.9], [0.5], [0.3], [0.6]], [1, 1, 0, 0]),
    (BinaryAccuracy(), [[1, 0], [0, 0]], [[0.9, 0.8], [0.1, 0.2]], [0.5, 1]),
    (CategoricalAccuracy(), [[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1]], SCORES, [1, 1, 0, 0]),
    (SparseCategoricalAccuracy(), [1, 0, 0, 2], SCORES, [1, 1, 0, 0]),
    (SparseCategoricalAccuracy(), [[1], [0], [0], [2]], SCORES, [1, 1, 0, 0]),
    (SparseCategoricalAccuracy(), [1.0, 0.0, 2.0, 0.0], SCORES, [1, 1, 1, 1]),
    (MeanSquaredError(), [[0, 0], [1, 1]], [[1, 2], [1, 2]], [2.5, 0.5]),
    (MeanSquaredError(), [0, 1], [[1.0], [3.0]], [1.0, 4.0]),
    (MeanAbsoluteError(), [[0, 0], [1, 1]], [[1, 2], [1, 2]], [1.5, 0.5]),
]


@pytest.mark.parametrize(("metric", "y_true", "y_pred", "rows"), CASES)
def test_results_over_batches(metric, y_true, y_pred, rows):
    metric.reset_state()
    assert metric.result() == 0.0
    assert metric(y_true[:1], y_pred[:1]) == pytest.approx(rows[0])
    metric.update_state(y_true[1:], y_pred[1:])
    assert metric.result() == pytest.approx(np.mean(rows))
    assert metric.result() == pytest.approx(np.mean(rows)), "reading changes nothing"
    metric.reset_state()
    weights = np.arange(1.0, len(rows) + 1)
    metric.update_state(y_true, y_pred, sample_weight=weights)
    assert metric.result() == pytest.approx(np.dot(rows, weights) / weights.sum())


def test_mean():
    metric = Mean()
    metric.update_state([1, 3, 5, 7])
    assert metric.result() == 4.0
    metric.update_state(14.0)
    assert metric.result() == 6.0
    metric.reset_state()
    metric.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    assert metric.result() == 2.0
    metric.reset_state()
    metric.update_state([1.0], sample_weight=[0.0])
    assert metric.result() == 0.0


@pytest.mark.parametrize(
    ("metric", "y_true", "y_pred"),
    [
        (BinaryAccuracy(), [[1, 0]], [[0.5]]),
        (CategoricalAccuracy(), [1], [[0.5, 0.5]]),
        (SparseCategoricalAccuracy(), [2], [[0.5, 0.5]]),
        (SparseCategoricalAccuracy(), [0.5], [[0.5, 0.5]]),
        (MeanSquaredError(), [[1, 2, 3]], [[1, 2]]),
    ],
)
def test_a_batch_that_does_not_fit_changes_nothing(metric, y_true, y_pred):
    metric.reset_state()
    with pytest.raises(ValueError, match=r"^\w+\(\): argument 'y_true': "):
        metric.update_state(y_true, y_pred)
    assert (metric.total, metric.count) == (0.0, 0.0)


def test_wrong_weights():
    with pytest.raises(ValueError, match=r"^Mean.update_state\(\): argument 'sample_weight': "):
        Mean().update_state([1.0, 2.0], sample_weight=[1.0])


@pytest.mark.parametrize(
    ("cls", "arguments", "name", "error"),
    [
        (BinaryAccuracy, {"threshold": "a"}, "threshold", TypeError),
        (BinaryAccuracy, {"threshold": float("nan")}, "threshold", ValueError),
        (Accuracy, {"name": ""}, "name", ValueError),
        (Mean, {"name": 3}, "name", TypeError),
        (Mean, {"dtype": "float16"}, "dtype", ValueError),
    ],
)
def test_wrong_constructor_arguments(cls, arguments, name, error):
    with pytest.raises(error, match=rf"^{cls.__name__}\(\): argument '{name}': "):
        cls(**arguments)


@pytest.mark.parametrize("metric", [case[0] for case in CASES] + [Mean(name="m")])
def test_round_trip(metric):
    twin = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
    assert type(twin) is type(metric)
    assert twin.get_config() == metric.get_config()
    assert twin.result() == 0.0


@pytest.mark.parametrize(
    ("output", "target", "cls"),
    [
        ((None, 1), (None,), BinaryAccuracy),
        ((None, 1), (None, 1), BinaryAccuracy),
        ((None, 10), (None,), SparseCategoricalAccuracy),
        ((None, 10), (None, 1), SparseCategoricalAccuracy),
        ((None, 10), (None, 10), CategoricalAccuracy),
        ((None, 4, 10), (None, 4), SparseCategoricalAccuracy),
    ],
)
@pytest.mark.parametrize("name", ["accuracy", "acc"])
def test_accuracy_by_shape(name, output, target, cls):
    metric = metrics.get(name, output_shape=output, target_shape=target)
    assert type(metric) is cls
    assert metric.name == name


@pytest.mark.parametrize(
    ("loss", "columns", "cls"),
    [
        ("sparse_categorical_crossentropy", 10, SparseCategoricalAccuracy),
        ("categorical_crossentropy", 10, CategoricalAccuracy),
        ("binary_crossentropy", 1, BinaryAccuracy),
        ("binary_crossentropy", 3, CategoricalAccuracy),  # as Keras, where targets have three columns
        ("mse", 1, BinaryAccuracy),
    ],
)
def test_accuracy_by_loss(loss, columns, cls):
    assert type(metrics.get("accuracy", loss=losses.get(loss), output_shape=(None, columns))) is cls


def test_accuracy_that_nothing_decides():
    with pytest.raises(ValueError, match="'accuracy' needs the shapes of outputs and targets"):
        metrics.get("accuracy")
    with pytest.raises(ValueError, match="'acc' needs the shapes"):
        metrics.get("acc", output_shape=(None, 3))


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("mse", MeanSquaredError), ("MSE", MeanSquaredError), ("mean_squared_error", MeanSquaredError),
        ("mae", MeanAbsoluteError), ("MeanAbsoluteError", MeanAbsoluteError),
        ("binary_accuracy", BinaryAccuracy), ("categorical_accuracy", CategoricalAccuracy),
        ("sparse_categorical_accuracy", SparseCategoricalAccuracy),
    ],
)  # fmt: skip
def test_names_become_the_keys_of_history(name, cls):
    metric = metrics.get(name)
    assert type(metric) is cls
    assert metric.name == name


def test_functions_instances_and_classes():
    assert type(metrics.get(metrics.sparse_categorical_accuracy)) is SparseCategoricalAccuracy
    metric = BinaryAccuracy(threshold=0.3)
    assert metrics.get(metric) is metric
    assert type(metrics.get(Mean)) is Mean
    assert metrics.get(metrics.serialize(metric)).threshold == 0.3


def test_get_refuses_the_rest():
    with pytest.raises(ValueError, match=r"'accurracy' is not a known metric: .*did you mean 'accuracy'\?$"):
        metrics.get("accurracy")
    for wrong in (3, None, [1]):
        with pytest.raises(TypeError, match=r"^metrics.get\(\): argument 'identifier': must be a name"):
            metrics.get(wrong)


def test_what_the_compiler_asks():
    assert [
        (m.stem, m.kind) for m in (BinaryAccuracy(), CategoricalAccuracy(), SparseCategoricalAccuracy())
    ] == [
        ("accuracy", "binary"),
        ("accuracy", "categorical"),
        ("accuracy", "sparse"),
    ]
    assert MeanSquaredError().stem == "mean_squared_error"
    assert MeanAbsoluteError().stem == "mean_absolute_error"
    assert Accuracy().stem == Mean().stem == ""


def test_the_base_class_says_what_is_missing():
    for call in (lambda m: m.update_state(1), lambda m: m.result()):
        with pytest.raises(NotImplementedError, match="Metric must define"):
            call(Metric())
