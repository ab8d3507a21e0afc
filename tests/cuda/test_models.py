"""What else models do, on the device: single steps, predictions, callbacks, files, interruptions; bad input."""

import gc
import os
import signal
import threading
import time

import numpy as np
import pytest

import densor as keras
from densor._core import DeviceError
from densor.graph import copied_to_device, twins
from tests.cuda.models import CLOSE, assert_same, classifier, data, needs_device, on_both

pytestmark = needs_device
X, Y = data()
FIT = {"epochs": 4, "batch_size": 16, "verbose": 0}


def test_single_steps():
    def run(device):
        model = classifier(device)
        trained = [model.train_on_batch(X[:30], Y[:30]) for _ in range(3)]
        return trained, model.test_on_batch(X, Y), model.predict_on_batch(X), model.get_weights()

    on_both(run)


def test_gradients():
    def run(device):
        gradients, results = classifier(device).compute_gradients(X, Y, return_results=True)
        return gradients, results

    on_both(run)


def test_gradients_that_the_caller_applies():
    def run(device):
        model = classifier(device)
        for _ in range(3):
            model.optimizer.apply([np.clip(g, -0.01, 0.01) for g in model.compute_gradients(X, Y)])
        return model.get_weights()

    on_both(run)


def test_predictions():
    x = np.tile(X, (90, 1))  # more than are computed at once

    def run(device):
        model = classifier(device)
        model.fit(X, Y, **FIT)
        predict = model.predict_fn(7)
        one = predict(X[:7]).copy()
        model.set_weights([weight * 1.5 for weight in model.get_weights()])
        return model.predict(x, verbose=0), model.predict(X[::3], verbose=0), one, predict(X[:7]).copy()

    on_both(run)


def test_predictions_for_more_than_are_copied_at_once(monkeypatch):
    x = np.tile(X, (90, 1))
    model = classifier("cuda")
    wanted = model.predict(x, verbose=0)
    monkeypatch.setattr(keras.models.loop, "_BYTES_AT_ONCE", 1)
    monkeypatch.setattr(model._predictor, "_most", 1000)
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.predict(copied_to_device(x), verbose=0), wanted, rtol=0, atol=1e-6)


def test_no_rows():
    assert classifier("cuda").predict(np.zeros((0, 20), np.float32), verbose=0).shape == (0, 3)


def test_monte_carlo_dropout():
    def run(device):
        found = classifier(device).predict_mc(np.tile(X, (6, 1)), samples=5)
        return list(found)

    on_both(run)


def test_early_stopping_brings_the_best_weights_back():
    def run(device):
        model = classifier(device, keras.optimizers.Adam(0.02))
        stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True, monitor="val_loss")
        options = FIT | {"epochs": 30}
        history = model.fit(X[:30], Y[:30], validation_data=(X[30:], Y[30:]), callbacks=[stop], **options)
        return model.get_weights(), history.history, model.evaluate(X[30:], Y[30:], verbose=0)

    on_both(run)


def test_callbacks_at_batches_see_the_weights_and_may_change_them():
    def run(device):
        class Watch(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                seen.append(self.model.get_weights()[0].copy())
                if batch == 1:
                    self.model.layers[0].weights[0].assign(seen[-1] * 0.5)

        seen = []
        model = classifier(device)
        model.fit(X, Y, callbacks=[Watch()], **FIT)
        return seen

    on_both(run)


def test_batches_from_a_generator():
    def run(device):
        model = classifier(device)
        history = model.fit(
            ((X[i : i + 10], Y[i : i + 10]) for _ in range(3) for i in range(0, 50, 10)),
            steps_per_epoch=5, epochs=3, verbose=0,
        )  # fmt: skip
        return model.get_weights(), history.history

    on_both(run)


@pytest.mark.parametrize("first", ["cpu", "cuda"])
def test_a_file_does_not_tell_the_device_and_training_goes_on_from_it(tmp_path, first):
    wanted = classifier("cpu")
    wanted.fit(X, Y, **FIT)
    model = classifier(first)
    model.fit(X, Y, **(FIT | {"epochs": 2}))
    path = tmp_path / "model.safetensors"
    model.save(path)
    assert b"cuda" not in path.read_bytes()
    with keras.device("cpu" if first == "cuda" else "cuda"):
        model = keras.models.load_model(path)
    model.fit(X, Y, **(FIT | {"initial_epoch": 2}))
    assert_same(model.get_weights(), wanted.get_weights())


def test_an_interrupted_run_leaves_the_model_at_the_end_of_a_batch():
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    def run(device):
        model = classifier(device)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, callbacks=[Interrupt()], **FIT)
        after = model.get_weights(), int(model.optimizer.iterations)
        model.fit(X, Y, **FIT)
        return *after, model.get_weights()

    on_both(run)


def test_ctrl_c_in_the_middle_of_a_run():
    model = classifier("cuda", keras.optimizers.SGD(1e-3))
    x, y = np.tile(X, (400, 1)), np.tile(Y, 400)

    def interrupt():
        while model._fitting is None or not model._fitting.progress[0]:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=10_000, batch_size=16, shuffle=False, verbose=0)
    steps = int(model.optimizer.iterations)
    assert steps > 0
    again = classifier("cuda", keras.optimizers.SGD(1e-3))
    whole, rest = divmod(steps, 1250)
    if whole:
        again.fit(x, y, epochs=whole, batch_size=16, shuffle=False, verbose=0)
    if rest:
        again.fit(x[: rest * 16], y[: rest * 16], batch_size=16, shuffle=False, verbose=0)
    for mine, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("x", "y"),
    [(np.where(X > 2, np.nan, X), Y), (X[:, :5], Y), (X, Y + 5), (X, Y[:-1])],
    ids=["nan", "shape", "label", "rows"],
)
def test_bad_input_changes_nothing(x, y):
    model = classifier("cuda")
    model.fit(X, Y, **FIT)
    before, steps = model.get_weights(), int(model.optimizer.iterations)
    with pytest.raises(ValueError):
        model.fit(x, y, **FIT)
    for mine, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert int(model.optimizer.iterations) == steps


def test_where_models_run():
    with keras.device("cuda"):
        assert keras.config.device() == "cuda"
        made = classifier(None)
    assert keras.config.device() == "cpu"
    assert made._place == "cuda"
    assert classifier(None)._place == "cpu"
    assert classifier("cuda:0")._place == "cuda"
    assert classifier("auto")._place == "cuda"
    made.compile("sgd", "sparse_categorical_crossentropy")
    assert made._place == "cpu"


def test_a_model_without_compile_predicts_where_it_is_told_to():
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(3)])
    wanted = model.predict(X, verbose=0)
    with keras.device("cuda"):
        assert model._inference().device == "cuda"
        np.testing.assert_allclose(model.predict(X, verbose=0), wanted, **CLOSE)
    assert model._inference().device == "cpu"


def test_the_device_is_checked_before_anything_else():
    model = classifier("cpu")
    compiled = model._compiled
    for device, error in (("tpu", ValueError), (3, TypeError)):
        with pytest.raises(error, match=r"argument 'device'"):
            model.compile("sgd", "mse", device=device)
    assert model._compiled is compiled


def test_a_block_that_raises_restores_the_device():
    with pytest.raises(ZeroDivisionError), keras.device("cuda"):
        1 / 0  # noqa: B018
    assert keras.config.device() == "cpu"


def test_data_are_copied_once_and_given_back(monkeypatch):
    copied = []
    original = keras.models.data.copied_to_device
    monkeypatch.setattr(keras.models.data, "copied_to_device", lambda a: copied.append(a) or original(a))
    model = classifier("cuda")
    model.fit(X, Y, validation_data=(X[:9], Y[:9]), **FIT)
    assert [len(array) for array in copied] == [50, 50, 9, 9]
    del copied[:]
    model.fit(X, Y, **FIT)  # they may have changed
    assert len(copied) == 2


def test_the_memory_goes_with_the_model():
    gc.collect()
    before = len(twins._twins)
    model = classifier("cuda")
    model.fit(X, Y, **FIT)
    assert len(twins._twins) > before
    del model
    gc.collect()
    assert len(twins._twins) == before


def test_models_that_share_layers_share_the_weights():
    model = classifier("cuda")
    part = keras.Sequential([keras.Input((20,)), *model.layers[:2]])
    model.fit(X, Y, **FIT)
    with keras.device("cuda"):
        found = part.predict(X, verbose=0)
    np.testing.assert_allclose(found, part.predict(X, verbose=0), **CLOSE)


def test_distillation():
    def run(device):
        teacher = classifier("cpu", layers=list)
        student = keras.Sequential([keras.Input((20,)), keras.layers.Dense(3, activation="softmax")])
        distiller = keras.distillation.Distiller(teacher, student, keras.distillation.LogitsDistillation())
        distiller.compile("adam", "sparse_categorical_crossentropy", device=device)
        return distiller.fit(X, Y, **FIT).history, student.get_weights()

    on_both(run)


def test_a_range_test_leaves_no_trace():
    def run(device):
        model = classifier(device, "sgd")
        before = model.get_weights()
        found = model.lr_find(X, Y, batch_size=16, steps=20, end_lr=0.1)
        assert_same(model.get_weights(), before, rtol=0, atol=0)
        return np.asarray(found.losses)

    on_both(run)


def test_errors_name_what_is_missing(monkeypatch):
    def missing(device):
        raise DeviceError("require_device(): argument 'device': no GPU is visible")

    monkeypatch.setattr(keras.config._core, "require_device", missing)
    with pytest.raises(DeviceError, match="no GPU is visible"):
        classifier("cuda")


def test_weights_travel_once_per_fit_where_nobody_looks_at_them(monkeypatch):
    travelled = []
    for name in ("upload", "download"):
        original = getattr(twins._Twin, name)

        def noted(twin, name=name, original=original):
            if twin.host.nbytes > 4096:
                travelled.append(name)
            original(twin)

        monkeypatch.setattr(twins._Twin, name, noted)
    model = classifier("cuda", "sgd", layers=lambda: [keras.layers.Dense(100)])
    model.fit(((X, Y) for _ in range(12)), steps_per_epoch=3, epochs=4, verbose=0)
    # Parameters, and the gradients once, which are working memory.
    assert sorted(travelled) == ["download", "upload", "upload"]


class Gated(keras.layers.Layer):
    """A weight behind a function, which is computed once a batch, whatever its rows."""

    def build(self, input_shape):
        self.gate = self.add_weight((input_shape[-1],), "ones", name="gate")
        self.scale = self.add_weight((), "zeros", name="scale")

    def call(self, inputs):
        return inputs * keras.ops.sigmoid(self.gate) * keras.ops.exp(self.scale)


def test_functions_of_weights_alone():
    def run(device):
        model = classifier(device, layers=lambda: [Gated(), keras.layers.Dense(9, activation="relu")])
        history = model.fit(X, Y, **FIT).history
        return history, model.get_weights(), model.predict(X, verbose=0)

    on_both(run)
