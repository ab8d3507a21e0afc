"""`.keras` and `.h5` files: those of Keras 3 in tests/golden/keras, those Densor writes, and hostile ones."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import densor
from densor import layers
from densor.errors import FormatError
from densor.models import load_model
from tests.golden.make_keras_files import CLASSES, FEATURES, data, functional, sequential
from tests.models.build import same_weights

GOLDEN = Path(__file__).parents[1] / "golden" / "keras"
EXPECTED = np.load(GOLDEN / "predictions.npz")
ATOL = 1e-6


def fit(model, epochs=2):
    x, y = data()
    model.fit(x, y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)


def trained(make, optimizer="adam"):
    densor.utils.set_random_seed(1)
    model = make(densor)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit(model)
    return model


# Files of Keras 3


@pytest.mark.parametrize("name", ["sequential.keras", "functional.keras", "sequential.h5"])
def test_models_of_keras_predict_the_same(name):
    model = load_model(GOLDEN / name)
    np.testing.assert_allclose(model.predict(data()[0]), EXPECTED[Path(name).stem], atol=ATOL)
    assert model.optimizer.iterations == 6
    assert model.metrics_names == ["loss", "accuracy"]


def test_training_goes_on_with_the_state_of_keras_optimizer():
    """Nadam on a schedule: momentum, velocity, the product of the momenta and the step all count."""
    model = load_model(GOLDEN / "functional.keras")
    fit(model)
    np.testing.assert_allclose(
        model.predict(data()[0]), EXPECTED["functional_after_two_more_epochs"], atol=1e-5
    )
    fresh = load_model(GOLDEN / "functional.keras", compile=False)
    fresh.compile("nadam", "sparse_categorical_crossentropy")
    fit(fresh)
    assert np.abs(fresh.predict(data()[0]) - EXPECTED["functional_after_two_more_epochs"]).max() > 1e-3


@pytest.mark.parametrize("name", ["sequential.weights.h5", "sequential.keras", "sequential.h5"])
def test_weights_of_keras_are_read_into_a_model(name):
    model = sequential(densor)
    model.load_weights(GOLDEN / name)
    np.testing.assert_allclose(model.predict(data()[0]), EXPECTED["sequential"], atol=ATOL)


def test_the_architecture_and_settings_of_keras_are_kept():
    model = load_model(GOLDEN / "sequential.keras")
    assert [type(layer).__name__ for layer in model.layers] == [
        "Dense", "BatchNormalization", "LeakyReLU", "Dropout", "Dense",
    ]  # fmt: skip
    assert type(model.layers[0].kernel_initializer) is densor.initializers.HeNormal
    assert model.layers[2].get_config()["negative_slope"] == 0.1
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    schedule = load_model(GOLDEN / "functional.keras").optimizer.get_config()["learning_rate"]
    assert schedule["class_name"] == "ExponentialDecay"


# Files of Densor


@pytest.mark.parametrize("make", [sequential, functional])
@pytest.mark.parametrize("optimizer", ["adam", "nadam", "sgd", "rmsprop"])
def test_what_is_written_goes_on_bit_for_bit(make, optimizer, tmp_path):
    model = trained(make, optimizer)
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    assert same_weights(model, loaded)
    for each in (model, loaded):
        each.fit(*data(), batch_size=4, epochs=2, verbose=0)  # shuffled, with dropout
    assert same_weights(model, loaded)
    loaded.save(tmp_path / "again.keras")
    model.save(tmp_path / "m.keras")
    assert (tmp_path / "again.keras").read_bytes() == (tmp_path / "m.keras").read_bytes()


@pytest.mark.parametrize("name", ["m", "m.keras"])
@pytest.mark.parametrize("chosen", ["var_names", "var_list"])
def test_what_does_not_decay_is_kept(name, chosen, tmp_path):
    model = sequential(densor)
    optimizer = densor.optimizers.AdamW(0.01, weight_decay=0.5)
    names = [variable.path for variable in model.weights[1::2]]
    optimizer.exclude_from_weight_decay(**{chosen: names if chosen == "var_names" else model.weights[1::2]})
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(*data(), epochs=1, verbose=0)
    model.save(tmp_path / name)
    loaded = load_model(tmp_path / name)
    assert [loaded.optimizer.decays(v) for v in loaded.weights] == [
        optimizer.decays(v) for v in model.weights
    ]
    assert name == "m.keras" or loaded.optimizer.get_config() == optimizer.get_config()
    for each in (model, loaded):
        each.fit(*data(), epochs=1, verbose=0)
    assert same_weights(model, loaded)


def test_the_layout_is_that_of_keras():
    """Member by member and array by array as in the file that Keras wrote for the same model."""
    ours = zipfile.ZipFile(io.BytesIO(written(trained(functional, "nadam"))))
    theirs = zipfile.ZipFile(GOLDEN / "functional.keras")
    assert sorted(ours.namelist()) == sorted(theirs.namelist())
    listings = []
    for file in (ours, theirs):
        found = {}
        h5py.File(io.BytesIO(file.read("model.weights.h5"))).visititems(
            lambda name, item, found=found: found.update({name: getattr(item, "shape", None)})
        )
        listings.append({name: shape for name, shape in found.items() if "optimizer" not in name})
    assert listings[0] == listings[1]


def written(model, tmp=None):
    from densor.models import keras_file, saving

    return keras_file.encode(model, saving._randomness(model), True)


@pytest.mark.parametrize("name", ["m.weights.h5", "m.h5", "M.H5"])
def test_weights_under_the_names_of_the_slides(name, tmp_path):
    model = trained(sequential)
    model.save_weights(tmp_path / name)
    assert h5py.is_hdf5(tmp_path / name)
    other = sequential(densor)
    other.load_weights(tmp_path / name)
    assert same_weights(model, other)


def test_files_without_h5py_get_densors_own_format(tmp_path, monkeypatch):
    monkeypatch.setattr("densor.models.hdf5.available", lambda: False)
    model = trained(sequential)
    for save, name in (
        (model.save, "m.keras"),
        (model.save_weights, "m.h5"),
        (model.save_weights, "m.weights.h5"),
    ):
        with pytest.warns(UserWarning, match=r"h5py is not installed, .* pip install 'densor\[keras\]'"):
            save(tmp_path / name)
    assert same_weights(load_model(tmp_path / "m.keras"), model)
    for name in ("m.h5", "m.weights.h5"):
        other = sequential(densor)
        other.load_weights(tmp_path / name)
        assert same_weights(other, model)


def test_reading_without_h5py_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(
        ImportError, match=r"^load_model\(\): files of Keras hold HDF5; .* pip install 'densor\[keras\]'"
    ):
        load_model(GOLDEN / "sequential.keras")


def test_weights_that_do_not_fit(tmp_path):
    model = densor.Sequential([densor.Input((FEATURES,)), layers.Dense(4, use_bias=False), layers.BatchNormalization(),
                               layers.Dense(7)])  # fmt: skip
    before = model.get_weights()
    with pytest.raises(
        FormatError, match=r"/layers/dense_1/vars/0 has shape \(4, 3\); the configuration wants \(4, 7\)"
    ):
        model.load_weights(GOLDEN / "sequential.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    for name in ("sequential.weights.h5", "sequential.h5"):
        with pytest.warns(
            UserWarning, match=r"load_weights\(\): .*h5 has no values that fit 2 weights, which stay"
        ):
            model.load_weights(GOLDEN / name, skip_mismatch=True)
        with h5py.File(GOLDEN / "sequential.weights.h5") as file:
            np.testing.assert_array_equal(model.get_weights()[0], file["layers/dense/vars/0"][()])
        np.testing.assert_array_equal(model.get_weights()[-2], before[-2])


def test_own_classes_are_written_and_asked_for(tmp_path):
    class Doubled(layers.Layer):
        def call(self, inputs):
            return densor.ops.rescale(inputs, 2.0)

    model = densor.Sequential([densor.Input((3,)), Doubled(), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(
        FormatError, match=r"m\.keras: config\.json: Densor has no Doubled; give classes of your own"
    ):
        load_model(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras", custom_objects={"Doubled": Doubled})
    assert same_weights(model, loaded)


@pytest.mark.parametrize("inputs", ["one", "list", "dict"])
def test_models_of_own_classes(inputs, tmp_path):
    class Own(densor.Model):
        def __init__(self, units=3, **keywords):
            super().__init__(**keywords)
            self.units = units
            self.hidden, self.join, self.top = layers.Dense(units), layers.Concatenate(), layers.Dense(1)

        def call(self, given):
            parts = list(given.values()) if isinstance(given, dict) else given
            return self.top(self.hidden(given if inputs == "one" else self.join(parts)))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    rows = np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)
    x = {"one": rows, "list": [rows, rows[:, :2]], "dict": {"a": rows, "b": rows[:, :2]}}[inputs]
    model = Own(5)
    model.compile("adam", "mse")
    model.fit(x, rows[:, 0], verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras", custom_objects={"Own": Own})
    assert same_weights(model, loaded)
    assert loaded.units == 5
    for each in (model, loaded):
        each.fit(x, rows[:, 0], verbose=0, shuffle=False)
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), atol=ATOL)


def test_flags_changed_after_compile_start_the_optimizer_afresh(tmp_path):
    model = trained(sequential)
    model.layers[0].trainable = False
    model.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match="has no state for this optimizer"):
        loaded = load_model(tmp_path / "m.keras")
    assert loaded.optimizer.iterations == 0
    assert not loaded.layers[0].trainable
    fit(loaded)


def test_models_that_were_not_compiled(tmp_path):
    model = sequential(densor)
    model.save(tmp_path / "m.keras")
    assert not load_model(tmp_path / "m.keras").compiled
    with pytest.raises(RuntimeError, match="is not built"):
        densor.Sequential([layers.Dense(3)]).save(tmp_path / "m.keras")


def test_classes_of_predictions_have_the_right_number():
    assert load_model(GOLDEN / "functional.keras").output_shape == (None, CLASSES)
