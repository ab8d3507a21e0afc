"""Where all workers meet between the steps of a program: wherever one reads what another wrote since they last met."""

import numpy as np
import pytest

from densor import _core

ROWS, COLUMNS = 32, 64


@pytest.fixture(autouse=True)
def _two_threads():
    """A wide product for one worker is split by columns only."""
    threads = _core.num_threads()
    _core.set_num_threads(2)
    yield
    _core.set_num_threads(threads)


def fences(*steps, **options):
    return _core.Program(list(steps), [], **options).fences()


def by_columns(to, origin):
    """Reads and writes the worker's columns."""
    mean, variance = np.zeros((2, to.shape[1]), np.float32)
    return _core.batch_norm_forward(to, mean, variance, origin, None, None, 1e-3, "linear", 0.0)


def by_rows(to, origin):
    """Reads and writes the worker's rows."""
    return _core.mean_squared_error(np.zeros(ROWS, np.float32), to, origin, origin * 0, None, 1.0)


def unread(origin):
    """Writes what no step reads, from the worker's rows."""
    return _core.scatter(_core.Feed(True), origin)


def matrices(count):
    return np.zeros((count, ROWS, COLUMNS), np.float32)


def test_neighbours_with_the_same_share_do_not_meet():
    a, b, c = matrices(3)
    assert fences(by_columns(b, a), by_columns(c, b)) == [False, True]
    assert fences(by_rows(b, a), by_rows(c, b)) == [False, True]
    assert fences(by_rows(b, a), by_columns(c, b)) == [True, True]


def test_what_is_read_behind_an_unread_step():
    """Of three steps the second is local to the first, and the third, which follows a step that it need not wait
    for, reads columns of what the first wrote by rows.
    """
    a, b, c = matrices(3)
    assert fences(by_rows(b, a), unread(b), by_columns(c, b)) == [False, True, True]
    assert fences(by_rows(b, a), unread(b), unread(b), by_columns(c, b)) == [False, False, True, True]
    assert fences(by_rows(b, a), unread(b), by_rows(c, b)) == [False, False, True]


def test_what_was_written_before_all_met_is_there():
    a, b, c = matrices(3)
    assert fences(by_rows(b, a), by_columns(c, b), unread(c), by_columns(b, c)) == [True, True, False, True]
    assert fences(by_columns(b, a), unread(b), by_columns(c, b)) == [True, False, True]


def test_a_barrier_inside_a_step_is_one():
    """A product whose terms are split reads columns, meets, and writes columns of another number."""
    x, w, y, z = (np.zeros(shape, np.float32) for shape in ((8, 784), (784, 256), (8, 256), (8, 256)))
    assert _core.gemm_plan(8, 256, 784, workers=2).find("split by terms") > 0
    before = by_columns(x, x.copy())
    product = _core.dense_forward(y, None, x, w, None, "linear", 0.0, training=True)
    of_these = _core.activation_forward(z, y, "relu", 0.0)
    assert fences(before, product, of_these) == [False, False, True]


def test_so_many_steps_are_never_unfenced():
    a, b = matrices(2)
    steps = [by_columns(b, a), by_columns(a, b)] * 3
    assert fences(*steps) == [False] * 3 + [True, False, True]
    assert fences(*steps, unfenced=1) == [False, True] * 3
    assert fences(*steps, unfenced=0) == [True] * 6
    assert _core.Program([], steps[:2]).fences() == [False, True]
    assert fences() == []
