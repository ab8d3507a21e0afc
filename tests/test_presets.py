"""The recommended configurations are those of the slides, train, and keep their checks."""

import numpy as np
import pytest

import densor
from densor import layers, presets
from densor.datasets import digits
from densor.models import load_model


def hidden(model):
    return [layer for layer in model.layers[:-1] if isinstance(layer, layers.Dense)]


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_the_shallow_default():
    model = presets.default_dnn((28, 28), 10)
    assert kinds(model) == ["Flatten", "Dense", "Dense", "Dense"]
    assert [layer.units for layer in model.layers[1:]] == [300, 100, 10]
    for layer in hidden(model):
        assert type(layer.kernel_initializer).__name__ == "HeNormal"
        assert layer.activation.__name__ == "relu"
    optimizer = model.optimizer
    assert (type(optimizer).__name__, optimizer.nesterov, optimizer.momentum) == ("SGD", True, 0.9)
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    assert model.loss.name == "sparse_categorical_crossentropy"
    assert model.layers[-1].activation.__name__ == "softmax"


@pytest.mark.parametrize("options", [{"hidden": (20, 20, 20)}, {"hidden": (20,), "deep": True}])
def test_the_deep_default(options):
    model = presets.default_dnn(6, 3, **options)
    block = ["Dense", "BatchNormalization", "Activation"]
    assert kinds(model) == block * len(options["hidden"]) + ["Dense"]
    assert all(not layer.use_bias and layer.activation.__name__ == "linear" for layer in hidden(model))
    assert {layer.activation.__name__ for layer in model.layers if isinstance(layer, layers.Activation)} == {
        "silu"
    }


def test_the_second_edition():
    model = presets.default_dnn(6, 3, hidden=(20, 10), edition=2, steps=100, weight_decay=0.01)
    assert [layer.activation.__name__ for layer in hidden(model)] == ["elu", "elu"]
    assert [layer.kernel_regularizer.l2 for layer in hidden(model)] == [pytest.approx(0.01)] * 2
    assert not model.optimizer.nesterov
    assert model.optimizer.momentum == 0.9
    assert not model.optimizer.weight_decay
    rates = [float(model.optimizer._schedule(step)) for step in range(101)]
    assert max(rates) == pytest.approx(0.1)
    assert rates[0] == pytest.approx(0.01)
    assert rates[-1] < 1e-4


def test_the_self_normalizing_network():
    model = presets.self_normalizing(6, 3, dropout=0.1)
    assert kinds(model) == ["Dense"] * 5 + ["Dense", "AlphaDropout"] * 3 + ["Dense"]
    for layer in hidden(model):
        assert type(layer.kernel_initializer).__name__ == "LecunNormal"
        assert layer.activation.__name__ == "selu"
    assert model.optimizer.nesterov
    densor.utils.set_random_seed(1)
    deep = presets.self_normalizing(100, 3, hidden=(100,) * 20)
    x = np.random.default_rng(0).standard_normal((400, 100))
    outputs = densor.Model(deep.inputs[0], deep.layers[-2].output).predict(x)
    assert abs(outputs.mean()) < 0.15
    assert 0.75 < outputs.std() < 1.25


@pytest.mark.parametrize(
    ("outputs", "task", "ending", "loss"),
    [(3, "classification", "softmax", "sparse_categorical_crossentropy"),
     (1, "classification", "sigmoid", "binary_crossentropy"), (1, "regression", "linear", "mean_squared_error"),
     (4, "regression", "linear", "mean_squared_error")],
)  # fmt: skip
@pytest.mark.parametrize("preset", [presets.default_dnn, presets.self_normalizing])
def test_tasks(preset, outputs, task, ending, loss):
    model = preset(6, outputs, hidden=(8,), task=task)
    assert model.layers[-1].activation.__name__ == ending
    assert model.loss.name == loss
    x = np.random.default_rng(0).standard_normal((40, 6))
    y = x[:, :outputs] if task == "regression" else (x[:, 0] > 0).astype(int)
    names = list(model.fit(x, y, verbose=0).history)
    assert names == (["loss", "mae"] if task == "regression" else ["accuracy", "loss"])


@pytest.mark.parametrize("optimizer", ["nesterov", "momentum", "adamw", "rmsprop", "nadam"])
def test_optimizers_and_weight_decay(optimizer):
    model = presets.default_dnn(6, 3, optimizer=optimizer, weight_decay=0.02, learning_rate=0.5, deep=True)
    made = model.optimizer
    assert made.weight_decay == 0.02
    assert float(made.learning_rate) == 0.5
    for layer in model.layers:
        for variable in layer.trainable_weights:
            assert made.decays(variable) == (variable.name == "kernel")
    assert not presets.default_dnn(6, 3, optimizer="nesterov").optimizer.weight_decay
    assert presets.default_dnn(6, 3, optimizer="adamw").optimizer.weight_decay == pytest.approx(0.004)


def test_inputs_are_standardized():
    x = np.random.default_rng(0).normal([5.0, -3.0, 0.0], [2.0, 0.1, 9.0], (500, 3))
    model = presets.self_normalizing(3, 2, adapt=x)
    seen = densor.Model(model.inputs[0], model.layers[0].output).predict(x)
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(seen.std(axis=0), 1, atol=1e-4)
    images = np.zeros((20, 4, 4))
    images[:, 1:3] = np.random.default_rng(0).random((20, 2, 4))
    model = presets.default_dnn((4, 4), 2, adapt=images)
    seen = densor.Model(model.inputs[0], model.layers[1].output).predict(images)
    assert abs(seen.mean()) < 1e-4
    assert abs(seen.std() - 1) < 1e-4, "pixels that never change are harmless"


@pytest.mark.parametrize("name", ["default", "deep", "self_normalizing"])
def test_they_learn_and_are_kept_in_files(name, tmp_path):
    (x, y), (x_test, y_test) = digits.load_data()
    densor.utils.set_random_seed(2)
    model = {
        "default": lambda: presets.default_dnn((8, 8), 10, hidden=(64, 32), dropout=0.1),
        "deep": lambda: presets.default_dnn((8, 8), 10, hidden=(40, 40, 40, 40)),
        "self_normalizing": lambda: presets.self_normalizing((8, 8), 10, hidden=(40,) * 4, adapt=x),
    }[name]()
    scale = 1 if name == "self_normalizing" else 16
    recommended = presets.callbacks(patience=4)
    history = model.fit(
        x / scale, y, epochs=12, verbose=0, validation_split=0.1, callbacks=recommended, batch_size=16
    )
    assert "learning_rate" in history.history
    accuracy = model.evaluate(x_test / scale, y_test, verbose=0)[1]
    assert accuracy > 0.85
    model.save(tmp_path / "model")
    assert load_model(tmp_path / "model").evaluate(x_test / scale, y_test, verbose=0)[1] == accuracy


def test_callbacks():
    stop, plateau = presets.callbacks(patience=6, monitor="loss")
    assert (stop.monitor, stop.patience, stop.restore_best_weights) == ("loss", 6, True)
    assert (plateau.monitor, plateau.patience, plateau.factor) == ("loss", 3, 0.5)
    assert [type(callback).__name__ for callback in presets.callbacks("1cycle")] == ["EarlyStopping"]


@pytest.mark.parametrize(
    ("changes", "error", "argument"),
    [
        ({"input_shape": (3, 0)}, ValueError, "input_shape"),
        ({"input_shape": ()}, ValueError, "input_shape"),
        ({"input_shape": 2.5}, TypeError, "input_shape"),
        ({"outputs": 0}, ValueError, "outputs"),
        ({"hidden": (3, -1)}, ValueError, "hidden"),
        ({"hidden": 30}, TypeError, "hidden"),
        ({"task": "clasification"}, ValueError, "task"),
        ({"optimizer": "adam"}, ValueError, "optimizer"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate"),
        ({"schedule": "cosine"}, ValueError, "schedule"),
        ({"schedule": "1cycle"}, ValueError, "steps"),
        ({"schedule": "1cycle", "steps": 0}, ValueError, "steps"),
        ({"steps": 10}, ValueError, "steps"),
        ({"dropout": 1.0}, ValueError, "dropout"),
        ({"adapt": np.ones((4, 5))}, ValueError, "adapt"),
        ({"adapt": "x"}, TypeError, "adapt"),
    ],
)
@pytest.mark.parametrize("preset", [presets.default_dnn, presets.self_normalizing])
def test_wrong_arguments(preset, changes, error, argument):
    with pytest.raises(error, match=rf"^{preset.__name__}\(\): argument '{argument}': "):
        preset(**{"input_shape": (6,), "outputs": 3, **changes})


@pytest.mark.parametrize(
    ("changes", "error", "argument"),
    [({"edition": 4}, ValueError, "edition"), ({"deep": "yes"}, TypeError, "deep"),
     ({"weight_decay": -1.0}, ValueError, "weight_decay")],
)  # fmt: skip
def test_wrong_arguments_of_the_default(changes, error, argument):
    with pytest.raises(error, match=rf"^default_dnn\(\): argument '{argument}': "):
        presets.default_dnn(6, 3, **changes)
    with pytest.raises(ValueError, match=r"^callbacks\(\): argument 'patience': "):
        presets.callbacks(patience=0)


@pytest.mark.parametrize("optimizer", ["nesterov", "momentum", "adamw"])
@pytest.mark.parametrize("schedule", ["performance", "1cycle"])
def test_self_normalizing_regressions_do_not_diverge(optimizer, schedule):
    densor.utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    steps = 35 if schedule == "1cycle" else None
    model = densor.presets.self_normalizing(
        6, 1, task="regression", optimizer=optimizer, schedule=schedule, steps=steps
    )
    losses = model.fit(x, x[:, :1], epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
