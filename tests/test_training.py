"""Whole training runs, step by step, against a float64 trainer: gather, noise, loss, gradients, clip, rule.

The float64 trainer takes its gradients from central differences of the reference model, so it shares no
derivative with anything else; dropout masks come from the reference Philox.
"""

import numpy as np
import pytest

import densor
from tests import architectures
from tests.reference import batch_norm, dropout, optimizer
from tests.reference import model as reference
from tests.reference.model import Node
from tests.tolerances import assert_close

ROWS, BATCH, EPOCHS, FEATURES, CLASSES = 28, 8, 2, 5, 3  # a partial last batch of 4
SEED, RATE, MOMENTUM = 99, 0.3, 0.99

OPTIMIZERS = {
    "sgd": ("SGD", {"learning_rate": 0.1}, "sgd", {}),
    "nesterov_clipnorm": (
        "SGD",
        {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "clipnorm": 0.3},
        "nesterov",
        {"momentum": 0.9, "clipping": {"clipnorm": 0.3}},
    ),
    "adamw": (
        "AdamW",
        {"learning_rate": 0.01, "weight_decay": 0.1, "epsilon": 1e-3},
        "adam",
        {"weight_decay": 0.1, "epsilon": 1e-3},
    ),
    "rmsprop_global_clipnorm": (
        "RMSprop",
        {"learning_rate": 0.01, "global_clipnorm": 0.2, "epsilon": 1e-3},
        "rmsprop",
        {"epsilon": 1e-3, "clipping": {"global_clipnorm": 0.2}},
    ),
    "nadam_clipvalue": (
        "Nadam",
        {"learning_rate": 0.01, "clipvalue": 0.05, "epsilon": 1e-3},
        "nadam",
        {"epsilon": 1e-3, "clipping": {"clipvalue": 0.05}},
    ),
}


def architecture():
    tanh, softmax = {"activation": "tanh", "alpha": 0.0}, {"activation": "softmax", "alpha": 0.0}
    nodes = [
        Node("input", "input", ()),
        Node("dense", "first", (0,), {"units": 7, "use_bias": False, "activation": "linear", "alpha": 0.0}),
        Node("batch_norm", "norm", (1,), {"frozen": False}),
        Node("activation", "bend", (2,), tanh),
        Node("dropout", "drop", (3,), {"rate": RATE, "seed": SEED}),
        Node("dense", "second", (4,), {"units": 7, "use_bias": True, **tanh}),
        Node("add", "sum", (3, 5)),
        Node("dense", "last", (6,), {"units": CLASSES, "use_bias": True, **softmax}),
    ]
    return architectures.Architecture(FEATURES, CLASSES, nodes, "sparse")


class Trainer:
    """Trains the reference model in float64; the layers' moving statistics included."""

    def __init__(self, drawn, weights, rule, learning_rate, options):
        self.drawn, self.weights, self.rule = drawn, weights, rule
        self.learning_rate, self.options = learning_rate, options
        self.trainable = [
            array
            for layer, arrays in weights.items()
            for array in (arrays[:2] if layer == "norm" else arrays)
        ]
        self.states = [{} for _ in self.trainable]
        self.step = 0

    def train_on_batch(self, x, y):
        """One step; returns the mean loss of the batch before it."""
        kept = {4: dropout.kept(len(x), 7, RATE, SEED, 0, self.step)}

        def loss():
            return reference.loss(self.drawn.nodes, self.drawn.loss, self.weights, x, y, masks=kept)

        before = loss()
        gradients = [reference.central_difference(loss, array) for array in self.trainable]
        self.move_statistics(x, kept)
        self.step += 1
        updated = optimizer.step(
            self.rule,
            self.trainable,
            gradients,
            self.states,
            self.step,
            lr=self.learning_rate,
            **self.options,
        )
        for array, new in zip(self.trainable, updated, strict=True):
            array[...] = new
        return before

    def move_statistics(self, x, kept):
        before_norm = reference.predict(self.drawn.nodes[:2], self.weights, x, True, kept)
        for moving, batch in zip(self.weights["norm"][2:], batch_norm.statistics(before_norm), strict=True):
            moving[...] = batch_norm.update(moving, batch, MOMENTUM)

    def fit(self, x, y):
        """Mean loss of each epoch, over rows."""
        history = []
        for _ in range(EPOCHS):
            total = 0.0
            for start in range(0, len(x), BATCH):
                rows = slice(start, start + BATCH)
                total += self.train_on_batch(x[rows], y[rows]) * len(x[rows])
            history.append(total / len(x))
        return history


def data():
    rng = np.random.default_rng(6)
    return rng.standard_normal((ROWS, FEATURES)).astype(np.float32), rng.integers(0, CLASSES, ROWS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fit_equals_the_float64_trainer(name):
    optimizer_class, arguments, rule, options = OPTIMIZERS[name]
    drawn, (x, y) = architecture(), data()
    densor.utils.set_random_seed(3)
    model = architectures.build(drawn, densor)
    trainer = Trainer(
        drawn, architectures.weights_of(model), rule, float(np.float32(arguments["learning_rate"])), options
    )
    model.compile(
        getattr(densor.optimizers, optimizer_class)(**arguments), loss="sparse_categorical_crossentropy"
    )
    history = model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], trainer.fit(x, y), rtol=1e-5)
    for layer, arrays in architectures.weights_of(model).items():
        for actual, expected in zip(arrays, trainer.weights[layer], strict=True):
            assert_close(actual, expected, "trajectory")


def test_train_on_batch_counts_steps_like_fit():
    """Batches by hand give the weights of an epoch of fit, dropout noise included."""
    models = []
    for _ in range(2):
        densor.utils.set_random_seed(3)
        model = architectures.build(architecture(), densor)
        model.compile("adam", loss="sparse_categorical_crossentropy")
        models.append(model)
    x, y = data()
    models[0].fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    for _ in range(EPOCHS):
        for start in range(0, ROWS, BATCH):
            models[1].train_on_batch(x[start : start + BATCH], y[start : start + BATCH])
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
