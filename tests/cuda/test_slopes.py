"""Derivatives in the products that make the gradients they multiply: the same bits in fewer kernels."""

import pytest

import densor as keras
from densor.graph import program
from tests.cuda.models import assert_same, classifier, data, needs_device, threads_in
from tests.ops.harness import CUDA, TARGETS, _core

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


def normalized():
    normalization = [keras.layers.BatchNormalization(), keras.layers.Activation("relu")]
    return [keras.layers.Dense(33, activation="tanh"), keras.layers.Dense(17), *normalization]


# How many kernels of a step each saves: of two layers, or of one.
SAVED = {relu: 2, dropped: 4, selu: 1, normalized: 0}


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
        _core.set_device_steps("graph")


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
