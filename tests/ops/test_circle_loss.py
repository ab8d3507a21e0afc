"""circle_loss on every target, and as a function of embeddings."""

import numpy as np
import pytest

from densor import losses, ops
from tests.ops.harness import SIZES, TARGETS, _core, check, normal, on_every_target, on_target
from tests.reference import circle_loss as reference


def call(gamma=80.0, margin=0.4, without_diagonal=True):
    return lambda o, i: _core.circle_loss(
        o.loss, o.dx, i.x, i.label, i.reference, gamma, margin, without_diagonal
    )


def labels(rng, count, classes):
    return rng.integers(0, classes, count).astype(np.float32)


@pytest.mark.parametrize("cols", SIZES)
@pytest.mark.parametrize(
    ("gamma", "margin", "without"), [(80.0, 0.4, True), (4.0, 0.25, False), (1.0, -0.5, True)]
)
def test_matches_the_definition(cols, gamma, margin, without):
    rng = np.random.default_rng(cols)
    for rows in (1, 2, 33, cols):
        x = np.clip(normal(rng, rows, cols, scale=0.5), -1, 1)  # some of them exactly 1
        inputs = {"x": x, "label": labels(rng, rows, 4), "reference": labels(rng, cols, 4)}
        arguments = (*inputs.values(), gamma, margin, without)
        check(
            "circle_loss",
            call(gamma, margin, without),
            inputs,
            {"loss": (rows,), "dx": x.shape},
            {"loss": reference.forward(*arguments), "dx": reference.backward(*arguments)},
            # Logits reach 4 gamma, and their rounding is an error of exponents.
            {"loss": max(1.0, 4 * gamma), "dx": np.full(x.shape, max(4.0, 4 * gamma) ** 2)},
        )


def results(x, label, reference_labels, **options):
    inputs = {"x": x, "label": label, "reference": reference_labels}
    found = on_every_target(call(**options), inputs, {"loss": (len(x),), "dx": x.shape})
    return ((target, found["loss"], found["dx"]) for target, found in found.items())


def test_rows_without_pairs_of_both_kinds_cost_nothing():
    x = np.array([[0.5, 0.1], [0.2, 0.3]], np.float32)
    zeros, ones = np.zeros(2, np.float32), np.ones(2, np.float32)
    for label, other in ((zeros, zeros), (zeros, ones)):
        for target, loss, dx in results(x, label, other):
            assert loss.tolist() == [0, 0], target
            assert not dx.any(), target


def test_nan_stays_in_its_row_and_shows():
    rng = np.random.default_rng(1)
    x, label = normal(rng, 5, 40, scale=0.3), labels(rng, 5, 3)
    x[1, 17] = np.nan
    for target, loss, dx in results(x, label, labels(rng, 40, 3)):
        assert np.isnan(loss).tolist() == [False, True, False, False, False], target
        assert np.isfinite(dx[[0, 2, 3, 4]]).all(), target


@pytest.mark.parametrize("target", TARGETS)
def test_the_gradient_may_overwrite_the_similarities(target):
    rng = np.random.default_rng(2)
    x, label = normal(rng, 6, 6, scale=0.3), labels(rng, 6, 2)
    wanted, loss, dx = x.copy(), np.empty(6, np.float32), np.empty_like(x)
    with on_target(target):
        _core.circle_loss(loss, dx, x, label, label, 80.0, 0.4, True).run()
        _core.circle_loss(loss, wanted, wanted, label, label, 80.0, 0.4, True).run()
    np.testing.assert_array_equal(wanted, dx)


def test_the_function_compares_rows_with_all_or_with_references():
    rng = np.random.default_rng(3)
    x, others = ops.unit_norm(normal(rng, 7, 5)), ops.unit_norm(normal(rng, 4, 5))
    mine, theirs = labels(rng, 7, 3), labels(rng, 4, 3)
    np.testing.assert_allclose(ops.circle_loss(x, mine), losses.circle(mine, x), rtol=1e-5)
    np.testing.assert_allclose(
        ops.circle_loss(x, mine, others, theirs, 9.0, 0.3, False),
        losses.circle(mine[:, None], x, theirs, others, False, 9.0, 0.3),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (([1.0, 0.0], [0, 1]), "'x': expected shape"),
        (([[1.0, 0.0]], [0, 1]), "'labels': expected shape"),
        (([[1.0, 0.0]], [0], [[1.0]], [0]), "'references': expected 2 columns"),
        (([[1.0, 0.0]], [0], None, [0, 1]), "'reference_labels': expected shape"),
        (([[1.0, 0.0]], [0], None, None, -1.0), "'gamma': must be"),
    ],
)
def test_wrong_arguments_are_named(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        ops.circle_loss(*arguments)
