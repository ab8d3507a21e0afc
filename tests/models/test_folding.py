"""model.fold_batchnorm(): the same predictions to 1e-6, with and without an activation between."""

import numpy as np
import pytest

import densor
from densor import layers

RNG = np.random.default_rng(4)
X = RNG.normal(size=(40, 4, 4)).astype(np.float32)


def dense(units, activation=None, **options):
    return layers.Dense(units, activation=activation, kernel_initializer="he_normal", **options)


def norm(**options):
    return layers.BatchNormalization(**options)


STACKS = {
    "behind_a_dense": lambda: [layers.Flatten(), dense(8, use_bias=False), norm(), layers.ReLU(), dense(3)],
    "with_a_bias": lambda: [layers.Flatten(), dense(8), norm(), layers.Activation("tanh"), dense(3)],
    "behind_the_activation": lambda: [layers.Flatten(), dense(8, "relu"), norm(), dense(3, "softmax")],
    "of_the_inputs": lambda: [layers.Flatten(), norm(), dense(8, "relu"), dense(3)],
    "across_dropout": lambda: [layers.Flatten(), dense(8, "relu"), norm(), layers.Dropout(0.5), dense(3)],
    "without_scale": lambda: [layers.Flatten(), dense(8, "relu"), norm(scale=False), dense(3)],
    "without_shift": lambda: [layers.Flatten(), dense(8), norm(center=False), dense(3)],
    "two_in_a_row": lambda: [layers.Flatten(), dense(8), norm(), norm(), layers.ReLU(), dense(3)],
    "both_sides": lambda: [layers.Flatten(), norm(), dense(8), norm(), layers.ReLU(), norm(), dense(3)],
    "columns_before_flatten": lambda: [norm(), layers.Flatten(), dense(3)],
    "rows_before_flatten": lambda: [norm(axis=1), layers.Flatten(), dense(3)],
    "pixels_before_flatten": lambda: [norm(axis=[1, 2]), layers.Flatten(), dense(3)],
    "rank_3": lambda: [dense(5), norm(), layers.ReLU(), norm(), dense(2)],
    "slides": lambda: [
        layers.Flatten(), norm(), dense(30, "relu"), norm(), dense(10, "relu"), norm(), dense(3, "softmax"),
    ],
}  # fmt: skip


def randomized(model):
    """Weights and statistics away from their initial values."""
    values = []
    for variable in model.weights:
        low, high = (0.5, 2.0) if variable.name in ("gamma", "moving_variance") else (-1.0, 1.0)
        start = variable.numpy()
        values.append(start if variable.name == "kernel" else RNG.uniform(low, high, start.shape))
    model.set_weights(values)
    return model


def assert_same_predictions(folded, model, x=X):
    want = model.predict(x)
    scale = max(1.0, float(np.abs(want).max()))
    np.testing.assert_allclose(folded.predict(x) / scale, want / scale, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", STACKS)
def test_sequential(name):
    model = randomized(densor.Sequential([densor.Input((4, 4)), *STACKS[name]()]))
    before = [w.copy() for w in model.get_weights()]
    folded = model.fold_batchnorm()
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in folded.layers)
    assert [layer.name for layer in folded.layers] == [
        layer.name for layer in model.layers if not isinstance(layer, layers.BatchNormalization)
    ]
    assert_same_predictions(folded, model)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    assert not {id(layer) for layer in folded.layers} & {id(layer) for layer in model.layers}


KEPT = {
    "activation_on_both_sides": lambda: [layers.Flatten(), dense(8, "relu"), norm(), layers.ReLU(), dense(3)],
    "at_the_end": lambda: [layers.Flatten(), dense(8, "relu"), norm()],
    "rows_of_a_dense": lambda: [dense(4), norm(axis=1), layers.ReLU(), layers.Flatten()],
    "rows_in_front": lambda: [norm(axis=1), dense(4)],
}


@pytest.mark.parametrize("name", KEPT)
def test_what_cannot_be_folded_stays(name):
    model = randomized(densor.Sequential([densor.Input((4, 4)), *KEPT[name]()]))
    folded = model.fold_batchnorm()
    assert [type(layer) for layer in folded.layers] == [type(layer) for layer in model.layers]
    assert_same_predictions(folded, model)


def test_functional_with_a_residual_sum():
    inputs = densor.Input((4, 4))
    x = layers.Flatten()(inputs)
    first = dense(16)(x)
    y = layers.ReLU()(norm()(first))
    y = norm(name="stays")(layers.Add()([y, x]))
    y = layers.Add()([layers.ReLU()(y), y])
    outputs = dense(3)(norm()(layers.ReLU()(y)))
    model = randomized(densor.Model(inputs, outputs))
    folded = model.fold_batchnorm()
    names = [layer.name for layer in folded.layers if isinstance(layer, layers.BatchNormalization)]
    assert names == ["stays"]
    assert_same_predictions(folded, model)


def test_shared_layers_are_left_alone():
    inputs = densor.Input((16,))
    shared, shared_norm = dense(16), norm()
    x = shared_norm(shared(inputs))
    model = randomized(densor.Model(inputs, dense(2)(shared_norm(shared(x)))))
    folded = model.fold_batchnorm()
    assert any(isinstance(layer, layers.BatchNormalization) for layer in folded.layers)
    assert_same_predictions(folded, model, X.reshape(-1, 16))


def test_a_trained_model_saves_after_folding(tmp_path):
    model = densor.Sequential([densor.Input((4, 4)), *STACKS["slides"]()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, RNG.integers(0, 3, 40), epochs=5, verbose=0)
    folded = model.fold_batchnorm()
    assert_same_predictions(folded, model)
    folded.save(tmp_path / "folded")
    again = densor.models.load_model(tmp_path / "folded")
    np.testing.assert_array_equal(again.predict(X), folded.predict(X))


def test_refused():
    class Own(densor.Model):
        def call(self, inputs):
            return inputs

    own = Own()
    own.build((None, 3))
    with pytest.raises(TypeError, match=r"fold_batchnorm\(\): argument 'model'"):
        own.fold_batchnorm()
    with pytest.raises(RuntimeError, match="not built"):
        densor.Sequential([dense(3)]).fold_batchnorm()
