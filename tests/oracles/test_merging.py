"""Models of two branches that are merged in every way, and rows that change their shape, against Keras."""

import numpy as np
import pytest

import densor
from tests.tolerances import assert_close

ROWS, BATCH, EPOCHS = 40, 8, 10  # 50 steps

JOINED = {
    "add": lambda layers, a, b: layers.add([a, b]),
    "subtract": lambda layers, a, b: layers.subtract([a, b]),
    "multiply": lambda layers, a, b: layers.multiply([a, b]),
    "average": lambda layers, a, b: layers.average([a, b, a]),
    "maximum": lambda layers, a, b: layers.maximum([a, b]),
    "minimum": lambda layers, a, b: layers.minimum([a, b]),
    "concatenate": lambda layers, a, b: layers.concatenate([a, b]),
    "one": lambda layers, a, b: layers.concatenate([layers.average([layers.add([a])]), layers.maximum([b])]),
    "dot": lambda layers, a, b: layers.dot([a, b], axes=1),
    "cosine": lambda layers, a, b: layers.dot([a, b], axes=-1, normalize=True),
    "column": lambda layers, a, b: layers.Multiply()([a, layers.Dense(1)(b)]),
    "slices": lambda layers, a, b: a[:, :3] * b[:, ::2] - 2.0 / (1.5 + a[:, 2:5] ** 2),
    "product": lambda layers, a, b: (
        (a @ np.eye(6, 4, dtype=np.float32)) + b[:, 0:1] - (b[:, -4:] > 0.1) * 0.5
    ),
    "shapes": lambda layers, a, b: layers.Flatten()(
        layers.Permute((2, 1))(layers.Dense(4)(layers.Reshape((2, -1))(layers.Identity()(a))))
    ),
}


def network(library, join):
    x = library.Input((5,))
    a, b = (library.layers.Dense(6, activation=name)(x) for name in ("tanh", "elu"))
    joined = JOINED[join](library.layers, a, b)
    return library.Model(x, library.layers.Dense(3, activation="softmax")(joined))


@pytest.mark.parametrize("join", JOINED)
def test_trajectory(keras, join):
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((ROWS, 5)).astype(np.float32), rng.integers(0, 3, ROWS)
    theirs, ours = network(keras, join), network(densor, join)
    start = [w.copy() for w in theirs.get_weights()]
    for library, model in ((keras, theirs), (densor, ours)):
        model.set_weights(start)
        model.compile(library.optimizers.SGD(0.05, momentum=0.9), loss="sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    for before, want, got in zip(start, theirs.get_weights(), ours.get_weights(), strict=True):
        if before.ndim == 2 and join != "shapes":  # there, one branch is not used
            assert np.abs(want - before).max() > 1e-3
        assert_close(got, want, "trajectory")
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
