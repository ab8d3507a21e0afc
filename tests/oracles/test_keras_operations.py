"""Functions between layers in `.keras` files, from Densor to Keras and back: the same function, the same results."""

import numpy as np
import pytest

import densor

X = np.random.default_rng(0).uniform(0.2, 2.0, (5, 6)).astype(np.float32)
ROW = np.arange(1, 7, dtype=np.float32)
KERNEL = np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32)

OF_ONE = (
    "absolute", "ceil", "erf", "exp", "expm1", "floor", "hard_sigmoid", "hard_silu", "hard_tanh", "log", "log10",
    "log1p", "log2", "log_sigmoid", "log_softmax", "logical_not", "negative", "ones_like", "reciprocal", "relu",
    "relu6", "round", "rsqrt", "selu", "sigmoid", "sign", "silu", "softmax", "softplus", "softsign", "sparse_plus",
    "sparse_sigmoid", "sqrt", "square", "tanh", "tanh_shrink", "zeros_like", "glu", "hard_shrink", "soft_shrink",
)  # fmt: skip
OF_TWO = (
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "greater", "greater_equal", "less",
    "less_equal", "equal", "not_equal", "logical_and", "logical_or",
)  # fmt: skip
REDUCTIONS = ("max", "min", "mean", "sum", "std", "var", "logsumexp", "norm")
WRITTEN = {
    "operators": lambda ops, x: 2.0 / (1.0 - x**2) - abs(-x) * 3.0,
    "array": lambda ops, x: x * ROW + ROW,
    "celu": lambda ops, x: ops.celu(x - 1.0, alpha=0.7),
    "elu": lambda ops, x: ops.elu(x - 1.0, alpha=0.7),
    "gelu": lambda ops, x: ops.gelu(x - 1.0, approximate=False),
    "gelu by tanh": lambda ops, x: ops.gelu(x - 1.0, approximate=True),
    "leaky_relu": lambda ops, x: ops.leaky_relu(x - 1.0, negative_slope=0.4),
    "squareplus": lambda ops, x: ops.squareplus(x, b=2),
    "threshold": lambda ops, x: ops.threshold(x, 0.8, -1.0),
    "clip": lambda ops, x: ops.clip(x, 0.5, 1.0),
    "cast": lambda ops, x: ops.cast(x, "float32"),
    "concatenate": lambda ops, x: ops.concatenate([x, x * 2.0], axis=-1),
    "where": lambda ops, x: ops.where(x > 1.0, x, 0.0),
    "matmul": lambda ops, x: ops.matmul(x, KERNEL),
    "take": lambda ops, x: ops.take(x, [0, 2], axis=1),
    "take one": lambda ops, x: ops.take(x, 1, axis=1),
    "take of an array": lambda ops, x: ops.take(x, [[0, 2], [1, 1]], axis=1),
    "one_hot": lambda ops, x: ops.one_hot(ops.cast(x > 1.0, "float32"), 2, axis=1),
    "split": lambda ops, x: ops.subtract(*ops.split(x, 2, axis=1)),
    "split at": lambda ops, x: ops.split(x, [1, 4], axis=1)[1],
    "stack": lambda ops, x: ops.stack([x[:, 0], x[:, 1]], axis=1),
    "swapaxes": lambda ops, x: ops.swapaxes(ops.stack([x, x * 2.0], axis=1), 1, 2),
    "moveaxis": lambda ops, x: ops.moveaxis(ops.stack([x, x * 2.0], axis=1), 1, -1),
    "flip": lambda ops, x: ops.flip(x, axis=1),
    "repeat": lambda ops, x: ops.repeat(x, 2, axis=1),
    "tile": lambda ops, x: ops.tile(x, [1, 2]),
    "hstack": lambda ops, x: ops.hstack([x, x * 2.0]),
    "unstack": lambda ops, x: ops.subtract(*ops.unstack(x, axis=1)[2:4]),
    "dot": lambda ops, x: ops.dot(x, KERNEL),
    "stop_gradient": lambda ops, x: ops.stop_gradient(x),
    "isnan": lambda ops, x: ops.cast(ops.isnan(x), "float32"),
    "isinf": lambda ops, x: ops.cast(ops.isinf(x), "float32"),
    "isfinite": lambda ops, x: ops.cast(ops.isfinite(x), "float32"),
    "any": lambda ops, x: ops.cast(ops.any(x > 1.0, axis=1), "float32"),
    "all": lambda ops, x: ops.cast(ops.all(x > 1.0, axis=1, keepdims=True), "float32"),
    "count_nonzero": lambda ops, x: ops.cast(ops.count_nonzero(x > 1.0, axis=1), "float32"),
    "logical_xor": lambda ops, x: ops.cast(ops.logical_xor(x > 1.0, x > 1.2), "float32"),
    "axes of length 1": lambda ops, x: ops.squeeze(ops.expand_dims(x, 1), 1),
    "slice": lambda ops, x: x[:, 1:4],
    "strided slice": lambda ops, x: x[..., ::2],
    "column": lambda ops, x: x[:, -1],
    "new axis": lambda ops, x: x[:, None],
}
CASES = (
    {name: lambda ops, x, name=name: getattr(ops, name)(x) for name in OF_ONE}
    | {name: lambda ops, x, name=name: getattr(ops, name)(x, 0.5 * x + 0.3) for name in OF_TWO}
    | {name: lambda ops, x, name=name: getattr(ops, name)(x, axis=-1, keepdims=True) for name in REDUCTIONS}
    | WRITTEN
)


def model_of(library, function):
    x = library.Input((6,), name="x")
    hidden = library.layers.Dense(6, activation="softplus", name="hidden")(x)
    return library.Model(x, function(library.ops, hidden))


def check(model, library, folder):
    model.save(folder / "model.keras")
    again = library.models.load_model(folder / "model.keras")
    expected, got = (np.asarray(each.predict(X, verbose=0), np.float64) for each in (model, again))
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", CASES)
def test_written_for_keras(keras, case, tmp_path):
    check(model_of(densor, CASES[case]), keras, tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_read_from_keras(keras, case, tmp_path):
    check(model_of(keras, CASES[case]), densor, tmp_path)


def test_shapes_count_the_batch_in_keras(keras, tmp_path):
    check(model_of(densor, lambda ops, x: ops.reshape(x, (-1, 3, 2))), keras, tmp_path)
    swapped = model_of(keras, lambda ops, x: ops.transpose(ops.reshape(x, (-1, 3, 2)), (0, 2, 1)))
    check(swapped, densor, tmp_path)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda ops, x: ops.cast(x, "int32"), "dtype='int32' is not supported"),
        (lambda ops, x: ops.round(x, decimals=1), "decimals=1 is not supported"),
        (lambda ops, x: ops.reshape(x, (3, -1)), "the batch of a symbolic tensor stays"),
        (lambda ops, x: ops.sparsemax(x), "Densor has no Sparsemax"),
        (lambda ops, x: ops.sin(x), "Densor has no Sin"),
    ],
)
def test_what_densor_does_not_compute_so(keras, function, text, tmp_path):
    model_of(keras, function).save(tmp_path / "model.keras")
    with pytest.raises((TypeError, ValueError), match=text):
        densor.models.load_model(tmp_path / "model.keras")
