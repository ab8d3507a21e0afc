"""EarlyStopping, figure by figure."""

import pytest

from densor.callbacks import EarlyStopping
from densor.metrics import MeanSquaredError, Metric, SparseCategoricalAccuracy
from tests.callbacks.stand_in import StandIn, losses, replay

NAN = float("nan")


@pytest.mark.parametrize(
    ("patience", "figures", "ran"),
    [
        (0, [5, 4, 3, 3, 1], 4),  # the first epoch that is not better
        (0, [5, 6, 1], 2),
        (1, [5, 6, 1], 2),
        (2, [5, 6, 7, 1], 3),
        (2, [5, 6, 4, 6, 6, 1], 5),  # an improvement starts the patience anew
        (3, [5, 4, 3, 2, 1], 5),
    ],
)
def test_patience(patience, figures, ran):
    callback = EarlyStopping(patience=patience)
    model, epochs = replay(callback, losses(*figures))
    assert epochs == ran
    assert model.stop_training == (ran < len(figures))
    assert callback.stopped_epoch == (ran - 1 if model.stop_training else 0)


def test_the_first_epoch_never_stops():
    assert replay(EarlyStopping(patience=0), losses(NAN, 1.0))[1] == 2


def test_min_delta_is_what_has_to_be_exceeded():
    assert replay(EarlyStopping(min_delta=0.5, patience=1), losses(5.0, 4.6, 4.4))[1] == 2
    assert replay(EarlyStopping(min_delta=-0.5, patience=1), losses(5.0, 4.6, 4.4))[1] == 2
    assert replay(EarlyStopping(min_delta=0.5, patience=2), losses(5.0, 4.6, 4.4, 4.3, 4.2))[1] == 5
    assert replay(EarlyStopping(min_delta=0.5, patience=1), losses(5.0, 4.5, 4.0))[1] == 2


@pytest.mark.parametrize(
    ("monitor", "mode", "metrics", "figures", "ran"),
    [
        ("accuracy", "auto", [SparseCategoricalAccuracy("accuracy")], [1, 2, 3], 3),
        ("val_acc", "auto", [SparseCategoricalAccuracy("acc")], [3, 2, 3], 2),
        ("val_mine", "auto", [MeanSquaredError("mine")], [3, 2, 3], 3),
        ("accuracy", "auto", [], [1, 2, 3], 3),
        ("mse", "auto", [], [1, 2, 3], 2),
        ("loss", "auto", [], [1, 2, 3], 2),
        ("val_loss", "max", [], [1, 2, 3], 3),
        ("accuracy", "min", [SparseCategoricalAccuracy("accuracy")], [1, 2, 3], 2),
    ],
)
def test_direction(monitor, mode, metrics, figures, ran):
    callback = EarlyStopping(monitor, mode=mode, patience=1)
    assert replay(callback, losses(*figures, name=monitor), model=StandIn(metrics=metrics))[1] == ran


def test_a_direction_that_nobody_knows():
    model = StandIn(metrics=[Metric("figure")])
    with pytest.raises(
        ValueError, match=r"^EarlyStopping\(\): argument 'mode': .*'val_figure'.* pass mode='max'"
    ):
        replay(EarlyStopping("val_figure"), losses(1, 2, name="val_figure"), model=model)


def test_nan_never_becomes_the_best():
    callback = EarlyStopping(patience=2, restore_best_weights=True)
    model, ran = replay(callback, losses(NAN, 3.0, NAN, 2.0, NAN, NAN, 1.0))
    assert (ran, callback.best, callback.best_epoch) == (6, 2.0, 3)
    assert model.weights[0][0] == 4.0
    callback = EarlyStopping("acc", mode="max", patience=1)
    assert replay(callback, losses(0.1, NAN, 0.2, name="acc"))[1] == 2


def test_best_weights_are_restored_whatever_ended_the_training():
    stopped, _ = replay(EarlyStopping(patience=2, restore_best_weights=True), losses(3, 1, 2, 2, 0))
    assert stopped.weights[0][0] == 2.0
    finished, ran = replay(EarlyStopping(patience=5, restore_best_weights=True), losses(3, 1, 2))
    assert (finished.weights[0][0], ran) == (2.0, 3)
    kept, _ = replay(EarlyStopping(patience=2), losses(3, 1, 2, 2, 0))
    assert kept.weights[0][0] == 4.0


def test_only_nan_restores_the_first_epoch_as_keras_does():
    model, _ = replay(EarlyStopping(patience=5, restore_best_weights=True), losses(NAN, NAN, NAN))
    assert model.weights[0][0] == 1.0


def test_baseline():
    """Improving never stops, even when the baseline is never beaten; but only beating it resets the patience."""
    assert replay(EarlyStopping(patience=2, baseline=1.0), losses(9, 8, 7, 6, 5, 4))[1] == 6
    assert replay(EarlyStopping(patience=2, baseline=1.0), losses(9, 8, 8.5, 7))[1] == 3
    assert replay(EarlyStopping(patience=2, baseline=10.0), losses(9, 8, 8.5, 7))[1] == 4


def test_start_from_epoch():
    figures = losses(1, 2, 3, 4, 5)
    assert replay(EarlyStopping(patience=1, start_from_epoch=2), figures)[1] == 4
    callback = EarlyStopping(patience=9, start_from_epoch=2, restore_best_weights=True)
    assert replay(callback, figures)[0].weights[0][0] == 3.0


def test_each_training_starts_anew():
    callback = EarlyStopping(patience=1, restore_best_weights=True)
    replay(callback, losses(1.0, 2.0))
    _, ran = replay(callback, losses(8.0, 7.0, 6.0))
    assert (ran, callback.best, callback.stopped_epoch) == (3, 6.0, 0)


def test_a_missing_figure_warns_and_changes_nothing():
    callback = EarlyStopping("val_los", patience=0)
    with pytest.warns(
        RuntimeWarning, match="'val_los' is not among the figures of this training: loss, val_loss"
    ):
        _, ran = replay(callback, [{"loss": 1.0, "val_loss": 2.0}] * 3)
    assert ran == 3


def test_verbose(capsys):
    replay(EarlyStopping(patience=1, restore_best_weights=True, verbose=1), losses(1.0, 2.0))
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 2: early stopping",
        "Restoring the weights of the best epoch, 1.",
    ]
    replay(EarlyStopping(patience=1, restore_best_weights=True), losses(1.0, 2.0))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"patience": -1}, ValueError), ({"patience": 1.5}, TypeError), ({"patience": True}, TypeError),
        ({"mode": "best"}, ValueError), ({"mode": 3}, TypeError), ({"min_delta": NAN}, ValueError),
        ({"min_delta": "a"}, TypeError), ({"monitor": 3}, TypeError), ({"monitor": ""}, ValueError),
        ({"verbose": 9}, ValueError), ({"baseline": "a"}, TypeError), ({"baseline": NAN}, ValueError),
        ({"restore_best_weights": 1}, TypeError), ({"start_from_epoch": -1}, ValueError),
    ],
)  # fmt: skip
def test_wrong_arguments(arguments, error):
    with pytest.raises(error, match=rf"^EarlyStopping\(\): argument '{next(iter(arguments))}': "):
        EarlyStopping(**arguments)
