"""Layers that memory bounds: batch normalization with ReLU and dropout, and the same behind a dense layer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ground import Contest, Work, distance, native, normal, program, repeated, room
from place import DRY, sized
from torch import nn
from torch.nn import functional

from densor import _core

RATE, EPSILON = 0.3, 1e-3


@dataclass
class Normalized:
    """Densor's steps of batch normalization + ReLU + dropout, and the arrays that a check looks at."""

    forward: list[Any]
    backward: list[Any]
    out: torch.Tensor
    dx: torch.Tensor


def steps(
    x: torch.Tensor,
    gamma: torch.Tensor,
    beta: torch.Tensor,
    dy: torch.Tensor,
    moments: Any = None,
    part: int = 0,
) -> Normalized:
    """One pass in each direction; the moments, in parts of so many rows, are those that a product has left."""
    rows, columns = x.shape
    out, dx = torch.empty_like(x), torch.empty_like(x)
    dgamma, dbeta = torch.empty_like(gamma), torch.empty_like(beta)
    mean, variance = room(columns), room(columns)
    mask = room(rows, -(-columns // 16), dtype=np.uint16)
    forward = [
        _core.batch_norm_forward(
            native(out), mean, variance, native(x), native(gamma), native(beta), EPSILON, "relu", 0.0, moments,
            part, mask, RATE, 1, 0,
        ),
    ]  # fmt: skip
    backward = [
        _core.batch_norm_backward(
            native(dx), native(dgamma), native(dbeta), native(dy), native(x), None, mean, variance,
            native(gamma), EPSILON, "relu", 0.0, mask, RATE,
        ),
    ]  # fmt: skip
    return Normalized(forward, backward, out, dx)


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
    ours = steps(x, gamma, beta, dy)
    leaves = [t.clone().requires_grad_() for t in (x, gamma, beta)]

    def torch_forward(rate: float = RATE) -> torch.Tensor:
        h = functional.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=EPSILON)
        return functional.dropout(functional.relu(h), rate)

    out = torch_forward()

    def error() -> float:
        program(ours.forward + ours.backward)(1)
        plain = torch_forward(0.0)
        keeps = torch.where(ours.out != 0, dy / (1 - RATE), 0.0)
        (dx,) = torch.autograd.grad(plain, leaves[:1], keeps)
        return max(dropped(ours.out, plain.detach()), distance(ours.dx, dx))

    works: dict[str, Work] = {
        "densor": program(ours.backward if backward else ours.forward),
        "torch eager": repeated(
            (lambda: torch.autograd.grad(out, leaves, dy, retain_graph=True)) if backward else torch_forward
        ),
    }
    return Contest(works, error, 1e-4, sized(12, 1))


def block() -> Contest:
    """Dense + batch normalization + ReLU + dropout in bfloat16, 1024 wide, 8192 rows, forward and backward."""
    rows, width = sized(8192, 40), sized(1024, 24)
    x, dy = normal(rows, width), normal(rows, width, seed=1)
    w, b = normal(width, width, seed=2) / width**0.5, normal(width, seed=3)
    gamma, beta = normal(width, seed=4) * 0.1 + 1, normal(width, seed=5)
    z, dz, dx, dw, db = (torch.empty_like(t) for t in (x, x, x, w, b))
    _core.set_matmul_precision("medium")
    part, _ = _core.dense_sums(rows, width, width)
    moments = room(2, -(-rows // part), width) if part else None
    after = steps(z, gamma, beta, dy, moments, part)
    before = _core.dense_forward(
        native(z), None, native(x), native(w), native(b), "linear", 0.0, training=True, moments=moments
    )
    behind = _core.dense_backward(
        native(dx), native(dw), native(db), None, native(after.dx), None, native(x), native(w), "linear", 0.0
    )
    _core.set_matmul_precision("highest")
    ours = program([before, *after.forward, *after.backward, behind])

    def error() -> float:
        ours(1)
        h = functional.batch_norm(x @ w + b, None, None, gamma, beta, training=True, eps=EPSILON)
        return dropped(after.out, functional.relu(h))

    works = {"densor": ours, **{name: torch_block(x, dy, compiled) for name, compiled in COMPILED.items()}}
    del dz
    return Contest(works, error, 2e-2, sized(12, 1), "densor stores float32, multiplies bfloat16")


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
