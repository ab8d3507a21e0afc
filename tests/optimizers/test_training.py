"""What optimizers do in a model beyond their rule: running means, accumulation, loss scale, rates by layer."""

import numpy as np
import pytest

import densor
from densor import optimizers, schedules
from densor.callbacks import Callback, ModelCheckpoint, SwapEMAWeights
from densor.optimizers import SGD, Adam, AdamW, Nadam
from tests.reference import optimizer as reference
from tests.tolerances import assert_close

ROWS, FEATURES = 24, 4


def data():
    rng = np.random.default_rng(5)
    return rng.standard_normal((ROWS, FEATURES)).astype(np.float32), rng.standard_normal((ROWS, 2))


def network(seed=3):
    model = densor.Sequential(
        [
            densor.Input((FEATURES,)),
            densor.layers.Dense(5, activation="tanh", name="hidden"),
            densor.layers.Dense(2, name="top"),
        ]
    )
    rng = np.random.default_rng(seed)
    model.set_weights([0.5 * rng.standard_normal(w.shape) for w in model.weights])
    return model


class Weights(Callback):
    """The weights after every step."""

    def on_train_begin(self, logs=None):
        self.steps = []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self.model.get_weights())


def fit(optimizer, epochs=2, callbacks=(), model=None, **options):
    model = network() if model is None else model
    model.compile(optimizer, loss="mse")
    x, y = data()
    record = Weights()
    options = {"batch_size": 8, "shuffle": False, "verbose": 0, **options}
    model.fit(x, y, epochs=epochs, callbacks=[record, *callbacks], **options)
    return model, record.steps


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "nadam", "lion", "lamb", "ftrl"])
def test_a_schedule_may_end_at_zero(name):
    schedule = schedules.PolynomialDecay(0.1, decay_steps=4, end_learning_rate=0.0)
    cls = type(optimizers.get(name))
    _, steps = fit(cls(schedule), epochs=3)
    for moving, fourth, last in zip(steps[2], steps[3], steps[-1], strict=True):
        assert np.isfinite(last).all()
        np.testing.assert_array_equal(fourth, last)
        assert (moving != last).any()


@pytest.mark.parametrize("momentum", [0.5, 0.0, 1.0, "polyak"])
def test_fit_ends_with_the_running_mean(momentum):
    model, steps = fit(SGD(0.1, use_ema=True, ema_momentum=momentum))
    _, raw = fit(SGD(0.1))
    means = [np.zeros_like(w) for w in raw[0]]
    for t, weights in enumerate(raw, start=1):
        means = [
            reference.average(a, w.astype(np.float64), t, momentum)
            for a, w in zip(means, weights, strict=True)
        ]
    for got, want in zip(steps[-1], raw[-1], strict=True):
        np.testing.assert_array_equal(got, want)
    for got, want in zip(model.get_weights(), means, strict=True):
        assert_close(got, want, "trajectory")
    if momentum == "polyak":
        for got, *all_of_them in zip(model.get_weights(), *raw, strict=True):
            np.testing.assert_allclose(got, np.mean(all_of_them, axis=0), rtol=1e-5, atol=1e-6)


def test_the_mean_overwrites_the_weights_now_and_then():
    _, steps = fit(SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2))
    _, raw = fit(SGD(0.1))
    np.testing.assert_array_equal(steps[0][0], raw[0][0])
    for got, first, second in zip(steps[1], raw[0], raw[1], strict=True):
        assert_close(got, 0.5 * first.astype(np.float64) + 0.5 * second, "trajectory")


def test_a_second_fit_goes_on_with_the_mean():
    once, _ = fit(SGD(0.1, use_ema=True, ema_momentum=0.5), epochs=1)
    x, y = data()
    before = once.get_weights()
    once.fit(x, y, epochs=0, verbose=0)
    for got, want in zip(once.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)
    once.train_on_batch(x, y)
    assert once.optimizer.iterations == 4


def test_swap_shows_the_mean_to_evaluation_only():
    seen = []

    class See(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs["val_loss"], self.model.evaluate(*data(), verbose=0)))

    optimizer = Adam(0.05, use_ema=True, ema_momentum=0.5)
    model, steps = fit(optimizer, 3, [SwapEMAWeights(), See()], validation_data=data())
    _, raw = fit(Adam(0.05), 3)
    for got, want in zip(steps[-1], raw[-1], strict=True):
        np.testing.assert_array_equal(got, want)
    assert all(swapped != own for swapped, own in seen)
    np.testing.assert_allclose(seen[-1][0], model.evaluate(*data(), verbose=0), rtol=1e-6)
    swapped = model.evaluate(*data(), verbose=0, callbacks=[SwapEMAWeights()])
    np.testing.assert_allclose(swapped, seen[-1][0], rtol=1e-6)


@pytest.mark.parametrize("stop", [False, True])
def test_swap_at_epochs_lets_checkpoints_see_the_mean(tmp_path, stop):
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = stop

    path = tmp_path / "mean.safetensors"
    saver = ModelCheckpoint(str(path), save_weights_only=True)
    optimizer = Adam(0.05, use_ema=True, ema_momentum=0.5)
    model, _ = fit(optimizer, 2, [SwapEMAWeights(swap_on_epoch=True), saver, Stop()])
    alone, _ = fit(Adam(0.05, use_ema=True, ema_momentum=0.5), 1 if stop else 2)
    saved = network()
    saved.load_weights(path)
    for got, kept, want in zip(model.get_weights(), saved.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(kept, want)


def test_swap_needs_a_mean():
    with pytest.raises(ValueError, match=r"^SwapEMAWeights\(\): argument 'optimizer': SGD keeps no mean"):
        fit(SGD(0.1), callbacks=[SwapEMAWeights()])


@pytest.mark.parametrize(
    "make", [lambda **k: SGD(0.1, momentum=0.9, **k), lambda **k: AdamW(0.05, clipnorm=0.1, **k)]
)
def test_accumulated_batches_are_one_large_batch(make):
    """Means over equal batches are the mean over all, and the state does not see the batches between."""
    small, _ = fit(make(gradient_accumulation_steps=3), epochs=1)
    x, y = data()
    large = network()
    large.compile(make(), loss="mse")
    large.fit(x, y, batch_size=24, shuffle=False, verbose=0)
    for got, want in zip(small.get_weights(), large.get_weights(), strict=True):
        assert_close(got, want, "trajectory")


def test_weights_rest_between_updates():
    _, steps = fit(Nadam(0.1, weight_decay=0.1, gradient_accumulation_steps=2))
    start = network().get_weights()
    for index in range(len(start)):
        np.testing.assert_array_equal(steps[0][index], start[index])
        np.testing.assert_array_equal(steps[1][index], steps[2][index])
        assert (steps[1][index] != start[index]).any()


def test_a_loss_scale_changes_nothing_but_rounding():
    plain, _ = fit(SGD(0.1, clipnorm=0.2))
    scaled, _ = fit(SGD(0.1, clipnorm=0.2, loss_scale_factor=1024.0))
    for got, want in zip(scaled.get_weights(), plain.get_weights(), strict=True):
        assert_close(got, want, "trajectory")


def test_every_layer_and_weight_has_its_rate():
    model = network()
    model.layers[0].learning_rate_multiplier = 0.0
    model.layers[1].bias.learning_rate_multiplier = 0.5
    plain, _ = fit(SGD(0.1, weight_decay=0.1), epochs=1, batch_size=24)
    start = network().get_weights()
    fit(SGD(0.1, weight_decay=0.1), epochs=1, batch_size=24, model=model)
    moved = [after - before for after, before in zip(model.get_weights(), start, strict=True)]
    full = [after - before for after, before in zip(plain.get_weights(), start, strict=True)]
    assert not moved[0].any()
    assert not moved[1].any()
    np.testing.assert_array_equal(moved[2], full[2])
    np.testing.assert_allclose(moved[3], 0.5 * full[3], rtol=1e-5)


def test_multipliers_change_without_a_new_compile():
    class Thaw(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.layers[0].learning_rate_multiplier = float(epoch)

    _, steps = fit(Adam(0.05), 2, [Thaw()])
    start = network().get_weights()
    np.testing.assert_array_equal(steps[2][0], start[0])
    assert (steps[3][0] != start[0]).any()
    assert (steps[0][2] != start[2]).any()


def test_multipliers_reach_inner_layers_and_survive_saving(tmp_path):
    model = network()
    model.learning_rate_multiplier = 0.25
    assert {v.learning_rate_multiplier for v in model.weights} == {0.25}
    late = densor.layers.Dense(3, learning_rate_multiplier=0.5)
    late.build((None, 2))
    assert late.kernel.learning_rate_multiplier == 0.5
    assert densor.layers.Dense.from_config(late.get_config()).learning_rate_multiplier == 0.5
    assert "learning_rate_multiplier" not in densor.layers.Dense(3).get_config()
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model")
    assert {v.learning_rate_multiplier for v in loaded.weights} == {0.25}
    for wrong in (-1.0, float("nan"), "slow", None):
        with pytest.raises((TypeError, ValueError), match=r"argument 'learning_rate_multiplier'"):
            late.learning_rate_multiplier = wrong


@pytest.mark.parametrize(
    "make",
    [
        lambda: Adam(0.05, use_ema=True, ema_momentum=0.5, amsgrad=True),
        lambda: SGD(0.05, momentum=0.9, gradient_accumulation_steps=4),
        lambda: densor.optimizers.Lamb(
            0.05, use_ema=True, ema_momentum="polyak", gradient_accumulation_steps=2
        ),
    ],
)
def test_saved_training_goes_on_bit_for_bit(tmp_path, make):
    x, y = data()
    model, _ = fit(make(), epochs=1, batch_size=5)
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model")
    for each in (model, loaded):
        each.fit(x, y, epochs=2, batch_size=5, verbose=0)
    for got, want in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ["adadelta", "radam", "lion", "lamb", "ftrl", "adamax", "nadam"])
@pytest.mark.parametrize("threads", [2])
def test_threads_change_nothing(name, threads):
    x, y = data()
    results = []
    before = densor.config.num_threads()
    try:
        for count in (1, threads):
            densor.config.set_num_threads(count)
            model = network()
            optimizer = densor.optimizers.get({"class_name": name, "config": {"global_clipnorm": 0.3}})
            model.compile(optimizer, loss="mse")
            model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
            results.append(model.get_weights())
    finally:
        densor.config.set_num_threads(before)
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)
