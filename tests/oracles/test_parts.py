"""Layers, losses, metrics, schedules and initializers against Keras."""

import numpy as np
import pytest

import densor
from tests import architectures


@pytest.mark.parametrize("seed", range(1, 56, 3))
def test_predictions_and_losses_of_random_models(keras, seed):
    architecture = architectures.draw(seed)
    theirs, ours = architectures.build(architecture, keras), architectures.build(architecture, densor)
    ours.set_weights(theirs.get_weights())
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((13, architecture.features)).astype(np.float32)
    y, weight = architectures.targets(architecture, 13, rng), rng.random(13).astype(np.float32)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-5, atol=2e-6)
    for library, model in ((keras, theirs), (densor, ours)):
        model.compile("sgd", loss=architectures.loss_of(architecture, library))
    for sample_weight in (None, weight):
        expected = theirs.evaluate(x, y, sample_weight=sample_weight, verbose=0)
        assert ours.evaluate(x, y, sample_weight=sample_weight, verbose=0) == pytest.approx(
            expected, rel=1e-5, abs=1e-6
        )


SCHEDULES = {
    "exponential": ("ExponentialDecay", (0.1, 7, 0.5), {}),
    "staircase": ("ExponentialDecay", (0.1, 7, 0.5), {"staircase": True}),
    "inverse_time": ("InverseTimeDecay", (0.1, 5, 0.7), {}),
    "inverse_time_staircase": ("InverseTimeDecay", (0.1, 5, 0.7), {"staircase": True}),
    "polynomial": ("PolynomialDecay", (0.1, 30), {"power": 2.0}),
    "polynomial_cycle": ("PolynomialDecay", (0.1, 12), {"cycle": True}),
    "piecewise": ("PiecewiseConstantDecay", ([5, 20], [0.1, 0.05, 0.01]), {}),
    "cosine": ("CosineDecay", (0.1, 30), {"alpha": 0.1}),
    "cosine_warmup": ("CosineDecay", (0.01, 30), {"warmup_target": 0.1, "warmup_steps": 8}),
    # No restart falls on a step: on some CPUs Keras' logarithms in float32 round it to the cycle before.
    "restarts": ("CosineDecayRestarts", (0.1, 7.5), {"t_mul": 1.5, "m_mul": 0.8, "alpha": 0.05}),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(keras, name):
    kind, args, options = SCHEDULES[name]
    theirs = getattr(keras.optimizers.schedules, kind)(*args, **options)
    ours = getattr(densor.optimizers.schedules, kind)(*args, **options)
    expected = [float(theirs(step)) for step in range(60)]
    np.testing.assert_allclose([float(ours(step)) for step in range(60)], expected, rtol=2e-5, atol=1e-9)


INITIALIZERS = [
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "zeros",
    "ones",
]


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializer_moments(keras, name):
    """120,000 draws of each: standard deviations within 1 %, the same cut-off."""
    shape = (300, 400)
    theirs = np.float64(keras.ops.convert_to_numpy(keras.initializers.get(name)(shape)))
    ours = np.asarray(densor.initializers.get(name)(shape))
    assert ours.shape == shape
    assert ours.dtype == np.float32
    ours = ours.astype(np.float64)
    np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.01)
    np.testing.assert_allclose(ours.mean(), theirs.mean(), atol=0.012 * theirs.std())
    # The bound of those that have one; Keras on PyTorch lets one truncated draw in 250,000 escape.
    reached = [np.quantile(np.abs(draws), 0.9999) for draws in (ours, theirs)]
    np.testing.assert_allclose(*reached, rtol=0.06 if name == "random_normal" else 0.01)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (4, 3, 2)])
def test_matrix_initializers(keras, shape):
    """Identity is the same; Orthogonal has the same Gram matrix, whichever the draws."""
    ours, theirs = (
        np.float64(np.asarray(library.initializers.Orthogonal(1.5, seed=1)(shape))).reshape(-1, shape[-1])
        for library in (densor, keras)
    )
    gram = (lambda w: w @ w.T) if len(ours) < shape[-1] else (lambda w: w.T @ w)
    np.testing.assert_allclose(gram(ours), gram(theirs), atol=1e-5)
    if len(shape) == 2:
        ours, theirs = (np.asarray(library.initializers.Identity(1.5)(shape)) for library in (densor, keras))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 2.0, "mode": "fan_out"},
        {"scale": 0.5, "mode": "fan_avg", "distribution": "untruncated_normal"},
        {"distribution": "normal"},
    ],
)
def test_variance_scaling_of_normals(keras, options):
    """160,000 draws: standard deviation and 99.9 % quantile, which the cut moves, as in Keras."""
    ours, theirs = (
        np.float64(np.asarray(library.initializers.VarianceScaling(**options, seed=1)((400, 400))))
        for library in (densor, keras)
    )
    np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.01)
    np.testing.assert_allclose(
        np.quantile(np.abs(ours), 0.999), np.quantile(np.abs(theirs), 0.999), rtol=0.015
    )


def test_variance_scaling(keras):
    options = {"scale": 2.0, "mode": "fan_avg", "distribution": "uniform"}
    theirs = keras.ops.convert_to_numpy(keras.initializers.VarianceScaling(**options)((100, 300)))
    ours = np.asarray(densor.initializers.VarianceScaling(**options)((100, 300)))
    np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.02)
    np.testing.assert_allclose(np.abs(ours).max(), np.abs(theirs).max(), rtol=0.01)


LOSSES = {
    "mean_squared_error": ("values", {}),
    "mean_absolute_error": ("values", {}),
    "binary_crossentropy": ("bits", {}),
    "categorical_crossentropy": ("one_hot", {}),
    "sparse_categorical_crossentropy": ("labels", {}),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_as_a_function_of_arrays(keras, name):
    rng = np.random.default_rng(8)
    kind, _ = LOSSES[name]
    probabilities = rng.random((20, 5)).astype(np.float32)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = rng.integers(0, 5, 20)
    y_true = {
        "values": rng.random((20, 5)).astype(np.float32),
        "bits": rng.integers(0, 2, (20, 5)).astype(np.float32),
        "one_hot": np.eye(5, dtype=np.float32)[labels],
        "labels": labels,
    }[kind]
    expected = float(keras.losses.get(name)(y_true, probabilities).mean())
    assert float(densor.losses.get(name)(y_true, probabilities)) == pytest.approx(expected, rel=1e-5)
