"""Records the files of tests/golden/keras/: models that Keras 3 trained and saved, and what they predict.

KERAS_BACKEND=jax python -m tests.golden.make_keras_files
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).with_name("keras")
ROWS, FEATURES, CLASSES = 12, 5, 3


def data():
    """Numbers without a generator: the tests need the same."""
    x = np.sin(np.arange(ROWS * FEATURES, dtype=np.float32)).reshape(ROWS, FEATURES)
    return x, np.arange(ROWS) % CLASSES


def sequential(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Dense(4, kernel_initializer="he_normal", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.1),
            layers.Dropout(0.25),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def functional(keras):
    layers = keras.layers
    inputs = keras.Input((FEATURES,))
    shared = layers.Dense(FEATURES, activation="tanh", name="shared")
    x = layers.Add()([shared(inputs), inputs])
    inner = keras.Sequential([layers.Dense(4, activation="elu"), layers.Dense(FEATURES)], name="inner")
    x = layers.Concatenate()([shared(x), inner(x)])
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))


def optimizers(keras):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    return {"sequential": keras.optimizers.Adam(0.01), "functional": keras.optimizers.Nadam(schedule)}


def main():
    import keras

    keras.utils.set_random_seed(1)
    FOLDER.mkdir(exist_ok=True)
    x, y = data()
    results = {}
    for name, make in (("sequential", sequential), ("functional", functional)):
        model = make(keras)
        model.compile(optimizers(keras)[name], "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        model.save(FOLDER / f"{name}.keras")
        results[name] = model.predict(x, verbose=0)
        if name == "sequential":
            model.save_weights(FOLDER / "sequential.weights.h5")
            model.save(FOLDER / "sequential.h5")
        else:
            model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
            results["functional_after_two_more_epochs"] = model.predict(x, verbose=0)
    np.savez(FOLDER / "predictions.npz", **results)


if __name__ == "__main__":
    main()
