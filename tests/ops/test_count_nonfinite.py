"""count_nonfinite: counts and first places, in every dtype and layout."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, RUNS, TARGETS, _core, on_target
from tests.reference import count_nonfinite as reference

BAD = (np.nan, np.inf, -np.inf)


def spoiled(rng, shape, dtype, count):
    x = rng.standard_normal(shape).astype(dtype)
    flat = x.reshape(-1)
    for place in rng.choice(flat.size, min(count, flat.size), replace=False):
        flat[place] = rng.choice(BAD)
    return x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_counts_and_finds_the_first(dtype, count):
    threads = _core.num_threads()
    try:
        for name in TARGETS:
            for workers, _ in RUNS:
                _core.set_num_threads(workers)
                rng = np.random.default_rng(count)
                for shape in ((1, 1), (1, 31), (33, 32), (257, 300), (5, 7, 3)):
                    x = spoiled(rng, shape, dtype, count)
                    with on_target(name):
                        found = tuple(_core.count_nonfinite(x))
                    assert found == reference.forward(x), f"{name} {workers} {shape}"
    finally:
        _core.set_num_threads(threads)


def test_large_finite_values_are_finite():
    x = np.array([[np.finfo(np.float32).max, -np.finfo(np.float32).max, 1e-45, 0.0]], np.float32)
    assert tuple(_core.count_nonfinite(x)) == (0, -1)


def test_rows_with_gaps():
    x = np.zeros((6, 40), np.float32)
    x[:, 30:] = np.nan  # outside the view
    x[4, 3] = np.inf
    for name in TARGETS:
        with on_target(name):
            assert tuple(_core.count_nonfinite(x[:, :30])) == (1, 4 * 30 + 3)


NOT_FINITE = "argument 'gradients': not finite"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("threads", [workers for workers, _ in RUNS])
@pytest.mark.parametrize("size", [0, 1, 31, 5000, 40_000])
def test_refuse_nonfinite(target, threads, size):
    before = _core.num_threads()
    _core.set_num_threads(threads)
    try:
        with on_target(target):
            refuse(size)
    finally:
        _core.set_num_threads(before)


def refuse(size):
    totals, gradients = [np.array([1.0, 2.0]), np.array([-3.0, 2.0])], np.ones(size + 16, np.float32)
    gradients[size:] = np.nan  # between the segments
    segments = np.array([[0, size // 2], [size // 2, size - size // 2]])
    step = _core.refuse_nonfinite(totals, gradients, segments)
    step.run()
    for place in {0, size // 2, size - 1} if size else ():
        for value in BAD:
            gradients[place] = value
            with pytest.raises(RuntimeError, match=NOT_FINITE):
                step.run()
        gradients[place] = np.finfo(np.float32).max
    step.run()
    for total in totals:
        for value in BAD:
            total[0] = value
            with pytest.raises(RuntimeError, match="argument 'totals': not finite"):
                step.run()
        total[0] = 1.0


stored = pytest.mark.skipif(bool(CUDA), reason="on a device all gradients are stored")


def product_step(x, dz):
    """Of a kernel and a bias whose gradients are not stored: what is in their place must not be looked at."""
    inputs, units = x.shape[1], dz.shape[1]
    kernel = inputs * units
    gradients = np.full(kernel + units, np.nan, np.float32)
    segments = np.array([[0, kernel], [kernel, units]])
    return _core.refuse_nonfinite([], gradients, segments, np.array([1, 0]), [None, x], [dz, dz])


@stored
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("rows", "inputs", "units"), [(1, 1, 1), (32, 784, 300), (7, 33, 10), (40, 20, 130)])
def test_products_are_known_by_their_operands(threads, rows, inputs, units):
    before = _core.num_threads()
    rng = np.random.default_rng(rows)
    clean = [rng.standard_normal((rows, n)).astype(np.float32) for n in (inputs, units)]
    try:
        for name in TARGETS:
            with on_target(name):
                _core.set_num_threads(threads)
                x, dz = (array.copy() for array in clean)
                step = product_step(x, dz)
                step.run()
                for operand, original in ((x, clean[0]), (dz, clean[1])):
                    for place in {0, operand.size // 2, operand.size - 1}:
                        for value in BAD:
                            operand.flat[place] = value
                            with pytest.raises(RuntimeError, match=NOT_FINITE):
                                step.run()
                        operand.flat[place] = 1e30  # large, and so are the gradients, but they are numbers
                        step.run()
                        operand[...] = original
                step.run()
    finally:
        _core.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_overflow_is_found_where_it_happens(threads):
    """A product is refused if and only if it overflows, however large its operands are."""
    before = _core.num_threads()
    _core.set_num_threads(threads)
    x, dz = np.zeros((8, 50), np.float32), np.zeros((8, 40), np.float32)
    step = product_step(x, dz)
    try:
        x[3, 49], dz[4, 39] = 1e30, 1e30  # never multiplied
        step.run()
        dz[3, 39] = 3e8
        step.run()
        dz[3, 39] = 4e8
        with pytest.raises(RuntimeError, match=NOT_FINITE):
            step.run()
        x[3, 49] = dz[4, 39] = 0.0
        step.run()
        dz[2:4, 5] = 3e38  # a bias: their sum
        with pytest.raises(RuntimeError, match=NOT_FINITE):
            step.run()
        dz[3, 5] = -3e38
        step.run()
    finally:
        _core.set_num_threads(before)


def test_refuse_nonfinite_refuses():
    gradients, segments, x = np.zeros(12, np.float32), np.array([[0, 12]]), np.zeros((2, 3), np.float32)
    dz = np.zeros((2, 4), np.float32)
    refuse = _core.refuse_nonfinite
    with pytest.raises(ValueError, match=r"^refuse_nonfinite\(\): argument 'totals'"):
        refuse([np.zeros(3)], gradients, segments)
    for bad in ([[0, 13]], [[-1, 2]], [[13, 0]]):
        with pytest.raises(ValueError, match=r"^refuse_nonfinite\(\): argument 'segments'"):
            refuse([], gradients, np.array(bad))
    for computed in ([1], [-1], [0, 0]):
        with pytest.raises(ValueError, match=r"^refuse_nonfinite\(\): argument 'computed'"):
            refuse([], gradients, segments, np.array(computed), [x] * len(computed), [dz] * len(computed))
    with pytest.raises(ValueError, match="has 11 parameters, its gradient 12"):
        refuse([], gradients, np.array([[0, 11]]), np.array([0]), [x], [dz])
    with pytest.raises(ValueError, match="expected as many x and dz as segments, 1"):
        refuse([], gradients, segments, np.array([0]), [x], [])
