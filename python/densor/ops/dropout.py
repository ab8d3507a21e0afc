"""Inverted dropout with stateless noise and one-bit masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._check import bad_type, bad_value, integer, number
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import Float32, empty_like, matrix
from densor.random import next_seed

__all__ = ["DropoutNode", "dropout", "dropout_backward", "dropout_forward"]


class DropoutNode(Node):
    """y = x / (1 - rate) where the noise keeps an element, else 0. Saves one bit per element."""

    stem = "dropout"

    def __init__(self, x: Tensor, rate: float, seed: int) -> None:
        self.rate = rate
        self.seed = seed
        super().__init__([x], x.shape)

    def forward(self, lowering: Lowering) -> None:
        features = self.output.features
        lowering.emit(
            "dropout_forward",
            y=lowering.result(self.output, features),
            mask=lowering.save(self, "mask", (lowering.rows, mask_words(features)), np.uint16),
            x=lowering.value(self.inputs[0], features),
            rate=self.rate,
            seed=self.seed,
            stream=lowering.stream(self),
        )

    def backward(self, lowering: Lowering) -> None:
        features = self.output.features
        lowering.emit(
            "dropout_backward",
            dx=lowering.contribution(self.inputs[0], features),
            dy=lowering.gradient(self.output, features),
            mask=lowering.saved(self, "mask"),
            rate=self.rate,
        )


def mask_words(columns: int) -> int:
    """The 16-bit words of mask in a row."""
    return -(-columns // 16)


def dropout(x: Any, rate: float, seed: int | None = None) -> Any:
    """Zero each element with probability `rate` and divide the others by `1 - rate`.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers.
        rate: in [0, 1).
        seed: an integer repeats the noise; None draws a fresh seed from `densor.random`. In a program the
            noise also depends on the number of the step.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: `rate` outside [0, 1), or `seed` outside [0, 2**64).

    Source: Srivastava et al. 2014, inverted as in Keras 3; noise from Philox4x32-10 (Salmon et al. 2011).

    Example:
        >>> from densor import ops
        >>> sorted(set(ops.dropout([[1.0] * 100], 0.5, seed=1)[0].tolist()))
        [0.0, 2.0]
    """
    if isinstance(x, Tensor):
        return DropoutNode(x, _rate("dropout", rate), _seed("dropout", seed)).output
    return dropout_forward(x, rate, seed)[0]


def dropout_forward(
    x: Any, rate: float, seed: int | None = None, *, step: int = 0, stream: int = 0
) -> tuple[Float32, NDArray[np.uint16]]:
    """`dropout` on arrays, with the mask that the gradient needs.

    Args:
        x, rate, seed: as for `dropout`; an array of higher rank counts as (batch, features).
        step, stream: further coordinates of the noise: the number of the training step, and of the layer.

    Returns:
        `(y, mask)`: float32 shaped like `x`, and uint16 `(batch, ceil(features / 16))`, whose bit j of word w
        tells whether column 16 w + j was kept.

    Raises:
        As `dropout`.

    Source: as `dropout`.

    Example:
        >>> from densor import ops
        >>> y, mask = ops.dropout_forward([[1.0, 1.0, 1.0]], 0.0, seed=1)
        >>> y.tolist(), mask.tolist()
        ([[1.0, 1.0, 1.0]], [[7]])
    """
    flat, shape = _rows("dropout_forward", "x", x)
    mask = np.empty((flat.shape[0], mask_words(flat.shape[1])), dtype=np.uint16)
    y = empty_like(flat)
    rate, seed = _rate("dropout_forward", rate), _seed("dropout_forward", seed)
    _core.dropout_forward(y, mask, flat, rate, seed, stream).run(step=step)
    return y.reshape(shape), mask


def dropout_backward(dy: Any, mask: NDArray[np.uint16], rate: float) -> Float32:
    """The gradient of dropout: `dx = dy / (1 - rate)` where the mask kept the element, else 0.

    Args:
        dy: (batch, ...), the gradient of the output.
        mask: uint16, from `dropout_forward`. rate: as in the forward call.

    Returns:
        float32, shaped like `dy`.

    Raises:
        TypeError: not real numbers, or a mask that is not uint16. ValueError: shapes that do not fit.

    Source: the chain rule.

    Example:
        >>> import numpy as np
        >>> from densor import ops
        >>> ops.dropout_backward([[1.0, 1.0]], np.array([[2]], np.uint16), 0.5).tolist()
        [[0.0, 2.0]]
    """
    flat, shape = _rows("dropout_backward", "dy", dy)
    if not isinstance(mask, np.ndarray) or mask.dtype != np.uint16:
        raise bad_type("dropout_backward", "mask", "expected a uint16 array from dropout_forward")
    expected = (flat.shape[0], mask_words(flat.shape[1]))
    if mask.shape != expected:
        raise bad_value("dropout_backward", "mask", f"expected shape {expected}, got {mask.shape}")
    dx = empty_like(flat)
    _core.dropout_backward(dx, flat, np.ascontiguousarray(mask), _rate("dropout_backward", rate)).run()
    return dx.reshape(shape)


def _rows(function: str, argument: str, value: Any) -> tuple[Float32, tuple[int, ...]]:
    flat, shape = matrix(function, argument, value)
    return flat.reshape(shape[0], -1 if flat.size else 0) if len(shape) > 1 else flat.reshape(-1, 1), shape


def _rate(function: str, rate: float) -> float:
    return number(function, "rate", rate, low=0.0, high=1.0, include_high=False)


def _seed(function: str, seed: int | None) -> int:
    return next_seed() if seed is None else integer(function, "seed", seed, low=0, high=2**64 - 1)
