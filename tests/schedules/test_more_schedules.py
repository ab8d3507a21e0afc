"""The schedules that Keras lacks, each against its formula in plain Python, and what composes them."""

import json
import math

import numpy as np
import pytest

from densor import schedules
from densor.optimizers import SGD, Adagrad, Adam, RMSprop
from densor.schedules import (
    CosineDecay,
    CyclicalLearningRate,
    ExponentialDecay,
    InverseSquareRootDecay,
    LearningRateSchedule,
    LinearDecay,
    NaturalExponentialDecay,
    OneCycle,
    PiecewiseEpochDecay,
    PowerDecay,
    StepDecay,
    TimeBasedDecay,
    WarmUp,
)


def notebook_cycle(t, iterations, peak, start=None, last=None, end=None):
    """The 1cycle scheduler as the book's notebook interpolates it."""
    start = start or peak / 10
    last = last or iterations // 10 + 1
    half = (iterations - last) // 2
    end = end or start / 1000

    def between(first, second, low, high):
        return (high - low) * (t - first) / (second - first) + low

    if t < half:
        return between(0, half, start, peak)
    if t < 2 * half:
        return between(half, 2 * half, peak, start)
    return between(2 * half, iterations, start, end) if t < iterations else end


def torch_cycle(t, total, peak, low=25.0, final=1e4, share=0.3):
    """PyTorch's OneCycleLR: a cosine up and a cosine down, the last of `total` steps at the end."""
    up = share * total - 1
    start, end = peak / low, peak / low / final
    first, second, f = (start, peak, t / up) if t <= up else (peak, end, (t - up) / (total - 1 - up))
    return second + (first - second) / 2 * (1 + math.cos(math.pi * f))


def triangle(t, low, high, size, scale):
    cycle = math.floor(1 + t / (2 * size))
    x = abs(t / size - 2 * cycle + 1)
    return low + (high - low) * max(0, 1 - x) * scale(t, cycle)


CASES = {
    "power": (PowerDecay(0.1, 50, 1.5), lambda t: 0.1 / (1 + t / 50) ** 1.5),
    "power_staircase": (PowerDecay(0.1, 50, 2, True), lambda t: 0.1 / (1 + t // 50) ** 2),
    "power_zero": (PowerDecay(0.1, 50, 0), lambda t: 0.1),
    "time_based": (TimeBasedDecay(0.1, 0.01), lambda t: 0.1 / (1 + 0.01 * t)),
    "natural_exponential": (NaturalExponentialDecay(0.1, 0.01), lambda t: 0.1 * math.exp(-0.01 * t)),
    "inverse_square_root": (InverseSquareRootDecay(0.1), lambda t: 0.1 / math.sqrt(t + 1)),
    "inverse_square_root_slow": (InverseSquareRootDecay(0.1, 40), lambda t: 0.1 / math.sqrt(1 + t / 40)),
    "linear": (LinearDecay(0.1, 150), lambda t: 0.1 * (1 - min(t, 150) / 150)),
    "step": (StepDecay(0.1, 3, 0.5, steps_per_epoch=20), lambda t: 0.1 * 0.5 ** ((t // 20) // 3)),
    "step_in_epochs": (StepDecay(0.1, 7, 0.9), lambda t: 0.1 * 0.9 ** (t // 7)),
    "piecewise_epochs": (
        PiecewiseEpochDecay([5, 10], [0.1, 0.01, 0.001], steps_per_epoch=20),
        lambda t: 0.1 if t // 20 + 1 <= 5 else 0.01 if t // 20 + 1 <= 10 else 0.001,
    ),
    "one_cycle": (OneCycle(0.5, 250), lambda t: notebook_cycle(t, 250, 0.5)),
    "one_cycle_odd": (OneCycle(0.5, 37), lambda t: notebook_cycle(t, 37, 0.5)),
    "one_cycle_all": (
        OneCycle(0.5, 250, 0.01, 1e-5, final_steps=60),
        lambda t: notebook_cycle(t, 250, 0.5, 0.01, 60, 1e-5),
    ),
    "one_cycle_torch": (
        OneCycle(0.5, 199, 0.02, 0.02 / 1e4, rise_steps=59, final_steps=0, anneal="cosine"),
        lambda t: torch_cycle(min(t, 199), 200, 0.5),
    ),
    "triangular": (CyclicalLearningRate(0.01, 0.1, 30), lambda t: triangle(t, 0.01, 0.1, 30, lambda t, c: 1)),
    "triangular2": (
        CyclicalLearningRate(0.01, 0.1, 30, "triangular2"),
        lambda t: triangle(t, 0.01, 0.1, 30, lambda t, c: 0.5 ** (c - 1)),
    ),
    "cyclical_exponential": (
        CyclicalLearningRate(0.01, 0.1, 17.5, "exponential", 0.99),
        lambda t: triangle(t, 0.01, 0.1, 17.5, lambda t, c: 0.99**t),
    ),
    "warm_up": (
        WarmUp(ExponentialDecay(0.1, 50, 0.5), 30, 0.02),
        lambda t: 0.02 + 0.08 * t / 30 if t < 30 else 0.1 * 0.5 ** ((t - 30) / 50),
    ),
    "warm_up_constant": (WarmUp(0.1, 30), lambda t: 0.1 * min(t, 30) / 30),
    "warm_up_none": (WarmUp(LinearDecay(0.1, 50), 0), lambda t: 0.1 * (1 - min(t, 50) / 50)),
    "warm_up_twice": (
        WarmUp(WarmUp(0.1, 10, 0.05), 10),
        lambda t: 0.05 * t / 10 if t < 10 else 0.05 + 0.05 * min(t - 10, 10) / 10,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_the_formula(name):
    schedule, formula = CASES[name]
    expected = [formula(t) for t in range(400)]
    values = schedule.values(0, 400)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-16)
    for first, steps in [(0, 1), (25, 10), (123, 50), (399, 1)]:
        np.testing.assert_array_equal(schedule.values(first, steps), values[first : first + steps])


@pytest.mark.parametrize("name", CASES)
def test_calls_take_a_step_or_many(name):
    schedule, formula = CASES[name]
    for step in (0, 29, 30, np.int64(150)):
        rate = schedule(step)
        assert type(rate) is float
        assert rate == pytest.approx(formula(int(step)), rel=1e-12, abs=1e-16)
    steps = np.array([[0, 7], [160, 399]])
    np.testing.assert_array_equal(schedule(steps), [[schedule(int(s)) for s in row] for row in steps])
    with pytest.raises(TypeError, match=rf"^{type(schedule).__name__}\(\): argument 'step': "):
        schedule("1")


@pytest.mark.parametrize("name", CASES)
def test_configuration_round_trip(name):
    schedule, _ = CASES[name]
    config = json.loads(json.dumps(schedules.serialize(schedule)))
    copy = schedules.deserialize(config)
    assert copy.get_config() == schedule.get_config()
    np.testing.assert_array_equal(copy.values(0, 300), schedule.values(0, 300))


@pytest.mark.parametrize("total", [1, 2, 3, 9, 10, 11])
def test_short_cycles_stay_between_their_ends(total):
    values = OneCycle(1.0, total).values(0, total + 3)
    assert (values >= 0.0001 * (1 - 1e-12)).all()
    assert (values <= 1.0).all()
    np.testing.assert_allclose(values[total:], 0.0001)


def test_momentum_moves_against_the_rate():
    schedule = OneCycle(1.0, 100, momentum_range=(0.85, 0.95))
    rates, momenta = schedule.values(0, 100), schedule.momenta(0, 100)
    peak = int(np.argmax(rates))
    assert momenta[0] == 0.95
    assert momenta[peak] == pytest.approx(0.85)
    np.testing.assert_allclose(momenta[2 * peak :], 0.95)
    share = (rates[: 2 * peak] - 0.1) / 0.9
    np.testing.assert_allclose(momenta[: 2 * peak], 0.95 - 0.1 * share, rtol=1e-12)
    np.testing.assert_array_equal(WarmUp(schedule, 5).momenta(3, 10)[2:], schedule.momenta(0, 8))
    assert (WarmUp(schedule, 5).momenta(0, 5) == 0.95).all()
    assert WarmUp(LinearDecay(0.1, 5), 5).momenta(0, 5) is None


def test_optimizers_train_with_the_momentum_that_moves():
    schedule = OneCycle(1.0, 100, momentum_range=(0.85, 0.95))
    expected = schedule.momenta(20, 30).astype(np.float32)
    np.testing.assert_array_equal(SGD(schedule, momentum=0.9).coefficients(20, 30)[:, 2], expected)
    np.testing.assert_array_equal(RMSprop(schedule, momentum=0.5).coefficients(20, 30)[:, 4], expected)
    table = Adam(schedule).coefficients(20, 30)
    np.testing.assert_array_equal(table[:, 2], expected)
    t = np.arange(21, 51)
    beta = expected.astype(np.float64)
    alpha = schedule.values(20, 30) * np.sqrt(1 - np.float64(np.float32(0.999)) ** t) / (1 - beta**t)
    np.testing.assert_allclose(table[:, 1], alpha, rtol=1e-6)


@pytest.mark.parametrize("make", [SGD, RMSprop, Adagrad])
def test_a_momentum_that_is_not_there_cannot_move(make):
    optimizer = make(OneCycle(1.0, 100, momentum_range=(0.85, 0.95)))
    with pytest.raises(
        ValueError, match=rf"^{make.__name__}\(\): argument 'learning_rate': the OneCycle moves a momentum"
    ):
        optimizer.coefficients(0, 1)


def bounds(low, high, size):
    return {"initial_learning_rate": low, "maximal_learning_rate": high, "step_size": size}


class Own(LearningRateSchedule):
    def __call__(self, step):
        return 1.0 / (1 + step)  # only for one step at a time


def test_a_warm_up_before_a_schedule_of_ones_own():
    np.testing.assert_allclose(WarmUp(Own(), 2).values(0, 5), [0, 0.5, 1, 1 / 2, 1 / 3])


@pytest.mark.parametrize(
    ("cls", "arguments", "name"),
    [
        (PowerDecay, {"initial_learning_rate": 0.1, "decay_steps": 0}, "decay_steps"),
        (PowerDecay, {"initial_learning_rate": 0.1, "decay_steps": 10, "power": -1}, "power"),
        (PowerDecay, {"initial_learning_rate": 0.1, "decay_steps": 10, "staircase": 1}, "staircase"),
        (TimeBasedDecay, {"initial_learning_rate": 0.1, "k": -1}, "k"),
        (NaturalExponentialDecay, {"initial_learning_rate": 0.1, "k": math.nan}, "k"),
        (NaturalExponentialDecay, {"initial_learning_rate": "a", "k": 1}, "initial_learning_rate"),
        (InverseSquareRootDecay, {"initial_learning_rate": 0.1, "decay_steps": -1}, "decay_steps"),
        (LinearDecay, {"initial_learning_rate": -0.1, "decay_steps": 5}, "initial_learning_rate"),
        (StepDecay, {"initial_learning_rate": 0.1, "epochs_per_drop": 0}, "epochs_per_drop"),
        (StepDecay, {"initial_learning_rate": 0.1, "epochs_per_drop": 1, "drop": 0.0}, "drop"),
        (StepDecay, {"initial_learning_rate": 0.1, "epochs_per_drop": 1, "steps_per_epoch": 2.5},
         "steps_per_epoch"),
        (PiecewiseEpochDecay, {"epochs": [5, 5], "values": [1, 2, 3]}, "epochs"),
        (PiecewiseEpochDecay, {"epochs": [0], "values": [1, 2]}, "epochs"),
        (PiecewiseEpochDecay, {"epochs": [5], "values": [1]}, "values"),
        (PiecewiseEpochDecay, {"epochs": 5, "values": [1]}, "epochs"),
        (OneCycle, {"max_learning_rate": 0.0, "total_steps": 10}, "max_learning_rate"),
        (OneCycle, {"max_learning_rate": 0.1, "total_steps": 0}, "total_steps"),
        (OneCycle, {"max_learning_rate": 0.1, "total_steps": 10, "final_steps": 11}, "final_steps"),
        (OneCycle, {"max_learning_rate": 0.1, "total_steps": 10, "rise_steps": 10}, "rise_steps"),
        (OneCycle, {"max_learning_rate": 0.1, "total_steps": 10, "anneal": "cos"}, "anneal"),
        (OneCycle, {"max_learning_rate": 0.1, "total_steps": 10, "momentum_range": 0.9}, "momentum_range"),
        (OneCycle, {"max_learning_rate": 0.1, "total_steps": 10, "momentum_range": (0.9, 0.8)}, "momentum_range"),
        (OneCycle, {"max_learning_rate": 0.1, "total_steps": 10, "momentum_range": (0.9, 1.0)}, "momentum_range"),
        (CyclicalLearningRate, {**bounds(0.2, 0.1, 5)}, "maximal_learning_rate"),
        (CyclicalLearningRate, {**bounds(0.0, 0.1, 0)}, "step_size"),
        (CyclicalLearningRate, {**bounds(0.0, 0.1, 5), "mode": "saw"}, "mode"),
        (CyclicalLearningRate, {**bounds(0.0, 0.1, 5), "gamma": 1.5}, "gamma"),
        (WarmUp, {"learning_rate": 0.1, "warmup_steps": -1}, "warmup_steps"),
        (WarmUp, {"learning_rate": 0.1, "warmup_steps": 2, "initial_learning_rate": -1}, "initial_learning_rate"),
        (WarmUp, {"learning_rate": "fast", "warmup_steps": 2}, "learning_rate"),
        (WarmUp, {"learning_rate": CosineDecay, "warmup_steps": 2}, "learning_rate"),
    ],
)  # fmt: skip
def test_wrong_arguments(cls, arguments, name):
    with pytest.raises((TypeError, ValueError), match=rf"^{cls.__name__}\(\): argument '{name}': "):
        cls(**arguments)
