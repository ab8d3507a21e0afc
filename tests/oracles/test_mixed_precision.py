"""mixed_bfloat16 beside Keras' on PyTorch: the same policies and dtypes, and the same losses within 8 bits."""

import numpy as np
import pytest

import densor

ROWS, FEATURES, CLASSES, BATCH, EPOCHS = 96, 12, 4, 16, 6


@pytest.fixture(autouse=True)
def emulated():
    densor.config.set_bfloat16_emulation(True)
    yield
    densor.config.set_bfloat16_emulation(None)


def network(library, dtype="mixed_bfloat16"):
    layers = library.layers
    model = library.Sequential(
        [
            library.Input((FEATURES,)),
            layers.Dense(24, activation="relu", dtype=dtype),
            layers.Dense(24, use_bias=False, dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Activation("tanh", dtype=dtype),
            layers.LayerNormalization(dtype=dtype),
            layers.Dense(CLASSES, dtype="float32"),
        ]
    )
    loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(library.optimizers.Adam(0.005), loss, metrics=["accuracy"])
    return model


def data():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    return x, (x @ rng.normal(size=(FEATURES, CLASSES))).argmax(axis=1)


def both(keras, dtype="mixed_bfloat16"):
    """The models of both libraries with the same weights."""
    theirs, ours = network(keras, dtype), network(densor, dtype)
    ours.set_weights([np.asarray(weight) for weight in theirs.get_weights()])
    return theirs, ours


def test_dtypes_and_configurations(keras):
    theirs, ours = both(keras)
    for their, our in zip(theirs.layers, ours.layers, strict=True):
        assert (our.compute_dtype, our.variable_dtype) == (their.compute_dtype, their.variable_dtype)
        assert our.dtype_policy.name == their.dtype_policy.name
        assert repr(our.dtype_policy) == repr(their.dtype_policy)
        assert {str(v.dtype) for v in their.variables} <= {"float32"} == {our.dtype}
        # Either library reads what the other one writes.
        assert (
            type(their).from_config(their.get_config() | {"dtype": our.get_config()["dtype"]}).compute_dtype
        )
        assert type(our).from_config(our.get_config() | {"dtype": their.get_config()["dtype"]}).compute_dtype
    their, our = (
        model.layers[0](library.Input((FEATURES,))) for library, model in ((keras, theirs), (densor, ours))
    )
    assert our.dtype == their.dtype == "bfloat16"


def test_predictions(keras):
    theirs, ours = both(keras)
    x, _ = data()
    for name, ending in (("hidden", -1), ("whole", None)):
        their, our = theirs, ours
        if ending is not None:
            their = keras.Model(theirs.inputs, theirs.layers[ending - 1].output)
            our = densor.Model(ours.inputs, ours.layers[ending - 1].output)
        expected = np.asarray(their.predict(x, verbose=0), np.float32)
        found = our.predict(x, verbose=0)
        assert found.dtype == np.float32
        # Each store is within 2^-9, of which there are six, and Keras rounds inside its operations, too.
        np.testing.assert_allclose(found, expected, rtol=0, atol=0.03 * np.abs(expected).max(), err_msg=name)


def test_losses_of_a_training(keras):
    theirs, ours = both(keras)
    x, y = data()
    options = {"batch_size": BATCH, "epochs": EPOCHS, "shuffle": False, "verbose": 0}
    expected = theirs.fit(x, y, **options).history
    found = ours.fit(x, y, **options).history
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=0.02)
    np.testing.assert_allclose(found["accuracy"], expected["accuracy"], atol=3 / ROWS)
    assert found["loss"][-1] < 0.7 * found["loss"][0]
    for our, their in zip(ours.evaluate(x, y, verbose=0), theirs.evaluate(x, y, verbose=0), strict=True):
        np.testing.assert_allclose(our, their, rtol=0.03)


def test_files_of_keras_keep_their_policy(keras, tmp_path):
    theirs, ours = both(keras)
    x, y = data()
    theirs.fit(x, y, batch_size=BATCH, verbose=0)
    theirs.save(tmp_path / "theirs.keras")
    again = densor.models.load_model(tmp_path / "theirs.keras")
    assert [layer.compute_dtype for layer in again.layers] == [layer.compute_dtype for layer in theirs.layers]
    expected = np.asarray(theirs.predict(x, verbose=0), np.float32)
    np.testing.assert_allclose(
        again.predict(x, verbose=0), expected, rtol=0, atol=0.03 * np.abs(expected).max()
    )
    ours.save(tmp_path / "ours.keras")
    read = keras.models.load_model(tmp_path / "ours.keras")
    assert [layer.compute_dtype for layer in read.layers] == [layer.compute_dtype for layer in ours.layers]
    # Where bfloat16 would only be emulated, and nobody asks for that, their weights compute in float32.
    densor.config.set_bfloat16_emulation(False)
    if not densor.config.uses_bfloat16():
        plain = densor.models.load_model(tmp_path / "theirs.keras")
        assert {layer.compute_dtype for layer in plain.layers} == {"float32"}
