"""standardize against PyTorch. Bytes: reads x, writes y."""

import numpy as np

import contestant
from contestant import normal

CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in ((128, 300), (4096, 512), (16384, 1024))}


def densor(rows, cols):
    from densor import _core

    x = normal(rows, cols)
    y, mean, variance = np.empty_like(x), normal(cols), normal(cols, seed=1) ** 2
    return _core.standardize(y, x, mean, variance, 1e-7, False).run, 2 * x.nbytes


def torch(rows, cols):
    import torch

    x, mean = torch.tensor(normal(rows, cols)), torch.tensor(normal(cols))
    deviation = torch.tensor(normal(cols, seed=1)).abs().clamp(min=1e-7)
    return lambda: (x - mean) / deviation, 2 * x.numel() * 4


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
