"""Activations in the products before them: the bits of passes of their own, in one kernel, on every path."""

import numpy as np
import pytest

import densor as keras
from densor.graph.lowering import Lowering
from densor.ops.activation import NAMES
from tests.cuda.models import classifier, data, needs_device, on_both, threads_in
from tests.ops.harness import CUDA, EMULATED, TARGETS, _core, choose
from tests.reference import cast
from tests.reference.cast import STORED

pytestmark = needs_device
on_host = pytest.mark.skipif(CUDA != "host", reason="arrays of the host as device memory")
OTHERS = [name for name in NAMES if name not in ("linear", "relu")]
PRECISION = {"simt": "ieee", "tf32": "tf32"}
MATRIX_UNITS = [("mma", 0, 0), ("wgmma", 64, 1), ("wgmma", 256, 1), ("wgmma", 128, 2)]
KERNELS = [(*kernel, "float32") for kernel in [("simt", 0, 0), ("tf32", 0, 0), *MATRIX_UNITS]]
KERNELS += [(*kernel, "bfloat16") for kernel in MATRIX_UNITS]
SHAPES = [(1, 1, 1), (5, 7, 3), (67, 37, 130)]  # rows, inputs, units


def narrow(array):
    return cast.narrow(array).view(STORED)


def wide(array):
    return cast.widen(array.view(np.uint16))


def bits(array):
    return array.view(np.uint16 if array.dtype == STORED else np.uint32)


class Operands:
    """Of one layer as arrays of that dtype; one weight is infinite where there are enough."""

    def __init__(self, rows, inputs, units, stored):
        numbers = np.random.default_rng(3)
        x, w = (
            numbers.standard_normal(shape).astype(np.float32) for shape in ((rows, inputs), (inputs, units))
        )
        if inputs > 3 and units > 2:
            w[3, 2] = np.inf  # no sum of terms
        self.narrow = narrow if stored == "bfloat16" else np.copy
        self.x, self.w = self.narrow(x), self.narrow(w)
        self.b = np.linspace(-1, 1, units, dtype=np.float32)
        self.shape = rows, units

    def outputs(self, count):
        """Arrays that hold NaN, at odd places: no pair of bfloat16 or float32 numbers is aligned there."""
        rows, units = self.shape
        room = [self.narrow(np.full(rows * units + 1, np.nan, np.float32)) for _ in range(count)]
        return [array[1:].reshape(rows, units) for array in room]

    def sums(self):
        """x w + b in float32."""
        z = np.zeros(self.shape, np.float32)
        _core.dense_forward(z, None, self.x, self.w, self.b, "linear", 0.0).run()
        return z


@pytest.fixture
def products():
    """Chooses the kernel, the columns of its tiles and the parts of k."""
    before = _core.matmul_precision()

    def choice(order, kernel, cols, parts):
        choose(order, architecture=90)
        _core.set_matmul_precision(PRECISION.get(kernel, "high"))
        _core.set_device_gemm(kernel, cols, parts)

    yield choice
    _core.set_device_gemm("auto")
    _core.set_matmul_precision(before)
    choose(None)


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize(("kernel", "cols", "parts", "stored"), KERNELS)
@pytest.mark.parametrize("activation", OTHERS)
def test_every_kernel_has_the_bits_of_a_pass(products, order, kernel, cols, parts, stored, activation):
    """The activation is that of the float32 sum; it and, where the derivative needs it, the sum are rounded once."""
    products(order, kernel, cols, parts)
    for shape in SHAPES:
        operands = Operands(*shape, stored)
        y, z = operands.outputs(2)
        saves = _core.activation_saves(activation) == "input"
        arguments = operands.x, operands.w, operands.b, activation, NAMES[activation]
        _core.dense_forward(y, z if saves else None, *arguments).run()
        sums = operands.sums()
        wanted = np.zeros_like(sums)
        _core.activation_forward(wanted, sums, activation, NAMES[activation]).run()
        assert np.isfinite(wanted).any()
        np.testing.assert_array_equal(bits(y), bits(operands.narrow(wanted)), str(shape))
        if saves:
            np.testing.assert_array_equal(bits(z), bits(operands.narrow(sums)), str(shape))


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize(("rows", "units"), [(1, 1), (5, 3), (8, 64), (9, 130)])
def test_pairs_that_are_aligned_are_stored_as_such(products, order, rows, units):
    products(order, "wgmma", 128, 1)
    for stored in ("float32", "bfloat16"):
        operands = Operands(rows, 40, units, stored)
        y, z = (operands.narrow(np.zeros((rows, units), np.float32)) for _ in range(2))
        odd = operands.outputs(2)
        for arrays in (odd, (y, z), (y, odd[1])):
            _core.dense_forward(*arrays, operands.x, operands.w, None, "gelu", 0.0).run()
            for array, other in zip(arrays, odd, strict=True):
                np.testing.assert_array_equal(bits(array), bits(other))


@on_host
@pytest.mark.parametrize("activation", OTHERS)
def test_it_is_one_kernel(products, activation):
    """Of mma.sync: nothing is packed for it."""
    products("ascending", "mma", 0, 0)
    for stored in ("float32", "bfloat16"):
        operands = Operands(40, 20, 30, stored)
        y, z = operands.outputs(2)
        saves = _core.activation_saves(activation) == "input"
        _core.emulated_traffic()
        _core.dense_forward(
            y, z if saves else None, operands.x, operands.w, None, activation, NAMES[activation]
        ).run()
        assert _core.emulated_traffic()["kernels"] == 1


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("cols", [1, 33, 300])
def test_passes_over_bfloat16_have_the_bits_of_casts(order, activation, cols):
    numbers = np.random.default_rng(cols)
    x, dy = (narrow(numbers.standard_normal((37, cols)).astype(np.float32)) for _ in range(2))
    y, dx, wanted = np.zeros_like(x), np.zeros_like(x), np.zeros(x.shape, np.float32)
    arguments = activation, NAMES[activation]
    choose(order, architecture=75)  # matrix units are not needed
    try:
        _core.activation_forward(y, x, *arguments).run()
        _core.activation_forward(wanted, wide(x), *arguments).run()
        np.testing.assert_array_equal(bits(y), bits(narrow(wanted)))
        saved = x if _core.activation_saves(activation) == "input" else y
        _core.activation_backward(dx, dy, saved, *arguments).run()
        _core.activation_backward(wanted, wide(dy), wide(saved), *arguments).run()
        np.testing.assert_array_equal(bits(dx), bits(narrow(wanted)))
        _core.activation_backward(dy, dy, saved, *arguments).run()  # in place
        np.testing.assert_array_equal(bits(dy), bits(dx))
        with pytest.raises((TypeError, ValueError), match=r"activation_forward\(\): argument 'y'"):
            _core.activation_forward(wanted, x, *arguments)
        with pytest.raises((TypeError, ValueError), match=r"activation_backward\(\): argument 'saved'"):
            _core.activation_backward(dx, dy, wanted, *arguments)
    finally:
        choose(None)


@on_host
def test_what_is_saved_is_stored_as_the_result_is(products):
    products("ascending", "mma", 0, 0)
    operands = Operands(4, 5, 6, "bfloat16")
    y, z = operands.outputs(2)
    for arrays in ((np.zeros((4, 6), np.float32), z), (y, np.zeros((4, 6), np.float32))):
        with pytest.raises((TypeError, ValueError), match=r"dense_forward\(\): argument 'z'"):
            _core.dense_forward(*arrays, operands.x, operands.w, None, "gelu", 0.0)


def mixed(activation):
    layers = keras.layers
    return [
        layers.Dense(33, activation=activation, dtype="mixed_bfloat16"),
        layers.Dense(24, activation=activation, dtype="mixed_bfloat16"),
        layers.Dense(18, dtype="mixed_bfloat16"),
    ]


@pytest.fixture
def emulated():
    """The policy is not refused for want of matrix units."""
    keras.config.set_bfloat16_emulation(True)
    yield
    keras.config.set_bfloat16_emulation(False)


@pytest.fixture
def programs(monkeypatch):
    """The names of the steps of every program that is made."""
    found = []
    bind = Lowering.bind

    def watched(lowering, *arguments, **named):
        found.append([item.op for item in lowering.instructions])
        return bind(lowering, *arguments, **named)

    monkeypatch.setattr(Lowering, "bind", watched)
    return found


def trained(layers):
    model = classifier("cuda", "sgd", layers)
    model.train_on_batch(*data(16))


@on_host
@pytest.mark.parametrize("activation", OTHERS)
def test_a_program_has_no_step_for_the_activation(programs, emulated, activation):
    """What is cast is what a linear layer has cast, too: inputs, kernels, and around the last layer."""
    with threads_in(TARGETS[0]):
        trained(lambda: mixed(activation))
        found = programs[-1]
        assert found.count("dense_forward") == 4
        trained(lambda: mixed("linear"))
        assert found == programs[-1]


@on_host
@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
def test_a_derivative_that_no_product_applies_is_one_step(programs, emulated, activation):
    """Behind a normalization, and what stands between two of them."""

    def layers(name):
        normalization = keras.layers.LayerNormalization
        return [
            keras.layers.Dense(33, activation=name, dtype="mixed_bfloat16"),
            normalization(dtype="mixed_bfloat16"),
            keras.layers.Activation(name, dtype="mixed_bfloat16"),
            normalization(dtype="mixed_bfloat16"),
        ]

    with threads_in(TARGETS[0]):
        trained(lambda: layers(activation))
        found = programs[-1]
        trained(lambda: layers("linear"))
        passes = [name for name in found if name.startswith("activation_")]
        assert passes == ["activation_forward", "activation_backward", "activation_backward"]
        assert [name for name in found if name not in passes] == programs[-1]


@pytest.mark.skipif(not EMULATED, reason="one architecture is enough, and has its bits here")
@pytest.mark.parametrize("activation", ["gelu", "tanh", "silu"])
def test_a_mixed_model_learns_what_it_learns_on_the_cpu(emulated, activation):
    """Fifty rows in batches of sixteen: the last one has two."""
    x, y = data(50)

    def run(device):
        model = classifier(device, "adam", lambda: mixed(activation))
        history = model.fit(x, y, batch_size=16, epochs=3, verbose=0).history
        return model.get_weights(), history["loss"]

    on_both(run)


@pytest.mark.parametrize("steps", ["graph", "persistent"])
def test_both_ways_of_running_have_the_same_bits(steps):
    """And those of the layers one by one."""
    x, y = data(40)

    def layers():
        return [
            keras.layers.Dense(33, activation="gelu"),
            keras.layers.Dense(17, activation="selu"),
            keras.layers.Dense(9, activation="softplus"),
        ]

    def run(device):
        model = classifier(device, "sgd", layers)
        history = model.fit(x, y, batch_size=16, epochs=2, verbose=0).history
        return model.get_weights(), history

    _core.set_device_chains(False)
    _core.set_device_steps(steps)
    try:
        on_both(run)
    finally:
        _core.set_device_steps("auto")
        _core.set_device_chains(True)
