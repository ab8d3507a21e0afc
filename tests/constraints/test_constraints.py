"""Constraints: what they do to arrays, that training ends inside them, configurations."""

import numpy as np
import pytest

import densor
from densor import constraints, ops
from tests.reference import norm_constraint as reference

W = np.random.default_rng(1).standard_normal((6, 5)).astype(np.float32)


class Shrunk(constraints.Constraint):
    """A constraint of one's own: rows of length at most 1; w is a matrix."""

    def __call__(self, w):
        return w / ops.maximum(ops.sqrt(ops.sum(ops.square(w), axis=-1, keepdims=True)), 1.0)


def bounded(w):
    return ops.clip(w, -0.5, 0.5)


CASES = {
    "max_norm": (constraints.max_norm(1.0), lambda w: reference.apply(w, 0.0, 1.0)),
    "max_norm_axis": (constraints.MaxNorm(1.0, axis=1), lambda w: reference.apply(w, 0.0, 1.0, axis=1)),
    "min_max_norm": (
        constraints.min_max_norm(0.5, 1.5, 0.25, axis=[0, 1]),
        lambda w: reference.apply(w, 0.5, 1.5, 0.25, axis=(0, 1)),
    ),
    "unit_norm": (constraints.unit_norm(), lambda w: reference.apply(w, 1.0, 1.0)),
    "non_neg": (constraints.non_neg(), lambda w: np.maximum(w, 0.0)),
}
OWN = {
    "own_class": (
        Shrunk(),
        lambda w: w / np.maximum(np.linalg.norm(w, axis=1, keepdims=True), 1.0),
    ),
    "own_function": (constraints.get(bounded), lambda w: np.clip(w, -0.5, 0.5)),
}


@pytest.mark.parametrize("name", CASES | OWN)
def test_values(name):
    constraint, expected = (CASES | OWN)[name]
    before = W.copy()
    np.testing.assert_allclose(constraint(W), expected(W), rtol=2e-6)
    np.testing.assert_array_equal(W, before)


def train(constraint, steps, **options):
    model = densor.Sequential(
        [densor.Input((6,)), densor.layers.Dense(5, **options, kernel_constraint=constraint)]
    )
    model.set_weights([W, *model.get_weights()[1:]])
    model.compile(densor.optimizers.SGD(0.5), loss="mse")
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((8, 6)), 5 * rng.standard_normal((8, 5))
    model.fit(x, y, batch_size=8, epochs=steps, shuffle=False, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("name", CASES | OWN)
def test_training_applies_it_after_the_update(name):
    constraint, expected = (CASES | OWN)[name]
    free = train(None, 1)
    held = train(constraint, 1)
    np.testing.assert_allclose(held[0], expected(free[0]), rtol=2e-6)
    np.testing.assert_array_equal(held[1], free[1])
    longer = train(constraint, 7)[0]
    if constraint.get_config().get("rate", 1.0) == 1.0:  # otherwise one step goes part of the way
        np.testing.assert_allclose(longer, expected(longer), rtol=1e-5)


def test_biases_and_normalization_weights():
    layer = densor.layers.BatchNormalization(gamma_constraint="unit_norm", beta_constraint="non_neg")
    model = densor.Sequential([densor.Input((3,)), densor.layers.Dense(4, bias_constraint="max_norm"), layer])
    model.compile(densor.optimizers.SGD(1.0), loss="mse")
    rng = np.random.default_rng(0)
    model.fit(rng.standard_normal((8, 3)), 9 * rng.standard_normal((8, 4)), epochs=3, verbose=0)
    np.testing.assert_allclose(np.linalg.norm(layer.gamma.numpy()), 1.0, rtol=1e-5)
    assert layer.beta.numpy().min() >= 0.0
    assert np.linalg.norm(model.layers[0].bias.numpy()) <= 2.0 + 1e-5


def test_frozen_weights_are_left_alone():
    model = densor.Sequential([densor.Input((6,)), densor.layers.Dense(5, kernel_constraint="unit_norm")])
    model.layers[0].trainable = False
    model.add(densor.layers.Dense(1))
    before = model.layers[0].get_weights()
    model.compile("sgd", loss="mse")
    model.fit(np.ones((4, 6)), np.ones(4), verbose=0)
    for old, new in zip(before, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("name", CASES)
def test_configuration(name):
    constraint = CASES[name][0]
    again = constraints.deserialize(constraints.serialize(constraint))
    assert type(again) is type(constraint)
    assert again.get_config() == constraint.get_config()
    layer = densor.layers.Dense(2, kernel_constraint=constraint, bias_constraint=constraint)
    copy = densor.layers.Dense.from_config(layer.get_config())
    assert copy.kernel_constraint.get_config() == constraint.get_config()
    assert copy.bias_constraint.get_config() == constraint.get_config()


def test_names():
    assert constraints.get(None) is None
    assert constraints.get("max_norm").get_config() == {"max_value": 2.0, "axis": 0}
    with pytest.raises(ValueError, match=r"^Dense\(\): argument 'bias_constraint': 'maxnrm' .*did you mean"):
        densor.layers.Dense(2, bias_constraint="maxnrm")


def test_an_axis_that_the_weight_lacks_is_refused_when_the_layer_is_built():
    with pytest.raises(ValueError, match=r"^Dense\(\): argument 'axis': must be at most 0, got 1"):
        densor.Sequential(
            [densor.Input((6,)), densor.layers.Dense(5, bias_constraint=constraints.max_norm(1.0, axis=1))]
        )


def test_a_function_of_ones_own_is_known_by_its_name():
    layer = densor.layers.Dense(2, kernel_constraint=bounded)
    config = layer.get_config()
    assert config["kernel_constraint"] == "bounded"
    with densor.utils.custom_object_scope({"bounded": bounded}):
        copy = densor.layers.Dense.from_config(config)
    assert copy.kernel_constraint.function is bounded


def test_a_function_of_ones_own_must_keep_the_shape():
    model = densor.Sequential(
        [densor.Input((3,)), densor.layers.Dense(2, kernel_constraint=lambda w: ops.sum(w, axis=-1))]
    )
    model.compile("sgd", loss="mse")
    with pytest.raises(
        ValueError, match=r"argument 'w': must return weights of shape \(3, 2\), got \(None,\)"
    ):
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
