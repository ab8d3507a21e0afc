"""The networks that are compared, their data and their first weights: the same for every contestant."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contestant import Figures, normal

RATE, DROPOUT, EPSILON, MOMENTUM, CLIP = 1e-3, 0.2, 1e-3, 0.99, 1.0
EPOCHS = 4  # of which the first compiles and warms up
# Seconds in which the threads of NumPy's BLAS, which spin for a while behind a product, go to sleep.
REST = 0.3


@dataclass(frozen=True)
class Network:
    """Dense and ReLU, then softmax over classes or one sigmoid unit; Adam. `rich`: batch normalization before
    each ReLU, dropout after it, and the gradients clipped by their global norm."""

    sizes: tuple[int, ...]
    batch: int
    steps: int  # of an epoch
    rich: bool = False
    precision: str = "float32"  # or "high": 3 products of bfloat16 terms for one of float32; or "bfloat16"

    @property
    def name(self) -> str:
        sizes = [str(size) for size in self.sizes]
        width, depth = self.sizes[1], len(self.sizes) - 2
        if depth > 2 and set(self.sizes[1:-1]) == {width}:
            sizes = [sizes[0], f"{width}x{depth}", sizes[-1]]
        rich = ", BN, dropout, clip" if self.rich else ""
        precision = "" if self.precision == "float32" else f", {self.precision}"
        return f"{'-'.join(sizes)}{rich}{precision}, batch {self.batch}"

    @property
    def runs_here(self) -> bool:
        """Whether there are the matrix units that the precision is for."""
        return self.precision == "float32" or "amx_bf16" in Path("/proc/cpuinfo").read_text()

    @property
    def binary(self) -> bool:
        return self.sizes[-1] == 1

    def data(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Random rows, labelled by a random linear map: something can be learned."""
        x = normal(self.steps * self.batch, self.sizes[0])
        scores = x @ normal(self.sizes[0], self.sizes[-1], seed=1)
        time.sleep(REST)
        return x, (scores[:, 0] > 0 if self.binary else scores.argmax(axis=1)).astype(np.int32)

    def kernels(self) -> list[NDArray[np.float32]]:
        """He-normal weights; biases start at 0."""
        pairs = zip(self.sizes, self.sizes[1:], strict=False)
        return [
            normal(rows, columns, seed=i) * np.float32(np.sqrt(2 / rows))
            for i, (rows, columns) in enumerate(pairs)
        ]

    def figures(self, seconds: list[float], loss: float) -> Figures:
        """Of the epochs' times: the median without the first, for a step, and how many times as long the first one
        took. Its loss shows that the work was equal."""
        first, *steady = seconds
        epoch = float(np.median(steady))
        return {
            self.name: {
                "us": 1e6 * epoch / self.steps,
                "loss": round(loss, 4),
                "x first epoch": first / epoch,
            }
        }


NETWORKS = (
    Network((784, 300, 100, 10), batch=32, steps=300),
    Network((784, 300, 100, 10), batch=128, steps=200),
    Network((784, 300, 100, 10), batch=32, steps=300, rich=True),
    Network((784, 300, 100, 10), batch=128, steps=200, rich=True),
    Network((32, 64, 64, 64, 64, 64, 64, 1), batch=128, steps=300),
    Network((784, 1024, 1024, 1024, 10), batch=256, steps=20),
    Network((784, 1024, 1024, 1024, 10), batch=2048, steps=4),
    Network((784, 1024, 1024, 1024, 10), batch=256, steps=20, rich=True),
    Network((784, 1024, 1024, 1024, 10), batch=2048, steps=4, rich=True),
    Network((784, 1024, 1024, 1024, 10), batch=256, steps=20, precision="high"),
    Network((784, 1024, 1024, 1024, 10), batch=2048, steps=4, precision="high"),
    Network((784, 1024, 1024, 1024, 10), batch=256, steps=20, precision="bfloat16"),
    Network((784, 1024, 1024, 1024, 10), batch=2048, steps=4, precision="bfloat16"),
)
