"""A small classifier and its data, the same in every test."""

import numpy as np

import densor

ROWS, FEATURES, CLASSES = 70, 6, 3


def data(rows=ROWS, seed=0):
    """Rows whose class depends on two features."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, FEATURES)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 0)


def classifier(optimizer="adam", rate=0.2, **options):
    """Dense, batch normalization, ReLU, dropout, softmax; compiled; weights always the same."""
    densor.utils.set_random_seed(3)
    layers = densor.layers
    model = densor.Sequential(
        [
            densor.Input((FEATURES,)),
            layers.Dense(12, name="hidden"),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.Dropout(rate),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def regressor(outputs=1, optimizer="sgd", loss="mse"):
    """One linear layer, compiled."""
    densor.utils.set_random_seed(3)
    model = densor.Sequential([densor.Input((FEATURES,)), densor.layers.Dense(outputs)])
    model.compile(optimizer, loss)
    return model


def same_weights(a, b):
    """Whether two models have bitwise equal weights."""
    return all(u.tobytes() == v.tobytes() for u, v in zip(a.get_weights(), b.get_weights(), strict=True))
