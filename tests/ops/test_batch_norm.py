"""batch_norm in training, in inference and frozen, its backward passes and the moving statistics."""

import numpy as np
import pytest

from tests.ops.harness import SIZES, _core, check, normal, on_every_target
from tests.reference import batch_norm as reference

EPSILON = 1e-3
ROWS = (1, 2, 31, 33, 257)


def case(rows, cols, affine=True):
    rng = np.random.default_rng([rows, cols])
    x = normal(rng, rows, cols, scale=2.0) + normal(rng, cols)
    gamma = (1.0 + 0.3 * normal(rng, cols)) if affine else None
    return x, gamma, normal(rng, cols) if affine else None, normal(rng, rows, cols)


def saved_output(y, name):
    return None if name == "linear" else np.float32(y)


def sums(dy, normalized):
    """Magnitudes of dgamma and dbeta: sums of absolute terms."""
    return 1 + (np.abs(dy) * (1 + np.abs(normalized))).sum(axis=0), 1 + np.abs(dy).sum(axis=0)


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize("name", ["linear", "relu", "tanh"])
def test_training_forward(cols, name):
    for rows in ROWS:
        x, gamma, beta, _ = case(rows, cols)
        y, _, mean, variance = reference.forward(x, gamma, beta, EPSILON, name)
        check(
            "batch_norm",
            lambda o, i: _core.batch_norm_forward(
                o.y, o.mean, o.variance, i.x, i.gamma, i.beta, EPSILON, name, 0.0
            ),
            {"x": x, "gamma": gamma, "beta": beta},
            {"y": y.shape, "mean": (cols,), "variance": (cols,)},
            {"y": y, "mean": mean, "variance": variance},
        )


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize("name", ["linear", "relu", "selu"])
def test_training_backward(cols, name):
    for rows in ROWS[1:]:
        x, gamma, beta, dy = case(rows, cols)
        y, z, mean, variance = reference.forward(x, gamma, beta, EPSILON, name)
        dx, dgamma, dbeta = reference.backward(dy, x, z, gamma, mean, variance, EPSILON, name)
        normalized = (x - mean) / np.sqrt(variance + EPSILON)
        of_gamma, of_beta = sums(2 * dy, normalized)
        steep = np.abs(gamma) / np.sqrt(variance + EPSILON)
        check(
            "batch_norm",
            lambda o, i: _core.batch_norm_backward(
                o.dx, o.dgamma, o.dbeta, i.dy, i.x, i.y, i.mean, i.variance, i.gamma, EPSILON, name, 0.0
            ),
            {
                "dy": dy,
                "x": x,
                "y": saved_output(y, name),
                "mean": np.float32(mean),
                "variance": np.float32(variance),
                "gamma": gamma,
            },
            {"dx": x.shape, "dgamma": (cols,), "dbeta": (cols,)},
            {"dx": dx, "dgamma": dgamma, "dbeta": dbeta},
            {"dx": (1 + steep) * (1 + np.abs(dy) + of_gamma / rows), "dgamma": of_gamma, "dbeta": of_beta},
        )


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize("name", ["linear", "relu", "elu"])
def test_inference_and_frozen_backward(cols, name):
    for rows in ROWS:
        x, gamma, beta, dy = case(rows, cols)
        rng = np.random.default_rng(cols)
        mean, variance = normal(rng, cols), np.abs(normal(rng, cols)) + 0.1
        y, z = reference.inference(x, gamma, beta, mean, variance, EPSILON, name, 1.0)
        check(
            "batch_norm",
            lambda o, i: _core.batch_norm_inference(
                o.y, i.x, i.gamma, i.beta, i.mean, i.variance, EPSILON, name, 1.0
            ),
            {"x": x, "gamma": gamma, "beta": beta, "mean": mean, "variance": variance},
            {"y": y.shape},
            {"y": y},
            {"y": 1 + np.abs(gamma) * (np.abs(x) + np.abs(mean)) / np.sqrt(variance) + np.abs(beta)},
        )
        dx, dgamma, dbeta = reference.inference_backward(dy, x, z, gamma, mean, variance, EPSILON, name, 1.0)
        of_gamma, of_beta = sums(2 * dy, (x - mean) / np.sqrt(variance + EPSILON))
        check(
            "batch_norm",
            lambda o, i: _core.batch_norm_inference_backward(
                o.dx, o.dgamma, o.dbeta, i.dy, i.x, i.y, i.gamma, i.mean, i.variance, EPSILON, name, 1.0
            ),
            {
                "dy": dy,
                "x": x,
                "y": saved_output(y, name),
                "gamma": gamma,
                "mean": mean,
                "variance": variance,
            },
            {"dx": x.shape, "dgamma": (cols,), "dbeta": (cols,)},
            {"dx": dx, "dgamma": dgamma, "dbeta": dbeta},
            {"dgamma": of_gamma, "dbeta": of_beta, "dx": 1 + 3 * np.abs(dy)},
        )


def test_without_scale_and_shift():
    x, _, _, dy = case(33, 17, affine=False)
    y, z, mean, variance = reference.forward(x, None, None, EPSILON)
    dx, _, _ = reference.backward(dy, x, z, None, mean, variance, EPSILON)
    check(
        "batch_norm",
        lambda o, i: _core.batch_norm_forward(
            o.y, o.mean, o.variance, i.x, None, None, EPSILON, "linear", 0.0
        ),
        {"x": x},
        {"y": y.shape, "mean": (17,), "variance": (17,)},
        {"y": y, "mean": mean, "variance": variance},
    )
    check(
        "batch_norm",
        lambda o, i: _core.batch_norm_backward(
            o.dx, None, None, i.dy, i.x, None, i.mean, i.variance, None, EPSILON, "linear", 0.0
        ),
        {"dy": dy, "x": x, "mean": np.float32(mean), "variance": np.float32(variance)},
        {"dx": x.shape},
        {"dx": dx},
        {"dx": 3.0},
    )


def test_variance_is_stable_far_from_zero():
    """A column at 1e4 +- 1e-1: the naive sum of squares would lose every digit of the variance."""
    rng = np.random.default_rng(0)
    x = (1e4 + 0.1 * rng.standard_normal((4096, 5))).astype(np.float32)
    mean, variance = reference.statistics(x)
    results = on_every_target(
        lambda o, i: _core.batch_norm_forward(
            o.y, o.mean, o.variance, i.x, None, None, EPSILON, "linear", 0.0
        ),
        {"x": x},
        {"y": x.shape, "mean": (5,), "variance": (5,)},
    )
    for target, result in results.items():
        np.testing.assert_allclose(result["mean"], mean, rtol=1e-6, err_msg=target)
        np.testing.assert_allclose(result["variance"], variance, rtol=2e-2, err_msg=target)


def test_batch_of_one_returns_beta():
    x, gamma, beta, _ = case(1, 33)
    results = on_every_target(
        lambda o, i: _core.batch_norm_forward(
            o.y, o.mean, o.variance, i.x, i.gamma, i.beta, EPSILON, "linear", 0.0
        ),
        {"x": x, "gamma": gamma, "beta": beta},
        {"y": x.shape, "mean": (33,), "variance": (33,)},
    )
    for target, result in results.items():
        np.testing.assert_array_equal(result["y"][0], beta, err_msg=target)
        np.testing.assert_array_equal(result["variance"], 0.0, err_msg=target)


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize("correction", [1.0, 1.25])
@pytest.mark.parametrize("from_first", [False, True])
def test_moving_statistics(cols, correction, from_first):
    rng = np.random.default_rng(cols)
    moving_mean, mean = normal(rng, cols), normal(rng, cols)
    moving_variance, variance = np.abs(normal(rng, cols)), np.abs(normal(rng, cols))
    untouched = rng.random(cols) < 0.5
    moving_mean[untouched], moving_variance[untouched] = 0.0, 1.0
    expected = {
        "moving_mean": reference.update(moving_mean, mean, 0.99),
        "moving_variance": reference.update(moving_variance, correction * variance, 0.99),
    }
    if from_first:
        expected["moving_mean"] = np.where(untouched, mean, expected["moving_mean"])
        expected["moving_variance"] = np.where(untouched, correction * variance, expected["moving_variance"])
    check(
        "batch_norm",
        lambda o, i: _core.batch_norm_update(
            o.moving_mean, o.moving_variance, i.mean, i.variance, 0.99, correction, from_first
        ),
        {"mean": mean, "variance": variance},
        {"moving_mean": moving_mean, "moving_variance": moving_variance},
        expected,
    )
