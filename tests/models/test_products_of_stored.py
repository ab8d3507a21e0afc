"""mixed_bfloat16 on a CPU, whose steps read and write what is stored: the bits of the casts."""

import numpy as np
import pytest

import densor
from densor import config, layers
from densor.graph import slopes, storage
from tests.graph.build import same_bits
from tests.ops.harness import MATRIX_UNITS, _core

CLASSES = 5
pytestmark = pytest.mark.cpu("what a CPU's steps read and write; tests/cuda/test_halves.py asks a device")


@pytest.fixture(autouse=True)
def emulated():
    """bfloat16 without matrix units, too."""
    policy = config.dtype_policy()
    config.set_bfloat16_emulation(True)
    yield
    config.set_dtype_policy(policy)
    config.set_bfloat16_emulation(None)


def plain(x):
    for width in (150, 65):
        x = layers.Dropout(0.2)(layers.Dense(width, activation="relu")(x))
    x = layers.AlphaDropout(0.1)(layers.Dense(33, activation="gelu")(x))
    return layers.LeakyReLU()(layers.Dense(20)(x))


def normalized(x):
    for width in (130, 48):
        x = layers.BatchNormalization()(layers.Dense(width, use_bias=False)(x))
        x = layers.Dropout(0.3)(layers.Activation("relu")(x))
    return x


def every_kind(x):
    """Each with products around it, and without."""
    x = layers.BatchNormalization()(layers.Dense(130)(x))
    x = layers.Dropout(0.3, noise_shape=(None, 1))(layers.Activation("tanh")(x))
    x = layers.LayerNormalization()(layers.Dense(33)(x))
    x = layers.AlphaDropout(0.2)(layers.Activation("gelu")(x))
    x = layers.Multiply()([layers.Softmax()(layers.Add()([layers.Dense(33)(x), x])), x])
    x = layers.Dropout(0.1)(layers.RMSNormalization()(x))
    return layers.BatchNormalization(trainable=False)(x)


def branched(x):
    shared = layers.Dense(40, activation="tanh", activity_regularizer="l2")
    x = shared(shared(x))
    x = layers.Add()([layers.Dense(40, activation="relu")(x), x])
    frozen = layers.Dense(30, activation="relu")
    frozen.trainable = False
    return frozen(layers.Dense(40, activation="elu")(x))


def long(x):
    """Sums over more terms than a pass takes."""
    for width in (24, 2600, 20):
        x = layers.Dense(width, activation="relu")(x)
    return x


def trained(net, rows, batch, optimizer):
    densor.utils.set_random_seed(3)
    config.set_dtype_policy("mixed_bfloat16")
    inputs = densor.Input((40,))
    model = densor.Model(inputs, layers.Dense(CLASSES, activation="softmax", dtype="float32")(net(inputs)))
    model.compile(optimizer(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows, 40)), rng.integers(0, CLASSES, rows)
    history = model.fit(x, y, epochs=2, batch_size=batch, verbose=0).history
    predicted = model.predict(x, batch_size=batch, verbose=0)
    return [*model.get_weights(), np.array([*history.values()]), predicted]


CASES = [(net, 203, 32) for net in (plain, normalized, every_kind, branched, long)] + [
    (plain, 4, 1),
    (plain, 520, 300),
]
# What products take beside x and dy.
TAKEN = {net: {"y", "dx"} for net in (normalized, every_kind, branched)}
# Behind dropout its mask tells of relu.
TAKEN |= {plain: {"y", "z", "dx"}, long: {"y", "dx", "below_saved"}}
# Other steps that take what is stored; which of the rest are left depends on what products have taken over.
STEPS = {
    normalized: {"batch_norm_forward", "batch_norm_inference", "batch_norm_backward"},
    every_kind: {*storage.ALL_OR_NONE, "expression"},
}


@pytest.mark.parametrize("target", dict.fromkeys((*_core.cpu_targets(), *MATRIX_UNITS)))
@pytest.mark.parametrize(("net", "rows", "batch"), CASES)
def test_training_has_the_bits_of_the_casts(monkeypatch, net, rows, batch, target):
    taken, steps = set(), set()
    operands = storage.bfloat16_operands

    def watched(instruction, device):
        found = operands(instruction, device)
        if instruction.op.startswith("dense"):
            taken.update(found)
        elif found:
            steps.add(instruction.op)
        return found

    def run():
        return trained(net, rows, batch, lambda: densor.optimizers.Adam(0.01, global_clipnorm=1.0))

    def expected():
        assert not taken | steps
        with monkeypatch.context() as patch:
            for module in (storage, slopes):
                patch.setattr(module, "bfloat16_operands", lambda *_: ())
            weights = run()
        assert all(np.isfinite(array).all() for array in weights)
        return weights

    monkeypatch.setattr(storage, "bfloat16_operands", watched)
    same_bits(target, run, expected)
    assert taken == ({"x", "dy", *TAKEN[net]} if target in MATRIX_UNITS else set())
    assert steps >= {"gather", *STEPS.get(net, ())}
