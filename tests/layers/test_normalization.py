"""Normalization: what adapt() takes from data, given statistics, and what it refuses."""

import numpy as np
import pytest

import densor
from densor import layers

X = np.random.default_rng(0).normal(3.0, 2.0, (50, 4, 3)).astype(np.float32)


@pytest.mark.parametrize(("axis", "others"), [(-1, (0, 1)), (1, (0, 2)), ([1, 2], (0,)), (None, (0, 1, 2))])
def test_adapt(axis, others):
    layer = layers.Normalization(axis=axis)
    layer.adapt(X)
    mean, variance = X.mean(axis=others, keepdims=True), X.var(axis=others, keepdims=True)
    assert layer.mean.shape == mean.shape, "one axis for each of the inputs', as in Keras"
    assert layer.variance.shape == variance.shape
    np.testing.assert_allclose(layer.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.variance, variance, rtol=1e-5)
    np.testing.assert_allclose(layer(X), (X - mean) / np.sqrt(variance), rtol=1e-4, atol=1e-5)
    back = layers.Normalization(axis=axis, invert=True)
    back.adapt(X)
    np.testing.assert_allclose(back(layer(X)), X, rtol=1e-4, atol=1e-5)


def test_batches_count_by_their_rows():
    layer, whole = layers.Normalization(), layers.Normalization()
    whole.adapt(X)
    for batches in ([X[:7], X[7:8], X[8:]], iter([X[:30], X[30:]]), (X[i : i + 1] for i in range(50))):
        layer.adapt(batches)
        np.testing.assert_allclose(layer.mean, whole.mean, rtol=1e-6)
        np.testing.assert_allclose(layer.variance, whole.variance, rtol=1e-6)


def test_images_far_from_zero_and_many_rows():
    x = (np.random.default_rng(1).integers(0, 2, (10000, 2)) + np.array([0, 100_000])).astype(np.int64)
    layer = layers.Normalization()
    layer.adapt(x)
    np.testing.assert_allclose(layer.mean, x.mean(axis=0, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(layer.variance, x.var(axis=0, keepdims=True), rtol=1e-6)


def test_columns_that_never_change():
    layer = layers.Normalization()
    layer.adapt(np.full((5, 2), 7.0))
    np.testing.assert_array_equal(layer(np.full((2, 2), 7.0)), 0.0)


def test_in_a_model_that_trains(tmp_path):
    model = densor.Sequential(
        [densor.Input((4, 3)), layers.Normalization(), layers.Flatten(), layers.Dense(1)]
    )
    model.layers[0].adapt(X)
    before = model.layers[0].get_weights()
    model.compile(densor.optimizers.SGD(0.03), loss="mse")
    history = model.fit(X, X.sum(axis=(1, 2)), epochs=40, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]
    for old, new in zip(before, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.save(tmp_path / "model")
    again = densor.models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_adapting_again_is_seen_by_a_model():
    model = densor.Sequential([densor.Input((4, 3)), layers.Normalization()])
    first = model.predict(X)
    model.layers[0].adapt(X)
    np.testing.assert_allclose(model.predict(X), (X - X.mean((0, 1))) / X.std((0, 1)), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(first, X)


def test_given_statistics_are_no_weights():
    layer = layers.Normalization(mean=1.0, variance=4.0)
    np.testing.assert_allclose(layer(X), (X - 1) / 2, rtol=1e-6)
    assert layer.weights == []
    assert (layer.mean.shape, layer.variance.tolist()) == ((1, 1, 3), [[[4.0, 4.0, 4.0]]])
    with pytest.raises(RuntimeError, match="of its own"):
        layer.adapt(X)


REFUSED = [
    (np.float32(3.0), ValueError),
    (np.empty((0, 4, 3)), ValueError),
    ([], ValueError),
    (iter([]), ValueError),
    ("abc", TypeError),
    (3, (TypeError, ValueError)),
    (X[:, :, :2], ValueError),
    (np.where(X > 4, np.nan, X), ValueError),
    (X * 1j, TypeError),
]


@pytest.mark.parametrize(("data", "error"), REFUSED)
def test_refused_data_changes_nothing(data, error):
    layer = layers.Normalization()
    layer.adapt(X)
    before = layer.get_weights()
    with pytest.raises(error, match=r"^adapt\(\): argument 'data'"):
        layer.adapt(data)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
