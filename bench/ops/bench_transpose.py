"""transpose of the two axes of every row against PyTorch. Bytes: reads x, writes y."""

import numpy as np

import contestant
from contestant import normal

CASES = {
    f"({rows},{height},{width})": (rows, height, width)
    for rows, height, width in ((128, 28, 28), (256, 64, 96))
}


def densor(rows, height, width):
    from densor import _core

    x = normal(rows, height * width)
    y = np.empty_like(x)
    return _core.transpose(y, x, [height, width], [1, 0]).run, 2 * x.nbytes


def torch(rows, height, width):
    import torch

    x = torch.tensor(normal(rows, height, width))
    return lambda: x.transpose(1, 2).contiguous(), 2 * x.numel() * 4


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
