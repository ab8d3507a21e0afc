"""Ensembles: averaged predictions, averaged weights, and the snapshots of one run."""

import numpy as np
import pytest

import densor
from densor import ensembles, layers
from densor.datasets import digits
from tests.models.build import classifier, data, same_weights


def members(count=3):
    """Classifiers of one architecture that were trained differently."""
    x, y = data()
    models = []
    for seed in range(count):
        model = classifier()
        densor.utils.set_random_seed(seed)
        model.fit(x, y, epochs=2 + seed, verbose=0)
        models.append(model)
    return models


@pytest.mark.parametrize("weights", [None, [1, 2, 3], (0.0, 1.0, 0.0), np.array([0.5, 0.25, 0.25])])
def test_predictions_are_averaged(weights):
    models, (x, _) = members(), data()
    ensemble = ensembles.averaged_predictions(models, weights)
    expected = np.average([np.float64(m.predict(x)) for m in models], axis=0, weights=weights)
    np.testing.assert_allclose(ensemble.predict(x), expected, atol=1e-6)


def test_an_ensemble_is_a_model(tmp_path):
    x, _ = data()
    y = x[:, :2]
    models = []
    for units in (3, 8, 8):
        model = densor.Sequential([densor.Input((6,)), layers.Dense(units, "tanh"), layers.Dense(2)])
        model.compile("adam", "mse", metrics=["mae"])
        models.append(model)
    ensemble = ensembles.averaged_predictions([*models, densor.models.clone_model(models[0])])
    loss, error = ensemble.evaluate(x, y, verbose=0)
    predictions = ensemble.predict(x)
    assert loss == pytest.approx(((predictions - y) ** 2).mean(), rel=1e-5)
    assert error == pytest.approx(np.abs(predictions - y).mean(), rel=1e-5)
    ensemble.save(tmp_path / "ensemble")
    np.testing.assert_array_equal(densor.models.load_model(tmp_path / "ensemble").predict(x), predictions)
    models[1].set_weights(models[2].get_weights())
    assert not np.array_equal(ensemble.predict(x), predictions), "members are shared"
    kernel = models[1].get_weights()[0]
    ensemble.fit(x, y, verbose=0)
    assert not np.array_equal(kernel, models[1].get_weights()[0])


def test_one_member_predicts_as_it_does_alone():
    model, (x, _) = classifier(), data()
    np.testing.assert_allclose(
        ensembles.averaged_predictions([model]).predict(x), model.predict(x), rtol=1e-6
    )
    assert (
        ensembles.averaged_predictions([densor.Sequential([densor.Input((2,)), layers.Dense(1)])]).compiled
        is False
    )


@pytest.mark.parametrize("weights", [None, [3, 1, 0]])
def test_weights_are_averaged(weights):
    models = members()
    before = [model.get_weights() for model in models]
    mean = ensembles.averaged_weights(models, weights)
    for index, values in enumerate(mean.get_weights()):
        expected = np.average([np.float64(each[index]) for each in before], axis=0, weights=weights)
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-7)
    assert mean.optimizer is not models[0].optimizer
    for model, kept in zip(models, before, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), kept, strict=True))
    assert mean.evaluate(*data(), verbose=0)[0] > 0


def test_statistics_are_measured_for_the_averaged_weights():
    models, (x, _) = members(), data()
    mean = ensembles.averaged_weights(models, x=x)
    hidden, norm = mean.layers[0], mean.layers[1]
    values = np.float64(x) @ np.float64(hidden.kernel.numpy()) + hidden.bias.numpy()
    np.testing.assert_allclose(norm.moving_mean.numpy(), values.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance.numpy(), values.var(axis=0), rtol=1e-4)
    assert norm.momentum == models[0].layers[1].momentum
    state = densor.random.get_state()
    first = ensembles.averaged_weights(models, x=x, batch_size=20)
    assert not same_weights(first, mean), "batch_size limits the rows"
    assert densor.random.get_state() != state, "the clone drew seeds for its noise"


def scaled_digits():
    (x, y), (x_test, y_test) = digits.load_data()
    return x / 16, y, x_test / 16, y_test


def test_snapshots_of_one_run():
    """Each cycle ends in another minimum, and together they do at least as well as they do on average."""
    x, y, x_test, y_test = scaled_digits()
    densor.utils.set_random_seed(5)
    model = densor.Sequential(
        [layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")]
    )
    model.compile(
        densor.optimizers.SGD(0.3, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    rates = []
    watch = densor.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    found = ensembles.snapshots(
        model,
        x,
        y,
        cycles=4,
        epochs_per_cycle=3,
        learning_rate=0.2,
        batch_size=64,
        callbacks=[watch],
        verbose=0,
    )
    expected = 0.1 * (1 + np.cos(np.pi * np.arange(3) / 3))
    np.testing.assert_allclose(rates, np.tile(expected, 4), rtol=1e-5)
    assert len(found) == 4
    assert same_weights(found[-1], model)
    assert not same_weights(found[-1], found[-2])
    assert model.optimizer.momentum == 0.9, "the settings stay"
    single = [figures(each, x_test, y_test) for each in found[1:]]
    loss, accuracy = figures(ensembles.averaged_predictions(found[1:]), x_test, y_test)
    assert loss < np.mean([loss for loss, _ in single])
    assert accuracy >= np.mean([accuracy for _, accuracy in single])


def figures(model, x, y):
    """Cross-entropy and accuracy."""
    probabilities = model.predict(x)
    return -np.log(probabilities[np.arange(len(y)), y]).mean(), (probabilities.argmax(axis=1) == y).mean()


def test_the_callback_takes_copies_at_the_end_of_each_cycle():
    x, y = data()
    model = classifier()
    keeper = ensembles.Snapshots(2)
    model.fit(x, y, epochs=5, verbose=0, callbacks=[keeper])
    assert len(keeper.weights) == 2
    first, second = keeper.models()
    assert not same_weights(first, second)
    assert not same_weights(second, model), "the fifth epoch came later"


@pytest.mark.parametrize("function", [ensembles.averaged_predictions, ensembles.averaged_weights])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (lambda: ([],), ValueError, "'models': must hold at least one model"),
        (lambda: (classifier(),), TypeError, "'models': must be a list of models"),
        (lambda: ([classifier(), 3],), TypeError, "'models': must hold models, got 3 at 1"),
        (lambda: ([densor.Sequential([layers.Dense(2)])],), ValueError, "'models': model 0 is not built"),
        (lambda: ([classifier(), densor.Sequential([densor.Input((6,)), layers.Dense(4)])],), ValueError,
         r"'models': model 1 maps \(None, 6\) to \(None, 4\), the first one \(None, 6\) to \(None, 3\)"),
        (lambda: ([classifier()] * 2, [1.0]), ValueError, "'weights': must hold one number for each of 2 models"),
        (lambda: ([classifier()] * 2, [1.0, -1.0]), ValueError, "'weights': must be finite and at least 0"),
        (lambda: ([classifier()] * 2, [0, 0]), ValueError, "'weights': must not all be 0"),
        (lambda: ([classifier()] * 2, ["a", 1]), TypeError, "'weights': must be a number"),
    ],
)  # fmt: skip
def test_wrong_members(function, arguments, error, message):
    with pytest.raises(error, match=rf"^{function.__name__}\(\): argument {message}"):
        function(*arguments())


def test_other_architectures_have_no_averaged_weights():
    wide = densor.Sequential([densor.Input((6,)), layers.Dense(5), layers.Dense(3)])
    narrow = densor.Sequential([densor.Input((6,)), layers.Dense(4), layers.Dense(3)])
    with pytest.raises(
        ValueError, match=r"^averaged_weights\(\): argument 'models': model 1 has weights of shapes"
    ):
        ensembles.averaged_weights([wide, narrow])


@pytest.mark.parametrize(
    ("options", "error", "name"),
    [
        ({"cycles": 0}, ValueError, "cycles"),
        ({"epochs_per_cycle": 1.5}, TypeError, "epochs_per_cycle"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"epochs": 3}, TypeError, "epochs"),
        ({"validation_split": 1.5}, ValueError, "validation_split"),
    ],
)
def test_wrong_arguments_of_snapshots(options, error, name):
    x, y = data()
    model = classifier()
    before = model.get_weights()
    with pytest.raises(error, match=rf"argument '{name}'"):
        ensembles.snapshots(model, x, y, **options)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    with pytest.raises(RuntimeError, match="call compile"):
        ensembles.snapshots(densor.Sequential([layers.Dense(3)]), x, y)
