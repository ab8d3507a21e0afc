"""BatchNormalization's moving statistics: options, axes, and what frozen layers do."""

import numpy as np
import pytest

import densor
from densor import layers

X = np.random.default_rng(0).normal(2.0, 3.0, (6, 4, 5)).astype(np.float32)


def moved(x=X, batches=1, **options):
    layer = layers.BatchNormalization(**options)
    for _ in range(batches):
        layer(x, training=True)
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


def test_momentum_weighs_the_old_value():
    mean, variance = moved(momentum=0.9)
    np.testing.assert_allclose(mean, 0.1 * X.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * X.var(axis=(0, 1)), rtol=1e-5)


def test_the_first_batch_can_be_the_start():
    mean, variance = moved(init_from_first_batch=True)
    np.testing.assert_allclose(mean, X.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, X.var(axis=(0, 1)), rtol=1e-5)
    layer = layers.BatchNormalization(momentum=0.5, init_from_first_batch=True)
    layer(X, training=True)
    layer(3 * X, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 2 * X.mean(axis=(0, 1)), rtol=1e-5)


def test_the_start_survives_a_file(tmp_path):
    model = densor.Sequential(
        [densor.Input((5,)), layers.BatchNormalization(momentum=0.5, init_from_first_batch=True)]
    )
    model(X[:, 0], training=True)
    model.save(tmp_path / "model")
    again = densor.models.load_model(tmp_path / "model")
    for each in (model, again):
        each(X[:, 1], training=True)
    np.testing.assert_array_equal(again.get_weights(), model.get_weights())
    expected = (X[:, 0].mean(axis=0) + X[:, 1].mean(axis=0)) / 2
    np.testing.assert_allclose(again.layers[0].moving_mean.numpy(), expected, rtol=1e-5)


def test_unbiased_running_variance():
    mean, variance = moved(momentum=0.0, unbiased_running_variance=True)
    np.testing.assert_allclose(mean, X.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, X.reshape(-1, 5).var(axis=0, ddof=1), rtol=1e-5)
    assert not moved(X[:1, :1], momentum=0.0, unbiased_running_variance=True)[1].any(), (
        "one value has variance 0"
    )


@pytest.mark.parametrize(
    ("axis", "shape"),
    [(1, (4,)), (2, (5,)), ([1, 2], (1, 4, 5)), ([2, 1], (1, 4, 5)), ((2,), (5,)), (-2, (4,))],
)
def test_axes(axis, shape):
    mean, variance = moved(momentum=0.0, axis=axis)
    kept = {a % 3 for a in (axis if isinstance(axis, list | tuple) else [axis])}
    others = tuple(a for a in range(3) if a not in kept)
    assert mean.shape == variance.shape == shape
    np.testing.assert_allclose(mean.reshape(-1), X.mean(axis=others).reshape(-1), rtol=1e-5)
    np.testing.assert_allclose(variance.reshape(-1), X.var(axis=others).reshape(-1), rtol=1e-5)


def test_per_pixel_is_what_a_flat_layer_does():
    flat = densor.Sequential([densor.Input((4, 5)), layers.Flatten(), layers.BatchNormalization()])
    pixels = densor.Sequential(
        [densor.Input((4, 5)), layers.BatchNormalization(axis=[1, 2]), layers.Flatten()]
    )
    for model in (flat, pixels):
        model(X, training=True)
    np.testing.assert_array_equal(pixels(X, training=True), flat(X, training=True))
    np.testing.assert_array_equal(pixels.predict(X), flat.predict(X))
    assert pixels.count_params() == flat.count_params() == 80


def test_frozen_is_inference():
    layer = layers.BatchNormalization(axis=1)
    layer(X, training=True)
    before = layer.get_weights()
    layer.trainable = False
    np.testing.assert_array_equal(layer(X, training=True), layer(X))
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
