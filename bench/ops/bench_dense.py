"""dense: y = relu(x w + bias) and its backward pass, against PyTorch's `F.linear` and autograd kernels.

The share of the FMA peak refers to what a register-only FMA loop reaches with the same threads just before.
"""

import numpy as np

import contestant
from contestant import Figures, compute_figures, normal, seconds_per_call

CASES = ((32, 784, 300), (128, 784, 300), (1024, 1024, 1024))


def densor() -> Figures:
    from densor import _core

    found: Figures = {}
    for rows, inputs, units in CASES:
        x, w, bias = normal(rows, inputs), normal(inputs, units, seed=1), normal(units, seed=2)
        y = np.empty((rows, units), np.float32)
        flops = 2.0 * rows * inputs * units
        peak = _core.measure_fma_peak()
        forward = _core.dense_forward(y, None, x, w, bias, "linear", 0.0, training=True)
        found[f"({rows},{inputs})x({inputs},{units})"] = compute_figures(
            seconds_per_call(forward.run), flops, peak
        )
        dx, dw, dbias, dz = np.empty_like(x), np.empty_like(w), np.empty_like(bias), np.empty_like(y)
        forward = _core.dense_forward(y, None, x, w, bias, "relu", 0.0, training=True)
        forward.run()
        backward = _core.dense_backward(dx, dw, dbias, dz, normal(rows, units, seed=3), y, x, w, "relu", 0.0)
        both = lambda forward=forward, backward=backward: (forward.run(), backward.run())  # noqa: E731
        found[f"({rows},{inputs})x({inputs},{units}) relu, forward + backward"] = compute_figures(
            seconds_per_call(both), 3 * flops, peak
        )
    return found


def torch() -> Figures:
    import torch
    from torch.nn import functional

    found: Figures = {}
    for rows, inputs, units in CASES:
        x, w = torch.tensor(normal(rows, inputs)), torch.tensor(normal(units, inputs, seed=1))
        bias, dy = torch.tensor(normal(units, seed=2)), torch.tensor(normal(rows, units, seed=3))
        flops = 2.0 * rows * inputs * units
        with torch.no_grad():
            seconds = seconds_per_call(lambda x=x, w=w, bias=bias: functional.linear(x, w, bias))
        found[f"({rows},{inputs})x({inputs},{units})"] = compute_figures(seconds, flops)
        leaves = [tensor.requires_grad_() for tensor in (x, w, bias)]

        def both(leaves=leaves, dy=dy) -> None:
            torch.autograd.grad(functional.relu(functional.linear(*leaves)), leaves, dy)

        case = f"({rows},{inputs})x({inputs},{units}) relu, forward + backward"
        found[case] = compute_figures(seconds_per_call(both), 3 * flops)
    return found


CONTESTANTS = {"densor": densor, "torch": torch}

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
