"""bfloat16 arrays on a device: wherever they begin, moments that products have left, rows that are not there."""

import numpy as np
import pytest

from tests.cuda.models import needs_device
from tests.ops.harness import CUDA, TARGETS, _core, choose, same_bits
from tests.ops.stored import EPSILON, columns
from tests.reference.cast import STORED, narrow, widen

pytestmark = needs_device
on_host = pytest.mark.skipif(CUDA != "host", reason="arrays of the host as device memory")


def stored(*shape, offset=0, seed=0):
    """A bfloat16 array that many bytes off a boundary of sixteen."""
    room = np.zeros(np.prod(shape) + 16, np.uint16)
    begin = (-room.ctypes.data % 16 + offset) // 2
    array = room[begin : begin + np.prod(shape)].reshape(shape)
    array[...] = narrow(np.random.default_rng(seed).standard_normal(shape).astype(np.float32)).view(np.uint16)
    return array.view(STORED)


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize(("rows", "cols"), [(40, 64), (300, 24), (33, 130)])
@pytest.mark.parametrize("rate", [None, 0.4])
def test_arrays_that_do_not_lie_in_pieces(order, rows, cols, rate):
    """Two arrays of which one is off by the bytes of one number, of a pair or of none: the same bits."""
    found = []
    drop = {} if rate is None else {"rate": rate, "seed": 3, "stream": 1, "rounded": True}
    choose(order)
    try:
        for one, other in [(0, 0), (2, 2), (4, 4), (0, 2), (4, 0)]:
            x, dy = stored(rows, cols, offset=one), stored(rows, cols, offset=other, seed=1)
            y, dx, dropped, total = (stored(rows, cols, offset=other, seed=seed) for seed in (2, 3, 4, 5))
            mean, variance, dgamma, dbeta = (np.zeros(cols, np.float32) for _ in range(4))
            mask, kept = (np.zeros((rows, -(-cols // 16)), np.uint16) for _ in range(2))
            passed = {} if rate is None else {"mask": mask, "rate": rate, "rounded": True}
            _core.batch_norm_forward(
                y, mean, variance, x, None, None, EPSILON, "linear", 0.0, **(drop | passed)
            ).run()
            _core.batch_norm_backward(
                dx, dgamma, dbeta, dy, x, None, mean, variance, None, EPSILON, "linear", 0.0, **passed
            ).run()
            _core.add(total, x, dy).run()
            _core.dropout_forward(dropped, kept, x, 0.3, "inverted", 1, 2).run()
            _core.dropout_backward(dy, dy, kept, 0.3, "inverted").run()
            _core.batch_norm_inference(x, x, None, None, mean, variance, EPSILON, "relu", 0.0).run()
            found.append([y, dx, mean, variance, dgamma, dbeta, mask, dropped, kept, total, dy, x])
    finally:
        choose(None)
    for others in found[1:]:
        for mine, theirs in zip(others, found[0], strict=True):
            assert same_bits(mine, theirs)


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("rate", [None, 0.4])
def test_moments_that_a_product_has_left(order, rate):
    """Of 9 parts, which a launch of its own merges, and of 2."""
    cols, part = 40, 32
    for rows in (part * 9 - 5, part + 1):
        x = narrow(columns((rows, cols), "x")["x"])
        y, wanted = narrow(np.zeros((rows, cols), np.float32)), np.zeros((rows, cols), np.float32)
        mean, variance = (np.zeros((2, cols), np.float32) for _ in range(2))
        masks = np.zeros((2, rows, 3), np.uint16)
        parts = [widen(x)[begin : begin + part] for begin in range(0, rows, part)]
        moments = np.float32([[p.mean(0) - p[0] for p in parts], [p.var(0) * len(p) for p in parts]])
        choose(order)
        try:
            for k, (to, source) in enumerate([(y, x), (wanted, widen(x))]):
                drop = {} if rate is None else {"mask": masks[k], "rate": rate, "seed": 3, "rounded": True}
                _core.batch_norm_forward(
                    to, mean[k], variance[k], source, None, None, EPSILON, "relu", 0.0, moments, part, **drop
                ).run()
        finally:
            choose(None)
        assert np.isfinite(wanted).all()
        assert wanted.any()
        assert same_bits(y, narrow(wanted))
        for pair in (mean, variance, masks):
            assert same_bits(*pair)


def masked_steps(matrix):
    """Steps that sum over rows, and the results of all."""
    x, dy = matrix(), matrix()
    rows, cols = x.shape
    y, dx, other = (np.zeros_like(x) for _ in range(3))
    vectors = [np.zeros((1, cols), np.float32) for _ in range(8)]
    mask, statistics = np.zeros((rows, -(-cols // 16)), np.uint16), np.zeros((rows, 3), np.float32)
    drop = {"mask": mask, "rate": 0.4, "rounded": True}
    flat = [vector.reshape(-1) for vector in vectors]
    steps = [
        _core.batch_norm_forward(y, *flat[:2], x, None, None, EPSILON, "relu", 0.0, seed=3, stream=1, **drop),
        _core.batch_norm_backward(dx, *flat[2:4], dy, x, None, *flat[:2], None, EPSILON, "relu", 0.0, **drop),
        _core.batch_norm_forward(other, *flat[4:6], x, None, None, EPSILON, "linear", 0.0),
        _core.layer_norm_forward(other, statistics, x, None, None, EPSILON, "layer"),
        _core.layer_norm_backward(None, *vectors[6:], dy, x, statistics, None, EPSILON, "layer"),
    ]
    return steps, [y, dx, mask, other, *vectors]


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("cols", [36, 37])
def test_rows_that_a_batch_does_not_have(order, cols):
    """They hold NaN, and the results are those of arrays without them."""
    size = 301

    def results(capacity):
        numbers = np.random.default_rng(5)

        def matrix():
            array = np.full((capacity, cols), 0x7FC0, np.uint16)
            array[:size] = narrow(numbers.standard_normal((size, cols)).astype(np.float32)).view(np.uint16)
            return array.view(STORED)

        choose(order)
        try:
            steps, found = masked_steps(matrix)
            _core.run(_core.Program(steps, []), None, batches=1, batch_size=capacity, rows=size)
        finally:
            choose(None)
        return [array[:size] if len(array) == capacity else array for array in found]

    for masked, alone in zip(results(640), results(size), strict=True):
        assert np.isfinite(widen(alone) if alone.dtype == STORED else alone).all()
        assert same_bits(masked, alone)


@on_host
def test_arrays_of_both_dtypes_are_refused():
    x, y, column = stored(4, 8), np.zeros((4, 8), np.float32), np.ones(8, np.float32)
    mask, statistics = np.zeros((4, 1), np.uint16), np.zeros((4, 3), np.float32)
    norm = column.copy(), column.copy()
    affine = None, None, EPSILON
    calls = {
        r"batch_norm_forward\(\): argument 'y'": lambda a, b: _core.batch_norm_forward(
            b, *norm, a, *affine, "relu", 0.0
        ),
        r"batch_norm_inference\(\): argument 'y'": lambda a, b: _core.batch_norm_inference(
            b, a, None, None, *norm, EPSILON, "relu", 0.0
        ),
        r"batch_norm_backward\(\): argument 'dy'": lambda a, b: _core.batch_norm_backward(
            a, None, None, b, a, None, *norm, None, EPSILON, "linear", 0.0
        ),
        r"dropout_forward\(\): argument 'y'": lambda a, b: _core.dropout_forward(b, mask, a, 0.5, "inverted", 1, 2),
        r"dropout_backward\(\): argument 'dx'": lambda a, b: _core.dropout_backward(b, a, mask, 0.5, "inverted"),
        r"layer_norm_forward\(\): argument 'y'": lambda a, b: _core.layer_norm_forward(
            b, statistics, a, *affine, "rms"
        ),
        r"layer_norm_backward\(\): argument 'dy'": lambda a, b: _core.layer_norm_backward(
            None, None, None, b, a, statistics, None, EPSILON, "rms"
        ),
    }  # fmt: skip
    for reason, call in calls.items():
        choose(TARGETS[0])
        try:
            for one, other in ((x, y), (y, x)):
                with pytest.raises((TypeError, ValueError), match=reason):
                    call(one, other)
        finally:
            choose(None)
