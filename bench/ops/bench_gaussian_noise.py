"""gaussian_noise, added, against PyTorch. Bytes: reads x, writes y."""

import numpy as np

import contestant
from contestant import normal

CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in ((128, 300), (4096, 512), (16384, 1024))}


def densor(rows, cols):
    from densor import _core

    x = normal(rows, cols)
    y = np.empty_like(x)
    return _core.gaussian_noise(y, x, 0.5, False, 1, 0).run, 2 * x.nbytes


def torch(rows, cols):
    import torch

    x = torch.tensor(normal(rows, cols))
    return lambda: x + 0.5 * torch.randn_like(x), 2 * x.numel() * 4


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
