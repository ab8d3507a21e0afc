"""Gradients of dense layers that the optimizer computes itself: the bits are those of a stored gradient."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, normal
from tests.ops.test_optimizer import Flat

pytestmark = pytest.mark.skipif(bool(CUDA), reason="a step of the CPU: products are stored on a device")

# Slots, and coefficients behind the decay, of every rule that reads no norms.
RULES = {
    "sgd": (0, [0.1]),
    "momentum": (1, [0.1, 0.9]),
    "nesterov": (1, [0.1, 0.9]),
    "adagrad": (1, [0.1, 1e-7]),
    "adam": (2, [0.01, 0.9, 0.999, 1e-7]),
    "lion": (1, [0.01, 0.9, 0.99]),
    "amsgrad": (3, [0.01, 0.9, 0.999, 1e-7]),
}
# Rows, inputs, units: columns that are shared out, few columns, few rows, a single one, more terms than a pass.
SHAPES = [(32, 70, 300), (5, 37, 10), (128, 64, 64), (1, 1, 1), (33, 9, 131), (400, 20, 48), (3, 2, 2000)]


@pytest.fixture(autouse=True)
def _settings():
    before = _core.num_threads(), _core.cpu_target()
    yield
    _core.set_num_threads(before[0])
    _core.set_cpu_target(before[1])


class Problem:
    """A dense layer's kernel and bias between two variables whose gradients are stored."""

    def __init__(self, shape, rule, clips=(None, None, None), average=False, multipliers=None):
        rows, inputs, units = shape
        rng = np.random.default_rng(shape)
        self.x, self.dz = normal(rng, rows, inputs), normal(rng, rows, units)
        variables = [normal(rng, n) for n in (40, inputs * units, units, 5000)]
        self.flat = Flat(variables)
        self.w = self.flat.join(variables)
        self.others = self.flat.join([normal(rng, v.size) for v in variables])
        self.rule, self.clips, self.average, self.multipliers = rule, clips, average, multipliers
        self.shape = shape

    def stored(self):
        """The gradients in an arena, from `dense_backward`."""
        g = self.others.copy()
        _, kernel, bias, _ = self.flat.split(g)
        inputs, units = self.shape[1:]
        w = np.zeros((inputs, units), np.float32)
        _core.dense_backward(
            None, kernel.reshape(inputs, units), bias, None, self.dz, None, self.x, w, "linear", 0.0
        ).run()
        return g

    def step(self, computed):
        """Parameters, slots and average after two steps."""
        slots, coefficients = RULES[self.rule]
        w = self.w.copy()
        states = [np.abs(self.others) * np.float32(0.1 * (k + 1)) for k in range(slots)]
        average = self.w * np.float32(0.5) if self.average else None
        given = {"average": average, "multipliers": self.multipliers, "scale": 0.5}
        g = self.stored()
        if computed:
            for part in self.flat.split(g)[1:3]:
                part[:] = np.nan
            given |= {"computed": np.array([2, 1]), "x": [None, self.x], "dz": [self.dz, self.dz]}
        decayed = np.array([1, 1, 0, 0], np.uint8)
        step = _core.optimizer(w, g, states, self.flat.segments, decayed, self.rule, *self.clips, **given)
        hyper = [0.01, *coefficients, *([0.9, 1.0] if self.average else [])]
        for _ in range(2):
            step.run(hyper=np.array([hyper], np.float32))
        return [w, *states, *([average] if self.average else [])]


def assert_same_bits(problem):
    for target in TARGETS:
        _core.set_cpu_target(target)
        _core.set_num_threads(1)
        expected = problem.step(computed=False)
        assert not np.array_equal(expected[0], problem.w)
        for threads in (1, 2, 3, 5):
            _core.set_num_threads(threads)
            for got, want in zip(problem.step(computed=True), expected, strict=True):
                np.testing.assert_array_equal(
                    got.view(np.uint32), want.view(np.uint32), f"{target} {threads}"
                )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_shape_has_the_bits_of_a_stored_gradient(shape):
    assert_same_bits(Problem(shape, "adam"))


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_the_bits_of_a_stored_gradient(rule):
    assert_same_bits(Problem((17, 30, 150), rule))


def test_with_clipping_by_value_an_average_and_multipliers():
    multipliers = np.array([1.0, 0.5, 2.0, 0.0], np.float32)
    assert_same_bits(Problem((9, 30, 150), "adam", (0.3, None, None), True, multipliers))


def test_a_frozen_kernel_stays():
    problem = Problem((9, 30, 150), "adam", multipliers=np.array([1, 0, 1, 1], np.float32))
    before, after = problem.flat.split(problem.w), problem.flat.split(problem.step(computed=True)[0])
    np.testing.assert_array_equal(after[1], before[1])
    assert not np.array_equal(after[2], before[2])


def call(**changes):
    x, dz, zeros = (
        normal(np.random.default_rng(0), 4, 3),
        np.ones((4, 5), np.float32),
        np.zeros(32, np.float32),
    )
    arguments = {
        "parameters": zeros.copy(), "gradients": zeros.copy(), "slots": [], "segments": np.array([[0, 15], [16, 5]]),
        "decayed": np.zeros(2, np.uint8), "rule": "sgd", "clipvalue": None, "clipnorm": None, "global_clipnorm": None,
        "computed": np.array([0, 1]), "x": [x, None], "dz": [dz, dz],
    }  # fmt: skip
    return _core.optimizer(**(arguments | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accumulator": np.zeros(32, np.float32)}, "'computed': must be empty with an accumulator"),
        ({"mask": np.zeros(2, np.uint16)}, "'computed': must be empty with a mask"),
        (
            {"rule": "lamb", "slots": [*np.zeros((2, 32), np.float32)]},
            "'computed': must be empty with a rule",
        ),
        ({"computed": np.array([0, 2])}, "'computed': there is no segment 2"),
        ({"computed": np.array([-1, 1])}, "'computed': there is no segment -1"),
        ({"computed": np.array([1, 1])}, "'computed': segment 1 has 5 parameters, its gradient 15"),
        ({"computed": np.array([0, 1], np.int32)}, "'computed': expected .*int64"),
        ({"computed": np.array([0])}, "'computed': expected as many x and dz as segments, 1"),
        ({"computed": None}, "'computed': expected as many x and dz as segments, 0"),
        ({"x": [None, None]}, "'computed': segment 0 has 15 parameters, its gradient 5"),
        ({"x": [np.ones((3, 3), np.float32), None]}, r"'x': expected .*\(4, .*got .*\(3, 3\)"),
        ({"dz": [np.ones((4, 5)), np.ones((4, 5))]}, "'dz': .*float64"),
    ],
    ids=str,
)
def test_wrong_arguments(changes, message):
    with pytest.raises((ValueError, TypeError), match=rf"^optimizer\(\): argument {message}"):
        call(**changes)


def test_a_segment_named_twice():
    dz = np.ones((4, 5), np.float32)
    with pytest.raises(ValueError, match="segment 1 is named twice"):
        call(computed=np.array([1, 1]), x=[None, None], dz=[dz, dz])


def test_operands_lie_apart_from_what_is_written():
    parameters = np.zeros(32, np.float32)
    x = parameters[:12].reshape(4, 3)
    with pytest.raises(ValueError, match=r"'x'|'parameters'"):
        call(parameters=parameters, x=[x, None])


def test_which_rules_need_norms():
    assert _core.optimizer_needs_norms("lamb")
    assert not any(map(_core.optimizer_needs_norms, RULES))
    with pytest.raises(ValueError, match=r"optimizer_needs_norms\(\): argument 'rule'"):
        _core.optimizer_needs_norms("nothing")
