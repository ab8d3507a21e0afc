"""spectral_norm with one iteration against PyTorch. Bytes: reads the kernel three times, writes it."""

import numpy as np

import contestant
from contestant import normal

CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in ((784, 300), (1024, 1024))}


def densor(rows, cols):
    from densor import _core

    kernel, u, v = normal(rows, cols), normal(cols), np.empty(rows, np.float32)
    return _core.spectral_norm(kernel, u, v, 1).run, 4 * kernel.nbytes


def torch(rows, cols):
    import torch

    kernel, u = torch.tensor(normal(rows, cols)), torch.tensor(normal(cols))

    def step():
        v = torch.nn.functional.normalize(kernel @ u, dim=0)
        after = torch.nn.functional.normalize(kernel.T @ v, dim=0)
        u.copy_(after)
        kernel.div_(v @ (kernel @ after))

    return step, 4 * kernel.numel() * 4


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
