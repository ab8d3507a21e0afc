"""Penalties of weights and activations: values, gradients in training, configurations, warnings."""

import warnings

import numpy as np
import pytest

import densor
from densor import ops, regularizers
from tests.reference import orthogonal_penalty
from tests.reference import penalty as reference
from tests.tolerances import assert_close

ROWS, FEATURES = 10, 5


def data(outputs=3):
    rng = np.random.default_rng(3)
    return rng.standard_normal((ROWS, FEATURES)).astype(np.float32), rng.standard_normal((ROWS, outputs))


def smooth_l1(x):
    return 0.3 * ops.sum(ops.sqrt(1.0 + ops.square(x)))


class Variance(regularizers.Regularizer):
    """A penalty of one's own with reductions inside; x is a matrix."""

    def __call__(self, x):
        return 0.5 * ops.mean(ops.square(x - ops.mean(x, axis=-1, keepdims=True)))


def dense(**options):
    model = densor.Sequential([densor.Input((FEATURES,)), densor.layers.Dense(3, **options)])
    model.set_weights(
        [np.random.default_rng(k).standard_normal(w.shape) for k, w in enumerate(model.weights)]
    )
    return model


def gradients(model, x, y):
    """Central differences of the loss that `evaluate` reports, which holds every penalty."""
    found = []
    for variable in model.trainable_weights:
        gradient = np.zeros(variable.shape)
        for index in np.ndindex(variable.shape):
            value, step, sides = variable.array[index], np.float32(0.0078125), []
            for sign in (1, -1):
                variable.array[index] = value + sign * step
                sides.append(model.evaluate(x, y, verbose=0))
            variable.array[index] = value
            gradient[index] = (sides[0] - sides[1]) / (2 * step)
        found.append(gradient)
    return found


def moved(model, x, y):
    """Minus what one step of plain descent with rate 1 adds to each weight: the gradients."""
    before = model.get_weights()
    model.train_on_batch(x, y)
    return [old - new for old, new in zip(before, model.get_weights(), strict=True)]


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_regularizer": regularizers.L2(0.1)},
        {"kernel_regularizer": regularizers.L1(0.1), "bias_regularizer": "l2"},
        {"kernel_regularizer": regularizers.L1L2(0.1, 0.2), "bias_regularizer": regularizers.L1L2(0.3, 0.1)},
        {"activity_regularizer": regularizers.L1L2(0.2, 0.1), "activation": "tanh"},
        {"activity_regularizer": "l2", "kernel_regularizer": "l1", "activation": "sigmoid"},
        {"kernel_regularizer": regularizers.OrthogonalRegularizer(0.5)},
        {"kernel_regularizer": regularizers.OrthogonalRegularizer(0.5, "columns"), "bias_regularizer": "l2"},
        {"activity_regularizer": regularizers.OrthogonalRegularizer(0.5), "activation": "tanh"},
        {"kernel_regularizer": smooth_l1, "bias_regularizer": smooth_l1},
        {"kernel_regularizer": Variance(), "activity_regularizer": smooth_l1, "activation": "tanh"},
    ],
    ids=" ".join,
)
def test_the_gradient_is_that_of_the_reported_loss(options):
    x, y = data()
    model = dense(**options)
    model.compile(densor.optimizers.SGD(1.0), loss="mse")
    expected = gradients(model, x, y)
    for got, want in zip(moved(model, x, y), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("mode", ["rows", "columns"])
@pytest.mark.parametrize("shape", [(2, 2), (5, 3), (3, 5), (17, 33)])
def test_orthogonal(mode, shape):
    w = np.random.default_rng(shape).standard_normal(shape).astype(np.float32)
    w[0] *= 100.0
    expected = orthogonal_penalty.value(w, 0.5, mode)
    regularizer = regularizers.OrthogonalRegularizer(0.5, mode)
    np.testing.assert_allclose(regularizer(w), expected, rtol=2e-6)
    layer = densor.layers.Dense(shape[1], use_bias=False, kernel_regularizer=regularizer)
    model = densor.Sequential([densor.Input((shape[0],)), layer])
    model.set_weights([w])
    model.compile(densor.optimizers.SGD(1.0), loss=densor.losses.MeanSquaredError(reduction="sum"))
    zero = np.zeros((4, shape[0]), np.float32)
    np.testing.assert_allclose(model.train_on_batch(zero, np.zeros((4, shape[1]))), expected, rtol=2e-6)
    np.testing.assert_allclose(
        w.astype(np.float64) - model.get_weights()[0],
        orthogonal_penalty.gradient(w, 0.5, mode),
        atol=2e-7 * np.abs(w).max(),
    )
    orthogonal = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))[0]
    assert regularizer(orthogonal) < 1e-7


def test_the_loss_holds_the_penalty_of_the_weights_before_the_step():
    x, y = data()
    plain, penalized = dense(), dense(kernel_regularizer=regularizers.L1L2(0.1, 0.2), bias_regularizer="l1")
    for model in (plain, penalized):
        model.compile(densor.optimizers.SGD(1e-9), loss="mse")
    kernel, bias = penalized.get_weights()
    extra = reference.value(kernel, 0.1, 0.2) + reference.value(bias, 0.01)
    np.testing.assert_allclose(sum(penalized.losses), extra, rtol=1e-6)
    for run in (
        lambda m: m.evaluate(x, y, verbose=0),
        lambda m: m.fit(x, y, batch_size=4, shuffle=False, verbose=0).history["loss"][0],
        lambda m: m.train_on_batch(x, y),
        lambda m: m.evaluate(x, y, verbose=0, batch_size=3, callbacks=[densor.callbacks.LambdaCallback()]),
    ):
        np.testing.assert_allclose(run(penalized) - run(plain), extra, rtol=1e-5)


def test_activity_counts_per_row_and_batches_by_their_rows():
    x, y = data()
    plain, penalized = dense(), dense(activity_regularizer=regularizers.L2(0.3))
    for model in (plain, penalized):
        model.compile(densor.optimizers.SGD(1e-9), loss="mse")
    np.testing.assert_array_equal(plain.predict(x), penalized.predict(x))
    extra = reference.value(plain.predict(x), l2=0.3) / ROWS
    for run in (
        lambda m: m.evaluate(x, y, verbose=0),
        lambda m: m.fit(x, y, batch_size=4, shuffle=False, verbose=0).history["loss"][0],
    ):
        np.testing.assert_allclose(run(penalized) - run(plain), extra, rtol=1e-4)


def test_a_sum_of_losses_holds_the_penalty_once():
    x, y = data()
    losses = []
    for options in ({}, {"kernel_regularizer": regularizers.L2(0.5)}):
        model = dense(**options)
        model.compile(densor.optimizers.SGD(1e-9), loss=densor.losses.MeanSquaredError(reduction="sum"))
        losses.append(model.train_on_batch(x, y))
    extra = reference.value(model.get_weights()[0], l2=0.5)
    np.testing.assert_allclose(losses[1] - losses[0], extra, rtol=1e-4)


def test_a_penalty_on_probabilities_leaves_the_fused_loss():
    """The cross-entropy reads the logits, the penalty the softmax that follows them."""
    x = data()[0]
    y = np.arange(ROWS) % 3
    model = dense(activation="softmax", activity_regularizer=regularizers.L2(0.5))
    model.compile(densor.optimizers.SGD(1.0), loss="sparse_categorical_crossentropy")
    p = model.predict(x).astype(np.float64)
    expected = -np.log(p[np.arange(ROWS), y]).mean() + reference.value(p, l2=0.5) / ROWS
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-6)
    expected = gradients(model, x, y)
    for got, want in zip(moved(model, x, y), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-3)


def test_penalties_are_clipped_with_the_gradient():
    x, y = data()
    model = dense(kernel_regularizer=regularizers.L2(50.0))
    model.compile(densor.optimizers.SGD(1.0, clipnorm=0.5), loss="mse")
    kernel, _ = moved(model, x, y)
    np.testing.assert_allclose(np.linalg.norm(kernel), 0.5, rtol=1e-5)


def test_frozen_weights_are_not_penalized():
    x, y = data()
    model = dense(kernel_regularizer="l2")
    model.layers[0].trainable = False
    model.compile("sgd", loss="mse")
    plain = dense()
    plain.compile("sgd", loss="mse")
    assert model.losses == []
    assert model.evaluate(x, y, verbose=0) == plain.evaluate(x, y, verbose=0)


def test_shared_layer_is_penalized_once_and_its_activity_at_every_call():
    shared = densor.layers.Dense(FEATURES, kernel_regularizer=regularizers.L2(0.1), activity_regularizer="l1")
    inputs = densor.Input((FEATURES,))
    model = densor.Model(inputs, shared(shared(inputs)))
    model.compile("sgd", loss="mse")
    x, y = data(FEATURES)
    h = x @ shared.get_weights()[0]
    out = h @ shared.get_weights()[0]
    expected = ((out - y) ** 2).mean() + reference.value(shared.get_weights()[0], l2=0.1)
    expected += (reference.value(h, l1=0.01) + reference.value(out, l1=0.01)) / ROWS
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-5)


def test_normalization_weights_can_be_penalized():
    x, y = data(FEATURES)
    layer = densor.layers.BatchNormalization(gamma_regularizer=regularizers.L2(0.1), beta_regularizer="l1")
    model = densor.Sequential([densor.Input((FEATURES,)), layer])
    model.compile(densor.optimizers.SGD(1.0), loss="mse")
    layer.beta.assign(np.arange(5.0))
    expected = reference.value(np.ones(5), l2=0.1) + reference.value(np.arange(5.0), l1=0.01)
    np.testing.assert_allclose(sum(model.losses), expected, rtol=1e-6)
    beta = layer.beta.numpy()
    residual = beta - y.mean(axis=0)
    model.train_on_batch(x, y)
    assert_close(beta - layer.beta.numpy(), 2 * residual / 5 + 0.01 * np.sign(beta), "gradient")


def test_activity_regularization_layer():
    x, y = data(FEATURES)
    model = densor.Sequential(
        [densor.Input((FEATURES,)), densor.layers.ActivityRegularization(l1=0.1, l2=0.2)]
    )
    model.compile("sgd", loss="mse")
    expected = ((x - y) ** 2).mean() + reference.value(x, 0.1, 0.2) / ROWS
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-6)
    copy = densor.layers.deserialize(densor.layers.serialize(model.layers[0]))
    assert (copy.l1, copy.l2) == (0.1, 0.2)


@pytest.mark.parametrize(
    "regularizer",
    [
        regularizers.l1(0.2),
        regularizers.l2(0.3),
        regularizers.l1_l2(0.1, 0.2),
        regularizers.orthogonal_regularizer(0.2, "columns"),
    ],
    ids=lambda regularizer: type(regularizer).__name__,
)
def test_configuration(regularizer):
    config = regularizers.serialize(regularizer)
    again = regularizers.deserialize(config)
    assert type(again) is type(regularizer)
    assert again.get_config() == regularizer.get_config()
    layer = densor.layers.Dense(2, kernel_regularizer=regularizer, activity_regularizer=regularizer)
    copy = densor.layers.Dense.from_config(layer.get_config())
    for name in ("kernel_regularizer", "activity_regularizer"):
        assert getattr(copy, name).get_config() == regularizer.get_config()
    assert copy.bias_regularizer is None


def test_names():
    assert regularizers.get(None) is None
    assert regularizers.get("l1").l1 == 0.01
    assert regularizers.get("L2").l2 == 0.01
    assert regularizers.L1L2(None, None).get_config() == {"l1": 0.0, "l2": 0.0}
    with pytest.raises(
        ValueError, match=r"^Dense\(\): argument 'kernel_regularizer': 'l3' is not .*'l1', 'l2'"
    ):
        densor.layers.Dense(2, kernel_regularizer="l3")


def test_saved_and_loaded(tmp_path):
    x, y = data()
    model = dense(kernel_regularizer="l2", activity_regularizer=regularizers.L1(0.2))
    model.compile("sgd", loss="mse")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model")
    assert loaded.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    assert model.fit(x, y, verbose=0).history == loaded.fit(x, y, verbose=0).history


def test_l2_with_an_adaptive_optimizer_warns_once():
    x, y = data()
    model = dense(kernel_regularizer="l2")
    with pytest.warns(UserWarning, match=r"Adam divides .* use AdamW\(weight_decay=") as caught:
        model.compile("adam", loss="mse")
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x, y, epochs=2, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.compile("sgd", loss="mse")
        dense(kernel_regularizer="l1").compile("adam", loss="mse")
        dense().compile("adam", loss="mse")


def test_functions_and_classes_of_ones_own_in_files(tmp_path):
    x, y = data()
    model = dense(kernel_regularizer=smooth_l1, activity_regularizer=Variance(), bias_constraint=ops.relu)
    model.compile("sgd", loss="mse")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model")
    own = {"smooth_l1": smooth_l1, "Variance": Variance, "relu": ops.relu}
    loaded = densor.models.load_model(tmp_path / "model", custom_objects=own)
    assert loaded.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    assert model.fit(x, y, verbose=0).history == loaded.fit(x, y, verbose=0).history
    with pytest.raises(densor.errors.FormatError, match="'Variance' is not a known regularizer"):
        densor.models.load_model(tmp_path / "model")


def test_a_lambda_trains_but_has_no_name():
    model = dense(kernel_regularizer=lambda w: 0.1 * ops.sum(ops.abs(w)))
    model.compile("sgd", loss="mse")
    expected = reference.value(model.get_weights()[0], l1=0.1)
    np.testing.assert_allclose(sum(model.losses), expected, rtol=1e-6)
    model.evaluate(*data(), verbose=0)
    with pytest.raises(ValueError, match=r"serialize\(\): argument 'regularizer': .*cannot be named"):
        model.layers[0].get_config()


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda x: 0.0, TypeError, "must return symbolic tensors made by densor.ops, got float"),
        (
            lambda x: ops.sum(x, axis=-1),
            ValueError,
            r"argument 'x': the penalty must be one number.*\(None,\)",
        ),
        (lambda x: [ops.sum(x), ops.mean(x)], ValueError, "must return one tensor, got 2"),
    ],
)
def test_what_a_function_of_ones_own_must_return(function, error, message):
    model = dense(kernel_regularizer=function)
    model.compile("sgd", loss="mse")
    before = model.get_weights()
    with pytest.raises(error, match=message):
        model.fit(*data(), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_orthogonality_needs_a_matrix_of_two():
    by_columns = regularizers.OrthogonalRegularizer(0.1, "columns")
    for layer in (
        densor.layers.Dense(1, kernel_regularizer=by_columns),
        densor.layers.Dense(5, bias_regularizer=by_columns),
    ):
        with pytest.raises(ValueError, match=r"^Dense\(\): argument 'regularizer': orthogonality needs"):
            layer.build((None, 3))
    with pytest.raises(ValueError, match=r"^OrthogonalRegularizer\(\): argument 'mode'"):
        regularizers.OrthogonalRegularizer(mode="row")
