"""Normalization layers against Keras: outputs in both modes, and weights after training."""

import numpy as np
import pytest

import densor
from tests.tolerances import assert_close

ROWS, BATCH, EPOCHS = 40, 8, 10  # 50 steps

LAYERS = {
    "batch_norm_axis_1": ("BatchNormalization", {"axis": 1, "momentum": 0.9}),
    "batch_norm_axis_2": ("BatchNormalization", {"axis": 2, "epsilon": 1e-2}),
    "batch_norm_plain": ("BatchNormalization", {"center": False, "scale": False}),
    "layer_norm": ("LayerNormalization", {}),
    "layer_norm_axis_1": ("LayerNormalization", {"axis": 1}),
    "layer_norm_axes": ("LayerNormalization", {"axis": [1, 2], "epsilon": 1e-2}),
    "layer_norm_scale": ("LayerNormalization", {"center": False}),
    "rms_norm": ("RMSNormalization", {}),
    "rms_norm_axes": ("RMSNormalization", {"axis": [1, 2], "epsilon": 1e-3}),
    "group_norm": ("GroupNormalization", {"groups": 3}),
    "group_norm_axis_1": ("GroupNormalization", {"groups": 2, "axis": 1}),
    # a statistic of four values: the default epsilon amplifies rounding beyond the table's 1e-5
    "instance_norm": ("GroupNormalization", {"groups": -1, "epsilon": 1e-2}),
    "unit_norm": ("UnitNormalization", {}),
    "unit_norm_axes": ("UnitNormalization", {"axis": [1, 2]}),
}


def network(library, name):
    kind, options = LAYERS[name]
    layer = getattr(library.layers, kind)(**options)
    return library.Sequential(
        [
            library.Input((4, 6)),
            library.layers.Dense(6, activation="tanh"),
            *(permuted(library) if library is not densor and name == "layer_norm_axis_1" else [layer]),
            library.layers.Flatten(),
            library.layers.Dense(3, activation="softmax"),
        ]
    )


def permuted(library):
    """LayerNormalization(axis=1) in Keras' words: its torch backend accepts the last axes only."""
    return library.layers.Permute((2, 1)), library.layers.LayerNormalization(), library.layers.Permute((2, 1))


@pytest.mark.parametrize("name", LAYERS)
def test_trajectory(keras, name):
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((ROWS, 4, 6)).astype(np.float32), rng.integers(0, 3, ROWS)
    theirs, ours = network(keras, name), network(densor, name)
    start = [w.copy() for w in theirs.get_weights()]
    ours.set_weights(start)
    training = keras.ops.convert_to_numpy(theirs(x, training=True))
    np.testing.assert_allclose(ours(x, training=True), training, rtol=1e-4, atol=1e-5)
    for library, model in ((keras, theirs), (densor, ours)):
        model.set_weights(start)
        model.compile(library.optimizers.SGD(0.05, momentum=0.9), loss="sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    assert max(np.abs(a - b).max() for a, b in zip(start, theirs.get_weights(), strict=True)) > 1e-2
    for want, got in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        assert_close(got, want, "trajectory")
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_configuration(keras, name):
    kind, options = LAYERS[name]
    theirs = getattr(keras.layers, kind)(**options).get_config()
    ours = getattr(densor.layers, kind)(**options).get_config()
    for key in ("axis", "epsilon", "momentum", "center", "scale", "groups"):
        assert (key in ours) == (key in theirs)
        assert ours.get(key) == theirs.get(key)


def test_spectral_normalization(keras):
    """Two calls in training: the kernel and the vector that the power iteration goes on from."""
    x = np.random.default_rng(1).standard_normal((8, 5)).astype(np.float32)
    theirs = keras.layers.SpectralNormalization(keras.layers.Dense(4), power_iterations=2)
    ours = densor.layers.SpectralNormalization(densor.layers.Dense(4), power_iterations=2)
    theirs.build((None, 5))
    ours.build_for((None, 5))
    ours.layer.set_weights(theirs.layer.get_weights())
    ours.vector_u.assign(keras.ops.convert_to_numpy(theirs.vector_u))
    for _ in range(2):
        np.testing.assert_allclose(
            ours(x, training=True), keras.ops.convert_to_numpy(theirs(x, training=True)), rtol=1e-4, atol=1e-5
        )
    np.testing.assert_allclose(
        ours.layer.kernel, keras.ops.convert_to_numpy(theirs.layer.kernel), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        ours.vector_u, keras.ops.convert_to_numpy(theirs.vector_u), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), None])
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_of_inputs(keras, axis, invert):
    x = np.random.default_rng(1).normal(3.0, 2.0, (20, 4, 3)).astype(np.float32)
    x[:, 1, 2] = x[0, 1, 2]
    theirs, ours = (library.layers.Normalization(axis=axis, invert=invert) for library in (keras, densor))
    theirs.adapt(x)
    ours.adapt(x)
    for statistic in ("mean", "variance"):
        want = keras.ops.convert_to_numpy(getattr(theirs, statistic))
        assert getattr(ours, statistic).shape == want.shape
        np.testing.assert_allclose(getattr(ours, statistic), want, rtol=1e-4, atol=1e-6)
    expected = keras.ops.convert_to_numpy(theirs(x))
    np.testing.assert_allclose(ours(x), expected, rtol=2e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["AlphaDropout", "GaussianDropout"])
def test_noise_has_the_moments_of_keras(keras, name):
    x = np.random.default_rng(1).standard_normal((200, 500)).astype(np.float32)
    theirs, ours = (getattr(library.layers, name)(0.3, seed=1) for library in (keras, densor))
    expected, actual = keras.ops.convert_to_numpy(theirs(x, training=True)), ours(x, training=True)
    for moment in (1, 2, 3, 4):
        want = (expected.astype(np.float64) ** moment).mean()
        spread = (expected.astype(np.float64) ** moment).std() / np.sqrt(x.size)
        assert abs((actual.astype(np.float64) ** moment).mean() - want) < 6 * spread
    assert type(ours).from_config(theirs.get_config() | {"dtype": "float32"}).get_config()["seed"] == 1
