"""Dropout, inverted and alpha, with stateless noise and one-bit masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._array import device_array
from densor._check import bad_type, bad_value, integer, number
from densor._seeds import next_seed
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import Float32, empty, empty_like, matrix

__all__ = ["DropoutNode", "alpha_dropout", "dropout", "dropout_backward", "dropout_forward"]

NoiseShape = Sequence[int | None] | None


class DropoutNode(Node):
    """y = scale x + shift where the noise keeps an element, else a constant. Saves one bit per element."""

    stem = "dropout"
    noisy = True

    def __init__(self, x: Tensor, rate: float, seed: int, kind: str, noise_shape: NoiseShape = None) -> None:
        self.rate = rate
        self.seed = seed
        self.kind = kind
        self.noise_shape = noise_shape
        super().__init__([x], x.shape)

    def forward(self, lowering: Lowering) -> None:
        features = self.output.features
        arguments = {
            "y": lowering.result(self.output, features),
            "mask": lowering.save(self, "mask", (lowering.rows, mask_words(features)), np.uint16),
            "x": lowering.value(self.inputs[0], features),
            "rate": self.rate,
            "kind": self.kind,
            "seed": self.seed,
            "stream": lowering.stream(self),
        }
        if self.noise_shape is None:
            lowering.emit("dropout_forward", **arguments)
        else:
            shape = (lowering.rows, *self.output.shape[1:])
            lowering.emit("dropout_spread", **arguments, **_spread(self.noise_shape, shape))

    def backward(self, lowering: Lowering) -> None:
        features = self.output.features
        dx = lowering.contribution(self.inputs[0], features)
        if dx is not None:
            lowering.emit(
                "dropout_backward",
                dx=dx,
                dy=lowering.gradient(self.output, features),
                mask=lowering.saved(self, "mask"),
                rate=self.rate,
                kind=self.kind,
            )

    def link(self) -> Literal["noise"] | None:
        # The noise of a tensor of higher rank is that of (batch, features), which is not what a layer's rows are.
        plain = self.noise_shape is None and self.output.ndim == 2
        return "noise" if plain and {self.inputs[0].dtype, self.output.dtype} == {"float32"} else None


def _spread(noise_shape: Sequence[int | None], shape: tuple[Any, ...]) -> dict[str, Any]:
    """How the noise is spread over rows of `shape`, the batch's axis included."""
    sizes = [size if wanted is None else wanted for wanted, size in zip(noise_shape, shape, strict=True)]
    if sizes[0] not in (1, shape[0]):
        raise bad_value("dropout", "noise_shape", f"{tuple(noise_shape)} is for batches of {sizes[0]} rows, got "
                        f"{shape[0]}; None stands for any number")  # fmt: skip
    return {
        "shape": list(shape[1:]),
        "noise_shape": sizes[1:],
        "shared_rows": sizes[0] == 1 and shape[0] != 1,
    }


def mask_words(columns: int) -> int:
    """The 16-bit words of mask in a row."""
    return -(-columns // 16)


def dropout(x: Any, rate: float, seed: int | None = None, *, noise_shape: NoiseShape = None) -> Any:
    """Zero each element with probability `rate` and divide the others by `1 - rate`.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers.
        rate: in [0, 1).
        seed: an integer repeats the noise; None draws a fresh seed from `densor.random`. In a program the
            noise also depends on the number of the step.
        noise_shape: a size for every axis of `x`: 1 where its places share the noise, None or its size where not.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: `rate` outside [0, 1), `seed` outside [0, 2**64), or a
        `noise_shape` that does not fit.

    Source: Srivastava et al. 2014, inverted as in Keras 3; noise from Philox4x32-10 (Salmon et al. 2011).

    Example:
        >>> from densor import ops
        >>> sorted(set(ops.dropout([[1.0] * 100], 0.5, seed=1)[0].tolist()))
        [0.0, 2.0]
    """
    return _dropout("dropout", x, rate, seed, "inverted", noise_shape)


def alpha_dropout(x: Any, rate: float, seed: int | None = None, *, noise_shape: NoiseShape = None) -> Any:
    """Dropout that keeps mean 0 and variance 1: `a * x + b` with probability `1 - rate`, else `a * s + b`.

    `s = -scale * alpha` of SELU, `a = ((1 - rate) * (1 + rate * s**2)) ** -0.5`, `b = -a * rate * s`.

    Args:
        x, rate, seed, noise_shape: as for `dropout`.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        As `dropout`.

    Source: Klambauer et al. 2017, as Keras 3 `AlphaDropout`.

    Example:
        >>> from densor import ops
        >>> len(set(ops.alpha_dropout([[1.0] * 100], 0.5, seed=1)[0].tolist()))
        2
    """
    return _dropout("alpha_dropout", x, rate, seed, "alpha", noise_shape)


def _dropout(function: str, x: Any, rate: float, seed: int | None, kind: str, noise_shape: NoiseShape) -> Any:
    rate = _rate(function, rate)
    if isinstance(x, Tensor):
        _check_noise_shape(function, noise_shape, x.shape)
        return DropoutNode(x, rate, _seed(function, seed), kind, noise_shape).output
    flat, shape = as_rows(function, "x", x)
    _check_noise_shape(function, noise_shape, shape)
    spread = None if noise_shape is None else _spread(noise_shape, shape)
    seed = _seed(function, seed)
    y, mask = empty_like(flat), empty((flat.shape[0], mask_words(flat.shape[1])), flat, np.uint16)
    if spread is None:
        _core.dropout_forward(y, mask, flat, rate, kind, seed, 0).run()
    else:
        _core.dropout_spread(y, mask, flat, rate, kind, seed, 0, **spread).run()
    return y.reshape(shape)


def _check_noise_shape(function: str, noise_shape: NoiseShape, shape: tuple[Any, ...]) -> None:
    if noise_shape is None:
        return
    fits = len(noise_shape) == len(shape) and all(
        wanted in (None, 1, size) for wanted, size in zip(noise_shape[1:], shape[1:], strict=True)
    )
    if not fits:
        raise bad_value(function, "noise_shape", f"{tuple(noise_shape)} does not fit inputs of shape {shape}; every "
                        "axis needs its own size, None or 1")  # fmt: skip


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
    flat, shape = as_rows("dropout_forward", "x", x)
    mask = empty((flat.shape[0], mask_words(flat.shape[1])), flat, np.uint16)
    y = empty_like(flat)
    rate, seed = _rate("dropout_forward", rate), _seed("dropout_forward", seed)
    _core.dropout_forward(y, mask, flat, rate, "inverted", seed, stream).run(step=step)
    return y.reshape(shape), mask


def dropout_backward(dy: Any, mask: Any, rate: float) -> Float32:
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
    flat, shape = as_rows("dropout_backward", "dy", dy)
    there = device_array("dropout_backward", "mask", mask)
    kept: Any = mask if there is None else there
    if not isinstance(kept, np.ndarray | _core.DeviceArray) or kept.dtype != np.uint16:
        raise bad_type("dropout_backward", "mask", "expected a uint16 array from dropout_forward")
    expected = (flat.shape[0], mask_words(flat.shape[1]))
    if kept.shape != expected:
        raise bad_value("dropout_backward", "mask", f"expected shape {expected}, got {kept.shape}")
    kept = np.ascontiguousarray(mask) if there is None else there
    dx = empty_like(flat)
    _core.dropout_backward(dx, flat, kept, _rate("dropout_backward", rate), "inverted").run()
    return dx.reshape(shape)


def as_rows(function: str, argument: str, value: Any) -> tuple[Float32, tuple[int, ...]]:
    """An array as float32 (batch, features), and its own shape."""
    flat, shape = matrix(function, argument, value)
    return flat.reshape(shape[0], -1 if flat.size else 0) if len(shape) > 1 else flat.reshape(-1, 1), shape


def _rate(function: str, rate: float) -> float:
    return number(function, "rate", rate, low=0.0, high=1.0, include_high=False)


def _seed(function: str, seed: int | None) -> int:
    return next_seed() if seed is None else integer(function, "seed", seed, low=0, high=2**64 - 1)
