"""Batch normalization, activation and dropout in one pass of a device: bit for bit what the three passes compute."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, _core, choose, execute, normal

on_device = pytest.mark.skipif(not CUDA, reason="the CUDA kernels run in `make test-cuda`")
EPSILON = 1e-3
SHAPES = [(1, 1), (3, 16), (33, 130), (257, 31), (300, 260)]


def mask_of(kept):
    """Bit j of word w tells of column 16 w + j."""
    rows, cols = kept.shape
    bits = np.zeros((rows, -(-cols // 16) * 16), np.uint16)
    bits[:, :cols] = kept
    return (bits.reshape(rows, -1, 16) << np.arange(16, dtype=np.uint16)).sum(axis=2).astype(np.uint16)


def separate(x, gamma, beta, dy, activation, rate, step):
    """The passes one after the other."""
    rows, cols = x.shape
    words = (rows, -(-cols // 16))
    found = execute(
        lambda o, i: _core.batch_norm_forward(
            o.y, o.mean, o.variance, i.x, i.gamma, i.beta, EPSILON, activation, 0.0
        ),
        {"x": x, "gamma": gamma, "beta": beta},
        {"y": x.shape, "mean": (cols,), "variance": (cols,)},
    )
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
    return found | execute(
        lambda o, i: _core.batch_norm_backward(
            o.dx, o.dgamma, o.dbeta, i.dh, i.x, i.y, i.mean, i.variance, i.gamma, EPSILON, activation, 0.0
        ),
        {"x": x, "gamma": gamma} | {name: found[name] for name in ("dh", "y", "mean", "variance")},
        {"dx": x.shape, "dgamma": (cols,), "dbeta": (cols,)},
    )


def together(x, gamma, beta, dy, activation, rate, step):
    rows, cols = x.shape
    found = execute(
        lambda o, i: _core.batch_norm_forward(
            o.out, o.mean, o.variance, i.x, i.gamma, i.beta, EPSILON, activation, 0.0,
            mask=o.mask, rate=rate, seed=11, stream=3,
        ),
        {"x": x, "gamma": gamma, "beta": beta},
        {"out": x.shape, "mean": (cols,), "variance": (cols,), "mask": ((rows, -(-cols // 16)), np.uint16)},
        step=step,
    )  # fmt: skip
    return found | execute(
        lambda o, i: _core.batch_norm_backward(
            o.dx, o.dgamma, o.dbeta, i.dy, i.x, None, i.mean, i.variance, i.gamma, EPSILON, activation, 0.0,
            mask=i.mask, rate=rate,
        ),
        {"x": x, "gamma": gamma, "dy": dy} | {name: found[name] for name in ("mask", "mean", "variance")},
        {"dx": x.shape, "dgamma": (cols,), "dbeta": (cols,)},
    )  # fmt: skip


@on_device
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_one_pass_has_the_bits_of_three(shape, activation, rate):
    rng = np.random.default_rng(shape)
    x, dy = normal(rng, *shape, scale=2.0) + 5, normal(rng, *shape)
    gamma, beta = 1 + normal(rng, shape[1], scale=0.3), normal(rng, shape[1])
    for order in TARGETS:
        choose(order)
        try:
            wanted = separate(x, gamma, beta, dy, activation, rate, 7)
            found = together(x, gamma, beta, dy, activation, rate, 7)
        finally:
            choose(None)
        for name in ("out", "mean", "variance", "dx", "dgamma", "dbeta"):
            np.testing.assert_array_equal(found[name], wanted[name], err_msg=f"{order} {name}")
        passed = wanted["y"] > 0 if activation == "relu" else np.ones(shape, bool)
        np.testing.assert_array_equal(found["mask"], wanted["kept"] & mask_of(passed), err_msg=order)


@on_device
def test_what_is_no_number_stays_none():
    x = np.ones((40, 3), np.float32)
    x[4, 1] = np.nan
    choose(TARGETS[0])
    try:
        found = together(x, np.ones(3, np.float32), np.zeros(3, np.float32), x, "relu", 0.5, 0)
    finally:
        choose(None)
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
        with pytest.raises(ValueError, match=r"argument 'mask': must be None on a CPU"):
            forward(mask=mask, rate=0.5)
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
