"""Every schedule against its formula, written out with plain Python numbers."""

import json
import math

import numpy as np
import pytest

from densor import schedules
from densor.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)


def restarts(t, rate, first, t_mul, m_mul, alpha):
    """SGDR by walking through the cycles."""
    start, length, height = 0.0, float(first), 1.0
    while t >= start + length:
        start, length, height = start + length, length * t_mul, height * m_mul
    cosine = 0.5 * height * (1 + math.cos(math.pi * (t - start) / length))
    return rate * ((1 - alpha) * cosine + alpha)


def warmed(t, initial, decay_steps, alpha, target, warmup):
    if t < warmup:
        return initial + (target - initial) * t / warmup
    cosine = 0.5 * (1 + math.cos(math.pi * min(t - warmup, decay_steps) / decay_steps))
    return target * ((1 - alpha) * cosine + alpha)


CASES = {
    "exponential": (ExponentialDecay(0.1, 100, 0.9), lambda t: 0.1 * 0.9 ** (t / 100)),
    "exponential_staircase": (
        ExponentialDecay(0.1, 100, 0.1, staircase=True),
        lambda t: 0.1 * 0.1 ** (t // 100),
    ),
    "inverse_time": (InverseTimeDecay(0.1, 100, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 100)),
    "inverse_time_staircase": (InverseTimeDecay(0.1, 100, 2, True), lambda t: 0.1 / (1 + 2 * (t // 100))),
    "polynomial": (
        PolynomialDecay(0.1, 150),
        lambda t: (0.1 - 0.0001) * (1 - min(t, 150) / 150) + 0.0001,
    ),
    "polynomial_power": (
        PolynomialDecay(0.1, 150, end_learning_rate=0.01, power=0.5),
        lambda t: (0.1 - 0.01) * (1 - min(t, 150) / 150) ** 0.5 + 0.01,
    ),
    "polynomial_cycle": (
        PolynomialDecay(0.1, 150, end_learning_rate=0.01, power=2, cycle=True),
        lambda t: (0.1 - 0.01) * (1 - t / (150 * max(math.ceil(t / 150), 1))) ** 2 + 0.01,
    ),
    "piecewise": (
        PiecewiseConstantDecay([50, 150], [0.1, 0.01, 0.001]),
        lambda t: 0.1 if t <= 50 else 0.01 if t <= 150 else 0.001,
    ),
    "cosine": (CosineDecay(0.1, 200), lambda t: 0.1 * 0.5 * (1 + math.cos(math.pi * min(t, 200) / 200))),
    "cosine_alpha": (
        CosineDecay(0.1, 200, alpha=0.2),
        lambda t: 0.1 * (0.8 * 0.5 * (1 + math.cos(math.pi * min(t, 200) / 200)) + 0.2),
    ),
    "cosine_warmup": (
        CosineDecay(0.0, 200, 0.1, warmup_target=0.5, warmup_steps=30),
        lambda t: warmed(t, 0.0, 200, 0.1, 0.5, 30),
    ),
    "cosine_target_without_steps": (
        CosineDecay(0.1, 200, warmup_target=0.5),
        lambda t: warmed(t, 0.1, 200, 0.0, 0.5, 0),
    ),
    "restarts": (CosineDecayRestarts(0.1, 20), lambda t: restarts(t, 0.1, 20, 2.0, 1.0, 0.0)),
    "restarts_equal": (CosineDecayRestarts(0.1, 20, t_mul=1), lambda t: restarts(t, 0.1, 20, 1.0, 1.0, 0.0)),
    "restarts_all": (
        CosineDecayRestarts(0.1, 10, t_mul=1.5, m_mul=0.8, alpha=0.1),
        lambda t: restarts(t, 0.1, 10, 1.5, 0.8, 0.1),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_the_formula(name):
    schedule, formula = CASES[name]
    expected = [formula(t) for t in range(400)]
    values = schedule.values(0, 400)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(schedule.values(123, 50), values[123:173])


@pytest.mark.parametrize("name", CASES)
def test_calls_take_a_step_or_many(name):
    schedule, formula = CASES[name]
    for step in (0, 50, 51, np.int64(150), 151.0):
        rate = schedule(step)
        assert type(rate) is float
        assert rate == pytest.approx(formula(float(step)), rel=1e-12)
    steps = np.array([[0, 7], [160, 399]])
    np.testing.assert_array_equal(schedule(steps), [[schedule(int(s)) for s in row] for row in steps])
    with pytest.raises(TypeError, match=rf"^{type(schedule).__name__}\(\): argument 'step': "):
        schedule("1")


@pytest.mark.parametrize("name", CASES)
def test_configuration_round_trip(name):
    schedule, _ = CASES[name]
    config = json.loads(json.dumps(schedules.serialize(schedule)))
    copy = schedules.deserialize(config)
    assert type(copy) is type(schedule)
    assert copy.get_config() == schedule.get_config()
    np.testing.assert_array_equal(copy.values(0, 300), schedule.values(0, 300))
    assert config == schedules.serialize(schedule), "deserialize must leave its argument alone"


def test_restarts_are_exact_far_out():
    """Cycle i starts at 2^i - 1 first cycles; rounding in the logarithms must not move a restart."""
    schedule = CosineDecayRestarts(1.0, 1000)
    for i in range(20):
        start = 1000 * (2**i - 1)
        assert schedule(start) == 1.0
        assert start == 0 or schedule(start - 1) < 0.001


BAD = [
    (ExponentialDecay, (-0.1, 10, 0.9), "initial_learning_rate"),
    (ExponentialDecay, (float("nan"), 10, 0.9), "initial_learning_rate"),
    (ExponentialDecay, (0.1, 0, 0.9), "decay_steps"),
    (ExponentialDecay, (0.1, -3, 0.9), "decay_steps"),
    (ExponentialDecay, (0.1, 10, -0.9), "decay_rate"),
    (InverseTimeDecay, (0.1, 0, 0.9), "decay_steps"),
    (InverseTimeDecay, (0.1, 10, float("inf")), "decay_rate"),
    (PolynomialDecay, (0.1, 0), "decay_steps"),
    (PolynomialDecay, (0.1, 10, -1.0), "end_learning_rate"),
    (PolynomialDecay, (0.1, 10, 0.0, -1.0), "power"),
    (PiecewiseConstantDecay, ([10, 20], [0.1, 0.2]), "values"),
    (PiecewiseConstantDecay, ([20, 10], [0.1, 0.2, 0.3]), "boundaries"),
    (PiecewiseConstantDecay, ([10, 10], [0.1, 0.2, 0.3]), "boundaries"),
    (PiecewiseConstantDecay, ([10], [0.1, -0.2]), "values"),
    (CosineDecay, (0.1, 0), "decay_steps"),
    (CosineDecay, (0.1, 10, 1.5), "alpha"),
    (CosineDecay, (0.1, 10, 0.0, None, -0.5), "warmup_target"),
    (CosineDecay, (0.1, 10, 0.0, None, 0.5, -1), "warmup_steps"),
    (CosineDecayRestarts, (0.1, 0), "first_decay_steps"),
    (CosineDecayRestarts, (0.1, 10, 0.5), "t_mul"),
    (CosineDecayRestarts, (0.1, 10, 2.0, -1.0), "m_mul"),
    (CosineDecayRestarts, (0.1, 10, 2.0, 1.0, -0.1), "alpha"),
]


@pytest.mark.parametrize(("cls", "arguments", "name"), BAD)
def test_wrong_values(cls, arguments, name):
    with pytest.raises(ValueError, match=rf"^{cls.__name__}\(\): argument '{name}': "):
        cls(*arguments)


@pytest.mark.parametrize(
    ("cls", "arguments", "name"),
    [
        (ExponentialDecay, ("0.1", 10, 0.9), "initial_learning_rate"),
        (ExponentialDecay, (0.1, 10, 0.9, 1), "staircase"),
        (PolynomialDecay, (0.1, 10, 0.0, 1.0, "yes"), "cycle"),
        (PiecewiseConstantDecay, (10, [0.1, 0.2]), "boundaries"),
        (PiecewiseConstantDecay, ([10], "ab"), "values"),
        (CosineDecay, (0.1, None), "decay_steps"),
        (CosineDecayRestarts, (0.1, [1]), "first_decay_steps"),
    ],
)
def test_wrong_kinds(cls, arguments, name):
    with pytest.raises(TypeError, match=rf"^{cls.__name__}\(\): argument '{name}': "):
        cls(*arguments)


class Halving(LearningRateSchedule):
    def __call__(self, step):
        return 1.0 if step < 2 else 0.5  # only for one step at a time


class Bent(ExponentialDecay):
    def __call__(self, step):
        return super().__call__(step) if step < 2 else 0.25


def test_subclasses_need_only_a_call():
    assert Halving().values(0, 4).tolist() == [1.0, 1.0, 0.5, 0.5]
    assert Bent(1.0, 1, 0.5).values(0, 4).tolist() == [1.0, 0.5, 0.25, 0.25]
    with pytest.raises(NotImplementedError, match=r"Halving must define get_config\(\)"):
        schedules.serialize(Halving())
    with pytest.raises(NotImplementedError, match="must define __call__"):
        LearningRateSchedule()(0)


def test_custom_classes_must_be_passed_in():
    config = {"class_name": "Bent", "config": ExponentialDecay(1.0, 1, 0.5).get_config()}
    with pytest.raises(ValueError, match=r"^schedules.get\(\): argument 'identifier': 'Bent' is not a known"):
        schedules.deserialize(config)
    assert isinstance(schedules.deserialize(config, custom_objects={"Bent": Bent}), Bent)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        (3, TypeError),
        ({"config": {}}, ValueError),
        ({"class_name": "CosineDecay", "config": [1]}, ValueError),
        ({"class_name": "CosineDecay", "config": {}, "code": "x"}, ValueError),
        ({"class_name": ["CosineDecay"], "config": {}}, ValueError),
    ],
)
def test_wrong_configurations(config, error):
    with pytest.raises(error, match=r"^schedules.deserialize\(\): argument 'config': "):
        schedules.deserialize(config)
