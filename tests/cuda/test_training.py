"""Whole models on the CUDA side: programs of device steps, and their trajectories against the CPU's."""

import numpy as np
import pytest

import densor as keras
from tests.ops.harness import CUDA, TARGETS, on_target

pytestmark = pytest.mark.skipif(CUDA != "host", reason="the CUDA kernels run in `make test-cuda`")
EPOCHS, BATCH = 3, 16  # 50 rows: the last batch is a part of one


def data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 20)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 0.5)


def classifier(optimizer="adam", **options):
    keras.utils.set_random_seed(7)
    layers = [
        keras.layers.Dense(33, activation="relu", kernel_initializer="he_normal"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(17, activation="selu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((20,)), *layers])
    model.compile(
        optimizer=keras.optimizers.get(optimizer),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **options,
    )
    return model


def trained(make, target=None):
    """Weights, history and predictions after a fit, on the CPU or on the device."""
    x, y = data()

    def run():
        model = make()
        history = model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0, validation_data=(x, y)).history
        return model.get_weights(), history, model.predict(x, verbose=0)

    if target is None:
        return run()
    with on_target(target):
        return run()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "nadam", "rmsprop", "lamb"])
def test_a_fit_follows_the_trajectory_of_the_cpu(optimizer):
    make = lambda: classifier(optimizer)  # noqa: E731
    weights, history, predictions = trained(make)
    for target in TARGETS:
        others, its_history, its_predictions = trained(make, target)
        for mine, other in zip(weights, others, strict=True):
            np.testing.assert_allclose(other, mine, rtol=0, atol=1e-4)
        np.testing.assert_allclose(its_predictions, predictions, rtol=0, atol=1e-4)
        for name, values in history.items():
            np.testing.assert_allclose(its_history[name], values, rtol=0, atol=1e-4, err_msg=name)


def test_runs_have_the_same_bits_in_both_orders_of_threads():
    first, second = (trained(classifier, target)[0] for target in TARGETS)
    for mine, other in zip(first, second, strict=True):
        assert np.array_equal(mine, other)


def test_global_clipping_and_weight_decay():
    make = lambda: classifier(keras.optimizers.AdamW(weight_decay=0.01, global_clipnorm=0.5))  # noqa: E731
    for mine, other in zip(trained(make)[0], trained(make, TARGETS[0])[0], strict=True):
        np.testing.assert_allclose(other, mine, rtol=0, atol=1e-4)


def test_regression_with_layer_normalization_and_penalties():
    def make():
        keras.utils.set_random_seed(3)
        model = keras.Sequential(
            [
                keras.Input((20,)),
                keras.layers.Dense(32, activation="gelu", kernel_regularizer=keras.regularizers.L2(1e-3)),
                keras.layers.LayerNormalization(),
                keras.layers.Dense(1),
            ]
        )
        model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss="mse", metrics=["mae"])
        return model

    for mine, other in zip(trained(make)[0], trained(make, TARGETS[0])[0], strict=True):
        np.testing.assert_allclose(other, mine, rtol=0, atol=1e-4)
