"""LearningRateScheduler: functions of one and two arguments, and what they return."""

import functools

import numpy as np
import pytest

from densor.callbacks import CallbackList, LearningRateScheduler
from densor.optimizers import SGD
from densor.schedules import ExponentialDecay
from tests.callbacks.stand_in import StandIn, replay


def rates(schedule, epochs=3, start=1.0):
    every = CallbackList([LearningRateScheduler(schedule)], add_history=True)
    replay(every, [{"loss": 1.0}] * epochs, model=StandIn(start))
    return every.history.history["learning_rate"]


class Halving:
    def __call__(self, epoch):
        return 0.5**epoch


class ByMethod:
    def rate(self, epoch, lr):
        return lr * 0.5


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (lambda epoch: 0.5**epoch, [1, 0.5, 0.25]),
        (lambda epoch, lr: lr * 0.5, [0.5, 0.25, 0.125]),
        (lambda epoch, lr=0.5: lr, [1, 1, 1]),
        (lambda *arguments: arguments[1] * 0.5, [0.5, 0.25, 0.125]),
        (lambda epoch: np.float64(0.25), [0.25] * 3),
        (lambda epoch: np.array(0.25, np.float32), [0.25] * 3),
        (lambda epoch: 2, [2, 2, 2]),
        (Halving(), [1, 0.5, 0.25]),
        (ByMethod().rate, [0.5, 0.25, 0.125]),
        (functools.partial(lambda base, epoch: base**epoch, 0.5), [1, 0.5, 0.25]),
        (ExponentialDecay(1.0, 1, 0.5), [1, 0.5, 0.25]),
        (max, [1, 1, 2]),  # a builtin that does not tell its arguments
    ],
)
def test_schedules(schedule, expected):
    assert rates(schedule) == expected


def test_the_rate_is_kept_and_logged_as_float32():
    assert rates(lambda epoch: 0.1, epochs=1) == [float(np.float32(0.1))]


def test_a_type_error_inside_the_function_is_its_own():
    def broken(epoch, lr):
        return lr + "a"

    with pytest.raises(TypeError, match="unsupported operand"):
        rates(broken)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("a", TypeError),
        (None, TypeError),
        (True, TypeError),
        ([0.1], TypeError),
        (-0.1, ValueError),
        (float("nan"), ValueError),
    ],
)
def test_wrong_rates(value, error):
    with pytest.raises(error, match=r"^LearningRateScheduler\(\): argument 'schedule': "):
        rates(lambda epoch: value)


def test_an_optimizer_with_a_schedule_of_its_own():
    model = StandIn()
    model.optimizer = SGD(ExponentialDecay(1.0, 10, 0.5))
    with pytest.raises(TypeError, match="follows a ExponentialDecay"):
        replay(LearningRateScheduler(lambda epoch: 0.1), [{"loss": 1.0}], model=model)


def test_verbose(capsys):
    replay(LearningRateScheduler(lambda epoch: 0.5, verbose=1), [{"loss": 1.0}])
    assert capsys.readouterr().out == "Epoch 1: LearningRateScheduler setting learning rate to 0.5.\n"


@pytest.mark.parametrize("schedule", [0.1, "a", None])
def test_things_that_are_no_functions(schedule):
    with pytest.raises(
        TypeError, match=r"^LearningRateScheduler\(\): argument 'schedule': must be a function"
    ):
        LearningRateScheduler(schedule)
