"""dropout against PyTorch. Bytes: read x, write y, write or read the mask (one bit per element).

The plain pass copies x to y: noise is not in it, which has no bytes, nor the mask.
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
RATE = 0.2


def densor(rows, cols, phase):
    from densor import _core

    x, y = normal(rows, cols), empty(rows, cols)
    words = -(-cols // 16)
    mask = empty(-(-rows * words // 2)).view(np.uint16)[: rows * words].reshape(rows, words)
    mask[...] = 0xFFFF
    if phase == "forward":
        step = _core.dropout_forward(y, mask, x, RATE, "inverted", 1, 0)
    else:
        step = _core.dropout_backward(y, x, mask, RATE, "inverted")
    return step.run, 2 * x.nbytes + mask.nbytes, PlainPasses(x.nbytes, (1, True))


def torch(rows, cols, phase):
    import torch

    x = torch.tensor(normal(rows, cols))
    moved = 2 * x.nbytes + rows * cols // 8
    if phase == "forward":
        return lambda: torch.nn.functional.dropout(x, RATE, training=True), moved
    leaf = x.clone().requires_grad_()
    y = torch.nn.functional.dropout(leaf, RATE, training=True)
    return lambda: torch.autograd.grad(y, leaf, x, retain_graph=True), moved


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
