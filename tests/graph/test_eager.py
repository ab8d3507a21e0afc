"""Calls on arrays: compiled once per shape and mode, never stale, and equal to the float64 execution."""

import threading

import numpy as np
import pytest

from densor import layers, ops
from densor.graph import Arena, Tensor, run_eagerly
from densor.graph.eager import _runners
from tests.graph.build import output, traced, variable

RNG = np.random.default_rng(8)
W, V, B = variable("w", 5, 4), variable("v", 4, 4), variable("b", 4)
X = RNG.uniform(-1, 1, (6, 5)).astype(np.float32)


def model(x):
    y = ops.dense(ops.rescale(x, 0.5, 0.1), W, B, "gelu")
    y = ops.batch_norm(y, B) + ops.dense(y, V, activation="tanh")
    return ops.softmax(ops.concatenate([y, ops.dropout(y, 0.25, seed=3)], axis=-1))


def test_a_model_of_every_operation_matches_its_float64_execution():
    result = run_eagerly(model, [X], training=False)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, output(traced(model, 5), X), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int64", "bool", "float32", "float64"])
def test_every_dtype_is_converted_by_the_gather(dtype):
    x = RNG.integers(0, 2, (4, 5)).astype(dtype)
    expected = x.astype(np.float32) @ W.array
    np.testing.assert_allclose(run_eagerly(lambda t: ops.dense(t, W), [x], False), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "view", ["transposed", "reversed", "strided", "read_only", "byte_swapped", "broadcast"]
)
def test_any_memory_layout_gives_the_same_bits(view):
    layer = layers.Dense(3, activation="tanh")
    x = {
        "transposed": np.ascontiguousarray(X.T).T,
        "reversed": X[::-1, ::-1],
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
        "read_only": X.copy(),
        "byte_swapped": X.astype(">f4"),
        "broadcast": np.broadcast_to(X[0], X.shape),
    }[view]
    x.flags.writeable = view not in ("read_only", "broadcast")
    plain = np.ascontiguousarray(x, dtype=np.float32)
    before = plain.copy()
    assert np.array_equal(layer(x), layer(plain))
    assert np.array_equal(x, before)


def test_a_second_call_uses_the_same_program():
    layer = layers.Dense(3)
    layer(X)
    (compiled,) = _runners[layer].compiled.values()
    layer(X + 1)
    assert list(_runners[layer].compiled.values()) == [compiled]
    layer(X[:2])
    layer(X, training=True)
    assert len(_runners[layer].compiled) == 3


def test_the_programs_of_a_function_are_forgotten_with_it_and_never_too_many():
    layer = layers.ReLU()
    for rows in range(1, 80):
        assert layer(np.ones((rows, 2))).shape == (rows, 2)
    assert len(_runners[layer].compiled) <= 32
    count = len(_runners)
    del layer
    assert len(_runners) < count


def test_changed_weights_are_seen_without_compiling_again():
    layer = layers.Dense(3, kernel_initializer="zeros")
    assert not layer(X).any()
    (compiled,) = _runners[layer].compiled.values()
    layer.kernel.assign(np.ones((5, 3)))
    np.testing.assert_allclose(layer(X)[:, 0], X.sum(axis=1), rtol=1e-6)
    assert list(_runners[layer].compiled.values()) == [compiled]


def test_variables_that_moved_are_found():
    layer = layers.Dense(3)
    before = layer(X)
    arena = Arena(layer.trainable_weights, [])
    assert np.array_equal(layer(X), before)
    arena.parameters[:] = 0
    assert not layer(X).any()


def test_thawing_a_frozen_layer_is_seen():
    layer = layers.BatchNormalization()
    layer(X)
    layer.trainable = False
    frozen = layer(X, training=True)
    assert np.array_equal(frozen, layer(X))
    layer.trainable = True
    assert np.abs(layer(X, training=True).mean(axis=0)).max() < 1e-6


def test_training_mode_moves_statistics_once_per_call():
    layer = layers.BatchNormalization(momentum=0.5)
    layer(X)
    assert layer.moving_mean.numpy().tolist() == [0.0] * 5
    layer(X, training=True)
    np.testing.assert_allclose(layer.moving_mean, 0.5 * X.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.5 + 0.5 * X.var(axis=0), rtol=1e-5)


def test_results_are_new_arrays():
    layer = layers.ReLU()
    first = layer(X)
    kept = first.copy()
    layer(-X)
    assert np.array_equal(first, kept)


def test_no_rows():
    assert layers.Dense(3)(np.zeros((0, 5))).shape == (0, 3)
    assert layers.Flatten()(np.zeros((0, 2, 3))).shape == (0, 6)


def test_several_inputs_and_outputs():
    a, b = run_eagerly(lambda xs: [ops.add(*xs), ops.relu(xs[1])], [X, -X], False)
    assert not a.any()
    assert np.array_equal(b, np.maximum(-X, 0))


def test_rows_must_agree():
    with pytest.raises(
        ValueError, match=r"^Add\(\): argument 'inputs': must have the same rows, got \[6, 5\]"
    ):
        layers.Add()([X, X[:5]])


def test_keyword_arguments_choose_the_program():
    def scaled(x, factor):
        return ops.rescale(x, factor)

    for factor in (2.0, 3.0, 2.0):
        np.testing.assert_allclose(run_eagerly(scaled, [X], False, {"factor": factor}), X * factor, rtol=1e-6)
    with pytest.raises(
        TypeError, match="argument 'factor': must be hashable beside array inputs, got ndarray"
    ):
        run_eagerly(scaled, [X], False, {"factor": X})


def test_an_error_while_tracing_leaves_nothing_behind():
    layer = layers.Dense(2)
    layer(X)
    with pytest.raises(ValueError, match="was built for 5 features"):
        layer(X[:, :3])
    assert layer(X).shape == (6, 2)


def test_threads_may_call_one_layer():
    layer = layers.Dense(8, activation="tanh")
    expected = layer(X)
    wrong = []

    def work():
        wrong.extend(1 for _ in range(50) if not np.array_equal(layer(X), expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_symbolic_input_shape_is_not_data():
    with pytest.raises(TypeError, match="symbolic"):
        run_eagerly(lambda x: np.asarray(x), [X], False)
    assert layers.Dense(2)(Tensor((None, 5))).shape == (None, 2)
