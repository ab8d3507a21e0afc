"""`densor.ops` on arrays: against the references, for every kind of array, at any rank; backward functions too."""

import numpy as np
import pytest

from densor import ops
from densor.graph import Tensor, Variable, trace
from tests.graph.build import output
from tests.reference import activation, batch_norm, concatenate, dense, dropout, softmax
from tests.reference import optimizer as reference_optimizer
from tests.tolerances import assert_close

RNG = np.random.default_rng(12)
SHAPES = [(7,), (5, 7), (2, 3, 7)]
KERNEL = RNG.uniform(-1, 1, (7, 4)).astype(np.float32)
BIAS = RNG.uniform(-1, 1, 4).astype(np.float32)
LABELS = np.array([0, 3, 1, 2, 2])
LOSSES = {
    "sigmoid_cross_entropy": np.round(RNG.uniform(size=(5, 4))),
    "mean_squared_error": RNG.uniform(size=(5, 4)),
    "mean_absolute_error": RNG.uniform(size=(5, 4)),
}


def f(*shape):
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def flat(x):
    return x.reshape(-1, x.shape[-1])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ops.activation.__globals__["NAMES"])
def test_activations(name, shape):
    x = f(*shape)
    _, alpha = ops.activation.__globals__["named"]("test", name)
    assert_close(ops.activation(x, name), activation.forward(x, name, alpha), "activation")
    dy = f(*shape)
    saved = x if ops.activation_saves(name) == "input" else ops.activation(x, name)
    expected = activation.backward(dy, x, name, alpha)
    assert_close(ops.activation_backward(dy, saved, name), expected, "activation")


def test_activations_by_their_own_names():
    x = f(3, 5)
    for name in ("relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "silu", "swish", "gelu", "softplus"):
        assert np.array_equal(getattr(ops, name)(x), ops.activation(x, name))
    assert np.array_equal(ops.linear(x), x)
    assert np.array_equal(ops.relu(x, 0.5), ops.leaky_relu(x, 0.5))
    assert_close(ops.elu(x, 0.3), activation.forward(x, "elu", 0.3), "activation")
    assert_close(ops.silu(x, 2.0), activation.forward(x, "silu", 2.0), "activation")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [None, "relu", "gelu"])
def test_dense(name, shape):
    x = f(*shape)
    y, z = dense.forward(flat(x), KERNEL, BIAS, name or "linear")
    result = ops.dense(x, KERNEL, BIAS, name)
    assert_close(result, y.reshape(*shape[:-1], 4), "dense", magnitude=8)
    dy = f(*shape[:-1], 4)
    saved = None if name is None else z if name == "gelu" else y
    saved = saved if saved is None else saved.reshape(dy.shape)
    dx, dw, db = ops.dense_backward(dy, x, KERNEL, name, saved=saved)
    expected = dense.backward(flat(dy), flat(x), KERNEL, z, name or "linear")
    assert_close(dx, expected[0].reshape(shape), "dense", magnitude=8)
    assert_close(dw, expected[1], "dense", magnitude=8)
    assert_close(db, expected[2], "dense", magnitude=8)


@pytest.mark.parametrize("shape", SHAPES)
def test_softmax(shape):
    x, dy = f(*shape), f(*shape)
    y = softmax.forward(flat(x))
    assert_close(ops.softmax(x), y.reshape(shape), "softmax")
    expected = softmax.backward(flat(dy), y).reshape(shape)
    assert_close(ops.softmax_backward(dy, y.reshape(shape)), expected, "softmax")


@pytest.mark.parametrize("shape", SHAPES[1:])
@pytest.mark.parametrize("name", ["linear", "relu"])
def test_batch_norm(name, shape):
    x, dy, gamma, beta = f(*shape), f(*shape), f(7), f(7)
    y, z, mean, variance = batch_norm.forward(flat(x), gamma, beta, 1e-3, name)
    results = ops.batch_norm_forward(x, gamma, beta, activation=name)
    for result, expected in zip(results, (y.reshape(shape), mean, variance), strict=True):
        assert_close(result, expected, "batch_norm", magnitude=4)
    if name == "linear":
        assert np.array_equal(ops.batch_norm(x, gamma, beta), results[0])
        moving = ops.batch_norm_inference(x, gamma, beta, mean, variance)
        assert_close(moving, y.reshape(shape), "batch_norm", magnitude=4)
    gradients = ops.batch_norm_backward(dy, x, mean, variance, gamma, activation=name, y=results[0])
    expected = batch_norm.backward(flat(dy), flat(x), z, gamma, mean, variance, 1e-3, name)
    for result, value in zip(gradients, expected, strict=True):
        assert_close(result, value.reshape(result.shape), "batch_norm", magnitude=16)


@pytest.mark.parametrize("shape", [(5, 40), (2, 3, 7)])
def test_dropout(shape):
    x, rows = f(*shape), shape[0]
    keep = dropout.kept(rows, x.size // rows, 0.4, seed=5, stream=2, step=3)
    y, mask = ops.dropout_forward(x, 0.4, seed=5, step=3, stream=2)
    assert_close(y, dropout.forward(x.reshape(rows, -1), keep, 0.4).reshape(shape), "dropout")
    assert np.array_equal(mask, dropout.pack(keep))
    dx = ops.dropout_backward(x, mask, 0.4)
    assert np.array_equal(dx, y)
    assert np.array_equal(ops.dropout(x, 0.4, seed=5), ops.dropout_forward(x, 0.4, seed=5)[0])


def test_the_rest():
    a, b = f(4, 3, 2), f(4, 1, 2)
    assert np.array_equal(ops.concatenate([a, b], axis=1), np.concatenate([a, b], axis=1))
    joined = concatenate.forward([a.reshape(4, -1), b.reshape(4, -1)])
    assert np.array_equal(ops.concatenate([ops.flatten(a), ops.flatten(b)], axis=1), joined)
    assert np.array_equal(ops.add(a, a), a + a)
    assert_close(ops.add(a, 2), a + 2, "rescale")
    assert_close(ops.rescale(a, 0.5, 1.0), a * 0.5 + 1, "rescale")
    assert np.array_equal(ops.reshape(a, (4, 3, -1)), a.reshape(4, 3, 2))
    assert np.array_equal(ops.concatenate([a, a]), np.concatenate([a, a]))
    assert ops.identity(a) is a


def test_sparse_and_one_hot_cross_entropy_agree():
    x = f(5, 4)
    probabilities = softmax.forward(x)
    expected = -np.log(probabilities[range(5), LABELS])
    weight = np.array([1.0, 0.0, 2.0, 0.5, 1.0])
    for target in (LABELS, LABELS[:, None], LABELS.astype(np.float64), np.eye(4)[LABELS]):
        loss, gradient = ops.softmax_cross_entropy(x, target, weight)
        assert loss == pytest.approx((weight * expected).mean(), rel=1e-6)
        wanted = weight[:, None] * (probabilities - np.eye(4)[LABELS]) / 5
        assert_close(gradient, wanted, "softmax_cross_entropy")


@pytest.mark.parametrize("stem", LOSSES)
def test_losses_give_the_gradient_of_their_value(stem):
    x, target, function = f(5, 4), LOSSES[stem], getattr(ops, stem)
    weight = np.array([1.0, 0.0, 2.0, 0.5, 1.0])
    loss, gradient = function(x, target, weight)
    step = np.zeros_like(x)
    step[2, 1] = 1e-2
    difference = (function(x + step, target, weight)[0] - function(x - step, target, weight)[0]) / 2e-2
    assert loss > 0
    assert gradient[2, 1] == pytest.approx(difference, rel=1e-3, abs=1e-5)
    assert not gradient[1].any()


def test_the_optimizer_changes_its_arrays():
    w, g, m, v = f(20), f(20), np.zeros(20, np.float32), np.zeros(20, np.float32)
    before = w.astype(np.float64)
    alpha = 0.01 * np.sqrt(1 - 0.999) / (1 - 0.9)
    ops.optimizer_step(
        "adam", w, g, [m, v], [alpha, 0.9, 0.999, 1e-7], decay=0.01 * 0.1, decayed=[True], clipnorm=0.5
    )
    (expected,) = reference_optimizer.step(
        "adam", [before], [g], [{}], 1, lr=0.01, weight_decay=0.1, clipping={"clipnorm": 0.5}
    )
    assert_close(w, expected, "optimizer")
    assert m.any()
    assert v.any()


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.tolist(),
        lambda x: x.astype(np.int16),
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.float16),
        lambda x: x.astype(">f8"),
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: np.asfortranarray(x),
        lambda x: np.broadcast_to(x, x.shape),
        lambda x: Variable(x),
    ],
)
def test_whatever_counts_as_an_array_gives_the_same_bits(convert):
    x = RNG.integers(-8, 8, (5, 7)).astype(np.float32)
    assert np.array_equal(ops.dense(convert(x), KERNEL, BIAS, "tanh"), ops.dense(x, KERNEL, BIAS, "tanh"))


def test_float32_arrays_are_not_copied_and_not_changed():
    x = f(5, 7)
    before = x.copy()
    ops.softmax(x)
    ops.dense(x, KERNEL)
    assert np.array_equal(x, before)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.dense(x, KERNEL, BIAS, "tanh"),
        lambda x: ops.rescale(ops.softmax(x), 2.0),
        lambda x: ops.batch_norm(x, np.ones(7), np.zeros(7)),
        lambda x: ops.batch_norm_inference(x, None, None, np.zeros(7), np.ones(7)),
        lambda x: ops.add(ops.relu(x), x),
        lambda x: ops.concatenate([x, ops.elu(x)], axis=-1),
        lambda x: ops.flatten(ops.reshape(x, (-1, 7, 1))),
    ],
)
def test_a_function_means_the_same_on_symbols_and_on_arrays(function):
    x = f(5, 7)
    graph = trace(function, [Tensor((None, 7))], training=True)
    np.testing.assert_allclose(function(x), output(graph, x), rtol=1e-5, atol=1e-6)
