"""The l2 penalty of all weights and its gradient, added to the gradients that are there, against PyTorch.

Bytes: weights are read, gradients are read and written.
"""

import numpy as np

import contestant
from contestant import normal

SHAPES = {
    "266k parameters": ((784, 300), (300, 100), (100, 10)),
    "16M parameters": ((4096, 4096),),
}
CASES = {name: (shapes,) for name, shapes in SHAPES.items()}


def moved(shapes):
    return 12 * sum(int(np.prod(shape)) for shape in shapes)


def densor(shapes):
    from densor import _core

    xs, dxs = [normal(*shape) for shape in shapes], [normal(*shape, seed=1) for shape in shapes]
    l1, l2 = np.zeros(len(xs)), np.full(len(xs), 1e-4)
    return _core.penalty(np.zeros(2), xs, dxs, l1, l2, 1.0, 1.0, True).run, moved(shapes)


def torch(shapes):
    import torch

    leaves = [torch.tensor(normal(*shape), requires_grad=True) for shape in shapes]
    for leaf in leaves:
        leaf.grad = torch.tensor(normal(*leaf.shape, seed=1))

    def run():
        sum(1e-4 * leaf.square().sum() for leaf in leaves).backward()

    return run, moved(shapes)


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
