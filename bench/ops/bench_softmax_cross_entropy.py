"""softmax_cross_entropy: loss and gradient of logits with int labels, against PyTorch.

Bytes: the logits are read, their gradient is written, and so does the plain pass: a row lies in the first cache from
its maximum to its last product.
"""

import numpy as np

import contestant
from contestant import PlainPasses, empty, normal

CASES = {f"({rows},{classes})": (rows, classes) for rows, classes in ((128, 10), (4096, 100), (4096, 1000))}


def labels(rows, classes):
    return np.random.default_rng(1).integers(0, classes, rows, dtype=np.int32)


def densor(rows, classes):
    from densor import _core

    x, loss = normal(rows, classes), np.empty(rows, np.float32)
    dx = empty(rows, classes)
    step = _core.softmax_cross_entropy(loss, dx, x, labels(rows, classes), None, 1.0 / rows)
    return step.run, 2 * x.nbytes, PlainPasses(x.nbytes, (1, True))


def torch(rows, classes):
    import torch

    x = torch.tensor(normal(rows, classes), requires_grad=True)
    y = torch.tensor(labels(rows, classes)).long()
    return lambda: torch.autograd.grad(torch.nn.functional.cross_entropy(x, y), x), 2 * x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
