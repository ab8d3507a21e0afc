"""add, as a residual connection uses it, against PyTorch. Bytes: read a and b, write y."""

import numpy as np

import contestant
from contestant import normal

SIZES = ((128, 300), (4096, 512), (16384, 1024))
CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in SIZES}


def densor(rows, cols):
    from densor import _core

    a, b = normal(rows, cols), normal(rows, cols, seed=1)
    return _core.add(np.empty_like(a), a, b).run, 3 * a.nbytes


def torch(rows, cols):
    import torch

    a, b = torch.tensor(normal(rows, cols)), torch.tensor(normal(rows, cols, seed=1))
    y = torch.empty_like(a)
    return lambda: torch.add(a, b, out=y), 3 * a.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
