"""activation: the functions of the lectures, forward, against PyTorch. Bytes: read x, write y."""

import numpy as np

import contestant
from contestant import normal

NAMES = ("relu", "elu", "selu", "sigmoid", "tanh", "silu", "gelu", "softplus")
CASES = {
    f"{name} ({rows},{cols})": (name, rows, cols)
    for name in NAMES
    for rows, cols in ((128, 300), (4096, 512))
}


def densor(name, rows, cols):
    from densor import _core

    x = normal(rows, cols)
    return _core.activation_forward(np.empty_like(x), x, name, 1.0).run, 2 * x.nbytes


def torch(name, rows, cols):
    import torch

    x = torch.tensor(normal(rows, cols))
    function = getattr(torch, name, None) or getattr(torch.nn.functional, name)
    return lambda: function(x), 2 * x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
