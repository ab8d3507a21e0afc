"""Trying something out on a model and leaving no trace of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from densor.models.compiled import Compiled

if TYPE_CHECKING:
    from densor.models.trainer import Trainer

__all__ = ["unchanged"]


@contextmanager
def unchanged(model: Trainer, compiled: Compiled) -> Iterator[None]:
    """Give the weights, the optimizer and the random state their old bits at the end of a `with` block.

    Inside, the optimizer starts from nothing.
    """
    optimizer, clock = compiled.optimizer, replace(model._clock)
    weights = [variable.numpy() for variable in model.weights]
    arena, iterations = optimizer._state, optimizer.iterations
    schedule, rate, decay = optimizer._schedule, optimizer._rate, optimizer._decay
    optimizer._state, optimizer.iterations = None, 0
    try:
        yield
    finally:
        for variable, values in zip(model.weights, weights, strict=True):
            variable.overwrite(values)
        optimizer._state, optimizer.iterations = arena, iterations
        optimizer._schedule, optimizer._rate, optimizer._decay = schedule, rate, decay
        model._clock = clock
