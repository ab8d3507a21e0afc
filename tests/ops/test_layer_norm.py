"""layer_norm_forward and layer_norm_backward, every kind, against their definitions."""

import numpy as np
import pytest

from tests.ops.harness import SIZES, TARGETS, _core, check, normal, on_every_target, on_target
from tests.reference import layer_norm as reference

EPSILON = {"layer": 1e-3, "rms": 1e-6, "unit": 1e-12}
ROWS = (1, 2, 33, 257)


def case(rows, cols, groups=1, inner=None):
    rng = np.random.default_rng([rows, cols, groups])
    inner = inner or cols
    x, dy = normal(rng, rows, cols, scale=2.0) + 0.5, normal(rng, rows, cols)
    return x, dy, 1.0 + 0.3 * normal(rng, groups, inner), normal(rng, groups, inner)


def forward(x, gamma, beta, kind):
    mean, inverse = reference.statistics(x, EPSILON[kind], kind)
    saved = np.stack([mean, np.zeros(len(x)), inverse], axis=1)
    check(
        "layer_norm",
        lambda o, i: _core.layer_norm_forward(o.y, o.statistics, i.x, i.gamma, i.beta, EPSILON[kind], kind),
        {"x": x, "gamma": gamma, "beta": beta},
        {"y": x.shape, "statistics": saved.shape},
        {"y": reference.forward(x, gamma, beta, EPSILON[kind], kind), "statistics": saved},
    )


def backward(x, dy, gamma, kind):
    groups, inner = gamma.shape
    mean, inverse = reference.statistics(x, EPSILON[kind], kind)
    center = np.float32(mean)
    saved = np.stack([center, mean - center, inverse], axis=1).astype(np.float32)
    dx, dgamma, dbeta = reference.backward(dy, x, gamma, EPSILON[kind], kind)
    steep = np.abs((x - mean[:, None]) * inverse[:, None])
    sums = reference.backward(np.abs(dy) * (1 + steep), x, np.ones_like(gamma), EPSILON[kind], kind)[2]
    check(
        "layer_norm",
        lambda o, i: _core.layer_norm_backward(
            o.dx, o.dgamma, o.dbeta, i.dy, i.x, i.statistics, i.gamma, EPSILON[kind], kind
        ),
        {"dy": dy, "x": x, "statistics": saved, "gamma": gamma},
        {"dx": x.shape, "dgamma": (groups, inner), "dbeta": (groups, inner)},
        {"dx": dx, "dgamma": dgamma, "dbeta": dbeta},
        {"dx": (1 + inverse[:, None]) * (2 + np.abs(dy)), "dgamma": 1 + sums, "dbeta": 1 + sums},
    )


@pytest.mark.parametrize("kind", EPSILON)
@pytest.mark.parametrize("cols", SIZES)
def test_rows(cols, kind):
    for rows in ROWS:
        x, dy, gamma, beta = case(rows, cols)
        forward(x, gamma, beta, kind)
        if cols > 1 or kind != "layer":
            backward(x, dy, gamma, kind)


@pytest.mark.parametrize("kind", EPSILON)
def test_long_rows(kind):
    x, dy, gamma, beta = case(3, 3000)  # on a device, a block of threads shares such a row
    forward(x, gamma, beta, kind)
    backward(x, dy, gamma, kind)


@pytest.mark.parametrize(
    ("groups", "inner", "spans"),
    [(1, 3, 5), (4, 1, 9), (3, 1, 33), (2, 17, 2), (5, 16, 3), (1, 1, 40), (8, 7, 1)],
)
def test_groups_and_spans(groups, inner, spans):
    """Rows that take turns at gamma, columns that share it."""
    for samples in (1, 3, 70):
        x, dy, gamma, beta = case(samples * groups, spans * inner, groups, inner)
        forward(x, gamma, beta, "layer")
        backward(x, dy, gamma, "layer")


@pytest.mark.parametrize("kind", EPSILON)
def test_without_scale_and_shift(kind):
    x, dy, _, beta = case(33, 19)
    forward(x, None, None, kind)
    forward(x, None, beta, kind)
    mean, inverse = reference.statistics(x, EPSILON[kind], kind)
    saved = np.stack([np.float32(mean), mean - np.float32(mean), inverse], axis=1).astype(np.float32)
    dx, _, dbeta = reference.backward(dy, x, None, EPSILON[kind], kind)
    check(
        "layer_norm",
        lambda o, i: _core.layer_norm_backward(
            o.dx, None, o.dbeta, i.dy, i.x, i.statistics, None, EPSILON[kind], kind
        ),
        {"dy": dy, "x": x, "statistics": saved},
        {"dx": x.shape, "dbeta": (1, 19)},
        {"dx": dx, "dbeta": dbeta},
        {"dbeta": 1 + np.abs(dy).sum(axis=0, keepdims=True)},
    )


def test_rows_far_from_zero():
    """A row at 1e4 +- 1: the deviations are exact, the mean's rounding is put right."""
    rng = np.random.default_rng(0)
    x = (1e4 + rng.standard_normal((5, 300))).astype(np.float32)
    expected = reference.forward(x, None, None, 1e-3)
    results = on_every_target(
        lambda o, i: _core.layer_norm_forward(o.y, o.statistics, i.x, None, None, 1e-3, "layer"),
        {"x": x},
        {"y": x.shape, "statistics": (5, 3)},
    )
    for target, result in results.items():
        np.testing.assert_allclose(result["y"], expected, atol=1e-5, err_msg=target)


@pytest.mark.parametrize("target", TARGETS)
def test_zeros_have_no_direction(target):
    x = np.zeros((3, 20), np.float32)
    y, statistics = np.empty_like(x), np.empty((3, 3), np.float32)
    with on_target(target):
        _core.layer_norm_forward(y, statistics, x, None, None, 1e-12, "unit").run()
    np.testing.assert_array_equal(y, 0.0)
