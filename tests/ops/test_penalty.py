"""The penalty of several arrays: value and gradient, overwriting and adding, on every target."""

import numpy as np
import pytest

from densor import ops
from tests.ops.harness import SIZES, TARGETS, _core, check, normal, on_target
from tests.reference import penalty as reference

COEFFICIENTS = ((0.5, 0.0), (0.0, 0.25), (0.3, 0.7), (0.0, 0.0))


def arrays(sizes, seed=0):
    rng = np.random.default_rng(seed)
    xs = [normal(rng, n) for n in sizes]
    for x in xs:
        x[::3] = 0.0  # the kink
    return xs


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize(
    "sizes", [*((n,) for n in SIZES), (31, 4096, 1, 4097), (20000, 7), (3,) * 40], ids=str
)
def test_value_and_gradient(sizes, add):
    xs = arrays(sizes)
    pairs = [COEFFICIENTS[k % len(COEFFICIENTS)] for k in range(len(sizes))]
    l1, l2 = (np.array(column) for column in zip(*pairs, strict=True))
    before = arrays(sizes, seed=1)
    value = sum(reference.value(x, *pair) for x, pair in zip(xs, pairs, strict=True))
    gradients = {
        f"d{k}": 0.5 * reference.gradient(x, *pair) + (start if add else 0.0)
        for k, (x, pair, start) in enumerate(zip(xs, pairs, before, strict=True))
    }

    def build(o, i):
        dxs = [getattr(o, name) for name in gradients]
        return _core.penalty(o.totals, i.xs, dxs, i.l1, i.l2, 8.0, 0.5, add)

    check(
        "penalty",
        build,
        {"xs": xs, "l1": l1, "l2": l2},
        {"totals": np.array([3.0, 5.0]), **{f"d{k}": x for k, x in enumerate(before)}},
        gradients | {"totals": [3.0 + 8.0 * value, 5.0]},
    )


@pytest.mark.parametrize("target", TARGETS)
def test_value_only_and_gradient_only(target):
    (x,) = arrays((300,))
    one, two = np.array([0.5]), np.array([0.25])
    totals, dx = np.zeros(2), np.empty_like(x)
    with on_target(target):
        _core.penalty(totals, [x], [], one, two, 1.0, 1.0, False).run()
        _core.penalty(None, [x], [dx], one, two, 1.0, 1.0, False).run()
    np.testing.assert_allclose(totals, [reference.value(x, 0.5, 0.25), 0.0], rtol=1e-12)
    np.testing.assert_allclose(dx, reference.gradient(x, 0.5, 0.25), rtol=1e-6)


def test_gradient_by_central_differences():
    x = np.array([0.5, -1.5, 2.0])
    step = 1e-6
    for k in range(3):
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        slope = (reference.value(up, 0.3, 0.7) - reference.value(down, 0.3, 0.7)) / (2 * step)
        np.testing.assert_allclose(reference.gradient(x, 0.3, 0.7)[k], slope, rtol=1e-8)


def test_function():
    value, gradient = ops.penalty([[1.0, -2.0], [0.0, 4.0]], l1=1.0)
    assert value == 7.0
    assert gradient.tolist() == [[1.0, -1.0], [0.0, 1.0]]
    with pytest.raises(ValueError, match=r"^penalty\(\): argument 'l2': must be .* at least 0, got -1"):
        ops.penalty([1.0], l2=-1)
