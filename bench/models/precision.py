"""784-300-100-10 on Fashion-MNIST, trained with products of each precision and with activations in bfloat16: what it
costs, and what it does to the accuracy on the test images, on average over five seeds.

On a CPU without matrix units all are float32 multiply-adds, and bfloat16 is left out; there
`DENSOR_CPU_TARGET=amx_model` shows the accuracies, with the bits of the matrix units but none of their speed.
"""

import time

import numpy as np

import contestant
from contestant import Figures

EPOCHS, BATCH, SEEDS = 3, 128, 5
PRECISIONS = ("ieee", "x6", "high", "medium")
MIXED = "mixed_bfloat16"


def densor() -> Figures:
    import densor
    from densor import _core

    (x, y), (x_test, y_test) = densor.datasets.fashion_mnist.load_data()
    found: Figures = {}
    units = _core.cpu_target().startswith("amx")
    for precision in (*PRECISIONS, *([MIXED] if units else [])):
        if precision == MIXED:
            densor.config.set_dtype_policy(MIXED)
        else:
            _core.set_matmul_precision(precision)
        accuracies, seconds = [], 0.0
        for seed in range(SEEDS):
            densor.utils.set_random_seed(seed)
            model = network(densor)
            start = time.perf_counter()
            model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0)
            seconds += time.perf_counter() - start
            predicted = model.predict(x_test, verbose=0).argmax(axis=1)
            accuracies.append(float(np.mean(predicted == y_test)))
        found[f"{EPOCHS} epochs, batch {BATCH}, {precision}"] = {
            "seconds": seconds / SEEDS,
            "test accuracy": float(np.mean(accuracies)),
            "lowest": min(accuracies),
            "highest": max(accuracies),
            "target": _core.cpu_target(),
        }
    return found


def network(densor):
    """The network of the README without noise."""
    layers = densor.layers
    model = densor.Sequential(
        [
            densor.Input((28, 28), dtype="uint8"),
            layers.Flatten(),
            layers.Rescaling(1 / 255),
            layers.Dense(300, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(100, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(10, activation="softmax", dtype="float32"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


CONTESTANTS = {"densor": densor}

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
