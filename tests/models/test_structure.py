"""Sequential, functional and subclassed models: layers, building, sharing, clones, configurations, summary."""

import json

import numpy as np
import pytest

import densor
from densor import layers
from tests.models.build import classifier, data, same_weights


def book_network():
    """784-300-100-10 with three batch normalizations, as in the lectures."""
    return densor.Sequential(
        [
            layers.Flatten(input_shape=[28, 28]),
            layers.BatchNormalization(),
            layers.Dense(300, activation="relu", kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Dense(100, activation="relu", kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def residual():
    """A shared layer, a sum, a concatenation."""
    inputs = densor.Input((4,))
    shared = layers.Dense(4, activation="tanh", name="shared")
    x = shared(inputs)
    x = layers.Add(name="sum")([shared(x), inputs])
    x = layers.Concatenate(name="both")([x, inputs])
    return densor.Model(inputs, layers.Dense(2, name="head")(x))


class Twice(densor.Model):
    """Applies one layer twice."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.inner = layers.Dense(units, activation="tanh")
        self.head = layers.Dense(3, activation="softmax")

    def call(self, inputs, training=None):
        x = self.inner(inputs)
        return self.head(self.inner(x) + x)

    def get_config(self):
        return {"units": self.units, "name": self.name}


def summary_of(model, **options):
    lines = []
    model.summary(print_fn=lines.append, **options)
    return "\n".join(lines)


# Sequential


def test_the_counts_of_the_lectures():
    model = book_network()
    counts = [layer.count_params() for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    assert counts == [3136, 1200, 400]
    text = summary_of(model)
    assert "Total params: 271,346 (1.04 MB)" in text
    assert "Trainable params: 268,978" in text
    assert "Non-trainable params: 2,368" in text
    assert model.count_params() == 271_346


def test_the_summary_counts_the_optimizer_after_training():
    x, y = data()
    model = classifier()
    assert "Optimizer" not in summary_of(model)
    model.fit(x, y, verbose=0)
    trainable = sum(v.size for v in model.trainable_weights)
    assert f"Optimizer params: {2 * trainable + 2:,}" in summary_of(model)


def test_summary_shows_shapes_and_flags():
    model = book_network()
    model.layers[2].trainable = False
    text = summary_of(model, show_trainable=True)
    assert "(None, 300)" in text
    row = next(line for line in text.splitlines() if "dense" in line)
    assert row.rstrip(" │").endswith("N")
    assert max(map(len, summary_of(model, line_length=90).splitlines())) == 90


def test_input_layers_are_not_among_the_layers_of_a_stack():
    model = densor.Sequential([densor.Input((3,)), layers.Dense(2)])
    assert [type(layer) for layer in model.layers] == [layers.Dense]
    assert model.input_shape == (None, 3)
    assert model.output_shape == (None, 2)


def test_a_stack_without_input_is_built_by_data():
    model = densor.Sequential([layers.Dense(5), layers.Dense(2)])
    assert not model.built
    assert model.weights == []
    assert model.predict(np.ones((3, 4), np.float32)).shape == (3, 2)
    assert [w.shape for w in model.get_weights()] == [(4, 5), (5,), (5, 2), (2,)]


@pytest.mark.parametrize("build", [lambda m: m.build((None, 4)), lambda m: m(np.ones((2, 4), np.float32))])
@pytest.mark.parametrize("make", [lambda: densor.Sequential([layers.Dense(4)]), lambda: Twice(4)])
def test_models_can_be_built_without_training(make, build):
    model = make()
    build(model)
    assert model.built
    assert model.get_weights()[0].shape == (4, 4)
    assert model.predict(np.ones((2, 4), np.float32)).shape[0] == 2


def test_add_and_pop():
    model = densor.Sequential()
    model.add(densor.Input((4,)))
    model.add(layers.Dense(3, name="a"))
    model.add(layers.Dense(2, name="b"))
    assert model.output_shape == (None, 2)
    assert model.pop().name == "b"
    assert model.output_shape == (None, 3)
    assert model.predict(np.ones((1, 4), np.float32)).shape == (1, 3)


def test_a_layer_that_does_not_fit_leaves_the_stack_as_it_was():
    model = densor.Sequential([densor.Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="inputs"):
        model.add(layers.Add())
    assert len(model.layers) == 1
    assert model.predict(np.ones((1, 4), np.float32)).shape == (1, 3)


def test_transfer_shares_layers_and_keeps_their_training():
    x, y = data()
    old = classifier()
    old.fit(x, y, verbose=0)
    new = densor.Sequential(old.layers[:-1])
    new.add(layers.Dense(1, activation="sigmoid"))
    assert new.built
    for layer in new.layers[:-1]:
        layer.trainable = False
    new.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    before = old.get_weights()
    new.fit(x, y > 0, epochs=2, verbose=0)
    assert all((a == b).all() for a, b in zip(before, old.get_weights(), strict=True)), "frozen"
    for layer in new.layers[:-1]:
        layer.trainable = True
    new.compile("sgd", "binary_crossentropy")
    new.fit(x, y > 0, verbose=0)
    assert not (before[0] == old.get_weights()[0]).all(), "shared"
    for layer, kept in zip(new.layers[:-1], old.layers[:-1], strict=True):
        assert layer is kept


def test_two_models_train_their_shared_layers_in_turn():
    x, y = data()
    first = classifier()
    second = densor.Sequential([*first.layers[:-1], layers.Dense(3, activation="softmax")])
    second.compile("adam", "sparse_categorical_crossentropy")
    for _ in range(2):
        first.fit(x, y, verbose=0)
        second.fit(x, y, verbose=0)
    assert (first.get_weights()[0] == second.get_weights()[0]).all()
    assert first.optimizer.iterations == second.optimizer.iterations == 6


def test_freezing_waits_for_compile_and_warns():
    x, y = data()
    model = classifier()
    kernel = model.layers[0].kernel.numpy()
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match="trainable"):
        model.fit(x, y, verbose=0)
    assert not (model.layers[0].kernel.numpy() == kernel).all()
    kernel = model.layers[0].kernel.numpy()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    assert (model.layers[0].kernel.numpy() == kernel).all()


def test_recompiling_keeps_weights_and_resets_the_optimizer_unless_it_is_the_same():
    x, y = data()
    model = classifier()
    model.fit(x, y, verbose=0)
    weights, optimizer = model.get_weights(), model.optimizer
    model.compile("adam", "sparse_categorical_crossentropy")
    assert all((a == b).all() for a, b in zip(weights, model.get_weights(), strict=True))
    assert model.optimizer.iterations == 0
    other = classifier()
    other.fit(x, y, verbose=0)
    same = other.optimizer
    other.compile(same, "sparse_categorical_crossentropy")
    other.fit(x, y, verbose=0)
    assert same.iterations == 6
    going_on = classifier()
    going_on.fit(x, y, epochs=2, verbose=0)
    assert same_weights(other, going_on)
    with pytest.raises(ValueError, match=r"compile\(\): argument 'optimizer': .* other variables"):
        classifier().compile(optimizer, "sparse_categorical_crossentropy")


# Functional


def test_functional_models_share_layers_and_join_paths():
    model = residual()
    assert [layer.name for layer in model.layers[1:]] == ["shared", "sum", "both", "head"]
    kernel, bias, head, head_bias = (w.astype(np.float64) for w in model.get_weights())
    x = np.random.default_rng(0).standard_normal((5, 4))
    once = np.tanh(x @ kernel + bias)
    twice = np.tanh(once @ kernel + bias) + x
    expected = np.concatenate([twice, x], axis=1) @ head + head_bias
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5, atol=1e-6)
    assert model.count_params() == 20 + 18


def test_a_sum_of_tensors_is_an_operation():
    inputs = densor.Input((4,))
    model = densor.Model(inputs, layers.Dense(4)(inputs) + inputs)
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense"]
    assert [type(layer).__name__ for layer in model.operations] == ["InputLayer", "Dense", "Operation"]
    assert densor.models.clone_model(model).count_params() == 20


def test_a_part_of_a_model_is_a_model():
    whole = residual()
    part = densor.Model(whole.input, whole.get_layer("both").output)
    assert part.output_shape == (None, 8)
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(part.predict(x)[:, 4:], x)
    tail = densor.Model(whole.get_layer("both").output, whole.output)
    np.testing.assert_array_equal(tail.predict(part.predict(x)), whole.predict(x))


def test_models_nest():
    x, y = data()
    inner = densor.Sequential([densor.Input((6,)), layers.Dense(5, activation="relu")], name="inner")
    inputs = densor.Input((6,))
    model = densor.Model(inputs, layers.Dense(3, activation="softmax")(inner(inputs)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = inner.get_weights()[0]
    model.fit(x, y, verbose=0)
    assert not (inner.get_weights()[0] == before).all()
    text = summary_of(model, expand_nested=True)
    assert "inner (Sequential)" in text
    assert "dense" in text


def test_deep_models_do_not_overflow_the_stack():
    inputs = densor.Input((2,))
    x = inputs
    for _ in range(1500):
        x = layers.Activation("tanh")(x)
    assert densor.Model(inputs, x).predict(np.ones((1, 2), np.float32)).shape == (1, 2)


def test_an_output_must_come_from_the_inputs():
    a, b = densor.Input((2,)), densor.Input((2,))
    with pytest.raises(ValueError, match="not connected"):
        densor.Model(a, layers.Add()([a, b]))


# Subclasses


def test_a_subclass_trains():
    x, y = data()
    densor.utils.set_random_seed(3)
    model = Twice(6)
    model.compile(densor.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=30, verbose=0).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert [layer.name for layer in model.layers] == [model.inner.name, model.head.name]
    assert model.count_params() == 6 * 6 + 6 + 6 * 3 + 3


@pytest.mark.parametrize("name", ["make_predict_function", "make_train_function"])
def test_methods_that_would_not_be_called_are_refused(name):
    own = type("Own", (Twice,), {name: lambda self, data: None})
    with pytest.raises(TypeError, match=rf"Own\.{name}\(\) would not be called"):
        own(4).compile("sgd", "mse")


def test_mc_dropout_of_the_lectures():
    class MCDropout(layers.Dropout):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)

    x, y = data()
    model = classifier(rate=0.5)
    model.fit(x, y, epochs=2, verbose=0)
    noisy = densor.Sequential(
        [MCDropout(layer.rate) if isinstance(layer, layers.Dropout) else layer for layer in model.layers]
    )
    noisy.set_weights(model.get_weights())
    samples = np.stack([noisy.predict(x) for _ in range(30)])
    assert (samples.std(axis=0).max(axis=1) > 0).mean() > 0.9, "every prediction has its own noise"
    calls = np.stack([model(x, training=True) for _ in range(2)])
    assert not (calls[0] == calls[1]).all()
    np.testing.assert_allclose(model(x), model.predict(x), rtol=1e-6)


# Copies and configurations


@pytest.mark.parametrize("make", [book_network, residual, classifier], ids=["book", "residual", "classifier"])
def test_clones_have_the_architecture_and_their_own_weights(make):
    model = make()
    model.layers[-1].trainable = False
    clone = densor.models.clone_model(model)
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert [layer.trainable for layer in clone.layers] == [layer.trainable for layer in model.layers]
    assert all(a is not b for a, b in zip(clone.weights, model.weights, strict=True))
    assert not same_weights(clone, model)
    clone.set_weights(model.get_weights())
    x = np.random.default_rng(1).random((3, *model.input_shape[1:]))
    np.testing.assert_array_equal(clone.predict(x), model.predict(x))


def test_a_clone_function_makes_the_layers():
    model = classifier()
    clone = densor.models.clone_model(
        model,
        clone_function=lambda layer: type(layer).from_config(
            layer.get_config() | {"name": f"my_{layer.name}"}
        ),
    )
    assert all(layer.name.startswith("my_") for layer in clone.layers)


@pytest.mark.parametrize("make", [book_network, residual], ids=["book", "residual"])
def test_configurations_are_plain_data(make):
    model = make()
    config = json.loads(model.to_json())
    assert config["class_name"] == type(model).__name__
    again = type(model).from_config(config["config"])
    assert summary_of(again) == summary_of(model)


def test_the_configuration_of_a_functional_model_is_read_by_model():
    """As programs for Keras write it, which never name the class Functional."""
    model = residual()
    again = densor.Model.from_config(model.get_config())
    assert type(again) is type(model)
    again.set_weights(model.get_weights())
    x = np.ones((3, *model.input_shape[1:]), np.float32)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_get_layer():
    model = residual()
    assert model.get_layer("head") is model.layers[-1]
    assert model.get_layer(index=-1) is model.layers[-1]


def test_weights_are_in_the_order_of_layers_whatever_is_frozen():
    model = classifier()
    names = [v.name for v in model.weights]
    assert names == ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias"]
    model.layers[0].trainable = False
    assert [v.name for v in model.weights] == names
    assert [v.name for v in model.trainable_weights] == ["gamma", "beta", "kernel", "bias"]


def test_set_weights_is_all_or_nothing():
    model = classifier()
    before = model.get_weights()
    bad = [w + 1 for w in before]
    bad[-1] = bad[-1][:-1]
    with pytest.raises(ValueError, match=r"set_weights\(\): argument 'weights'"):
        model.set_weights(bad)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_weights_set_from_outside_are_used_at_once():
    x, y = data()
    model = classifier()
    model.fit(x, y, verbose=0)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    np.testing.assert_allclose(model.predict(x), 1 / 3, rtol=1e-6)
