"""A batch whose loss or gradient is not finite changes nothing on the device either, nor do those behind it, which
are on the queue before the host hears of it."""

from contextlib import contextmanager, nullcontext

import numpy as np
import pytest

import densor as keras
from densor.errors import NonFiniteError
from tests.cuda.models import threads_in
from tests.cuda.test_arrays import on_device
from tests.models import test_guard as on_cpu
from tests.ops.harness import TARGETS, _core, on_target

pytestmark = on_device
BAD, BATCHES = 70, 150  # more batches than the host looks at together


@contextmanager
def place(order):
    """Models are compiled for the device, with threads in this order; None: for the CPU."""
    with nullcontext() if order is None else threads_in(order), keras.device("cuda" if order else "cpu"):
        yield


@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("stepwise", [False, True])
def test_as_on_the_cpu(order, raises, stepwise):
    with place(order):
        on_cpu.test_the_batch_changes_nothing(raises, stepwise)


@pytest.mark.parametrize("order", TARGETS)
def test_losses_gradients_and_their_places(order):
    with place(order):
        on_cpu.test_the_batch_number_counts_within_its_epoch()
        on_cpu.test_shuffled_rows_are_looked_at()
        on_cpu.test_a_gradient_that_overflows_while_the_loss_is_finite()
        on_cpu.test_without_it_training_goes_on_as_in_keras()


def everything_that_lasts():
    """A model with all that outlives a batch: slots, averages, accumulators, statistics, constraints, penalties."""
    keras.utils.set_random_seed(5)
    L = keras.layers
    layers = [
        L.Dense(6, kernel_constraint="max_norm", bias_constraint="non_neg", kernel_regularizer="l1"),
        L.BatchNormalization(),
        L.SpectralNormalization(L.Dense(5)),
        L.Dense(1, kernel_constraint=keras.constraints.UnitNorm(axis=1)),
    ]
    model = keras.Sequential([keras.Input((3,)), *layers])
    optimizer = keras.optimizers.Adam(0.01, use_ema=True, gradient_accumulation_steps=2, global_clipnorm=1.0)
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def guarded(order, batches):
    """The arrays that outlive a batch after training on so many of the data, of which BAD and all later are refused."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2 * BATCHES, 3)), rng.standard_normal(2 * BATCHES)
    y[2 * BAD :] = 1e30
    with place(order):
        return trained(x, y, batches)


def trained(x, y, batches):
    model = everything_that_lasts()
    guard = keras.callbacks.TerminateOnNaN(raise_error=True)
    stops = pytest.raises(NonFiniteError, match=f"the loss is not finite in epoch 1, batch {BAD};")
    with stops if batches > BAD else nullcontext():
        rows = slice(0, 2 * batches)
        model.fit(x[rows], y[rows], batch_size=2, epochs=1, shuffle=False, verbose=0, callbacks=[guard])
    assert model.optimizer.iterations == BAD
    slots = [array.copy() for array in model._compiled.arena.slots]
    return {v.path.split("/", 1)[1] + str(v.shape): v.numpy().copy() for v in model.variables}, slots


@pytest.mark.parametrize("order", TARGETS)
def test_nothing_that_lasts_changes_in_the_batches_behind_it(order):
    long, long_slots = guarded(order, BATCHES)
    short, short_slots = guarded(order, BAD + 1)
    clean, clean_slots = guarded(order, BAD)
    assert len(long) == len(clean) == 11
    assert all(map(np.array_equal, long_slots, clean_slots))
    assert all(map(np.array_equal, long_slots, short_slots))
    for path, array in long.items():
        assert np.array_equal(array, short[path]), path
        # Spectral normalization iterates in the forward pass: that of the refused batch was done.
        if "vector" not in path and path != "kernel(6, 5)":
            assert np.array_equal(array, clean[path]), path


def test_sums_hold_the_refused_batch_and_none_behind_it():
    """The device's sums are those of the CPU, which stops at once."""
    losses = set()
    for order in (None, *TARGETS):
        with place(order):
            x, y = on_cpu.rows()
            y[24] = 1e30
            history = on_cpu.fit(on_cpu.deep(), x, y, keras.callbacks.TerminateOnNaN())
            losses.add(history.history["loss"][0])
    assert len(losses) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_a_program_stops_at_the_first_of_several_reasons(target):
    total, sums = np.zeros(2), np.zeros(2)
    gradients, values = np.ones(40, np.float32), np.ones(1, np.float32)
    progress = np.zeros(1, np.uint64)
    with on_target(target):
        refuse = _core.refuse_nonfinite([total], gradients, np.array([[0, 40]]))
        program = _core.Program(
            [_core.accumulate(total, values, None)], [refuse, _core.accumulate(sums, values, None)]
        )
        _core.run(program, None, batches=100, batch_size=1, progress=progress)
        assert (sums[0], progress[0]) == (100, 100)
        gradients[39] = np.inf
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"refuse_nonfinite\(\): argument 'gradients'"):
                _core.run(program, None, batches=100, batch_size=1, progress=progress)
        assert (total[0], sums[0], progress[0]) == (102, 100, 0)
        values[0] = np.nan
        with pytest.raises(RuntimeError, match=r"refuse_nonfinite\(\): argument 'totals'"):
            _core.run(program, None, batches=100, batch_size=1, progress=progress)
    assert sums[0] == 100
