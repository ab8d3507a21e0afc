"""The same model on the CPU and on the device, of which there is an emulated one in the build for tests."""

from contextlib import contextmanager

import numpy as np
import pytest

import densor as keras
from tests.ops.harness import CUDA, EMULATED, TARGETS, _core

needs_device = pytest.mark.skipif(not CUDA, reason="the CUDA kernels run in `make test-cuda`")
CLOSE = {"rtol": 0, "atol": 1e-4}


@contextmanager
def threads_in(order):
    """The threads of a block run in this order, and host arrays are not device memory; a GPU does as it likes."""
    if EMULATED:
        _core.emulate_device(order, False)
    try:
        yield
    finally:
        if EMULATED:
            _core.emulate_device("off")


def data(rows=50, features=20, classes=3, seed=0):
    """Features and classes that a net can learn."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, features)).astype(np.float32)
    return x, (x @ rng.standard_normal((features, classes))).argmax(1)


def classifier(device, optimizer="adam", layers=None, **options):
    """A compiled model with the weights that it always begins with. `layers` makes those before the last one."""
    keras.utils.set_random_seed(7)
    made = [
        keras.layers.Dense(33, activation="relu", kernel_initializer="he_normal"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(17, activation="selu"),
    ] if layers is None else layers()  # fmt: skip
    model = keras.Sequential([keras.Input((20,)), *made, keras.layers.Dense(3, activation="softmax")])
    options = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]} | options
    model.compile(keras.optimizers.get(optimizer), device=device, **options)
    return model


def assert_same(found, wanted, what="", **tolerances):
    """Equal, in all that a structure of arrays and numbers holds, as closely as trajectories are."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), what
        for key in wanted:
            assert_same(found[key], wanted[key], f"{what} {key}", **tolerances)
    elif isinstance(wanted, list | tuple) and not all(isinstance(item, float | int) for item in wanted):
        assert len(found) == len(wanted), what
        for place, (one, other) in enumerate(zip(found, wanted, strict=True)):
            assert_same(one, other, f"{what} {place}", **tolerances)
    else:
        np.testing.assert_allclose(found, wanted, err_msg=what, **(CLOSE | tolerances))


def on_both(run):
    """Compare what `run(device)` returns on the device, in both orders of threads, with that of the CPU."""
    wanted = run("cpu")
    for order in TARGETS:
        with threads_in(order):
            assert_same(run("cuda"), wanted, order)
    return wanted
