"""The norms of a kernel's columns brought below a limit, in place, against PyTorch. Bytes: read and written."""

import contestant
from contestant import normal

SIZES = ((784, 300), (4096, 4096))
CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in SIZES}


def densor(rows, cols):
    from densor import _core

    w = normal(1, rows, cols)
    return _core.norm_constraint(w, 0.0, 1.0, 1.0).run, 2 * w.nbytes


def torch(rows, cols):
    import torch

    w = torch.tensor(normal(rows, cols))

    def run():
        norm = w.square().sum(0, keepdim=True).sqrt()
        w.mul_(norm.clamp(0.0, 1.0) / (norm + 1e-7))

    return run, 8 * rows * cols


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
