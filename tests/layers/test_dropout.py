"""Dropout: its noise is the reference's, differs from call to call, and is no state."""

import numpy as np
import pytest

import densor
from densor import layers
from densor.graph import Tensor, trace
from densor.layers import Dropout
from tests.reference import dropout as reference


def test_inference_passes_the_input():
    x = np.random.default_rng(0).uniform(size=(3, 40)).astype(np.float32)
    assert np.array_equal(Dropout(0.5)(x), x)


@pytest.mark.parametrize("shape", [(40,), (2, 130)])
def test_training_drops_what_the_reference_drops(shape):
    layer = Dropout(0.3, seed=11)
    x = np.random.default_rng(0).uniform(1, 2, (3, *shape)).astype(np.float32)
    flat = x.reshape(3, -1)
    for step in range(2):
        keep = reference.kept(*flat.shape, 0.3, seed=11, stream=0, step=step)
        expected = reference.forward(flat, keep, 0.3).reshape(x.shape)
        np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-6)


def test_rate_zero_keeps_everything():
    assert trace(Dropout(0.0), [Tensor((None, 3))], training=True).nodes == ()


def test_layers_without_seed_have_different_noise():
    x = np.ones((4, 64), np.float32)
    assert not np.array_equal(Dropout(0.5)(x, training=True), Dropout(0.5)(x, training=True))


def test_noise_is_no_weight():
    layer = Dropout(0.5, seed=1)
    layer(np.ones((1, 2)), training=True)
    assert layer.weights == layer.variables == []


def test_config_round_trip():
    layer = Dropout(0.5, seed=3, name="d")
    config = {"name": "d", "trainable": True, "dtype": "float32", "rate": 0.5, "noise_shape": None, "seed": 3}
    assert layer.get_config() == config
    assert Dropout.from_config(config).get_config() == config
    assert layers.deserialize(layers.serialize(layer)).rate == 0.5


def test_a_rate_of_one_drops_everything():
    x = np.ones((4, 3), np.float32)
    layer = Dropout(1.0)
    np.testing.assert_array_equal(layer(x, training=True), np.zeros((4, 3)))
    np.testing.assert_array_equal(layer(x), x)
    model = densor.Sequential([densor.Input((3,)), densor.layers.Dense(5), layer, densor.layers.Dense(1)])
    before = model.get_weights()
    model.compile("sgd", "mse")
    # As in Keras: only the last bias learns.
    losses = model.fit(x, x[:, :1], epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(losses, [1.0, 0.98**2], rtol=1e-6)
    same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert same == [True, True, True, False]
    for cls in (densor.layers.AlphaDropout, densor.layers.GaussianDropout):
        with pytest.raises(ValueError, match="'rate'"):
            cls(1.0)
