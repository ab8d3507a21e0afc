"""Data that lie in device memory train, evaluate and predict where they are."""

import gc

import numpy as np
import pytest

import densor as keras
from densor.graph import copied_to_device
from densor.models.device_rows import DeviceRows, device_rows
from tests.cuda.models import assert_same, classifier, data, needs_device, threads_in
from tests.ops.harness import EMULATED, _core

pytestmark = needs_device
X, Y = data()
FIT = {"epochs": 3, "batch_size": 16, "verbose": 0}


class Foreign:
    """An array of another library: only the interface tells what it is."""

    def __init__(self, array, **changes):
        self.memory = copied_to_device(array)
        self.__cuda_array_interface__ = self.memory.__cuda_array_interface__ | changes
        self.shape = self.__cuda_array_interface__["shape"]


def test_rows_and_their_copies():
    array = np.arange(24, dtype=np.uint8).reshape(6, 4)
    rows = device_rows("fit", "x", Foreign(array))
    assert (rows.shape, rows.ndim, rows.size, rows.dtype, len(rows)) == ((6, 4), 2, 24, np.uint8, 6)
    np.testing.assert_array_equal(rows.numpy(), array)
    np.testing.assert_array_equal(rows[1:5:2].numpy(), array[1:5:2])
    np.testing.assert_array_equal(rows[2:][1:].numpy(), array[3:])
    np.testing.assert_array_equal(rows[np.array([5, 0])], array[[5, 0]])
    assert rows[4:2].numpy().shape == (0, 4)
    column = device_rows("fit", "x", Foreign(array[:, 0]))
    assert column.reshape(-1, 1).numpy().shape == (6, 1)
    assert device_rows("fit", "x", array) is None
    assert device_rows("fit", "x", [1, 2]) is None


def test_the_interface_without_strides():
    array = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.testing.assert_array_equal(DeviceRows(*_parts(array))[1:].numpy(), array[1:])


def _parts(array):
    foreign = Foreign(array, strides=None)
    return foreign, foreign.__cuda_array_interface__


def results(x, y, **fit):
    model = classifier("cuda", metrics=["accuracy"])
    history = model.fit(x, y, **(FIT | fit)).history
    return model.get_weights(), history, model.evaluate(x, y, verbose=0), model.predict(x, verbose=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_a_fit_has_the_bits_of_one_from_host_memory(dtype):
    x = (X * 10 + 40).astype(dtype)
    assert_same(results(Foreign(x), Foreign(Y)), results(x, Y), rtol=0, atol=0)


def test_features_are_not_copied(monkeypatch):
    copied = []
    original = keras.models.data.copied_to_device
    monkeypatch.setattr(
        keras.models.data, "copied_to_device", lambda a: copied.append(a.shape) or original(a)
    )
    x = Foreign(X)
    model = classifier("cuda")
    model.fit(x, Y, **FIT)
    assert copied == [(50, 1)]  # the targets


def test_rows_apart_from_one_another():
    wide = np.concatenate([X, X], axis=1)
    strided = Foreign(wide, shape=(50, 20), strides=(160, 4))
    assert_same(results(strided, Y), results(X, Y), rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"fit\(\): argument 'x': has rows that are not contiguous"):
        results(Foreign(wide, shape=(50, 20), strides=(160, 8)), Y)


def test_validation_weights_and_single_steps():
    weights = np.random.default_rng(0).random(50)

    def run(place):
        model = classifier("cuda")
        held = (place(X[:9]), place(Y[:9]))
        history = model.fit(
            place(X), place(Y), sample_weight=place(weights), validation_data=held, **FIT
        ).history
        model.fit(place(X), place(Y), validation_split=0.2, **FIT)
        step = model.train_on_batch(place(X), place(Y))
        return (
            history,
            step,
            model.compute_gradients(place(X), place(Y)),
            model.predict_fn(50)(place(X)).copy(),
        )

    assert_same(run(Foreign), run(lambda array: array), rtol=1e-6, atol=1e-6)


def test_a_model_that_is_not_built():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", device="cuda")
    model.fit(Foreign(X), Y, **FIT)
    assert model.input_shape == (None, 20)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            lambda: Foreign(np.where(X > 2, np.nan, X)),
            lambda: Y,
            "values are not finite; the first is at row",
        ),
        (lambda: Foreign(X[:, :5]), lambda: Y, "expected shape"),
        (lambda: Foreign(X), lambda: Foreign(Y + 5), "outside"),
        (lambda: Foreign(X), lambda: Foreign(Y[:-1]), "expected 50 rows"),
        (lambda: Foreign(X[:0]), lambda: Y[:0], "there are no rows"),
    ],
    ids=["nan", "shape", "label", "rows", "empty"],
)
def test_bad_rows_change_nothing(x, y, message):
    model = classifier("cuda")
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(x(), y(), **FIT)
    assert_same(model.get_weights(), before, rtol=0, atol=0)


def test_other_than_real_numbers():
    with pytest.raises(TypeError, match="expected real numbers, got dtype complex64"):
        classifier("cuda").fit(Foreign(X, typestr="<c8"), Y, **FIT)


def test_models_on_the_cpu_cannot_read_device_memory():
    model = classifier("cpu")
    for call in (lambda: model.fit(Foreign(X), Y), lambda: model.evaluate(Foreign(X), Y)):
        with pytest.raises(TypeError, match="argument 'x': is in device memory"):
            call()
    for call in (lambda: model.predict(Foreign(X)), lambda: model.predict_fn(50)(Foreign(X))):
        with pytest.raises(TypeError, match="is on cuda, the batch on the cpu"):
            call()


def test_the_callers_memory_is_held_no_longer_than_needed():
    x = Foreign(X)
    model = classifier("cuda")
    model.fit(x, Y, **FIT)
    gc.collect()
    assert not [other for other in gc.get_objects() if type(other) is DeviceRows]


@pytest.mark.skipif(not EMULATED, reason="counts of the emulated device")
def test_labels_are_looked_at_where_they_lie():
    x, y = np.zeros((4000, 20), np.float32), np.arange(4000) % 3
    with threads_in("ascending"):
        model = classifier("cuda")
        there = Foreign(x), Foreign(y)
        for labels in (there[1], Foreign(y.astype(np.uint8)), Foreign(y[:, None])):
            _core.emulated_traffic()
            model.fit(there[0], labels, batch_size=1000, verbose=0, shuffle=False)
            assert (
                _core.emulated_traffic()["uploaded_bytes"] < y.nbytes + 70_000
            )  # counters, and the model's own
        y[2345] = 2**31 + 1
        with pytest.raises(ValueError, match=r"'y': value 2147483649 at row 2345 is outside \[0, 3\)"):
            model.fit(there[0], Foreign(y), verbose=0)


def test_labels_where_they_lie_with_all_that_reads_them():
    """Class weights, metrics that Python computes, steps of the model's own, a part that validates."""

    def run(place):
        model = classifier("cuda", metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)])
        fit = FIT | {"class_weight": {0: 2.0}, "validation_split": 0.3}
        history = model.fit(place(X), place(Y), **fit).history
        return history, model.evaluate(place(X), place(Y), verbose=0, return_dict=True)

    assert_same(run(Foreign), run(lambda array: array), rtol=1e-6, atol=1e-6)
