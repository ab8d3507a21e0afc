"""Optimizers that look at whole variables before they change the first weight: Adafactor and Muon."""

import numpy as np
import pytest

import densor
from densor import _core, layers, optimizers
from tests.models.build import FEATURES, data

MAKE = {
    "adafactor": lambda **k: optimizers.Adafactor(0.05, **k),
    "muon": lambda **k: optimizers.Muon(0.01, **k),
    "schedule_free": lambda **k: optimizers.ScheduleFreeAdamW(0.01, **k),
}


def trained(optimizer, epochs=3, units=33):
    densor.utils.set_random_seed(7)
    model = densor.Sequential(
        [densor.Input((FEATURES,)), layers.Dense(units, activation="tanh"), layers.Dense(300, activation="tanh"),
         layers.LayerNormalization(), layers.Dense(3, activation="softmax")]
    )  # fmt: skip
    model.compile(optimizer, "sparse_categorical_crossentropy")
    x, y = data()
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0)
    return model


@pytest.mark.parametrize("name", MAKE)
def test_the_bits_do_not_depend_on_threads(name):
    before = _core.num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            _core.set_num_threads(threads)
            found.append([w.tobytes() for w in trained(MAKE[name](clipnorm=0.5, use_ema=True)).get_weights()])
    finally:
        _core.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("name", MAKE)
def test_they_learn_and_go_on_from_a_file(name, tmp_path):
    whole, half = trained(MAKE[name](), 8), trained(MAKE[name](), 4)
    history = whole.history.history["loss"]
    assert history[-1] < 0.8 * history[0]
    for file in ("model", "model.keras"):
        half.save(tmp_path / file)
        loaded = densor.models.load_model(tmp_path / file)
        assert loaded.optimizer.get_config() == half.optimizer.get_config()
        loaded.fit(*data(), batch_size=16, epochs=4, verbose=0)
        for a, b in zip(loaded.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["adafactor", "muon"])
def test_gradient_accumulation(name):
    """Two half batches make the step of a whole one."""
    x, y = data(64)
    weights = []
    for size, every in ((64, None), (32, 2)):
        densor.utils.set_random_seed(7)
        model = densor.Sequential([densor.Input((FEATURES,)), layers.Dense(3, activation="softmax")])
        model.compile(MAKE[name](gradient_accumulation_steps=every), "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=size, epochs=1, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["adafactor", "muon"])
def test_frozen_and_pruned_weights_stay(name):
    model = trained(MAKE[name](), 1)
    kernel = model.layers[1].kernel
    kernel.mask = np.random.default_rng(0).random(kernel.shape) < 0.5
    kernel.assign(kernel.numpy() * kernel.mask)
    model.layers[0].learning_rate_multiplier = 0.0
    before = model.get_weights()
    model.fit(*data(), epochs=2, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(after[0], before[0])
    assert (after[2][~kernel.mask] == 0).all()
    assert (after[2][kernel.mask] != before[2][kernel.mask]).mean() > 0.9


def test_directions_of_muon_are_orthogonal():
    rng = np.random.default_rng(1)
    for shape in ((5, 40), (40, 5), (24, 24), (1, 7)):
        weight = densor.Variable(np.zeros(shape))
        gradient = rng.standard_normal(shape)
        optimizers.Muon(1.0, rms_rate=None, ns_steps=12, muon_a=2.0, muon_b=-1.5, muon_c=0.5).apply(
            [gradient], [weight]
        )
        singular = np.linalg.svd(weight.numpy(), compute_uv=False)
        np.testing.assert_allclose(singular, 1.0, atol=2e-2)
        u, _, v = np.linalg.svd(gradient, full_matrices=False)
        assert float((weight.numpy() * -(u @ v)).sum()) > 0.98 * min(shape)


def test_what_muon_trains_by_adamw():
    """Biases, and what it is told to leave alone; the two decays are apart."""
    model = trained(optimizers.Muon(0.01, exclude_layers=["dense_.*kernel"]), 1)
    assert [bool(rows) for _, rows, _ in model.optimizer.matrices(tuple(model.trainable_weights))].count(
        True
    ) <= 1
    variable = densor.Variable(np.ones((2, 2)))
    kept = densor.Variable(np.ones(3))
    optimizer = optimizers.Muon(1.0, weight_decay=0.5, adam_weight_decay=0.25)
    optimizer.apply([np.zeros((2, 2)), np.zeros(3)], [variable, kept])
    np.testing.assert_array_equal(variable.numpy(), 0.5)
    np.testing.assert_array_equal(kept.numpy(), 0.75)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: optimizers.Muon(ns_steps=-1), "'ns_steps'"),
        (lambda: optimizers.Muon(momentum=1.0), "'momentum'"),
        (lambda: optimizers.Muon(exclude_layers="dense"), "'exclude_layers': must be a list"),
        (lambda: optimizers.Muon(exclude_layers=["("]), "'exclude_layers'.*no regular expression"),
        (lambda: optimizers.Muon(rms_rate=0.0), "'rms_rate'"),
        (lambda: optimizers.Adafactor(beta_2_decay=0.5), "'beta_2_decay'"),
        (lambda: optimizers.Adafactor(epsilon_1=0.0), "'epsilon_1'"),
        (lambda: optimizers.Adafactor(clip_threshold=-1.0), "'clip_threshold'"),
        (lambda: optimizers.Adafactor(relative_step=1), "'relative_step'"),
        (lambda: optimizers.ScheduleFreeAdamW(beta_1=0.0), "'beta_1'"),
        (lambda: optimizers.ScheduleFreeAdamW(warmup_steps=1.5), "'warmup_steps'"),
    ],
)
def test_bad_arguments(make, problem):
    with pytest.raises((TypeError, ValueError), match=rf"argument {problem}"):
        make()


def test_the_native_op_checks_shapes():
    w, g, slots = (np.zeros(16, np.float32) for _ in range(3)), None, None
    w, g, *slots = (np.zeros(16, np.float32) for _ in range(4))
    segments, decayed = np.array([[0, 6]]), np.ones(1, np.uint8)
    numbers = np.array([0.9, 1.0, 5.0, 3.4, -4.7, 2.0, 0.2])

    def call(matrices, iterations=numbers):
        return _core.optimizer(
            w, g, slots, segments, decayed, "muon", None, None, None, matrices=matrices, iterations=iterations
        )  # fmt: skip

    call(np.array([[1, 2, 3]]))
    for matrices in (
        np.array([[1, 2, 4]]),
        np.array([[0, 2, 3]]),
        np.array([[2, 1, 3]]),
        np.array([[1, -2, -3]]),
    ):
        with pytest.raises(ValueError, match="argument 'matrices'"):
            call(matrices)
    with pytest.raises(ValueError, match="argument 'iterations'"):
        call(np.array([[1, 2, 3]]), numbers * np.nan)
    with pytest.raises((TypeError, ValueError), match="argument 'matrices'"):
        call(None)
