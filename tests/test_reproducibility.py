"""The same bits whatever the number of threads, the FMA target, the batch size of a prediction."""

import numpy as np
import pytest

import densor
from densor import _core

EPOCHS = 3
FMA_TARGETS = [name for name in _core.cpu_targets() if name not in ("scalar", "amx")]


@pytest.fixture
def settings():
    """Puts threads and target back after the test."""
    before = _core.num_threads(), _core.cpu_target()
    yield
    _core.set_num_threads(before[0])
    _core.set_cpu_target(before[1])


def data(rows=203):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (rows, 40)).astype(np.uint8), rng.integers(0, 10, rows)


def network():
    densor.utils.set_random_seed(1)
    layers = densor.layers
    return densor.Sequential(
        [
            densor.Input((40,)),
            layers.Rescaling(1 / 255),
            layers.Dense(130, use_bias=False, kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dropout(0.2),
            layers.Dense(33, activation="gelu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def trained(optimizer="adam", threads=None, target=None):
    """Weights and history after three shuffled epochs with a partial last batch."""
    if target is not None:
        _core.set_cpu_target(target)
    if threads is not None:
        _core.set_num_threads(threads)
    model = network()
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(*data(), epochs=EPOCHS, batch_size=32, verbose=0)
    return model, history.history


def assert_same(first, second, what):
    for a, b in zip(first[0].get_weights(), second[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32), err_msg=what)
    assert first[1] == second[1], what


@pytest.mark.cpu("CPU targets and their threads")
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("target", _core.cpu_targets())
def test_threads_do_not_change_a_bit(settings, optimizer, target):
    first = trained(optimizer, 1, target)
    for threads in (2, 3, 5):
        assert_same(first, trained(optimizer, threads, target), f"{threads} threads on {target}")


@pytest.mark.cpu("threads")
def test_global_norm_does_not_depend_on_threads(settings):
    def make():
        return densor.optimizers.Adam(global_clipnorm=0.01)

    assert_same(trained(make(), 1), trained(make(), 3), "global_clipnorm")


@pytest.mark.cpu("CPU targets")
def test_fma_targets_agree(settings):
    results = [trained("adam", 2, target) for target in FMA_TARGETS]
    for target, other in zip(FMA_TARGETS[1:], results[1:], strict=True):
        assert_same(results[0], other, f"{FMA_TARGETS[0]} and {target}")


def test_seeds_repeat_and_differ():
    assert_same(trained(), trained(), "the same seed")
    model, _ = trained()
    densor.utils.set_random_seed(2)
    other = densor.Sequential([densor.Input((40,)), densor.layers.Dense(130)])
    assert not np.array_equal(model.get_weights()[0], other.get_weights()[0])


def test_training_learned_something():
    _, history = trained()
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 16, 33, 256])
def test_a_row_does_not_depend_on_its_batch(batch):
    model, _ = trained()
    x, _ = data()
    whole = model.predict(x, batch_size=len(x), verbose=0)
    parts = model.predict(x, batch_size=batch, verbose=0)
    np.testing.assert_array_equal(parts.view(np.uint32), whole.view(np.uint32))


LAYOUTS = {
    "fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=0)[::2],
    "strided_columns": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "reversed": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "reversed_columns": lambda a: np.ascontiguousarray(a[:, ::-1])[:, ::-1],
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "float64": lambda a: a.astype(np.float64),
    "list": lambda a: a.tolist(),
    "read_only": lambda a: _read_only(a),
    "unaligned": lambda a: _unaligned(a),
}


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def _unaligned(array):
    raw = np.empty(array.nbytes + 1, np.uint8)
    view = raw[1:].view(array.dtype) if array.itemsize == 1 else np.ndarray(array.shape, array.dtype, raw, 1)
    view = view.reshape(array.shape)
    view[...] = array
    return view


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_layouts_of_the_data_do_not_matter(layout, dtype):
    x, y = data(70)
    x = x.astype(dtype)
    results = []
    for given in (x, LAYOUTS[layout](x)):
        model = network()
        model.compile("adam", loss="sparse_categorical_crossentropy")
        model.fit(given, y, epochs=1, verbose=0)
        results.append([*model.get_weights(), model.predict(given, verbose=0)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_broadcast_rows_are_accepted():
    x = np.broadcast_to(np.arange(40, dtype=np.float32), (50, 40))
    model, _ = trained()
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x.copy(), verbose=0))


def test_nan_stays_in_its_row():
    model, _ = trained()
    x = data(9)[0].astype(np.float32)
    clean = model.predict(x, verbose=0)
    x[4, 7] = np.nan
    spoiled = model.predict(x, verbose=0)
    assert np.isnan(spoiled[4]).all()
    np.testing.assert_array_equal(np.delete(spoiled, 4, axis=0), np.delete(clean, 4, axis=0))


def large(threads):
    """Trained on batches whose activations outgrow the caches, so that they are shared out by rows."""
    _core.set_num_threads(threads)
    densor.utils.set_random_seed(1)
    layers = densor.layers
    dense = [layers.Dense(1008, activation=name) for name in ("gelu", "relu", "tanh")]
    noise = [layers.Dropout(0.3), layers.GaussianNoise(0.1), layers.AlphaDropout(0.1)]
    stack = [layer for pair in zip(dense, noise, strict=True) for layer in pair]
    stack[2:2] = [layers.LayerNormalization(), layers.Activation(lambda x: x * densor.ops.sigmoid(x))]
    model = densor.Sequential([densor.Input((16,)), *stack, layers.Dense(3, activation="softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2 * 1056, 16), dtype=np.float32), rng.integers(0, 3, 2 * 1056)
    return model, model.fit(x, y, epochs=1, batch_size=1056, shuffle=True, verbose=0).history


@pytest.mark.cpu("threads")
def test_threads_do_not_change_a_bit_of_large_batches(settings):
    one = large(1)
    for threads in (2, 3):
        assert_same(one, large(threads), f"{threads} threads")
