"""layer_norm with gamma and beta against PyTorch.

Bytes: forward reads x and writes y; backward reads dy and x and writes dx.
"""

import numpy as np

import contestant
from contestant import normal

SIZES = ((128, 300), (4096, 512), (16384, 1024))
CASES = {
    f"({rows},{cols}) {phase}": (rows, cols, phase)
    for rows, cols in SIZES
    for phase in ("forward", "backward")
}


def densor(rows, cols, phase):
    from densor import _core

    x, dy = normal(rows, cols), normal(rows, cols, seed=1)
    y, dx, statistics = np.empty_like(x), np.empty_like(x), np.empty((rows, 3), np.float32)
    gamma, beta, dgamma, dbeta = np.ones((4, 1, cols), np.float32)
    forward = _core.layer_norm_forward(y, statistics, x, gamma, beta, 1e-3, "layer")
    if phase == "forward":
        return forward.run, 2 * x.nbytes
    forward.run()
    backward = _core.layer_norm_backward(dx, dgamma, dbeta, dy, x, statistics, gamma, 1e-3, "layer")
    return backward.run, 3 * x.nbytes


def torch(rows, cols, phase):
    import torch
    from torch.nn import functional

    x, dy = torch.tensor(normal(rows, cols)), torch.tensor(normal(rows, cols, seed=1))
    gamma, beta = torch.ones(2, cols).unbind()
    if phase == "forward":
        return lambda: functional.layer_norm(x, (cols,), gamma, beta, 1e-3), 2 * x.nbytes
    leaves = [leaf.requires_grad_() for leaf in (x, gamma, beta)]
    y = functional.layer_norm(x, (cols,), gamma, beta, 1e-3)
    return lambda: torch.autograd.grad(y, leaves, dy, retain_graph=True), 3 * x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
