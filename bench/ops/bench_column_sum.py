"""column_sum: one sum for each column, against PyTorch. Bytes: read x."""

import numpy as np

import contestant
from contestant import normal

CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in ((128, 300), (4096, 512))}


def densor(rows, cols):
    from densor import _core

    x = normal(rows, cols)
    return _core.column_sum(np.empty((1, cols), np.float32), x).run, x.nbytes


def torch(rows, cols):
    import torch

    x = torch.tensor(normal(rows, cols))
    return lambda: x.sum(0), x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
