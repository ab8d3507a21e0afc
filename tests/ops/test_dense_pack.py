"""Weights packed once for many products on matrix units: the bits of products that pack them themselves."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, _core, normal, same_bits
from tests.ops.test_gemm_amx import SPECIAL, special

pytestmark = pytest.mark.skipif(bool(CUDA), reason="the CPU's matrix units")

PRECISIONS = {"x6": 3, "high": 2, "medium": 1}  # and the bfloat16 terms of a weight
# Rows, inputs, units around tiles of 16 and squares of 32; beyond one pass of terms and one block of columns.
SHAPES = ((1, 1, 1), (5, 31, 3), (33, 33, 15), (40, 129, 70), (34, 300, 130), (17, 64, 300))
LARGE = ((20, 2600, 33), (17, 40, 1500), (300, 500, 60))


def room(inputs, units, terms):
    """Memory for a form, at a multiple of 64, full of what no weight is, and what lies behind it."""
    size = _core.dense_packed_bytes(inputs, units, terms)
    raw = np.full(size + 128, 0xFF, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size], raw[start + size :]


def packed(w, terms):
    """Both forms of the weights."""
    forms, ends = zip(*(room(*w.shape, terms) for _ in range(2)), strict=True)
    _core.dense_pack(*forms, w, terms).run()
    assert all((end == 0xFF).all() for end in ends)
    return forms


def products(x, w, dy, forward=None, backward=None):
    """x w with bias and relu, dy w^T as it is, and times a mask and the derivative of relu."""
    rng = np.random.default_rng(len(x))
    bias, y = normal(rng, w.shape[1]), np.empty((len(x), w.shape[1]), np.float32)
    _core.dense_forward(y, None, x, w, bias, "relu", 0.0, training=True, packed=forward).run()
    plain, sloped = np.empty_like(x), np.empty_like(x)
    _core.dense_backward(plain, None, None, None, dy, None, x, w, "linear", 0.0, packed=backward).run()
    mask = rng.integers(0, 1 << 16, (len(x), -(-x.shape[1] // 16))).astype(np.uint16)
    _core.dense_backward(
        sloped, None, None, None, dy, None, x, w, "linear", 0.0, mask, 0.25, "inverted", x, "relu", 0.0,
        packed=backward,
    ).run()  # fmt: skip
    return y, plain, sloped


def operands(rows, inputs, units, make=normal):
    rng = np.random.default_rng([rows, inputs, units])
    return normal(rng, rows, inputs), make(rng, inputs, units), normal(rng, rows, units)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_bits_are_those_of_weights_packed_by_the_product(units, shape, precision, threads):
    x, w, dy = operands(*shape)
    _core.set_matmul_precision(precision)
    _core.set_num_threads(threads)
    forms = packed(w, PRECISIONS[precision])
    for found, expected in zip(products(x, w, dy, *forms), products(x, w, dy), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_several_passes_and_blocks(units, shape):
    x, w, dy = operands(*shape)
    _core.set_matmul_precision("high")
    _core.set_num_threads(2)
    for found, expected in zip(products(x, w, dy, *packed(w, 2)), products(x, w, dy), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_special_values_are_put_right(units, precision):
    """Also one value alone, far from where a worker's columns begin."""
    _core.set_matmul_precision(precision)
    _core.set_num_threads(2)
    x, w, dy = operands(20, 70, 90, special)
    cases = [w]
    for value in SPECIAL:
        alone = operands(20, 70, 90)[1]
        alone[37, 55] = value
        cases.append(alone)
    for weights in cases:
        forms = packed(weights, PRECISIONS[precision])
        for found, expected in zip(products(x, weights, dy, *forms), products(x, weights, dy), strict=True):
            assert same_bits(found, expected)


def test_products_read_what_was_packed(units):
    """Not the weights beside it, which only put right what has no bfloat16 terms."""
    x, w, dy = operands(33, 50, 70)
    _core.set_matmul_precision("medium")
    other = np.ascontiguousarray(w[::-1])
    for found, expected in zip(products(x, w, dy, *packed(other, 1)), products(x, other, dy), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_one_form_alone(units):
    x, w, dy = operands(33, 50, 70)
    _core.set_matmul_precision("high")
    both = packed(w, 2)
    for index in range(2):
        form, _ = room(50, 70, 2)
        _core.dense_pack(*[form if i == index else None for i in range(2)], w, 2).run()
        np.testing.assert_array_equal(form[-64:], both[index][-64:])
        given = [form if i == index else None for i in range(2)]
        for found, expected in zip(products(x, w, dy, *given), products(x, w, dy), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_terms_are_those_of_the_plan(units):
    for precision, terms in (("medium", 1), ("high", 2), ("x6", 3), ("ieee", 0)):
        _core.set_matmul_precision(precision)
        for backward in (False, True):
            assert _core.dense_terms(64, 100, 100, backward=backward, training=True) == terms
            assert _core.dense_terms(64, 100, 100, backward=backward, bfloat16=True) == 1
    _core.set_matmul_precision("highest")
    assert _core.dense_terms(256, 1024, 1024, training=True) == 3
    assert _core.dense_terms(256, 1024, 1024) == 0  # a prediction: its rows may vary
    assert _core.dense_terms(256, 1024, 10, training=True) == 0


def test_what_does_not_fit_is_refused(units):
    x, w, dy = operands(8, 40, 50)
    _core.set_matmul_precision("medium")
    forward, backward = packed(w, 1)
    y = np.zeros((8, 50), np.float32)
    beside = room(40, 50, 2)[0][32 : 32 + len(forward)]
    for wrong, message in (
        (forward[:-1], "expected shape"),
        (beside, "must begin at a multiple of 64 bytes"),
        (forward.astype(np.float32), "expected dtype uint8, got float32"),
    ):
        with pytest.raises(
            (TypeError, ValueError), match=rf"dense_forward\(\): argument 'packed': {message}"
        ):
            _core.dense_forward(y, None, x, w, None, "linear", 0.0, training=True, packed=wrong)
        with pytest.raises((TypeError, ValueError), match=r"dense_pack\(\): argument 'forward'"):
            _core.dense_pack(wrong, None, w, 1)
    with pytest.raises(ValueError, match=r"dense_pack\(\): argument 'terms'"):
        _core.dense_pack(forward, None, w, 4)
    _core.set_matmul_precision("high")
    with pytest.raises(ValueError, match="argument 'packed': expected shape"):
        _core.dense_forward(y, None, x, w, None, "linear", 0.0, training=True, packed=forward)
    _core.set_matmul_precision("ieee")
    with pytest.raises(ValueError, match="argument 'packed': must be None: the product is one of float32"):
        _core.dense_forward(y, None, x, w, None, "linear", 0.0, training=True, packed=forward)
    with pytest.raises(ValueError, match="argument 'packed': must be None: the product is one of float32"):
        _core.dense_backward(0 * x, None, None, None, dy, None, x, w, "linear", 0.0, packed=backward)
    assert not y.any()


def test_without_matrix_units_nothing_is_packed():
    before = _core.cpu_target()
    try:
        for target in set(_core.cpu_targets()) - {"amx"}:
            _core.set_cpu_target(target)
            assert _core.dense_terms(256, 1024, 1024, training=True) == 0
            with pytest.raises(ValueError, match=f"is not packed on the CPU target '{target}'"):
                _core.dense_pack(None, None, np.zeros((3, 3), np.float32), 1)
    finally:
        _core.set_cpu_target(before)
