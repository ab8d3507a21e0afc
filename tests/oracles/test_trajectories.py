"""50 training steps from the same weights on the same batches: the weights stay within 1e-5 of Keras'."""

import numpy as np
import pytest

import densor
from tests.tolerances import assert_close

ROWS, FEATURES, CLASSES, BATCH, EPOCHS = 80, 12, 4, 8, 5  # 10 batches x 5 epochs

OPTIMIZERS = {
    "sgd": ("SGD", {"learning_rate": 0.05}),
    "momentum": ("SGD", {"learning_rate": 0.02, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.002}),
    "rmsprop_momentum": ("RMSprop", {"learning_rate": 0.001, "momentum": 0.8}),
    "rmsprop_centered": ("RMSprop", {"learning_rate": 0.001, "centered": True, "epsilon": 1e-3}),
    "adagrad": ("Adagrad", {"learning_rate": 0.02}),
    "adam": ("Adam", {"learning_rate": 0.005}),
    "adamw": ("AdamW", {"learning_rate": 0.005, "weight_decay": 0.02}),
    "adamax": ("Adamax", {"learning_rate": 0.005}),
    "nadam": ("Nadam", {"learning_rate": 0.005}),
    "sgd_clipvalue": ("SGD", {"learning_rate": 0.1, "clipvalue": 0.01}),
    "adam_clipnorm": ("Adam", {"learning_rate": 0.005, "clipnorm": 0.05}),
    "momentum_global_clipnorm": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "global_clipnorm": 0.1}),
    "sgd_weight_decay": ("SGD", {"learning_rate": 0.05, "weight_decay": 0.1}),
    "rmsprop_weight_decay_clipnorm": (
        "RMSprop",
        {"learning_rate": 0.002, "weight_decay": 0.05, "clipnorm": 0.5},
    ),
}


def data():
    rng = np.random.default_rng(50)
    x = rng.standard_normal((ROWS, FEATURES)).astype(np.float32)
    return x, rng.integers(0, CLASSES, ROWS)


def network(keras, batch_norm):
    """Smooth activations: a kink would turn a rounding into another trajectory. No bias before batch norm."""
    hidden = [
        keras.layers.Dense(16, use_bias=not batch_norm, activation=None if batch_norm else "tanh"),
        *(
            [keras.layers.BatchNormalization(momentum=0.9), keras.layers.Activation("tanh")]
            if batch_norm
            else []
        ),
        keras.layers.Dense(9, activation="silu"),
    ]
    return keras.Sequential(
        [keras.Input((FEATURES,)), *hidden, keras.layers.Dense(CLASSES, activation="softmax")]
    )


def schedule(keras):
    return keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=10, decay_rate=0.5)


def train(keras, model, optimizer, sample_weight=None):
    x, y = data()
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, sample_weight=sample_weight
    )
    return history.history


def compare(keras, make_optimizer, batch_norm, sample_weight=None):
    theirs, ours = network(keras, batch_norm), network(densor, batch_norm)
    ours.set_weights(theirs.get_weights())
    start = [w.copy() for w in theirs.get_weights()]
    expected = train(keras, theirs, make_optimizer(keras), sample_weight)
    actual = train(densor, ours, make_optimizer(densor), sample_weight)
    moved = 0.0
    for before, want, got in zip(start, theirs.get_weights(), ours.get_weights(), strict=True):
        moved = max(moved, float(np.abs(want - before).max()))
        assert_close(got, want, "trajectory")
    assert moved > 1e-2, "the training did nothing, so nothing was compared"
    assert sorted(actual) == sorted(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(actual[key], values, rtol=1e-5, atol=1e-5, err_msg=key)
    x, y = data()
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5, err_msg="predictions"
    )
    np.testing.assert_allclose(
        ours.evaluate(x, y, verbose=0),
        theirs.evaluate(x, y, verbose=0),
        rtol=1e-4,
        atol=1e-5,
        err_msg="evaluation",
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch_norm"])
def test_trajectory(keras, name, batch_norm):
    optimizer, arguments = OPTIMIZERS[name]
    compare(keras, lambda library: getattr(library.optimizers, optimizer)(**arguments), batch_norm)


def test_trajectory_with_a_schedule(keras):
    compare(keras, lambda library: library.optimizers.SGD(schedule(library), momentum=0.9), True)


def test_trajectory_with_sample_weights(keras):
    weight = np.random.default_rng(1).uniform(0.1, 2.0, ROWS).astype(np.float32)
    compare(keras, lambda library: library.optimizers.Adam(0.005), True, weight)


def test_trajectory_without_decay_of_biases(keras):
    def optimizer(library):
        instance = library.optimizers.AdamW(0.005, weight_decay=0.1)
        instance.exclude_from_weight_decay(var_names=["bias"])
        return instance

    compare(keras, optimizer, False)


def test_trajectory_with_a_partial_last_batch(keras):
    """80 rows in batches of 32: the last batch of 16 counts by its rows."""
    theirs, ours = network(keras, True), network(densor, True)
    ours.set_weights(theirs.get_weights())
    x, y = data()
    for library, model in ((keras, theirs), (densor, ours)):
        model.compile(library.optimizers.SGD(0.05), loss="sparse_categorical_crossentropy")
        model.history = model.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(ours.history.history["loss"], theirs.history.history["loss"], rtol=1e-5)
    for want, got in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        assert_close(got, want, "trajectory")
