"""The learning-rate range test: what it tries, what it finds, and that it leaves no trace."""

import numpy as np
import pytest

import densor
from densor import optimizers
from tests.models.build import classifier, data, regressor, same_weights


def everything(model):
    """The bits of weights, optimizer and random state."""
    optimizer = model.optimizer
    slots = [] if optimizer._state is None else [slot.tobytes() for slot in optimizer._state.slots]
    weights = [array.tobytes() for array in model.get_weights()]
    return weights, slots, optimizer.iterations, float(optimizer.learning_rate), repr(model._clock)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "nadam"])
@pytest.mark.parametrize("epochs", [0, 2])
def test_nothing_is_left_of_it(optimizer, epochs):
    x, y = data()
    model, plain = classifier(optimizer), classifier(optimizer)
    for each in (model, plain):
        each.fit(x, y, epochs=epochs, verbose=0)
    before = everything(model)
    test = model.lr_find(x, y, batch_size=16, end_lr=100.0)
    assert len(test.losses) >= 20
    assert everything(model) == before
    for each in (model, plain):
        each.fit(x, y, epochs=2, batch_size=16, verbose=0)
    assert same_weights(model, plain)


def test_the_losses_are_those_of_training_with_the_rates():
    x, y = data()
    model = regressor(optimizer=optimizers.SGD(0.3, momentum=0.9))
    test = model.lr_find(x, y, batch_size=16, start_lr=1e-4, end_lr=1e-2, steps=12, shuffle=False)
    np.testing.assert_allclose(test.learning_rates, 1e-4 * 100 ** (np.arange(12) / 11))
    by_hand = regressor(optimizer=optimizers.SGD(0.3, momentum=0.9))
    expected = []
    for step, rate in enumerate(test.learning_rates):
        by_hand.optimizer.learning_rate = rate
        rows = slice(16 * (step % 5), 16 * (step % 5) + 16)
        expected.append(by_hand.train_on_batch(x[rows], y[rows]))
    np.testing.assert_allclose(test.losses, expected, rtol=1e-6)
    assert not test.diverged


def test_the_suggestion_is_a_tenth_of_where_the_loss_turns():
    """Gradient descent on a parabola of curvature 2 diverges beyond a rate of 1; noise keeps the loss from 0."""
    rng = np.random.default_rng(0)
    x = np.sign(rng.standard_normal((64, 1))).astype(np.float32)
    model = densor.Sequential([densor.Input((1,)), densor.layers.Dense(1, use_bias=False)])
    model.compile(optimizers.SGD(0.1), "mse")
    test = model.lr_find(x, 5 * x + rng.standard_normal((64, 1)), steps=200, start_lr=1e-4)
    assert test.diverged
    assert 0.05 < test.max_learning_rate < 1.5
    assert test.suggestion == test.max_learning_rate / 10
    assert test.learning_rates[-1] < 10.0
    assert "diverged" in repr(test)


def test_one_epoch_but_at_least_a_hundred_steps():
    x, y = data(300)
    model = classifier("sgd")
    assert len(model.lr_find(x, y, batch_size=2, end_lr=1e-5).losses) == 150
    assert len(model.lr_find(x, y, end_lr=1e-5).losses) == 100


def test_a_model_with_a_schedule_and_weights():
    x, y = data()
    model = classifier(optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)))
    before = everything(model)
    model.lr_find(x, y, sample_weight=np.arange(70) / 70, steps=5)
    assert everything(model) == before


def test_an_error_in_the_middle_leaves_no_trace_either(monkeypatch):
    x, y = data()
    model = classifier()
    model.fit(x, y, verbose=0)
    before = everything(model)
    steps = []

    def failing(self, batch=0):
        steps.append(batch)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return step(self, batch)

    from densor.models.fitting import Fitting

    step = Fitting.step
    monkeypatch.setattr(Fitting, "step", failing)
    with pytest.raises(KeyboardInterrupt):
        model.lr_find(x, y)
    assert everything(model) == before


def test_the_plot_shows_what_was_found():
    pytest.importorskip("matplotlib")
    x, y = data()
    axes = classifier("sgd").lr_find(x, y, steps=10).plot()
    assert axes.get_xscale() == "log"
    assert len(axes.lines) == 3
    assert any("suggestion" in text.get_text() for text in axes.get_legend().get_texts())


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"start_lr": 0.0}, "start_lr"),
        ({"start_lr": "a"}, "start_lr"),
        ({"end_lr": np.nan}, "end_lr"),
        ({"start_lr": 1.0, "end_lr": 0.5}, "end_lr"),
        ({"steps": 1}, "steps"),
        ({"steps": 2.5}, "steps"),
        ({"smoothing": 1.0}, "smoothing"),
        ({"divergence": 1.0}, "divergence"),
        ({"shuffle": "batch"}, "shuffle"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_wrong_arguments(options, name):
    x, y = data()
    model = classifier()
    before = everything(model)
    with pytest.raises((TypeError, ValueError), match=rf"^lr_find\(\): argument '{name}': "):
        model.lr_find(x, y, **options)
    assert everything(model) == before


def test_a_model_without_a_loss():
    with pytest.raises(RuntimeError, match=r"^lr_find\(\): the model has no loss"):
        densor.Sequential([densor.Input((2,)), densor.layers.Dense(1)]).lr_find(np.ones((2, 2)), np.ones(2))
