"""dense_backward that multiplies dx by the derivatives of the dropout and the activation below the layer: the bits of
these steps one after the other, on every target, and the float64 reference."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, RUNS, TARGETS, _core, check, execute, normal, on_target, same_bits
from tests.ops.test_dense import SHAPES
from tests.reference import activation, dropout
from tests.reference import dense as reference

ALPHA = {"leaky_relu": 0.2, "elu": 0.7, "silu": 1.3}
# Beside the shapes of the products: several blocks of terms, of rows and of columns, and one row of many.
LARGE = [(1, 784, 300), (3, 300, 1100), (128, 300, 100), (300, 17, 1400), (700, 129, 70)]


class Case:
    """A layer below with `name`, whose output or input is kept; dropout between, unless rate is None."""

    def __init__(self, shape, name="relu", rate=0.3, kind="inverted"):
        rows, inputs, units = shape
        rng = np.random.default_rng([rows, inputs, units])
        self.w, self.dy = normal(rng, inputs, units, scale=inputs**-0.5), normal(rng, rows, units)
        z = normal(rng, rows, inputs)
        self.x = np.float32(activation.forward(z, name, ALPHA.get(name, 0.0)))
        self.below = {}
        self.arrays = {"dy": self.dy, "x": self.x, "w": self.w}
        if name != "linear":
            self.arrays["kept"] = z if _core.activation_saves(name) == "input" else self.x
            self.below = {"below_activation": name, "below_alpha": ALPHA.get(name, 0.0)}
        if rate is not None:
            self.keep = dropout.kept(rows, inputs, rate, 3, 0)
            self.arrays["mask"] = dropout.pack(self.keep)
            self.below |= {"below_rate": rate, "below_kind": kind}
        self.name, self.rate, self.kind = name, rate, kind

    def build(self, o, i):
        dw, dbias = getattr(o, "dw", None), getattr(o, "dbias", None)
        mask, kept = getattr(i, "mask", None), getattr(i, "kept", None)
        return _core.dense_backward(
            o.dx, dw, dbias, None, i.dy, None, i.x, i.w, "linear", 0.0,
            below_mask=mask, below_saved=kept, **self.below,
        )  # fmt: skip

    def apart(self):
        """dx on the target at hand, by steps of their own."""
        arrays = {key: self.arrays[key] for key in ("dy", "x", "w")}
        build = lambda o, i: _core.dense_backward(  # noqa: E731
            o.dx, None, None, None, i.dy, None, i.x, i.w, "linear", 0.0
        )
        dx = execute(build, arrays, {"dx": self.x.shape})["dx"]
        if self.rate is not None:
            build = lambda o, i: _core.dropout_backward(o.dx, i.dx, i.mask, self.rate, self.kind)  # noqa: E731
            dx = execute(build, {"dx": dx, "mask": self.arrays["mask"]}, {"dx": dx.shape})["dx"]
        if self.name != "linear":
            build = lambda o, i: _core.activation_backward(  # noqa: E731
                o.dx, i.dx, i.kept, self.name, ALPHA.get(self.name, 0.0)
            )
            dx = execute(build, {"dx": dx, "kept": self.arrays["kept"]}, {"dx": dx.shape})["dx"]
        return dx

    def assert_bits(self, target):
        with on_target(target):
            wanted = self.apart()
            for threads, offset in RUNS:
                _core.set_num_threads(threads)
                found = execute(self.build, self.arrays, {"dx": self.x.shape}, offset)["dx"]
                assert same_bits(found, wanted), f"{threads} threads on {target}"


@pytest.fixture(params=TARGETS if CUDA else (*TARGETS, "amx_model"))
def target(request):
    threads = _core.num_threads()
    yield request.param
    _core.set_num_threads(threads)


@pytest.fixture
def precision():
    before = _core.matmul_precision()
    yield _core.set_matmul_precision
    _core.set_matmul_precision(before)


@pytest.mark.parametrize("shape", SHAPES + LARGE, ids=str)
@pytest.mark.parametrize(("name", "rate"), [("relu", None), ("relu", 0.3), ("linear", 0.3), ("tanh", 0.5)])
def test_the_bits_are_those_of_steps_of_their_own(target, shape, name, rate):
    Case(shape, name, rate).assert_bits(target)


@pytest.mark.parametrize("name", activation.NAMES)
@pytest.mark.parametrize("kind", ["inverted", "alpha"])
def test_every_activation(target, name, kind):
    Case((33, 40, 35), name, 0.4, kind).assert_bits(target)
    Case((33, 40, 35), name, None).assert_bits(target)


@pytest.mark.parametrize("name", ["x6", "high", "medium", *(["tf32"] if CUDA else [])])
@pytest.mark.parametrize("shape", [(33, 47, 70), (130, 300, 49), (40, 1, 33), (5, 2100, 40)], ids=str)
def test_every_precision(target, precision, name, shape):
    precision(name)
    Case(shape, "relu", 0.3).assert_bits(target)
    Case(shape, "selu", None).assert_bits(target)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, 1e-42])
def test_numbers_that_are_not_ordinary(target, precision, value):
    for name in ("highest", "x6"):
        precision(name)
        case = Case((20, 70, 40), "relu", 0.5)
        case.dy[3, 5] = case.dy[7, 1] = value
        case.w[11] = 0.0
        case.arrays["kept"][5, 3] = value
        case.assert_bits(target)


@pytest.mark.parametrize("name", activation.NAMES)
@pytest.mark.parametrize("rate", [None, 0.4])
def test_against_the_definition(name, rate):
    case = Case((33, 40, 35), name, rate)
    dx, dw, dbias, _ = reference.backward(case.dy, case.x, case.w, None)
    size = np.abs(case.dy) @ np.abs(case.w.T)
    if rate is not None:
        dx, size = dropout.backward(dx, case.keep, rate), size / (1 - rate)
    if name != "linear":
        dx = dx * activation.slope(case.arrays["kept"].astype(np.float64), name, ALPHA.get(name, 0.0))
    outputs = {"dx": dx.shape, "dw": dw.shape, "dbias": dbias.shape}
    sizes = {"dx": 2 + 2 * size, "dw": 100.0, "dbias": 100.0}
    check("dense", case.build, case.arrays, outputs, {"dx": dx, "dw": dw, "dbias": dbias}, sizes)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"below_mask": np.zeros((4, 2), np.uint16)}, r"'below_mask': expected shape \(4, 3\), got \(4, 2\)"),
        ({"below_mask": np.zeros((4, 3), np.float32)}, "'below_mask': .*uint16"),
        ({"below_saved": np.zeros((4, 32), np.float32)}, r"'below_saved': expected shape \(4, 33\)"),
        ({"below_saved": None}, "'below_saved': expected an array, got None; activation 'relu' needs it"),
        ({"below_activation": "linear"}, "'below_saved': must be None: activation 'linear' does not use it"),
        ({"below_activation": "rellu"}, "'below_activation': .*rellu"),
        ({"below_rate": 1.0}, r"'below_rate': .*1"),
        ({"below_kind": "gaussian"}, "'below_kind': .*gaussian"),
        ({"below_alpha": np.nan}, "'below_alpha': .*nan"),
        ({"dx": None}, "'dx': expected an array, got None; 'below_saved' and 'below_mask' are for it"),
    ],
    ids=str,
)
def test_wrong_arguments(wrong, message):
    f = lambda *shape: np.zeros(shape, np.float32)  # noqa: E731
    arguments = {
        "dx": f(4, 33), "dw": None, "dbias": None, "dz": None, "dy": f(4, 5), "saved": None, "x": f(4, 33),
        "w": f(33, 5), "activation": "linear", "alpha": 0.0, "below_mask": np.zeros((4, 3), np.uint16),
        "below_rate": 0.5, "below_kind": "inverted", "below_saved": f(4, 33), "below_activation": "relu",
    }  # fmt: skip
    _core.dense_backward(**arguments)
    with pytest.raises((TypeError, ValueError), match=message):
        _core.dense_backward(**(arguments | wrong))


def test_the_result_may_not_lie_where_its_factors_are():
    x, w, dy = np.zeros((4, 33), np.float32), np.zeros((33, 5), np.float32), np.zeros((4, 5), np.float32)
    with pytest.raises(ValueError, match="below_saved"):
        _core.dense_backward(
            x, None, None, None, dy, None, x + 1, w, "linear", 0.0, below_saved=x, below_activation="relu"
        )
