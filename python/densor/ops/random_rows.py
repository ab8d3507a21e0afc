"""Uniform random numbers for every row of a batch, a function of (seed, stream, step, row, column)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from densor import _core
from densor._array import float32_array
from densor._check import bad_value, integer, show
from densor._seeds import next_seed
from densor.graph import Lowering, Node, Tensor
from densor.graph.lowering import Constant
from densor.ops._eager import Float32, array_beside, array_of, empty

__all__ = ["RandomRowsNode", "random_rows"]


class RandomRowsNode(Node):
    """Uniform numbers between a low and a high one for each column. Its input only tells the rows."""

    stem = "random_rows"
    noisy = True

    def __init__(self, x: Tensor, low: Float32, high: Float32, seed: int) -> None:
        self.low = low
        self.high = high
        self.seed = seed
        super().__init__([x], (x.shape[0], len(low)))

    def forward(self, lowering: Lowering) -> None:
        lowering.emit(
            "random_rows",
            out=lowering.result(self.output),
            low=Constant(self.low),
            high=Constant(self.high),
            seed=self.seed,
            stream=lowering.stream(self),
        )

    def backward(self, lowering: Lowering) -> None:
        pass  # constants


def random_rows(x: Any, low: Sequence[float], high: Sequence[float], seed: int | None = None) -> Any:
    """Uniform numbers of [low[j], high[j]) for every row of `x`; where low and high are equal, that number.

    Args:
        x: (batch, ...), a symbolic tensor or an array: only its rows count.
        low, high: as many numbers as there shall be columns.
        seed: an integer repeats the numbers; None draws a fresh seed from `densor.random`. In a program they
            also depend on the number of the step.

    Returns:
        (batch, columns): a symbolic tensor, or a new float32 array.

    Raises:
        TypeError: no numbers. ValueError: lists of different lengths, low above high, a `seed` outside [0, 2**64).

    Source: Philox4x32-10 (Salmon et al. 2011).

    Example:
        >>> from densor import ops
        >>> ops.random_rows([[0.0], [0.0]], [1.0, 3.0], [2.0, 3.0], seed=1).shape
        (2, 2)
    """
    function = "random_rows"
    least, most = float32_array(function, "low", low), float32_array(function, "high", high)
    if least.ndim != 1 or not least.size or least.shape != most.shape:
        raise bad_value(
            function, "high", f"expected lists of the same length, got shapes {least.shape} and {most.shape}"
        )
    if not (np.isfinite(least).all() and np.isfinite(most).all() and (least <= most).all()):
        raise bad_value(
            function, "high", f"must be finite and not below low, got {show(high)} for {show(low)}"
        )
    key = next_seed() if seed is None else integer(function, "seed", seed, low=0, high=2**64 - 1)
    if isinstance(x, Tensor):
        return RandomRowsNode(x, least, most, key).output
    rows = array_of(function, "x", x)
    out = empty((len(rows) if rows.ndim else 1, least.size), rows)
    _core.random_rows(out, array_beside(least, rows), array_beside(most, rows), key, 0).run()
    return out
