"""Which products multiply their gradient by the derivatives below them, and that training has the same bits."""

import numpy as np
import pytest

import densor
from densor import _core, ops
from densor.graph import Arena, Feeds, lower_graph, program
from densor.ops.penalty import penalize
from tests.graph.build import MSE, TARGETS, Optimizer, check_gradients, ending, same_bits, traced, variable

KERNELS = [variable(f"kernel{i}", 3, 3) for i in range(4)]
ROWS = 6


def lowered(model, variables=KERNELS, rows=ROWS, **settings):
    return lower_graph(
        traced(model, 3), rows, feeds=Feeds(), totals=np.zeros((2, 2)), heads=ending(MSE, target_columns=3),
        optimizer=Optimizer(), arena=Arena(list(variables)), **settings,
    )  # fmt: skip


def backward(lowering):
    """The steps that compute gradients: what each multiplies its own by, and the derivative it begins with."""
    found = []
    for item in lowering.instructions:
        if item.op.endswith("_backward"):
            a = item.arguments
            fused = ("dropout+" if a.get("below_mask") is not None else "") + a.get("below_activation", "")
            found.append((item.op.removesuffix("_backward"), fused, a.get("activation")))
    return found


def layer(x, index, name="relu"):
    return ops.dense(x, KERNELS[index], activation=name)


def test_the_layer_below_gets_its_dz():
    def model(x):
        return layer(layer(layer(x, 0), 1), 2, "linear")

    lowering = lowered(model)
    # The first one's gradients are left to the optimizer: nothing is left of it.
    assert backward(lowering) == [("dense", "relu", "linear"), ("dense", "relu", "linear")]
    (step,) = [item for item in lowering.instructions if item.op == "optimizer"]
    assert (
        step.arguments["dz"][-1]
        == [i for i in lowering.instructions if i.op == "dense_backward"][-1].arguments["dx"]
    )


@pytest.mark.parametrize("name", ["tanh", "gelu", "sigmoid"])
def test_on_a_cpu_other_derivatives_than_that_of_relu_are_passes_of_their_own(name):
    def model(x):
        return layer(ops.dropout(layer(x, 0, name), 0.5, seed=1), 1, "linear")

    assert backward(lowered(model)) == [("dense", "dropout+", "linear"), ("dense", "", name)]
    _core.set_device_chains(False)  # which have no products of their own
    try:
        assert backward(lowered(model, device="cuda")) == [
            ("dense", f"dropout+{name}", "linear"),
            ("dense", "", "linear"),
        ]
    finally:
        _core.set_device_chains(True)


def test_dropout_between():
    def model(x):
        return layer(ops.dropout(layer(x, 0), 0.5, seed=1), 1, "linear")

    # Its mask is also that of relu, see test_dropout_fusion.
    assert backward(lowered(model)) == [("dense", "dropout+linear", "linear")]


def test_an_activation_of_its_own():
    def model(x):
        return layer(ops.activation(ops.add(layer(x, 0, "linear"), x), "relu"), 1, "linear")

    assert backward(lowered(model)) == [("dense", "relu", "linear")]


def test_an_activation_before_dropout_alone():
    """Between a dense layer and its activation there is dropout: only the activation comes next to the product."""

    def model(x):
        return layer(ops.relu(ops.dropout(layer(x, 0, "tanh"), 0.5, seed=1)), 1, "linear")

    assert backward(lowered(model)) == [
        ("dense", "relu", "linear"), ("dropout", "", None), ("dense", "", "tanh"),
    ]  # fmt: skip


def test_batch_norm_with_its_activation():
    gamma, beta = variable("gamma", 3), variable("beta", 3)

    def model(x):
        z = ops.batch_norm(layer(x, 0, "linear"), gamma, beta)
        return layer(ops.dropout(ops.relu(z), 0.5, seed=1), 1, "linear")

    assert backward(lowered(model, [*KERNELS, gamma, beta]))[:2] == [
        ("dense", "dropout+linear", "linear"), ("batch_norm", "", "linear"),
    ]  # fmt: skip


def test_other_shapes_in_between():
    kernel = variable("wide", 12, 3)

    def model(x):
        y = ops.dropout(
            ops.dense(ops.reshape(x, (-1, 4, 1)), variable("narrow", 1, 3), activation="relu"), 0.5, seed=1
        )
        return ops.dense(ops.reshape(y, (-1, 12)), kernel)

    graph = traced(model, 4)
    lowering = lower_graph(
        graph, ROWS, feeds=Feeds(), totals=np.zeros((2, 2)), heads=ending(MSE, target_columns=3),
        optimizer=Optimizer(), arena=Arena(list(graph.variables)),
    )  # fmt: skip
    # The mask counts a sample as a row, and so does the product.
    (product,) = [item for item in lowering.instructions if item.op == "dense_backward"]
    assert product.arguments["below_mask"].shape == (ROWS, 1)
    assert product.arguments["dx"].shape == (ROWS, 12)
    (drop,) = [item for item in lowering.instructions if item.op == "dropout_forward"]
    assert drop.arguments["x"] == drop.arguments["y"]


@pytest.mark.parametrize(
    "model",
    [
        lambda x: ops.add(layer(y := layer(x, 0), 1, "linear"), y),  # another reader, by addition
        lambda x: ops.concatenate([layer(y := layer(x, 0), 1, "linear"), y], -1),
        lambda x: ops.add(layer(y := layer(x, 0), 1, "linear"), layer(y, 2, "linear")),  # two products
        lambda x: layer(ops.multiply(layer(x, 0), x), 1, "linear"),  # an expression between
    ],
)
def test_gradients_with_other_contributions_are_left_alone(model):
    columns = traced(model, 3).outputs[0].columns
    graph = traced(model, 3)
    lowering = lower_graph(
        graph, ROWS, feeds=Feeds(), totals=np.zeros((2, 2)), heads=ending(MSE, target_columns=columns),
        optimizer=Optimizer(), arena=Arena(list(graph.variables)),
    )  # fmt: skip
    found = backward(lowering)
    assert all(fused == "" for _, fused, _ in found)
    assert [name for op, _, name in found if op == "dense"][-1] == "relu"


def test_penalized_activations_are_left_alone():
    def model(x):
        y = layer(x, 0)
        penalize(y, densor.regularizers.L2(0.1), None)
        return layer(y, 1, "linear")

    assert backward(lowered(model, penalties=np.zeros(2))) == [("dense", "", "linear"), ("dense", "", "relu")]


@pytest.mark.parametrize("name", ["relu", "tanh", "silu", "linear"])
def test_gradients_against_differences(name):
    bias = variable("bias", 3)

    def model(x):
        y = ops.dense(x, KERNELS[0], bias, activation=name)
        return layer(layer(ops.dropout(y, 0.4, seed=3), 1, "gelu"), 2, "sigmoid")

    rng = np.random.default_rng(0)
    check_gradients(model, 3, rng.uniform(-1, 1, (5, 3)), MSE)


def test_a_shared_layer_has_the_gradients_of_two():
    def model(x):
        return layer(layer(layer(x, 0), 0, "tanh"), 1, "linear")

    rng = np.random.default_rng(0)
    check_gradients(model, 3, rng.uniform(-1, 1, (5, 3)), MSE)


def test_frozen_layers():
    """The derivative of a frozen layer is on the way to those below; below the lowest that trains there is nothing."""

    def model(x):
        return layer(layer(layer(x, 0), 1), 2, "linear")

    assert backward(lowered(model, [KERNELS[0], KERNELS[2]])) == [
        ("dense", "relu", "linear"), ("dense", "relu", "linear"),
    ]  # fmt: skip
    assert backward(lowered(model, [KERNELS[2]])) == []


def nets():
    layers = densor.layers
    inputs = densor.Input((40,))

    def deep(x):
        x = layers.Dense(150, activation="relu")(x)
        x = layers.Dropout(0.2)(x)
        x = layers.Dense(129, activation="relu")(x)
        x = layers.Dense(64, activation="gelu", kernel_regularizer="l2")(x)
        x = layers.AlphaDropout(0.1)(x)
        x = layers.Dense(33, activation="selu")(x)
        x = layers.Dense(20)(x)
        x = layers.LeakyReLU()(x)
        return layers.Dense(10, activation="softmax")(x)

    def normalized(x):
        for units in (130, 48):
            x = layers.Dense(units)(x)
            x = layers.BatchNormalization()(x)
            x = layers.Dropout(0.3)(layers.Activation("relu")(x))
        return layers.Dense(10, activation="softmax")(x)

    def branched(x):
        shared = layers.Dense(40, activation="tanh", activity_regularizer="l2")
        x = shared(shared(x))
        x = layers.Add()([layers.Dense(40, activation="relu")(x), x])
        frozen = layers.Dense(30, activation="relu")
        frozen.trainable = False
        return layers.Dense(10, activation="softmax")(frozen(layers.Dense(40, activation="elu")(x)))

    return {
        net.__name__: lambda net=net: densor.Model(inputs, net(inputs))
        for net in (deep, normalized, branched)
    }


NETS = nets()


def trained(name, **options):
    densor.utils.set_random_seed(3)
    model = NETS[name]()
    model.compile(
        densor.optimizers.SGD(0.05, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **options,
    )
    rng = np.random.default_rng(0)
    history = model.fit(
        rng.normal(size=(203, 40)), rng.integers(0, 10, 203), epochs=2, batch_size=32, verbose=0
    )
    return [*model.get_weights(), np.array([*history.history.values()])]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("target", TARGETS)
def test_training_has_the_bits_of_steps_of_their_own(monkeypatch, name, target):
    def expected():
        with monkeypatch.context() as patch:
            patch.setattr(program, "fuse_slopes", lambda lowering: None)
            return trained(name)

    same_bits(target, lambda: trained(name), expected)
