"""dropout_forward and dropout_backward: the mask bit for bit, on every target."""

import numpy as np
import pytest

from tests.ops.harness import SIZES, _core, check, normal, on_every_target
from tests.reference import dropout as reference

SEED = 0x123456789ABCDEF0
KINDS = ("inverted", "alpha")
RATES = (0.0, 0.1, 0.5, 0.875)


@pytest.mark.parametrize("cols", [*SIZES, 128, 129, 1000])
@pytest.mark.parametrize("rate", RATES)
def test_mask_and_values(cols, rate):
    rng = np.random.default_rng(cols)
    for rows in (1, 3, 34):
        x = normal(rng, rows, cols)
        for stream, step in ((0, 0), (3, 41), (7, 2**33 + 5)):
            keep = reference.kept(rows, cols, rate, SEED, stream, step)
            mask = reference.pack(keep)
            results = on_every_target(
                lambda o, i, stream=stream: _core.dropout_forward(
                    o.y, o.mask, i.x, rate, "inverted", SEED, stream
                ),
                {"x": x},
                {"y": x.shape, "mask": (mask.shape, np.uint16)},
                step=step,
            )
            for target, result in results.items():
                np.testing.assert_array_equal(result["mask"], mask, err_msg=target)
                np.testing.assert_array_equal(result["y"] != 0, keep & (x != 0), err_msg=target)
        for kind in KINDS:
            check(
                "dropout",
                lambda o, i, kind=kind: _core.dropout_forward(o.y, o.mask, i.x, rate, kind, SEED, 5),
                {"x": x},
                {"y": x.shape, "mask": (mask.shape, np.uint16)},
                {"y": reference.forward(x, reference.kept(rows, cols, rate, SEED, 5), rate, kind)},
                {"y": 4.0 + 2 * np.abs(x)},
            )


@pytest.mark.parametrize("cols", [1, 16, 33, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_that_tells_the_derivative_of_relu_too(cols, kind):
    rng = np.random.default_rng(cols)
    x = normal(rng, 34, cols)
    x[5], x[6], x[7] = 0.0, -0.0, np.nan
    words = ((34, -(-cols // 16)), np.uint16)

    def build(positive):
        return lambda o, i: _core.dropout_forward(o.y, o.mask, i.x, 0.3, kind, SEED, 2, positive)

    plain = on_every_target(build(False), {"x": x}, {"y": x.shape, "mask": words}, step=4)
    keep = reference.kept(34, cols, 0.3, SEED, 2, 4)
    for target, result in on_every_target(
        build(True), {"x": x}, {"y": x.shape, "mask": words}, step=4
    ).items():
        np.testing.assert_array_equal(result["y"], plain[target]["y"], err_msg=target)
        np.testing.assert_array_equal(result["mask"], reference.pack(keep & (x > 0)), err_msg=target)


SPREADS = [
    ((3, 5, 4), (3, 1, 4)),
    ((3, 5, 4), (1, 5, 4)),
    ((3, 5, 4), (3, 5, 1)),
    ((2, 40, 7), (2, 40, 1)),
    ((4, 3, 150), (4, 1, 150)),
    ((4, 2, 3, 33), (1, 2, 1, 33)),
    ((5, 17), (5, 1)),
    ((5, 17), (1, 1)),
    ((2, 6, 5), (2, 6, 5)),
]


@pytest.mark.parametrize(("shape", "noise_shape"), SPREADS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_shared_noise(shape, noise_shape, kind):
    x = normal(np.random.default_rng(shape), shape[0], int(np.prod(shape[1:])))
    keep = reference.spread(noise_shape, shape, 0.4, SEED, 3, step=9).reshape(x.shape)
    mask = reference.pack(keep)
    check(
        "dropout",
        lambda o, i: _core.dropout_spread(
            o.y, o.mask, i.x, 0.4, kind, SEED, 3, shape[1:], noise_shape[1:], noise_shape[0] == 1
        ),
        {"x": x},
        {"y": x.shape, "mask": (mask.shape, np.uint16)},
        {"y": reference.forward(x, keep, 0.4, kind), "mask": mask},
        {"y": 4.0 + 2 * np.abs(x)},
        step=9,
    )


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(rate):
    x = normal(np.random.default_rng(0), 512, 256)
    y = reference.forward(x, reference.kept(*x.shape, rate, SEED, 0), rate, "alpha")
    assert abs(y.mean()) < 4 * np.sqrt(1 / y.size)
    assert abs(y.var() - 1) < 0.02


@pytest.mark.parametrize("cols", SIZES)
def test_backward(cols):
    rng = np.random.default_rng(cols)
    for rows in (1, 3, 34):
        dy = normal(rng, rows, cols)
        keep = reference.kept(rows, cols, 0.3, SEED, 1)
        for kind in KINDS:
            check(
                "dropout",
                lambda o, i, kind=kind: _core.dropout_backward(o.dx, i.dy, i.mask, 0.3, kind),
                {"dy": dy, "mask": reference.pack(keep)},
                {"dx": dy.shape},
                {"dx": reference.backward(dy, keep, 0.3, kind)},
            )


def kept_by(seed, stream, step, shape=(512, 256), rate=0.25):
    y, x = np.empty(shape, np.float32), np.ones(shape, np.float32)
    mask = np.empty((shape[0], shape[1] // 16), np.uint16)
    _core.dropout_forward(y, mask, x, rate, "inverted", seed, stream).run(step=step)
    return y != 0


def test_frequency_and_independence():
    """131,072 draws: the share kept within 4 sigma; masks of other seed, stream, step uncorrelated."""
    shape, rate = (512, 256), 0.25
    n = shape[0] * shape[1]
    first = kept_by(1, 0, 0)
    assert abs(first.mean() - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / n)
    for other in (kept_by(2, 0, 0), kept_by(1, 1, 0), kept_by(1, 0, 1), kept_by(1 << 32, 0, 0)):
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(n)
    for lag in (1, 16, 128):
        assert abs(np.corrcoef(first[:, lag:].ravel(), first[:, :-lag].ravel())[0, 1]) < 5 / np.sqrt(n)
