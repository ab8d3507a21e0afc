"""What the pool does to the process around it: it sleeps when there is nothing to do, and leaves the caller's way to
compute as it was."""

import ctypes
import platform
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import densor
from densor import _core

LINUX = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc of Linux")
X86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not sys.platform.startswith("linux"),
    reason="reads the control register of x86 by way of glibc",
)

IDLE = textwrap.dedent(
    """
    import os, sys, time
    from pathlib import Path
    import numpy as np
    from densor import _core

    _core.set_num_threads(2)
    values, totals = np.zeros(400_000, np.float32), np.zeros(2)
    program = _core.Program([_core.accumulate(totals, values, None)], [])  # worker 0 adds, the other waits
    tasks = set(os.listdir("/proc/self/task"))

    def run():
        _core.run(program, None, batches=1, batch_size=1)

    def field(name):
        text = Path(f"/proc/self/task/{thread}/status").read_text()
        return text.split(name + ":")[1].split()[0]

    def cpu_nanoseconds():
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0])

    def wait_until_it_sleeps():
        for _ in range(20000):
            if field("State") == "S" and field("State") == "S":
                return
            time.sleep(0.001)
        raise SystemExit("still running after 20 seconds")

    run()
    (thread,) = set(os.listdir("/proc/self/task")) - tasks
    spent = []
    end = time.monotonic() + 60  # on a busy machine runs do without it for half a second at a time
    while time.monotonic() < end:
        wait_until_it_sleeps()
        switches, before = int(field("voluntary_ctxt_switches")), cpu_nanoseconds()
        run()
        wait_until_it_sleeps()
        if int(field("voluntary_ctxt_switches")) > switches:  # on a busy machine some runs do without it
            spent.append(cpu_nanoseconds() - before)
        if len(spent) == 40:
            break
    assert len(spent) == 40, "it has hardly been woken"
    wait_until_it_sleeps()
    before = cpu_nanoseconds()
    time.sleep(0.05)
    assert cpu_nanoseconds() == before, "it does not stay asleep"
    print(min(spent))
    """
)


@LINUX
def test_a_thread_without_work_goes_to_sleep_within_a_tenth_of_a_millisecond():
    """Counted is its own time on a CPU, the least of forty runs, which is the same on a busy machine: being woken, its
    share of a short run, and what it then spins."""
    done = subprocess.run([sys.executable, "-c", IDLE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    work = 100_000  # being woken, and waiting for the other: at most twice what they take
    assert 0 < int(done.stdout) < 100_000 + work


class Registers(ctypes.Structure):
    """fenv_t of glibc on x86-64: the old unit's seven words, then MXCSR."""

    _fields_ = [("of_x87", ctypes.c_uint32 * 7), ("mxcsr", ctypes.c_uint32)]


FLAGS = 0x3F  # what has happened, which computing may change
ROUND_UP, ZEROS, NEAREST_WITH_DENORMALS = 0x5F80, 0x9FC0, 0x1F80


@pytest.fixture
def control():
    """Reads and sets MXCSR of this thread; afterwards it is what it was."""
    library = ctypes.CDLL("libm.so.6")

    def registers():
        found = Registers()
        assert library.fegetenv(ctypes.byref(found)) == 0
        return found

    before = registers()

    def change(value):
        now = registers()
        now.mxcsr = value
        assert library.fesetenv(ctypes.byref(now)) == 0

    yield change, lambda: registers().mxcsr & ~FLAGS
    library.fesetenv(ctypes.byref(before))


def trained():
    """Weights after training, and predictions: of one worker and of several."""
    densor.utils.set_random_seed(2)
    layers = densor.layers
    model = densor.Sequential([densor.Input((40,)), layers.Dense(200, "tanh"), layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.random((300, 40), np.float32), rng.integers(0, 3, 300)
    model.fit(x, y, batch_size=50, epochs=2, verbose=0)
    model.train_on_batch(x[:20], y[:20])
    predict = model.predict_fn(1)
    results = [model.predict(x, verbose=0), predict(x[:1]).copy(), predict(x[:1]).copy(), model(x)]
    return [*model.get_weights(), *results, np.float64(model.evaluate(x, y, verbose=0))]


@X86
@pytest.mark.parametrize("value", [ROUND_UP, ZEROS, NEAREST_WITH_DENORMALS], ids=hex)
def test_the_callers_rounding_and_denormals_are_what_they_were(control, value):
    change, read = control
    change(value)
    trained()
    found = read()
    change(NEAREST_WITH_DENORMALS)
    assert found == value & ~FLAGS


@X86
@pytest.mark.parametrize("threads", [1, 2])
def test_the_callers_rounding_changes_no_bit_of_a_step(control, threads):
    change, _ = control
    before = _core.num_threads()
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((64, 300), np.float32), rng.standard_normal((300, 80), np.float32)
    found = []
    try:
        _core.set_num_threads(threads)
        for value in (NEAREST_WITH_DENORMALS, ROUND_UP, ZEROS):
            y = np.empty((64, 80), np.float32)
            step = _core.dense_forward(y, None, a, b, None, "tanh", 0.0)
            change(value)
            step.run()
            change(NEAREST_WITH_DENORMALS)
            found.append(y.tobytes())
    finally:
        _core.set_num_threads(before)
    assert len(set(found)) == 1


@X86
def test_an_error_restores_them_too(control):
    change, read = control
    x, totals = np.full((4, 2), np.nan, np.float32), np.array([np.nan, 1.0])
    step = _core.refuse_nonfinite([totals], x.reshape(-1), np.array([[0, 8]]))
    change(ROUND_UP)
    try:
        with pytest.raises(RuntimeError, match="not finite"):
            step.run()
        found = read()
    finally:
        change(NEAREST_WITH_DENORMALS)
    assert found == ROUND_UP & ~FLAGS
