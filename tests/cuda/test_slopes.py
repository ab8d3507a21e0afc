"""Derivatives in the products that make the gradients they multiply: the same bits in fewer kernels."""

import numpy as np
import pytest

import densor as keras
from densor.graph import program
from tests.cuda.models import assert_same, classifier, data, needs_device, threads_in
from tests.ops.harness import CUDA, TARGETS, _core, choose
from tests.reference import cast
from tests.reference.cast import STORED

pytestmark = needs_device
X, Y = data(40)


@pytest.fixture(autouse=True)
def layer_by_layer():
    _core.set_device_chains(False)  # which have no products of their own
    try:
        yield
    finally:
        _core.set_device_chains(True)


def relu():
    return [keras.layers.Dense(33, activation="relu"), keras.layers.Dense(17, activation="relu")]


def dropped():
    return [layer for dense in relu() for layer in (dense, keras.layers.Dropout(0.3))]


def selu():
    return [keras.layers.Dense(33, activation="selu"), keras.layers.AlphaDropout(0.3)]


def gelu():
    return [keras.layers.Dense(33, activation="gelu"), keras.layers.Dense(17, activation="softplus")]


def normalized():
    normalization = [keras.layers.BatchNormalization(), keras.layers.Activation("relu")]
    return [keras.layers.Dense(33, activation="tanh"), keras.layers.Dense(17), *normalization]


# How many kernels of a step each saves: of two layers, or of one. A product drops out its results where the mask is all
# that the gradient reads.
SAVED = {relu: 2, dropped: 6, selu: 2, gelu: 2, normalized: 1}


@pytest.mark.parametrize("steps", ["graph", "persistent"])
@pytest.mark.parametrize("layers", SAVED)
def test_the_bits_are_those_of_steps_of_their_own(monkeypatch, layers, steps):
    def run():
        model = classifier("cuda", "sgd", layers)
        history = model.fit(X, Y, epochs=2, batch_size=16, verbose=0).history
        return model.get_weights(), history

    _core.set_device_steps(steps)
    try:
        for order in TARGETS:
            with threads_in(order):
                found = run()
                with monkeypatch.context() as patch:
                    patch.setattr(program, "fuse_slopes", lambda lowering: None)
                    assert_same(found, run(), order, atol=0)
    finally:
        _core.set_device_steps("auto")


PRECISION = {"simt": "ieee", "tf32": "tf32"}
MATRIX_UNITS = [("mma", 0, 0), ("wgmma", 64, 1), ("wgmma", 256, 1), ("wgmma", 128, 2)]
KERNELS = [(*kernel, "float32") for kernel in [("simt", 0, 0), ("tf32", 0, 0), *MATRIX_UNITS]]
KERNELS += [(*kernel, "bfloat16") for kernel in MATRIX_UNITS]


@pytest.mark.skipif(CUDA != "host", reason="arrays of the host as device memory")
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize(("kernel", "cols", "parts", "stored"), KERNELS)
@pytest.mark.parametrize("activation", ["relu", "elu", "sigmoid", "gelu"])
@pytest.mark.parametrize("rate", [None, 0.3])
def test_every_kernel_has_the_bits_of_passes(order, kernel, cols, parts, stored, activation, rate):
    rows, inputs, units = 67, 37, 130
    numbers = np.random.default_rng(8)
    dy, w, saved = (
        numbers.standard_normal(shape).astype(np.float32)
        for shape in ((rows, units), (inputs, units), (rows, inputs))
    )
    w[3, 5] = np.inf  # no sum of terms
    mask = numbers.integers(0, 2**16, (rows, -(-inputs // 16)), dtype=np.uint16)
    alpha = 0.2 if activation == "elu" else 0.0
    narrow = (lambda array: cast.narrow(array).view(STORED)) if stored == "bfloat16" else np.copy
    wide = (lambda array: cast.widen(array.view(np.uint16))) if stored == "bfloat16" else np.copy
    dy, w, x = narrow(dy), narrow(w), np.zeros_like(narrow(saved))
    saved, found, gradient = narrow(saved), np.zeros_like(x), np.zeros_like(x)
    before = _core.matmul_precision()
    choose(order, architecture=90)
    try:
        _core.set_matmul_precision(PRECISION.get(kernel, "high"))
        _core.set_device_gemm(kernel, cols, parts)
        arguments = None, None, None, dy, None, x, w, "linear", 0.0
        below = {"below_saved": saved, "below_activation": activation, "below_alpha": alpha}
        if rate is not None:
            below |= {"below_mask": mask, "below_rate": rate}
        _core.dense_backward(found, *arguments, **below).run()
        _core.dense_backward(gradient, *arguments).run()
        wanted = wide(gradient)
        if rate is not None:
            _core.dropout_backward(wanted, wanted.copy(), mask, rate, "inverted").run()
            wanted = wide(narrow(wanted))
        _core.activation_backward(wanted, wanted.copy(), wide(saved), activation, alpha).run()
    finally:
        _core.set_device_gemm("auto")
        _core.set_matmul_precision(before)
        choose(None)
    assert np.isfinite(wanted).any()
    np.testing.assert_array_equal(wide(found), wide(narrow(wanted)))


@pytest.mark.skipif(CUDA != "host", reason="counts of the emulated device")
@pytest.mark.parametrize("layers", SAVED)
def test_a_step_has_fewer_kernels(monkeypatch, layers):
    def kernels():
        model = classifier("cuda", "sgd", layers)
        model.train_on_batch(X, Y)
        _core.emulated_traffic()
        model.train_on_batch(X, Y)
        return _core.emulated_traffic()["kernels"]

    with threads_in(TARGETS[0]):
        fused = kernels()
        monkeypatch.setattr(program, "fuse_slopes", lambda lowering: None)
        assert kernels() == fused + SAVED[layers]
