"""ReduceLROnPlateau, figure by figure."""

import numpy as np
import pytest

from densor.callbacks import CallbackList, ReduceLROnPlateau
from densor.optimizers import SGD
from densor.schedules import ExponentialDecay
from tests.callbacks.stand_in import StandIn, losses, replay

NAN = float("nan")


def rates(callback, figures, start=1.0):
    """The learning rates that the epochs were trained with."""
    every = CallbackList([callback], add_history=True)
    replay(every, figures, model=StandIn(start))
    return every.history.history["learning_rate"]


def test_a_flat_figure_with_patience_2():
    """The row of the reference table: 1, 1, 1, .5, .5, .25; the rate is logged before it is reduced."""
    assert rates(ReduceLROnPlateau(factor=0.5, patience=2), losses(*[1.0] * 6)) == [1, 1, 1, 0.5, 0.5, 0.25]


@pytest.mark.parametrize(
    ("options", "figures", "expected"),
    [
        ({"patience": 0}, [3, 3, 3], [1, 1, 0.5]),
        ({"patience": 1}, [3, 2, 1], [1, 1, 1]),
        ({"patience": 1}, [3, 3, 2, 2, 2], [1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "cooldown": 2}, [1] * 7, [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]),
        (
            {"patience": 1, "min_lr": 0.3},
            [1] * 5,
            [1, 1, 0.5, float(np.float32(0.3)), float(np.float32(0.3))],
        ),
        ({"patience": 1, "min_delta": 0.5}, [3, 2.6, 2], [1, 1, 0.5]),
        ({"patience": 1, "mode": "max"}, [1, 2, 2, 3], [1, 1, 1, 0.5]),
        ({"patience": 1}, [NAN, NAN, 1], [1, 0.5, 0.25]),
        ({"patience": 1}, [1, NAN, 0.5], [1, 1, 0.5]),
    ],
)
def test_reductions(options, figures, expected):
    assert rates(ReduceLROnPlateau(factor=0.5, **options), losses(*figures)) == expected


def test_the_default_min_delta():
    assert rates(ReduceLROnPlateau(factor=0.5, patience=1), losses(1.0, 0.99995, 0.9)) == [1, 1, 0.5]


def test_each_training_starts_anew():
    callback = ReduceLROnPlateau(factor=0.5, patience=2, cooldown=5)
    rates(callback, losses(1, 1, 1))
    assert rates(callback, losses(9, 8, 8, 8, 8)) == [1, 1, 1, 1, 0.5]


def test_a_rate_that_has_vanished_stays():
    """Far below the smallest float32 nothing is left to reduce."""
    recorded = rates(ReduceLROnPlateau(factor=1e-30, patience=1), losses(*[1.0] * 5))
    assert recorded[-1] == recorded[-2] == 0.0


def test_an_optimizer_with_a_schedule_cannot_be_reduced():
    model = StandIn()
    model.optimizer = SGD(ExponentialDecay(1.0, 10, 0.5))
    with pytest.raises(TypeError, match="follows a ExponentialDecay"):
        replay(ReduceLROnPlateau(patience=1), losses(1.0, 1.0), model=model)


def test_a_missing_figure_warns_and_still_logs_the_rate():
    with pytest.warns(RuntimeWarning, match="'val_loss' is not among the figures"):
        assert rates(ReduceLROnPlateau(patience=1), [{"loss": 1.0}] * 2) == [1.0, 1.0]


def test_verbose(capsys):
    rates(ReduceLROnPlateau(factor=0.5, patience=1, verbose=1), losses(1.0, 1.0))
    assert capsys.readouterr().out == "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.5.\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"factor": 1.0}, ValueError), ({"factor": 0.0}, ValueError), ({"factor": -0.5}, ValueError),
        ({"factor": NAN}, ValueError), ({"factor": "a"}, TypeError), ({"patience": -1}, ValueError),
        ({"patience": "a"}, TypeError), ({"cooldown": -1}, ValueError), ({"min_lr": -0.1}, ValueError),
        ({"min_delta": NAN}, ValueError), ({"mode": "best"}, ValueError), ({"verbose": 3}, ValueError),
    ],
)  # fmt: skip
def test_wrong_arguments(arguments, error):
    with pytest.raises(error, match=rf"^ReduceLROnPlateau\(\): argument '{next(iter(arguments))}': "):
        ReduceLROnPlateau(**arguments)
