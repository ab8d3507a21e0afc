"""What training needs besides the data: the peak of resident memory from making the model to the last epoch.

Every case is a process of its own, forked before anything is imported. Data and libraries lie there before, loaded
by training on a few rows; counted is what comes on top. "MB of arenas" is what must be there: parameters, gradients
and two slots of Adam, and the activations of one batch. `densor` fails where more than 20 MB come on top of that.
"""

import multiprocessing
import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

import contestant
from contestant import Figures

MB = 1e6
MOST = 20.0  # MB beyond data and arenas
CASES = {
    "784-300-100-10, batch 32, 60,000 rows of uint8": ((784, 300, 100, 10), 32, np.uint8),
    "784-300-100-10, batch 32, 60,000 rows of float32": ((784, 300, 100, 10), 32, np.float32),
    "784-1024x3-10, batch 2048, 60,000 rows of uint8": ((784, 1024, 1024, 1024, 10), 2048, np.uint8),
}
ROWS, EPOCHS = 60_000, 2

Sizes = tuple[int, ...]
Train = Callable[[Sizes, int, np.ndarray, np.ndarray], None]


def resident(field: str) -> float:
    """MB of resident memory: now (`VmRSS`) or at the peak since the last reset (`VmHWM`)."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / MB


def data(sizes: Sizes, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (ROWS, sizes[0]), np.uint8)
    return x if dtype is np.uint8 else x.astype(dtype), rng.integers(0, sizes[-1], ROWS, np.int32)


def growth(train: Train, case: str) -> float:
    sizes, batch, dtype = CASES[case]
    train(
        (sizes[0], 8, sizes[-1]), 16, *(part[:32] for part in data(sizes, dtype))
    )  # loads what is loaded lazily
    x, y = data(sizes, dtype)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    train(sizes, batch, x, y)
    return resident("VmHWM") - before


def densor(sizes: Sizes, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    import densor

    layers = densor.layers
    hidden = [layers.Dense(n, activation="relu") for n in sizes[1:-1]]
    model = densor.Sequential([
        densor.Input(sizes[:1]), layers.Rescaling(1 / 255), *hidden, layers.Dense(sizes[-1], activation="softmax")
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=batch, epochs=EPOCHS, verbose=0)


def torch(sizes: Sizes, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    import torch
    from torch import nn

    blocks = [block for n, m in pairwise(sizes) for block in (nn.Linear(n, m), nn.ReLU())][:-1]
    model = nn.Sequential(*blocks)
    optimizer = torch.optim.Adam(model.parameters())
    loss = nn.CrossEntropyLoss()
    features, labels = torch.from_numpy(x), torch.from_numpy(y).long()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            loss(model(features[rows].float() / 255), labels[rows]).backward()
            optimizer.step()


def arenas(case: str) -> float:
    """MB: four floats for each parameter; input, activation and gradient of each layer for one batch."""
    sizes, batch, _ = CASES[case]
    parameters = sum(n * m + m for n, m in pairwise(sizes))
    return 4 * (4 * parameters + batch * (sizes[0] + 2 * sum(sizes[1:]))) / MB


def measure(name: str) -> Figures:
    found: Figures = {}
    for case in CASES:
        with multiprocessing.get_context("fork").Pool(1) as pool:
            grown = pool.apply(growth, (TRAIN[name], case))
        found[case] = {"MB": grown}
        if name == "densor":
            found[case]["MB of arenas"] = arenas(case)
            assert grown <= arenas(case) + MOST, f"{case}: {grown:.1f} MB, arenas {arenas(case):.1f} MB"
    return found


TRAIN: dict[str, Train] = {"densor": densor, "torch": torch}
CONTESTANTS = {name: partial(measure, name) for name in TRAIN}

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
