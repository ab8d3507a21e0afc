"""One optimizer step over all parameters, against PyTorch's fused optimizers.

Bytes: parameters and slots are read and written, gradients are read.
"""

import numpy as np

import contestant
from contestant import normal

# The variables of the 784-300-100-10 net, and one large matrix.
SHAPES = {
    "266k parameters": ((784, 300), (300,), (300, 100), (100,), (100, 10), (10,)),
    "16M parameters": ((4096, 4096),),
}
# rule: the number of slots and the row of hyper-parameters, weight decay first.
RULES = {
    "sgd": (0, (0.0, 0.01)),
    "nesterov": (1, (0.0, 0.01, 0.9)),
    "adam": (2, (0.0, 1e-3, 0.9, 0.999, 1e-7)),
}
CASES = {f"{rule}, {size}": (rule, shapes) for size, shapes in SHAPES.items() for rule in RULES}


def moved(rule, shapes):
    return 4 * sum(int(np.prod(shape)) for shape in shapes) * (3 + 2 * RULES[rule][0])


def densor(rule, shapes):
    from densor import _core

    slots, row = RULES[rule]
    sizes = [int(np.prod(shape)) for shape in shapes]
    offsets = np.cumsum([0] + [-(-size // 16) * 16 for size in sizes])
    segments = np.stack([offsets[:-1], sizes], axis=1).astype(np.int64)
    parameters, gradients = normal(offsets[-1]), normal(offsets[-1], seed=1)
    arenas = [np.zeros_like(parameters) for _ in range(slots)]
    decayed = np.ones(len(sizes), np.uint8)
    step = _core.optimizer(parameters, gradients, arenas, segments, decayed, rule, None, None, None)
    hyper = np.array([row], np.float32)
    return lambda: step.run(hyper=hyper), moved(rule, shapes)


def torch(rule, shapes):
    import torch

    leaves = [torch.tensor(normal(*shape), requires_grad=True) for shape in shapes]
    for leaf in leaves:
        leaf.grad = torch.tensor(normal(*leaf.shape, seed=1))
    if rule == "adam":
        optimizer = torch.optim.Adam(leaves, 1e-3, eps=1e-7, fused=True)
    elif rule == "nesterov":
        optimizer = torch.optim.SGD(leaves, 0.01, momentum=0.9, nesterov=True, fused=True)
    else:
        optimizer = torch.optim.SGD(leaves, 0.01, fused=True)
    return optimizer.step, moved(rule, shapes)


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
