"""What a user waits for besides arithmetic: import, `predict` of one row, the start of `fit`.

Import time is that of a fresh interpreter, less the interpreter's own start.
"""

import itertools
import subprocess
import sys
import time
from statistics import median

import contestant
from contestant import Figures, normal, seconds_per_call

SIZES = (784, 300, 100, 10)
IMPORT, PREDICT, FIT = "import", "predict one row, 784-300-100-10", "fit of one batch of 32 rows"
FUNCTION = "predict_fn, one row of the same"


def import_seconds(module: str) -> float:
    """Seconds of the first import of `module`, the median of five fresh interpreters."""
    program = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    run = [sys.executable, "-c", program]
    return median(float(subprocess.check_output(run, text=True)) for _ in range(5))


def densor() -> Figures:
    import densor

    layers = densor.layers
    model = densor.Sequential([
        densor.Input((784,)), layers.Dense(300, activation="relu"), layers.Dense(100, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    row, rows = normal(1, SIZES[0]), normal(32, SIZES[0])
    labels = (rows[:, 0] > 0).astype("int32")
    start = time.perf_counter()
    model.fit(rows, labels, batch_size=32, epochs=1, verbose=0)
    first = time.perf_counter() - start
    again = seconds_per_call(lambda: model.fit(rows, labels, batch_size=32, epochs=1, verbose=0))
    function = model.predict_fn(1)
    return {
        IMPORT: {"ms": 1e3 * import_seconds("densor")},
        PREDICT: {"ms": 1e3 * seconds_per_call(lambda: model.predict(row, verbose=0))},
        FUNCTION: {"ms": 1e3 * seconds_per_call(lambda: function(row))},
        FIT: {"ms": 1e3 * again, "ms the first time": 1e3 * first},
    }


def numpy() -> Figures:
    import numpy as np

    weights = [normal(n, m) for n, m in itertools.pairwise(SIZES)]
    biases = [np.zeros(m, np.float32) for m in SIZES[1:]]
    row = normal(1, SIZES[0])

    def predict() -> np.ndarray:
        hidden = np.maximum(np.maximum(row @ weights[0] + biases[0], 0) @ weights[1] + biases[1], 0)
        logits = hidden @ weights[2] + biases[2]
        shares = np.exp(logits - logits.max())
        return shares / shares.sum()

    seconds = seconds_per_call(predict)
    return {
        IMPORT: {"ms": 1e3 * import_seconds("numpy")},
        PREDICT: {"ms": 1e3 * seconds},
        FUNCTION: {"ms": 1e3 * seconds},
    }


def torch() -> Figures:
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))
    row = torch.tensor(normal(1, 784))
    with torch.no_grad():
        seconds = seconds_per_call(lambda: torch.softmax(model(row), 1))
    return {
        IMPORT: {"ms": 1e3 * import_seconds("torch")},
        PREDICT: {"ms": 1e3 * seconds},
        FUNCTION: {"ms": 1e3 * seconds},
    }


CONTESTANTS = {"densor": densor, "numpy": numpy, "torch": torch}

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
