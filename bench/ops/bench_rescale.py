"""rescale, y = x scale + offset, against PyTorch. Bytes: read x, write y."""

import numpy as np

import contestant
from contestant import normal

SIZES = ((128, 300), (4096, 512), (16384, 1024))
CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in SIZES}


def densor(rows, cols):
    from densor import _core

    x = normal(rows, cols)
    return _core.rescale(np.empty_like(x), x, 1 / 255, -0.5).run, 2 * x.nbytes


def torch(rows, cols):
    import torch

    x, offset = torch.tensor(normal(rows, cols)), torch.tensor(-0.5)
    return lambda: torch.add(offset, x, alpha=1 / 255), 2 * x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
