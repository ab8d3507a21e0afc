"""accuracy of int labels against PyTorch. Bytes: the scores and the labels are read."""

import numpy as np

import contestant
from contestant import normal

CASES = {f"({rows},{classes})": (rows, classes) for rows, classes in ((128, 10), (4096, 100), (4096, 1000))}


def labels(rows, classes):
    return np.random.default_rng(1).integers(0, classes, rows, dtype=np.int32)


def densor(rows, classes):
    from densor import _core

    x, y = normal(rows, classes), labels(rows, classes)
    return _core.accuracy(np.empty(rows, np.float32), x, y, "sparse", 0.5).run, x.nbytes + y.nbytes


def torch(rows, classes):
    import torch

    x, y = torch.tensor(normal(rows, classes)), torch.tensor(labels(rows, classes))
    return lambda: (x.argmax(1) == y).float(), x.nbytes + y.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
