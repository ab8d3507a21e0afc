"""sigmoid_cross_entropy: loss and gradient of logits, against PyTorch.

Bytes: the logits and the targets are read, the gradient is written.
"""

import numpy as np

import contestant
from contestant import normal

CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in ((128, 10), (4096, 100), (16384, 1024))}


def target(rows, cols):
    return (normal(rows, cols, seed=1) > 0).astype(np.float32)


def densor(rows, cols):
    from densor import _core

    x, loss = normal(rows, cols), np.empty(rows, np.float32)
    dx = np.empty_like(x)
    step = _core.sigmoid_cross_entropy(loss, dx, x, target(rows, cols), None, 1.0 / rows)
    return step.run, 3 * x.nbytes


def torch(rows, cols):
    import torch

    x = torch.tensor(normal(rows, cols), requires_grad=True)
    y = torch.tensor(target(rows, cols))
    return lambda: torch.autograd.grad(
        torch.nn.functional.binary_cross_entropy_with_logits(x, y), x
    ), 3 * x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
