"""Callbacks in real trainings: what the course notebooks do with them, exceptions, and the model afterwards."""

import numpy as np
import pytest

import densor
from densor import callbacks, layers, optimizers
from densor.callbacks import Callback, LambdaCallback
from densor.errors import BusyError, NonFiniteError

RNG = np.random.default_rng(5)
X = RNG.normal(size=(50, 6)).astype(np.float32)
Y = (X @ RNG.normal(size=(6, 1)) + 0.1 * RNG.normal(size=(50, 1))).astype(np.float32)


def regression(learning_rate=0.01, dropout=0.0):
    densor.utils.set_random_seed(3)
    hidden = [layers.Dense(8, activation="tanh"), layers.Dropout(dropout)]
    model = densor.Sequential([densor.Input((6,)), *hidden, layers.Dense(1)])
    model.compile(optimizers.SGD(learning_rate, momentum=0.9), loss="mse", metrics=["mae"])
    return model


def fit(model, *hooks, epochs=3, **options):
    return model.fit(X, Y, epochs=epochs, batch_size=16, verbose=0, callbacks=list(hooks), **options)


def weights(model):
    return [w.tobytes() for w in model.get_weights()]


def test_the_example_of_the_deck():
    """Losses of 1e16, 1e35, inf, inf: the third epoch without improvement ends the training after four."""
    densor.utils.set_random_seed(0)
    model = densor.keras.models.Sequential([layers.Dense(10)])
    model.compile(optimizers.SGD(), loss="mse")
    callback = callbacks.EarlyStopping(monitor="loss", patience=3)
    x, y = np.arange(100).reshape(5, 20), np.zeros(5)
    history = model.fit(x, y, epochs=10, batch_size=1, callbacks=[callback], verbose=0)
    assert len(history.history["loss"]) == 4


class ExponentialLearningRate(Callback):
    """The learning-rate finder of Géron's notebook: it never calls the base's constructor."""

    def __init__(self, factor):
        self.factor, self.rates, self.losses = factor, [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.sum_of_losses = 0

    def on_batch_end(self, batch, logs=None):
        mean = logs["loss"]
        new_sum = mean * (batch + 1)
        self.rates.append(self.model.optimizer.learning_rate.numpy())
        self.losses.append(new_sum - self.sum_of_losses)
        self.sum_of_losses = new_sum
        self.model.optimizer.learning_rate = self.model.optimizer.learning_rate.numpy() * self.factor


def test_the_learning_rate_finder_of_the_notebook():
    finder = ExponentialLearningRate(1.1)
    model = regression(0.001)
    model.fit(X[:48], Y[:48], epochs=1, batch_size=8, verbose=0, shuffle=False, callbacks=[finder])
    np.testing.assert_allclose(finder.rates, 0.001 * 1.1 ** np.arange(6), rtol=1e-6)
    by_hand, expected = regression(0.001), []
    for batch in range(6):
        by_hand.optimizer.learning_rate = float(finder.rates[batch])
        rows = slice(8 * batch, 8 * batch + 8)
        expected.append(by_hand.train_on_batch(X[rows], Y[rows])[0])
    np.testing.assert_allclose(finder.losses, expected, rtol=1e-5)
    assert weights(model) == weights(by_hand)


def test_figures_at_the_end_of_a_batch_are_running_means():
    seen = []
    hook = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(dict(logs)))
    history = fit(regression(), hook, epochs=1)
    assert seen[-1] == {name: values[0] for name, values in history.history.items()}
    assert len(seen) == 4


@pytest.mark.parametrize(
    "hook", ["on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"]
)
def test_batch_hooks_change_no_bit(hook):
    """Dropout, shuffling and a schedule count the batches, not the native calls."""
    schedule = optimizers.schedules.CosineDecay(0.05, 12)
    plain, watched, calls = regression(schedule, 0.3), regression(schedule, 0.3), []
    expected = fit(plain).history
    actual = fit(watched, LambdaCallback(**{hook: lambda batch, logs: calls.append(batch)})).history
    assert calls == [0, 1, 2, 3] * 3
    assert weights(watched) == weights(plain)
    assert actual == expected


def test_schedulers_reach_history_and_the_optimizer():
    model = regression(0.5)
    history = fit(model, callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.1))
    np.testing.assert_allclose(history.history["learning_rate"], [0.05, 0.005, 0.0005], rtol=1e-6)
    assert model.optimizer.learning_rate == np.float32(history.history["learning_rate"][-1])


def test_a_rate_set_by_a_callback_is_the_rate_trained_with():
    """Momentum and all: halving before the second epoch equals two fits with the two rates."""
    scheduled, by_hand = regression(0.1), regression(0.1)
    fit(scheduled, callbacks.LearningRateScheduler(lambda epoch: 0.1 * 0.5**epoch), epochs=2, shuffle=False)
    fit(by_hand, epochs=1, shuffle=False)
    by_hand.optimizer.learning_rate = 0.05
    fit(by_hand, epochs=1, shuffle=False)
    assert weights(scheduled) == weights(by_hand)


def test_reduce_lr_on_plateau():
    model = regression(0.5)
    history = fit(model, callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9), epochs=4)
    assert history.history["learning_rate"] == [0.5, 0.5, 0.25, 0.125]
    assert model.optimizer.learning_rate == 0.0625


def test_a_schedule_cannot_be_reduced_and_the_model_stays_usable():
    model = regression(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(TypeError, match=r"^SGD\(\): argument 'learning_rate': .* follows a ExponentialDecay"):
        fit(model, callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=1e9))
    assert len(fit(model).epoch) == 3


def test_the_metrics_of_the_model_know_the_direction():
    model = regression()
    model.compile("sgd", "mse", metrics=[densor.metrics.MeanAbsoluteError("distance"), "mse"])
    assert [metric.name for metric in model.metrics] == ["distance", "mse"]
    stop = callbacks.EarlyStopping("distance", patience=1)
    history = fit(model, stop, epochs=4)
    assert stop.best == min(history.history["distance"])


def test_early_stopping_restores_the_weights_of_the_best_epoch():
    kept = {}
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.update({epoch: weights(model)}))
    stop = callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    model = regression(1.0)  # too high: it soon gets worse
    history = fit(model, keep, stop, epochs=30, validation_data=(X[:10], Y[:10]))
    best = int(np.nanargmin(history.history["val_loss"]))
    assert stop.best_epoch == best < len(history.epoch) - 1 < 29
    assert weights(model) == kept[best]


def test_terminate_on_nan_stops_within_the_epoch():
    batches = []
    count = LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    history = fit(regression(1e30), count, callbacks.TerminateOnNaN(), epochs=5)
    assert len(history.epoch) == 1
    assert len(batches) < 4
    with pytest.raises(NonFiniteError, match="the loss is"):
        fit(regression(1e30), callbacks.TerminateOnNaN(raise_error=True))


def test_stop_training_at_a_batch_and_at_an_epoch():
    def stop(*args):
        model.stop_training = True

    model, batches = regression(), []
    count = LambdaCallback(on_train_batch_begin=lambda batch, logs: batches.append(batch))
    assert len(fit(model, count, LambdaCallback(on_train_batch_end=stop)).epoch) == 1
    assert batches == [0]
    assert len(fit(model, LambdaCallback(on_epoch_end=stop)).epoch) == 1
    assert len(fit(model).epoch) == 3, "the next training is not stopped"


def test_checkpoints_are_models(tmp_path):
    model = regression()
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch}", monitor="loss")
    kept = {}
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.update({epoch + 1: weights(model)}))
    fit(model, checkpoint, keep)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3"]
    for epoch in (1, 2, 3):
        assert weights(densor.models.load_model(tmp_path / str(epoch))) == kept[epoch]


def test_checkpoints_of_weights_every_so_many_batches(tmp_path):
    model, other = regression(), regression(0.5)
    fit(model, callbacks.ModelCheckpoint(tmp_path / "w.h5", save_weights_only=True, save_freq=12))
    other.load_weights(tmp_path / "w.h5")
    assert weights(other) == weights(model)


def test_a_csv_file_has_what_history_has(tmp_path):
    history = fit(regression(), callbacks.CSVLogger(tmp_path / "log.csv"), validation_split=0.2)
    table = np.genfromtxt(tmp_path / "log.csv", delimiter=",", names=True)
    for name, values in history.history.items():
        np.testing.assert_allclose(table[name], values)


class Trouble(BaseException):
    pass


HOOKS = [
    "on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_test_begin",
    "on_test_batch_end", "on_test_end", "on_epoch_end", "on_train_end",
]  # fmt: skip
ERRORS = [ValueError, StopIteration, SystemExit, KeyboardInterrupt, MemoryError, Trouble]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("error", ERRORS)
def test_an_exception_leaves_fit_as_it_is(hook, error):
    raised, ended = error("stop"), []

    def fail(*args):
        raise raised

    model = regression()
    end = LambdaCallback(on_train_end=lambda logs: ended.append("end"))
    with pytest.raises(error) as caught:
        fit(model, LambdaCallback(**{hook: fail}), end, validation_data=(X, Y))
    assert caught.value is raised
    assert any(entry.name == "fail" for entry in caught.traceback)
    assert ended == ["end"]
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert len(fit(model).epoch) == 3


def test_best_weights_are_restored_after_an_interruption():
    def interrupt(epoch, logs):
        if epoch == 4:
            raise KeyboardInterrupt

    kept = {}
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.update({epoch: weights(model)}))
    stop = callbacks.EarlyStopping("loss", mode="max", patience=9, restore_best_weights=True)
    model = regression()
    with pytest.raises(KeyboardInterrupt):
        fit(model, keep, stop, LambdaCallback(on_epoch_begin=interrupt), epochs=9)
    assert stop.best_epoch == 0
    assert weights(model) == kept[0] != kept[3]


@pytest.mark.parametrize(
    "hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end", "on_train_end"]
)
def test_a_callback_may_predict_and_save_but_not_train(hook, tmp_path):
    model, seen = regression(), []

    def act(*args):
        seen.append(model.predict(X[:3], verbose=0).shape)
        model.save(tmp_path / "model")
        with pytest.raises(BusyError):
            model.fit(X, Y, verbose=0)
        with pytest.raises(BusyError):
            model.compile("sgd", "mse")

    plain = regression()
    fit(plain)
    fit(model, LambdaCallback(**{hook: act}))
    assert set(seen) == {(3, 1)}
    assert weights(model) == weights(plain)


def test_hooks_of_evaluate_and_predict():
    calls = []
    names = [name for name in callbacks.callback.HOOKS if "test" in name or "predict" in name]
    hook = LambdaCallback(
        **{name: lambda *args, name=name: calls.append((name, len(args))) for name in names}
    )
    model = regression()
    model.evaluate(X, Y, batch_size=25, verbose=0, callbacks=[hook])
    batch = [("on_test_batch_begin", 2), ("on_test_batch_end", 2)]
    assert calls == [("on_test_begin", 1), *batch * 2, ("on_test_end", 1)]
    calls.clear()
    batch = [("on_predict_batch_begin", 2), ("on_predict_batch_end", 2)]
    model.predict(X, batch_size=25, verbose=0, callbacks=[hook])
    assert calls == [("on_predict_begin", 1), *batch * 2, ("on_predict_end", 1)]
    calls.clear()
    assert model.predict(X[:0], verbose=0, callbacks=[hook]).shape == (0, *model.output_shape[1:])
    assert calls == [("on_predict_begin", 1), ("on_predict_end", 1)]


def test_hooks_see_the_outputs_of_predicted_batches():
    """Batches have 32 rows where nobody says otherwise, and what the hooks see is what predict returns."""
    seen = []
    hook = LambdaCallback(on_predict_batch_end=lambda batch, logs: seen.append((batch, logs["outputs"])))
    model = regression()
    outputs = model.predict(X, verbose=0, callbacks=[hook])
    assert [(batch, len(part)) for batch, part in seen] == [(0, 32), (1, len(X) - 32)]
    np.testing.assert_array_equal(np.concatenate([part for _, part in seen]), outputs)
    np.testing.assert_array_equal(model.predict(X, verbose=0), outputs)


def test_parameters_of_a_run():
    seen = LambdaCallback()
    fit(regression(), seen, epochs=2)
    assert seen.params == {"verbose": 0, "epochs": 2, "steps": 4}


def test_a_rate_that_is_a_function_is_asked_before_each_step():
    rates = iter(np.linspace(0.1, 0.2, 8))
    asked = []
    model = regression(lambda: asked.append(model.optimizer.iterations) or float(next(rates)))
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    scheduled = regression(optimizers.schedules.PolynomialDecay(0.1, 7, end_learning_rate=0.2))
    scheduled.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    assert asked == list(range(8))
    np.testing.assert_allclose(model.get_weights()[0], scheduled.get_weights()[0], rtol=1e-6)


def test_a_rate_that_is_a_function_of_the_step():
    model, scheduled = regression(lambda step: 0.1 / (1 + step)), regression(
        optimizers.schedules.TimeBasedDecay(0.1, 1.0)
    )  # fmt: skip
    assert model.optimizer.learning_rate == 0.1
    for each in (model, scheduled):
        fit(each)
    assert weights(model) == weights(scheduled)


def test_a_rate_that_is_a_function_cannot_be_saved(tmp_path):
    model = regression(lambda: 0.1)
    with pytest.raises(NotImplementedError, match="a learning rate that is a function cannot be saved"):
        model.save(tmp_path / "model")


def test_schedules_count_epochs_in_a_scheduler():
    history = fit(
        regression(0.5), callbacks.LearningRateScheduler(optimizers.schedules.StepDecay(0.1, 2)), epochs=5
    )
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.1, 0.05, 0.05, 0.025], rtol=1e-6)


def test_schedules_survive_a_file(tmp_path):
    rate = optimizers.schedules.WarmUp(optimizers.schedules.OneCycle(0.5, 100, momentum_range=(0.8, 0.9)), 7)
    model = regression(rate)
    model.compile(optimizers.SGD(rate, momentum=0.9), "mse")
    fit(model)
    model.save(tmp_path / "model")
    copy = densor.models.load_model(tmp_path / "model")
    for each in (model, copy):
        fit(each)
    assert weights(model) == weights(copy)
