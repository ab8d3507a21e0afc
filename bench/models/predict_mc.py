"""Monte Carlo dropout: mean and deviation of many predictions with dropout on, of 10,000 images.

784-300-100-10 with dropout behind both hidden layers, the network of the slides. Densor keeps the sums in one native
loop; Keras calls the model again and again, as the slides do it, on JAX and on PyTorch. Everyone has the same kernels;
their means agree as far as so many samples tell.
"""

import itertools
import os
import time
from types import ModuleType

import numpy as np

import contestant
from contestant import Figures, normal

ROWS, SAMPLES, SIZES, RATE = 10_000, 100, (784, 300, 100, 10), 0.2
CASE = f"{SAMPLES} samples of {ROWS:,} images"


def images() -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    return np.random.default_rng(1).random((ROWS, SIZES[0]), dtype=np.float32)


def build(keras: ModuleType):
    layers = keras.layers
    model = keras.Sequential([keras.Input((SIZES[0],))])
    for units in SIZES[1:-1]:
        model.add(layers.Dense(units, activation="relu"))
        model.add(layers.Dropout(RATE))
    model.add(layers.Dense(SIZES[-1], activation="softmax"))
    kernels = [normal(a, b, seed=a) * np.sqrt(2 / a) for a, b in itertools.pairwise(SIZES)]
    model.set_weights([w for kernel in kernels for w in (kernel, np.zeros(kernel.shape[1], np.float32))])
    return model


def figures(seconds: float, mean: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> Figures:
    return {
        CASE: {
            "seconds": seconds,
            "samples/s": SAMPLES * ROWS / seconds,
            "mean of class 0": float(mean[:, 0].mean()),
        }
    }


def densor() -> Figures:
    import densor

    model, x = build(densor), images()
    model.predict_mc(x[:100], samples=2)
    start = time.perf_counter()
    found = model.predict_mc(x, samples=SAMPLES)
    return figures(time.perf_counter() - start, found.mean)


def keras_on(backend: str) -> Figures:
    os.environ["KERAS_BACKEND"] = backend
    import keras

    model, x = build(keras), images()
    for _ in range(2):
        np.asarray(keras.ops.convert_to_numpy(model(x, training=True)))
    start = time.perf_counter()
    samples = np.stack([keras.ops.convert_to_numpy(model(x, training=True)) for _ in range(SAMPLES)])
    mean, _ = samples.mean(axis=0), samples.std(axis=0)
    return figures(time.perf_counter() - start, mean)


CONTESTANTS = {
    "densor": densor,
    "keras (jax)": lambda: keras_on("jax"),
    "keras (torch)": lambda: keras_on("torch"),
}

if __name__ == "__main__":
    contestant.main(CONTESTANTS, equal={"mean of class 0": 0.02})
