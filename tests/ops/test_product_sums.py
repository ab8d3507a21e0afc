"""What products on a device leave of their results: dense_forward moments of columns, dense_backward squares."""

from contextlib import contextmanager

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, choose, execute, normal, same_bits
from tests.reference import batch_norm as reference

on_device = pytest.mark.skipif(not CUDA, reason="the CUDA kernels run in `make test-cuda`")
# Kernel, tile, parts of k, precision, architecture.
KERNELS = [
    ("simt", 0, 0, "ieee", 80),
    ("mma", 0, 0, "x6", 80),
    ("mma", 0, 0, "medium", 80),
    ("tf32", 0, 0, "tf32", 80),
    ("wgmma", 64, 1, "high", 90),
    ("wgmma", 128, 1, "x6", 90),
    ("wgmma", 256, 1, "medium", 90),
]
SHAPES = [(1, 3, 1), (5, 17, 33), (129, 40, 65), (300, 9, 130)]  # rows, inputs, units


@contextmanager
def products_by(order, kernel, cols, parts, precision, architecture):
    """Products of this kernel where there is such a plan; a GPU has the architecture that it has."""
    before = _core.matmul_precision()
    choose(order, architecture)
    try:
        _core.set_matmul_precision(precision)
        _core.set_device_gemm(kernel, cols, parts)
        yield
    finally:
        _core.set_device_gemm("auto")
        _core.set_matmul_precision(before)
        choose(None)


def forward(x, w, bias, activation="linear", rounded=False):
    """y, its moments and the rows of a part."""
    part, _ = _core.dense_sums(len(x), *w.shape)
    assert part > 0
    outputs = {"y": (len(x), w.shape[1]), "moments": (2, -(-len(x) // part), w.shape[1])}
    found = execute(
        lambda o, i: _core.dense_forward(
            o.y, None, i.x, i.w, i.bias, activation, 0.0, True, moments=o.moments, rounded=rounded
        ),
        {"x": x, "w": w, "bias": bias},
        outputs,
    )
    return found["y"], found["moments"], part


def check_moments(y, moments, part, tolerance=2e-6):
    """Those of y in float64."""
    y = y.astype(np.float64)
    for index, top in enumerate(range(0, len(y), part)):
        rows = y[top : top + part]
        spread = np.sqrt(rows.var(axis=0)) + np.abs(rows - rows[0]).max(axis=0) * 1e-6
        assert (np.abs(moments[0, index] + rows[0] - rows.mean(axis=0)) <= tolerance * spread * 8).all()
        assert (
            np.abs(moments[1, index] - len(rows) * rows.var(axis=0)) <= tolerance * len(rows) * spread**2 * 8
        ).all()


@on_device
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: "-".join(map(str, k[:4])))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_moments_are_those_of_the_result(kernel, shape):
    rng = np.random.default_rng(shape)
    rows, inputs, units = shape
    x, w, bias = normal(rng, rows, inputs), normal(rng, inputs, units), normal(rng, units)
    results = []
    for order in TARGETS:
        with products_by(order, *kernel):
            for activation in ("linear", "relu"):
                results.append(forward(x, w, bias, activation))
                check_moments(*results[-1])
    for mine, other in zip(results[:2], results[2:], strict=True):
        assert same_bits(mine[0], other[0])
        assert same_bits(mine[1], other[1])


@on_device
@pytest.mark.parametrize("units", [1024, 12 * 128])
def test_moments_by_the_larger_tiles_of_multiply_adds(units):
    rng = np.random.default_rng(units)
    x, w, bias = normal(rng, 1500, 3), normal(rng, 3, units), normal(rng, units)
    for order in TARGETS:
        with products_by(order, "simt", 0, 0, "ieee", 80):
            y, moments, part = forward(x, w, bias)
            assert part == (64 if units == 1024 else 128)
            check_moments(y, moments, part)


@on_device
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: "-".join(map(str, k[:4])))
def test_moments_far_from_zero_lose_nothing(kernel):
    rng = np.random.default_rng(3)
    x, w = normal(rng, 200, 8, scale=0.03), normal(rng, 8, 40)
    bias = (1e4 * (1.0 + rng.random(40))).astype(np.float32)
    for order in TARGETS:
        with products_by(order, *kernel):
            check_moments(*forward(x, w, bias), tolerance=1e-5)


@on_device
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: "-".join(map(str, k[:4])))
def test_moments_of_what_is_stored_in_bfloat16(kernel):
    rng = np.random.default_rng(4)
    x, w, bias = normal(rng, 140, 30), normal(rng, 30, 20), normal(rng, 20)
    for order in TARGETS:
        with products_by(order, *kernel):
            y, moments, part = forward(x, w, bias, rounded=True)
            bits = np.ascontiguousarray(y).view(np.uint32)
            stored = (bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000).astype(np.uint32).view(np.float32)
            check_moments(stored, moments, part)


@on_device
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: "-".join(map(str, k[:4])))
def test_what_is_not_finite_counts_as_what_is_stored(kernel):
    """The matrix units make NaN of a term that is nearly infinite; what takes its place is finite."""
    x, w = np.ones((129, 40), np.float32), np.zeros((40, 5), np.float32)
    w[3, 1], w[0, 4] = 1.0, np.inf
    x[128, 3] = 3.4e38
    with products_by(TARGETS[0], *kernel):
        y, moments, _ = forward(x, w, np.zeros(5, np.float32))
    assert y[128, 1] > 3e38
    assert (moments[:, -1, :4] == 0.0).all()  # of one row
    assert np.isnan(moments[:, 0, 4]).all()


def backward(x, dy, w):
    count = _core.dense_sums(len(x), *w.shape)[1]
    assert count > 0
    outputs = {"dw": w.shape, "squares": ((count,), np.float64)}
    found = execute(
        lambda o, i: _core.dense_backward(
            None, o.dw, None, None, i.dy, None, i.x, i.w, "linear", 0.0, squares=o.squares
        ),
        {"x": x, "w": w, "dy": dy},
        outputs,
    )
    return found["dw"], found["squares"]


PARTS = [("wgmma", 64, 3, "high", 90), ("wgmma", 128, 2, "medium", 90)]


@on_device
@pytest.mark.parametrize("kernel", KERNELS + PARTS, ids=lambda k: "-".join(map(str, k[:4])))
@pytest.mark.parametrize("shape", [*SHAPES, (7, 140, 33)], ids=str)
def test_squares_add_up_to_those_of_the_gradient(kernel, shape):
    rng = np.random.default_rng(shape)
    rows, inputs, units = shape
    x, w, dy = normal(rng, rows, inputs), normal(rng, inputs, units), normal(rng, rows, units)
    results = []
    for order in TARGETS:
        with products_by(order, *kernel):
            dw, squares = backward(x, dy, w)
        np.testing.assert_allclose(squares.sum(), (dw.astype(np.float64) ** 2).sum(), rtol=1e-13)
        results.append(squares)
    assert same_bits(*results)


@on_device
def test_squares_of_large_gradients_do_not_overflow():
    x, dy = np.full((1, 3), 1e18, np.float32), np.full((1, 4), 1e18, np.float32)
    for kernel in (*KERNELS, *PARTS):
        with products_by(TARGETS[0], *kernel):
            dw, squares = backward(x, dy, np.zeros((3, 4), np.float32))
            np.testing.assert_allclose(squares.sum(), (dw.astype(np.float64) ** 2).sum(), rtol=1e-13)


@on_device
@pytest.mark.parametrize("rows", [2, 33, 257, 700])
@pytest.mark.parametrize("kernel", [KERNELS[0], KERNELS[1], KERNELS[5]], ids=lambda k: k[0])
def test_batch_norm_from_moments(kernel, rows):
    rng = np.random.default_rng(rows)
    x, w = normal(rng, rows, 5), normal(rng, 5, 37)
    bias = (100.0 * normal(rng, 37)).astype(np.float32)
    gamma, beta = 1 + normal(rng, 37, scale=0.3), normal(rng, 37)
    for order in TARGETS:
        with products_by(order, *kernel):
            h, moments, part = forward(x, w, bias)
            found = execute(
                lambda o, i: _core.batch_norm_forward(
                    o.y, o.mean, o.variance, i.x, i.gamma, i.beta, 1e-3, "relu", 0.0, i.moments, i.part
                ),
                {"x": h, "gamma": gamma, "beta": beta, "moments": moments, "part": part},
                {"y": h.shape, "mean": (37,), "variance": (37,)},
            )
            y, _, mean, variance = reference.forward(h, gamma, beta, 1e-3, "relu")
            np.testing.assert_allclose(found["mean"], mean, rtol=1e-6)
            np.testing.assert_allclose(found["variance"], variance, rtol=1e-5)
            np.testing.assert_allclose(found["y"], y, rtol=0, atol=2e-5)


def test_plans_that_do_not_tell():
    y, x, w = np.zeros((4, 3), np.float32), np.ones((4, 2), np.float32), np.ones((2, 3), np.float32)
    if CUDA:
        choose(TARGETS[0], 90)
    else:
        with pytest.raises(ValueError, match=r"dense_forward\(\): argument 'moments': must be None"):
            _core.dense_forward(
                y, None, x, w, None, "linear", 0.0, True, moments=np.zeros((2, 1, 3), np.float32)
            )
        with pytest.raises(ValueError, match=r"dense_backward\(\): argument 'squares': must be None"):
            _core.dense_backward(
                None, w.copy(), None, None, y, None, x, w, "linear", 0.0, squares=np.zeros(1)
            )
        return
    try:
        _core.set_device_gemm("wgmma", 64, 2)
        _core.set_matmul_precision("high")
        assert _core.dense_sums(4, 1024, 3)[0] == 0  # nobody has a tile where parts of k are added
        assert _core.dense_sums(4, 1024, 3)[1] > 0
        assert _core.dense_sums(0, 2, 3)[0] == 0
        assert _core.dense_sums(4, 2, 0) == (0, 0)
    finally:
        _core.set_device_gemm("auto")
        _core.set_matmul_precision("highest")
        choose(None)
