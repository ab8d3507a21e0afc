"""Products of bfloat16 terms on the matrix units: on the model of AMX everywhere, on AMX where the machine has it."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.ops.harness import CUDA, MATRIX_UNITS, _core, normal, same_bits
from tests.ops.test_gemm import forward, three_ways
from tests.reference import bf16

pytestmark = pytest.mark.skipif(
    bool(CUDA), reason="the CPU's matrix units; the device has test_gemm_device.py"
)

PRECISIONS = {"x6": 6, "high": 3, "medium": 1}
# m, n, k around tiles of 16 and squares of 32, and beyond one pass of terms and one block of rows.
SHAPES = ((1, 1, 1), (5, 3, 31), (16, 17, 32), (33, 15, 33), (32, 48, 65), (40, 70, 129), (130, 34, 300))
LARGE = ((300, 20, 2600), (700, 33, 500), (17, 1500, 40))


def every_way(a, b):
    """a b as a forward pass, whose chains matrix units do not know, and as the two gradients."""
    return [forward(a, b, training=True), *list(three_ways(a, b))[-2:]]


def multiplied(a, b, precision, training=True):
    _core.set_matmul_precision(precision)
    return forward(a, b, training=training)


def every_exponent(rng, shape, low, high):
    """Random signs, exponents and mantissas."""
    bits = rng.integers(0, 1 << 23, shape) | (rng.integers(low + 127, high + 128, shape) << 23)
    return (bits | rng.integers(0, 2, shape) << 31).astype(np.uint32).view(np.float32)


def test_a_product_with_one_shows_the_terms(units):
    x = every_exponent(np.random.default_rng(0), (64, 32), -90, 126)
    x[0, :7] = [0.0, 1.0, -1.0, 1.00390625, 1.01171875, -3e38, 1 + 2.0**-23]
    one = np.eye(32, dtype=np.float32)
    np.testing.assert_array_equal(multiplied(x, one, "medium"), bf16.rounded(x))
    np.testing.assert_array_equal(multiplied(x, one, "high"), np.add(*bf16.split(x, 2)))
    np.testing.assert_array_equal(multiplied(x, one, "x6"), x)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_bits_are_those_of_the_scalar_model(units, shape, precision):
    m, n, k = shape
    rng = np.random.default_rng(shape)
    a, b = normal(rng, m, k), normal(rng, k, n) * np.float32(2.0) ** rng.integers(-9, 9, (k, 1))
    b = b.astype(np.float32)
    _core.set_matmul_precision(precision)
    expected = bf16.product(a, b, PRECISIONS[precision])
    for found in every_way(a, b):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_every_path_has_the_same_bits(units, shape, precision):
    m, n, k = shape
    rng = np.random.default_rng(shape)
    a, b = normal(rng, m, k), normal(rng, k, n)
    _core.set_matmul_precision(precision)
    rows, columns = slice(m - 3, m), slice(n - 5, n)
    expected = bf16.product(a[rows], b[:, columns], PRECISIONS[precision])
    first, *others = every_way(a, b)
    np.testing.assert_array_equal(first[rows, columns], expected)
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_the_model_is_the_machine():
    """Everything at once, special values included, on AMX and on its model."""
    if len(MATRIX_UNITS) < 2:
        pytest.skip("needs AMX")
    rng = np.random.default_rng(5)
    before = _core.cpu_target()
    try:
        for shape, precision in itertools.product((*SHAPES, *LARGE), PRECISIONS):
            m, n, k = shape
            for a in (normal(rng, m, k), every_exponent(rng, (m, k), -126, 127), special(rng, m, k)):
                b, results = every_exponent(rng, (k, n), -60, 60), []
                for target in MATRIX_UNITS:
                    _core.set_cpu_target(target)
                    results.append(multiplied(a, b, precision))
                assert same_bits(*results), (shape, precision)
    finally:
        _core.set_cpu_target(before)
        _core.set_matmul_precision("highest")


def error(c, a, b):
    """The error against float64 relative to the sum of the terms' magnitudes: its root mean square."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(np.sqrt(np.mean(((c - a @ b) / (np.abs(a) @ np.abs(b))) ** 2)))


def scaled(rng, lines, terms, scale, ill):
    """Normal numbers times `scale`; where `ill`, also lines or terms of very different size."""
    spread = 2.0 ** rng.integers(-12, 13, max(lines, terms))
    lines_by, terms_by = (
        spread[:lines, None] if "lines" in ill else 1,
        spread[:terms] if "terms" in ill else 1,
    )
    return (rng.standard_normal((lines, terms)) * scale * lines_by * terms_by).astype(np.float32)


def plain_error(a, b):
    """Of float32 multiply-adds in one chain, the plainest there are; long forward products have several chains."""
    _core.set_matmul_precision("ieee")
    return max(error(c, a, b) for c in every_way(a, b))


# Where single terms outweigh all others, multiply-adds err by one rounding: only longer sums are compared then.
@pytest.mark.parametrize("ill", ["", "lines", "terms"])
@pytest.mark.parametrize("scales", [(1, 1), (1e30, 1e-30), (1e-30, 1), (1e-20, 1e-15), (1e18, 1e12)], ids=str)
@pytest.mark.parametrize("shape", [(64, 48, 32), (33, 40, 64), (40, 33, 200), (64, 64, 1000)], ids=str)
def test_six_products_are_no_less_exact_than_multiply_adds(units, shape, scales, ill):
    m, n, k = shape if ill != "terms" else (shape[0], shape[1], max(shape[2], 200))
    rng = np.random.default_rng([m, n, k])
    a = scaled(rng, m, k, scales[0], ill)
    b = scaled(rng, n, k, scales[1], ill).T.copy()
    plain = plain_error(a, b)
    assert error(multiplied(a, b, "x6"), a, b) <= plain
    _core.set_matmul_precision("highest")
    for c in every_way(a, b):
        assert error(c, a, b) <= plain


def test_the_default_is_no_less_exact_than_multiply_adds(units):
    """Of all sizes, those included for which the plan chooses multiply-adds."""
    rng = np.random.default_rng(17)
    for m, n, k in itertools.product((1, 40, 300), (3, 64, 200), (1, 8, 31, 32, 100)):
        a, b = normal(rng, m, k), normal(rng, k, n)
        plain = plain_error(a, b)
        _core.set_matmul_precision("highest")
        assert all(error(c, a, b) <= plain for c in every_way(a, b)), (m, n, k)


@pytest.mark.parametrize(("precision", "most"), [("high", 5e-6), ("medium", 3e-3)])
def test_fewer_products_have_the_error_they_promise(units, precision, most):
    rng = np.random.default_rng(8)
    for m, n, k in ((33, 20, 40), (64, 64, 700)):
        a, b = normal(rng, m, k), normal(rng, k, n)
        exact = a.astype(np.float64) @ b
        found = np.linalg.norm(multiplied(a, b, precision) - exact) / np.linalg.norm(exact)
        assert most / 2 < found < most


SPECIAL = np.array(
    [np.inf, -np.inf, np.nan, 3.4028235e38, -3.3961775e38, 3.3e37, 1e-38, 1e-40, -(2.0**-110), 2.0**-103, 0.0],
    np.float32,
)  # fmt: skip


def special(rng, m, k):
    """Normal numbers with special ones strewn in, and NaN whose payload a carry could turn into zero."""
    x = normal(rng, m, k)
    places = rng.random((m, k)) < 0.02
    x[places] = rng.choice(SPECIAL, places.sum())
    x.view(np.uint32)[rng.random((m, k)) < 0.002] = 0x7FFFFFFF
    x.view(np.uint32)[rng.random((m, k)) < 0.002] = 0xFF800001
    return x


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("value", SPECIAL.tolist())
def test_special_values_mean_what_they_mean_in_float32(units, value, precision):
    """One special value in a or b: its row or column is as in float32, all else as it was without."""
    rng = np.random.default_rng(9)
    a, b = normal(rng, 40, 90), normal(rng, 90, 35)
    clean = multiplied(a, b, precision)
    row, column = np.zeros((40, 35), bool), np.zeros((40, 35), bool)
    row[19], column[:, 21] = True, True
    for hit, place in ((row, "a"), (column, "b")):
        c, d = a.copy(), b.copy()
        if place == "a":
            c[19, 7] = value
        else:
            d[7, 21] = value
        plain, found = multiplied(c, d, "ieee"), multiplied(c, d, precision)
        np.testing.assert_array_equal(found[~hit], clean[~hit])
        if not abs(value) < 3.3895e38:  # it has no bfloat16 terms: the very result of float32
            np.testing.assert_array_equal(found[hit], plain[hit])
        else:
            magnitude = np.abs(c).astype(np.float64) @ np.abs(d)
            allowed = {"x6": 1e-6, "high": 1.5e-5, "medium": 1e-2}[precision] * magnitude
            assert (np.abs(found - plain.astype(np.float64)) <= allowed)[hit].all()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_many_special_values_at_once(units, precision):
    """What is not finite in float32 is not here, and the other way round; all paths agree."""
    rng = np.random.default_rng(10)
    for m, n, k in ((33, 40, 50), (50, 17, 2600)):
        a, b = special(rng, m, k), normal(rng, k, n)
        _core.set_matmul_precision(precision)
        first, *others = every_way(a, b)
        plain = multiplied(a, b, "ieee")
        np.testing.assert_array_equal(np.isfinite(first), np.isfinite(plain))
        wild = ~np.isfinite(plain)
        assert wild.any()
        np.testing.assert_array_equal(first[wild], plain[wild])
        for other in others:
            np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_vanishes_in_bfloat16_does_not(units, precision):
    """Sums of tiny products, and of tiny numbers with huge ones, are those of float32 multiply-adds."""
    rng = np.random.default_rng(11)
    a = (normal(rng, 20, 40) * np.float32(1e-33)).astype(np.float32)
    for scale in (1.0, 1e-3, 1e30):
        b = normal(rng, 40, 30) * np.float32(scale)
        plain = multiplied(a, b, "ieee")
        found = multiplied(a, b, precision)
        if scale < 1e30:
            assert same_bits(found, plain)
        else:
            assert error(found, a, b) <= 1.01 * error(plain, a, b)


def test_zeros_are_not_computed_again(units):
    """Rows of zeros and sums that cancel give zeros, next to tiny numbers too."""
    rng = np.random.default_rng(12)
    a, b = normal(rng, 40, 64), normal(rng, 64, 40)
    a[5], a[6, ::2], b[1::2, 9], a[7, 3] = 0, 0, 0, 1e-36
    found, plain = multiplied(a, b, "x6"), multiplied(a, b, "ieee")
    assert not found[5].any()
    assert found[6, 9] == 0
    np.testing.assert_allclose(found, plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("precision", "training"), [*itertools.product(PRECISIONS, (False, True)), ("highest", False)]
)
def test_rows_do_not_depend_on_the_batch(units, precision, training):
    rng = np.random.default_rng(13)
    x, w = normal(rng, 200, 300), normal(rng, 300, 70)
    x[11, 3], x[12, 4] = np.inf, 1e-37
    whole = multiplied(x, w, precision, training)
    for rows in (1, 2, 16, 17, 33, 150):
        assert same_bits(multiplied(x[3 : 3 + rows], w, precision, training), whole[3 : 3 + rows]), rows


@pytest.mark.parametrize("precision", PRECISIONS)
def test_threads_do_not_change_a_bit(units, precision):
    rng = np.random.default_rng(14)
    before, results = _core.num_threads(), []
    try:
        for m, n, k in ((100, 200, 90), (300, 20, 64)):
            a, b = special(rng, m, k), normal(rng, k, n)
            _core.set_matmul_precision(precision)
            for threads in (1, 2, 3, 5):
                _core.set_num_threads(threads)
                results.append([*every_way(a, b)])
            for other in results[1:]:
                assert all(map(same_bits, results[0], other))
            results.clear()
    finally:
        _core.set_num_threads(before)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "gelu"])
def test_the_epilogue_is_the_activation_kernel(units, activation):
    rng = np.random.default_rng(15)
    _core.set_matmul_precision("high")
    for m, n, k in ((40, 50, 33), (7, 17, 2600)):
        x, w, bias = normal(rng, m, k), normal(rng, k, n), normal(rng, n)
        sums = forward(x, w, training=True) + bias
        y, expected = np.empty_like(sums), np.empty_like(sums)
        z = np.empty_like(sums) if _core.activation_saves(activation) == "input" else None
        _core.dense_forward(y, z, x, w, bias, activation, 0.0, True).run()
        _core.activation_forward(expected, sums, activation, 0.0).run()
        assert same_bits(y, expected)
        assert z is None or same_bits(z, sums)


@pytest.mark.parametrize(
    ("precision", "wide", "narrow"), [("high", "fma", "fma"), ("medium", "x1", "fma"), ("x6", "x6", "x6")]
)
def test_plans_of_predictions_do_not_look_at_the_rows(units, precision, wide, narrow):
    """They choose by what sixteen rows cost: one row would never pay for packing the weights."""
    _core.set_matmul_precision(precision)
    for columns, terms, expected in (
        (1024, 1024, wide),
        (300, 784, wide),
        (64, 64, narrow),
        (10, 100, narrow),
    ):
        plans = [_core.gemm_plan(m, columns, terms, rows_vary=True) for m in (1, 2, 16, 33, 256, 5000)]
        assert {plan.rpartition(", ")[2] for plan in plans} == {expected}


def test_plans_on_matrix_units(units):
    def products(*problem, **options):
        return _core.gemm_plan(*problem, **options).rpartition(", ")[2]

    assert products(256, 1024, 1024) == products(784, 300, 128, True) == "x6"
    assert products(256, 1024, 1024, rows_vary=True) == "fma"  # a prediction
    assert products(256, 1024, 31) == products(1, 300, 784) == products(128, 10, 100) == "fma"
    for precision, expected in (("ieee", "fma"), ("high", "x3"), ("medium", "x1"), ("x6", "x6")):
        _core.set_matmul_precision(precision)
        for problem in ((1, 1, 1), (256, 1024, 1024)):
            assert products(*problem) == expected
    plan = _core.gemm_plan(128, 300, 784, workers=2)
    assert plan.startswith("m=128 n=300 k=784: tile 32x32, blocks m 160 n 864 k 800, b copied and kept, ")


def test_other_targets_have_multiply_adds_alone():
    before = _core.cpu_target()
    try:
        for target in set(_core.cpu_targets()) - {"amx"}:
            _core.set_cpu_target(target)
            for precision in ("highest", "high", "medium", "ieee", "x6"):
                _core.set_matmul_precision(precision)
                assert _core.gemm_plan(256, 1024, 1024).endswith(", fma")
            assert _core.measure_matrix_peak() == 0
    finally:
        _core.set_cpu_target(before)
        _core.set_matmul_precision("highest")


def test_ieee_has_the_bits_of_the_other_targets(units):
    rng = np.random.default_rng(16)
    a, b = normal(rng, 70, 500), normal(rng, 500, 90)
    found = multiplied(a, b, "ieee")
    _core.set_cpu_target("avx2")
    assert same_bits(found, forward(a, b))


def test_amx_is_offered_where_it_runs():
    assert ("amx" in _core.cpu_targets()) == _core.matrix_units().startswith("AMX, bfloat16")
    assert "amx_model" not in _core.cpu_targets()
    if "amx" not in _core.cpu_targets():
        with pytest.raises(ValueError, match="'amx' is not a CPU target that this machine runs"):
            _core.set_cpu_target("amx")


def test_the_model_is_used_when_named():
    script = "from densor import _core; print(_core.cpu_target(), _core.gemm_plan(256, 1024, 1024)[-2:])"
    environment = os.environ | {"DENSOR_CPU_TARGET": "amx_model"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["amx_model", "x6"], done.stderr


def test_the_peak_is_measured(units):
    assert _core.measure_matrix_peak() > 0.1
