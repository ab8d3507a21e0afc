"""Matrix products of the CUDA side: the plan on every machine; the kernels where they run on the processor."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, choose, execute, normal

on_device = pytest.mark.skipif(not CUDA, reason="the CUDA kernels run in `make test-cuda`")
PRODUCTS = {"medium": 1, "high": 3, "x6": 6}
# Largest error of an element, in units of |a| |b|: eight bits; eleven; seventeen; a float32 sum of k terms.
ERRORS = {"medium": 2.0**-7, "tf32": 2.0**-10, "high": 2.0**-15, "x6": 2.0**-22, "ieee": 2.0**-20}


@pytest.fixture
def precision():
    before = _core.matmul_precision()
    yield _core.set_matmul_precision
    _core.set_matmul_precision(before)


def test_plans_follow_architecture_and_precision(precision):
    large, small = (4096, 1024, 1024), (32, 300, 784)
    precision("highest")
    assert "6 products" in _core.device_gemm_plan(*large, architecture=90)
    assert "6 products" in _core.device_gemm_plan(*large, architecture=80)
    assert "multiply-adds" in _core.device_gemm_plan(*large, architecture=75)
    assert "multiply-adds" in _core.device_gemm_plan(*small)
    precision("ieee")
    assert "multiply-adds" in _core.device_gemm_plan(*large)
    for name in ("high", "x6"):
        precision(name)
        assert "by wgmma" in _core.device_gemm_plan(*large, architecture=90)
        for other in (80, 86, 89, 100):
            assert _core.device_gemm_plan(*large, architecture=other).endswith("terms, tile 128x64")
    precision("high")
    assert "parts" in _core.device_gemm_plan(512, 512, 16384)  # few tiles, many terms
    assert "parts" not in _core.device_gemm_plan(16384, 4096, 4096)
    precision("medium")
    assert "tile 128x256" in _core.device_gemm_plan(8192, 8192, 8192)
    precision("tf32")
    assert _core.device_gemm_plan(*large, architecture=80).endswith(": TF32, tile 128x64")
    assert "multiply-adds" in _core.device_gemm_plan(*large, architecture=75)
    for name, products in PRODUCTS.items():
        precision(name)
        assert "by wgmma" not in _core.device_gemm_plan(0, 5, 5)  # it takes nothing that is empty
        assert f": {products} product" in _core.device_gemm_plan(*small)


def dense(order, x, w, bias, activation="linear", architecture=80, offset=0, training=True):
    choose(order, architecture)
    try:
        inputs = {"x": x, "w": w, "bias": bias}
        build = lambda o, i: _core.dense_forward(  # noqa: E731
            o.y, None, i.x, i.w, i.bias, activation, 0.0, training=training
        )
        return execute(build, inputs, {"y": (len(x), w.shape[1])}, offset)["y"]
    finally:
        choose(None)


@on_device
@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (31, 17, 65), (128, 32, 64), (130, 300, 70), (257, 129, 67)])
def test_forward_is_as_exact_as_its_terms(precision, name, shape):
    precision(name)
    rng = np.random.default_rng(shape)
    x, w, bias = normal(rng, shape[0], shape[1]), normal(rng, shape[1], shape[2]), normal(rng, shape[2])
    exact = x.astype(np.float64) @ w.astype(np.float64) + bias
    size = np.abs(x).astype(np.float64) @ np.abs(w).astype(np.float64) + np.abs(bias)
    results = [dense(order, x, w, bias) for order in TARGETS]
    assert (np.abs(results[0] - exact) <= ERRORS[name] * size).all()
    assert np.array_equal(results[0], results[1])


@on_device
def test_six_products_are_no_less_exact_than_multiply_adds(precision):
    rng = np.random.default_rng(0)
    x, w, bias = normal(rng, 40, 1500), normal(rng, 1500, 40), np.zeros(40, np.float32)
    exact = x.astype(np.float64) @ w.astype(np.float64)
    errors = {}
    for name in ("x6", "ieee"):
        precision(name)
        errors[name] = np.linalg.norm(dense(TARGETS[0], x, w, bias) - exact)
    assert errors["x6"] <= errors["ieee"]


@on_device
@pytest.mark.parametrize("name", ERRORS)
def test_what_is_not_finite_keeps_its_meaning(precision, name):
    precision(name)
    x, w = np.ones((3, 40), np.float32), np.ones((40, 5), np.float32)
    x[0, 3], x[1, 4], x[2, 5] = np.inf, np.nan, 3.4e38
    w[3, 1] = -1.0
    w[3, 2] = 0.0
    y = dense(TARGETS[0], x, w, np.zeros(5, np.float32))
    assert y[0, 0] == np.inf
    assert y[0, 1] == -np.inf
    assert np.isnan(y[0, 2])
    assert np.isnan(y[1]).all()
    np.testing.assert_allclose(y[2], 3.4e38, rtol=2.0**-11 if name == "tf32" else 1e-6)


@on_device
@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("shape", [(5, 33, 17), (130, 65, 70)])
def test_backward_products_of_every_transposition(precision, name, shape):
    precision(name)
    rows, inputs, units = shape
    rng = np.random.default_rng(shape)
    x, w, dy = normal(rng, rows, inputs), normal(rng, inputs, units), normal(rng, rows, units)
    choose(TARGETS[1])
    try:
        build = lambda o, i: _core.dense_backward(  # noqa: E731
            o.dx, o.dw, o.dbias, None, i.dy, None, i.x, i.w, "linear", 0.0
        )
        outputs = {"dx": x.shape, "dw": w.shape, "dbias": (units,)}
        result = execute(build, {"x": x, "w": w, "dy": dy}, outputs)
    finally:
        choose(None)
    for found, a, b in ((result["dx"], dy, w.T), (result["dw"], x.T, dy)):
        exact = a.astype(np.float64) @ b.astype(np.float64)
        size = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
        assert (np.abs(found - exact) <= ERRORS[name] * size).all()
