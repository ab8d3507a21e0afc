"""Activations against Keras: values on arrays, derivatives through training, layers with their arguments."""

import numpy as np
import pytest

import densor
from densor import layers
from tests.reference.elementary_activation import CASES
from tests.test_activations import NAMES
from tests.tolerances import assert_close

# Keras 3.15 takes the sum of all cumulative sums for the last of them: its rows do not sum to 1.
COMPARED = [name for name in NAMES if name != "sparsemax"]
X = np.random.default_rng(3).normal(scale=3, size=(7, 24)).astype(np.float32)


@pytest.mark.parametrize("name", COMPARED)
def test_by_name(keras, name):
    x = np.concatenate([X, np.linspace(-6, 6, 24, dtype=np.float32)[None]])
    expected = keras.ops.convert_to_numpy(keras.layers.Activation(name)(x))
    np.testing.assert_allclose(densor.layers.Activation(name)(x), expected, rtol=1e-5, atol=2e-6)
    assert sorted([*NAMES, "threshold"]) == sorted(keras.src.activations.ALL_OBJECTS_DICT)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_with_arguments(keras, name, options):
    function = getattr(keras.activations, name)
    expected = keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(X), **options))
    np.testing.assert_allclose(
        getattr(densor.activations, name)(X, **options), expected, rtol=1e-5, atol=2e-6
    )


AXES = [
    ("softmax", 1),
    ("softmax", -2),
    ("log_softmax", 1),
    ("log_softmax", 2),
    ("glu", 1),
    ("glu", 2),
]


@pytest.mark.parametrize(("name", "axis"), AXES)
def test_over_an_axis(keras, name, axis):
    x = X.reshape(7, 4, 6)
    expected = getattr(keras.activations, name)(keras.ops.convert_to_tensor(x), axis=axis)
    np.testing.assert_allclose(
        getattr(densor.activations, name)(x, axis=axis),
        keras.ops.convert_to_numpy(expected),
        rtol=1e-5,
        atol=1e-6,
    )


LAYERS = {
    **{
        name: lambda library, name=name: library.layers.Activation(name) for name in COMPARED if name != "glu"
    },
    # Keras' Activation does not know that the shape changes.
    "glu": lambda library: getattr(library.layers, "Lambda", library.layers.Activation)(
        library.activations.glu
    ),
    "relu_max": lambda library: library.layers.ReLU(max_value=0.8),
    "relu_all": lambda library: library.layers.ReLU(max_value=1.5, negative_slope=0.2, threshold=0.1),
    "LeakyReLU": lambda library: library.layers.LeakyReLU(0.25),
    "ELU": lambda library: library.layers.ELU(0.6),
    "PReLU": lambda library: library.layers.PReLU(alpha_initializer=library.initializers.Constant(0.3)),
    "Softmax": lambda library: library.layers.Softmax(),
    "gelu_tanh": lambda library: library.layers.Activation(
        lambda x: library.activations.gelu(x, approximate=True)
    ),
    "celu_alpha": lambda library: library.layers.Activation(lambda x: library.activations.celu(x, alpha=0.5)),
    "threshold": lambda library: library.layers.Activation(
        lambda x: library.activations.threshold(x, 0.3, -0.2)
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_fifty_steps(keras, name):
    """Derivatives too: a model with the activation in the middle, trained on."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((40, 5)).astype(np.float32)
    y = np.stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2]], axis=1)
    trained = []
    start = None
    for library in (keras, densor):
        model = library.Sequential(
            [library.Input((5,)), library.layers.Dense(12), LAYERS[name](library), library.layers.Dense(2)]
        )
        start = start or [rng.normal(scale=0.5, size=w.shape).astype(np.float32) for w in model.get_weights()]
        model.set_weights(start)
        model.compile(library.optimizers.SGD(0.02, momentum=0.5), loss="mse")
        model.fit(x, y, batch_size=8, epochs=10, shuffle=False, verbose=0)
        trained.append(model.get_weights())
    for theirs, ours in zip(*trained, strict=True):
        assert_close(ours, theirs, "trajectory")


@pytest.mark.parametrize("shared", [[1], [2], [1, 2], 1])
def test_prelu_with_shared_slopes(keras, shared):
    x = X.reshape(7, 4, 6)
    options = {"shared_axes": shared}
    theirs, ours = keras.layers.PReLU(**options), densor.layers.PReLU(**options)
    expected_shape = [tuple(w.shape) for w in (theirs(x), theirs.weights)[1]]
    ours(x)
    assert [w.shape for w in ours.weights] == expected_shape
    alpha = np.random.default_rng(1).uniform(size=expected_shape[0]).astype(np.float32)
    for layer in (theirs, ours):
        layer.set_weights([alpha])
    np.testing.assert_allclose(ours(x), keras.ops.convert_to_numpy(theirs(x)), rtol=1e-6)


@pytest.mark.parametrize("shared", [None, [2], [1, 3], [3], [2, 3]])
def test_prelu_with_penalties_and_constraints(keras, shared):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(40, 2, 3, 4)).astype(np.float32), rng.normal(size=(40, 24)).astype(np.float32)
    trained = []
    for library in (keras, densor):
        layer = library.layers.PReLU(
            library.initializers.Constant(0.2), library.regularizers.L1L2(0.01, 0.02), "non_neg", shared
        )
        model = library.Sequential([library.Input((2, 3, 4)), layer, library.layers.Flatten()])
        model.compile(library.optimizers.SGD(0.5, momentum=0.5), loss="mse")
        history = model.fit(x, y, batch_size=8, epochs=10, shuffle=False, verbose=0)
        trained.append((*model.get_weights(), np.array(history.history["loss"])))
    for theirs, ours in zip(*trained, strict=True):
        assert_close(ours, theirs, "trajectory")


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_softmax_with_a_mask(keras, axis):
    x = X.reshape(7, 4, 6)
    mask = np.random.default_rng(2).random(x.shape) < 0.6
    expected = keras.layers.Softmax(axis=axis)(x, mask=keras.ops.convert_to_tensor(mask))
    first, second = layers.Input((4, 6)), layers.Input((4, 6))
    model = densor.Model([first, second], layers.Softmax(axis=axis)(first, mask=second))
    found = model.predict([x, mask.astype(np.float32)], verbose=0)
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(expected), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(layers.Softmax(axis=axis)(x, mask=mask), found)
