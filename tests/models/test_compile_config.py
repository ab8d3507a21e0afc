"""`get_compile_config` and `compile_from_config`: back and forth, and in files."""

import json

import numpy as np
import pytest

import densor
from densor import layers, optimizers
from tests.models.build import FEATURES, classifier, data


def test_back_and_forth():
    model = classifier(optimizers.SGD(0.3, momentum=0.8), weighted_metrics=["accuracy"])
    config = json.loads(json.dumps(model.get_compile_config()))
    other = classifier()
    other.compile_from_config(config)
    assert other.get_compile_config() == config
    assert other.optimizer is not model.optimizer
    assert other.optimizer.momentum == 0.8
    for one in (model, other):
        one.set_weights(classifier().get_weights())
    assert other.evaluate(*data(), verbose=0) == model.evaluate(*data(), verbose=0)


def test_nothing_compiled():
    assert densor.Sequential([layers.Dense(1)]).get_compile_config() == {}


class OwnCompile(densor.Sequential):
    """Compiles with a rate only."""

    def compile(self, rate=0.1, **keywords):
        super().compile(optimizers.SGD(rate), "mse")
        self.rate = rate


class OwnWay(OwnCompile):
    """And says how."""

    def get_compile_config(self):
        return {"rate": self.rate}

    def compile_from_config(self, config):
        self.compile(**config)


def test_own_compile_in_files(tmp_path):
    known = {"OwnCompile": OwnCompile, "OwnWay": OwnWay}
    path = tmp_path / "model"
    for kind in (OwnCompile, OwnWay):
        with densor.utils.custom_object_scope(known):
            model = kind([densor.Input((FEATURES,)), layers.Dense(1)])
            model.compile(0.25)
            x, y = data()
            model.fit(x, y, verbose=0)
            model.save(path)
            if kind is OwnCompile:
                with pytest.warns(UserWarning, match=r"OwnCompile has its own compile\(\)"):
                    loaded = densor.models.load_model(path, known)
                assert not loaded.compiled
            else:
                loaded = densor.models.load_model(path, known)
                assert loaded.rate == 0.25
                assert loaded.optimizer.learning_rate.numpy() == 0.25
                assert loaded.optimizer.iterations == model.optimizer.iterations == 3
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_bad_configurations():
    for config in ({}, {"optimizer": 3}, {"optimizer": {"class_name": "None"}}):
        with pytest.raises((TypeError, ValueError, KeyError)):
            classifier().compile_from_config(config)
