"""More elements than the largest grid has threads: every thread walks on in strides of the grid."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, execute, normal, on_target

pytestmark = pytest.mark.skipif(not CUDA, reason="the CUDA kernels run in `make test-cuda`")

ROWS, COLS = 1100, 600
SHAPE = (ROWS, COLS)
OPCODES = _core.expression_opcodes()


def product_and_sum():
    return np.array(
        [
            (OPCODES["load"], 1, 0, 0, 0),
            (OPCODES["multiply"], 2, 1, 0, 0),
            (OPCODES["store"], 0, 2, 0, 0),
            (OPCODES["sum"], 1, 2, 0, 0),
        ],
        np.int32,
    )


MASK = (ROWS, (COLS + 15) // 16)
IMAGE = [20, 10, 3]
HALF = np.full(1, 0.5, np.float32)
# Outputs by name, and what makes the step of outputs o and inputs i: x, p (a row), q (two columns), mask.
CASES = {
    "dropout": (
        {"y": SHAPE, "mask": (MASK, np.uint16)},
        lambda o, i: _core.dropout_forward(o.y, o.mask, i.x, 0.3, "inverted", 5, 1),
    ),
    "spread dropout": (
        {"y": SHAPE, "mask": (MASK, np.uint16)},
        lambda o, i: _core.dropout_spread(o.y, o.mask, i.x, 0.3, "alpha", 5, 1, [20, 30], [20, 1], False),
    ),
    "dropout backward": (
        {"y": SHAPE},
        lambda o, i: _core.dropout_backward(o.y, i.x, i.mask, 0.3, "inverted"),
    ),
    "gaussian noise": ({"y": SHAPE}, lambda o, i: _core.gaussian_noise(o.y, i.x, 0.3, True, 5, 1)),
    "random normal": ({"y": (ROWS * COLS,)}, lambda o, i: _core.random_normal(o.y, 0.0, 1.0, 5, 1)),
    "random rows": ({"y": SHAPE}, lambda o, i: _core.random_rows(o.y, i.p, i.p2, 5, 1)),
    "transpose by squares": (
        {"y": SHAPE},
        lambda o, i: _core.transpose(o.y, i.x, [24, 25], [1, 0]),
    ),
    "transpose by elements": (
        {"y": SHAPE},
        lambda o, i: _core.transpose(o.y, i.x, [200, 3], [1, 0]),
    ),
    "standardize": ({"y": SHAPE}, lambda o, i: _core.standardize(o.y, i.x, i.p, i.p2, 0.1, False)),
    "concatenate": ({"y": (ROWS, 2 * COLS)}, lambda o, i: _core.concatenate(o.y, [i.x, i.x])),
    "columns": ({"y": (ROWS, 1)}, lambda o, i: _core.slice_columns(o.y, i.x, 2)),
    "columns back": ({"y": (ROWS, 2 * COLS)}, lambda o, i: _core.slice_columns_backward(o.y, i.x, 1)),
    "expression": (
        {"y": SHAPE},
        lambda o, i: _core.expression([o.y], [i.x], product_and_sum()[:3], HALF, ROWS, COLS),
    ),
    "long sums": (
        {"y": SHAPE, "sum": (ROWS, 1)},
        lambda o, i: _core.expression([o.y, o.sum], [i.x], product_and_sum(), HALF, ROWS, COLS),
    ),
    "entropy": ({"y": (ROWS,)}, lambda o, i: _core.monte_carlo_entropy(o.y, i.share, True)),
    "contrast": (
        {"y": SHAPE},
        lambda o, i: _core.image_color(o.y, i.x, None, i.q[:, :1].copy(), "contrast", IMAGE, -5.0, 5.0),
    ),
    "blur": (
        {"y": SHAPE},
        lambda o, i: _core.image_blur(o.y, i.x, i.chances, IMAGE, [3, 5], -5.0, 5.0),
    ),
    "warp": (
        {"y": SHAPE},
        lambda o, i: _core.image_warp(
            o.y, i.x, i.q[:, :2].copy(), None, "zoom", IMAGE, IMAGE[:2], "reflect", 0.0, False
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_as_on_the_cpu(case):
    outputs, build = CASES[case]
    rng = np.random.default_rng(0)
    inputs = {
        "x": normal(rng, *SHAPE),
        "p": normal(rng, COLS),
        "p2": np.abs(normal(rng, COLS)) + 3,
        "q": rng.uniform(0.1, 0.9, (ROWS, 2)).astype(np.float32),
        "chances": np.tile(np.array([1.0, 0.0, 1.5], np.float32), (ROWS, 1)),
        "share": rng.random(SHAPE).astype(np.float32),
        "mask": rng.integers(0, 2**16, MASK).astype(np.uint16),
    }
    expected = {
        name: np.zeros(*shape) if isinstance(shape[0], tuple) else np.zeros(shape, np.float32)
        for name, shape in outputs.items()
    }
    build(SimpleNamespace(**expected), SimpleNamespace(**inputs)).run()
    for target in TARGETS:
        with on_target(target):
            result = execute(build, inputs, outputs)
        for name, want in expected.items():
            np.testing.assert_allclose(result[name], want, rtol=1e-4, atol=1e-4, err_msg=f"{target} {name}")


def test_counting_what_is_not_finite():
    x = np.zeros(SHAPE, np.float32)
    x[7, 5] = x[1099, 599] = np.nan
    with on_target("descending"):
        assert tuple(_core.count_nonfinite(x)) == (2, 7 * COLS + 5)


def test_gather():
    x, order = normal(np.random.default_rng(1), *SHAPE), np.random.default_rng(2).permutation(ROWS)
    with on_target("descending"):
        feed, y = _core.Feed(), np.zeros(SHAPE, np.float32)
        feed.bind(x)
        _core.gather(y, feed, 1.0, 0.0).run(rows=order)
    np.testing.assert_array_equal(y, x[order])
