"""Transfer learning: shared and cloned layers, freezing, and what a compiled model remembers of it."""

import warnings

import numpy as np
import pytest

import densor
from densor import layers, models
from tests.models.build import classifier, data, same_weights


def base():
    """A trained network with everything that a frozen base may not change: weights and moving statistics."""
    x, y = data()
    model = densor.Sequential(
        [
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=2, verbose=0)
    return model, x, y


def test_a_frozen_base_called_in_inference_mode_stays_as_it_is():
    old, x, y = base()
    body = densor.Model(old.input, old.layers[-2].output)
    assert body.predict(x).shape == (len(x), 8)
    body.trainable = False
    inputs = densor.Input(x.shape[1:])
    model = densor.Model(inputs, layers.Dense(1, activation="sigmoid")(body(inputs, training=False)))
    model.compile("adam", "binary_crossentropy")
    before = body.get_weights()
    model.fit(x, y > 0, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, body.get_weights(), strict=True))
    body.trainable = True
    model.compile(densor.optimizers.Adam(1e-5), "binary_crossentropy")
    model.fit(x, y > 0, verbose=0)
    after = body.get_weights()
    assert not np.array_equal(before[0], after[0]), "unfrozen"
    for index in (4, 5):
        np.testing.assert_array_equal(before[index], after[index], "training=False keeps the statistics")


def test_the_lower_layers_of_a_stack_learn_with_a_new_head():
    old, x, y = base()
    new = densor.Sequential(old.layers[:-1])
    new.add(layers.Dense(1, activation="sigmoid"))
    for layer in new.layers[:-1]:
        layer.trainable = False
    new.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    frozen, statistics = old.get_weights(), new.layers[1].moving_mean.numpy()
    new.fit(x, y > 0, epochs=4, verbose=0)
    assert same_arrays(frozen, old.get_weights())
    np.testing.assert_array_equal(statistics, new.layers[1].moving_mean.numpy(), "frozen BN infers")
    new.layers[0].trainable = True
    new.compile(densor.optimizers.SGD(0.001), "binary_crossentropy", metrics=["accuracy"])
    assert new.optimizer.iterations == 0
    new.fit(x, y > 0, epochs=2, verbose=0)
    assert not np.array_equal(frozen[0], old.get_weights()[0])


def same_arrays(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_head_is_exchanged_by_pop_and_add():
    model, x, y = base()
    lower = model.layers[0].kernel.numpy()
    head = model.pop()
    assert head.units == 3
    model.add(layers.Dense(1, activation="sigmoid"))
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), lower)
    model.compile("sgd", "binary_crossentropy")
    model.fit(x, y > 0, verbose=0)
    assert model.output_shape == (None, 1)


def test_freezing_a_model_that_is_not_built_waits_for_compile_too():
    x, y = data()
    model = densor.Sequential(
        [layers.Dense(4), layers.BatchNormalization(), layers.Dense(3, activation="softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match=r"'trainable' of a layer was changed after compile\(\)"):
        model.fit(x, y, verbose=0)
    assert model.trainable_weights[0].name == "gamma", "the flag stays as it was set"
    before = model.layers[0].kernel.numpy()
    with pytest.warns(UserWarning, match="trainable"):
        model.fit(x, y, verbose=0)
    assert not np.array_equal(before, model.layers[0].kernel.numpy()), "and has no effect before compile()"
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.layers[0].kernel.numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(before, model.layers[0].kernel.numpy())


def test_an_optimizer_knows_its_variables():
    """The same instance cannot go on with another choice of trainable layers; the model stays usable."""
    x, y = data()
    model = classifier()
    model.fit(x, y, verbose=0)
    model.layers[0].trainable = False
    with pytest.raises(
        ValueError, match=r"^compile\(\): argument 'optimizer': this optimizer's state belongs"
    ):
        model.compile(model.optimizer, "sparse_categorical_crossentropy")
    model.layers[0].trainable = True
    model.compile(model.optimizer, "sparse_categorical_crossentropy")
    steps = model.optimizer.iterations
    model.fit(x, y, verbose=0)
    assert model.optimizer.iterations > steps, "recompiled with the same instance it goes on counting"


def test_the_order_of_weights_does_not_depend_on_freezing():
    model, _, _ = base()
    before = [(variable.path, variable.shape) for variable in model.weights]
    for layer in model.layers:
        layer.trainable = False
    assert [(variable.path, variable.shape) for variable in model.weights] == before
    assert [v.name for v in model.layers[1].weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert len(model.get_weights()) == 8, "the noise of dropout has no state among the weights"


def residual():
    inputs = densor.Input((20,))
    x = layers.Dense(20, activation="relu", name="first")(inputs)
    x = layers.Add()([x, inputs])
    return densor.Model(inputs, layers.Dense(3, activation="softmax", name="last")(x))


@pytest.mark.parametrize("make", [classifier, residual])
def test_a_clone_is_compiled_as_the_model_was(make):
    model = make()
    x = np.random.default_rng(0).random((32, model.input_shape[1]), np.float32)
    assert models.clone_model(densor.Sequential([layers.Dense(3)])).compiled is False
    model.compile(densor.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, np.arange(32) % 3, verbose=0)
    clone = models.clone_model(model)
    assert clone.optimizer.get_config() == model.optimizer.get_config()
    assert clone.optimizer.iterations == 0
    assert clone.metrics_names == model.metrics_names
    clone.fit(x, np.arange(32) % 3, verbose=0)
    assert model.optimizer.iterations == clone.optimizer.iterations == 1


@pytest.mark.parametrize("make", [classifier, residual])
def test_a_clone_function_may_share_some_layers_and_replace_others(make):
    model = make()
    shared = model.layers[1]

    def frozen_or_shared(layer):
        if layer is shared:
            return layer
        copy = type(layer).from_config(layer.get_config())
        copy.trainable = False
        return copy

    clone = models.clone_model(model, clone_function=frozen_or_shared)
    assert shared in clone.layers
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    last = clone.layers[-1]
    assert last is not model.layers[-1]
    assert not last.trainable
    clone.set_weights(model.get_weights())
    x = np.random.default_rng(1).random((3, *model.input_shape[1:]))
    np.testing.assert_array_equal(clone.predict(x), model.predict(x))


def test_models_inside_models_are_cloned_whole_or_taken_apart():
    inner = densor.Sequential(
        [densor.Input((4,)), layers.Dense(5, name="a"), layers.Dense(4, name="b")], name="inner"
    )
    model = densor.Sequential([densor.Input((4,)), inner, layers.Dense(2, name="c")])
    for recursive, expected in ((False, ["inner", "c"]), (True, ["a", "b", "c"])):
        seen = []

        def copied(layer, seen=seen):
            seen.append(layer.name)
            return (
                models.clone_model(layer) if layer is inner else type(layer).from_config(layer.get_config())
            )

        clone = models.clone_model(model, clone_function=copied, recursive=recursive)
        assert seen == expected
        assert not same_weights(clone, model)
        clone.set_weights(model.get_weights())


def test_a_clone_function_must_return_layers():
    with pytest.raises(
        TypeError, match=r"^clone_model\(\): argument 'clone_function': must return a layer, got None"
    ):
        models.clone_model(classifier(), clone_function=lambda layer: None)
    with pytest.raises(ValueError, match=r"^clone_model\(\): argument 'recursive': "):
        models.clone_model(classifier(), recursive=True)


def test_a_frozen_model_learns_nothing_but_its_parts_do_elsewhere():
    """What Keras 3.15.1 does with layers that are thawed inside a frozen model."""
    x, y = data()
    low, high = layers.Dense(4, name="low"), layers.Dense(3, activation="softmax", name="high")
    base = densor.Sequential([densor.Input((6,)), low, high])
    base.trainable = False
    base.layers[-1].trainable = True
    assert base.trainable_weights == []
    assert len(base.non_trainable_weights) == 4
    before = base.get_weights()
    base.compile("sgd", "sparse_categorical_crossentropy")
    base.fit(x, y, verbose=0)
    assert all(map(np.array_equal, before, base.get_weights()))
    whole = densor.Sequential([densor.Input((6,)), base, layers.Dense(3, activation="softmax")])
    assert [v.path for v in whole.trainable_weights[:2]] == ["high/kernel", "high/bias"]
    whole.compile("sgd", "sparse_categorical_crossentropy")
    whole.fit(x, y, verbose=0)
    same = list(map(np.array_equal, before, base.get_weights()))
    assert same == [True, True, False, False]
