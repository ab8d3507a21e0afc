"""Architectures as JSON text and back."""

import json

import numpy as np
import pytest

import densor
from densor import layers
from tests.models.build import classifier


def branches():
    x = layers.Input((3,))
    y = layers.add([layers.Dense(4, activation="tanh")(x), layers.Dense(4)(x)])
    return densor.Model(x, layers.Dense(2)(y))


@pytest.mark.parametrize("make", [classifier, branches])
def test_there_and_back(make):
    model = make()
    again = densor.models.model_from_json(model.to_json())
    assert type(again) is type(model)
    assert again.get_config() == model.get_config()
    assert [w.shape for w in again.get_weights()] == [w.shape for w in model.get_weights()]
    again.set_weights(model.get_weights())
    x = np.random.default_rng(1).standard_normal((4, model.input_shape[1])).astype(np.float32)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_classes_of_the_caller():
    class Doubled(layers.Layer):
        def call(self, inputs):
            return inputs * 2.0

    text = densor.Sequential([layers.Input((2,)), Doubled()]).to_json()
    with pytest.raises(ValueError, match="Doubled"):
        densor.models.model_from_json(text)
    model = densor.models.model_from_json(text, {"Doubled": Doubled})
    assert model.predict([[1.0, 2.0]], verbose=0).tolist() == [[2.0, 4.0]]


@pytest.mark.parametrize("wrong", [3, None, b"{}", "", "{", "[]", "{}", '{"a": NaN}'])
def test_something_else(wrong):
    with pytest.raises((TypeError, ValueError), match=r"\(\): argument '"):
        densor.models.model_from_json(wrong)


def test_a_layer_is_no_model():
    with pytest.raises(TypeError, match=r"Dense.*'units'"):
        densor.models.model_from_json('{"class_name": "Dense"}')
    text = json.dumps(layers.serialize(layers.Dense(3)))
    with pytest.raises(TypeError, match="describes a layer, Dense"):
        densor.models.model_from_json(text)
