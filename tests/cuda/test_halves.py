"""Products of bfloat16 arrays as they lie in memory: the bits of products of float32 copies, rounded behind them."""

import numpy as np
import pytest

import densor as keras
from densor.graph import storage
from densor.graph.buffers import BFLOAT16
from densor.graph.lowering import Lowering
from tests.cuda.models import assert_same, data, threads_in
from tests.graph.build import variable
from tests.ops.harness import CUDA, EMULATED, TARGETS, _core, choose
from tests.reference import cast
from tests.reference.cast import STORED

on_host = pytest.mark.skipif(CUDA != "host", reason="arrays of the host as device memory")
SHAPES = [(1, 1, 1), (5, 7, 3), (33, 64, 40), (130, 66, 129)]  # rows, inputs, units


@pytest.fixture
def products():
    """Chooses the kernel and the parts of k."""
    yield lambda kernel, cols, parts: _core.set_device_gemm(kernel, cols, parts)
    _core.set_device_gemm("auto")


def halves(*shape, seed=0):
    return cast.narrow(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def computed(order, steps):
    choose(order, architecture=90)
    try:
        for make in steps:
            make().run()
    finally:
        choose(None)


def wide(array):
    return np.ascontiguousarray(cast.widen(array.view(np.uint16)), np.float32)


def bits(array):
    return array.view(np.uint16)


KERNELS = [("mma", 0, 0), ("wgmma", 64, 1), ("wgmma", 256, 1), ("wgmma", 128, 2)]


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize(("kernel", "cols", "parts"), KERNELS)
@pytest.mark.parametrize(("rows", "inputs", "units"), SHAPES)
@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_forward_has_the_bits_of_the_casts(
    products, order, kernel, cols, parts, rows, inputs, units, activation
):
    products(kernel, cols, parts)
    x, w = halves(rows, inputs), halves(inputs, units, seed=1)
    b = np.linspace(-1, 1, units).astype(np.float32)
    y, exact = np.zeros((rows, units), STORED), np.zeros((rows, units), np.float32)
    single = np.zeros((rows, units), np.float32)
    computed(order, [
        lambda: _core.dense_forward(y, None, x.view(STORED), w.view(STORED), b, activation, 0.0),
        lambda: _core.dense_forward(single, None, x.view(STORED), w.view(STORED), b, activation, 0.0),
        lambda: _core.dense_forward(exact, None, wide(x), wide(w), b, activation, 0.0, bfloat16=True),
    ])  # fmt: skip
    np.testing.assert_array_equal(single.view(np.uint32), exact.view(np.uint32))
    np.testing.assert_array_equal(bits(y), bits(cast.narrow(exact)))


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize(("kernel", "cols", "parts"), KERNELS)
@pytest.mark.parametrize(("rows", "inputs", "units"), SHAPES)
def test_gradients_have_the_bits_of_the_casts(products, order, kernel, cols, parts, rows, inputs, units):
    products(kernel, cols, parts)
    x, w, dy = halves(rows, inputs), halves(inputs, units, seed=1), halves(rows, units, seed=2)
    dx = np.zeros((rows, inputs), STORED)
    found = [np.zeros(shape, np.float32) for shape in ((inputs, units), (units,))]
    exact = [np.zeros(shape, np.float32) for shape in ((rows, inputs), (inputs, units), (units,))]
    computed(order, [
        lambda: _core.dense_backward(
            dx, *found, None, dy.view(STORED), None, x.view(STORED), w.view(STORED), "linear", 0.0
        ),
        lambda: _core.dense_backward(
            *exact, None, wide(dy), None, wide(x), wide(w), "linear", 0.0, bfloat16=True
        ),
    ])  # fmt: skip
    for mine, theirs in zip(found, exact[1:], strict=True):
        np.testing.assert_array_equal(mine.view(np.uint32), theirs.view(np.uint32))
    np.testing.assert_array_equal(bits(dx), bits(cast.narrow(exact[0])))


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize(("kernel", "cols", "parts"), KERNELS)
@pytest.mark.parametrize(("rows", "inputs", "units"), SHAPES)
def test_sums_in_epilogues_are_those_of_the_casts(products, order, kernel, cols, parts, rows, inputs, units):
    products(kernel, cols, parts)
    x, w, dy = halves(rows, inputs), halves(inputs, units, seed=1), halves(rows, units, seed=2)
    choose(order, architecture=90)
    part, count = _core.dense_sums(rows, inputs, units, halves=True)
    assert (part, count) == _core.dense_sums(rows, inputs, units, bfloat16=True)
    shapes = (2, -(-rows // part) if part else 0, units), (count,)
    moments = [np.full(shapes[0], np.nan, np.float32) if part else None for _ in range(2)]
    squares = [np.full(shapes[1], np.nan) for _ in range(2)]
    y, dw = np.zeros((rows, units), STORED), np.zeros((inputs, units), np.float32)
    exact = np.zeros((rows, units), np.float32)
    computed(order, [
        lambda: _core.dense_forward(y, None, x.view(STORED), w.view(STORED), None, "relu", 0.0, training=True,
                                    moments=moments[0], rounded=True),
        lambda: _core.dense_forward(exact, None, wide(x), wide(w), None, "relu", 0.0, training=True,
                                    bfloat16=True, moments=moments[1], rounded=True),
        lambda: _core.dense_backward(None, dw, None, None, dy.view(STORED), None, x.view(STORED), w.view(STORED),
                                     "linear", 0.0, squares=squares[0]),
        lambda: _core.dense_backward(None, dw, None, None, wide(dy), None, wide(x), wide(w), "linear", 0.0,
                                     bfloat16=True, squares=squares[1]),
    ])  # fmt: skip
    assert np.isfinite(squares[1]).all()
    np.testing.assert_array_equal(*squares)
    if part:
        assert np.isfinite(moments[1]).all()
        np.testing.assert_array_equal(*moments)


@on_host
@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize(("kernel", "cols", "parts"), KERNELS)
def test_rows_that_a_batch_does_not_have(products, order, kernel, cols, parts):
    """They hold NaN, and the results are those of arrays without them."""
    products(kernel, cols, parts)
    rows, inputs, units = 301, 40, 21
    w = halves(inputs, units, seed=1).view(STORED)

    def gradients(capacity):
        x, dy = (np.full((capacity, columns), 0x7FC0, np.uint16) for columns in (inputs, units))
        x[:rows], dy[:rows] = halves(rows, inputs), halves(rows, units, seed=2)
        found = [np.zeros(shape, np.float32) for shape in ((inputs, units), (units,))]
        dx = np.zeros((capacity, inputs), STORED)
        choose(order, architecture=90)
        try:
            step = _core.dense_backward(
                dx, *found, None, dy.view(STORED), None, x.view(STORED), w, "linear", 0.0
            )
            _core.run(_core.Program([step], []), None, batches=1, batch_size=capacity, rows=rows)
        finally:
            choose(None)
        return [*found, wide(dx[:rows])]

    for masked, alone in zip(gradients(640), gradients(rows), strict=True):
        assert np.isfinite(alone).all()
        np.testing.assert_allclose(masked, alone, rtol=0, atol=1e-4 if parts > 1 else 0)  # other parts of k


@on_host
@pytest.mark.parametrize("kernel", ["mma", "wgmma"])
def test_infinity_and_nan(products, kernel):
    products(kernel, 64, 1)
    x, w = wide(halves(6, 40)), wide(halves(40, 8, seed=1))
    x[1, 3], x[2, 5], w[7, 2] = np.inf, np.nan, -np.inf
    y = np.zeros((6, 8), STORED)
    arguments = cast.narrow(x).view(STORED), cast.narrow(w).view(STORED)
    computed("ascending", [lambda: _core.dense_forward(y, None, *arguments, None, "linear", 0.0)])
    with np.errstate(invalid="ignore"):
        wanted = x.astype(np.float64) @ w
    found = wide(y)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_array_equal(found[np.isinf(wanted)], wanted[np.isinf(wanted)])


@on_host
def test_what_a_device_does_not_multiply_is_refused():
    x, w, y = halves(2, 3).view(STORED), halves(3, 4).view(STORED), np.zeros((2, 4), np.float32)
    choose("ascending", architecture=75)
    try:
        assert not _core.device_reads_halves()
        with pytest.raises(
            TypeError, match=r"dense_forward\(\): argument 'x': is bfloat16, which this device"
        ):
            _core.dense_forward(y, None, x, w, None, "linear", 0.0)
    finally:
        choose(None)
    choose("ascending")
    try:
        with pytest.raises((TypeError, ValueError), match=r"dense_forward\(\): argument 'w'"):
            _core.dense_forward(y, None, x, np.ones((3, 4), np.float32), None, "linear", 0.0)
    finally:
        choose(None)


@on_host
@pytest.mark.parametrize(("between", "casts"), [(None, 1), ("spectral_norm", 2)])
def test_a_kernel_is_rounded_once_until_it_changes(between, casts):
    choose("ascending")
    try:
        lowering = Lowering(4, device="cuda")
        kernel, x = variable("kernel", 5, 3), lowering.buffer("x", (4, 5), BFLOAT16)

        def multiply():
            lowering.emit(
                "dense_forward", y=lowering.buffer("y", (4, 3), BFLOAT16), z=None, x=x, w=kernel, bias=None,
                activation="linear", alpha=0.0, training=True,
            )  # fmt: skip

        multiply()
        if between is not None:
            lowering.emit(between, kernel=kernel)
        multiply()
        storage.cast_around_steps(lowering)
    finally:
        choose(None)
    assert [item.op for item in lowering.instructions].count("cast") == casts


@pytest.fixture
def emulated():
    """The policy is not refused for want of matrix units."""
    keras.config.set_bfloat16_emulation(True)
    yield
    keras.config.set_bfloat16_emulation(False)


def fitted(order):
    with threads_in(order):
        keras.utils.set_random_seed(7)
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((20,)),
                layers.Dense(33, activation="relu", dtype="mixed_bfloat16"),
                layers.BatchNormalization(dtype="mixed_bfloat16"),
                layers.Dense(40, activation="gelu", dtype="mixed_bfloat16"),
                layers.Dropout(0.3, dtype="mixed_bfloat16"),
                layers.Dense(24, dtype="mixed_bfloat16"),
                layers.Dense(3, activation="softmax", dtype="float32"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], device="cuda")
        x, y = data(50)
        history = model.fit(x, y, batch_size=16, epochs=3, verbose=0).history
        return model.get_weights(), history, model.predict(x, verbose=0)


@pytest.mark.skipif(not EMULATED, reason="one architecture is enough, and has its bits here")
@pytest.mark.parametrize("order", TARGETS)
def test_a_model_has_the_bits_of_the_casts(order, monkeypatch, emulated):
    direct = []
    real = storage.bfloat16_operands

    def watched(*arguments):
        direct.append(real(*arguments))
        return direct[-1]

    monkeypatch.setattr(storage, "bfloat16_operands", watched)
    found = fitted(order)
    assert {("x", "y"), ("x", "y", "z"), ("x", "dy", "dx")} <= set(direct)
    monkeypatch.setattr(storage._core, "device_reads_halves", lambda: False)
    assert_same(found, fitted(order), rtol=0, atol=0)
