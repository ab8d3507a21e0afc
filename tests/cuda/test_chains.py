"""Tabular nets whose dense layers are one kernel: the CPU's trajectories and masks, whatever is around the layers."""

import numpy as np
import pytest

import densor as keras
from tests.cuda.models import assert_same, data, needs_device, on_both, threads_in
from tests.ops.harness import CUDA, TARGETS, _core

pytestmark = needs_device
BATCH = 24


@pytest.fixture
def alone():
    """Switches chains off, and on again behind the test."""
    yield lambda: _core.set_device_chains(False)
    _core.set_device_chains(True)
    _core.set_device_steps("auto")


def tabular(device, hidden=(64,) * 6, activation="relu", rate=0.0, optimizer="adam", changed=None, **options):
    """32-64x6-1, compiled, with the weights that it always begins with."""
    keras.utils.set_random_seed(11)
    layers = []
    for units in hidden:
        layers.append(
            keras.layers.Dense(units, activation=activation, kernel_initializer="he_normal", **options)
        )
        layers += [keras.layers.Dropout(rate)] if rate else []
    model = keras.Sequential([keras.Input((32,)), *layers, keras.layers.Dense(1)])
    if changed is not None:
        changed(model)
    model.compile(keras.optimizers.get(optimizer), "mse", metrics=["mae"], device=device)
    return model


def rows(count=110):
    x, labels = data(count, 32, 5)
    return x, labels.astype(np.float32)[:, None] / 4 - 0.5


def fitted(device, count=110, epochs=3, batch=BATCH, **options):
    x, y = rows(count)
    model = tabular(device, **options)
    history = model.fit(x, y, epochs=epochs, batch_size=batch, verbose=0).history
    return (
        model.get_weights(),
        history,
        model.predict(x, verbose=0),
        np.array(model.evaluate(x, y, verbose=0)),
    )


def kernels(device, **options):
    _core.emulated_traffic()
    found = fitted(device, **options)
    return _core.emulated_traffic()["kernels"], found


def test_a_tabular_net_follows_the_trajectory_of_the_cpu():
    """Fifty steps, the last of each epoch with fewer rows."""
    on_both(lambda device: fitted(device, epochs=10))


@pytest.mark.parametrize("activation", ["tanh", "gelu", "silu", "selu", "softplus"])
def test_activations(activation):
    on_both(lambda device: fitted(device, hidden=(33, 31, 7), activation=activation))


def test_dropout_between_layers_has_the_masks_of_the_cpu():
    on_both(lambda device: fitted(device, hidden=(40, 128, 17), rate=0.4))


def test_many_rows_in_a_batch():
    on_both(lambda device: fitted(device, count=4200, batch=4150, hidden=(16, 5), epochs=2))


@pytest.mark.parametrize(
    "clipping", [{"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"clipvalue": 0.01}], ids=str
)
def test_clipping(clipping):
    on_both(lambda device: fitted(device, hidden=(20, 20), optimizer=keras.optimizers.Adam(**clipping)))


def test_regularizers_and_constraints():
    options = {
        "kernel_regularizer": "l2",
        "bias_regularizer": "l1",
        "activity_regularizer": "l2",
        "kernel_constraint": keras.constraints.MaxNorm(0.7),
    }
    on_both(lambda device: fitted(device, hidden=(20, 20), optimizer="sgd", **options))
    del options["activity_regularizer"]  # which reads what lies between the layers
    on_both(lambda device: fitted(device, hidden=(20, 20), optimizer="sgd", **options))


@pytest.mark.parametrize("frozen", [(0,), (0, 1), (1,), (2,)], ids=str)
def test_frozen_layers(frozen):
    def freeze(model):
        for index in frozen:
            model.layers[index].trainable = False

    on_both(lambda device: fitted(device, hidden=(20, 20), changed=freeze))


def test_a_layer_used_twice_and_a_branch():
    x, y = rows(50)

    def run(device):
        keras.utils.set_random_seed(2)
        twice = keras.layers.Dense(12, activation="tanh")
        inputs = keras.Input((32,))
        h = keras.layers.Dropout(0.2)(keras.layers.Dense(12)(inputs))
        a = keras.layers.Dropout(0.3)(twice(keras.layers.Dense(12, activation="relu")(h)))
        b = twice(twice(keras.layers.Dropout(0.3)(h)))
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Add()([keras.layers.Dense(9)(a),
                                                                              keras.layers.Dense(9)(b)])))  # fmt: skip
        model.compile("adam", "mse", device=device)
        history = model.fit(x, y, epochs=3, batch_size=16, verbose=0).history
        return model.get_weights(), history, model.predict(x, verbose=0)

    on_both(run)


def test_monte_carlo_predictions():
    x, _ = rows(20)
    on_both(lambda device: tabular(device, hidden=(20, 20), rate=0.3).predict_mc(x, samples=5)[:2])


def test_both_orders_have_the_same_bits_and_so_does_a_second_run():
    found = []
    for order in (*TARGETS, TARGETS[0]):
        with threads_in(order):
            found.append(fitted("cuda", rate=0.2, epochs=1))
    for other in found[1:]:
        assert_same(other, found[0], rtol=0, atol=0)


@pytest.mark.parametrize("count", [1, 5])
def test_predictions_do_not_depend_on_the_batch(count):
    x, _ = rows(60)
    with threads_in(TARGETS[0]):
        model = tabular("cuda")
        whole = model.predict(x, batch_size=60, verbose=0)
        np.testing.assert_array_equal(model.predict(x, batch_size=count, verbose=0), whole)


def test_predictions_have_the_bits_of_the_layers_one_by_one(alone):
    x, _ = rows(60)
    with threads_in(TARGETS[0]):
        model = tabular("cuda")
        joined = model.predict(x, verbose=0)
        alone()
        np.testing.assert_array_equal(model.predict(x, verbose=0), joined)


@pytest.mark.skipif(CUDA != "host", reason="counts of the emulated device")
def test_a_step_has_a_fraction_of_the_kernels(alone):
    with threads_in(TARGETS[0]):
        joined, found = kernels("cuda", epochs=1)
        alone()
        apart, other = kernels("cuda", epochs=1)
    assert_same(found, other)
    assert joined < apart / 2, (joined, apart)


@pytest.mark.skipif(CUDA != "host", reason="counts of the emulated device")
def test_a_net_that_was_trained_as_graphs_goes_on_as_one_kernel(alone):
    """Programs are made anew where the way to run batches has changed: a chain is no phase."""
    x, y = rows(96)
    with threads_in(TARGETS[0]):
        model = tabular("cuda", hidden=(20, 20))
        model.compile("adam", "mse", device="cuda")
        model.fit(x, y, batch_size=BATCH, verbose=0)
        _core.set_device_steps("persistent")
        _core.emulated_traffic()
        model.fit(x, y, batch_size=BATCH, verbose=0)
        assert _core.emulated_traffic()["captures"] == 0
