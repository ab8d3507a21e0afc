"""One model definition for everything that speaks Keras: Densor, and Keras itself."""

import time
from types import ModuleType

import numpy as np

from peers.network import CLIP, DROPOUT, EPOCHS, EPSILON, MOMENTUM, RATE, Network


def train(keras: ModuleType, network: Network) -> tuple[list[float], float]:
    """Seconds of each epoch, and the loss of the first one, before rounding has grown."""
    x, y = network.data()
    model = build(keras, network)
    options = {"batch_size": network.batch, "shuffle": False, "verbose": 0}
    seconds, losses = [], []
    for _ in range(EPOCHS):
        start = time.perf_counter()
        losses += model.fit(x, y, epochs=1, **options).history["loss"]
        seconds.append(time.perf_counter() - start)
    return seconds, float(losses[0])


def build(keras: ModuleType, network: Network):
    layers = keras.layers
    model = keras.Sequential([keras.Input((network.sizes[0],))])
    for units in network.sizes[1:-1]:
        if network.rich:
            model.add(layers.Dense(units, use_bias=False))
            model.add(layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON))
            model.add(layers.Activation("relu"))
            model.add(layers.Dropout(DROPOUT))
        else:
            model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(network.sizes[-1], activation="sigmoid" if network.binary else "softmax"))
    for layer, kernel in zip(
        [layer for layer in model.layers if isinstance(layer, layers.Dense)], network.kernels(), strict=True
    ):
        layer.set_weights([kernel, *(np.zeros_like(bias) for bias in layer.get_weights()[1:])])
    clip = {"global_clipnorm": CLIP} if network.rich else {}
    loss = "binary_crossentropy" if network.binary else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(RATE, **clip), loss)
    return model
