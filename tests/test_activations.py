"""Activations by name, and the program's own: in layers, clones, copies and files."""

import json

import numpy as np
import pytest

import densor
from densor import activations, layers, ops, utils
from densor.graph import lower_graph
from densor.graph.program import Feeds
from tests.graph.build import ops_of, traced

NAMES = [
    "linear", "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "sigmoid", "tanh", "silu", "swish", "gelu", "mish",
    "exponential", "softplus", "softsign", "softmax", "log_softmax", "log_sigmoid", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "squareplus", "sparse_plus",
    "sparse_sigmoid", "sparsemax", "glu",
]  # fmt: skip
X = np.random.default_rng(2).normal(size=(5, 6)).astype(np.float32)


@pytest.fixture(autouse=True)
def _as_before():
    known = dict(utils.get_custom_objects())
    yield
    utils.get_custom_objects().clear()
    utils.get_custom_objects().update(known)


def cubic(x):
    return x - 0.1 * x**3


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.get(activations.serialize(function)) is function
    model = densor.Sequential([layers.Input((6,)), layers.Dense(4, activation=name)])
    clone = densor.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert np.array_equal(clone.predict(X, verbose=0), model.predict(X, verbose=0))
    expected = function(X @ model.get_weights()[0])
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("softmax", "sparsemax", "glu", "linear")]
)
def test_an_elementwise_activation_is_never_more_than_expressions(name):
    listing = ops_of(
        lower_graph(traced(lambda z: activations.get(name)(z), 6), 4, feeds=Feeds(), scatter=True)
    )
    assert set(listing) <= {"gather", "activation_forward", "expression", "scatter"}
    assert len(listing) == (5 if name == "log_softmax" else 3)


@pytest.mark.parametrize("make", [lambda f: layers.Activation(f), lambda f: layers.Dense(6, activation=f)])
def test_functions_of_the_program(make, tmp_path):
    model = densor.Sequential([layers.Input((6,)), make(cubic)])
    expected = model.predict(X, verbose=0)
    config = json.loads(json.dumps(model.get_config()))
    assert "cubic" in json.dumps(config)
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="'activation': 'cubic' is not one of 'linear'"):
        densor.models.load_model(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model", custom_objects={"cubic": cubic})
    assert np.array_equal(loaded.predict(X, verbose=0), expected)
    clone = densor.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert np.array_equal(clone.predict(X, verbose=0), expected)


def test_registered_functions(tmp_path):
    utils.register_keras_serializable("mine")(cubic)
    assert activations.serialize(cubic) == "mine>cubic"
    assert activations.get("mine>cubic") is activations.get("cubic") is cubic
    model = densor.Sequential([layers.Input((6,)), layers.Dense(3, activation=cubic)])
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model")
    assert loaded.layers[0].activation is cubic


def test_a_function_of_ones_own_never_hides_one_of_the_package():
    def relu(x):
        return x

    utils.register_keras_serializable("mine")(relu)
    assert activations.get("relu") is activations.relu
    assert activations.get("mine>relu") is relu


def test_functions_without_a_name():
    def mish(x):
        return x

    for function in (lambda x: x, mish):
        model = densor.Sequential([layers.Input((6,)), layers.Activation(function)])
        assert np.array_equal(model.predict(X, verbose=0), X)
        with pytest.raises(
            ValueError, match="cannot be named in a config; write it as a function with a name"
        ):
            model.get_config()


def test_trainable_beta_and_slopes_are_learned():
    model = densor.Sequential(
        [layers.Input((6,)), layers.Swish(trainable_beta=True), layers.PReLU(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    beta, alpha = model.layers[0].beta, model.layers[1].alpha
    model.fit(X, X[:, :1], epochs=3, verbose=0)
    assert beta.numpy() != 1.0
    assert alpha.numpy().all()
    assert [v.path for v in model.weights[:2]] == [beta.path, alpha.path]


def test_slopes_with_a_penalty_and_a_constraint(tmp_path):
    options = {"alpha_regularizer": "l2", "alpha_constraint": "non_neg", "shared_axes": [2]}
    model = densor.Sequential([layers.Input((2, 3, 4)), layers.PReLU("ones", **options), layers.Flatten()])
    model.compile(densor.optimizers.SGD(1.0), densor.losses.MeanSquaredError(reduction="sum"))
    alpha = model.layers[0].alpha
    assert alpha.shape == (2, 1, 4)
    y = np.ones((6, 24), np.float32)
    assert model.evaluate(-y.reshape(6, 2, 3, 4), -y, verbose=0) == pytest.approx(8 * 0.01)
    model.fit(-y.reshape(6, 2, 3, 4), y, epochs=2, verbose=0)
    assert not alpha.numpy().any(), "slopes that would be negative are 0"
    model.save(tmp_path / "model")
    twin = densor.models.load_model(tmp_path / "model").layers[0]
    assert twin.get_config() == model.layers[0].get_config()
    assert type(twin.alpha_regularizer).__name__ == "L2"


def test_a_result_of_another_kind():
    with pytest.raises(TypeError, match="must return symbolic tensors"):
        densor.Sequential([layers.Input((6,)), layers.Activation(lambda x: np.zeros(3))]).predict(
            X, verbose=0
        )


def test_unknown_names_have_a_neighbour():
    with pytest.raises(
        ValueError, match=r"^Dense\(\): argument 'activation': .*; did you mean 'hard_silu'\?"
    ):
        layers.Dense(3, activation="hardsilu")
    assert ops.hard_swish is activations.hard_silu
