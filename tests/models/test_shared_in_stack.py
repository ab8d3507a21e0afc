"""One layer in several places of a Sequential."""

import numpy as np
import pytest

import densor
from densor import layers


def test_one_layer_in_several_places_of_a_stack(tmp_path):
    """As in Keras: it has the same weights everywhere, which count and are saved once."""
    shared, act = layers.Dense(4, name="shared", activation="tanh"), layers.ReLU()
    model = densor.Sequential(
        [densor.Input((4,)), shared, shared, act, layers.Dense(3), act, layers.Dense(1)]
    )
    kernel, bias, *rest = model.get_weights()
    assert [layer.name for layer in model.layers[:2]] == ["shared", "shared"]
    assert model.count_params() == 20 + 15 + 4
    x = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    hidden = np.maximum(np.tanh(np.tanh(x @ kernel + bias) @ kernel + bias), 0)
    wanted = np.maximum(hidden @ rest[0] + rest[1], 0) @ rest[2] + rest[3]
    np.testing.assert_allclose(model.predict(x), wanted, rtol=1e-5, atol=1e-6)
    model.compile(densor.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    for name in ("model", "model.keras"):
        model.save(tmp_path / name)
        loaded = densor.models.load_model(tmp_path / name)
        assert loaded.layers[0] is loaded.layers[1]
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    clone = densor.models.clone_model(model)
    assert clone.layers[0] is clone.layers[1]
    assert clone.count_params() == 39
    with pytest.raises(ValueError, match="two layers of a model cannot both be named 'shared'"):
        model.add(layers.Dense(1, name="shared"))
    config = model.get_config()
    config["layers"][2]["config"]["units"] = 5
    with pytest.raises(ValueError, match="two different layers are named 'shared'"):
        densor.Sequential.from_config(config)
