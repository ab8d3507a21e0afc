"""Reverse mode over the nodes, in float64 and in shared memory, against central differences."""

import numpy as np
import pytest

from densor import ops
from tests.graph.build import BINARY, MSE, ONE_HOT, Loss, check_gradients, gradients, traced, variable

RNG = np.random.default_rng(3)
ROWS = 4
LABELS = np.array([0, 2, 1, 2])
VALUES = RNG.uniform(0, 1, (ROWS, 3))
ACTIVATIONS = ["linear", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "silu", "gelu", "softplus"]


def kernel(name, inputs=3, outputs=3):
    return variable(name, inputs, outputs)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("separate", [False, True])
def test_every_activation(activation, separate):
    w, b = kernel("w", 5), variable("b", 3)

    def model(x):
        y = ops.dense(x, w, b, None if separate else activation)
        # Rescaling between the two keeps them from being fused.
        return ops.activation(ops.rescale(y, 1.5, 0.1), activation) if separate else y

    check_gradients(model, 5, VALUES, MSE)


@pytest.mark.parametrize("from_logits", [False, True])
def test_sparse_cross_entropy(from_logits):
    w = kernel("w", 5)
    loss = Loss("softmax_cross_entropy", from_logits, "labels")

    def model(x):
        y = ops.dense(x, w)
        return y if from_logits else ops.softmax(y)

    check_gradients(model, 5, LABELS, loss, weight=np.array([0.5, 2.0, 1.0, 0.0]))


def test_cross_entropy_on_logits_of_a_softmax():
    w = kernel("w", 5)
    loss = Loss("softmax_cross_entropy", True, "labels")
    check_gradients(lambda x: ops.softmax(ops.dense(x, w)), 5, LABELS, loss)


def test_one_hot_cross_entropy():
    w = kernel("w", 5)
    check_gradients(lambda x: ops.softmax(ops.dense(x, w)), 5, np.eye(3)[LABELS], ONE_HOT)


def test_binary_cross_entropy():
    w = kernel("w", 5)
    check_gradients(lambda x: ops.dense(x, w, activation="sigmoid"), 5, np.round(VALUES), BINARY)


def test_mean_absolute_error():
    w = kernel("w", 5)
    check_gradients(lambda x: ops.dense(x, w), 5, VALUES, Loss("mean_absolute_error"))


def test_reduction_sum_multiplies_by_the_rows():
    w = kernel("w", 5)
    graph = traced(lambda x: ops.dense(x, w), 5)
    x = RNG.uniform(size=(ROWS, 5))
    total = gradients(graph, x, VALUES, Loss(reduction="sum"))[1]
    mean = gradients(graph, x, VALUES, MSE)[1]
    np.testing.assert_allclose(total[w], mean[w] * ROWS)


def test_softmax_inside_the_model():
    w, v = kernel("w", 5), kernel("v")
    check_gradients(lambda x: ops.dense(ops.softmax(ops.dense(x, w)), v), 5, VALUES, MSE)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "gelu"])
def test_batch_norm(activation):
    w, gamma, beta = kernel("w", 5), variable("gamma", 3), variable("beta", 3)

    def model(x):
        y = ops.batch_norm(ops.dense(x, w), gamma, beta)
        return ops.batch_norm(ops.activation(y, activation), gamma)

    check_gradients(model, 5, VALUES, MSE)


def test_frozen_batch_norm_passes_gradients():
    w, gamma, beta = kernel("w", 5), variable("gamma", 3), variable("beta", 3)
    mean, variance = variable("m", 3, trainable=False), variable("v", 3, low=0.5, trainable=False)

    def model(x):
        return ops.relu(ops.batch_norm_inference(ops.dense(x, w), gamma, beta, mean, variance))

    check_gradients(model, 5, VALUES, MSE)


def test_residual_sum_passes_one_gradient_to_both_sides():
    w, v = kernel("w"), kernel("v")

    def model(x):
        first = ops.dense(x, w, activation="sigmoid")
        return first + ops.dense(first, v, activation="tanh") + first

    check_gradients(model, 3, VALUES, MSE)


def test_both_sides_of_a_sum_read_the_same_gradient():
    """A dense layer with an activation may write over its dy, but not while the other side still reads it."""
    w, v = kernel("w"), kernel("v")

    def model(x):
        return ops.dense(x, w, activation="tanh") + ops.dense(x, v, activation="sigmoid")

    check_gradients(model, 3, VALUES, MSE)


def test_a_tensor_added_to_itself():
    w = kernel("w")

    def model(x):
        y = ops.dense(x, w, activation="tanh")
        return y + y

    check_gradients(model, 3, VALUES, MSE)


def test_a_shared_layer_sums_its_gradients():
    w, b = kernel("w"), variable("b", 3)

    def model(x):
        for _ in range(3):
            x = ops.dense(x, w, b, "tanh")
        return x

    check_gradients(model, 3, VALUES, MSE)


def test_one_tensor_with_many_readers():
    w, u, v = kernel("w"), kernel("u"), kernel("v")

    def model(x):
        y = ops.dense(x, w, activation="tanh")
        return ops.sigmoid(ops.dense(y, u)) + ops.softmax(ops.dense(y, v)) + ops.rescale(y, 0.5, 1.0)

    check_gradients(model, 3, VALUES, MSE)


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_concatenation_along_any_axis(axis):
    w, v, u = kernel("w"), kernel("v"), kernel("u", 12, 3)

    def model(x):
        sides = [ops.dense(x, w), ops.dense(x, v, activation="tanh")]
        return ops.dense(ops.flatten(ops.concatenate(sides, axis)), u)

    check_gradients(model, (2, 3), VALUES, MSE)


def test_concatenation_with_an_input_that_needs_no_gradient():
    w, u = kernel("w"), kernel("u", 6)
    check_gradients(lambda x: ops.dense(ops.concatenate([x, ops.dense(x, w)], -1), u), 3, VALUES, MSE)


def test_dense_on_higher_rank_and_reshapes():
    w, v = kernel("w", 3, 2), kernel("v", 4, 3)

    def model(x):
        y = ops.dense(x, w, activation="tanh")
        return ops.dense(ops.reshape(y, (-1, 4)), v) + ops.dense(ops.flatten(y), v)

    check_gradients(model, (2, 3), VALUES, MSE)


def test_dropout_masks_the_gradient():
    w, v = kernel("w", 5, 40), kernel("v", 40, 3)
    check_gradients(lambda x: ops.dense(ops.dropout(ops.dense(x, w), 0.4, seed=9), v), 5, VALUES, MSE)


def test_a_frozen_variable_gets_no_gradient_and_stops_the_way_back():
    w, v = variable("w", 5, 3, trainable=False), kernel("v")
    graph = check_gradients(lambda x: ops.dense(ops.dense(x, w, activation="tanh"), v), 5, VALUES, MSE)
    assert graph.variables == (w, v)


def test_targets_with_one_column_are_broadcast():
    w = kernel("w")
    check_gradients(lambda x: ops.dense(x, w), 3, VALUES[:, :1], MSE)


def test_mean_squared_error_of_higher_rank_outputs():
    w = kernel("w", 3, 2)
    targets = RNG.uniform(size=(ROWS, 4))
    check_gradients(lambda x: ops.dense(x, w, activation="tanh"), (2, 3), targets, MSE)
