"""Norms of gradients that the optimizer computes itself: known before the gradient is, from pairs of rows."""

import itertools

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, normal
from tests.ops.test_optimizer import Flat
from tests.ops.test_optimizer_computed import SHAPES, Problem

pytestmark = pytest.mark.skipif(bool(CUDA), reason="a step of the CPU: products are stored on a device")

CLIP = 1e-3
PROBE = np.float32(2.0**-30)  # a gradient whose clipped value shows the factor's bits
HALF_A_BIT = 2.0**-24


@pytest.fixture(autouse=True)
def _settings():
    before = _core.num_threads(), _core.cpu_target()
    yield
    _core.set_num_threads(before[0])
    _core.set_cpu_target(before[1])


class Layer:
    """The gradient of a kernel that goes into one norm with that of the probe."""

    def __init__(self, x, dz, computed=True):
        self.x, self.dz, self.computed = x, dz, computed
        self.inputs, self.units = x.shape[1], dz.shape[1]
        self.flat = Flat([np.zeros(1), np.zeros(self.inputs * self.units)])

    def norm(self, probe=PROBE):
        with np.errstate(all="ignore"):
            x, dz = self.x.astype(np.float64), self.dz.astype(np.float64)
            return np.sqrt(np.sum((x.T @ dz) ** 2) + np.float64(probe) ** 2)

    def factor(self, clip=CLIP, probe=PROBE, **clipping):
        """What gradients are multiplied with."""
        w, g = np.zeros(self.flat.size, np.float32), np.zeros(self.flat.size, np.float32)
        g[0] = probe
        given = {}
        if self.computed:
            given = {"computed": np.array([1]), "x": [self.x], "dz": [self.dz]}
        else:
            kernel = self.flat.split(g)[1]
            _core.dense_backward(
                None, kernel.reshape(self.inputs, self.units), None, None, self.dz, None, self.x,
                np.zeros((self.inputs, self.units), np.float32), "linear", 0.0,
            ).run()  # fmt: skip
        decayed = np.zeros(2, np.uint8)
        clips = (None, None, clip)
        step = _core.optimizer(w, g, [], self.flat.segments, decayed, "sgd", *clips, **given)
        step.run(hyper=np.array([[0.0, 1.0]], np.float32))
        return -w[0] / np.float32(probe)


def ill_scaled(rng, rows, columns):
    """Rows whose magnitudes lie far apart."""
    return normal(rng, rows, columns) * np.float32(10.0) ** rng.integers(-6, 7, (rows, 1)).astype(np.float32)


@pytest.mark.parametrize("scales", [(1.0, 1.0), (1e12, 1e9), (1e-9, 1e-3), (1e-18, 1e20)], ids=str)
@pytest.mark.parametrize("shape", [*SHAPES, (31, 784, 300), (64, 257, 10)], ids=str)
def test_is_exact_to_the_rounding_of_the_factor(shape, scales):
    rows, inputs, units = shape
    rng = np.random.default_rng(shape)
    for make in (normal, ill_scaled):
        x, dz = (
            make(rng, rows, inputs) * np.float32(scales[0]),
            make(rng, rows, units) * np.float32(scales[1]),
        )
        layer = Layer(x, dz)
        clip = float(np.float32(layer.norm() * 0.01))
        for target in TARGETS:
            _core.set_cpu_target(target)
            factor = layer.factor(clip)
            assert abs(float(factor) / (clip / layer.norm()) - 1) <= 1.001 * HALF_A_BIT, target


@pytest.mark.parametrize("rest", [1e-1, 1e-2, 1e-3])
def test_where_pairs_cancel_it_is_as_good_as_from_the_gradient(rest):
    """Nearly equal rows of x, and rows of dz whose sum is nearly 0: what is left is smaller than the terms by `rest`
    squared."""
    rng = np.random.default_rng(7)
    rows, inputs, units = 32, 200, 40
    x = (normal(rng, 1, inputs) + np.float32(rest) * normal(rng, rows, inputs)).astype(np.float32)
    dz = normal(rng, rows, units)
    dz = (dz - dz.mean(axis=0)).astype(np.float32)
    computed, stored = Layer(x, dz), Layer(x, dz, computed=False)
    clip = float(np.float32(computed.norm() * 0.01))
    expected = clip / computed.norm()
    error, other = (abs(float(layer.factor(clip)) / expected - 1) for layer in (computed, stored))
    assert error <= max(other, 1.001 * HALF_A_BIT)


def test_of_nothing_but_zeros_nothing_is_clipped():
    x = np.zeros((8, 30), np.float32)
    assert Layer(x, normal(np.random.default_rng(0), 8, 5) * 0).factor() == 1


def test_rows_that_cancel_wholly():
    """The sum of all pairs is rounding, perhaps below 0: no root of that is taken."""
    rng = np.random.default_rng(1)
    x, dz = normal(rng, 4, 300), normal(rng, 4, 50)
    for scale in (1, 3, 7, 1e-3):
        twice = np.concatenate([x, x]), np.concatenate([dz, -dz]) * np.float32(scale)
        assert Layer(*twice).factor(clip=1.0) == 1


NOT_FINITE = [np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("place", ["x", "dz"])
@pytest.mark.parametrize("value", NOT_FINITE)
def test_of_values_that_are_not_finite_it_is_that_of_the_gradient(place, value):
    for zeros, threads in itertools.product((False, True), (1, 2, 3)):
        rng = np.random.default_rng(3)
        x, dz = normal(rng, 9, 33), normal(rng, 9, 20)
        if zeros:  # infinity times zero is no number
            x[:, ::2] = dz[:, ::3] = 0
        (x if place == "x" else dz)[4, 7] = value
        for target in TARGETS:
            _core.set_cpu_target(target)
            _core.set_num_threads(threads)
            expected = Layer(x, dz, computed=False).factor(probe=1.0)
            np.testing.assert_array_equal(Layer(x, dz).factor(probe=1.0), expected, f"{target} {threads}")


def test_of_a_gradient_that_overflows_it_is_infinite():
    x, dz = np.full((6, 40), 1e30, np.float32), np.full((6, 20), 1e30, np.float32)
    assert Layer(x, dz).factor(probe=1.0) == Layer(x, dz, computed=False).factor(probe=1.0) == 0


@pytest.mark.parametrize("clips", [(None, 0.7, None), (None, None, 0.7)], ids=["clipnorm", "global_clipnorm"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_step_has_the_same_bits_for_any_number_of_threads(shape, clips):
    """And, but for what is rounded before, those of stored gradients."""
    multipliers = np.array([1.0, 0.5, 2.0, 1.0], np.float32)
    problem = Problem(shape, "adam", average=True, multipliers=multipliers, clips=clips)
    for target in TARGETS:
        _core.set_cpu_target(target)
        _core.set_num_threads(1)
        expected, stored = problem.step(computed=True), problem.step(computed=False)
        for one, other in zip(expected, stored, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        for threads in (2, 3, 5):
            _core.set_num_threads(threads)
            for got, want in zip(problem.step(computed=True), expected, strict=True):
                np.testing.assert_array_equal(got, want, f"{target} {threads}")


def test_targets_with_fused_multiply_adds_agree():
    problem = Problem((33, 70, 131), "adam", clips=(None, None, 0.5))
    results = []
    for target in set(TARGETS) - {"scalar", "amx"}:
        _core.set_cpu_target(target)
        results.append(problem.step(computed=True))
    for result in results[1:]:
        for got, want in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(got, want)


def test_a_frozen_kernel_does_not_count():
    rng = np.random.default_rng(5)
    problem = Problem(
        (9, 30, 150), "sgd", clips=(None, None, 0.5), multipliers=np.array([1, 0, 1, 1], np.float32)
    )
    problem.x = np.abs(problem.x) * np.float32(100)
    before, without = problem.step(computed=True)[0], problem.step(computed=False)[0]
    problem.x = normal(rng, *problem.x.shape)
    np.testing.assert_array_equal(problem.step(computed=True)[0], before)
    np.testing.assert_allclose(before, without, rtol=1e-5, atol=1e-7)
