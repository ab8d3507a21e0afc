"""Batch normalization, activation and dropout in one pass: bit for bit what the three passes compute."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, RUNS, TARGETS, _core, choose, execute, normal, on_target
from tests.reference import cast
from tests.reference.dropout import pack

EPSILON = 1e-3
SHAPES = [(1, 1), (3, 16), (33, 130), (257, 31), (300, 260), (40, 600), (700, 1100)]


def stored(array, rounded):
    """What is read of an array that lies in memory as float32 or, rounded, as bfloat16 numbers."""
    return cast.forward(array) if rounded else array


def separate(x, gamma, beta, dy, activation, rate, step, rounded):
    """The passes one after the other, on the target at hand."""
    rows, cols = x.shape
    words = (rows, -(-cols // 16))
    found = execute(
        lambda o, i: _core.batch_norm_forward(
            o.y, o.mean, o.variance, i.x, i.gamma, i.beta, EPSILON, activation, 0.0
        ),
        {"x": x, "gamma": gamma, "beta": beta},
        {"y": x.shape, "mean": (cols,), "variance": (cols,)},
    )
    found["y"] = stored(found["y"], rounded)
    found |= execute(
        lambda o, i: _core.dropout_forward(o.out, o.kept, i.y, rate, "inverted", 11, 3),
        {"y": found["y"]},
        {"out": x.shape, "kept": (words, np.uint16)},
        step=step,
    )
    found |= execute(
        lambda o, i: _core.dropout_backward(o.dh, i.dy, i.kept, rate, "inverted"),
        {"dy": dy, "kept": found["kept"]},
        {"dh": x.shape},
    )
    found["dh"] = stored(found["dh"], rounded)
    return found | execute(
        lambda o, i: _core.batch_norm_backward(
            o.dx, o.dgamma, o.dbeta, i.dh, i.x, i.y, i.mean, i.variance, i.gamma, EPSILON, activation, 0.0
        ),
        {"x": x, "gamma": gamma} | {name: found[name] for name in ("dh", "y", "mean", "variance")},
        {"dx": x.shape, "dgamma": (cols,), "dbeta": (cols,)},
    )


def together(x, gamma, beta, dy, activation, rate, step, rounded=False, offset=0):
    rows, cols = x.shape
    found = execute(
        lambda o, i: _core.batch_norm_forward(
            o.out, o.mean, o.variance, i.x, i.gamma, i.beta, EPSILON, activation, 0.0,
            mask=o.mask, rate=rate, seed=11, stream=3, rounded=rounded,
        ),
        {"x": x, "gamma": gamma, "beta": beta},
        {"out": x.shape, "mean": (cols,), "variance": (cols,), "mask": ((rows, -(-cols // 16)), np.uint16)},
        offset,
        step=step,
    )  # fmt: skip
    return found | execute(
        lambda o, i: _core.batch_norm_backward(
            o.dx, o.dgamma, o.dbeta, i.dy, i.x, None, i.mean, i.variance, i.gamma, EPSILON, activation, 0.0,
            mask=i.mask, rate=rate, rounded=rounded,
        ),
        {"x": x, "gamma": gamma, "dy": dy} | {name: found[name] for name in ("mask", "mean", "variance")},
        {"dx": x.shape, "dgamma": (cols,), "dbeta": (cols,)},
        offset,
    )  # fmt: skip


@pytest.fixture
def threads():
    before = _core.num_threads()
    yield
    _core.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize(("rate", "rounded"), [(0.0, False), (0.4, False), (0.4, True)])
def test_one_pass_has_the_bits_of_three(shape, activation, rate, rounded):
    rng = np.random.default_rng(shape)
    x, dy = normal(rng, *shape, scale=2.0) + 5, normal(rng, *shape)
    gamma, beta = 1 + normal(rng, shape[1], scale=0.3), normal(rng, shape[1])
    for target in TARGETS:
        with on_target(target):
            wanted = separate(x, gamma, beta, dy, activation, rate, 7, rounded)
            passed = wanted["y"] > 0 if activation == "relu" else np.ones(shape, bool)
            for count, offset in RUNS:
                _core.set_num_threads(count)
                found = together(x, gamma, beta, dy, activation, rate, 7, rounded, offset)
                where = f"{target}, {count} threads"
                for name in ("out", "mean", "variance", "dx", "dgamma", "dbeta"):
                    np.testing.assert_array_equal(found[name], wanted[name], err_msg=f"{where}: {name}")
                np.testing.assert_array_equal(found["mask"], wanted["kept"] & pack(passed), err_msg=where)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_number_stays_none(target):
    x = np.ones((40, 3), np.float32)
    x[4, 1] = np.nan
    with on_target(target):
        found = together(x, np.ones(3, np.float32), np.zeros(3, np.float32), x, "relu", 0.5, 0)
    kept = found["out"][:, 1] != 0
    assert np.isnan(found["out"][kept, 1]).all()
    assert kept.any()


def test_bad_input():
    x, column = np.ones((5, 20), np.float32), np.ones(20, np.float32)
    y, mean, variance, mask = x.copy(), column.copy(), column.copy(), np.zeros((5, 2), np.uint16)

    def forward(activation="relu", **fused):
        _core.batch_norm_forward(y, mean, variance, x, column, column, EPSILON, activation, 0.0, **fused)

    if CUDA:
        if CUDA != "host":
            pytest.skip("arrays of the host stand for those of a device")
        choose(TARGETS[0])
    else:
        with pytest.raises(ValueError, match=r"argument 'moments': must be None on a CPU"):
            forward(moments=np.zeros((2, 3, 20), np.float32), moment_rows=2)
    try:
        with pytest.raises(ValueError, match=r"argument 'rate'"):
            forward(mask=mask, rate=1.0)
        with pytest.raises(ValueError, match=r"argument 'mask': must be None behind the activation 'tanh'"):
            forward("tanh", mask=mask, rate=0.5)
        with pytest.raises(ValueError, match=r"argument 'mask'.*\(5, 2\)"):
            forward(mask=mask[:, :1].copy(), rate=0.5)
        with pytest.raises(ValueError, match=r"overlaps the memory of argument 'mask'"):
            forward(mask=y.view(np.uint16).reshape(-1)[:10].reshape(5, 2), rate=0.5)
        with pytest.raises(ValueError, match=r"argument 'moments'.*\(2, 3, 20\)"):
            forward(moments=np.zeros((2, 1, 20), np.float32), moment_rows=2)
        with pytest.raises(ValueError, match=r"argument 'moment_rows'"):
            forward(moments=np.zeros((2, 1, 20), np.float32))
    finally:
        if CUDA:
            choose(None)
