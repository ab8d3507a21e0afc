"""Ops that sum over rows take those of the batch alone, with the bits of arrays of that size, whatever lies behind."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, choose

pytestmark = pytest.mark.skipif(CUDA != "host", reason="arrays of the host as device memory")
CAPACITY, ROWS, COLUMNS, UNITS = 640, 301, 37, 21


def run(make, rows, capacity, order, architecture=80):
    """What a step computes from the first `rows` of arrays with `capacity` rows, behind which there is NaN."""
    numbers = np.random.default_rng(5)

    def matrix(columns=COLUMNS):
        array = np.full((capacity, columns), np.nan, np.float32)
        array[:rows] = numbers.standard_normal((CAPACITY, columns))[:rows]
        return array

    choose(order, architecture)
    try:
        made, results = make(matrix)
        steps = made if isinstance(made, list) else [made]
        _core.run(_core.Program(steps, []), None, batches=1, batch_size=capacity, rows=rows)
    finally:
        choose(None)
    return [result[:rows] if len(result) == capacity else result for result in results]


def same(make, order, architecture=80):
    masked = run(make, ROWS, CAPACITY, order, architecture)
    for found, wanted in zip(masked, run(make, ROWS, ROWS, order, architecture), strict=True):
        assert np.isfinite(wanted).all()
        np.testing.assert_array_equal(found, wanted)


def vector(columns=COLUMNS, start=0.0):
    return np.full(columns, start, np.float32)


def column_sum(matrix):
    total = vector()
    return _core.column_sum(total.reshape(1, -1), matrix()), [total]


def batch_norm_forward(matrix):
    x, mean, variance = matrix(), vector(), vector()
    y = np.zeros_like(x)
    return _core.batch_norm_forward(y, mean, variance, x, None, None, 1e-3, "relu", 0.0), [y, mean, variance]


def norm_gradients(matrix):
    """Results of a backward pass, with what it reads: the gradient, the input, mean and variance."""
    x, dy = matrix(), matrix()
    return [np.zeros_like(x), vector(), vector()], dy, x, vector(start=0.1), vector(start=2.0)


def batch_norm_backward(matrix):
    results, dy, x, mean, variance = norm_gradients(matrix)
    return _core.batch_norm_backward(
        *results, dy, x, None, mean, variance, None, 1e-3, "linear", 0.0
    ), results


def batch_norm_with_dropout(matrix):
    x, mean, variance = matrix(), vector(), vector()
    y, mask = np.zeros_like(x), np.zeros((len(x), -(-COLUMNS // 16)), np.uint16)
    step = _core.batch_norm_forward(
        y, mean, variance, x, None, None, 1e-3, "relu", 0.0, mask=mask, rate=0.4, seed=3, stream=1
    )
    return step, [y, mean, variance, mask]


def batch_norm_backward_with_dropout(matrix):
    results, dy, x, mean, variance = norm_gradients(matrix)
    mask = np.full((len(x), -(-COLUMNS // 16)), 0x5555, np.uint16)
    return _core.batch_norm_backward(
        *results, dy, x, None, mean, variance, None, 1e-3, "relu", 0.0, mask=mask, rate=0.5
    ), results


def batch_norm_of_a_product(matrix):
    """By the moments that the product has left."""
    x, mean, variance = matrix(), vector(UNITS), vector(UNITS)
    w = np.linspace(-1, 1, COLUMNS * UNITS, dtype=np.float32).reshape(COLUMNS, UNITS)
    h, y = (np.zeros((len(x), UNITS), np.float32) for _ in range(2))
    part, _ = _core.dense_sums(len(x), COLUMNS, UNITS)
    moments = np.full((2, -(-len(x) // part), UNITS), np.nan, np.float32)
    steps = [
        _core.dense_forward(h, None, x, w, None, "relu", 0.0, training=True, moments=moments),
        _core.batch_norm_forward(y, mean, variance, h, None, None, 1e-3, "linear", 0.0, moments, part),
    ]
    return steps, [h, y, mean, variance]


def batch_norm_inference_backward(matrix):
    results, dy, x, mean, variance = norm_gradients(matrix)
    return _core.batch_norm_inference_backward(
        *results, dy, x, None, None, mean, variance, 1e-3, "linear", 0.0
    ), results


def layer_norm_backward(matrix):
    x, dy, statistics, dgamma, dbeta = (
        matrix(),
        matrix(),
        matrix(3),
        vector().reshape(1, -1),
        vector().reshape(1, -1),
    )
    dx = np.zeros_like(x)
    return (
        _core.layer_norm_backward(
            dx, dgamma, dbeta, dy, x, statistics, vector(start=1.5).reshape(1, -1), 1e-3, "layer"
        ),
        [dx, dgamma, dbeta],
    )


def one_parameter(matrix):
    x, dy, statistics, dgamma, dbeta = (
        matrix(),
        matrix(),
        matrix(3),
        vector(1).reshape(1, 1),
        vector(1).reshape(1, 1),
    )
    return (
        _core.layer_norm_backward(
            None, dgamma, dbeta, dy, x, statistics, vector(1, 1.5).reshape(1, 1), 1e-3, "layer"
        ),
        [dgamma, dbeta],
    )


def dense_chain(matrix):
    x, y, dy = matrix(), matrix(UNITS), matrix(5)
    mask = np.random.default_rng(6).integers(0, 2**16, (CAPACITY, 2), dtype=np.uint16)
    mask = np.resize(mask, (len(x), 2))
    w = [np.full((COLUMNS, UNITS), 0.5, np.float32), np.full((UNITS, 5), -0.25, np.float32)]
    dw, dbias, dx = [np.zeros_like(kernel) for kernel in w], [vector(UNITS), vector(5)], np.zeros_like(x)
    step = _core.dense_chain_backward(
        dx, dw, dbias, dy, x, w, [y, None], [None, None], [mask, None], ["relu", "linear"], [0.0, 0.0],
        [0.5, 0.0], ["inverted", "inverted"],
    )  # fmt: skip
    return step, [dx, *dw, *dbias]


def accumulate(matrix):
    totals = np.zeros(2)
    return _core.accumulate(totals, matrix(1).reshape(-1), matrix(1).reshape(-1)), [totals]


def loss(name):
    def make(matrix):
        x, target = matrix(), matrix()
        values, dx = np.zeros(len(x), np.float32), np.zeros_like(x)
        return getattr(_core, name)(values, dx, x, target, matrix(1).reshape(-1), 0.5), [values, dx]

    return make


LOSSES = ["softmax_cross_entropy", "sigmoid_cross_entropy", "mean_squared_error", "mean_absolute_error"]
SUMS = {
    make.__name__: make
    for make in (
        column_sum, batch_norm_forward, batch_norm_backward, batch_norm_inference_backward, layer_norm_backward,
        one_parameter, dense_chain, accumulate, batch_norm_with_dropout, batch_norm_backward_with_dropout,
        batch_norm_of_a_product,
    )
} | {name: loss(name) for name in LOSSES}  # fmt: skip


@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("name", SUMS)
def test_sums(name, order):
    same(SUMS[name], order)


@pytest.mark.parametrize("order", TARGETS)
def test_parts_of_a_chain_are_those_of_its_rows_whatever_its_tiles(order):
    """Arrays of 4200 rows have high tiles, 65 parts; 301 rows alone low ones, 19 parts."""
    masked, wanted = (run(dense_chain, ROWS, capacity, order) for capacity in (4200, ROWS))
    for found, other in zip(masked, wanted, strict=True):
        np.testing.assert_array_equal(found, other)


def products(matrix):
    x, dy = matrix(), matrix(UNITS)
    w, dw, dbias = (
        np.ones((COLUMNS, UNITS), np.float32),
        np.zeros((COLUMNS, UNITS), np.float32),
        vector(UNITS),
    )
    return _core.dense_backward(None, dw, dbias, None, dy, None, x, w, "linear", 0.0), [dw, dbias]


@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("precision", ["ieee", "tf32", "medium", "high", "x6"])
@pytest.mark.parametrize("kernel", ["mma", "wgmma"])
def test_products(order, precision, kernel):
    before = _core.matmul_precision()
    try:
        _core.set_matmul_precision(precision)
        _core.set_device_gemm(kernel, 64, 1)
        same(products, order, architecture=90)
        same(batch_norm_of_a_product, order, architecture=90)
    finally:
        _core.set_device_gemm("auto")
        _core.set_matmul_precision(before)


@pytest.mark.parametrize("order", TARGETS)
def test_products_in_parts(order):
    """The parts of k are those of whole batches: the sums are rounded elsewhere."""
    before = _core.matmul_precision()
    try:
        _core.set_matmul_precision("x6")
        _core.set_device_gemm("wgmma", 64, 3)
        masked, _ = run(products, ROWS, CAPACITY, order, 90)
        wanted, _ = run(products, ROWS, ROWS, order, 90)
    finally:
        _core.set_device_gemm("auto")
        _core.set_matmul_precision(before)
    np.testing.assert_allclose(masked, wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize("order", TARGETS)
def test_means_are_over_the_rows_of_the_batch(order):
    def make(matrix):
        x, target = matrix(), matrix()
        values, dx = np.zeros(len(x), np.float32), np.zeros_like(x)
        step = _core.mean_squared_error(values, dx, x, target, None, 1.0 / len(x), True)
        return step, [values, dx]

    masked, wanted = run(make, ROWS, CAPACITY, order), run(make, ROWS, ROWS, order)
    np.testing.assert_array_equal(masked[0], wanted[0])
    np.testing.assert_allclose(masked[1], wanted[1], rtol=3e-7)


@pytest.mark.parametrize("order", TARGETS)
def test_penalties_count_the_rows_of_the_batch(order):
    def make(matrix):
        totals, w = np.zeros(2), np.ones(7, np.float32)
        step = _core.penalty(
            totals, [w], [], np.array([1.0]), np.array([0.0]), float(len(matrix())), 1.0, False, True
        )
        return step, [totals]

    assert run(make, ROWS, CAPACITY, order)[0][0] == pytest.approx(7.0 * ROWS, rel=1e-15)
    assert run(make, ROWS, ROWS, order)[0][0] == 7.0 * ROWS


@pytest.mark.parametrize("order", TARGETS)
def test_data_are_read_and_written_for_the_rows_of_the_batch(order):
    data = np.arange(7.0, dtype=np.float32).reshape(7, 1)
    labels = np.arange(7, dtype=np.int64)
    out, back = np.full((5, 1), 9, np.float32), np.full((5,), 9, np.int32)
    written = np.full((7, 1), -1, np.float32)
    feeds = _core.Feed(), _core.Feed(), _core.Feed(writable=True)
    choose(order)
    try:
        for feed, array in zip(feeds, (data, labels, written), strict=True):
            feed.bind(array)
        steps = [_core.gather(out, feeds[0], 1.0, 10.0), _core.gather(back, feeds[1], 1.0, 0.0)]
        program = _core.Program([*steps, _core.scatter(feeds[2], out)], [])
        assert program.masks_rows
        assert _core.run(program, None, batches=2, batch_size=5, rows=7) == 2
    finally:
        choose(None)
    assert out.ravel().tolist() == [15, 16, 0, 0, 0]
    assert back.tolist() == [5, 6, 0, 0, 0]
    assert written.ravel().tolist() == [10, 11, 12, 13, 14, 15, 16]


@pytest.mark.parametrize("order", TARGETS)
def test_ops_across_the_rows_say_that_they_do_not(order):
    x, label = np.ones((4, 4), np.float32), np.ones(4, np.float32)
    choose(order)
    try:
        step = _core.circle_loss(np.zeros(4, np.float32), None, x, label, label, 1.0, 0.1, True)
        program = _core.Program([step], [])
        assert not program.masks_rows
        with pytest.raises(
            ValueError, match=r"run\(\): argument 'rows': the program takes whole batches only"
        ):
            _core.run(program, None, batches=1, batch_size=4, rows=3)
    finally:
        choose(None)
