"""Training and predicting at every precision: the same bits each time, and the accuracy of float32."""

import numpy as np
import pytest

import densor
from densor import _core, config
from tests.on_device import DEVICE
from tests.ops.harness import MATRIX_UNITS
from tests.test_reproducibility import assert_same, data, network, trained

PRECISIONS = (
    "x6",
    "high",
    "medium",
)  # x6: six products in all shapes, where "highest" takes them in large ones


@pytest.fixture(params=[DEVICE] if DEVICE else MATRIX_UNITS)
def units(request):
    """A CPU target with matrix units, or the device under test; afterwards everything is as it was."""
    before = _core.num_threads(), _core.cpu_target()
    if request.param != DEVICE:
        _core.set_cpu_target(request.param)
    yield request.param
    _core.set_num_threads(before[0])
    _core.set_cpu_target(before[1])
    _core.set_matmul_precision("highest")


@pytest.mark.parametrize("precision", [*PRECISIONS, "highest", "ieee"])
def test_threads_and_runs_do_not_change_a_bit(units, precision):
    _core.set_matmul_precision(precision)
    first = trained("adam", 1)
    for threads in (1,) if units == DEVICE else (1, 2, 3, 5):
        assert_same(first, trained("adam", threads), f"{threads} threads at {precision}")


@pytest.mark.cpu("CPU targets")
def test_ieee_is_what_other_targets_do(units):
    config.set_matmul_precision("ieee")
    assert_same(trained("adam", 2), trained("adam", 2, "avx2"), "avx2")


@pytest.mark.cpu("CPU targets")
def test_precisions_differ_where_there_are_matrix_units_and_only_there(units):
    def weights(precision):
        _core.set_matmul_precision(precision)
        return trained()

    results = {precision: weights(precision) for precision in (*PRECISIONS, "ieee")}
    kernels = [model.get_weights()[0].tobytes() for model, _ in results.values()]
    assert len(set(kernels)) == 4
    _core.set_cpu_target("avx2")
    for precision in (*PRECISIONS, "highest"):
        assert_same(results["ieee"], weights(precision), f"{precision} on avx2")


def test_a_compiled_model_follows_the_setting(units):
    x, y = data()
    model = network()
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    function = model.predict_fn(len(x))

    def outputs():
        return [model.predict(x, verbose=0), function(x).copy(), model(x), model.evaluate(x, y, verbose=0)]

    found = {}
    for precision in ("ieee", "x6", "high", "medium", "ieee", "highest"):
        config.set_matmul_precision(precision) if precision != "x6" else _core.set_matmul_precision(precision)
        now = outputs()
        for first, again in zip(found.setdefault(precision, now), now, strict=True):
            np.testing.assert_array_equal(first, again)
    if units == DEVICE:  # whose plan, and whether it has matrix units, is that of the GPU
        return
    assert found["x6"][0].tobytes() != found["ieee"][0].tobytes()
    for precision in ("highest", "high", "medium"):  # in layers as narrow as these all are multiply-adds
        for other, plain in zip(found[precision], found["ieee"], strict=True):
            np.testing.assert_array_equal(other, plain)


@pytest.mark.cpu("what a CPU takes for predictions at each precision")
def test_wide_layers_predict_by_one_product_at_medium_only(units):
    densor.utils.set_random_seed(0)
    model = densor.Sequential([densor.Input((320,)), densor.layers.Dense(320)])
    x = np.random.default_rng(0).random((70, 320), np.float32)
    found = {}
    for precision in ("ieee", "highest", "high", "medium"):
        config.set_matmul_precision(precision)
        found[precision] = model.predict(x, verbose=0)
        for rows in (1, 16, 33):
            np.testing.assert_array_equal(model.predict_fn(rows)(x[:rows]), found[precision][:rows])
    np.testing.assert_array_equal(found["highest"], found["ieee"])
    np.testing.assert_array_equal(found["high"], found["ieee"])
    error = np.abs(found["medium"] - found["ieee"]).max()
    assert 0 < error < 1e-2


@pytest.mark.parametrize("precision", [*PRECISIONS, "ieee"])
@pytest.mark.parametrize("batch", [1, 7, 16, 33])
def test_a_row_does_not_depend_on_its_batch(units, precision, batch):
    model = network()
    x, _ = data()
    _core.set_matmul_precision(precision)
    whole = model.predict(x, batch_size=len(x), verbose=0)
    np.testing.assert_array_equal(model.predict(x, batch_size=batch, verbose=0), whole)


def accuracy(precision, seed):
    """Share of the test digits that a network trained on the others tells apart."""
    _core.set_matmul_precision(precision)
    (x, y), (x_test, y_test) = densor.datasets.digits.load_data()
    densor.utils.set_random_seed(seed)
    layers = densor.layers
    model = densor.Sequential(
        [
            densor.Input((8, 8)),
            layers.Flatten(),
            layers.Rescaling(1 / 16),
            layers.Dense(64, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(48, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(densor.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=12, batch_size=32, verbose=0)
    return model.evaluate(x_test, y_test, verbose=0)[1]


@pytest.mark.long_on_host("20 trainings of 12 epochs")
def test_digits_are_learned_as_well_at_every_precision(units):
    """Within 0.3 points of float32, on average over five seeds."""
    means = {
        precision: np.mean([accuracy(precision, seed) for seed in range(5)])
        for precision in ("ieee", *PRECISIONS)
    }
    assert means["ieee"] > 0.9
    assert all(abs(mean - means["ieee"]) <= 0.003 for mean in means.values()), means
