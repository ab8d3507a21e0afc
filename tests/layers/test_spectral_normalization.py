"""SpectralNormalization: the kernel before every training step, and what inference leaves alone."""

import numpy as np
import pytest

import densor
from densor import layers
from tests.reference import spectral_norm as reference

X = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)


def made(**options):
    layer = layers.SpectralNormalization(layers.Dense(4, activation="tanh"), **options)
    layer.build_for((None, 5))
    return layer


@pytest.mark.parametrize("iterations", [1, 3])
def test_training_divides_and_inference_does_not(iterations):
    layer = made(power_iterations=iterations)
    kernel, u = layer.layer.kernel.numpy(), layer.vector_u.numpy()
    layer(X)
    np.testing.assert_array_equal(layer.layer.kernel.numpy(), kernel)
    y = layer(X, training=True)
    kernel, u = reference.forward(kernel, u[0], iterations)
    np.testing.assert_allclose(layer.layer.kernel.numpy(), kernel, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.vector_u.numpy()[0], u, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(y, np.tanh(X @ kernel), rtol=1e-4, atol=1e-5)


def test_training_a_model_keeps_the_norm_near_one():
    model = densor.Sequential([densor.Input((5,)), made(power_iterations=5), layers.Dense(1)])
    model.compile(densor.optimizers.SGD(0.05), loss="mse")
    history = model.fit(X, X[:, 0], epochs=40, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    assert np.linalg.norm(model.layers[0].layer.kernel.numpy(), 2) == pytest.approx(1.0, abs=0.05)


def test_weights_config_and_file(tmp_path):
    layer = made(power_iterations=2, name="spectral")
    assert [v.name for v in layer.weights] == ["vector_u", "kernel", "bias"] or [
        v.name for v in layer.weights
    ] == ["kernel", "bias", "vector_u"]
    assert len(layer.trainable_weights) == 2
    config = layer.get_config()
    assert layers.SpectralNormalization.from_config(config).get_config() == config
    model = densor.Sequential([densor.Input((5,)), layer])
    model.save(tmp_path / "model")
    again = densor.models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(again(X, training=True), model(X, training=True))
    clone = densor.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(X), model.predict(X))


def test_frozen_is_left_alone():
    layer = made()
    layer.trainable = False
    kernel = layer.layer.kernel.numpy()
    layer(X, training=True)
    np.testing.assert_array_equal(layer.layer.kernel.numpy(), kernel)


def test_wrong_layers():
    for wrong in (3, "Dense", layers.Dense):
        with pytest.raises(TypeError, match=r"SpectralNormalization\(\): argument 'layer'"):
            layers.SpectralNormalization(wrong)
    with pytest.raises(ValueError, match=r"SpectralNormalization\(\): argument 'layer': ReLU has no kernel"):
        layers.SpectralNormalization(layers.ReLU())(X)
    for wrong in (0, -1, 1.5):
        with pytest.raises((TypeError, ValueError), match="'power_iterations'"):
            layers.SpectralNormalization(layers.Dense(3), wrong)
