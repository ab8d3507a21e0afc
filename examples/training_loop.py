"""A training loop from scratch: batches, gradients, steps of the optimizer, validation, all in sight.

`fit` does the same in one native call per epoch and is much faster; a loop is for what `fit` cannot do. Here the
gradients get noise that fades (Neelakantan et al., 2015) before the optimizer applies them.

    python examples/training_loop.py
"""

import numpy as np

import densor as keras
from densor.keras import layers


def batches(x, y, size, rng):
    """The rows in a new order, batch by batch; each row once."""
    order = rng.permutation(len(x))
    for start in range(0, len(x), size):
        rows = order[start : start + size]
        yield x[rows], y[rows]


def noisy(gradients, deviation, rng):
    return [gradient + rng.normal(0, deviation, gradient.shape) for gradient in gradients]


def main(epochs=10, batch_size=32):
    """Returns the loss of every epoch and the accuracy on the test set."""
    keras.utils.set_random_seed(42)
    rng = np.random.default_rng(42)
    (x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
    x_train, x_test = x_train.reshape(-1, 64) / 16, x_test.reshape(-1, 64) / 16

    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    )
    optimizer = keras.optimizers.Adam(0.002)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])

    losses = []
    for epoch in range(epochs):
        mean = keras.metrics.Mean()
        for x, y in batches(x_train, y_train, batch_size, rng):
            gradients, results = model.compute_gradients(x, y, return_results=True)
            deviation = 0.01 / (1 + optimizer.iterations) ** 0.55
            optimizer.apply(noisy(gradients, deviation, rng))
            mean.update_state([results["loss"]])
        losses.append(mean.result())
        print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}")
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return losses, accuracy


if __name__ == "__main__":
    print(f"accuracy on the test set: {main()[1]:.3f}")
