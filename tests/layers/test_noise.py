"""Layers with noise: what they do in both modes, their noise, their gradients and their configs."""

import numpy as np
import pytest

import densor
from densor import layers, ops
from densor.graph import Tensor, trace
from tests.graph.build import MSE, check_gradients, variable
from tests.reference import dropout, gaussian_noise

X = np.random.default_rng(0).normal(size=(6, 5, 8)).astype(np.float32)
MAKE = {
    "Dropout": lambda **k: layers.Dropout(0.4, **k),
    "AlphaDropout": lambda **k: layers.AlphaDropout(0.4, **k),
    "GaussianDropout": lambda **k: layers.GaussianDropout(0.4, **k),
    "GaussianNoise": lambda **k: layers.GaussianNoise(0.4, **k),
}


@pytest.mark.parametrize("name", MAKE)
def test_inference_passes_the_input(name):
    np.testing.assert_array_equal(MAKE[name]()(X), X)


@pytest.mark.parametrize("name", MAKE)
def test_no_noise_is_no_operation(name):
    layer = getattr(layers, name)(0.0)
    assert trace(layer, [Tensor((None, 3))], training=True).nodes == ()


@pytest.mark.parametrize("name", MAKE)
def test_noise_is_the_reference_s_and_differs_from_call_to_call(name):
    layer = MAKE[name](seed=11)
    flat = X.reshape(6, -1)
    for step in range(2):
        if name in ("Dropout", "AlphaDropout"):
            keep = dropout.kept(6, 40, 0.4, 11, 0, step)
            expected = dropout.forward(flat, keep, 0.4, "alpha" if name == "AlphaDropout" else "inverted")
        else:
            multiplies = name == "GaussianDropout"
            stddev = np.sqrt(0.4 / 0.6) if multiplies else 0.4
            expected = gaussian_noise.forward(flat, stddev, multiplies, 11, 0, step)
        np.testing.assert_allclose(layer(X, training=True), expected.reshape(X.shape), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MAKE)
def test_seeds(name):
    assert not np.array_equal(MAKE[name]()(X, training=True), MAKE[name]()(X, training=True))
    np.testing.assert_array_equal(MAKE[name](seed=3)(X, training=True), MAKE[name](seed=3)(X, training=True))
    assert MAKE[name]().weights == []


@pytest.mark.parametrize("name", MAKE)
def test_config(name, tmp_path):
    layer = MAKE[name](seed=3, name="noise")
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    model = densor.Sequential([densor.Input((5, 8)), layer])
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model")
    assert loaded.layers[0].get_config() == layer.get_config()
    np.testing.assert_array_equal(loaded(X, training=True), model(X, training=True))


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: ops.dropout(x, 0.4, 5),
        lambda x: ops.dropout(x, 0.4, 5, noise_shape=(None, 1)),
        lambda x: ops.alpha_dropout(x, 0.4, 5),
        lambda x: ops.alpha_dropout(x, 0.4, 5, noise_shape=(1, None)),
        lambda x: ops.gaussian_dropout(x, 0.4, 5),
        lambda x: ops.gaussian_noise(x, 0.4, 5),
    ],
)
def test_gradients(operation):
    w, v = variable("w", 5, 3), variable("v", 3, 3)
    check_gradients(
        lambda x: ops.dense(operation(ops.dense(x, w)), v), 5, np.random.default_rng(1).random((4, 3)), MSE
    )


@pytest.mark.parametrize(
    ("noise_shape", "axes"), [((None, 1, 8), 1), ((None, 5, 1), 2), ((1, None, None), 0), ([6, 1, None], 1)]
)
@pytest.mark.parametrize("kind", [layers.Dropout, layers.AlphaDropout])
def test_noise_shape_shares_the_noise_along_axes_of_one(kind, noise_shape, axes):
    y = kind(0.5, noise_shape=noise_shape, seed=1)(np.ones_like(X), training=True)
    assert len(np.unique(y)) == 2
    np.testing.assert_array_equal(y, np.broadcast_to(y.take([0], axis=axes), y.shape))
    assert not np.array_equal(y, np.broadcast_to(y[:1, :1, :1], y.shape))


def test_noise_shape_for_another_batch():
    layer = layers.Dropout(0.5, noise_shape=(4, 1, 8))
    with pytest.raises(ValueError, match=r"dropout\(\): argument 'noise_shape'.*batches of 4 rows, got 6"):
        layer(X, training=True)


@pytest.mark.parametrize("noise_shape", [(None, 8), (None, 2, 8), (None, 1, 8, 1)])
def test_noise_shape_that_does_not_fit(noise_shape):
    with pytest.raises(ValueError, match=r"dropout\(\): argument 'noise_shape'"):
        layers.Dropout(0.5, noise_shape=noise_shape)(X, training=True)


def test_alpha_dropout_on_arrays_and_in_layers_agree():
    for function, layer in ((ops.alpha_dropout, layers.AlphaDropout), (ops.dropout, layers.Dropout)):
        for noise_shape in (None, (None, 1, None)):
            np.testing.assert_array_equal(
                function(X, 0.3, 7, noise_shape=noise_shape),
                layer(0.3, noise_shape=noise_shape, seed=7)(X, training=True),
            )
    np.testing.assert_array_equal(
        ops.gaussian_noise(X, 0.3, 7), layers.GaussianNoise(0.3, seed=7)(X, training=True)
    )


@pytest.mark.cpu("threads")
def test_bits_do_not_depend_on_threads():
    from densor import _core

    threads, found = _core.num_threads(), []
    try:
        for count in (1, 2, 3):
            _core.set_num_threads(count)
            found.append([make(seed=5)(np.tile(X, (20, 4, 5)), training=True) for make in MAKE.values()])
    finally:
        _core.set_num_threads(threads)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
