"""Greedy layer-wise unsupervised pretraining: many images, few labels.

A stack of sigmoid layers is hard to train from scratch with a hundred labels. Here each layer first learns, without
labels, to reconstruct what the layer below puts out (an autoencoder of one hidden layer); then the stack gets an
output layer and is trained on the labels: first the new layer alone, then everything.

    python examples/greedy_pretraining.py

Source: Hinton and Salakhutdinov (2006); Bengio et al. (2007).
"""

import densor as keras
from densor.keras import layers

LABELLED = 100
HIDDEN = (48, 40, 32, 24)


def autoencoder(encoder, features):
    """The layer to be trained with a mirror of it on top, which is thrown away afterwards."""
    decoder = layers.Dense(features, kernel_initializer="glorot_normal")
    return keras.Sequential([keras.Input((features,)), encoder, decoder])


def pretrained_layers(x, epochs):
    """Trains one layer after the other, each on the outputs of those below."""
    encoders = []
    for units in HIDDEN:
        encoder = layers.Dense(units, activation="sigmoid", kernel_initializer="glorot_normal")
        model = autoencoder(encoder, x.shape[1])
        model.compile(keras.optimizers.Adam(0.003), loss="mse")
        history = model.fit(x, x, epochs=epochs, verbose=0)
        print(f"layer of {units} units: reconstruction error {history.history['loss'][-1]:.5f}")
        encoders.append(encoder)
        x = keras.Sequential([keras.Input((x.shape[1],)), encoder]).predict(x)
    return encoders


def classifier(hidden, features):
    """The hidden layers with an output layer on top."""
    return keras.Sequential([keras.Input((features,)), *hidden, layers.Dense(10, activation="softmax")])


def train(model, x, y, epochs, learning_rate):
    model.compile(
        keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=epochs, verbose=0)


def main(epochs=300):
    """Returns the accuracies on the test set, from scratch and after pretraining."""
    keras.utils.set_random_seed(42)
    (x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
    x_train, x_test = x_train.reshape(-1, 64) / 16, x_test.reshape(-1, 64) / 16
    x_few, y_few = x_train[:LABELLED], y_train[:LABELLED]

    fresh = [layers.Dense(units, activation="sigmoid") for units in HIDDEN]
    scratch = classifier(fresh, 64)
    train(scratch, x_few, y_few, epochs, 0.003)

    hidden = pretrained_layers(x_train, epochs // 3)
    model = classifier(hidden, 64)
    for layer in hidden:
        layer.trainable = False
    train(model, x_few, y_few, epochs // 2, 0.01)
    for layer in hidden:
        layer.trainable = True
    train(model, x_few, y_few, epochs // 2, 0.001)

    results = [each.evaluate(x_test, y_test, verbose=0)[1] for each in (scratch, model)]
    print(
        f"{LABELLED} labels: test accuracy {results[0]:.3f} from scratch, {results[1]:.3f} after pretraining"
    )
    return results


if __name__ == "__main__":
    main()
