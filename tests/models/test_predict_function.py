"""model.predict_fn: the same predictions as predict, from memory that is used again."""

import threading
import tracemalloc

import numpy as np
import pytest

import densor
from densor import layers
from densor.models.loop import Loop
from tests.models.build import classifier, data


def rows(count):
    return data()[0][:count]


@pytest.mark.parametrize("count", [1, 2, 31, 33])
def test_the_predictions_are_those_of_predict(count):
    model, x = classifier(), rows(count)
    predict = model.predict_fn(count)
    np.testing.assert_array_equal(predict(x), model.predict(x, verbose=0))
    np.testing.assert_array_equal(predict(x.astype(np.float64)), model.predict(x, verbose=0))
    np.testing.assert_array_equal(predict(x.tolist()), model.predict(x, verbose=0))


def test_the_memory_is_used_again():
    model = classifier()
    predict = model.predict_fn(2)
    first = predict(rows(2))
    kept = first.copy()
    assert predict(rows(4)[2:]) is first
    assert not np.array_equal(first, kept)


def test_it_follows_the_weights():
    model, (x, y) = classifier(), data()
    predict = model.predict_fn(3)
    before = [predict(x[:3]).copy() for _ in range(3)][-1]  # the shortest way from the second on
    model.fit(x, y, verbose=0)
    trained = predict(x[:3]).copy()
    assert not np.array_equal(before, trained)
    np.testing.assert_array_equal(trained, model.predict(x[:3], verbose=0))
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    assert len(set(predict(x[:3]).ravel().tolist())) == 1


def test_it_follows_the_layers():
    model = densor.Sequential([layers.Input((2,)), layers.Dense(3, kernel_initializer="ones")])
    predict, row = model.predict_fn(), np.array([[1.0, 2.0]], np.float32)
    for x in (row, row, [[1.0, 2.0]]):
        assert predict(x).tolist() == [[3.0] * 3]
    model.add(layers.Dense(1, kernel_initializer="ones"))
    for x in (row, row, [[1.0, 2.0]]):
        assert predict(x).tolist() == [[9.0]]


def test_it_follows_the_precision():
    model, row = classifier(), rows(1)
    predict = model.predict_fn(1)
    want = predict(row).copy()
    before = densor.config.matmul_precision()
    for precision in ("medium", "ieee", before):
        densor.config.set_matmul_precision(precision)
        try:
            np.testing.assert_array_equal(predict(row), model.predict(row, verbose=0))
        finally:
            densor.config.set_matmul_precision(before)
    np.testing.assert_array_equal(predict(row), want)


@pytest.mark.parametrize(
    "like",
    [
        np.asfortranarray,
        lambda x: x[:, ::-1][:, ::-1],
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x.view(Rows),
    ],
    ids=["columns first", "turned twice", "every other column", "a subclass"],
)
def test_arrays_that_take_the_longer_way(like):
    model, x = classifier(), rows(5)
    predict = model.predict_fn(5)
    for given in (x, x, like(x), x):
        np.testing.assert_array_equal(predict(given), model.predict(x, verbose=0))


class Rows(np.ndarray):
    """Another type of array."""


@pytest.mark.cpu("workers of the CPU")
def test_workers_that_are_awake_change_no_bit():
    """One short call after another wakes the pool: later calls of the same loop have more workers."""
    model = densor.Sequential([layers.Input((784,)), *(layers.Dense(n, "relu") for n in (300, 100, 10))])
    x = np.random.default_rng(0).random((1, 784), np.float32)
    predict, threads = model.predict_fn(1), densor.config.num_threads()
    results = set()
    for count in (1, 2, 3):
        densor.config.set_num_threads(count)
        try:
            results |= {predict(x).tobytes() for _ in range(2000)}
        finally:
            densor.config.set_num_threads(threads)
    assert len(results) == 1


def test_images_stay_bytes_and_outputs_keep_their_shape():
    image = layers.Input((2, 2), dtype="uint8")
    scaled = layers.Rescaling(0.5)(image)
    model = densor.Model(image, {"scaled": scaled, "flat": layers.Flatten()(scaled)})
    x = np.array([[[2, 4], [6, 255]]], np.uint8)
    result = model.predict_fn(1)(x)
    assert result["scaled"].tolist() == [[[1.0, 2.0], [3.0, 127.5]]]
    assert result["flat"].shape == (1, 4)


def test_noise_of_inference_goes_on():
    class Always(layers.Dropout):
        def call(self, inputs):
            return super().call(inputs, training=True)

    densor.utils.set_random_seed(3)
    predict = densor.Sequential([layers.Input((64,)), Always(0.5)]).predict_fn()
    draws = {predict(np.ones((1, 64), np.float32)).tobytes() for _ in range(5)}
    assert len(draws) == 5


@pytest.mark.parametrize(
    "wrong", [rows(3), rows(2)[:, :1], "x", None, [["a", "b"]], np.empty((0, 3), np.float32)]
)
def test_wrong_data_changes_nothing(wrong):
    model = classifier()
    predict = model.predict_fn(2)
    result = predict(rows(2))
    kept = result.copy()
    with pytest.raises((TypeError, ValueError), match=r"predict_fn\(\): argument 'x'"):
        predict(wrong)
    np.testing.assert_array_equal(result, kept)


@pytest.mark.parametrize("batch", [0, -1, 1.5, "2", True])
def test_a_wrong_size(batch):
    with pytest.raises((TypeError, ValueError), match=r"^predict_fn\(\): argument 'batch'"):
        classifier().predict_fn(batch)


def test_a_model_that_is_not_built():
    with pytest.raises(RuntimeError, match="not built"):
        densor.Sequential([layers.Dense(3)]).predict_fn()


def test_threads_take_turns():
    model, x = classifier(), rows(8)
    predict, want, wrong = model.predict_fn(1), model.predict(rows(8), verbose=0), []

    def work():
        own = model.predict_fn(1)
        for i in range(200):
            predict(x[i % 8 : i % 8 + 1])
            if not np.array_equal(own(x[i % 8 : i % 8 + 1])[0], want[i % 8]):
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_batches_of_all_sizes_share_one_memory_of_activations():
    model = densor.Sequential([layers.Input((4,)), layers.Dense(2048, activation="relu"), layers.Dense(1)])
    x = np.random.default_rng(0).random((256, 4), np.float32)
    whole = model.predict(x, verbose=0)
    tracemalloc.start()
    try:
        parts = [model.predict(x[:rows], verbose=0) for rows in (255, 100, 7)]
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 200_000  # the activations of the three take 3 MB
    for part in parts:
        np.testing.assert_array_equal(part, whole[: len(part)])


def test_variables_that_move_during_a_call(monkeypatch):
    """As by the first training step of another thread: the call that follows must not read where they were."""
    model, (x, y) = classifier(), data()
    predict, row = model.predict_fn(1), x[:1]
    run = Loop.program

    def training_comes_between(loop, count):
        program = run(loop, count)
        monkeypatch.undo()
        model.fit(x, y, epochs=2, verbose=0)
        return program

    monkeypatch.setattr(Loop, "program", training_comes_between)
    predict(row)
    np.testing.assert_array_equal(predict(row), model.predict(row, verbose=0))
