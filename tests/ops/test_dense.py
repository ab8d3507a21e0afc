"""dense_forward and dense_backward on every target, against float64."""

import numpy as np
import pytest

from tests.ops.harness import _core, check, normal, on_every_target, same_bits
from tests.reference import activation
from tests.reference import dense as reference

SHAPES = [  # rows, in, out
    (1, 1, 1),
    (1, 31, 33),
    (2, 33, 31),
    (5, 7, 127),
    (31, 32, 33),
    (32, 300, 10),
    (33, 127, 1),
    (97, 1, 300),
    (127, 31, 48),
    (130, 300, 49),
    (257, 33, 96),
]


def case(rows, inputs, outputs, seed=0):
    rng = np.random.default_rng([rows, inputs, outputs, seed])
    x, w = normal(rng, rows, inputs), normal(rng, inputs, outputs, scale=inputs**-0.5)
    return x, w, normal(rng, outputs), normal(rng, rows, outputs)


def check_forward(x, w, bias, name, alpha):
    y, z = reference.forward(x, w, bias, name, alpha)
    terms = np.abs(x).astype(np.float64) @ np.abs(w) + (0 if bias is None else np.abs(bias))
    outputs = {"y": y.shape}
    expected = {"y": y}
    if _core.activation_saves(name) == "input":
        outputs["z"], expected["z"] = z.shape, z
    check(
        "dense",
        lambda o, i: _core.dense_forward(o.y, getattr(o, "z", None), i.x, i.w, i.bias, name, alpha),
        {"x": x, "w": w, "bias": bias},
        outputs,
        expected,
        {"y": np.maximum(1.0, 1.2 * terms), "z": terms},
    )


def check_backward(x, w, bias, dy, name, alpha, wanted=("dx", "dw", "dbias")):
    y, z = reference.forward(x, w, bias, name, alpha)
    saved = None if name == "linear" else np.float32(z if _core.activation_saves(name) == "input" else y)
    dx, dw, dbias, dz = reference.backward(dy, x, w, z, name, alpha)
    size = np.abs(dz) + 1e-6 * np.abs(dy)
    everything = {
        "dx": (dx, 1 + size @ np.abs(w.T)),
        "dw": (dw, 1 + np.abs(x.T) @ size),
        "dbias": (dbias, 1 + size.sum(axis=0)),
    }
    outputs = {key: everything[key][0].shape for key in wanted}
    if name != "linear":
        outputs["dz"] = dy.shape

    def build(o, i):
        dx, dw, dbias, dz = (getattr(o, key, None) for key in ("dx", "dw", "dbias", "dz"))
        return _core.dense_backward(dx, dw, dbias, dz, i.dy, i.saved, i.x, i.w, name, alpha)

    check(
        "dense",
        build,
        {"dy": dy, "saved": saved, "x": x, "w": w},
        outputs,
        {key: everything[key][0] for key in wanted},
        {key: 2.0 * everything[key][1] for key in wanted},
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["linear", "relu", "gelu"])
def test_forward(shape, name):
    x, w, bias, _ = case(*shape)
    check_forward(x, w, bias, name, 0.0)
    check_forward(x, w, None, name, 0.0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["linear", "tanh", "softplus"])
def test_backward(shape, name):
    x, w, bias, dy = case(*shape)
    check_backward(x, w, bias, dy, name, 0.0)


@pytest.mark.parametrize("name", activation.NAMES)
def test_every_activation(name):
    x, w, bias, dy = case(33, 40, 35)
    alpha = {"leaky_relu": 0.2, "elu": 0.7, "silu": 1.3}.get(name, 0.0)
    check_forward(x, w, bias, name, alpha)
    check_backward(x, w, bias, dy, name, alpha)


@pytest.mark.parametrize("name", ["gelu", "silu"])
@pytest.mark.parametrize("shape", [(1, 31, 33), (33, 300, 20)], ids=str)
def test_what_is_not_kept_for_the_gradient_changes_nothing(shape, name):
    x, w, bias, _ = case(*shape)
    inputs, y = {"x": x, "w": w, "bias": bias}, (shape[0], shape[2])

    def build(o, i):
        return _core.dense_forward(o.y, getattr(o, "z", None), i.x, i.w, i.bias, name, 1.0)

    kept, alone = (on_every_target(build, inputs, outputs) for outputs in ({"y": y, "z": y}, {"y": y}))
    assert all(same_bits(kept[target]["y"], alone[target]["y"]) for target in kept)


@pytest.mark.parametrize(
    "wanted", [("dx",), ("dw",), ("dbias",), ("dw", "dbias"), ("dx", "dw")], ids="-".join
)
@pytest.mark.parametrize("name", ["linear", "relu"])
def test_backward_computes_only_what_is_wanted(name, wanted):
    x, w, bias, dy = case(34, 21, 50)
    check_backward(x, w, bias, dy, name, 0.0, wanted)


def test_dz_may_be_dy():
    x, w, bias, dy = case(33, 20, 40)
    y, z = reference.forward(x, w, bias, "relu")
    dx, dw, dbias, _ = reference.backward(dy, x, w, z, "relu")
    check(
        "dense",
        lambda o, i: _core.dense_backward(o.dx, o.dw, o.dbias, o.dy, o.dy, i.y, i.x, i.w, "relu", 0.0),
        {"y": np.float32(y), "x": x, "w": w},
        {"dx": dx.shape, "dw": dw.shape, "dbias": dbias.shape, "dy": dy},
        {"dx": dx, "dw": dw, "dbias": dbias},
        {"dx": 50.0, "dw": 50.0, "dbias": 50.0},
    )


def test_rows_do_not_depend_on_the_batch():
    """Row r of a batch has the same bits whatever the other rows and their number."""
    x, w, bias, _ = case(256, 784, 100)
    whole = np.empty((256, 100), np.float32)
    _core.dense_forward(whole, None, x, w, bias, "relu", 0.0).run()
    for rows in (1, 2, 3, 7, 16, 33):
        part = np.empty((rows, 100), np.float32)
        _core.dense_forward(part, None, x[5 : 5 + rows], w, bias, "relu", 0.0).run()
        np.testing.assert_array_equal(part, whole[5 : 5 + rows], err_msg=f"{rows} rows")
