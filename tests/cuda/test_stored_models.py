"""Models of layers that are stored in bfloat16: which steps have casts around them, and the bits of those that had."""

import pytest

import densor as keras
from densor.graph import storage
from densor.graph.lowering import Lowering
from densor.graph.storage import bfloat16_operands
from tests.cuda.models import assert_same, classifier, data, threads_in
from tests.ops.harness import EMULATED, TARGETS

pytestmark = pytest.mark.skipif(not EMULATED, reason="one architecture is enough, and has its bits here")
STEPS = {*storage.ALL_OR_NONE, "expression"}


def block():
    return [
        keras.layers.Dense(48, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("relu"),
        keras.layers.Dropout(0.3),
    ]


def merged(width):
    inputs = keras.Input((width,))
    total = keras.layers.Add()([keras.layers.Dense(width)(inputs), inputs])
    return keras.Model(inputs, keras.layers.Multiply()([keras.layers.Softmax()(total), inputs]))


def every_kind():
    """Each with products around it, and without."""
    return [
        *block(),
        keras.layers.Dense(33),
        keras.layers.LayerNormalization(),
        keras.layers.Activation("gelu"),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("tanh"),
        keras.layers.AlphaDropout(0.2),
        merged(33),
        keras.layers.RMSNormalization(),
        keras.layers.Dropout(0.2, noise_shape=(None, 1)),
        keras.layers.Dropout(0.1),
        keras.layers.BatchNormalization(trainable=False),
    ]


def products_alone(instruction, device):
    """What products take as it lies; casts stand around everything else."""
    return bfloat16_operands(instruction, device) if instruction.op.startswith("dense") else ()


@pytest.fixture
def programs(monkeypatch):
    """The instructions of every program that is made."""
    found = []
    bind = Lowering.bind

    def watched(lowering, *arguments, **named):
        found.append(list(lowering.instructions))
        return bind(lowering, *arguments, **named)

    monkeypatch.setattr(Lowering, "bind", watched)
    return found


def fitted(layers, rows=90, batch=60):
    model = classifier("cuda", layers=layers)
    x, y = data(rows)
    history = model.fit(x, y, batch_size=batch, epochs=2, verbose=0).history
    return model.get_weights(), history, model.predict(x, verbose=0)


@pytest.mark.usefixtures("mixed_bfloat16")
class TestModels:
    @pytest.mark.parametrize("order", TARGETS)
    @pytest.mark.parametrize("rows", [90, 640])
    def test_it_has_the_bits_of_casts(self, order, rows, monkeypatch, programs):
        """640 rows are a whole batch and one with fewer rows, sums over both of which are cut into parts."""
        with threads_in(order):
            found = fitted(every_kind, rows, 512 if rows > 512 else 60)
            direct = {item.op for items in programs for item in items if item.op in STEPS}
            assert direct == STEPS
            assert not any(cast_beside(items) for items in programs)
            monkeypatch.setattr(storage, "bfloat16_operands", products_alone)
            assert_same(fitted(every_kind, rows, 512 if rows > 512 else 60), found, rtol=0, atol=0)
            assert {item.op for items in programs for item in cast_beside(items)} == STEPS

    def test_a_block_casts_nothing_but_kernels_and_its_borders(self, programs):
        """What goes in, what a softmax in float32 reads, and its gradient."""
        with threads_in(TARGETS[0]):
            fitted(lambda: [*block(), *block()])
        training = next(items for items in programs if any(item.op == "optimizer" for item in items))
        assert [item.op for item in training].count("cast") == 3 + 3


def cast_beside(instructions):
    """Steps that read or write float32 copies."""
    return [
        item
        for item in instructions
        if item.op in STEPS and any(view.buffer.name == "wide" for view in item.views())
    ]
