"""cast: float32 to bfloat16 and back, to the bit."""

import numpy as np
import pytest

from densor import ops
from tests.ops.harness import ROWS, SIZES, _core, normal, on_every_target
from tests.reference import cast as reference
from tests.reference.cast import STORED


def narrowed(x):
    results = on_every_target(lambda o, i: _core.cast(o.y, i.x), {"x": x}, {"y": (x.shape, STORED)})
    return {target: result["y"].view(np.uint16) for target, result in results.items()}


def widened(x):
    results = on_every_target(lambda o, i: _core.cast(o.y, i.x), {"x": x}, {"y": x.shape})
    return {target: result["y"] for target, result in results.items()}


@pytest.mark.parametrize("cols", SIZES)
def test_rounds_to_nearest(cols):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        x = normal(rng, rows, cols) * np.float32(10.0) ** rng.integers(-30, 30, (rows, cols))
        x = x.astype(np.float32)
        for target, y in narrowed(x).items():
            np.testing.assert_array_equal(y, reference.narrow(x).view(np.uint16), err_msg=target)


def test_every_bfloat16_survives():
    bits = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    wide = reference.widen(bits)
    numbers = ~np.isnan(wide)
    for target, y in widened(bits.view(STORED)).items():
        np.testing.assert_array_equal(y.view(np.uint32), wide.view(np.uint32), err_msg=target)
    for target, y in narrowed(wide).items():
        np.testing.assert_array_equal(y[numbers], bits[numbers], err_msg=target)
        assert np.isnan(reference.widen(y)[~numbers]).all(), target


def test_ties_go_to_even_and_what_is_too_large_to_infinity():
    one, next_to_one = 0x3F80, 0x3F81
    halves = np.array([[one << 16 | 0x8000, next_to_one << 16 | 0x8000, one << 16 | 0x8001]], np.uint32)
    limits = np.array([[0x7F7F7FFF, 0x7F7F8000, 0xFF7FFFFF]], np.uint32)
    for target, y in narrowed(np.concatenate([halves, limits]).view(np.float32)).items():
        assert y.tolist() == [[one, one + 2, one + 1], [0x7F7F, 0x7F80, 0xFF80]], target


def test_nan_stays_nan_whatever_its_bits():
    x = np.array([[0x7F800001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF]], np.uint32).view(np.float32)
    for target, y in narrowed(x).items():
        assert np.isnan(reference.widen(y)).all(), target


def test_cast_of_arrays():
    x = np.float32([[1.00390625, -3.0e38, np.inf]])
    np.testing.assert_array_equal(ops.cast(x, "bfloat16"), reference.forward(x))
    assert ops.cast(1.00390625, "bfloat16") == 1.0


@pytest.mark.parametrize(("y", "x"), [(np.float32, np.float32), (STORED, STORED), (np.float32, np.uint16)])
def test_one_is_float32_and_the_other_bfloat16(y, x):
    with pytest.raises(
        TypeError, match=r"^cast\(\): argument '[xy]': expected dtype (bfloat16|float32), got "
    ):
        _core.cast(np.zeros((2, 3), y), np.zeros((2, 3), x))
