"""How batches reach the device: several in a graph, what travels in an epoch, and the same weights anyhow."""

import signal

import numpy as np
import pytest

import densor as keras
from tests.cuda.models import assert_same, classifier, data, needs_device, threads_in
from tests.ops.harness import EMULATED, TARGETS, _core

pytestmark = needs_device
BATCH = 4


@pytest.fixture
def graphs():
    """Set how many batches go into a graph."""
    yield _core.set_batches_per_graph
    _core.set_batches_per_graph(0)
    _core.set_device_steps("auto")


def rows(count):
    return data(rows=count)


def fitted(batches, rest=0, epochs=1, callbacks=()):
    model = classifier("cuda")
    x, y = rows(batches * BATCH + rest)
    model.fit(x, y, epochs=epochs, batch_size=BATCH, verbose=0, callbacks=list(callbacks))
    return model


@pytest.mark.parametrize(
    ("batches", "steps", "plan"),
    [
        (0, 20, "0 graphs of 1 batch"),
        (1, 20, "1 graph of 1 batch"),
        (63, 20, "63 graphs of 1 batch"),
        (64, 20, "32 graphs of 2 batches"),
        (1875, 20, "117 graphs of 16 batches, then 3 batches"),
        (1875, 600, "1875 graphs of 1 batch"),
        (10**6, 1, "15625 graphs of 64 batches"),
        (10**6, 400, "1000000 graphs of 1 batch"),
    ],
)
def test_plans_are_long_enough_to_pay_and_short_enough_to_cancel(batches, steps, plan):
    assert _core.launch_plan(batches, steps) == plan


def test_whoever_asks_for_a_number_gets_it(graphs):
    graphs(7)
    assert _core.launch_plan(20, 20) == "2 graphs of 7 batches, then 6 batches"
    assert _core.launch_plan(5, 20) == "1 graph of 5 batches"
    with pytest.raises(ValueError, match=r"set_batches_per_graph\(\): argument 'batches'"):
        graphs(-1)


@pytest.mark.parametrize("order", TARGETS)
def test_the_bits_do_not_depend_on_the_graphs(graphs, order):
    found = []
    for count in (1, 3, 8, 100):
        graphs(count)
        with threads_in(order):
            model = fitted(26, rest=3, epochs=2)
            found.append((model.get_weights(), model.optimizer.iterations))
    for other in found[1:]:
        assert_same(other, found[0], rtol=0, atol=0)


@pytest.mark.skipif(not EMULATED, reason="counts of the emulated device")
def test_an_epoch_is_uploaded_once_and_read_once(graphs):
    with threads_in("ascending"):
        counts = {}
        for batches in (24, 200):
            graphs(8)
            model = fitted(batches)
            x, y = rows(batches * BATCH)
            seen = []
            counter = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs, seen=seen: seen.append(_core.emulated_traffic())
            )
            model.fit(x, y, epochs=3, batch_size=BATCH, verbose=0, callbacks=[counter])
            counts[batches] = seen[1]  # an epoch after another
    short, long = counts[24], counts[200]
    for kind in ("uploads", "downloads", "captures"):
        assert short[kind] == long[kind], kind
    # The order, the hyper-parameters, the batch and the optimizer's multipliers; sums, and penalties, both ways.
    assert long["uploads"] == 6
    assert long["downloads"] == 2
    assert long["captures"] == 1
    assert long["replays"] == 25
    assert short["replays"] == 3
    assert long["reports"] <= 25
    assert long["kernels"] % 200 == 0


@pytest.mark.skipif(not EMULATED, reason="counts of the emulated device")
def test_predictions_send_weights_only_once():
    with threads_in("ascending"):
        model = fitted(4)
        x, _ = rows(6)

        def uploads(rows=x):
            _core.emulated_traffic()
            predicted = model.predict(rows, verbose=0)
            return _core.emulated_traffic()["uploads"], predicted

        uploads()
        least, first = uploads()
        assert uploads()[0] == least
        weights = model.get_weights()
        more, same = uploads()
        np.testing.assert_array_equal(same, first)
        assert more > least  # somebody looked, and might have written
        assert uploads()[0] == least
        model.set_weights([2.0 * w for w in weights])
        assert np.abs(uploads()[1] - first).max() > 1e-3
        model.set_weights(weights)
        np.testing.assert_array_equal(uploads()[1], first)
        assert uploads()[0] == least
        view = model.layers[0].weights[0].array  # may be written at any time from now on
        uploads()
        view[...] *= 3.0
        tripled = uploads()[1]
        assert np.abs(tripled - first).max() > 1e-3
        view[0, 0] += 1.0
        assert np.abs(uploads()[1] - tripled).max() > 1e-6


@pytest.mark.skipif(not EMULATED, reason="counts of the emulated device")
def test_training_between_predictions_is_seen():
    with threads_in("ascending"):
        model = fitted(4)
        x, y = rows(16)
        before = model.predict(x, verbose=0)
        model.fit(x, y, epochs=2, batch_size=BATCH, verbose=0)
        after = model.predict(x, verbose=0)
        other = classifier("cpu")
        other.set_weights(model.get_weights())
    assert np.abs(after - before).max() > 1e-4
    assert_same(after, other.predict(x, verbose=0))


@pytest.mark.skipif(not EMULATED, reason="the emulated device is slow enough")
@pytest.mark.parametrize("count", [1, 4, "persistent"])
def test_ctrl_c_leaves_the_weights_of_a_batch(graphs, count):
    _core.set_device_steps("graph" if count != "persistent" else count)
    graphs(0 if count == "persistent" else count)
    batches = 400
    x, y = rows(batches * BATCH)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    with threads_in("ascending"):
        model = classifier("cuda", layers=list)
        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            with pytest.raises(KeyboardInterrupt):
                model.fit(x, y, batch_size=BATCH, shuffle=False, epochs=10**6, verbose=0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        done = model.optimizer.iterations
        again = classifier("cuda", layers=list)
        whole, rest = divmod(done, batches)
        for part in [slice(None)] * whole + ([slice(rest * BATCH)] if rest else []):
            again.fit(x[part], y[part], batch_size=BATCH, shuffle=False, epochs=1, verbose=0)
        assert again.optimizer.iterations == done
        assert_same(model.get_weights(), again.get_weights(), rtol=0, atol=0)
