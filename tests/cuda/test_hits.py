"""Softmax cross-entropy tells which rows are right, with the bits of the accuracy that reads the logits again."""

import numpy as np
import pytest

import densor as keras
from densor import _core
from tests.cuda.models import assert_same, data, needs_device, threads_in
from tests.ops.harness import CUDA, TARGETS, choose

pytestmark = needs_device
on_host = pytest.mark.skipif(CUDA != "host", reason="arrays of the host as device memory")


def logits(rows, cols):
    """With equal maxima, infinities and NaN in some rows."""
    x = np.random.default_rng(cols).integers(-3, 4, (rows, cols)).astype(np.float32)
    x[1], x[2, -1], x[3, 0], x[4] = 2.0, np.nan, np.inf, -np.inf
    x[5, [0, -1]] = np.nan
    return x


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("cols", [1, 3, 31, 33, 300, 2500])
@pytest.mark.parametrize("kind", ["sparse", "categorical"])
@pytest.mark.parametrize("gradient", [True, False])
def test_the_bits_of_accuracy(order, cols, kind, gradient):
    rows = 70
    x = logits(rows, cols)
    with np.errstate(invalid="ignore"):
        best = x.argmax(1)
    if kind == "sparse":  # hits, misses, and labels that are no class
        target = np.where(np.arange(rows) % 2 == 0, best, np.arange(rows) % cols).astype(np.int32)
        target[[6, 7]] = -1, cols
    else:
        target = np.random.default_rng(1).integers(0, 3, (rows, cols)).astype(np.float32)
        target[::2] = np.eye(cols, dtype=np.float32)[best[::2]]
    found, wanted, loss = (np.full(rows, np.nan, np.float32) for _ in range(3))
    alone, of_loss, with_hits = np.zeros(rows, np.float32), np.zeros_like(x), np.zeros_like(x)
    choose(order)
    try:
        dx = with_hits if gradient else None
        _core.softmax_cross_entropy(loss, dx, x, target, None, 0.5, correct=found).run()
        _core.softmax_cross_entropy(alone, of_loss if gradient else None, x, target, None, 0.5).run()
        _core.accuracy(wanted, x, target, kind, 0.0).run()
    finally:
        choose(None)
    assert 0 < wanted.sum() < rows or cols == 1
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(loss, alone)
    np.testing.assert_array_equal(with_hits, of_loss)


@on_host
def test_what_is_no_array_of_rows_is_refused():
    x, label, loss = np.zeros((4, 3), np.float32), np.zeros(4, np.int32), np.zeros(4, np.float32)
    choose("ascending")
    try:
        with pytest.raises(ValueError, match=r"softmax_cross_entropy\(\): argument 'correct'"):
            _core.softmax_cross_entropy(loss, None, x, label, None, 1.0, correct=np.zeros(3, np.float32))
        with pytest.raises(ValueError, match="correct"):
            _core.softmax_cross_entropy(loss, None, x, label, None, 1.0, correct=loss)
    finally:
        choose(None)
    with pytest.raises(ValueError, match=r"argument 'correct': must be None on a CPU"):
        _core.softmax_cross_entropy(loss, None, x, label, None, 1.0, correct=np.zeros(4, np.float32))


def trained(loss, metrics, y, steps, **options):
    _core.set_device_steps(steps)
    try:
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(3, activation="softmax")])
        model.compile("adam", loss, metrics=metrics, weighted_metrics=metrics, device="cuda")
        x = data(50)[0]
        history = model.fit(x, y, batch_size=16, epochs=3, verbose=0, **options).history
        return history, model.evaluate(x, y, batch_size=16, verbose=0), model.get_weights()
    finally:
        _core.set_device_steps("auto")


@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("steps", ["graph", "persistent"])
@pytest.mark.parametrize("kind", ["sparse_categorical", "categorical"])
def test_metrics_and_weights_are_those_of_two_passes(order, steps, kind, monkeypatch):
    labels = data(50)[1]
    y = labels if kind == "sparse_categorical" else np.eye(3, dtype=np.float32)[labels]
    weight = np.linspace(0.0, 2.0, 50, dtype=np.float32)
    arguments = f"{kind}_crossentropy", [f"{kind}_accuracy"], y, steps
    with threads_in(order):
        found = trained(*arguments, sample_weight=weight)
        monkeypatch.setattr("densor.graph.device_fusion._leave_hits", lambda lowering: None)
        assert_same(found, trained(*arguments, sample_weight=weight), rtol=0, atol=0)
