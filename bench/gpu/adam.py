"""Adam over 100 million parameters: a pass of 28 bytes a parameter, which a copy of as many bytes bounds."""

import numpy as np
import torch
from ground import Contest, distance, native, normal, program, repeated
from place import DEVICE, sized

from densor import _core

B1, B2, EPSILON, RATE = 0.9, 0.999, 1e-7, 1e-3


def adam() -> Contest:
    n = sized(100_000_000, 5_000)
    w, g = normal(n), normal(n, seed=1)
    start, m, v = w.clone(), torch.zeros_like(w), torch.zeros_like(w)
    segments, decayed = np.array([[0, n]]), np.zeros(1, np.uint8)
    step = _core.optimizer(
        native(w), native(g), [native(m), native(v)], segments, decayed, "adam", None, None, None
    )
    rate = RATE * (1 - B2) ** 0.5 / (1 - B1)  # of the first step; the others cost the same
    ours = program([step], [0.0, rate, B1, B2, EPSILON])
    works = {"densor": ours}
    for kind in ("fused", "foreach"):
        works[f"torch {kind}"] = torch_adam(start, g, kind)
    # As many bytes as the optimizer reads and writes: half of them are read.
    source = torch.randn(7 * n // 2, device=DEVICE)
    target = torch.empty_like(source)
    works["a copy of as many bytes"] = repeated(lambda: target.copy_(source))

    def error() -> float:
        ours(1)
        mean, square = (1 - B1) * g.double(), (1 - B2) * g.double() ** 2
        exact = start.double() - rate * mean / (square.sqrt() + EPSILON)
        return max(distance(w, exact), distance(m, mean), distance(v, square))

    # 1 - b2 in float32 is off by 1.3e-5 of itself.
    return Contest(works, error, 5e-5, sized(6, 1))


def torch_adam(start: torch.Tensor, gradient: torch.Tensor, kind: str):  # type: ignore[no-untyped-def]
    parameter = torch.nn.Parameter(start.clone())
    parameter.grad = gradient
    optimizer = torch.optim.Adam([parameter], RATE, (B1, B2), EPSILON, **{kind: True})  # type: ignore[arg-type]
    return repeated(optimizer.step)
