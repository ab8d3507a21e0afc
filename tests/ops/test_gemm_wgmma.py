"""Products by wgmma: on the emulated device, which is then taken for sm_90a, and on a GPU that is one."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, choose, execute, normal
from tests.ops.test_gemm_device import ERRORS, PRODUCTS, dense
from tests.reference import dropout

pytestmark = pytest.mark.skipif(not CUDA, reason="the CUDA kernels run in `make test-cuda`")
TILES = [
    ("medium", 64),
    ("medium", 128),
    ("medium", 256),
    ("high", 64),
    ("high", 128),
    ("x6", 64),
    ("x6", 128),
]


@pytest.fixture
def wgmma():
    """Chooses precision, width of tiles and parts of k."""
    before = _core.matmul_precision()

    def use(precision, cols=0, parts=0):
        _core.set_matmul_precision(precision)
        _core.set_device_gemm("wgmma", cols, parts)

    yield use
    _core.set_matmul_precision(before)
    _core.set_device_gemm("auto")


def whole(rng, *shape):
    """Small integers: every product and sum of them is exact at every precision."""
    return rng.integers(-8, 9, shape).astype(np.float32)


def backward(order, x, w, dy, mask=None):
    """With a mask dx is that behind dropout at rate 0.5 of a ReLU whose output is x."""
    choose(order, architecture=90)
    try:
        below = {} if mask is None else {"below_rate": 0.5, "below_activation": "relu"}
        build = lambda o, i: _core.dense_backward(  # noqa: E731
            o.dx, o.dw, o.dbias, None, i.dy, None, i.x, i.w, "linear", 0.0,
            below_mask=i.mask, below_saved=None if mask is None else i.x, **below,
        )  # fmt: skip
        outputs = {"dx": x.shape, "dw": w.shape, "dbias": (w.shape[1],)}
        return execute(build, {"x": x, "w": w, "dy": dy, "mask": mask}, outputs)
    finally:
        choose(None)


@pytest.mark.parametrize(("precision", "cols"), TILES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 9, 5), (65, 33, 127), (130, 129, 200), (140, 300, 260)])
def test_forward_is_exact_on_integers(wgmma, precision, cols, shape):
    wgmma(precision, cols)
    rng = np.random.default_rng(shape)
    x, w, bias = whole(rng, shape[0], shape[1]), whole(rng, shape[1], shape[2]), whole(rng, shape[2])
    for order in TARGETS:
        np.testing.assert_array_equal(dense(order, x, w, bias, architecture=90), x @ w + bias)
        relu = dense(order, x, w, bias, "relu", architecture=90, offset=4)
        np.testing.assert_array_equal(relu, np.maximum(x @ w + bias, 0))


@pytest.mark.parametrize(("precision", "cols"), TILES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (9, 5, 31), (33, 130, 70), (200, 129, 64)])
def test_backward_is_exact_on_integers(wgmma, precision, cols, shape):
    wgmma(precision, cols)
    rows, inputs, units = shape
    rng = np.random.default_rng(shape)
    x, w, dy = whole(rng, rows, inputs), whole(rng, inputs, units), whole(rng, rows, units)
    for order in TARGETS:
        found = backward(order, x, w, dy)
        np.testing.assert_array_equal(found["dx"], dy @ w.T)
        np.testing.assert_array_equal(found["dw"], x.T @ dy)
        np.testing.assert_array_equal(found["dbias"], dy.sum(axis=0))


@pytest.mark.parametrize(("precision", "cols", "parts"), [*((*tile, 0) for tile in TILES), ("high", 64, 3)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (9, 5, 31), (33, 130, 270), (200, 129, 64)])
def test_dropout_and_relu_below_are_in_the_product(wgmma, precision, cols, parts, shape):
    wgmma(precision, cols, parts)
    rows, inputs, units = shape
    rng = np.random.default_rng(shape)
    x, w, dy = whole(rng, rows, inputs), whole(rng, inputs, units), whole(rng, rows, units)
    keep = rng.integers(0, 2, x.shape).astype(bool)
    for order in TARGETS:
        found = backward(order, x, w, dy, dropout.pack(keep))
        np.testing.assert_array_equal(found["dx"], 2 * (dy @ w.T) * keep * (x > 0))


@pytest.mark.parametrize("parts", [2, 3, 5])
@pytest.mark.parametrize("precision", PRODUCTS)
def test_parts_of_k_add_up(wgmma, precision, parts):
    wgmma(precision, 64, parts)
    rng = np.random.default_rng(parts)
    x, w, bias = whole(rng, 70, 333), whole(rng, 333, 67), whole(rng, 67)
    for order in TARGETS:
        found = dense(order, x, w, bias, "relu", architecture=90)
        np.testing.assert_array_equal(found, np.maximum(x @ w + bias, 0))
    _core.set_device_gemm("wgmma", 64, parts)
    assert f"k in {parts} parts" in _core.device_gemm_plan(70, 67, 333)


@pytest.mark.parametrize("precision", PRODUCTS)
@pytest.mark.parametrize("parts", [1, 3])
def test_errors_are_those_of_the_terms_and_bits_repeat(wgmma, precision, parts):
    wgmma(precision, 128, parts)
    rng = np.random.default_rng(3)
    x, w, bias = normal(rng, 131, 700), normal(rng, 700, 130), normal(rng, 130)
    exact = x.astype(np.float64) @ w.astype(np.float64) + bias
    size = np.abs(x).astype(np.float64) @ np.abs(w).astype(np.float64) + np.abs(bias)
    results = [dense(order, x, w, bias, architecture=90) for order in TARGETS]
    assert (np.abs(results[0] - exact) <= ERRORS[precision] * size).all()
    np.testing.assert_array_equal(results[0], results[1])


def test_six_products_are_no_less_exact_than_multiply_adds(wgmma):
    rng = np.random.default_rng(0)
    x, w, bias = normal(rng, 40, 1500), normal(rng, 1500, 40), np.zeros(40, np.float32)
    exact = x.astype(np.float64) @ w.astype(np.float64)
    errors = {}
    for name in ("x6", "ieee"):
        wgmma(name)
        errors[name] = np.linalg.norm(dense(TARGETS[0], x, w, bias, architecture=90) - exact)
    assert errors["x6"] <= errors["ieee"]


@pytest.mark.parametrize("precision", PRODUCTS)
@pytest.mark.parametrize("parts", [1, 2])
def test_special_values_mean_what_they_mean_to_mma(wgmma, precision, parts):
    rng = np.random.default_rng(1)
    x, w, bias = normal(rng, 70, 90), normal(rng, 90, 40), np.zeros(40, np.float32)
    x[0, 3], x[1, 4], x[2, 5], x[3] = np.inf, np.nan, 3.4e38, 1e-41
    w[3, 1], w[3, 2], w[7, 5], w[8] = -1.0, 0.0, -np.inf, 1e-39
    wgmma(precision, 64, parts)
    found = dense(TARGETS[0], x, w, bias, architecture=90)
    _core.set_device_gemm("mma")
    expected = dense(TARGETS[0], x, w, bias, architecture=90)
    same = ~np.isfinite(expected)
    np.testing.assert_array_equal(found[same], expected[same])
    assert same[:, 5].all()
    assert same[:2].all()
    np.testing.assert_allclose(found[~same], expected[~same], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", ["highest", *PRODUCTS])
def test_a_row_of_a_prediction_does_not_depend_on_the_others(wgmma, precision):
    _core.set_matmul_precision(precision)
    rng = np.random.default_rng(2)
    x, w, bias = normal(rng, 150, 300), normal(rng, 300, 70), normal(rng, 70)
    whole_batch = dense(TARGETS[0], x, w, bias, architecture=90, training=False)
    for rows in (1, 40, 129):
        part = dense(TARGETS[1], x[:rows], w, bias, architecture=90, training=False)
        np.testing.assert_array_equal(part, whole_batch[:rows])
