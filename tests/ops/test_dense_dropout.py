"""Dropout in the products of a device: the bits of the product followed by dropout, by every kernel."""

import numpy as np
import pytest

from tests.ops.harness import CUDA, EMULATED, TARGETS, _core, choose, execute, normal, same_bits
from tests.ops.test_product_sums import KERNELS, PARTS, check_moments, products_by
from tests.reference.cast import STORED, narrow

on_device = pytest.mark.skipif(not CUDA, reason="the CUDA kernels run in `make test-cuda`")
SHAPES = [(1, 3, 1), (5, 17, 33), (130, 40, 65), (300, 0, 16), (34, 9, 300)]  # rows, inputs, units
NAMED = pytest.mark.parametrize("kernel", KERNELS + PARTS, ids=lambda k: "-".join(map(str, k[:4])))
DROPOUT = {"rate": 0.4, "seed": 2**40 + 3, "stream": 5}


def words(units):
    return -(-units // 16)


def in_one_pass(x, w, bias, activation, dtype=np.float32, step=7, **more):
    found = execute(
        lambda o, i: _core.dense_forward(
            o.y, None, i.x, i.w, i.bias, activation, 0.0, True, mask=o.mask, **DROPOUT, **more
        ),
        {"x": x, "w": w, "bias": bias},
        {"y": ((len(x), w.shape[1]), dtype), "mask": ((len(x), words(w.shape[1])), np.uint16)},
        step=step,
    )
    return found["y"], found["mask"]


def in_two(x, w, bias, activation, dtype=np.float32, step=7):
    shape = (len(x), w.shape[1])
    y = execute(
        lambda o, i: _core.dense_forward(o.y, None, i.x, i.w, i.bias, activation, 0.0, True),
        {"x": x, "w": w, "bias": bias},
        {"y": (shape, dtype)},
    )["y"]
    found = execute(
        lambda o, i: _core.dropout_forward(
            o.y, o.mask, i.x, kind="inverted", positive=activation == "relu", **DROPOUT
        ),
        {"x": y},
        {"y": (shape, dtype), "mask": ((shape[0], words(shape[1])), np.uint16)},
        step=step,
    )
    return found["y"], found["mask"]


def check_both(x, w, bias, dtype=np.float32, activations=("linear", "relu")):
    for activation in activations:
        for mine, wanted in zip(
            in_one_pass(x, w, bias, activation, dtype), in_two(x, w, bias, activation, dtype), strict=True
        ):
            assert same_bits(mine, wanted), activation


@on_device
@NAMED
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bits_of_the_product_and_dropout(kernel, shape):
    rng = np.random.default_rng(shape)
    rows, inputs, units = shape
    x, w, bias = normal(rng, rows, inputs), normal(rng, inputs, units), normal(rng, units)
    for order in TARGETS:
        with products_by(order, *kernel):
            check_both(x, w, bias)
            check_both(x, w, None, activations=["relu"])


@on_device
@pytest.mark.parametrize("units", [1030, 12 * 128 + 1])
def test_the_larger_tiles_of_multiply_adds(units):
    rng = np.random.default_rng(units)
    x, w, bias = normal(rng, 1500, 3), normal(rng, 3, units), normal(rng, units)
    with products_by(TARGETS[0], "simt", 0, 0, "ieee", 80):
        check_both(x, w, bias)


@on_device
@pytest.mark.parametrize(
    "kernel", [("mma", 0, 0, "medium", 80), ("wgmma", 128, 1, "medium", 90), ("wgmma", 64, 3, "medium", 90)],
    ids=lambda k: "-".join(map(str, k[:3])),
)  # fmt: skip
@pytest.mark.parametrize("shape", [(5, 17, 33), (130, 300, 65)], ids=str)
def test_stored_in_bfloat16(kernel, shape):
    """What is dropped out has been rounded, as it would be in memory."""
    rng = np.random.default_rng(shape)
    rows, inputs, units = shape
    x, w = narrow(normal(rng, rows, inputs)), narrow(normal(rng, inputs, units))
    bias = normal(rng, units)
    for order in TARGETS:
        with products_by(order, *kernel):
            check_both(x, w, bias, STORED)


@on_device
@NAMED
def test_what_is_not_finite(kernel):
    """NaN and infinity that are kept stay what they are, and NaN passes no gradient of relu."""
    x, w = np.ones((129, 40), np.float32), np.zeros((40, 37), np.float32)
    w[3, 1], w[0, 4], w[1, 5], w[2, 36] = 1.0, np.inf, np.nan, -np.inf
    x[128, 3] = 3.4e38
    for order in TARGETS:
        with products_by(order, *kernel):
            check_both(x, w, np.zeros(37, np.float32))


@on_device
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: "-".join(map(str, k[:4])))
def test_moments_are_those_of_what_is_left(kernel):
    rng = np.random.default_rng(5)
    x, w, bias = normal(rng, 140, 30), normal(rng, 30, 20), normal(rng, 20)
    for order in TARGETS:
        with products_by(order, *kernel):
            part, _ = _core.dense_sums(*x.shape, 20)
            found = execute(
                lambda o, i: _core.dense_forward(
                    o.y, None, i.x, i.w, i.bias, "relu", 0.0, True, moments=o.moments, mask=o.mask, **DROPOUT
                ),
                {"x": x, "w": w, "bias": bias},
                {"y": (140, 20), "moments": (2, -(-140 // part), 20), "mask": ((140, 2), np.uint16)},
            )  # fmt: skip
            assert (found["y"] == 0.0).mean() > 0.5
            check_moments(found["y"], found["moments"], part)


@on_device
def test_every_step_draws_anew():
    rng = np.random.default_rng(6)
    x, w = normal(rng, 33, 20), normal(rng, 20, 50)
    with products_by(TARGETS[0], "simt", 0, 0, "ieee", 80):
        masks = [in_one_pass(x, w, None, "linear", step=step)[1] for step in (0, 1, 1)]
    assert not same_bits(masks[0], masks[1])
    assert same_bits(masks[1], masks[2])


def test_bad_input():
    y, x, w = np.zeros((4, 30), np.float32), np.ones((4, 2), np.float32), np.ones((2, 30), np.float32)
    mask = np.zeros((4, 2), np.uint16)

    def refused(match, activation="relu", **arguments):
        with pytest.raises(ValueError, match=match):
            _core.dense_forward(
                y, None, x, w, None, activation, 0.0, True, **({"mask": mask, "rate": 0.5} | arguments)
            )

    if not CUDA:
        return refused(r"dense_forward\(\): argument 'mask': must be None on a CPU; apply dropout separately")
    if not EMULATED:
        pytest.skip("these arrays are the processor's")
    choose(TARGETS[0])
    try:
        refused("argument 'mask'.*'tanh'; apply dropout separately", "tanh")
        refused(r"argument 'mask'.*\(4, 2\)", mask=np.zeros((4, 1), np.uint16))
        refused("argument 'rate'", rate=1.0)
    finally:
        choose(None)
