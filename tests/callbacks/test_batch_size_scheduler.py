"""BatchSizeScheduler: batches that grow while the learning rate stays."""

import numpy as np
import pytest

import densor
from densor.callbacks import BatchSizeScheduler, LambdaCallback
from tests.models.build import classifier, data, same_weights


def test_epochs_are_trained_with_the_sizes_of_the_schedule():
    x, y = data()
    grown, by_hand = classifier(), classifier()
    steps = []
    count = LambdaCallback(on_epoch_end=lambda epoch, logs: steps.append(grown.optimizer.iterations))
    double = BatchSizeScheduler(lambda epoch, size: size * 2 if epoch else size)
    history = grown.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=[double, count])
    assert history.history["batch_size"] == [8, 16, 32]
    assert np.diff([0, *steps]).tolist() == [9, 5, 3]
    for size in (8, 16, 32):
        by_hand.fit(x, y, batch_size=size, epochs=1, verbose=0)
    assert same_weights(grown, by_hand)
    assert grown.batch_size is None


def test_more_rows_than_there_are_means_all_of_them():
    x, y = data()
    model = classifier()
    model.fit(x, y, epochs=2, verbose=0, callbacks=[BatchSizeScheduler(lambda epoch: 1000)])
    assert model.optimizer.iterations == 2


def test_the_line_of_an_epoch_counts_its_batches(capsys):
    x, y = data()
    classifier().fit(x, y, epochs=2, verbose=2, callbacks=[BatchSizeScheduler(lambda epoch: 7 * (epoch + 1))])
    first, second = capsys.readouterr().out.splitlines()
    assert "10 batches" in first
    assert "5 batches" in second


@pytest.mark.parametrize("schedule", [3, "a", None])
def test_things_that_are_no_functions(schedule):
    with pytest.raises(TypeError, match=r"^BatchSizeScheduler\(\): argument 'schedule': must be a function"):
        BatchSizeScheduler(schedule)


@pytest.mark.parametrize("size", [0, -3, 2.5, "8", True])
def test_sizes_that_are_none(size):
    x, y = data()
    model = classifier()
    before = model.get_weights()
    with pytest.raises(
        (TypeError, ValueError), match=r"^BatchSizeScheduler\(\): argument 'schedule': must be"
    ):
        model.fit(x, y, verbose=0, callbacks=[BatchSizeScheduler(lambda epoch: size)])
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_outside_a_fit_there_is_no_size_to_set():
    with pytest.raises(RuntimeError, match=r"^batch_size can only be set by a callback while fit\(\) runs"):
        densor.Sequential([densor.layers.Dense(1)]).batch_size = 8
