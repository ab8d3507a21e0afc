"""sparsemax of rows against its sorting in PyTorch. Bytes: read x, write y."""

import numpy as np

import contestant
from contestant import normal

CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in ((128, 10), (4096, 100), (4096, 1000))}


def densor(rows, cols):
    from densor import _core

    x = normal(rows, cols)
    return _core.sparsemax(np.empty_like(x), x).run, 2 * x.nbytes


def torch(rows, cols):
    import torch

    x = torch.tensor(normal(rows, cols))
    place = torch.arange(1, cols + 1)

    def sparsemax():
        ordered = torch.sort(x, 1, descending=True)[0]
        sums = ordered.cumsum(1)
        size = (1 + place * ordered > sums).sum(1, keepdim=True)
        return torch.clamp(x - (sums.gather(1, size - 1) - 1) / size, min=0)

    return sparsemax, 2 * x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
