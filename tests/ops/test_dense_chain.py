"""dense_chain_forward and dense_chain_backward against float64, and the bits of the layers one by one."""

import itertools

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, check, execute, normal, on_every_target, on_target
from tests.reference import activation as activations
from tests.reference import dense_chain as reference
from tests.reference import dropout
from tests.reference.dense_chain import Layer

on_device = pytest.mark.skipif(not CUDA, reason="the CUDA kernels run in `make test-cuda`")
SEED, STEP = 0x123456789ABCDEF0, 41
# Rows, then inputs and the units of the layers.
SHAPES = [
    (1, (1, 1, 1)),
    (2, (3, 31, 2)),
    (15, (32, 33, 31, 32)),
    (16, (64, 64, 64, 64, 64, 64, 64, 1)),
    (17, (16, 17, 15, 1)),
    (33, (127, 128, 127)),
    (65, (65, 5, 128, 64)),
    (97, (128, 128, 128, 10)),
    (31, (7, 128)),
]


class Case:
    """Layers with weights, and arrays around them."""

    def __init__(self, rows, widths, names=("relu",), rates=(0.0,), kind="inverted", bias=True):
        self.rng = np.random.default_rng([rows, *widths])
        self.x = normal(self.rng, rows, widths[0])
        self.layers = []
        for i, (inputs, units) in enumerate(itertools.pairwise(widths)):
            name, rate = names[i % len(names)], rates[i % len(rates)]
            drops = rate > 0 and i + 2 < len(widths)
            self.layers.append(
                Layer(
                    normal(self.rng, inputs, units, scale=inputs**-0.5),
                    normal(self.rng, units, scale=0.3) if bias else None,
                    name,
                    activations_alpha(name),
                    dropout.kept(rows, units, rate, SEED, 7 + i, STEP) if drops else None,
                    rate if drops else 0.0,
                    kind,
                )
            )
        self.passed = reference.forward(self.x, self.layers)
        self.dy = normal(self.rng, rows, widths[-1])
        self.count = len(self.layers)

    @property
    def constants(self):
        return (
            [layer.activation for layer in self.layers],
            [layer.alpha for layer in self.layers],
            [layer.rate for layer in self.layers],
            [layer.kind for layer in self.layers],
        )

    def forward(self, wanted=("y", "z", "mask")):
        """(build, inputs, outputs, expected) of the op, all arrays that it can write among the outputs."""
        outputs, expected = {}, {}
        for i, (layer, was) in enumerate(zip(self.layers, self.passed, strict=True)):
            if "y" in wanted or i + 1 == self.count:
                outputs[f"y{i}"], expected[f"y{i}"] = was.y.shape, was.y
            if "z" in wanted and _core.activation_saves(layer.activation) == "input":
                outputs[f"z{i}"], expected[f"z{i}"] = was.z.shape, was.z
            if layer.keep is not None:
                mask = dropout.pack(layer.keep)
                outputs[f"mask{i}"], expected[f"mask{i}"] = (mask.shape, np.uint16), mask
        inputs = {
            "x": self.x,
            "w": [layer.w for layer in self.layers],
            "bias": [layer.bias for layer in self.layers],
        }

        def build(o, i):
            y, z, mask = (
                [getattr(o, f"{name}{k}", None) for k in range(self.count)] for name in ("y", "z", "mask")
            )
            streams = [7 + k for k in range(self.count)]
            return _core.dense_chain_forward(
                y, z, mask, i.x, i.w, i.bias, *self.constants, [SEED] * self.count, streams
            )

        return build, inputs, outputs, expected

    def backward(self, wanted=None):
        """The same of the way back; the magnitudes of sums come last."""
        dx, dws, dbiases = reference.backward(self.dy, self.layers, self.passed)
        every = {"dx": dx}
        every |= {f"dw{i}": dw for i, dw in enumerate(dws)}
        every |= {f"dbias{i}": dbias for i, dbias in enumerate(dbiases) if self.layers[i].bias is not None}
        expected = {name: value for name, value in every.items() if wanted is None or name in wanted}
        inputs = {
            "x": self.x, "dy": self.dy, "w": [layer.w for layer in self.layers],
            "y": [np.float32(was.y) for was in self.passed],
            "z": [np.float32(was.z) if _core.activation_saves(layer.activation) == "input" else None
                  for layer, was in zip(self.layers, self.passed, strict=True)],
            "mask": [None if layer.keep is None else dropout.pack(layer.keep) for layer in self.layers],
        }  # fmt: skip

        def build(o, i):
            dw, dbias = (
                [getattr(o, f"{name}{k}", None) for k in range(self.count)] for name in ("dw", "dbias")
            )
            return _core.dense_chain_backward(
                getattr(o, "dx", None), dw, dbias, i.dy, i.x, i.w, i.y, i.z, i.mask, *self.constants
            )

        return build, inputs, {name: value.shape for name, value in expected.items()}, expected

    def magnitude(self):
        """Of sums over the rows, whose terms are of the size of dy and a few times smaller or larger."""
        size = 4.0 + np.sqrt(len(self.x)) * 4.0
        names = [f"{name}{i}" for name in ("dw", "dbias") for i in range(self.count)]
        return (
            dict.fromkeys(names, size)
            | {"dx": 4.0}
            | {f"{n}{i}": 4.0 for n in "yz" for i in range(self.count)}
        )


def activations_alpha(name):
    return 0.7 if name in ("leaky_relu", "elu", "silu") else 0.0


def check_both(case, **wanted):
    check("dense_chain", *case.forward(), case.magnitude(), step=STEP)
    check("dense_chain", *case.backward(**wanted), case.magnitude())


@on_device
@pytest.mark.parametrize(("rows", "widths"), SHAPES, ids=str)
def test_awkward_sizes(rows, widths):
    check_both(Case(rows, widths))


@on_device
@pytest.mark.parametrize("name", activations.NAMES)
def test_activations(name):
    check_both(Case(35, (9, 34, 18, 5), (name,)))


@on_device
@pytest.mark.parametrize("kind", ["inverted", "alpha"])
@pytest.mark.parametrize("rows", [1, 16, 33])
def test_dropout_between_layers(rows, kind):
    """The masks are those of dropout_forward, bit for bit: they are among what is compared."""
    check_both(Case(rows, (20, 33, 128, 16, 4), ("relu", "gelu", "selu"), (0.3, 0.0, 0.5), kind))


@on_device
def test_without_bias():
    check_both(Case(21, (12, 40, 3), bias=False))


@on_device
@pytest.mark.parametrize("rows", [4095, 4097, 8193])
def test_many_rows_are_cut_into_tiles_and_parts(rows):
    case = Case(rows, (3, 5, 2))
    check("dense_chain", *case.forward(), case.magnitude(), step=STEP)
    check("dense_chain", *case.backward(), case.magnitude())


@on_device
def test_many_rows_of_wide_layers():
    case = Case(4130, (66, 2))
    check("dense_chain", *case.backward(), case.magnitude())


@on_device
@pytest.mark.parametrize(
    "wanted", [("dx",), ("dw1",), ("dbias2", "dw2"), ("dbias0",), ("dx", "dw0")], ids=str
)
def test_only_what_is_wanted(wanted):
    case = Case(37, (6, 20, 11, 4), ("tanh", "gelu"), (0.4,))
    check("dense_chain", *case.backward(wanted), case.magnitude())


@on_device
def test_what_lies_below_the_lowest_gradient_is_not_read():
    case = Case(19, (6, 20, 11, 4), ("tanh",))
    build, inputs, outputs, expected = case.backward(("dw2",))
    inputs["y"][0] = None
    check("dense_chain", build, inputs, outputs, expected, case.magnitude())


@on_device
def test_intermediate_outputs_may_be_absent():
    case = Case(50, (10, 60, 60, 7), ("gelu", "relu"), (0.25,))
    few = on_every_target(*case.forward(("none",))[:3], step=STEP)
    all_of = on_every_target(*case.forward()[:3], step=STEP)
    for target in TARGETS:
        np.testing.assert_array_equal(few[target]["y2"], all_of[target]["y2"])


@on_device
def test_nothing_behind_the_last_row_counts():
    """No row at all: the gradients of weights are zeros."""
    case = Case(2, (5, 6, 3))
    case.x, case.dy = case.x[:0], case.dy[:0]
    case.passed = reference.forward(case.x, case.layers)
    check_both(case)


def one_by_one(case, order):
    """y of every layer, then dx, as the layers compute them by multiply-adds."""
    x, values = case.x, []
    for layer in case.layers:
        build = lambda o, i, layer=layer: _core.dense_forward(  # noqa: E731
            o.y, None, i.x, i.w, i.bias, layer.activation, layer.alpha
        )
        with on_target(order):
            x = execute(build, {"x": x, "w": layer.w, "bias": layer.bias}, {"y": (len(x), layer.w.shape[1])})[
                "y"
            ]
        values.append(x)
    d = case.dy
    for layer, y in zip(reversed(case.layers), reversed(values), strict=True):
        build = lambda o, i, layer=layer: _core.dense_backward(  # noqa: E731
            o.dx, None, None, o.dz, i.dy, i.y, i.x, i.w, layer.activation, layer.alpha
        )
        inputs = {"dy": d, "y": y, "x": np.zeros((len(d), len(layer.w)), np.float32), "w": layer.w}
        with on_target(order):
            d = execute(build, inputs, {"dx": inputs["x"].shape, "dz": d.shape})["dx"]
    return values, d


@on_device
@pytest.mark.parametrize("rows", [1, 40])
def test_rows_have_the_bits_of_the_layers_one_by_one(rows):
    """Of multiply-adds: one chain an element, whatever the tile."""
    before = _core.matmul_precision()
    _core.set_matmul_precision("ieee")
    try:
        case = Case(rows, (31, 128, 40, 3), ("relu", "tanh"))
        values, dx = one_by_one(case, TARGETS[0])
        build, inputs, outputs, _ = case.forward()
        with on_target(TARGETS[0]):
            found = execute(build, inputs, outputs, step=STEP)
        for i, value in enumerate(values):
            np.testing.assert_array_equal(found[f"y{i}"], value)
        build, inputs, outputs, _ = case.backward(("dx",))
        inputs["y"] = values
        with on_target(TARGETS[0]):
            np.testing.assert_array_equal(execute(build, inputs, outputs)["dx"], dx)
    finally:
        _core.set_matmul_precision(before)


@on_device
def test_a_row_does_not_depend_on_the_others():
    long, short = Case(4113, (5, 33, 2)), Case(3, (5, 33, 2))
    short.layers, short.x = long.layers, long.x[:3]
    short.passed = reference.forward(short.x, short.layers)
    found = [on_every_target(*case.forward()[:3], step=STEP)[TARGETS[0]]["y1"] for case in (long, short)]
    np.testing.assert_array_equal(found[0][:3], found[1])


@on_device
def test_twenty_runs_have_the_same_bits():
    case = Case(100, (20, 64, 64, 1), ("relu",), (0.2,))
    build, inputs, outputs, _ = case.backward()
    with on_target(TARGETS[0]):
        first, *others = [execute(build, inputs, outputs) for _ in range(20)]
    for other in others:
        for name in first:
            np.testing.assert_array_equal(first[name], other[name])


@on_device
def test_what_is_not_finite_keeps_its_meaning():
    case = Case(4, (3, 5, 2), ("relu", "linear"))
    case.x[1, 0], case.x[2, 1] = np.nan, np.inf
    build, inputs, outputs, _ = case.forward()
    for result in on_every_target(build, inputs, outputs, step=STEP).values():
        assert np.isnan(result["y1"][1]).all()
        assert np.isfinite(result["y1"][[0, 3]]).all()
        assert not np.isfinite(result["y0"][2]).all()


def test_plans_depend_on_the_rows_alone():
    plans = {
        rows: _core.dense_chain_plan(rows) for rows in (0, 1, 17, 2048, 2049, 4096, 4097, 8192, 8193, 10**6)
    }
    assert plans == {
        0: "tiles of 16 rows, 1 part of 16",
        1: "tiles of 16 rows, 1 part of 16",
        17: "tiles of 16 rows, 2 parts of 16",
        2048: "tiles of 16 rows, 128 parts of 16",
        2049: "tiles of 16 rows, 65 parts of 32",
        4096: "tiles of 16 rows, 128 parts of 32",
        4097: "tiles of 64 rows, 65 parts of 64",
        8192: "tiles of 64 rows, 128 parts of 64",
        8193: "tiles of 64 rows, 65 parts of 128",
        10**6: "tiles of 64 rows, 128 parts of 7872",
    }
