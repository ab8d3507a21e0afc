"""Where one mask tells the gradient of dropout and of the activation before it, and that training has the same bits."""

import numpy as np
import pytest

import densor
from densor import ops
from densor.graph import Arena, Feeds, lower_graph, program
from tests.graph.build import (
    MSE,
    TARGETS,
    Optimizer,
    check_gradients,
    ending,
    ops_of,
    same_bits,
    traced,
    variable,
)

WIDTH = 36
KERNELS = [variable("kernel", 3, WIDTH), variable("last", WIDTH, 3), variable("more", 3, 3)]
GAMMA, BETA = variable("gamma", WIDTH), variable("beta", WIDTH)


def lowered(model):
    return lower_graph(
        traced(model, 3), 6, feeds=Feeds(), totals=np.zeros((2, 2)), heads=ending(MSE, target_columns=3),
        optimizer=Optimizer(), arena=Arena([*KERNELS, GAMMA, BETA]),
    )  # fmt: skip


def only(lowering, op):
    (found,) = [item.arguments for item in lowering.instructions if item.op == op]
    return found


def product_below_a_mask(lowering):
    (found,) = [
        item.arguments
        for item in lowering.instructions
        if item.op == "dense_backward" and item.arguments.get("below_mask") is not None
    ]
    return found


def normalized(x, activation="relu", kind=ops.dropout, between=None, above=None):
    h = ops.dense(x, KERNELS[0])
    y = ops.activation(ops.batch_norm(h, GAMMA, BETA), activation)
    z = kind(y, 0.3, seed=1)
    if above is not None:
        z = ops.add(ops.activation(z, above), z)
    if between is not None:
        z = ops.add(z, {"input": h, "output": y}[between])
    return ops.dense(z, KERNELS[1])


def rectified(x, activation="relu", kind=ops.dropout, between=False):
    y = ops.dense(x, KERNELS[0], activation=activation)
    z = kind(y, 0.3, seed=1)
    return ops.dense(ops.add(z, y) if between else z, KERNELS[1])


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_normalization_drops_out(activation):
    lowering = lowered(lambda x: normalized(x, activation))
    assert "dropout_forward" not in ops_of(lowering)
    forward, product = only(lowering, "batch_norm_forward"), product_below_a_mask(lowering)
    assert forward["rate"] == 0.3
    assert product["below_mask"] is forward["mask"]
    assert (product["below_saved"], product["below_activation"]) == (None, "linear")
    backward = only(lowering, "batch_norm_backward")
    assert (backward["activation"], backward.get("mask")) == ("linear", None)


def test_its_gradient_reads_the_mask_where_no_product_does():
    lowering = lowered(lambda x: normalized(x, above="tanh"))
    assert "dropout_backward" not in ops_of(lowering)
    forward, backward = only(lowering, "batch_norm_forward"), only(lowering, "batch_norm_backward")
    assert forward["mask"] is backward["mask"]
    assert (backward["rate"], backward["y"]) == (0.3, None)


@pytest.mark.parametrize(
    "options",
    [{"activation": "tanh"}, {"between": "output"}, {"kind": ops.alpha_dropout}],
    ids=["an activation of which a bit does not tell", "another reader", "alpha dropout"],
)
def test_normalization_without_dropout(options):
    lowering = lowered(lambda x: normalized(x, **options))
    assert "dropout_forward" in ops_of(lowering)
    assert only(lowering, "batch_norm_forward").get("mask") is None


@pytest.mark.parametrize("kind", [ops.dropout, ops.alpha_dropout])
def test_dropout_keeps_the_derivative_of_relu(kind):
    lowering = lowered(lambda x: rectified(x, kind=kind))
    drop, product = only(lowering, "dropout_forward"), product_below_a_mask(lowering)
    assert drop["positive"]
    assert drop["x"] == drop["y"]  # in place: nobody reads what was before
    assert only_first(lowering, "dense_forward")["y"] == drop["y"]
    assert (product["below_saved"], product["below_activation"]) == (None, "linear")


def only_first(lowering, op):
    return next(item.arguments for item in lowering.instructions if item.op == op)


@pytest.mark.parametrize("options", [{"activation": "gelu"}, {"between": True}], ids=str)
def test_dropout_of_what_is_read_again(options):
    drop = only(lowered(lambda x: rectified(x, **options)), "dropout_forward")
    assert "positive" not in drop
    assert drop["x"].buffer is not drop["y"].buffer


@pytest.mark.parametrize("model", [normalized, rectified, lambda x: normalized(x, above="tanh")])
def test_gradients_against_differences(model):
    check_gradients(model, 3, np.random.default_rng(0).uniform(-1, 1, (5, 3)), MSE)


def layers_of(name):
    layers = densor.layers
    if name == "rectified":
        return [
            layer
            for units in (150, 129, 300)
            for layer in (layers.Dense(units, activation="relu"), layers.Dropout(0.3))
        ]
    return [
        layer
        for units in (300, 129, 40)
        for layer in (
            layers.Dense(units, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu" if units != 40 else "linear"),
            layers.Dropout(0.2),
        )
    ]


def trained(name, batch):
    densor.utils.set_random_seed(3)
    model = densor.Sequential([densor.Input((40,)), *layers_of(name), densor.layers.Dense(10)])
    loss = densor.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(densor.optimizers.SGD(0.05, momentum=0.9, global_clipnorm=1.0), loss)
    rng = np.random.default_rng(0)
    history = model.fit(
        rng.normal(size=(203, 40)), rng.integers(0, 10, 203), epochs=2, batch_size=batch, verbose=0
    )
    return [*model.get_weights(), np.array([*history.history.values()])]


@pytest.fixture(params=["float32", "mixed_bfloat16"])
def policy(request):
    densor.config.set_bfloat16_emulation(True)
    densor.config.set_dtype_policy(request.param)
    yield
    densor.config.set_dtype_policy("float32")
    densor.config.set_bfloat16_emulation(None)


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize("name", ["normalized", "rectified"])
@pytest.mark.parametrize("target", TARGETS)
def test_training_has_the_bits_of_steps_of_their_own(monkeypatch, name, target):
    def expected():
        with monkeypatch.context() as patch:
            patch.setattr(program, "fuse_dropout", lambda lowering: None)
            return trained(name, 32)

    same_bits(target, lambda: trained(name, 32), expected)
