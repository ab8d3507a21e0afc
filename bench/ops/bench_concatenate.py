"""concatenate of two blocks of columns against PyTorch. Bytes: read both, write y."""

import numpy as np

import contestant
from contestant import normal

SIZES = ((128, 300), (4096, 512), (16384, 1024))
CASES = {f"2 x ({rows},{cols})": (rows, cols) for rows, cols in SIZES}


def densor(rows, cols):
    from densor import _core

    a, b = normal(rows, cols), normal(rows, cols, seed=1)
    return _core.concatenate(np.empty((rows, 2 * cols), np.float32), [a, b]).run, 4 * a.nbytes


def torch(rows, cols):
    import torch

    a, b = torch.tensor(normal(rows, cols)), torch.tensor(normal(rows, cols, seed=1))
    y = torch.empty(rows, 2 * cols)
    return lambda: torch.cat([a, b], dim=1, out=y), 4 * a.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
