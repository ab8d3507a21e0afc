"""The dense product with bias and activation: `y = f(x w + b)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from densor import _core
from densor._check import bad_type
from densor.graph import Lowering, Node, Tensor, Variable
from densor.ops._eager import (
    Float32,
    array_of,
    empty,
    empty_like,
    matrix,
    optional_vector,
    parameter,
    require_shape,
)
from densor.ops.activation import ActivationNode, named
from densor.ops.arithmetic import multiply
from densor.ops.dense_chain import DenseChainNode
from densor.ops.reduction import sum

__all__ = ["DenseNode", "dense", "dense_backward", "dot", "matmul"]


class DenseNode(Node):
    """y = f(x w + b) over the last axis. Saves y, or z = x w + b where f's derivative needs it and is wanted."""

    stem = "dense"

    def __init__(self, x: Tensor, w: Variable, bias: Variable | None) -> None:
        self.w = w
        self.bias = bias
        self.name = "linear"
        self.alpha = 0.0
        super().__init__([x], (*x.shape[:-1], w.shape[1]), [w] if bias is None else [w, bias])

    def _saves_input(self) -> bool:
        return bool(_core.activation_saves(self.name) == "input")

    def forward(self, lowering: Lowering) -> None:
        y = lowering.result(self.output)
        saves = self._saves_input() and lowering.wants(self.output)
        lowering.emit(
            "dense_forward",
            y=y,
            z=lowering.save(self, "z", y.shape, y.dtype) if saves else None,
            x=lowering.value(self.inputs[0]),
            w=self.w,
            bias=self.bias,
            activation=self.name,
            alpha=self.alpha,
            training=lowering.arena is not None,
        )

    def backward(self, lowering: Lowering) -> None:
        dy = lowering.gradient(self.output)
        linear = self.name == "linear"
        kept = lowering.saved(self, "z") if self._saves_input() else lowering.value(self.output)
        lowering.emit(
            "dense_backward",
            dx=lowering.contribution(self.inputs[0]),
            dw=lowering.variable_gradient(self.w),
            dbias=lowering.variable_gradient(self.bias),
            dz=None if linear else lowering.scratch_over(dy),
            dy=dy,
            saved=None if linear else kept,
            x=lowering.value(self.inputs[0]),
            w=self.w,
            activation=self.name,
            alpha=self.alpha,
        )

    def with_activation(self, activation: str, alpha: float) -> DenseNode | None:
        if self.name != "linear":
            return None
        fused = self.rewired(self.inputs, self.output)
        fused.name = activation
        fused.alpha = alpha
        return fused

    def link(self) -> Literal["layer"] | None:
        narrow = min(self.w.shape) > 0 and max(self.w.shape) <= _core.dense_chain_width
        return "layer" if narrow and {self.inputs[0].dtype, self.output.dtype} == {"float32"} else None

    def chained(self, run: Sequence[Node]) -> DenseChainNode:
        return DenseChainNode(run)


def dense(x: Any, w: Any, b: Any = None, activation: str | None = None, alpha: float | None = None) -> Any:
    """The dense layer's formula: `y = f(x w + b)`, contracting the last axis of `x`.

    Args:
        x: (..., in), a symbolic tensor of rank >= 2 or real numbers of rank >= 1.
        w: (in, out), a Variable or real numbers.
        b: (out,), a Variable or real numbers, or None for no bias.
        activation, alpha: as for `ops.activation`; applied in the same pass over the result.

    Returns:
        (..., out): a symbolic tensor, or a new float32 array.

    Raises:
        TypeError: not real numbers. ValueError: the shapes do not fit, or the activation is unknown.

    Source: Keras 3 `Dense`; one chain of fused multiply-adds per output, in ascending order of the inputs, from 256
    inputs on the sum of two or more such chains over equal parts of them, unless `config.set_matmul_precision`
    allows less.

    Example:
        >>> from densor import ops
        >>> ops.dense([[1.0, -2.0]], [[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5], activation="relu").tolist()
        [[1.5, 0.0]]
    """
    name, slope = named("dense", activation, alpha)
    if isinstance(x, Tensor):
        return _symbolic(x, w, b, name, slope)
    flat, shape = matrix("dense", "x", x)
    kernel = _kernel("dense", w, shape[-1])
    units = kernel.shape[1]
    bias = optional_vector("dense", "b", b, units)
    y = empty((flat.shape[0], units), flat)
    _core.dense_forward(y, None, flat, kernel, bias, name, slope).run()
    return y.reshape(*shape[:-1], units)


def matmul(x1: Any, x2: Any) -> Any:
    """`x1 x2`, the last axis of `x1` with the first of the matrix `x2`; `tensor @ matrix` means the same.

    Args:
        x1: (..., in), a symbolic tensor or real numbers. x2: (in, out), a Variable or real numbers.

    Returns:
        (..., out): a symbolic tensor, or a new float32 array.

    Raises:
        TypeError: `x2` is symbolic: dense nets multiply no two batches. ValueError: shapes that do not fit.

    Source: Keras 3 `ops.matmul`.

    Example:
        >>> from densor import ops
        >>> ops.matmul([[1.0, 2.0]], [[3.0], [5.0]]).tolist()
        [[13.0]]
    """
    if isinstance(x2, Tensor):
        raise bad_type("matmul", "x2", f"must be a matrix of numbers or a Variable, got {x2!r}; layers.Dot() "
                       "multiplies two tensors row by row")  # fmt: skip
    return dense(x1, x2)


def dot(x1: Any, x2: Any) -> Any:
    """`x1 x2` as NumPy's `dot`: of two vectors their scalar product, of a matrix `x2` the same as `matmul`.

    Args:
        x1: (..., in), a symbolic tensor or real numbers. x2: (in,) or (in, out), a Variable or real numbers; or one
            number, which multiplies.

    Raises:
        TypeError: `x2` is symbolic. ValueError: shapes that do not fit.

    Source: Keras 3 `ops.dot`.

    Example:
        >>> from densor import ops
        >>> ops.dot([[1.0, 2.0], [0.0, 1.0]], [3.0, 5.0]).tolist()
        [13.0, 5.0]
    """
    if isinstance(x2, Tensor):
        raise bad_type("dot", "x2", f"must be numbers or a Variable, got {x2!r}; layers.Dot() multiplies two tensors "
                       "row by row")  # fmt: skip
    axes = len(x2.shape) if hasattr(x2, "shape") else np.ndim(x2)
    if axes == 2:
        return matmul(x1, x2)
    product = multiply(x1, x2)
    return sum(product, axis=-1) if axes else product


def _symbolic(x: Tensor, w: Any, b: Any, name: str, alpha: float) -> Tensor:
    if x.ndim < 2:
        raise ValueError(f"dense(): argument 'x': expected rank >= 2, got shape {x.shape}")
    units = np.shape(w)[-1] if np.ndim(w) == 2 else -1
    kernel = parameter("dense", "w", w, (x.columns, units))
    bias = None if b is None else parameter("dense", "b", b, (units,))
    y = DenseNode(x, kernel, bias).output
    return y if name == "linear" else ActivationNode(y, name, alpha).output


def _kernel(function: str, w: Any, inputs: int) -> Float32:
    kernel = array_of(function, "w", w)
    if kernel.ndim != 2 or kernel.shape[0] != inputs:
        raise ValueError(f"{function}(): argument 'w': expected shape ({inputs}, units), got {kernel.shape}")
    return kernel


def dense_backward(
    dy: Any, x: Any, w: Any, activation: str | None = None, alpha: float | None = None, saved: Any = None
) -> tuple[Float32, Float32, Float32]:
    """The gradients of `dense`: with `dz = dy * f'`, `dx = dz w^T`, `dw = x^T dz`, `db = sum of dz over rows`.

    Args:
        dy: (..., out), the gradient of the output.
        x: (..., in), the input.
        w: (in, out), the kernel.
        activation, alpha: as in the forward call.
        saved: for an activation other than linear: the output y, or `x w + b` where
            `activation_saves(activation)` is "input"; shaped like `dy`.

    Returns:
        `(dx, dw, db)`, new float32 arrays shaped like `x`, `w` and `(out,)`.

    Raises:
        TypeError: not real numbers. ValueError: the shapes do not fit, or `saved` is missing.

    Source: the chain rule; sums over rows are split by shape, never by thread.

    Example:
        >>> from densor import ops
        >>> dx, dw, db = ops.dense_backward([[1.0]], [[2.0, 3.0]], [[10.0], [20.0]])
        >>> dx.tolist(), dw.tolist(), db.tolist()
        ([[10.0, 20.0]], [[2.0], [3.0]], [1.0])
    """
    function = "dense_backward"
    name, slope = named(function, activation, alpha)
    flat, shape = matrix(function, "x", x)
    kernel = _kernel(function, w, shape[-1])
    units = kernel.shape[1]
    upstream, dy_shape = matrix(function, "dy", dy)
    require_shape(function, "dy", dy_shape, (*shape[:-1], units))
    kept = None
    if name != "linear":
        if saved is None:
            raise ValueError(f"{function}(): argument 'saved': None; the derivative of {name} needs it")
        kept, saved_shape = matrix(function, "saved", saved)
        require_shape(function, "saved", saved_shape, dy_shape)
    dx, dw, db = empty_like(flat), empty_like(kernel), empty((units,), flat)
    dz = None if kept is None else empty_like(upstream)
    _core.dense_backward(dx, dw, db, dz, upstream, kept, flat, kernel, name, slope).run()
    return dx.reshape(shape), dw, db


Tensor.operators["matmul"] = matmul
