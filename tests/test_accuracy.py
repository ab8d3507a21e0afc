"""Training at every precision beside training in float64, on Fashion-MNIST: the accuracies of five seeds.

The matrix units are the bit-exact model of them where there are none, so the network is small and sees a part of the
images; `python bench/harness.py precision` trains a larger one on all of them.
"""

import numpy as np
import pytest

import densor
from densor import _core, layers
from densor.datasets import fashion_mnist
from tests.reference import softmax

ROWS, WIDTH, CLASSES, BATCH, EPOCHS, RATE, SEEDS = 6400, 24, 10, 64, 4, 3e-3, range(5)
STEPS = ROWS // BATCH * EPOCHS


@pytest.fixture(scope="module")
def images():
    """(images, labels) to train with and to test with; rows of 784 bytes."""
    if fashion_mnist.locate() is None:
        pytest.skip("Fashion-MNIST is not installed: apt install dataset-fashion-mnist")
    (x, y), (x_test, y_test) = fashion_mnist.load_data()
    return (x[:ROWS].reshape(ROWS, -1), y[:ROWS]), (x_test.reshape(len(x_test), -1), y_test)


@pytest.fixture(autouse=True)
def settings():
    """A target with matrix units, and afterwards everything as it was."""
    before = _core.cpu_target()
    _core.set_cpu_target("amx" if "amx" in _core.cpu_targets() else "amx_model")
    yield
    _core.set_matmul_precision("highest")
    _core.set_cpu_target(before)


def network(seed, dtype="float32"):
    densor.utils.set_random_seed(seed)
    return densor.Sequential(
        [
            densor.Input((784,), dtype="uint8"),
            layers.Rescaling(1 / 255, dtype=dtype),
            layers.Dense(WIDTH, activation="relu", kernel_initializer="he_normal", dtype=dtype),
            layers.Dense(CLASSES, activation="softmax", dtype="float32"),
        ]
    )


def accuracies(images, dtype="float32"):
    """Shares of right answers, on the training and on the test images, averaged over the seeds."""
    found = []
    for seed in SEEDS:
        model = network(seed, dtype)
        schedule = densor.optimizers.schedules.PolynomialDecay(RATE, STEPS, end_learning_rate=0.0)
        model.compile(densor.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
        model.fit(*images[0], epochs=EPOCHS, batch_size=BATCH, shuffle=False, verbose=0)
        found.append([np.mean(model.predict(x, verbose=0).argmax(axis=1) == y) for x, y in images])
    return np.mean(found, axis=0)


def float64_forward(w, x):
    """(hidden values, logits) of the networks of all seeds, side by side: (seeds, rows, columns)."""
    flat = x @ w[0].transpose(1, 0, 2).reshape(784, -1)
    hidden = np.maximum(flat.reshape(len(x), len(SEEDS), WIDTH).transpose(1, 0, 2) + w[1], 0.0)
    return hidden, hidden @ w[2] + w[3]


def float64_gradients(w, x, y):
    hidden, logits = float64_forward(w, x)
    d = softmax.forward(logits.reshape(-1, CLASSES)).reshape(logits.shape)
    d[:, np.arange(len(y)), y] -= 1.0
    d /= len(y)
    before = (d @ w[2].transpose(0, 2, 1)) * (hidden > 0)
    kernel = x.T @ before.transpose(1, 0, 2).reshape(len(x), -1)
    kernel = kernel.reshape(784, len(SEEDS), WIDTH).transpose(1, 0, 2)
    return (
        kernel,
        before.sum(axis=1, keepdims=True),
        hidden.transpose(0, 2, 1) @ d,
        d.sum(axis=1, keepdims=True),
    )


def float64_accuracies(images):
    """The same networks, from the same weights, on the same batches; Adam as Keras has it."""
    weights = [network(seed).get_weights() for seed in SEEDS]
    w = [np.stack([each[i] for each in weights]).astype(np.float64) for i in range(4)]
    w[1], w[3] = w[1][:, None], w[3][:, None]
    m, v = [np.zeros_like(a) for a in w], [np.zeros_like(a) for a in w]
    x, y = images[0]
    for step in range(STEPS):
        first = step * BATCH % ROWS
        gradients = float64_gradients(w, x[first : first + BATCH] / 255.0, y[first : first + BATCH])
        rate = RATE * (1 - step / STEPS) * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        for i, g in enumerate(gradients):
            m[i] += 0.1 * (g - m[i])
            v[i] += 0.001 * (g * g - v[i])
            w[i] -= rate * m[i] / (np.sqrt(v[i]) + 1e-7)
    return np.array([np.mean(float64_forward(w, x / 255.0)[1].argmax(axis=2) == y) for x, y in images])


@pytest.fixture(scope="module")
def exact(images):
    found = float64_accuracies(images)
    assert found.min() > 0.8, found  # something was learned
    return found


@pytest.mark.long_on_host("30 trainings of 400 steps")
@pytest.mark.parametrize("precision", ["highest", "x6", "high", "medium", "ieee", "mixed_bfloat16"])
def test_every_precision_learns_as_well_as_float64(images, exact, precision):
    """Within 0.3 points, on the training as on the test images."""
    mixed = precision == "mixed_bfloat16"
    if not mixed:
        _core.set_matmul_precision(precision)
    found = accuracies(images, precision if mixed else "float32")
    assert np.abs(found - exact).max() <= 0.003, f"{found} at {precision}, {exact} in float64"
