"""Metrics against Keras: streamed over batches of awkward sizes, with weights, and in fit and evaluate."""

import re
import warnings

import numpy as np
import pytest

import densor

RNG = np.random.default_rng(11)
ROWS = 29
BATCHES = [slice(0, 1), slice(1, 8), slice(8, 9), slice(9, 26), slice(26, 29)]
LABELS = RNG.integers(0, 4, ROWS)
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
LOGITS = RNG.normal(size=(ROWS, 4)).astype(np.float32)
P = (np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)).astype(np.float32)
ROUND = np.round(P, 1)  # many equal to thresholds
BITS = RNG.integers(0, 2, (ROWS, 4)).astype(np.float32)
BIT, SCORE = BITS[:, :1], RNG.random((ROWS, 1)).astype(np.float32)
OTHERS = (LOGITS + RNG.normal(scale=0.5, size=LOGITS.shape)).astype(np.float32)
SORTED = np.argsort(-P, axis=1).astype(np.float32)
WEIGHTS = RNG.integers(1, 4, ROWS).astype(np.float32)  # whole numbers: Keras' IoU rounds them

METRICS = [
    ("Accuracy", {}, LABELS, LABELS[::-1].copy()),
    ("BinaryAccuracy", {}, BITS, P),
    ("BinaryAccuracy", {"threshold": 0.2}, BITS, P),
    ("BinaryAccuracy", {}, BIT[:, 0], SCORE),
    ("CategoricalAccuracy", {}, ONE_HOT, P),
    ("SparseCategoricalAccuracy", {}, LABELS, P),
    ("SparseCategoricalAccuracy", {}, LABELS[:, None], P),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, P),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, LABELS, P),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, LABELS, SORTED),
    ("MeanSquaredError", {}, OTHERS, LOGITS),
    ("RootMeanSquaredError", {}, OTHERS, LOGITS),
    ("MeanAbsoluteError", {}, OTHERS, LOGITS),
    ("MeanAbsolutePercentageError", {}, OTHERS, LOGITS),
    ("MeanSquaredLogarithmicError", {}, P, ROUND),
    ("LogCoshError", {}, OTHERS, LOGITS),
    ("CosineSimilarity", {}, OTHERS, LOGITS),
    ("PearsonCorrelation", {}, OTHERS, LOGITS),
    ("ConcordanceCorrelation", {}, OTHERS, LOGITS),
    ("R2Score", {}, OTHERS, LOGITS),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, OTHERS, LOGITS),
    ("R2Score", {"class_aggregation": None, "num_regressors": 3}, OTHERS, LOGITS),
    ("Hinge", {}, 2 * BITS - 1, LOGITS),
    ("SquaredHinge", {}, 2 * BITS - 1, LOGITS),
    ("CategoricalHinge", {}, ONE_HOT, LOGITS),
    ("KLDivergence", {}, P[::-1].copy(), P),
    ("Poisson", {}, BITS, P),
    ("BinaryCrossentropy", {}, BITS, P),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BITS, LOGITS),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT, P),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, LOGITS),
    ("TruePositives", {}, BIT, SCORE),
    ("TrueNegatives", {"thresholds": [0.2, 0.9, 0.4]}, BITS, ROUND),
    ("FalsePositives", {"thresholds": 0.3}, BITS, ROUND),
    ("FalseNegatives", {}, BITS, P),
    ("Precision", {}, BIT, SCORE),
    ("Precision", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, BITS, ROUND),
    ("Precision", {"top_k": 2}, BITS, P),
    ("Precision", {"class_id": 1, "thresholds": 0.2}, BITS, P),
    ("Recall", {}, BIT[:, 0], SCORE[:, 0]),
    ("Recall", {"top_k": 2, "class_id": 3, "thresholds": 0.1}, BITS, P),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, BIT, SCORE),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 7}, BITS, ROUND),
    ("PrecisionAtRecall", {"recall": 0.4, "class_id": 2}, BITS, P),
    ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 1}, BITS, P),
    ("AUC", {}, BIT, SCORE),
    ("AUC", {"curve": "PR"}, BITS, ROUND),
    ("AUC", {"curve": "PR", "summation_method": "majoring", "num_thresholds": 11}, BITS, ROUND),
    ("AUC", {"curve": "PRGAIN"}, BIT, SCORE),
    ("AUC", {"summation_method": "minoring", "thresholds": [0.1, 0.25, 0.6]}, BITS, ROUND),
    ("AUC", {"multi_label": True}, BITS, P),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 2.0, 0.5, 0.0], "curve": "PR"}, BITS, ROUND),
    ("AUC", {"label_weights": [1.0, 2.0, 0.5, 0.0]}, BITS, P),
    ("AUC", {"from_logits": True, "num_thresholds": 50}, BITS, LOGITS),
    ("F1Score", {}, ONE_HOT, P),
    ("F1Score", {"average": "micro", "threshold": 0.3}, BITS, P),
    ("FBetaScore", {"average": "macro", "beta": 2.0}, ONE_HOT, P),
    ("FBetaScore", {"average": "weighted", "beta": 0.5, "threshold": 0.4}, BITS, P),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, LABELS, LABELS[::-1].copy()),
    ("IoU", {"num_classes": 4, "target_class_ids": [1], "sparse_y_pred": False}, LABELS, P),
    ("BinaryIoU", {"threshold": 0.4}, BIT, SCORE),
    ("BinaryIoU", {"target_class_ids": [1]}, BITS[:, 0], SCORE[:, 0]),
    ("MeanIoU", {"num_classes": 5}, LABELS, LABELS[::-1].copy()),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1, "sparse_y_pred": False}, LABELS, P),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 3]}, ONE_HOT, P),
    ("OneHotMeanIoU", {"num_classes": 4}, ONE_HOT, P),
]


def name_of(value):
    return value if isinstance(value, str) else "-".join(map(str, value)) if isinstance(value, dict) else ""


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(("name", "options", "y_true", "y_pred"), METRICS, ids=name_of)
def test_streamed(keras, name, options, y_true, y_pred, weights):
    theirs, ours = (getattr(library.metrics, name)(**options) for library in (keras, densor))
    for number, rows in enumerate(BATCHES):
        weight = None if weights is None else weights[rows]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for metric in (theirs, ours):
                metric.update_state(y_true[rows], y_pred[rows], sample_weight=weight)
            if name == "R2Score" and number == 0:
                continue  # one row has no spread, but for rounding errors
            expected = keras.ops.convert_to_numpy(theirs.result())
        np.testing.assert_allclose(ours.result(), expected, rtol=2e-5, atol=2e-6)
    ours.reset_state()
    ours.update_state(y_true, y_pred)
    again = getattr(densor.metrics, name)(**options)
    again.update_state(y_true, y_pred)
    np.testing.assert_array_equal(ours.result(), again.result())


@pytest.mark.parametrize("name", ["OneHotIoU", "OneHotMeanIoU"])
def test_iou_along_another_axis(keras, name):
    options = {"num_classes": 4} | ({"target_class_ids": [0, 3]} if name == "OneHotIoU" else {})
    theirs, ours = (getattr(library.metrics, name)(**options, axis=1) for library in (keras, densor))
    for metric in (theirs, ours):
        metric.update_state(ONE_HOT, P)
    theirs.axis = -1  # its result sums over `axis`, too, which a matrix of counts may not have
    np.testing.assert_allclose(ours.result(), keras.ops.convert_to_numpy(theirs.result()), rtol=2e-5)


def test_every_metric_is_in_the_table(keras):
    """Keras' and ours, but for those without targets."""
    others = {"Mean", "Sum", "MeanMetricWrapper", "Metric"}
    theirs = {n for n in dir(keras.metrics) if n[0].isupper() and isinstance(getattr(keras.metrics, n), type)}
    ours = {n for n in densor.metrics.__all__ if n[0].isupper()}
    assert theirs == ours
    assert theirs - others == {case[0] for case in METRICS}


@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_without_targets(keras, name):
    theirs, ours = getattr(keras.metrics, name)(), getattr(densor.metrics, name)()
    for rows in BATCHES:
        for metric in (theirs, ours):
            metric.update_state(P[rows], sample_weight=WEIGHTS[rows])
            metric.update_state(0.5)
        assert float(ours.result()) == pytest.approx(float(theirs.result()), rel=1e-5)


def test_default_names(keras):
    for name, options, *_ in METRICS:
        ours, theirs = (getattr(library.metrics, name)(**options).name for library in (densor, keras))
        assert re.sub(r"_\d+$", "", ours) == re.sub(r"_\d+$", "", theirs)  # without the running number


def own(library):
    ops = library.ops

    def spread(y_true, y_pred):
        return ops.max(ops.abs(y_true - y_pred), axis=-1)

    return spread


PLAIN = [
    "mse", "mae", "mape", "RootMeanSquaredError", "cosine_similarity", "R2Score",
    lambda library: library.metrics.MeanAbsoluteError(name="second"), own,
]  # fmt: skip
BINARY = ["acc", "AUC", "Precision", "Recall", "binary_crossentropy", "F1Score",
          lambda library: library.metrics.SensitivityAtSpecificity(0.6, name="at"),
          lambda library: library.metrics.BinaryAccuracy(threshold=0.3, name="low"),
          lambda library: library.metrics.BinaryIoU(name="overlap")]  # fmt: skip
CLASSES = ["accuracy", "sparse_categorical_crossentropy",
           lambda library: library.metrics.SparseTopKCategoricalAccuracy(2, name="top"),
           lambda library: library.metrics.MeanIoU(3, sparse_y_pred=False, name="iou")]  # fmt: skip
ONE_HOTS = ["accuracy", "categorical_crossentropy", "kl_divergence", "AUC", "Precision",
            lambda library: library.metrics.F1Score(average="macro", name="f1"),
            lambda library: library.metrics.TopKCategoricalAccuracy(2, name="top")]  # fmt: skip
TASKS = {
    "regression": (
        None,
        "mse",
        PLAIN,
        lambda x: np.stack([np.sin(x[:, 0]), x[:, 1], x[:, 2] * x[:, 0]], axis=1),
    ),
    "binary": ("sigmoid", "binary_crossentropy", BINARY, lambda x: (x[:, :1] > 0).astype(np.float32)),
    "classes": ("softmax", "sparse_categorical_crossentropy", CLASSES, lambda x: x[:, :3].argmax(axis=1)),
    "one_hot": (
        "softmax",
        "categorical_crossentropy",
        ONE_HOTS,
        lambda x: np.eye(3)[x[:, :3].argmax(axis=1)],
    ),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("task", TASKS)
def test_in_training(keras, task, weighted):
    end, loss, wanted, target = TASKS[task]
    x = np.random.default_rng(5).standard_normal((37, 4)).astype(np.float32)
    y = target(x)
    weight = np.random.default_rng(6).integers(1, 4, 37).astype(np.float32) if weighted else None
    results, start = [], None
    for library in (keras, densor):
        outputs = y.shape[1] if y.ndim > 1 else 3
        model = library.Sequential([library.Input((4,)), library.layers.Dense(outputs, activation=end)])
        start = start or [np.linspace(-1, 1, w.size).reshape(w.shape) for w in model.get_weights()]
        model.set_weights(start)
        asked = [metric if isinstance(metric, str) else metric(library) for metric in wanted]
        chosen = {"metrics": asked} if not weighted else {"weighted_metrics": asked}
        model.compile(library.optimizers.SGD(0.1), loss, **chosen)
        history = model.fit(
            x, y, epochs=2, batch_size=8, shuffle=False, sample_weight=weight, verbose=0,
            validation_data=(x, y) if weight is None else (x, y, weight),
        )  # fmt: skip
        figures = {name: np.array(values, np.float64) for name, values in history.history.items()}
        found = model.evaluate(x, y, sample_weight=weight, batch_size=8, verbose=0, return_dict=True)
        results.append((figures, found))
    (theirs, their_evaluation), (ours, our_evaluation) = results
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(
            ours[name].reshape(values.shape), values, rtol=5e-5, atol=5e-6, err_msg=name
        )
    assert set(our_evaluation) == set(their_evaluation)
    for name, value in their_evaluation.items():
        np.testing.assert_allclose(our_evaluation[name], np.asarray(value, np.float64), rtol=5e-5, atol=5e-6)
