"""Each pass: what it changes, what it must leave alone, and that the results stay the same."""

import numpy as np
import pytest

from densor import ops
from densor.graph import Feeds, lower_graph
from densor.graph.passes import drop_dead_code, drop_identities, fold_rescaling, fuse_activations
from tests.graph.build import Loss, ending, execute, ops_of, output, traced, variable

X = np.random.default_rng(1).uniform(-1, 1, (4, 3))
W, V, B = variable("w", 3, 3), variable("v", 3, 3), variable("b", 3)


def stems(graph):
    return [node.stem for node in graph.nodes]


def names(graph):
    return [getattr(node, "name", None) for node in graph.nodes]


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "gelu", "silu"])
def test_dense_takes_the_activation_after_it(activation):
    graph = traced(lambda x: ops.activation(ops.dense(x, W, B), activation), 3)
    fused = fuse_activations(graph)
    assert stems(fused) == ["dense"]
    assert names(fused) == [activation]
    assert stems(graph) == ["dense", "activation"], "a pass must not change the graph it got"
    np.testing.assert_allclose(output(graph, X), unfused(graph))


def unfused(graph):
    """The output computed without any pass: every tensor is asked for."""
    every = graph.with_nodes(graph.nodes, [*(node.output for node in graph.nodes)])
    outputs = execute(every, X)[0].outputs
    return list(outputs.values())[-1]


def test_batch_norm_takes_only_activations_that_save_their_output():
    for activation, expected in (("relu", ["batch_norm"]), ("gelu", ["batch_norm", "activation"])):
        graph = traced(lambda x, name=activation: ops.activation(ops.batch_norm(x, B), name), 3)
        assert stems(fuse_activations(graph)) == expected


def test_only_the_first_of_two_activations_is_fused():
    graph = fuse_activations(traced(lambda x: ops.tanh(ops.relu(ops.dense(x, W))), 3))
    assert names(graph) == ["relu", "tanh"]


def test_a_result_with_another_reader_is_not_fused():
    def model(x):
        y = ops.dense(x, W)
        return ops.relu(y) + y

    assert stems(fuse_activations(traced(model, 3))) == ["dense", "activation", "add"]


def test_a_result_that_is_an_output_is_not_fused():
    def model(x):
        y = ops.dense(x, W)
        return [y, ops.relu(y)]

    assert stems(fuse_activations(traced(model, 3))) == ["dense", "activation"]


def test_softmax_is_not_an_elementwise_activation():
    assert stems(fuse_activations(traced(lambda x: ops.softmax(ops.dense(x, W)), 3))) == ["dense", "softmax"]


@pytest.mark.parametrize("features", [3, (1, 3)])
def test_the_gather_takes_a_leading_rescaling(features):
    graph = traced(lambda x: ops.dense(ops.rescale(ops.flatten(x), 0.5, -1.0), W), features)
    folded, scales = fold_rescaling(graph)
    assert scales == ((0.5, -1.0),)
    assert "rescale" not in stems(folded)
    x = X.reshape(4, *graph.inputs[0].shape[1:])
    np.testing.assert_allclose(output(graph, x), (X * 0.5 - 1.0) @ W.array)


def test_a_rescaling_is_not_folded_when_the_input_has_another_reader():
    graph = traced(lambda x: ops.rescale(x, 0.5) + x, 3)
    folded, scales = fold_rescaling(graph)
    assert scales == ((1.0, 0.0),)
    assert stems(folded) == ["rescale", "add"]
    np.testing.assert_allclose(output(graph, X), X * 1.5)


def test_a_rescaling_is_not_folded_when_another_node_reads_the_input_first():
    def model(x):
        first = ops.relu(x)
        return first + ops.rescale(x, 0.5)

    graph = traced(model, 3)
    assert fold_rescaling(graph).scales == ((1.0, 0.0),)
    np.testing.assert_allclose(output(graph, X), np.maximum(X, 0) + 0.5 * X)


def test_a_later_rescaling_stays():
    graph = traced(lambda x: ops.rescale(ops.relu(x), 0.5), 3)
    assert stems(fold_rescaling(graph).graph) == ["activation", "rescale"]


def test_a_model_that_only_rescales():
    np.testing.assert_allclose(output(traced(lambda x: ops.rescale(x, 2.0, 1.0), 3), X), X * 2 + 1)


def test_a_model_that_does_nothing():
    np.testing.assert_allclose(output(traced(ops.identity, 3), X), X)
    np.testing.assert_allclose(output(traced(lambda x: x, 3), X), X)


def test_identities_vanish_and_reshapes_stay():
    graph = traced(lambda x: ops.flatten(ops.identity(ops.flatten(x))), (1, 3))
    assert stems(drop_identities(graph)) == ["reshape"]


def test_dead_code_goes():
    def model(x):
        ops.relu(ops.dense(x, W))
        return ops.dense(x, V)

    graph = traced(model, 3)
    assert stems(graph) == ["dense", "activation", "dense"]
    assert [node.w for node in drop_dead_code(graph).nodes] == [V]


def test_the_loss_reads_the_logits_and_the_softmax_is_gone():
    graph = traced(lambda x: ops.softmax(ops.dense(x, W)), 3)
    heads = ending(Loss("softmax_cross_entropy", target_kind="labels"))
    options = {"heads": heads, "totals": np.zeros((2, 2))}
    assert "softmax_forward" not in ops_of(lower_graph(graph, 4, feeds=Feeds(), **options))
    assert "softmax_forward" in ops_of(lower_graph(graph, 4, feeds=Feeds(), scatter=True, **options))
