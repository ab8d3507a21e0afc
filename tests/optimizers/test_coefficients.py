"""The coefficients of every rule against its formula, written out step by step with plain Python numbers."""

import math

import numpy as np
import pytest

from densor.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Nadam,
    RAdam,
    RMSprop,
)
from densor.schedules import ExponentialDecay, InverseTimeDecay, LearningRateSchedule

f32 = lambda value: float(np.float32(value))  # noqa: E731 - the averages are taken with float32 betas
LR = f32(0.02)


def adam(t, beta_1=0.9, beta_2=0.999):
    return LR * math.sqrt(1 - f32(beta_2) ** t) / (1 - f32(beta_1) ** t)


def radam(t, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    b1, b2 = f32(beta_1), f32(beta_2)
    longest = 2 / (1 - b2) - 1
    length = longest - 2 * t * b2**t / (1 - b2**t)
    if length <= 5:
        return LR / (1 - b1**t), beta_1, beta_2, 0.0, 1.0
    r = math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
    return LR / (1 - b1**t) * r * math.sqrt(1 - b2**t), beta_1, beta_2, 1.0, epsilon


def nadam(t, beta_1=0.9, beta_2=0.999, momentum_decay=1.0):
    u = [beta_1 * (1 - 0.5 * 0.96 ** (momentum_decay * k)) for k in range(1, t + 2)]
    product = math.prod(u[:-1])
    of_momentum = LR * u[-1] / (1 - product * u[-1])
    of_gradient = LR * (1 - u[-2]) / (1 - product)
    return of_momentum, of_gradient, beta_1, beta_2, 1 / (1 - f32(beta_2) ** t)


# name: (optimizer, rule, slots, coefficients of step t = 1, 2, ... after the decay)
CASES = {
    "sgd": (SGD(0.02), "sgd", (), lambda t: (LR,)),
    "nesterov_without_momentum": (SGD(0.02, nesterov=True), "sgd", (), lambda t: (LR,)),
    "momentum": (SGD(0.02, momentum=0.9), "momentum", ("momentum",), lambda t: (LR, 0.9)),
    "nesterov": (SGD(0.02, momentum=0.8, nesterov=True), "nesterov", ("momentum",), lambda t: (LR, 0.8)),
    "rmsprop": (RMSprop(0.02), "rmsprop", ("velocity",), lambda t: (LR, 0.9, 1e-7)),
    "rmsprop_momentum": (
        RMSprop(0.02, rho=0.8, momentum=0.7),
        "rmsprop_momentum",
        ("velocity", "momentum"),
        lambda t: (LR, 0.8, 1e-7, 0.7),
    ),
    "rmsprop_centered": (
        RMSprop(0.02, centered=True, epsilon=1e-3),
        "rmsprop_centered",
        ("velocity", "average_gradient"),
        lambda t: (LR, 0.9, 1e-3),
    ),
    "rmsprop_centered_momentum": (
        RMSprop(0.02, centered=True, momentum=0.5),
        "rmsprop_centered_momentum",
        ("velocity", "momentum", "average_gradient"),
        lambda t: (LR, 0.9, 1e-7, 0.5),
    ),
    "adagrad": (Adagrad(0.02), "adagrad", ("accumulator",), lambda t: (LR, 1e-7)),
    "adam": (Adam(0.02), "adam", ("momentum", "velocity"), lambda t: (adam(t), 0.9, 0.999, 1e-7)),
    "adam_betas": (
        Adam(0.02, beta_1=0.5, beta_2=0.9, epsilon=1e-3),
        "adam",
        ("momentum", "velocity"),
        lambda t: (adam(t, 0.5, 0.9), 0.5, 0.9, 1e-3),
    ),
    "adamax": (
        Adamax(0.02),
        "adamax",
        ("momentum", "norm"),
        lambda t: (LR / (1 - 0.9**t), 0.9, 0.999, 1e-7),
    ),
    "adadelta": (
        Adadelta(0.02, rho=0.9),
        "adadelta",
        ("accumulated_grad", "accumulated_delta_var"),
        lambda t: (LR, 0.9, 1e-7),
    ),
    "amsgrad": (
        Adam(0.02, amsgrad=True),
        "amsgrad",
        ("momentum", "velocity", "velocity_hat"),
        lambda t: (adam(t), 0.9, 0.999, 1e-7),
    ),
    "adam_paper": (
        Adam(0.02, epsilon_mode="paper"),
        "adam",
        ("momentum", "velocity"),
        lambda t: (adam(t), 0.9, 0.999, 1e-7 * math.sqrt(1 - f32(0.999) ** t)),
    ),
    "radam": (RAdam(0.02), "radam", ("momentum", "velocity"), radam),
    "lion": (Lion(0.02), "lion", ("momentum",), lambda t: (LR, 0.9, 0.99)),
    "lamb": (
        Lamb(0.02),
        "lamb",
        ("momentum", "velocity"),
        lambda t: (LR, 0.9, 0.999, 1 / (1 - f32(0.9) ** t), 1 / (1 - f32(0.999) ** t), 1e-7),
    ),
    "ftrl": (
        Ftrl(0.02, beta=0.5, l1_regularization_strength=0.1),
        "ftrl",
        ("accumulator", "linear"),
        lambda t: (LR, 0.1, 0.0, 0.5, 0.0, 0.5),
    ),
    "ftrl_power": (
        Ftrl(0.02, -0.75, l2_regularization_strength=0.1, l2_shrinkage_regularization_strength=0.2),
        "ftrl_power",
        ("accumulator", "linear"),
        lambda t: (LR, 0.0, 0.1, 0.0, 0.2, 0.75),
    ),
    "nadam_momentum_decay": (
        Nadam(0.02, momentum_decay=0.004),
        "nadam",
        ("momentum", "velocity"),
        lambda t: (*nadam(t, momentum_decay=0.004), 1e-7),
    ),
    "nadam": (Nadam(0.02), "nadam", ("momentum", "velocity"), lambda t: (*nadam(t), 1e-7)),
    "nadam_betas": (
        Nadam(0.02, beta_1=0.7, beta_2=0.95, epsilon=1e-4),
        "nadam",
        ("momentum", "velocity"),
        lambda t: (*nadam(t, 0.7, 0.95), 1e-4),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rule_slots_and_coefficients(name):
    optimizer, rule, slots, formula = CASES[name]
    assert optimizer.rule == rule
    assert optimizer.slots == slots
    table = optimizer.coefficients(0, 60)
    expected = np.array([(0.0, *formula(t)) for t in range(1, 61)])
    assert table.dtype == np.float32
    assert table.flags.c_contiguous
    assert table.shape == expected.shape
    np.testing.assert_allclose(table, expected, rtol=3e-7)


@pytest.mark.parametrize("name", CASES)
def test_any_range_of_steps_is_the_same(name):
    optimizer = CASES[name][0]
    table = optimizer.coefficients(0, 1300)
    for first, steps in ((0, 1), (7, 3), (990, 30), (1299, 1), (5, 0)):
        np.testing.assert_array_equal(optimizer.coefficients(first, steps), table[first : first + steps])


@pytest.mark.parametrize("name", CASES)
def test_every_slot_has_a_first_value(name):
    optimizer, _, slots, _ = CASES[name]
    expected = [0.1 if slot == "accumulator" else 0.0 for slot in slots]
    assert [optimizer.initial_slot(slot) for slot in slots] == expected
    with pytest.raises(ValueError, match=r"initial_slot\(\): argument 'name': 'average' is not one of"):
        optimizer.initial_slot("average")


def test_nadam_far_out():
    """The corrections are gone after 10,000 steps: cm = lr * beta_1, cg = lr * (1 - beta_1), cv = 1."""
    table = Nadam(0.02).coefficients(10_000_000, 2)
    np.testing.assert_allclose(table[:, 1:6], [[LR * 0.9, LR * 0.1, 0.9, 0.999, 1.0]] * 2, rtol=3e-7)


def test_adam_far_out():
    np.testing.assert_allclose(Adam(0.02).coefficients(10_000_000, 1)[0, 1], LR, rtol=1e-7)


def test_adagrad_starts_where_it_is_told():
    assert Adagrad(initial_accumulator_value=0.5).initial_slot("accumulator") == 0.5


def test_weight_decay_is_scaled_by_the_rate_of_the_step():
    optimizer = SGD(ExponentialDecay(0.5, 10, 0.1), weight_decay=0.04)
    rates = [0.5 * 0.1 ** (t / 10) for t in range(20)]
    table = optimizer.coefficients(0, 20)
    np.testing.assert_allclose(table[:, 0], [0.04 * rate for rate in rates], rtol=2e-7)
    np.testing.assert_allclose(table[:, 1], rates, rtol=2e-7)
    assert AdamW(0.5).coefficients(0, 1)[0, 0] == np.float32(0.5 * 0.004)


def test_a_schedule_sees_the_step_before_the_increment_and_adam_the_one_after():
    table = Adam(InverseTimeDecay(0.5, 1, 1.0)).coefficients(0, 3)
    expected = [0.5 / (1 + step) * adam(step + 1) / LR for step in range(3)]
    np.testing.assert_allclose(table[:, 1], expected, rtol=3e-7)


def test_decay_of_keras_2_divides_the_rate():
    with pytest.warns(DeprecationWarning, match="decay"):
        optimizer = SGD(0.5, decay=0.25)
    np.testing.assert_allclose(optimizer.coefficients(2, 2)[:, 1], [0.5 / 1.5, 0.5 / 1.75], rtol=1e-7)


class Wild(LearningRateSchedule):
    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return 0.1 if step < 3 else self.rate


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -0.1])
def test_a_schedule_may_not_give_a_wrong_rate(rate):
    optimizer = SGD(Wild(rate))
    optimizer.coefficients(0, 3)
    with pytest.raises(
        ValueError, match=r"^SGD\(\): argument 'learning_rate': the schedule gives .* at step 3$"
    ):
        optimizer.coefficients(1, 5)


def test_a_schedule_may_rest():
    assert SGD(Wild(0.0)).coefficients(3, 1)[0, 1] == 0.0
