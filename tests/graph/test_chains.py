"""Runs of dense layers joined for a GPU: which are, which are not and why, and the same values in float64."""

import numpy as np
import pytest

from densor import _core, ops
from densor.graph import Arena, Feeds, lower_graph, trace
from densor.graph.chains import join_dense_chains
from densor.graph.passes import fuse_activations
from densor.graph.tensor import Tensor
from densor.ops.cast import stored_as
from tests.graph.build import MSE, execute, ops_of, traced, variable

ROWS, FEATURES = 9, 6
X = np.random.default_rng(1).uniform(-1, 1, (ROWS, FEATURES))
W, B, V, C, U = (
    variable("w", 6, 5), variable("b", 5), variable("v", 5, 5), variable("c", 5), variable("u", 5, 3),
)  # fmt: skip
WIDE, NARROW = variable("wide", 5, 129), variable("narrow", 129, 3)
OUT = variable("out", 3, 5)


@pytest.fixture(autouse=True)
def graphs():
    """Steps are graphs for certain: all chains there can be."""
    _core.set_device_steps("graph")
    yield
    _core.set_device_steps("auto")


def stems(function, features=FEATURES):
    graph = fuse_activations(traced(function, features))
    joined = join_dense_chains(graph)
    assert [node.stem for node in graph.nodes].count("dense_chain") == 0, "a pass must not change its graph"
    return [node.stem for node in joined.nodes]


def three(x):
    return ops.dense(ops.dense(ops.dense(x, W, B, "relu"), V, C, "gelu"), U)


def dropping(x):
    h = ops.dropout(ops.dense(ops.dropout(x, 0.2, 1), W, B, "tanh"), 0.3, 2)
    return ops.dropout(ops.dense(ops.alpha_dropout(ops.dense(h, V), 0.4, 3), U, None, "relu"), 0.1, 4)


def two_branches(x):
    """Noise makers of both branches take turns: their numbers must not change."""
    a, b = ops.dropout(ops.dense(x, W), 0.5, 1), ops.dropout(ops.dense(x, W, B, "relu"), 0.5, 1)
    a, b = ops.dropout(ops.dense(a, V), 0.5, 1), ops.dropout(ops.dense(b, V), 0.5, 1)
    return ops.add(ops.dense(a, U), ops.dense(b, U))


def residual(x):
    h = ops.dense(x, W, B, "relu")
    return ops.dense(ops.add(h, ops.dense(ops.dense(h, V, C, "selu"), V)), U)


def shared(x):
    h = ops.dense(x, W)
    return ops.dense(ops.dense(ops.dense(ops.dense(h, V, C, "silu"), V, C), V, None, "elu"), U)


def test_layers_and_the_dropout_between_them_become_one_node():
    assert stems(three) == ["dense_chain"]
    assert stems(dropping) == ["dropout", "dense_chain", "dropout"]
    assert stems(two_branches) == ["dense_chain", "dense_chain", "add"]


ALONE = {
    "one layer": (lambda x: ops.softmax(ops.dense(x, W)), ["dense", "softmax"]),
    "too wide": (
        lambda x: ops.dense(ops.dense(ops.dense(x, W), WIDE), NARROW), ["dense", "dense", "dense"],
    ),
    "another node between": (
        lambda x: ops.dense(ops.softmax(ops.dense(x, W)), U), ["dense", "softmax", "dense"],
    ),
    "two dropouts between": (
        lambda x: ops.dense(ops.dropout(ops.dropout(ops.dense(x, W), 0.1, 1), 0.1, 2), U),
        ["dense", "dropout", "dropout", "dense"],
    ),
    "shared noise": (
        lambda x: ops.dense(ops.dropout(ops.dense(x, W), 0.1, 1, noise_shape=(None, 1)), U),
        ["dense", "dropout", "dense"],
    ),
    "stored in bfloat16": (
        lambda x: ops.dense(ops.dense(stored_as(x, "bfloat16"), W), U), ["cast", "dense", "dense"],
    ),
    "a second reader": (residual, ["dense", "dense_chain", "add", "dense"]),
}  # fmt: skip


@pytest.mark.parametrize(("function", "expected"), ALONE.values(), ids=ALONE.keys())
def test_where_a_run_ends(function, expected):
    assert stems(function) == expected


def test_layers_of_higher_rank_are_joined_and_their_dropout_is_not():
    assert stems(three, (4, FEATURES)) == ["dense_chain"]
    assert stems(dropping, (4, FEATURES)) == [
        "dropout",
        "dense",
        "dropout",
        "dense",
        "dropout",
        "dense",
        "dropout",
    ]


def test_an_output_in_the_middle_ends_the_run():
    def model(x):
        h = ops.dense(ops.dense(x, W), V)
        return [h, ops.dense(ops.dense(h, V), U)]

    graph = join_dense_chains(trace(model, [Tensor((None, FEATURES))], training=True))
    assert [node.stem for node in graph.nodes] == ["dense_chain", "dense_chain"]
    assert [node.output for node in graph.nodes] == list(graph.outputs)


def test_long_runs_are_cut():
    def model(x):
        h = ops.dense(x, W)
        for _ in range(_core.dense_chain_layers + 1):
            h = ops.dense(h, V)
        return h

    assert stems(model) == ["dense_chain", "dense_chain"]


def lowered(function, device="cuda", **options):
    return lower_graph(
        traced(function, FEATURES), ROWS, feeds=Feeds(), scatter=True, device=device, **options
    )


def test_only_programs_of_a_gpu_whose_batches_run_as_graphs_have_chains():
    assert ops_of(lowered(three)) == ["gather", "dense_chain_forward", "scatter"]
    assert "dense_chain_forward" not in ops_of(lowered(three, "cpu"))
    _core.set_device_chains(False)
    try:
        assert "dense_chain_forward" not in ops_of(lowered(three))
    finally:
        _core.set_device_chains(True)
    _core.set_device_steps("persistent")
    assert "dense_chain_forward" not in ops_of(lowered(three))


def test_beside_wider_layers_there_are_no_chains_where_a_measurement_chooses():
    """A kernel of many batches, which has no phase for a chain, may be faster for the whole."""

    def wider(x):
        return ops.dense(ops.dense(three(x), OUT, None), WIDE)

    found = ops_of(lowered(wider))
    assert found.count("dense_chain_forward") == found.count("dense_forward") == 1
    _core.set_device_steps("auto")
    apart = ops_of(lowered(wider))
    assert "dense_chain_forward" not in apart
    assert apart.count("dense_forward") == 5
    assert ops_of(lowered(three)) == ["gather", "dense_chain_forward", "scatter"], "narrow throughout"


def test_without_gradients_only_the_last_output_is_written():
    (chain,) = [item for item in lowered(three).instructions if item.op == "dense_chain_forward"]
    assert [view is None for view in chain.arguments["y"]] == [True, True, False]
    assert chain.arguments["z"] == [None] * 3


MODELS = [three, dropping, two_branches, residual, shared]
FROZEN = {
    "nothing": (),
    "the first layer": (W, B),
    "all but the last bias": (W, B, V, U),
    "the last ones": (V, U),
}


def results(function, device, frozen):
    """Output, loss and gradients of the variables, in float64."""
    graph = traced(function, FEATURES)
    y = np.random.default_rng(2).uniform(-1, 1, (ROWS, 3))
    variables = [v for v in graph.variables if v not in frozen]
    options = {"arena": Arena(variables, [])} if variables else {}
    interpreter, totals = execute(graph, X, y, loss=MSE, device=device, step=5, **options)
    (predictions,) = execute(graph, X, device=device, step=5)[0].outputs.values()
    ran = ops_of(interpreter.lowering)
    assert ("dense_chain_forward" in ran) == (device == "cuda"), ran
    if variables:
        assert ("dense_chain_backward" in ran) == (device == "cuda"), ran
    return predictions, totals, interpreter.gradients


@pytest.mark.parametrize("frozen", FROZEN.values(), ids=FROZEN.keys())
@pytest.mark.parametrize("function", MODELS)
def test_values_and_gradients_are_those_of_the_layers(function, frozen):
    found, wanted = (results(function, device, frozen) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-12)
    assert found[2].keys() == wanted[2].keys()
    for variable_, gradient in wanted[2].items():
        np.testing.assert_allclose(
            found[2][variable_], gradient, rtol=1e-9, atol=1e-14, err_msg=variable_.name
        )


def test_a_chain_above_what_learns_hands_the_gradient_down():
    def model(x):
        h = ops.layer_norm(ops.dense(x, W), variable("gamma", 5), variable("beta", 5))
        return ops.dense(ops.dropout(ops.dense(h, V, C, "tanh"), 0.5, 1), U)

    found, wanted = (results(model, device, (V, C, U)) for device in ("cuda", "cpu"))
    for gradient, other in zip(found[2].values(), wanted[2].values(), strict=True):
        np.testing.assert_allclose(gradient, other, rtol=1e-9, atol=1e-14)
