"""Callbacks against Keras: both replay the same figures on a model that only counts its epochs."""

import numpy as np
import pytest

import densor
from tests.callbacks.stand_in import StandIn


class TheirModel(StandIn):
    """What Keras' callbacks see of a model."""

    def __init__(self, keras, learning_rate):
        super().__init__(learning_rate)
        self.optimizer = keras.optimizers.SGD(learning_rate)

    def save(self, path, overwrite=True):
        self.saved.append(("model", path, float(self.weights[0][0])))


class OurModel(StandIn):
    def save(self, path):
        self.saved.append(("model", str(path), float(self.weights[0][0])))


def run(callback, model, figures, learning_rates=None):
    """Epochs run, learning rates logged, files saved, weights at the end."""
    callback.set_model(model)
    callback.set_params({"epochs": len(figures), "steps": 1, "verbose": 0})
    callback.on_train_begin({})
    rates = []
    for epoch, figure in enumerate(figures):
        callback.on_epoch_begin(epoch, {})
        model.set_weights([np.full(1, epoch + 1.0)])
        logs = {"loss": figure, "val_loss": figure}
        callback.on_epoch_end(epoch, logs)
        rates.append(logs.get("learning_rate"))
        if model.stop_training:
            break
    callback.on_train_end({})
    return len(rates), rates, model.saved, float(model.weights[0][0])


def figures(seed, n=14):
    """A falling figure with plateaus and set-backs; quarters, so that no rounding can decide."""
    rng = np.random.default_rng(seed)
    return (np.round(4 * (5 - np.cumsum(rng.integers(-1, 2, n) * rng.random(n)))) / 4).tolist()


CASES = {
    "EarlyStopping": [
        {"patience": 0},
        {"patience": 2},
        {"patience": 3, "min_delta": 0.3},
        {"patience": 2, "restore_best_weights": True},
        {"patience": 20, "restore_best_weights": True},
        {"patience": 2, "baseline": 4.6},
        {"patience": 2, "baseline": 0.0, "restore_best_weights": True},
        {"patience": 1, "start_from_epoch": 3, "restore_best_weights": True},
        {"patience": 2, "mode": "max", "monitor": "loss"},
    ],
    "ReduceLROnPlateau": [
        {"patience": 0, "factor": 0.5},
        {"patience": 2, "factor": 0.5},
        {"patience": 1, "factor": 0.3, "cooldown": 2},
        {"patience": 1, "factor": 0.1, "min_lr": 0.05},
        {"patience": 2, "factor": 0.9, "min_delta": 0.3},
        {"patience": 1, "factor": 0.5, "mode": "max"},
    ],
    "ModelCheckpoint": [
        {"filepath": "m{epoch:02d}-{val_loss:.2f}.keras"},
        {"filepath": "m.keras", "save_best_only": True},
        {"filepath": "m.keras", "save_best_only": True, "mode": "max"},
        {"filepath": "m.keras", "save_best_only": True, "initial_value_threshold": 4.6},
    ],
}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("name", "options"),
    [(name, options) for name, all_options in CASES.items() for options in all_options],
    ids=str,
)
def test_monitoring_callbacks(keras, name, options, seed):
    theirs = run(getattr(keras.callbacks, name)(**options), TheirModel(keras, 1.0), figures(seed))
    ours = run(getattr(densor.callbacks, name)(**options), OurModel(1.0), figures(seed))
    assert ours[0] == theirs[0]
    np.testing.assert_allclose(
        np.array(ours[1], float), np.array(theirs[1], float), rtol=1e-7, err_msg="learning rates"
    )
    assert ours[2:] == theirs[2:]


@pytest.mark.parametrize(
    "schedule",
    [lambda epoch: 0.5**epoch, lambda epoch, lr: lr * 0.7, lambda epoch, lr: lr * np.exp(-0.1)],
    ids=["epoch", "epoch_and_rate", "numpy"],
)
def test_learning_rate_scheduler(keras, schedule):
    theirs = run(keras.callbacks.LearningRateScheduler(schedule), TheirModel(keras, 0.5), [1.0] * 10)
    ours = run(densor.callbacks.LearningRateScheduler(schedule), OurModel(0.5), [1.0] * 10)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6)


def test_csv_logger(keras, tmp_path):
    logs = [{"loss": 0.5, "accuracy": 0.25}, {"loss": 0.25, "accuracy": 0.5, "val_loss": 1.5}]
    for name, library in (("theirs", keras), ("ours", densor)):
        callback = library.callbacks.CSVLogger(str(tmp_path / name))
        callback.set_model(OurModel())
        callback.on_train_begin({})
        for epoch, figures in enumerate(logs):
            callback.on_epoch_end(epoch, dict(figures))
        callback.on_train_end({})
    rows = [(tmp_path / name).read_text().split() for name in ("ours", "theirs")]
    assert rows[0] == rows[1]


def trained(library, weights=None):
    """History and weights of a training that plateaus, is slowed down and then stopped."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    y = (x @ rng.normal(size=(5, 1)) + rng.normal(size=(60, 1))).astype(np.float32)
    model = library.Sequential(
        [library.Input((5,)), library.layers.Dense(6, "tanh"), library.layers.Dense(1)]
    )
    model.compile(library.optimizers.SGD(0.01, momentum=0.9), loss="mse", metrics=["mae"])
    model.set_weights(weights if weights is not None else model.get_weights())
    start = model.get_weights()
    hooks = [
        library.callbacks.ReduceLROnPlateau("val_mae", factor=0.5, patience=2, cooldown=1, min_delta=0.01),
        library.callbacks.EarlyStopping("val_loss", patience=9, min_delta=0.005, restore_best_weights=True),
    ]
    history = model.fit(
        x[:40], y[:40], epochs=60, batch_size=10, shuffle=False, verbose=0, callbacks=hooks,
        validation_data=(x[40:], y[40:]),
    )  # fmt: skip
    return start, history, model.get_weights()


def test_a_training_with_callbacks(keras):
    keras.utils.set_random_seed(4)
    start, theirs, their_weights = trained(keras)
    _, ours, our_weights = trained(densor, start)
    assert 10 < len(theirs.epoch) < 60
    assert ours.epoch == theirs.epoch
    assert list(ours.history) == list(theirs.history)
    assert len(set(theirs.history["learning_rate"])) > 2
    assert ours.history["learning_rate"] == theirs.history["learning_rate"]
    for name, expected in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], expected, rtol=2e-4, err_msg=name)
    for actual, expected in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


def test_label_smoothing_in_training(keras):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 5)).astype(np.float32)
    for loss, columns, activation in (
        ("CategoricalCrossentropy", 3, "softmax"),
        ("BinaryCrossentropy", 2, "sigmoid"),
        ("BinaryCrossentropy", 1, "sigmoid"),
    ):
        y = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 40)][:, :columns]
        results, start = [], None
        for library in (keras, densor):
            model = library.Sequential([library.Input((5,)), library.layers.Dense(columns, activation)])
            model.compile(
                library.optimizers.SGD(0.5),
                loss=getattr(library.losses, loss)(label_smoothing=0.2),
                metrics=["accuracy", "mse"],
            )
            start = model.get_weights() if start is None else start
            model.set_weights(start)
            history = model.fit(x, y, epochs=5, batch_size=8, shuffle=False, verbose=0)
            results.append([*(np.array(v) for v in history.history.values()), *model.get_weights()])
        for theirs, ours in zip(*results, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
