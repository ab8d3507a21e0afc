"""batch_norm with ReLU in training against PyTorch.

Bytes: forward reads x and writes y; backward reads dy, x and y and writes dx. The plain passes read what the sums are
of, and read the same again to write: two each way.
"""

import numpy as np

import contestant
from contestant import PlainPasses, empty, normal

SIZES = ((128, 300), (4096, 512), (16384, 1024))
CASES = {
    f"({rows},{cols}) {phase}": (rows, cols, phase)
    for rows, cols in SIZES
    for phase in ("forward", "backward")
}


def densor(rows, cols, phase):
    from densor import _core

    x, dy = normal(rows, cols), normal(rows, cols, seed=1)
    y, dx = empty(rows, cols), empty(rows, cols)
    gamma, beta, mean, variance, dgamma, dbeta = np.ones((6, cols), np.float32)
    forward = _core.batch_norm_forward(y, mean, variance, x, gamma, beta, 1e-3, "relu", 0.0)
    if phase == "forward":
        return forward.run, 2 * x.nbytes, PlainPasses(x.nbytes, (1, False), (1, True))
    forward.run()
    backward = _core.batch_norm_backward(
        dx, dgamma, dbeta, dy, x, y, mean, variance, gamma, 1e-3, "relu", 0.0
    )
    return backward.run, 4 * x.nbytes, PlainPasses(x.nbytes, (3, False), (3, True))


def torch(rows, cols, phase):
    import torch
    from torch.nn import functional

    x, dy = torch.tensor(normal(rows, cols)), torch.tensor(normal(rows, cols, seed=1))
    gamma, beta, mean, variance = torch.ones(4, cols).unbind()

    def forward():
        return functional.relu(functional.batch_norm(x, mean, variance, gamma, beta, True, 0.01, 1e-3))

    if phase == "forward":
        return forward, 2 * x.nbytes
    leaves = [leaf.requires_grad_() for leaf in (x, gamma, beta)]
    y = forward()
    return lambda: torch.autograd.grad(y, leaves, dy, retain_graph=True), 4 * x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
