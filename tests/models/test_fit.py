"""fit: History, weights of rows, validation, order, callbacks, and the numbers it reports."""

import numpy as np
import pytest

import densor
from densor.callbacks import Callback, EarlyStopping, LambdaCallback, LearningRateScheduler
from densor.graph import buffers
from tests.models.build import CLASSES, FEATURES, ROWS, classifier, data, regressor, same_weights


class Spy(Callback):
    """Records calls; the base __init__ is not called, as in many programs for Keras."""

    def __init__(self):
        self.calls, self.batches = [], []

    def on_train_begin(self, logs=None):
        self.calls.append("train begin")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"begin {epoch}")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"end {epoch} {','.join(logs)}")

    def on_train_end(self, logs=None):
        self.calls.append("train end")


class BatchSpy(Spy):
    def on_batch_end(self, batch, logs=None):
        self.batches.append((batch, dict(logs)))


def test_history_keys_are_sorted_and_epochs_absolute():
    x, y = data()
    history = classifier().fit(x, y, epochs=5, initial_epoch=2, verbose=0, validation_data=data(20, seed=1))
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.epoch == [2, 3, 4]
    assert all(
        len(values) == 3 and all(type(v) is float for v in values) for values in history.history.values()
    )


def test_callbacks_are_called_in_order():
    x, y = data()
    spy = Spy()
    classifier().fit(x, y, epochs=2, verbose=0, callbacks=[spy])
    keys = "accuracy,loss"
    assert spy.calls == [
        "train begin", "begin 0", f"end 0 {keys}", "begin 1", f"end 1 {keys}", "train end",
    ]  # fmt: skip
    assert spy.params == {"verbose": 0, "epochs": 2, "steps": 3}


def test_batch_hooks_do_not_change_the_training():
    x, y = data()
    plain, hooked, spy = classifier(), classifier(), BatchSpy()
    expected = plain.fit(x, y, epochs=2, verbose=0).history
    actual = hooked.fit(x, y, epochs=2, verbose=0, callbacks=[spy]).history
    assert same_weights(plain, hooked)
    assert expected == actual
    assert [batch for batch, _ in spy.batches] == [0, 1, 2] * 2
    assert spy.batches[2][1] == {key: values[0] for key, values in actual.items()}, "running means"


def test_loss_is_the_mean_over_rows_with_a_short_last_batch():
    x, y = data()
    model = regressor(optimizer=densor.optimizers.SGD(1e-30))
    history = model.fit(x, y, batch_size=32, verbose=0)
    expected = np.mean((model.predict(x)[:, 0] - y) ** 2, dtype=np.float64)
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_a_loss_that_sums_is_reported_as_the_mean_of_its_batches_by_rows():
    x, y = data()
    loss = densor.losses.MeanSquaredError(reduction="sum")
    model = regressor(optimizer=densor.optimizers.SGD(1e-30), loss=loss)
    history = model.fit(x, y, batch_size=32, shuffle=False, verbose=0).history
    squares = (model.predict(x)[:, 0].astype(np.float64) - y) ** 2
    batches = [squares[start : start + 32] for start in range(0, ROWS, 32)]
    expected = sum(len(batch) * batch.sum() for batch in batches) / ROWS
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert model.evaluate(x, y, batch_size=32, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_sample_weights_divide_by_the_number_of_rows():
    x, y = data()
    weight = np.linspace(0, 2, ROWS)
    model = regressor(optimizer=densor.optimizers.SGD(1e-30))
    loss = model.fit(x, y, sample_weight=weight, verbose=0).history["loss"][0]
    squares = (model.predict(x)[:, 0] - y) ** 2
    assert loss == pytest.approx(float(np.sum(weight * squares)) / ROWS, rel=1e-5)
    assert model.evaluate(x, y, sample_weight=weight, verbose=0) == pytest.approx(loss, rel=1e-6)


def test_class_weights_are_sample_weights():
    x, y = data()
    by_class, by_row = classifier(), classifier()
    by_class.fit(x, y, class_weight={0: 0.5, 2: 3.0}, verbose=0)
    by_row.fit(x, y, sample_weight=np.array([0.5, 1.0, 3.0])[y], verbose=0)
    assert same_weights(by_class, by_row)


def test_metrics_ignore_sample_weights():
    x, y = data()
    model = classifier()
    plain = model.evaluate(x, y, verbose=0)
    weighted = model.evaluate(x, y, sample_weight=np.arange(1, ROWS + 1), verbose=0)
    assert plain[1] == weighted[1]
    assert plain[0] != weighted[0]


def test_validation_split_takes_the_last_rows_before_shuffling():
    x, y = data()
    split, given = classifier(), classifier()
    first = split.fit(x, y, validation_split=0.3, epochs=2, verbose=0).history
    second = given.fit(x[:49], y[:49], validation_data=(x[49:], y[49:]), epochs=2, verbose=0).history
    assert first == second
    assert same_weights(split, given)


@pytest.mark.parametrize(("frequency", "expected"), [(1, 4), (2, 2), (3, 1), ([1, 4], 2)])
def test_validation_freq(frequency, expected):
    x, y = data()
    history = classifier().fit(x, y, epochs=4, validation_data=(x, y), validation_freq=frequency, verbose=0)
    assert len(history.history["val_loss"]) == expected
    assert len(history.history["loss"]) == 4


def test_validation_does_not_touch_the_training():
    x, y = data()
    plain, validated = classifier(), classifier()
    plain.fit(x, y, epochs=3, verbose=0)
    validated.fit(x, y, epochs=3, validation_data=data(33, seed=5), verbose=0)
    assert same_weights(plain, validated)


def test_every_epoch_has_its_own_order():
    x, y = data()
    shuffled, again, straight = classifier(rate=0), classifier(rate=0), classifier(rate=0)
    shuffled.fit(x, y, epochs=2, verbose=0)
    again.fit(x, y, epochs=2, verbose=0)
    straight.fit(x, y, epochs=2, verbose=0, shuffle=False)
    assert same_weights(shuffled, again)
    assert not same_weights(shuffled, straight)


def test_two_calls_of_fit_are_one():
    x, y = data()
    once, twice = classifier(), classifier()
    once.fit(x, y, epochs=4, verbose=0)
    twice.fit(x, y, epochs=2, verbose=0)
    twice.fit(x, y, epochs=2, verbose=0)
    assert same_weights(once, twice)
    assert twice.optimizer.iterations == 12


def test_shuffling_whole_batches_keeps_rows_together():
    rows = np.arange(ROWS, dtype=np.float32)[:, None].repeat(FEATURES, axis=1)
    seen = []

    class Look(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(logs["loss"]))

    model = regressor(optimizer=densor.optimizers.SGD(1e-30), loss="mae")
    model.set_weights([np.zeros((FEATURES, 1)), np.zeros(1)])
    model.fit(rows, rows[:, 0], batch_size=8, shuffle="batch", verbose=0, callbacks=[Look()])
    sums = np.diff([0.0, *(mean * min(8 * (i + 1), ROWS) for i, mean in enumerate(seen))])
    blocks = [rows[i : i + 8, 0].sum() for i in range(0, ROWS, 8)]
    np.testing.assert_allclose(sorted(sums), sorted(blocks), atol=0.1)
    assert not np.allclose(sums[:-1], blocks[:-1]), "the blocks were not shuffled"
    assert sums[-1] == pytest.approx(blocks[-1], abs=0.1), "the short batch stays last"


def test_batch_size_beyond_the_rows_means_all():
    x, y = data()
    large, exact = classifier(), classifier()
    large.fit(x, y, batch_size=2**40, verbose=0)
    exact.fit(x, y, batch_size=ROWS, verbose=0)
    assert same_weights(large, exact)
    assert large.optimizer.iterations == 1


def test_early_stopping_of_the_lectures():
    """y (5,) against outputs (5, 10), integer x, losses up to infinity."""
    model = densor.Sequential([densor.layers.Dense(10)])
    model.compile(densor.optimizers.SGD(), loss="mse")
    history = model.fit(
        np.arange(100).reshape(5, 20), np.zeros(5), epochs=10, batch_size=1, verbose=0,
        callbacks=[EarlyStopping(monitor="loss", patience=3)],
    )  # fmt: skip
    assert len(history.history["loss"]) == 4
    assert history.history["loss"][-1] == float("inf")


@pytest.mark.parametrize("watches", [False, True])
def test_stop_training_before_an_epoch_leaves_one_batch_of_it(watches):
    """As in Keras, whether callbacks look at batches or not."""

    class Stop(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    class Watch(Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    model = classifier()
    x, y = data()
    history = model.fit(x, y, batch_size=10, epochs=4, callbacks=[Stop(), *[Watch()] * watches], verbose=0)
    assert history.epoch == [0, 1]
    assert model.optimizer.iterations == 7 + 1


def test_stop_training_from_a_batch():
    x, y = data()
    model, seen = classifier(), []

    def stop(batch, logs):
        seen.append(batch)
        model.stop_training = batch == 1

    model.fit(x, y, epochs=3, batch_size=8, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=stop)])
    assert seen == [0, 1]
    assert model.history.epoch == [0]
    assert model.optimizer.iterations == 2


def test_what_a_callback_logs_reaches_history():
    x, y = data()
    extra = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(lr=epoch / 2))
    scheduler = LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    history = classifier().fit(x, y, epochs=2, verbose=0, callbacks=[scheduler, extra])
    assert history.history["lr"] == [0.0, 0.5]
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.05], rtol=1e-6)


def test_the_learning_rate_of_an_epoch_is_the_one_set_at_its_beginning():
    x, y = data()
    scheduled, by_hand = classifier("sgd"), classifier("sgd")
    scheduled.fit(x, y, epochs=2, verbose=0, callbacks=[LearningRateScheduler(lambda e: [0.1, 0.5][e])])
    for rate in (0.1, 0.5):
        by_hand.optimizer.learning_rate = rate
        by_hand.fit(x, y, verbose=0)
    assert same_weights(scheduled, by_hand)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "float16", "bool", ">f4", ">i8"])
def test_every_real_dtype_of_x_is_read(dtype):
    x = (np.random.default_rng(2).random((40, FEATURES)) * 3).astype(dtype)
    y = np.arange(40) % CLASSES
    model, reference = classifier(), classifier()
    model.fit(x, y, verbose=0)
    reference.fit(x.astype(np.float32), y, verbose=0)
    assert same_weights(model, reference)
    assert (model.predict(x) == reference.predict(x.astype(np.float32))).all()


@pytest.mark.parametrize(
    "view",
    [
        lambda a: np.asfortranarray(a),
        lambda a: np.concatenate([a, a], axis=1)[:, :FEATURES],
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1].copy()[::-1],
        lambda a: np.repeat(a, 2, axis=1)[:, ::2],
        lambda a: np.frombuffer(b"\0" + a.tobytes(), np.uint8)[1:].view(np.float32).reshape(a.shape),
        lambda a: a.tolist(),
    ],
    ids=[
        "fortran",
        "columns",
        "every_other_row",
        "negative_stride",
        "every_other_column",
        "unaligned",
        "list",
    ],
)
def test_every_layout_of_x_gives_the_same_bits(view):
    x, y = data()
    model, reference = classifier(), classifier()
    model.fit(view(x), y, verbose=0)
    reference.fit(x, y, verbose=0)
    assert same_weights(model, reference)


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32", "float64"])
def test_labels_of_every_kind(shape, dtype):
    x, y = data()
    model, reference = classifier(), classifier()
    model.fit(x, y.astype(dtype).reshape(shape), verbose=0)
    reference.fit(x, y, verbose=0)
    assert same_weights(model, reference)


def test_one_hot_targets_train_as_labels_do():
    x, y = data()
    labels, one_hot = classifier(), classifier()
    one_hot.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    first = labels.fit(x, y, epochs=2, verbose=0).history
    second = one_hot.fit(x, np.eye(CLASSES)[y], epochs=2, verbose=0).history
    assert first["accuracy"] == second["accuracy"]
    np.testing.assert_allclose(first["loss"], second["loss"], rtol=1e-6)


def test_binary_targets_take_both_shapes():
    x, y = data()
    y = (y > 0).astype(np.float32)
    histories = []
    for targets in (y, y[:, None], y.astype(bool)):
        model = regressor()
        model.pop()
        model.add(densor.layers.Dense(1, activation="sigmoid", kernel_initializer="ones"))
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        histories.append(model.fit(x, targets, epochs=2, verbose=0).history)
    assert histories[0] == histories[1] == histories[2]
    assert histories[0]["accuracy"][-1] > 0.4


def test_batches_by_hand_are_the_epoch():
    x, y = data()
    fitted, stepped = classifier(), classifier()
    history = fitted.fit(x, y, batch_size=35, shuffle=False, verbose=0).history
    results = [stepped.train_on_batch(x[rows], y[rows]) for rows in (slice(35), slice(35, None))]
    assert same_weights(fitted, stepped)
    assert np.mean([loss for loss, _ in results]) == pytest.approx(history["loss"][0], rel=1e-6)
    assert stepped.train_on_batch(x, y, return_dict=True).keys() == {"accuracy", "loss"}


def test_infinities_are_accepted_when_nobody_looks():
    x, y = data()
    x[3, 2] = np.inf
    model = classifier()
    with pytest.raises(
        ValueError, match=r"1 of 420 values are not finite; the first is inf at row 3, index 2"
    ):
        model.fit(x, y, verbose=0)
    model.fit(x, y, verbose=0, check_finite=False)


def test_verbose_prints_one_line_per_epoch_when_piped(capsys):
    x, y = data()
    classifier().fit(x, y, epochs=2, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2 - 3 batches - ")
    assert " - accuracy: 0." in lines[1]


def test_silence_prints_nothing(capsys):
    x, y = data()
    model = classifier()
    model.fit(x, y, epochs=2, verbose=0)
    model.predict(x)
    model.evaluate(x, y, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_batch_that_does_not_fit_into_memory_changes_nothing(monkeypatch):
    x, y = data()
    model = classifier()
    before = model.get_weights()
    place = buffers.aligned_bytes

    def so_much(size):
        if size > 10_000:
            raise MemoryError("Unable to allocate it")
        return place(size)

    monkeypatch.setattr(buffers, "aligned_bytes", so_much)
    with pytest.raises(
        MemoryError, match=rf"^{ROWS} rows at a time need \d+ MB .* take smaller batches: Unable"
    ):
        model.fit(x, y, batch_size=ROWS, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    monkeypatch.undo()
    model.fit(x, y, batch_size=ROWS, verbose=0)


def test_arrays_of_objects_are_refused_with_a_way_out():
    x, y = data()
    with pytest.raises(
        TypeError, match=r"fit\(\): argument 'x': .* dtype object; if all are numbers, pass numpy.asarray"
    ):
        classifier().fit(x.astype(object), y, verbose=0)
