"""Files in both directions: Keras reads what Densor wrote, Densor what Keras wrote, and both go on the same way."""

import numpy as np
import pytest

import densor
from tests import architectures
from tests.golden.make_keras_files import data, functional, sequential
from tests.oracles.test_trajectories import OPTIMIZERS


def fit(model, epochs=2):
    x, y = data()
    model.fit(x, y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)


def smooth(library):
    """Without noise and kinks, so that training can be compared."""
    layers = library.layers
    return library.Sequential(
        [
            library.Input((5,)),
            layers.Dense(
                6,
                activation="tanh",
                kernel_regularizer=library.regularizers.L1L2(0.0, 0.01),
                bias_constraint=library.constraints.MaxNorm(0.5),
                activity_regularizer="l2",
            ),
            layers.BatchNormalization(momentum=0.9),
            layers.Dense(3, activation="softmax"),
        ]
    )


STATES = (
    "momentum", "rmsprop_momentum", "rmsprop_centered", "adagrad", "adadelta", "adamw", "amsgrad", "adamax", "nadam",
    "lion", "lamb", "ftrl", "adam_ema_overwrites", "adamw_accumulates", "nadam_accumulates",
    "adafactor", "muon",
)  # fmt: skip


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("direction", ["to_keras", "from_keras"])
@pytest.mark.filterwarnings("ignore:compile.*l2 penalty")
def test_training_goes_on_in_the_other_library(keras, name, direction, tmp_path):
    kind, options = OPTIMIZERS[name]
    writer, reader = (densor, keras) if direction == "to_keras" else (keras, densor)
    model = smooth(writer)
    model.compile(
        getattr(writer.optimizers, kind)(**options), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    fit(model)
    model.save(tmp_path / "m.keras")
    loaded = reader.models.load_model(tmp_path / "m.keras")
    x = data()[0]
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )
    # Keras counts updates, where gradients are accumulated; Densor counts steps.
    every = options.get("gradient_accumulation_steps", 1) if reader is keras else 1
    assert int(loaded.optimizer.iterations) == 6 // every
    fit(model)
    fit(loaded)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-4, atol=1e-5)


def own_model(library):
    class Own(library.Model):
        """Layers whose attributes come before and after `layers` in the alphabet, in a list, and a private one."""

        def __init__(self, units=3, **keywords):
            super().__init__(**keywords)
            self.units = units
            self.top = library.layers.Dense(3, activation="softmax")
            self.hidden = library.layers.Dense(units, activation="tanh")
            self.deep = [library.layers.Dense(4, activation="tanh") for _ in range(2)]
            self._norm = library.layers.BatchNormalization()

        def call(self, inputs, training=None):
            inputs = self._norm(self.hidden(inputs), training=training)
            for layer in self.deep:
                inputs = layer(inputs)
            return self.top(inputs)

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Own


@pytest.mark.parametrize("direction", ["to_keras", "from_keras"])
def test_models_of_own_classes(keras, direction, tmp_path):
    writer, reader = (densor, keras) if direction == "to_keras" else (keras, densor)
    model = own_model(writer)(units=5)
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model)
    model.save(tmp_path / "m.keras")
    loaded = reader.models.load_model(tmp_path / "m.keras", custom_objects={"Own": own_model(reader)})
    assert loaded.units == 5
    for _ in range(2):
        np.testing.assert_allclose(
            loaded.predict(data()[0], verbose=0), model.predict(data()[0], verbose=0), rtol=1e-4, atol=1e-5
        )
        fit(model)
        fit(loaded)


@pytest.mark.parametrize("seed", range(1, 40, 6))
def test_random_models_in_both_directions(keras, seed, tmp_path):
    architecture = architectures.draw(seed)
    x = np.random.default_rng(seed).standard_normal((13, architecture.features)).astype(np.float32)
    for writer, reader in ((keras, densor), (densor, keras)):
        model = architectures.build(architecture, writer)
        model.save(tmp_path / "m.keras")
        loaded = reader.models.load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(
            np.asarray(loaded.predict(x, verbose=0)),
            np.asarray(model.predict(x, verbose=0)),
            rtol=1e-5,
            atol=2e-6,
        )


@pytest.mark.parametrize("make", [sequential, functional])
def test_weights_files_in_both_directions(keras, make, tmp_path):
    x = data()[0]
    for writer, reader in ((keras, densor), (densor, keras)):
        model, other = make(writer), make(reader)
        model.save_weights(tmp_path / "m.weights.h5")
        other.load_weights(tmp_path / "m.weights.h5")
        np.testing.assert_allclose(
            np.asarray(other.predict(x, verbose=0)),
            np.asarray(model.predict(x, verbose=0)),
            rtol=1e-5,
            atol=2e-6,
        )


def test_older_files_of_functional_models(keras, tmp_path):
    model = functional(keras)
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model)
    model.save(tmp_path / "m.h5")
    loaded = densor.models.load_model(tmp_path / "m.h5")
    x = data()[0]
    np.testing.assert_allclose(loaded.predict(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    assert loaded.optimizer.iterations == 6


def test_frozen_layers_stay_frozen(keras, tmp_path):
    for writer, reader in ((keras, densor), (densor, keras)):
        model = sequential(writer)
        model.layers[0].trainable = False
        model.compile("adam", "sparse_categorical_crossentropy")
        fit(model)
        model.save(tmp_path / "m.keras")
        loaded = reader.models.load_model(tmp_path / "m.keras")
        assert [layer.trainable for layer in loaded.layers] == [layer.trainable for layer in model.layers]
        assert int(loaded.optimizer.iterations) == 6


@pytest.mark.parametrize("direction", ["to_keras", "from_keras"])
@pytest.mark.parametrize("loss", ["Huber", "BinaryFocalCrossentropy", "Poisson", "LogCosh", "Tversky"])
def test_losses_and_metrics_in_files(keras, loss, direction, tmp_path):
    writer, reader = (densor, keras) if direction == "to_keras" else (keras, densor)
    layers = writer.layers
    model = writer.Sequential(
        [writer.Input((4,)), layers.Dense(3, activation="mish"), layers.PReLU(), layers.Dense(1, "sigmoid")]
    )
    options = {"BinaryFocalCrossentropy": {"gamma": 1.5}, "Tversky": {"beta": 0.8}}
    metrics = [
        writer.metrics.AUC(curve="PR", name="area"), writer.metrics.Precision(0.4, name="p"), "mse",
        writer.metrics.MeanIoU(2, name="iou"), writer.metrics.Hinge(), writer.metrics.F1Score("micro", 0.5),
    ]  # fmt: skip
    model.compile("sgd", getattr(writer.losses, loss)(**options.get(loss, {})), metrics=metrics)
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    y = (x[:, :1] > 0).astype(np.float32)
    expected = model.evaluate(x, y, batch_size=30, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = reader.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        loaded.evaluate(x, y, batch_size=30, verbose=0), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("direction", ["to_keras", "from_keras"])
def test_functions_in_files(keras, direction, tmp_path):
    writer, reader = (densor, keras) if direction == "to_keras" else (keras, densor)
    model = writer.Sequential([writer.Input((4,)), writer.layers.Dense(2, activation=doubled)])
    model.compile("sgd", gap, metrics=[gap])
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    expected = model.evaluate(x, x[:, :2], verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = reader.models.load_model(tmp_path / "m.keras", custom_objects={"doubled": doubled, "gap": gap})
    np.testing.assert_allclose(loaded.evaluate(x, x[:, :2], verbose=0), expected, rtol=1e-5)


OF_ARRAYS = {
    "rescaling": lambda k: k.layers.Rescaling(np.array([1.0, 2.0, 3.0]), offset=np.arange(3)),
    "normalization": lambda k: k.layers.Normalization(
        mean=np.arange(3.0), variance=np.array([1.0, 4.0, 9.0])
    ),
    "constant": lambda k: k.layers.Dense(2, kernel_initializer=k.initializers.Constant(np.ones((3, 2)))),
}


@pytest.mark.parametrize("case", OF_ARRAYS)
@pytest.mark.parametrize("direction", ["to_keras", "from_keras"])
def test_arrays_among_the_arguments_of_layers(keras, direction, case, tmp_path):
    writer, reader = (densor, keras) if direction == "to_keras" else (keras, densor)
    model = writer.Sequential([writer.Input((3,)), OF_ARRAYS[case](writer), writer.layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    loaded = reader.models.load_model(tmp_path / "m.keras")
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    expected, got = (np.asarray(each.predict(x, verbose=0)) for each in (model, loaded))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("direction", ["to_keras", "from_keras"])
def test_functions_for_weights_in_files(keras, direction, tmp_path):
    writer, reader = (densor, keras) if direction == "to_keras" else (keras, densor)

    def quarter(shape, dtype=None):
        return np.full(shape, 0.25, np.float32)

    def of_library(library):
        def small(w):
            return 0.01 * library.ops.sum(library.ops.abs(w))

        def positive(w):
            return library.ops.where(w < 0.0, library.ops.zeros_like(w), w)

        return {"quarter": quarter, "small": small, "positive": positive}

    own = of_library(writer)
    dense = writer.layers.Dense(
        2,
        kernel_initializer=own["quarter"],
        kernel_regularizer=own["small"],
        kernel_constraint=own["positive"],
    )
    model = writer.Sequential([writer.Input((4,)), dense])
    model.compile("sgd", "mse")
    x = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    model.fit(x, x[:, :2], verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = reader.models.load_model(tmp_path / "m.keras", custom_objects=of_library(reader))
    assert loaded.layers[0].kernel_initializer is quarter
    for _ in range(2):
        expected, got = (each.evaluate(x, x[:, :2], verbose=0) for each in (model, loaded))
        assert got == pytest.approx(expected, rel=1e-5)
        for each in (model, loaded):
            each.fit(x, x[:, :2], shuffle=False, verbose=0)
            assert (np.asarray(each.get_weights()[0]) >= 0).all()


def doubled(x):
    return 2.0 * x


def gap(y_true, y_pred):
    difference = y_true - y_pred
    return difference * difference
