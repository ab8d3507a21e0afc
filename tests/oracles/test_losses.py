"""Losses and metrics on arrays against Keras, with every option."""

import numpy as np
import pytest

import densor

RNG = np.random.default_rng(11)
LABELS = RNG.integers(0, 4, 12)
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
LOGITS = RNG.normal(size=(12, 4)).astype(np.float32)
PROBABILITIES = (np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)).astype(np.float32)
BITS = RNG.integers(0, 2, (12, 4)).astype(np.float32)
WEIGHTS = RNG.random(12).astype(np.float32)

CASES = [
    ("MeanSquaredError", {}, BITS, LOGITS),
    ("MeanAbsoluteError", {}, BITS, LOGITS),
    ("BinaryCrossentropy", {}, BITS, PROBABILITIES),
    ("BinaryCrossentropy", {"from_logits": True}, BITS, LOGITS),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, BITS, PROBABILITIES),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BITS, LOGITS),
    ("BinaryCrossentropy", {}, BITS, np.round(PROBABILITIES)),
    ("CategoricalCrossentropy", {}, ONE_HOT, PROBABILITIES),
    ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT, LOGITS),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT, PROBABILITIES),
    ("CategoricalCrossentropy", {}, ONE_HOT, 3 * PROBABILITIES),
    ("CategoricalCrossentropy", {}, ONE_HOT, np.eye(4, dtype=np.float32)[LABELS[::-1]]),
    ("SparseCategoricalCrossentropy", {}, LABELS, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {}, LABELS[:, None], 3 * PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, LOGITS),
]


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "mean", "sum", "none", "mean_with_sample_weight"]
)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(("name", "options", "y_true", "y_pred"), CASES)
def test_losses(keras, name, options, y_true, y_pred, weights, reduction):
    theirs = getattr(keras.losses, name)(reduction=reduction, **options)(
        y_true, y_pred, sample_weight=weights
    )
    ours = getattr(densor.losses, name)(reduction=reduction, **options)(y_true, y_pred, sample_weight=weights)
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=1e-5, atol=2e-6)


METRICS = [
    ("Accuracy", {}, LABELS, LABELS[::-1].copy()),
    ("BinaryAccuracy", {}, BITS, PROBABILITIES),
    ("BinaryAccuracy", {"threshold": 0.2}, BITS, PROBABILITIES),
    ("BinaryAccuracy", {}, BITS[:, 0], PROBABILITIES[:, :1]),
    ("CategoricalAccuracy", {}, ONE_HOT, PROBABILITIES),
    ("SparseCategoricalAccuracy", {}, LABELS, PROBABILITIES),
    ("SparseCategoricalAccuracy", {}, LABELS[:, None], PROBABILITIES),
    ("MeanSquaredError", {}, BITS, LOGITS),
    ("MeanAbsoluteError", {}, BITS, LOGITS),
]


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(("name", "options", "y_true", "y_pred"), METRICS)
def test_metrics_over_two_batches(keras, name, options, y_true, y_pred, weights):
    results = []
    for library in (keras, densor):
        metric = getattr(library.metrics, name)(**options)
        for rows in (slice(0, 5), slice(5, 12)):
            weight = None if weights is None else weights[rows]
            metric.update_state(y_true[rows], y_pred[rows], sample_weight=weight)
        results.append(float(metric.result()))
    assert results[1] == pytest.approx(results[0], rel=1e-5)
