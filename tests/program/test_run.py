"""The executor: order of steps and batches, workers, cancellation, concurrency, fork."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from densor import _core

CHOOSES_CPUS = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity, which Linux has"
)


@pytest.fixture(autouse=True)
def _restore_threads():
    threads = _core.num_threads()
    yield
    _core.set_num_threads(threads)


def counter_program(rows: int = 64, cols: int = 48) -> tuple[_core.Program, np.ndarray, np.ndarray]:
    """compute: scratch = total + 1 in three steps; update: total = scratch."""
    total = np.zeros((rows, cols), np.float32)
    scratch = np.zeros_like(total)
    steps = [
        _core.rescale(scratch, total, 2.0, 0.0),
        _core.rescale(scratch, scratch, 0.5, 1.0),
        _core.add(scratch, scratch, np.zeros_like(total)),
    ]
    return _core.Program(steps, [_core.rescale(total, scratch, 1.0, 0.0)]), total, scratch


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_steps_run_in_order_for_every_batch(threads):
    _core.set_num_threads(threads)
    program, total, _ = counter_program(512, 512)
    assert program.names() == ["rescale", "rescale", "add", "rescale"]
    assert _core.run(program, None, batches=7, batch_size=1) == 7
    np.testing.assert_array_equal(total, 7.0)


def test_last_batch_runs_its_own_program():
    program, total, _ = counter_program()
    other, other_total, _ = counter_program(3, 5)
    assert _core.run(program, other, batches=4, batch_size=1) == 4
    np.testing.assert_array_equal(total, 3.0)
    np.testing.assert_array_equal(other_total, 1.0)


def test_no_batches_is_nothing():
    program, total, _ = counter_program()
    assert _core.run(program, None, batches=0, batch_size=1) == 0
    np.testing.assert_array_equal(total, 0.0)


def test_progress_counts_batches():
    program, _, _ = counter_program()
    progress = np.zeros(1, np.uint64)
    _core.run(program, None, batches=5, batch_size=1, progress=progress)
    assert progress[0] == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batches": -1}, r"run\(\): argument 'batches': value -1"),
        ({"order": np.zeros(3, np.int32)}, r"run\(\): argument 'order': expected .* int64"),
        (
            {"order": np.zeros(2, np.int64), "batch_size": 2},
            r"run\(\): argument 'order': has 2 entries, too few",
        ),
        ({"order": [0, 1, 2]}, r"run\(\): argument 'order': expected a NumPy array, got list"),
        ({"hyper": np.zeros((2, 1), np.float32)}, r"run\(\): argument 'hyper': expected .* \(3, k\), got"),
        ({"hyper": np.zeros((3, 1))}, r"run\(\): argument 'hyper': .* got float64"),
        ({"progress": np.zeros(1)}, r"run\(\): argument 'progress': expected a writable uint64"),
    ],
)
def test_bad_arguments_change_nothing(arguments, message):
    program, total, _ = counter_program()
    with pytest.raises((ValueError, TypeError), match=message):
        _core.run(program, None, **({"batches": 3, "batch_size": 1} | arguments))
    np.testing.assert_array_equal(total, 0.0)
    assert _core.run(program, None, batches=1, batch_size=1) == 1


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_repeated_steps_run_behind_those_that_run_once(threads):
    _core.set_num_threads(threads)
    once, total, sums = np.zeros((3, 64, 48), np.float32)
    steps = [
        _core.rescale(once, sums, 1.0, 1.0),  # what the batch before left, plus one
        _core.rescale(total, once, 0.0, 0.0),
        _core.add(total, total, once),
        _core.add(sums, sums, total),
    ]
    program = _core.Program(steps, [], 1, 5)
    assert _core.run(program, None, batches=2, batch_size=1) == 2
    np.testing.assert_array_equal(sums, 5 + 5 * 6)


def test_repeats_have_noise_of_their_own():
    """Batch b, repeat r is step b * repeats + r."""
    x, y, sums = np.zeros((3, 4, 64), np.float32)
    steps = [_core.gaussian_noise(y, x, 1.0, False, 3, 0), _core.add(sums, sums, y)]
    _core.run(_core.Program(steps, [], 0, 3), None, batches=2, batch_size=1, step=10)
    expected = np.zeros_like(x)
    for step in range(10, 16):
        steps[0].run(step=step)
        expected += y
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize(("repeat_from", "repeats"), [(-1, 1), (2, 1), (0, 0), (0, -3), (0.5, 1), (0, "2")])
def test_wrong_repeats(repeat_from, repeats):
    x = np.zeros((3, 5), np.float32)
    with pytest.raises((ValueError, TypeError), match=r"^Program\(\): argument 'repeat"):
        _core.Program([_core.rescale(x, x, 1.0, 1.0)], [], repeat_from, repeats)


def test_a_program_takes_steps_only():
    with pytest.raises((TypeError, RuntimeError)):
        _core.Program([1], [])


def test_interrupt_stops_between_batches_within_a_tenth_of_a_second():
    script = textwrap.dedent(
        """
        import os, signal, threading, time
        import numpy as np
        from densor import _core
        total = np.zeros((256, 1024), np.float32)
        scratch = np.zeros_like(total)
        program = _core.Program([_core.rescale(scratch, total, 1.0, 1.0)], [_core.rescale(total, scratch, 1.0, 0.0)])
        delays = []
        for attempt in range(5):
            sent = []
            def interrupt():
                time.sleep(0.05 + 0.013 * attempt)
                sent.append(time.perf_counter())
                os.kill(os.getpid(), signal.SIGINT)
            thread = threading.Thread(target=interrupt)
            thread.start()
            try:
                _core.run(program, None, batches=10**9, batch_size=1)
                raise SystemExit("was not interrupted")
            except KeyboardInterrupt:
                delays.append(time.perf_counter() - sent[0])
            thread.join()
            assert (total == total[0, 0]).all() and total[0, 0] > 0
        assert sorted(delays)[2] < 0.1, delays  # the median: somebody else may have the CPU for a while
        before = total[0, 0]
        assert _core.run(program, None, batches=2, batch_size=1) == 2
        assert (total == before + 2).all()
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_exception_of_a_signal_handler_comes_through():
    class Alarm(Exception):
        pass

    def handler(signum, frame):
        raise Alarm

    program, total, _ = counter_program()
    old = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Alarm):
            _core.run(program, None, batches=10**9, batch_size=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert (total == total[0, 0]).all()


def test_concurrent_runs_do_not_disturb_one_another():
    programs = [counter_program(300, 300) for _ in range(6)]
    threads = [
        threading.Thread(target=_core.run, args=(p, None), kwargs={"batches": 200, "batch_size": 1})
        for p, _, _ in programs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _, total, _ in programs:
        np.testing.assert_array_equal(total, 200.0)


def _train_in_child(queue):
    program, total, _ = counter_program(400, 400)
    _core.run(program, None, batches=50, batch_size=1)
    queue.put(float(total.min()) + float(total.max()))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_makes_its_own_threads():
    program, total, _ = counter_program(400, 400)
    _core.run(program, None, batches=10, batch_size=1)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_train_in_child, args=(queue,))
    started = time.perf_counter()
    child.start()
    assert queue.get(timeout=20) == 100.0
    child.join(timeout=20)
    assert child.exitcode == 0
    assert time.perf_counter() - started < 20
    _core.run(program, None, batches=1, batch_size=1)
    np.testing.assert_array_equal(total, 11.0)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


SHOW_THREADS = "from densor import _core; print(_core.num_threads())"


def test_threads_follow_the_environment():
    assert run_python(SHOW_THREADS, DENSOR_NUM_THREADS="3").stdout == "3\n"
    assert run_python(SHOW_THREADS, DENSOR_NUM_THREADS="", OMP_NUM_THREADS="1").stdout == "1\n"
    assert run_python(SHOW_THREADS, DENSOR_NUM_THREADS="2", OMP_NUM_THREADS="1").stdout == "2\n"


@CHOOSES_CPUS
def test_threads_follow_the_affinity():
    cpu = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{cpu}}}); {SHOW_THREADS}"
    assert run_python(code, DENSOR_NUM_THREADS="", OMP_NUM_THREADS="").stdout == "1\n"


@pytest.mark.parametrize("value", ["0", "-1", "abc", "1000000", "2.5"])
def test_a_bad_thread_variable_is_named(value):
    done = run_python(SHOW_THREADS, DENSOR_NUM_THREADS=value)
    assert done.returncode == 1
    assert "ValueError" in done.stderr
    assert "DENSOR_NUM_THREADS" in done.stderr
    assert value in done.stderr


@pytest.mark.parametrize("value", ["foo", "avx1024", "AVX2"])
def test_a_bad_target_variable_is_named(value):
    done = run_python("from densor import _core; print(_core.cpu_target())", DENSOR_CPU_TARGET=value)
    assert done.returncode == 1
    assert "ValueError" in done.stderr
    assert "DENSOR_CPU_TARGET" in done.stderr
    assert value in done.stderr


def test_every_target_can_be_forced():
    for target in _core.cpu_targets():
        done = run_python("from densor import _core; print(_core.cpu_target())", DENSOR_CPU_TARGET=target)
        assert done.stdout.strip() == target


@pytest.mark.parametrize("count", [0, -1, 257])
def test_set_num_threads_checks_its_argument(count):
    before = _core.num_threads()
    with pytest.raises(ValueError, match=rf"set_num_threads\(\): argument 'count': value {count}"):
        _core.set_num_threads(count)
    assert _core.num_threads() == before


CROWDED = """
import os
import numpy as np
from densor import _core

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
_core.set_num_threads(threads)
total = np.zeros((128, 512), np.float32)
one = np.ones_like(total)
sums = [np.zeros_like(total) for _ in range(2)]
steps = [_core.add(sums[i % 2], sums[(i + 1) % 2] if i else total, one) for i in range(6)]
program = _core.Program(steps, [_core.rescale(total, sums[1], 1.0, 0.0)])
batches = 8000
assert _core.run(program, None, batches=batches, batch_size=1) == batches
print(np.all(total == 6 * batches), _core.times_crowded() > 0)
"""


@CHOOSES_CPUS
@pytest.mark.parametrize(("threads", "crowded"), [(1, False), (2, True), (4, True)])
def test_workers_without_cpus_of_their_own_become_fewer(threads, crowded):
    done = run_python(f"threads = {threads}\n{CROWDED}")
    assert done.stdout == f"True {crowded}\n", done.stderr
