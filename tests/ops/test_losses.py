"""The four losses: values, gradients with weight and scale, broadcast targets, extreme logits."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, ROWS, _core, check, normal, on_every_target
from tests.reference import (
    mean_absolute_error,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)

COLUMNS = (1, 2, 10, 31, 33, 127, 300)
LONG = 3000  # columns of a row that a block of threads shares on a device
SCALE = 0.125


def run_case(stem, reference, x, target, weight):
    """Loss and gradient, then the loss alone: the same bits."""
    factory = getattr(_core, stem)
    expected = reference.forward(x, target)
    inputs = {"x": x, "target": target, "weight": weight}
    check(
        stem,
        lambda o, i: factory(o.loss, o.dx, i.x, i.target, i.weight, SCALE),
        inputs,
        {"loss": expected.shape, "dx": x.shape},
        {"loss": expected, "dx": reference.backward(x, target, weight, SCALE)},
    )
    check(
        stem,
        lambda o, i: factory(o.loss, None, i.x, i.target, i.weight, SCALE),
        inputs,
        {"loss": expected.shape},
        {"loss": expected},
    )


def weights(rng, rows):
    return (None, np.abs(normal(rng, rows)) + np.float32(0.1))


@pytest.mark.parametrize("cols", COLUMNS)
def test_softmax_cross_entropy(cols):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        x = normal(rng, rows, cols, scale=5.0)
        labels = rng.integers(0, cols, rows).astype(np.int32)
        soft = np.abs(normal(rng, rows, cols))
        for weight in weights(rng, rows):
            run_case("softmax_cross_entropy", softmax_cross_entropy, x, labels, weight)
            one_hot = softmax_cross_entropy.one_hot(labels, cols).astype(np.float32)
            run_case("softmax_cross_entropy", softmax_cross_entropy, x, one_hot, weight)
        soft /= soft.sum(axis=1, keepdims=True)
        run_case("softmax_cross_entropy", softmax_cross_entropy, x, soft, None)


@pytest.mark.parametrize("cols", COLUMNS)
def test_sigmoid_cross_entropy(cols):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        x = normal(rng, rows, cols, scale=5.0)
        hard = (rng.random((rows, cols)) < 0.5).astype(np.float32)
        for weight in weights(rng, rows):
            run_case("sigmoid_cross_entropy", sigmoid_cross_entropy, x, hard, weight)
        run_case(
            "sigmoid_cross_entropy", sigmoid_cross_entropy, x, rng.random((rows, cols), np.float32), None
        )


def test_long_rows():
    rng = np.random.default_rng(LONG)
    x, labels = normal(rng, 3, LONG, scale=5.0), rng.integers(0, LONG, 3).astype(np.int32)
    run_case("softmax_cross_entropy", softmax_cross_entropy, x, labels, None)
    soft = np.abs(normal(rng, 3, LONG))
    soft /= soft.sum(axis=1, keepdims=True)
    run_case("softmax_cross_entropy", softmax_cross_entropy, x, soft, None)
    run_case("mean_squared_error", mean_squared_error, x / 5, normal(rng, 3, LONG), None)


@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize(
    ("stem", "reference"),
    [("mean_squared_error", mean_squared_error), ("mean_absolute_error", mean_absolute_error)],
)
def test_regression_losses(stem, reference, cols):
    rng = np.random.default_rng(cols)
    for rows in ROWS:
        x = normal(rng, rows, cols)
        for target in (normal(rng, rows, cols), normal(rng, rows, 1)):
            for weight in weights(rng, rows):
                run_case(stem, reference, x, target, weight)


@pytest.mark.skipif(not CUDA, reason="the cpu refuses such labels: test_bad_input.py")
def test_a_label_that_is_no_class_shows_on_a_device():
    x, labels = np.zeros((4, 3), np.float32), np.array([0, -1, 3, 2], np.int32)
    for target, result in on_every_target(
        lambda o, i: _core.softmax_cross_entropy(o.loss, o.dx, i.x, i.target, None, 1.0),
        {"x": x, "target": labels},
        {"loss": (4,), "dx": x.shape},
    ).items():
        assert np.isnan(result["loss"]).tolist() == [False, True, True, False], target
    for target, result in on_every_target(
        lambda o, i: _core.accuracy(o.correct, i.x, i.target, "sparse", 0.5),
        {"x": x, "target": labels},
        {"correct": (4,)},
    ).items():
        assert result["correct"].tolist() == [1, 0, 0, 0], target


def test_mean_absolute_error_has_no_slope_at_zero():
    x = np.zeros((3, 4), np.float32)
    results = on_every_target(
        lambda o, i: _core.mean_absolute_error(o.loss, o.dx, i.x, i.x, None, 1.0),
        {"x": x},
        {"loss": (3,), "dx": x.shape},
    )
    for target, result in results.items():
        assert not result["dx"].any(), target


def test_cross_entropies_of_extreme_logits_are_finite():
    x = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [1e4, 1e4, 1e4], [0.0, 0.0, 0.0]], np.float32)
    labels = np.array([1, 1, 2, 0], np.int32)
    run_case("softmax_cross_entropy", softmax_cross_entropy, x, labels, None)
    run_case("sigmoid_cross_entropy", sigmoid_cross_entropy, x, (x > 0).astype(np.float32), None)
    run_case("sigmoid_cross_entropy", sigmoid_cross_entropy, x, (x <= 0).astype(np.float32), None)


def test_one_class_costs_nothing():
    x = np.array([[3.0], [-80.0]], np.float32)
    results = on_every_target(
        lambda o, i: _core.softmax_cross_entropy(o.loss, o.dx, i.x, i.target, None, 1.0),
        {"x": x, "target": np.zeros(2, np.int32)},
        {"loss": (2,), "dx": (2, 1)},
    )
    for target, result in results.items():
        assert not result["loss"].any(), target
        assert not result["dx"].any(), target


def test_small_loss_keeps_its_digits():
    """Logit lead of 12: the loss is about 6e-6, and log(1 - tiny) in float32 would lose it."""
    x = np.array([[12.0, 0.0]], np.float32)
    results = on_every_target(
        lambda o, i: _core.softmax_cross_entropy(o.loss, o.dx, i.x, i.target, None, 1.0),
        {"x": x, "target": np.zeros(1, np.int32)},
        {"loss": (1,), "dx": (1, 2)},
    )
    expected = np.log1p(np.exp(-12.0))
    for target, result in results.items():
        assert abs(result["loss"][0] - expected) < 1.5e-7 + 0.02 * expected, target
        np.testing.assert_allclose(result["dx"][0, 1], 1 / (1 + np.exp(12.0)), rtol=1e-5, err_msg=target)
