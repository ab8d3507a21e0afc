"""TerminateOnNaN in loops of one's own; what it does in `fit` is in tests/models/test_guard.py."""

import pytest

from densor.callbacks import CallbackList, TerminateOnNaN
from densor.errors import NonFiniteError
from tests.callbacks.stand_in import replay


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_it_stops_at_the_first_batch_that_is_no_number(loss, capsys):
    _, ran = replay(
        CallbackList([TerminateOnNaN()]), [{"loss": 1.0}, {"loss": loss}, {"loss": 1.0}], batches=2, verbose=1
    )
    assert ran == 2
    assert f"Batch 0: Invalid loss ({loss}), terminating training" in capsys.readouterr().out


def test_numbers_go_on_in_silence(capsys):
    model, ran = replay(
        CallbackList([TerminateOnNaN()]), [{"loss": 1e30}, {"other": 1.0}], batches=2, verbose=1
    )
    assert (ran, model.stop_training) == (2, False)
    assert capsys.readouterr().out == ""


def test_verbose_0_says_nothing(capsys):
    assert replay(CallbackList([TerminateOnNaN()]), [{"loss": float("nan")}] * 2, batches=1)[1] == 1
    assert capsys.readouterr().out == ""


def test_it_raises_if_told():
    with pytest.raises(NonFiniteError, match="the loss is nan after batch 0"):
        replay(CallbackList([TerminateOnNaN(raise_error=True)]), [{"loss": float("nan")}], batches=1)
    with pytest.raises(TypeError, match=r"^TerminateOnNaN\(\): argument 'raise_error': "):
        TerminateOnNaN(raise_error=1)
