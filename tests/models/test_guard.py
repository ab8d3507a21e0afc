"""TerminateOnNaN: the batch that would spoil the weights changes nothing, and the message says where it was."""

import numpy as np
import pytest

import densor
from densor import layers
from densor.callbacks import CallbackList, LambdaCallback, TerminateOnNaN
from densor.errors import NonFiniteError
from tests.models.build import classifier, data, same_weights

ROWS = 40


def deep(rate=0.1, momentum=0.9):
    densor.utils.set_random_seed(5)
    model = densor.Sequential(
        [
            densor.Input((3,)),
            layers.Dense(8, name="first"),
            layers.BatchNormalization(),
            layers.Dense(1, name="last"),
        ]
    )
    model.compile(densor.optimizers.SGD(rate, momentum=momentum), "mse")
    return model


def rows(bad=None):
    """Features and targets; the targets of row `bad` and those after it are so large that the loss overflows."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((ROWS, 3)), rng.standard_normal(ROWS)
    if bad is not None:
        y[bad:] = 1e30
    return x, y


def fit(model, x, y, *callbacks, **options):
    options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0, **options}
    return model.fit(x, y, callbacks=list(callbacks), **options)


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("stepwise", [False, True])
def test_the_batch_changes_nothing(raises, stepwise):
    """Weights, moving statistics, momentum and counters are those of a training that ends before the batch."""
    x, y = rows(bad=24)
    spoiled, clean = deep(), deep()
    callbacks = [TerminateOnNaN(raise_error=raises)]
    if stepwise:
        callbacks.append(LambdaCallback(on_train_batch_end=lambda batch, logs: None))
    if raises:
        with pytest.raises(NonFiniteError, match=r"the loss is not finite in epoch 1, batch 3"):
            fit(spoiled, x, y, *callbacks)
    else:
        history = fit(spoiled, x, y, *callbacks)
        assert history.epoch == [0]
        assert not np.isfinite(history.history["loss"][0])
    fit(clean, x[:24], y[:24], epochs=1)
    assert same_weights(spoiled, clean)
    assert spoiled.optimizer.iterations == clean.optimizer.iterations == 3
    for each in (spoiled, clean):
        fit(each, *rows(), epochs=2)
    assert same_weights(spoiled, clean), "training goes on as if the batch had not been there"


def test_the_batch_number_counts_within_its_epoch():
    x, y = rows()
    model = deep()

    def spoil(epoch, logs):
        if epoch == 1:
            model.layers[-1].kernel.assign(np.full((8, 1), np.inf))

    with pytest.raises(
        NonFiniteError, match=r"epoch 3, batch 0; the first outputs that are not finite: 'last'"
    ):
        fit(model, x, y, TerminateOnNaN(raise_error=True), LambdaCallback(on_epoch_end=spoil), epochs=5)


def test_shuffled_rows_are_looked_at():
    x, y = rows()
    x[17] = 1e38
    model = deep()
    model.layers[0].kernel.assign(np.full((3, 8), 2.0))
    with pytest.raises(NonFiniteError, match="the first outputs that are not finite: 'first'"):
        fit(model, x, y, TerminateOnNaN(raise_error=True), shuffle=True)


def test_a_gradient_that_overflows_while_the_loss_is_finite():
    model = densor.Sequential([densor.Input((1,)), layers.Dense(1, use_bias=False)])
    model.compile(densor.optimizers.SGD(1e-3), "mse")
    model.set_weights([np.full((1, 1), 1e-20)])
    with pytest.raises(
        NonFiniteError,
        match="the gradient is not finite in epoch 1, batch 0; the outputs of all layers are finite",
    ):
        model.fit(np.full((1, 1), 1e30), np.zeros(1), verbose=0, callbacks=[TerminateOnNaN(raise_error=True)])
    assert model.get_weights()[0].item() == np.float32(1e-20)


def test_keras_programs_catch_a_runtime_error():
    with pytest.raises(RuntimeError):
        fit(deep(), *rows(bad=0), TerminateOnNaN(raise_error=True))
    assert issubclass(NonFiniteError, ArithmeticError)


def test_what_it_prints(capsys):
    fit(deep(), *rows(bad=0), TerminateOnNaN(), verbose=2)
    assert "Batch 0: Invalid loss (inf), terminating training" in capsys.readouterr().out


@pytest.mark.parametrize("threads", [1, 3])
def test_finite_training_is_the_same_bit_for_bit(threads):
    x, y = data()
    before = densor.config.num_threads()
    densor.config.set_num_threads(threads)
    try:
        plain, guarded = classifier(), classifier()
        first = plain.fit(x, y, epochs=3, batch_size=16, verbose=0)
        second = guarded.fit(x, y, epochs=3, batch_size=16, verbose=0, callbacks=[TerminateOnNaN()])
    finally:
        densor.config.set_num_threads(before)
    assert same_weights(plain, guarded)
    assert first.history == second.history


def test_epochs_stay_native():
    assert not CallbackList([TerminateOnNaN()]).needs_batches

    class Watcher(TerminateOnNaN):
        def on_train_batch_begin(self, batch, logs=None):
            pass

    assert CallbackList([Watcher()]).needs_batches


def test_without_it_training_goes_on_as_in_keras():
    history = fit(deep(), *rows(bad=24))
    assert len(history.epoch) == 3
    assert not np.isfinite(history.history["loss"]).any()


def test_batches_of_an_iterator_are_guarded():
    x, y = rows(bad=24)
    model, clean = deep(), deep()
    batches = ((x[start : start + 8], y[start : start + 8]) for start in range(0, ROWS, 8))
    with pytest.raises(NonFiniteError, match=r"the loss is not finite in epoch 1, batch 3"):
        model.fit(batches, verbose=0, callbacks=[TerminateOnNaN(raise_error=True)])
    fit(clean, x[:24], y[:24], epochs=1)
    assert same_weights(model, clean)


def test_steps_of_a_models_own_are_watched():
    class Own(densor.Sequential):
        def train_step(self, data):
            return {"loss": float("nan")}

    model = Own([densor.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = rows()
    history = model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=[TerminateOnNaN()])
    assert history.epoch == [0]
