"""Functions of densor.ops between the layers of a functional model."""

import inspect
import pickle

import numpy as np
import pytest

import densor
from densor import layers, ops
from densor.models import clone_model, load_model

X = np.random.default_rng(1).standard_normal((12, 6)).astype(np.float32)
Y = X[:, :3] * X[:, 3:]
ROW = np.arange(1, 5, dtype=np.float32)


def scaled(x):
    """Operators, slices, arrays, several results, keywords; one tensor is read twice."""
    hidden = layers.Dense(8, activation="tanh", name="hidden")(x)
    left, right = ops.split(hidden, 2, axis=1)
    y = ops.exp(left) * 0.5 - right / ROW + 1.0
    y = ops.concatenate([y, hidden[:, ::3], ops.mean(hidden, axis=-1, keepdims=True)], axis=-1)
    return ops.where(y > 0, y, densor.activations.leaky_relu(y, negative_slope=0.3))


def model_of():
    densor.utils.set_random_seed(2)
    x = densor.Input((6,), name="x")
    model = densor.Model(x, layers.Dense(3, name="head")(scaled(x)))
    model.compile(densor.optimizers.Adam(0.01), "mse")
    return model


class Inside(densor.Model):
    """The same in call()."""

    def __init__(self):
        super().__init__()
        self.hidden, self.head = layers.Dense(8, activation="tanh"), layers.Dense(3)

    def call(self, x):
        hidden = self.hidden(x)
        left, right = hidden[:, :4], hidden[:, 4:]
        y = ops.exp(left) * 0.5 - right / ROW + 1.0
        y = ops.concatenate([y, hidden[:, ::3], ops.mean(hidden, axis=-1, keepdims=True)], axis=-1)
        return self.head(ops.where(y > 0, y, ops.leaky_relu(y, 0.3)))


def test_they_train_like_the_same_functions_in_a_layer():
    model, inside = model_of(), Inside()
    inside.compile(densor.optimizers.Adam(0.01), "mse")
    inside.build((None, 6))
    inside.set_weights(model.get_weights())
    first = model.evaluate(X, Y, verbose=0)
    for each in (model, inside):
        each.fit(X, Y, epochs=20, batch_size=4, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), inside.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.evaluate(X, Y, verbose=0) < 0.7 * first


def test_they_are_no_layers_but_operations():
    model = model_of()
    assert [layer.name for layer in model.layers] == ["x", "hidden", "head"]
    names = [layer.name.rstrip("_0123456789") for layer in model.operations]
    assert {"split", "exp", "multiply", "divide", "subtract", "get_item", "mean", "where"} <= set(names)
    lines = []
    model.summary(print_fn=lines.append)
    assert "get_item" in lines[0]
    with pytest.raises(ValueError, match="where"):
        model.get_layer("where")


@pytest.mark.parametrize("again", ["clone", "config", "file"])
def test_they_come_back(again, tmp_path):
    model = model_of()
    if again == "file":
        model.save(tmp_path / "model")
        copy = load_model(tmp_path / "model")
    else:
        copy = clone_model(model) if again == "clone" else densor.Model.from_config(model.get_config())
        copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy.predict(X, verbose=0), model.predict(X, verbose=0))
    assert [layer.name for layer in copy.operations] == [layer.name for layer in model.operations]


def test_a_part_of_a_model_and_a_model_called_again():
    model = model_of()
    part = densor.Model(model.input, model.get_layer("hidden").output[:, -1])
    assert part.predict(X, verbose=0).shape == (12,)
    x = densor.Input((3,))
    np.testing.assert_array_equal(
        densor.Model(x, model(ops.concatenate([x, x], axis=1))).predict(X[:, :3], verbose=0),
        model.predict(np.concatenate([X[:, :3]] * 2, axis=1), verbose=0),
    )


def test_several_results_as_outputs():
    x = densor.Input((6,))
    model = densor.Model(x, [*ops.split(x, [2, 3], axis=1), x[:, 0]])
    for got, expected in zip(
        model.predict(X, verbose=0), [*np.split(X, [2, 3], axis=1), X[:, 0]], strict=True
    ):
        np.testing.assert_array_equal(got, expected)


def test_they_are_written_for_keras(tmp_path):
    model = model_of()
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert [layer.name for layer in again.layers] == ["x", "hidden", "head"]
    again.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (ops.sparsemax, r"the function sparsemax\(\) is not in Keras"),
        (lambda x: ops.rescale(x, 2.0), r"the function rescale\(\) is not in Keras"),
        (lambda x: ops.silu(x, beta=2.0), "beta=2.0 is not in Keras"),
    ],
)
def test_what_keras_has_not_is_not_written_for_it(function, text, tmp_path):
    model = densor.Model(x := densor.Input((6,)), function(x))
    with pytest.raises(ValueError, match=text):
        model.save(tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


TENSOR = {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}


@pytest.mark.parametrize(
    ("class_name", "settings", "nodes"),
    [
        ("Exp", None, [{"args": [TENSOR], "kwargs": {}}]),
        ("Exp", {}, []),
        ("Exp", {}, [{"args": [TENSOR], "kwargs": {}}] * 2),
        ("Exp", {}, [{"args": 3}]),
        ("Exp", {}, [{"args": []}]),
        ("Exp", {}, [{"args": [TENSOR], "kwargs": {"x": 1}}]),
        ("Exp", {"unknown": 1}, [{"args": [TENSOR]}]),
        ("Exp", {}, [{"args": [{"class_name": "__lambda__", "config": {"value": "x"}}]}]),
        ("Exp", {}, [{"args": [{"class_name": "__numpy__", "config": {"value": 3}}]}]),
        ("GetItem", {}, [{"args": [TENSOR, {"class_name": "__slice__"}]}]),
        ("Clip", {"x_min": TENSOR, "x_max": 1.0}, [{"args": [TENSOR]}]),
    ],
)
def test_entries_of_keras_that_describe_none(class_name, settings, nodes):
    from densor.models.keras_operations import is_operation, operation_of

    config = {
        "module": "keras.src.ops.numpy",
        "class_name": class_name,
        "config": settings,
        "inbound_nodes": nodes,
    }
    assert is_operation(config)
    with pytest.raises((TypeError, ValueError)):
        operation_of(config)


def test_what_has_no_place_between_layers():
    x = densor.Input((6,))
    with pytest.raises(TypeError, match=r"multiply\(\): .*no Variable"):
        densor.Model(x, x * densor.Variable(np.ones(6)))
    with pytest.raises(ValueError, match="made outside any layer"):
        densor.Model(x, ops.dropout(x, 0.5))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"function": "dropout"}, "no formula 'dropout'"),
        ({"function": ["exp"]}, "no formula"),
        ({"arguments": [{"input": 1}]}, "describes no argument"),
        ({"arguments": [{"input": True}]}, "describes no argument"),
        ({"arguments": [{"slice": [0]}]}, "describes no argument"),
        ({"arguments": [{"array": "x"}]}, "describes no argument"),
        ({"arguments": {"input": 0}}, "expected a list"),
    ],
)
def test_configurations_that_describe_none(changes, text):
    from densor.layers.operation import Operation

    config = {"function": "exp", "arguments": [{"input": 0}], "keywords": {}}
    assert Operation(**config)([np.zeros((1, 2), np.float32)]).tolist() == [[1.0, 1.0]]
    with pytest.raises((TypeError, ValueError), match=text):
        Operation(**{**config, **changes})([np.zeros((1, 2), np.float32)])


@pytest.mark.parametrize("name", ["relu", "get_item", "matmul", "absolute", "abs", "hard_swish"])
def test_they_are_pickled_by_name(name):
    function = getattr(ops, name)
    assert pickle.loads(pickle.dumps(function)) is function
    assert inspect.signature(function) == inspect.signature(function.__wrapped__)


def test_they_compute_in_the_dtype_of_their_inputs(monkeypatch):
    monkeypatch.setattr(densor.config, "_bfloat16_emulation", True)
    x = densor.Input((6,))
    hidden = layers.Dense(6, dtype="mixed_bfloat16")(x)
    assert hidden.dtype == "bfloat16"
    model = densor.Model(x, [hidden * 2.0, hidden[:, 1:], x * 2.0])
    assert [tensor.dtype for tensor in model.outputs] == ["bfloat16", "bfloat16", "float32"]
    doubled, part, plain = model.predict(X, verbose=0)
    np.testing.assert_array_equal(plain, 2 * X)
    np.testing.assert_allclose(doubled[:, 1:], 2 * part, rtol=0.01)
    copy = clone_model(model)
    assert [tensor.dtype for tensor in copy.outputs] == ["bfloat16", "bfloat16", "float32"]
