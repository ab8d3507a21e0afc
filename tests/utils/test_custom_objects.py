"""The program's own classes in configurations and files."""

import numpy as np
import pytest

import densor
from densor import initializers, layers, saving, utils


@pytest.fixture(autouse=True)
def _as_before():
    known = dict(utils.get_custom_objects())
    yield
    utils.get_custom_objects().clear()
    utils.get_custom_objects().update(known)


def own_classes():
    class Doubled(layers.Layer):
        def call(self, inputs):
            return densor.ops.rescale(inputs, 2.0)

    class Ramp(initializers.Initializer):
        def fill(self, out):
            out.reshape(-1)[:] = np.arange(out.size)

    return Doubled, Ramp


def model_of(doubled, ramp):
    return densor.Sequential([densor.Input((3,)), layers.Dense(2, kernel_initializer=ramp()), doubled()])


def test_registered_classes_are_found_in_files(tmp_path):
    doubled, ramp = own_classes()
    for own in (doubled, ramp):
        assert utils.register_keras_serializable("mine")(own) is own
    assert utils.get_registered_name(doubled) == "mine>Doubled"
    assert saving.get_registered_object("mine>Ramp") is saving.get_registered_object("Ramp") is ramp
    model = model_of(doubled, ramp)
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model")
    assert type(loaded.layers[1]) is doubled
    assert type(loaded.layers[0].kernel_initializer) is ramp
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


@pytest.mark.parametrize("scope", [utils.custom_object_scope, saving.CustomObjectScope])
def test_a_scope_is_enough_for_files(tmp_path, scope):
    doubled, ramp = own_classes()
    model_of(doubled, ramp).save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"'Doubled' is not a known layer|'Ramp' is not a known initializer"):
        densor.models.load_model(tmp_path / "model")
    with scope({"Doubled": doubled, "Ramp": ramp}):
        densor.models.load_model(tmp_path / "model")
    densor.models.load_model(tmp_path / "model", custom_objects={"Doubled": doubled, "Ramp": ramp})
    with pytest.raises(ValueError, match="is not a known"):
        densor.models.load_model(tmp_path / "model")


def test_names():
    def function(shape, dtype=None):
        return np.zeros(shape, dtype)

    utils.register_keras_serializable()(function)
    utils.register_keras_serializable("p", name="other")(function)
    assert utils.get_registered_object("function") is utils.get_registered_object("p>other") is function
    assert utils.get_registered_object("nothing") is None
    assert utils.get_registered_object("here", {"here": 3}) == 3
    assert utils.get_registered_name(layers.Dense) == "Dense"


def test_wrong_arguments():
    with pytest.raises(
        ValueError, match=r"^register_keras_serializable\(\): argument 'arg': int must define get_c"
    ):
        utils.register_keras_serializable()(int)
    with pytest.raises(TypeError, match=r"^register_keras_serializable\(\): argument 'arg': must be a class"):
        utils.register_keras_serializable()(3)
    with pytest.raises(TypeError, match=r"^register_keras_serializable\(\): argument 'package'"):
        utils.register_keras_serializable(3)
    with pytest.raises(TypeError, match=r"^custom_object_scope\(\): argument 'custom_objects'"):
        utils.custom_object_scope([3])
