"""Ctrl-C, exceptions, nested and concurrent calls, threads and forks: the model stays whole."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import densor
from densor.callbacks import Callback, LambdaCallback
from densor.errors import BusyError
from tests.models.build import CLASSES, FEATURES, classifier, data, same_weights
from tests.on_device import ON_HOST


def bytes_of(model):
    return [w.tobytes() for w in model.get_weights()]


no_fork = pytest.mark.cpu("CUDA does not survive a fork; tests/cuda/test_failure.py has what a child is told")
HOOKS = {
    "on_train_begin": 0, "on_epoch_begin": 0, "on_train_batch_begin": 0, "on_train_batch_end": 1,
    "on_epoch_end": 3, "on_test_begin": 3, "on_test_batch_end": 3, "on_test_end": 3, "on_train_end": 6,
}  # fmt: skip


@pytest.mark.parametrize("error", [ValueError, StopIteration, SystemExit, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("hook", HOOKS)
def test_an_exception_in_a_callback_comes_out_and_the_others_end(hook, error):
    x, y = data()
    raised, ended = error("from a callback"), []

    def fail(*arguments):
        raise raised

    model = classifier()
    others = [
        LambdaCallback(on_train_end=lambda logs, side=side: ended.append(side))
        for side in ("before", "after")
    ]
    failing = LambdaCallback()
    setattr(failing, hook, fail)
    with pytest.raises(error) as caught:
        model.fit(
            x, y, epochs=2, validation_data=(x, y), verbose=0, callbacks=[others[0], failing, others[1]]
        )
    assert caught.value is raised
    assert ended == ["before", "after"]
    assert model.optimizer.iterations == HOOKS[hook], "counted up to the failure"
    assert len(model.fit(x, y, verbose=0).history["loss"]) == 1, "usable"


def test_fit_inside_fit_is_refused_and_reading_is_not(tmp_path):
    x, y = data()
    model, done = classifier(), []

    def during(epoch, logs):
        for call in (
            lambda: model.fit(x, y, verbose=0),
            lambda: model.train_on_batch(x, y),
            lambda: model.compile("sgd", "sparse_categorical_crossentropy"),
        ):
            with pytest.raises(BusyError, match="already being trained"):
                call()
        model.save(tmp_path / "m")
        done.append(model.predict(x).shape)
        done.append(len(model.evaluate(x, y, verbose=0)))
        model.set_weights(model.get_weights())

    model.fit(x, y, verbose=0, callbacks=[LambdaCallback(on_epoch_end=during)])
    assert done == [(len(x), CLASSES), 2]
    model.compile("sgd", "sparse_categorical_crossentropy")


def test_a_test_hook_that_evaluates_is_refused():
    x, y = data()
    model = classifier()
    nested = LambdaCallback()
    nested.on_test_batch_end = lambda batch, logs: model.evaluate(x, y, verbose=0)
    with pytest.raises(BusyError, match="evaluate"):
        model.evaluate(x, y, verbose=0, callbacks=[nested])
    assert len(model.evaluate(x, y, verbose=0)) == 2


class Slow:
    """A model that trains for seconds, and its data."""

    def __init__(self):
        densor.utils.set_random_seed(0)
        rng = np.random.default_rng(0)
        width = 32 if ON_HOST else 512  # an epoch is not to take many seconds there
        self.x = rng.standard_normal((4096, width), dtype=np.float32)
        self.y = rng.integers(0, 10, 4096)
        dense = [densor.layers.Dense(width, activation="relu") for _ in range(3)]
        self.model = densor.Sequential(
            [densor.Input((width,)), *dense, densor.layers.Dense(10, activation="softmax")]
        )
        self.model.compile("sgd", "sparse_categorical_crossentropy")

    def fit(self, **options):
        return self.model.fit(self.x, self.y, batch_size=64, epochs=100_000, verbose=0, **options)


def interrupt_after(seconds):
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


def test_ctrl_c_stops_at_a_batch_boundary_and_training_goes_on():
    slow = Slow()
    slow.model.fit(slow.x, slow.y, batch_size=64, verbose=0)
    steps = slow.model.optimizer.iterations
    timer = interrupt_after(0.5)
    with pytest.raises(KeyboardInterrupt):
        slow.fit()
    timer.join()
    done = slow.model.optimizer.iterations - steps
    assert done > 0
    # The interrupt may also come after an epoch's last batch, before the epoch is recorded.
    recorded = len(slow.model.history.epoch)
    assert 64 * recorded <= done <= 64 * (recorded + 1)
    again = Slow()
    again.model.fit(slow.x, slow.y, batch_size=64, verbose=0)
    seen = []
    again.model.fit(
        slow.x, slow.y, batch_size=64, epochs=100_000, verbose=0,
        callbacks=[
            LambdaCallback(on_train_batch_end=lambda batch, logs: (
                seen.append(batch), setattr(again.model, "stop_training", len(seen) == done)
            ))
        ],
    )  # fmt: skip
    assert same_weights(slow.model, again.model), "exactly the batches that were counted"
    slow.model.fit(slow.x[:256], slow.y[:256], verbose=0)


def test_while_a_thread_trains_the_others_are_told():
    slow = Slow()
    errors = []

    def train():
        try:
            slow.fit(callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: started.set())])
        except BaseException as error:
            errors.append(error)

    started = threading.Event()
    thread = threading.Thread(target=train)
    thread.start()
    assert started.wait(30)
    refused, weights = 0, slow.model.get_weights()  # which a device gives at the end of a run
    deadline = time.monotonic() + 20
    while refused < 3 and time.monotonic() < deadline:
        try:
            slow.model.set_weights(weights)
        except BusyError:
            refused += 1
    with pytest.raises(BusyError):
        slow.model.fit(slow.x, slow.y, verbose=0)
    slow.model.stop_training = True
    thread.join(30)
    assert not thread.is_alive()
    assert errors == []
    assert refused == 3


def test_threads_predict_the_bits_of_one():
    x, _ = data(500)
    model = classifier()
    expected = model.predict(x)
    results = [[] for _ in range(8)]

    def work(mine):
        mine.extend(bool((model.predict(x) == expected).all()) for _ in range(20))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[True] * 20] * 8


def test_models_train_side_by_side_as_alone():
    x, y = data()
    expected = classifier()
    expected.fit(x, y, epochs=5, verbose=0)
    models = [classifier() for _ in range(4)]
    threads = [threading.Thread(target=lambda m=m: m.fit(x, y, epochs=5, verbose=0)) for m in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same_weights(model, expected) for model in models)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_no_bit(threads):
    x, y = data(300)
    before = densor.config.num_threads()
    try:
        densor.config.set_num_threads(1)
        one = classifier()
        history = one.fit(x, y, epochs=3, verbose=0).history
        densor.config.set_num_threads(threads)
        several = classifier()
        assert several.fit(x, y, epochs=3, verbose=0).history == history
    finally:
        densor.config.set_num_threads(before)
    assert same_weights(one, several)


def _train_in_child(model, connection):
    x, y = data()
    model.fit(x, y, epochs=2, verbose=0)
    connection.send(bytes_of(model))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of any fork beside threads
@no_fork
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_trains_as_its_parent_does(method):
    x, y = data()
    model = classifier()
    model.fit(x, y, verbose=0)
    context = multiprocessing.get_context(method)
    receiver, sender = context.Pipe(duplex=False)
    if method == "fork":
        child = context.Process(target=_train_in_child, args=(model, sender))
    else:
        child = context.Process(target=_train_spawned, args=(sender,))
    child.start()
    assert receiver.poll(60)
    theirs = receiver.recv()
    child.join(10)
    assert child.exitcode == 0
    model.fit(x, y, epochs=2, verbose=0)
    assert bytes_of(model) == theirs


def _train_spawned(connection):
    x, y = data()
    model = classifier()
    model.fit(x, y, verbose=0)
    _train_in_child(model, connection)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of any fork beside threads
@no_fork
def test_a_child_forked_by_a_callback_finishes_the_training():
    x, y = data()
    model = classifier()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    children = []

    def fork(epoch, logs):
        if epoch == 1:
            children.append(os.fork())

    model.fit(x, y, epochs=4, verbose=0, callbacks=[LambdaCallback(on_epoch_end=fork)])
    if children == [0]:
        sender.send(bytes_of(model))
        os._exit(0)
    assert receiver.poll(60)
    assert receiver.recv() == bytes_of(model)
    assert os.waitpid(children[0], 0)[1] == 0


@no_fork
def test_a_fork_frees_what_another_thread_held():
    model = classifier()
    x, _ = data()
    expected = model.predict(x).tobytes()
    held, released = threading.Event(), threading.Event()

    def hold():
        with model._predictor._turn:
            held.set()
            released.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    child = os.fork()
    if child == 0:
        os._exit(0 if model.predict(x).tobytes() == expected else 1)
    released.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


def test_interpreter_exit_during_a_background_fit():
    program = """
import threading, time, numpy as np
from tests.models.test_interruption import Slow
slow = Slow()
threading.Thread(target=slow.fit, daemon=True).start()
time.sleep(0.3)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], timeout=120, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


LEAK = """
import gc, sys
import densor
from tests.models.build import classifier, data

x, y = data()

def live(rounds):
    for _ in range(rounds):
        model = classifier()
        model.fit(x, y, verbose=0)
        model.predict(x)
        model(x, training=True)
        model.save(sys.argv[1])
        densor.models.load_model(sys.argv[1]).fit(x, y, verbose=0)
        try:
            model.fit(x, y[1:], verbose=0)
        except ValueError:
            pass
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

before = live(60)
print(live(60) - before)
"""


def test_models_that_are_gone_leave_no_memory_behind(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", LEAK, str(tmp_path / "m")], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) <= 1 << 20


class Recorder(Callback):
    def __init__(self):
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(epoch)


def test_a_recorder_without_super_init_works():
    x, y = data()
    recorder = Recorder()
    classifier().fit(x, y, epochs=2, verbose=0, callbacks=[recorder])
    assert recorder.seen == [0, 1]
    assert recorder.model.built


def test_predict_spreads_nan_through_its_own_row_only():
    x, _ = data()
    model = classifier()
    expected = model.predict(x)
    x[5, 1] = np.nan
    actual = model.predict(x)
    assert np.isnan(actual[5]).all()
    np.testing.assert_array_equal(np.delete(actual, 5, axis=0), np.delete(expected, 5, axis=0))


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 16, 33, 255, 256, 257, 600])
def test_a_row_has_the_same_bits_in_every_batch(rows):
    x = np.random.default_rng(0).standard_normal((600, FEATURES)).astype(np.float32)
    model = classifier()
    np.testing.assert_array_equal(model.predict(x[:rows]), model.predict(x)[:rows])
    np.testing.assert_array_equal(model.predict(x[:rows]), model(x[:rows]))


def test_no_rows_predict_nothing():
    model = classifier()
    assert model.predict(np.empty((0, FEATURES))).shape == (0, CLASSES)
    assert model.predict(np.empty((0, FEATURES))).dtype == np.float32
