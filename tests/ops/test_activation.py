"""activation_forward and activation_backward on every target."""

import numpy as np
import pytest

from tests.ops.harness import ROWS, SIZES, _core, check, normal, on_every_target
from tests.reference import activation as reference

ALPHAS = {"leaky_relu": (0.01, 0.3), "elu": (1.0, 0.5), "silu": (1.0, 1.7)}
CASES = [(name, alpha) for name in reference.NAMES for alpha in ALPHAS.get(name, (0.0,))]
SPECIAL = np.array(
    [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        1e-45,
        -1e-45,
        1e-38,
        -1e-38,
        3e38,
        -3e38,
        88.8,
        -88.8,
        -104.0,
        1.0,
        -1.0,
    ],
    np.float32,
)


def backward_inputs(x, name, alpha):
    """What the forward pass saves, as float32."""
    saved = x if _core.activation_saves(name) == "input" else reference.forward(x, name, alpha)
    return np.asarray(saved, np.float32)


@pytest.mark.parametrize(("name", "alpha"), CASES)
@pytest.mark.parametrize("cols", SIZES)
def test_matches_the_definition(name, alpha, cols):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        x, dy = normal(rng, rows, cols, scale=3.0), normal(rng, rows, cols)
        check(
            "activation",
            lambda o, i: _core.activation_forward(o.y, i.x, name, alpha),
            {"x": x},
            {"y": x.shape},
            {"y": reference.forward(x, name, alpha)},
        )
        check(
            "activation",
            lambda o, i: _core.activation_backward(o.dx, i.dy, i.saved, name, alpha),
            {"dy": dy, "saved": backward_inputs(x, name, alpha)},
            {"dx": x.shape},
            {"dx": reference.backward(dy, x, name, alpha)},
        )


@pytest.mark.parametrize(("name", "alpha"), CASES)
def test_special_values(name, alpha):
    x = np.tile(SPECIAL, 3)[None]
    with np.errstate(all="ignore"):
        expected = reference.forward(x, name, alpha)
    finite = np.abs(expected) < np.finfo(np.float32).max
    forward = on_every_target(
        lambda o, i: _core.activation_forward(o.y, i.x, name, alpha), {"x": x}, {"y": x.shape}
    )
    for target, result in forward.items():
        y = result["y"]
        assert np.isnan(y[np.isnan(x)]).all(), f"{target}: NaN must pass through"
        settled = finite & ~np.isnan(expected)
        np.testing.assert_allclose(y[settled], expected[settled], rtol=2e-6, atol=1e-35, err_msg=target)
        infinite = np.isinf(x) & np.isinf(expected)
        np.testing.assert_array_equal(y[infinite], expected[infinite], err_msg=target)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu"])
def test_derivative_at_zero_is_that_of_keras(name):
    alpha = {"leaky_relu": 0.3, "elu": 1.0}.get(name, 0.0)
    expected = {"relu": 0.0, "leaky_relu": 1.0, "elu": 1.0, "selu": 1.0507009873554805 * 1.6732632423543772}[
        name
    ]
    zero, one = np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)
    result = on_every_target(
        lambda o, i: _core.activation_backward(o.dx, i.dy, i.saved, name, alpha),
        {"dy": one, "saved": zero},
        {"dx": (1, 1)},
    )
    for target, arrays in result.items():
        assert arrays["dx"][0, 0] == pytest.approx(expected, rel=1e-6), target


@pytest.mark.parametrize("name", reference.NAMES)
def test_forward_in_place_equals_forward(name):
    x = normal(np.random.default_rng(1), 5, 33)
    apart = on_every_target(
        lambda o, i: _core.activation_forward(o.y, i.x, name, 1.0), {"x": x}, {"y": x.shape}
    )
    inside = on_every_target(lambda o, i: _core.activation_forward(o.y, o.y, name, 1.0), {}, {"y": x})
    for target in apart:
        np.testing.assert_array_equal(apart[target]["y"], inside[target]["y"], err_msg=target)
