"""Layers that memory bounds: batch normalization with ReLU and dropout, and the same behind a dense layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from ground import STORED, Contest, Work, distance, native, normal, program, repeated, room, stored
from place import DRY, sized
from torch import nn
from torch.nn import functional

from densor import _core

RATE, EPSILON = 0.3, 1e-3


def steps(
    shape: tuple[int, ...],
    out: Any,
    dx: Any,
    x: Any,
    gamma: Any,
    beta: Any,
    dy: Any,
    *,
    moments: Any = None,
    part: int = 0,
    rounded: bool = False,
) -> tuple[Any, Any]:
    """Densor's batch normalization + ReLU + dropout, forward and backward, one pass in each direction.

    The moments, in parts of so many rows, are those that a product has left; rounded: out, dx, x and dy are bfloat16.
    """
    rows, columns = shape
    mean, variance, dgamma, dbeta = (room(columns) for _ in range(4))
    mask = room(rows, -(-columns // 16), dtype=np.uint16)
    forward = _core.batch_norm_forward(
        out, mean, variance, x, gamma, beta, EPSILON, "relu", 0.0, moments, part, mask, RATE, 1, 0, rounded
    )
    backward = _core.batch_norm_backward(
        dx, dgamma, dbeta, dy, x, None, mean, variance, gamma, EPSILON, "relu", 0.0, mask, RATE, rounded
    )
    return forward, backward


def dropped(out: torch.Tensor, y: torch.Tensor) -> float:
    """How far `out` is from y / (1 - RATE) where it was kept, and its share of zeros from what it should be."""
    kept = out != 0
    share = float((kept & (y > 0)).sum() / (y > 0).sum())
    return max(
        distance(out[kept], y[kept] / (1 - RATE)), max(0.0, abs(share - (1 - RATE)) - (0.1 if DRY else 0.01))
    )


def normalization(backward: bool) -> Contest:
    """65536 x 1024 in float32."""
    rows, columns = sized(65536, 48), sized(1024, 40)
    x, dy = normal(rows, columns), normal(rows, columns, seed=1)
    gamma, beta = normal(columns, seed=2) * 0.1 + 1, normal(columns, seed=3)
    found, dx = torch.empty_like(x), torch.empty_like(x)
    forward, back = steps(x.shape, *(native(t) for t in (found, dx, x, gamma, beta, dy)))
    leaves = [t.clone().requires_grad_() for t in (x, gamma, beta)]

    def torch_forward(rate: float = RATE) -> torch.Tensor:
        h = functional.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=EPSILON)
        return functional.dropout(functional.relu(h), rate)

    out = torch_forward()

    def error() -> float:
        program([forward, back])(1)
        plain = torch_forward(0.0)
        keeps = torch.where(found != 0, dy / (1 - RATE), 0.0)
        (wanted,) = torch.autograd.grad(plain, leaves[:1], keeps)
        return max(dropped(found, plain.detach()), distance(dx, wanted))

    works: dict[str, Work] = {
        "densor": program([back if backward else forward]),
        "torch eager": repeated(
            (lambda: torch.autograd.grad(out, leaves, dy, retain_graph=True)) if backward else torch_forward
        ),
    }
    return Contest(works, error, 1e-4, sized(12, 1))


def block() -> Contest:
    """Dense + batch normalization + ReLU + dropout in bfloat16, 1024 wide, 8192 rows, forward and backward.

    As in training, the kernel is float32 and rounded on the way, and gradients of parameters are float32.
    """
    rows, width = sized(8192, 40), sized(1024, 24)
    x, dy = normal(rows, width), normal(rows, width, seed=1)
    w, b = normal(width, width, seed=2) / width**0.5, normal(width, seed=3)
    gamma, beta = normal(width, seed=4) * 0.1 + 1, normal(width, seed=5)
    low, upstream, kernel = stored(x), stored(dy), room(width, width, dtype=STORED)
    z, out, dz, dx = (room(rows, width, dtype=STORED) for _ in range(4))
    part, _ = _core.dense_sums(rows, width, width, halves=True)
    moments = room(2, -(-rows // part), width) if part else None
    forward, backward = steps(
        x.shape, out, dz, z, native(gamma), native(beta), upstream, moments=moments, part=part, rounded=True
    )
    round_kernel = _core.cast(kernel, native(w))
    before = _core.dense_forward(
        z, None, low, kernel, native(b), "linear", 0.0, training=True, moments=moments, rounded=True
    )
    behind = _core.dense_backward(
        dx, room(width, width), room(width), None, dz, None, low, kernel, "linear", 0.0
    )
    ours = program([round_kernel, before, forward, backward, behind])

    def error() -> float:
        ours(1)
        found = torch.empty_like(x)
        _core.cast(native(found), out).run()
        h = functional.batch_norm(x @ w + b, None, None, gamma, beta, training=True, eps=EPSILON)
        return dropped(found, functional.relu(h))

    works = {"densor": ours, **{name: torch_block(x, dy, compiled) for name, compiled in COMPILED.items()}}
    return Contest(works, error, 2e-2, sized(12, 1), "densor rounds its float32 kernel every time")


COMPILED = {"torch eager": False, "torch.compile with graphs": True}


def torch_block(x: torch.Tensor, dy: torch.Tensor, compiled: bool) -> Work:
    width = x.shape[1]
    model: Callable[..., Any] = nn.Sequential(
        nn.Linear(width, width), nn.BatchNorm1d(width, eps=EPSILON), nn.ReLU(), nn.Dropout(RATE)
    ).to(x.device, torch.bfloat16)
    parameters = list(model.parameters())  # type: ignore[attr-defined]
    low, upstream = x.bfloat16().requires_grad_(), dy.bfloat16()
    if compiled:
        options: dict[str, Any] = {"backend": "eager"} if DRY else {"mode": "max-autotune"}
        model = torch.compile(model, **options)
    return repeated(lambda: torch.autograd.grad(model(low), [low, *parameters], upstream))
