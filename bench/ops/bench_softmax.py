"""softmax of rows against PyTorch. Bytes: read x, write y."""

import numpy as np

import contestant
from contestant import normal

CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in ((128, 10), (4096, 100), (4096, 1000))}


def densor(rows, cols):
    from densor import _core

    x = normal(rows, cols)
    return _core.softmax_forward(np.empty_like(x), x).run, 2 * x.nbytes


def torch(rows, cols):
    import torch

    x = torch.tensor(normal(rows, cols))
    return lambda: torch.softmax(x, 1), 2 * x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
