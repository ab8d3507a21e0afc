"""Data that come batch by batch: generators, data sets by index, loaders; steps per epoch."""

import itertools
import re
import threading
import warnings

import numpy as np
import pytest

import densor
from tests.models.batches import (
    BATCH,
    STARTS,
    WEIGHT,
    Indexed,
    Loader,
    Plain,
    Unsized,
    X,
    Y,
    batches,
    endless,
    in_memory,
)  # fmt: skip
from tests.models.build import CLASSES, FEATURES, ROWS, classifier, same_weights

SOURCES = {
    "generator": lambda: (endless(), {"steps_per_epoch": len(STARTS)}),
    "iterator": lambda: (iter(list(batches()) * 3), {"steps_per_epoch": len(STARTS)}),
    "loader": lambda: (Loader(), {}),
    "unsized": lambda: (Unsized(), {}),
    "indexed": lambda: (Indexed(), {"shuffle": False}),
    "threads": lambda: (Indexed(workers=3, max_queue_size=2), {"shuffle": False}),
    "processes": lambda: (Indexed(workers=1, use_multiprocessing=True), {"shuffle": False}),
    "duck": lambda: (Plain(), {"shuffle": False}),
    "arrays": lambda: ((X, Y), {"shuffle": False, "batch_size": BATCH, "steps_per_epoch": len(STARTS)}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_the_same_bits_as_from_arrays(kind):
    source, options = SOURCES[kind]()
    arguments = source if isinstance(source, tuple) else (source,)
    model = classifier()
    history = model.fit(*arguments, epochs=3, verbose=0, **options)
    expected, logs = in_memory()
    assert same_weights(model, expected)
    assert history.history == logs
    assert history.params["steps"] == (None if kind == "unsized" else len(STARTS))


def test_a_model_is_built_by_the_first_batch():
    densor.utils.set_random_seed(3)
    model = densor.Sequential([densor.layers.Dense(CLASSES, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(Loader(), verbose=0)
    assert model.input_shape == (None, FEATURES)


def test_weights_in_the_batches():
    model = classifier()
    model.fit(batches(weight=WEIGHT), verbose=0)
    assert same_weights(model, in_memory(epochs=1, sample_weight=WEIGHT)[0])


def test_class_weights():
    classes = {0: 0.5, 2: 3.0}
    model = classifier()
    model.fit(Indexed(), epochs=3, shuffle=False, class_weight=classes, verbose=0)
    assert same_weights(model, in_memory(class_weight=classes)[0])


@pytest.mark.parametrize("kind", ["loader", "indexed", "threads", "generator"])
def test_evaluate_and_predict(kind):
    model, _ = in_memory()
    source, options = SOURCES[kind]()
    steps = options.get("steps_per_epoch")
    results = model.evaluate(source, steps=steps, verbose=0, return_dict=True)
    expected = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert results == pytest.approx(expected, rel=1e-6)
    source, _ = SOURCES[kind]()
    np.testing.assert_array_equal(model.predict(source, steps=steps), model.predict(X))


def test_predictions_of_batches_without_targets():
    model, _ = in_memory(1)
    np.testing.assert_array_equal(model.predict(X[s : s + 7] for s in range(0, ROWS, 7)), model.predict(X))
    np.testing.assert_array_equal(
        model.predict((X[s : s + 7],) for s in range(0, 21, 7)), model.predict(X[:21])
    )


@pytest.mark.parametrize("kind", ["loader", "unsized", "indexed"])
def test_validation(kind):
    model = classifier()
    source, _ = SOURCES[kind]()
    history = model.fit(X, Y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0, validation_data=source)
    _, expected = in_memory(validation_data=(X, Y))
    for name, values in expected.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-6, err_msg=name)
    both = classifier().fit(Loader(), epochs=3, verbose=0, validation_data=(X, Y), validation_batch_size=9)
    assert both.history["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-6)


def test_validation_steps():
    _, history = in_memory(validation_data=(X, Y), validation_batch_size=10, validation_steps=3)
    _, expected = in_memory(validation_data=(X[:30], Y[:30]))
    assert history["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-6)
    _, streamed = in_memory(validation_data=Loader(), validation_steps=2)
    _, expected = in_memory(validation_data=(X[: 2 * BATCH], Y[: 2 * BATCH]))
    assert streamed["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-6)
    _, generated = in_memory(validation_data=endless(), validation_steps=len(STARTS))
    _, expected = in_memory(validation_data=(X, Y))
    assert generated["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-6)


def test_class_weights_are_not_for_validation():
    """As in Keras: they weigh the rows to train on."""
    weights = {0: 0.2, 1: 5.0}
    model, history = in_memory(1, validation_split=0.3, class_weight=weights)
    kept = int(ROWS * 0.7)
    expected = model.evaluate(X[kept:], Y[kept:], verbose=0, return_dict=True)
    assert history["val_loss"] == pytest.approx([expected["loss"]], rel=1e-6)
    assert history["val_accuracy"] == pytest.approx([expected["accuracy"]], rel=1e-6)


def test_epochs_of_some_steps_go_on_where_the_last_one_stopped():
    model = classifier()
    model.fit(
        X[: 4 * BATCH],
        Y[: 4 * BATCH],
        batch_size=BATCH,
        epochs=6,
        steps_per_epoch=2,
        shuffle=False,
        verbose=0,
    )
    expected = classifier()
    expected.fit(X[: 4 * BATCH], Y[: 4 * BATCH], batch_size=BATCH, epochs=3, shuffle=False, verbose=0)
    assert same_weights(model, expected)


def test_steps_choose_the_batch_size():
    model = classifier()
    assert model.fit(X, Y, steps_per_epoch=2, shuffle=False, verbose=0).params["steps"] == 2
    expected = classifier()
    expected.fit(X, Y, batch_size=ROWS // 2, shuffle=False, verbose=0)
    assert same_weights(model, expected)


def test_shuffled_arrays_in_steps_are_shuffled_as_without():
    model = classifier()
    model.fit(X, Y, batch_size=BATCH, epochs=3, steps_per_epoch=len(STARTS), verbose=0)
    expected = classifier()
    expected.fit(X, Y, batch_size=BATCH, epochs=3, verbose=0)
    assert same_weights(model, expected)


def test_a_data_set_is_told_of_epochs_and_shuffled_by_batches():
    dataset = Indexed()
    model = classifier()
    model.fit(dataset, epochs=4, verbose=0)
    assert (dataset.begun, dataset.ended) == (4, 4)
    passes = [
        tuple(dataset.asked[1 + 5 * epoch : 6 + 5 * epoch]) for epoch in range(4)
    ]  # the first was a look
    assert all(sorted(each) == list(range(5)) for each in passes)
    assert len(set(passes)) > 1
    again = Indexed()
    classifier().fit(again, epochs=4, verbose=0)
    assert again.asked == dataset.asked


def test_workers_make_batches_ahead_but_not_too_many():
    ahead = []

    class Watched(Indexed):
        def __getitem__(self, index):
            ahead.append((index, threading.current_thread() is threading.main_thread()))
            return super().__getitem__(index)

    seen = []
    hook = densor.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(len(ahead)))
    classifier().fit(Watched(workers=2, max_queue_size=2), shuffle=False, verbose=0, callbacks=[hook])
    assert [main for _, main in ahead] == [True] + 5 * [False]
    assert all(made <= 1 + batch + 1 + 2 + 1 for batch, made in enumerate(seen))


def test_batch_hooks_get_running_means():
    logs = []
    hook = densor.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, found: logs.append((batch, found["loss"]))
    )
    history = classifier().fit(Loader(), verbose=0, callbacks=[hook])
    assert [batch for batch, _ in logs] == list(range(5))
    assert logs[-1][1] == history.history["loss"][0]


def test_a_callback_stops_in_the_middle_of_an_epoch():
    model = classifier()

    def stop(batch, logs):
        model.stop_training = batch == 1

    hook = densor.callbacks.LambdaCallback(on_train_batch_end=stop)
    history = model.fit(endless(), epochs=9, steps_per_epoch=5, verbose=0, callbacks=[hook])
    assert model.optimizer.iterations == 2
    assert len(history.epoch) == 1


def test_a_generator_that_ends_early_warns_and_ends_the_training():
    model = classifier()
    with pytest.warns(UserWarning, match=r"fit\(\): 'x' ran out of data, it gave 2 of 5 batches"):
        history = model.fit(itertools.islice(endless(), 7), steps_per_epoch=5, epochs=4, verbose=0)
    assert len(history.epoch) == 2
    assert model.optimizer.iterations == 7
    expected = classifier()
    expected.fit(itertools.chain(batches(), itertools.islice(batches(), 2)), verbose=0)
    assert same_weights(model, expected)


def test_a_generator_for_one_pass_gives_one_epoch():
    model = classifier()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(batches(), verbose=0)
    with pytest.warns(UserWarning, match="ran out of data, there are no batches for another epoch"):
        history = model.fit(batches(), epochs=3, verbose=0)
    assert history.epoch == [0]
    with pytest.warns(UserWarning, match="'validation_data' ran out of data"):
        _, logs = in_memory(2, validation_data=batches())
    assert len(logs["val_loss"]) == 1


def test_more_steps_than_the_arrays_have():
    with pytest.warns(UserWarning, match="it gave 5 of 9 batches"):
        history = classifier().fit(
            X, Y, batch_size=BATCH, epochs=2, steps_per_epoch=9, shuffle=False, verbose=0
        )
    assert history.history == in_memory(2)[1]


def test_an_endless_data_set():
    class Endless(Indexed):
        num_batches = None

        def __getitem__(self, index):
            return super().__getitem__(index % len(STARTS))

    model = classifier()
    model.fit(Endless(), epochs=3, steps_per_epoch=len(STARTS), verbose=0)
    assert same_weights(model, in_memory()[0])


def test_a_doctor_looks_at_the_batch_before():
    doctor = densor.callbacks.Doctor()
    model, expected = classifier(), in_memory(2)[0]
    model.fit(Loader(), epochs=2, verbose=0, callbacks=[doctor])
    assert same_weights(model, expected)


def test_sparse_matrices_are_no_batches():
    class Sparse:
        shape = (3, 3)

        def __iter__(self):
            return iter(())

    with pytest.raises(
        TypeError, match=r"fit\(\): argument 'x': expected an array of real numbers, got Sparse"
    ):
        classifier().fit(Sparse(), Y, verbose=0)


def test_the_line_of_an_epoch_tells_how_many_batches_there_were(capsys):
    classifier().fit(batches(), verbose=2)
    assert capsys.readouterr().out.startswith("Epoch 1/1 - 5 batches - ")


@pytest.mark.parametrize(
    ("source", "shuffle", "warned"),
    [
        (endless, True, r"^fit\(\): argument 'shuffle': True is ignored, as the batches of a generator"),
        (endless, None, None),
        (endless, False, None),
        (Loader, True, "of a data set"),
        (Indexed, True, None),
        (Indexed, "batch", "'batch' is ignored, as the batches of a PyDataset"),
    ],
)
def test_who_asks_for_another_order_in_vain_is_told(source, shuffle, warned):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier().fit(source(), steps_per_epoch=2, verbose=0, shuffle=shuffle)
    assert len(caught) == (warned is not None)
    if warned is not None:
        assert re.search(warned, str(caught[0].message))
