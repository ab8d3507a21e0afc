"""The library's own exp, log, tanh and so on: errors in ULP, special values, the same bits on the FMA targets."""

import math

import numpy as np
import pytest

from tests.ops.harness import _core, on_every_target
from tests.reference.activation import sigmoid
from tests.tolerances import ULPS

COUNT = 2**18
TINY = np.finfo(np.float32).tiny
OPCODES = _core.expression_opcodes()
FUNCTIONS = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
}
SPECIAL = np.array(
    [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        1e-45,
        -1e-45,
        1.1754942e-38,
        -1.1754942e-38,
        3.4028235e38,
        -3.4028235e38,
    ],
    np.float32,
)


def single(y, x, name):
    """The expression that is one function of one operand."""
    code = [(OPCODES["load"], 1, 0, 0, 0), (OPCODES[name], 1, 1, 0, 0), (OPCODES["store"], 0, 1, 0, 0)]
    shape = (1, x.size)
    return _core.expression(
        [y.reshape(shape)], [x.reshape(shape)], np.array(code, np.int32), np.zeros(1, np.float32), *shape
    )


def inputs():
    """float32 values stratified over the bit patterns (one random pattern per stratum), then the special ones."""
    rng = np.random.default_rng(18)
    width = 2**32 // COUNT
    patterns = np.arange(COUNT, dtype=np.uint64) * width + rng.integers(0, width, COUNT, dtype=np.uint64)
    patterned = patterns.astype(np.uint32).view(np.float32)
    usual = rng.uniform(-104, 90, COUNT // 4).astype(np.float32)
    near_one = (1 + rng.uniform(-0.1, 0.1, COUNT // 8)).astype(np.float32)
    return np.concatenate([patterned, usual, near_one, SPECIAL])


def exact_values(name, x):
    """float64 values; the engine takes denormal arguments as zeros."""
    flushed = np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x)
    with np.errstate(all="ignore"):
        return FUNCTIONS[name](flushed.astype(np.float64))


def ulps(actual, exact):
    """Error in units of the last place of float32 at the exact value; the engine may return 0 for a denormal."""
    with np.errstate(over="ignore"):
        rounded = np.abs(exact.astype(np.float32))
    error = np.abs(actual.astype(np.float64) - exact) / np.spacing(np.maximum(rounded, TINY)).astype(
        np.float64
    )
    return np.where((np.abs(exact) < TINY) & (np.abs(actual) <= TINY), 0.0, error)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_ulp(name):
    x = inputs()
    exact = exact_values(name, x)
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    results = on_every_target(lambda o, i: single(o.y, i.x, name), {"x": x}, {"y": x.shape})
    for target, result in results.items():
        y = result["y"]
        np.testing.assert_array_equal(np.isnan(y), np.isnan(exact), err_msg=f"{target}: NaN")
        compared = np.isfinite(rounded) & np.isfinite(y)
        unequal = ~compared & ~np.isnan(exact) & (y != rounded)
        assert not unequal.any(), f"{target}: {name}({x[unequal][:4]}) = {y[unequal][:4]}"
        error = ulps(y[compared], exact[compared])
        worst = np.argmax(error)
        assert error[worst] <= ULPS[name], (
            f"{target}: {name}({x[compared][worst]!r}) = {y[compared][worst]!r}, {error[worst]:.2f} ulp"
        )


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "erf"])  # erf may fall by 1 ULP
def test_monotone(name):
    x = np.sort(inputs()[~np.isnan(inputs())])
    if name in ("log", "log1p"):
        x = x[x > (0 if name == "log" else -1)]
    results = on_every_target(lambda o, i: single(o.y, i.x, name), {"x": x}, {"y": x.shape})
    for target, result in results.items():
        steps = result["y"][1:] >= result["y"][:-1]
        where = np.flatnonzero(~steps)
        assert steps.all(), f"{target}: {name} falls between {x[where[:1]]} and {x[where[:1] + 1]}"


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("exp", 0.0, 1.0),
        ("exp", -0.0, 1.0),
        ("exp", -np.inf, 0.0),
        ("exp", np.inf, np.inf),
        ("log", 1.0, 0.0),
        ("log", 0.0, -np.inf),
        ("log", np.inf, np.inf),
        ("log1p", -1.0, -np.inf),
        ("tanh", np.inf, 1.0),
        ("tanh", -np.inf, -1.0),
        ("sigmoid", 0.0, 0.5),
        ("sigmoid", np.inf, 1.0),
        ("sigmoid", -np.inf, 0.0),
        ("tanh", -0.0, -0.0),
        ("tanh", 0.0, 0.0),
        ("log1p", -0.0, -0.0),
        ("log1p", 0.0, 0.0),
        ("expm1", -0.0, -0.0),
        ("expm1", -np.inf, -1.0),
        ("expm1", np.inf, np.inf),
        ("erf", -0.0, -0.0),
        ("erf", -np.inf, -1.0),
        ("erf", np.inf, 1.0),
    ],
)
def test_exact_values(name, x, y):
    values = np.full(33, x, np.float32)
    results = on_every_target(lambda o, i: single(o.y, i.x, name), {"x": values}, {"y": values.shape})
    for target, result in results.items():
        np.testing.assert_array_equal(result["y"], np.float32(y), err_msg=target)
        np.testing.assert_array_equal(np.signbit(result["y"]), np.signbit(np.float32(y)), err_msg=target)
