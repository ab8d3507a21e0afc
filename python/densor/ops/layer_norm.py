"""Normalization of every row by itself: layer, root mean square, group (instance) and unit length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from densor import _core
from densor._check import bad_value, integer, number
from densor.graph import Lowering, Node, Tensor, Variable
from densor.graph.lowering import Reshaped
from densor.ops._axes import as_last, axes_of
from densor.ops._eager import Float32, array_of, empty, empty_like, matrix, require_shape
from densor.ops._parameters import column_parameter
from densor.ops.reshape import reshape_rows
from densor.ops.transpose import transpose

__all__ = [
    "LayerNormNode", "group_norm", "layer_norm", "layer_norm_backward", "layer_norm_forward", "rms_norm", "unit_norm",
]  # fmt: skip

STATISTICS = 3  # values that the kernel saves of a row: mean, what its rounding lost, 1 / deviation
_UNIT_EPSILON = 1e-12


class LayerNormNode(Node):
    """Rows of `columns` values, each normalized by itself; gamma and beta are seen as (groups, inner).

    Row i uses row i % groups of them, its column j their column j % inner. Saves three values of each row.
    """

    stem = "layer_norm"

    def __init__(
        self,
        x: Tensor,
        gamma: Variable | None,
        beta: Variable | None,
        kind: str,
        epsilon: float,
        columns: int,
        groups: int = 1,
    ) -> None:
        self.gamma = gamma
        self.beta = beta
        self.kind = kind
        self.epsilon = epsilon
        self.columns = columns
        self.groups = groups
        super().__init__([x], x.shape, [v for v in (gamma, beta) if v is not None])

    def forward(self, lowering: Lowering) -> None:
        rows = lowering.shape(self.output, self.columns)[0]
        lowering.emit(
            "layer_norm_forward",
            y=lowering.result(self.output, self.columns),
            statistics=lowering.save(self, "statistics", (rows, STATISTICS)),
            x=lowering.value(self.inputs[0], self.columns),
            gamma=self._seen(self.gamma),
            beta=self._seen(self.beta),
            epsilon=self.epsilon,
            kind=self.kind,
        )

    def backward(self, lowering: Lowering) -> None:
        dgamma, dbeta = (
            None if v is None else lowering.variable_gradient(v, self._shape(v))
            for v in (self.gamma, self.beta)
        )
        lowering.emit(
            "layer_norm_backward",
            dx=lowering.contribution(self.inputs[0], self.columns),
            dgamma=dgamma,
            dbeta=dbeta,
            dy=lowering.gradient(self.output, self.columns),
            x=lowering.value(self.inputs[0], self.columns),
            statistics=lowering.saved(self, "statistics"),
            gamma=self._seen(self.gamma),
            epsilon=self.epsilon,
            kind=self.kind,
        )

    def _shape(self, variable: Variable) -> tuple[int, int]:
        return self.groups, variable.size // self.groups

    def _seen(self, variable: Variable | None) -> Reshaped | None:
        return None if variable is None else Reshaped(variable, self._shape(variable))


def layer_norm(
    x: Any, gamma: Any = None, beta: Any = None, *, axis: int | Sequence[int] = -1, epsilon: float = 1e-3
) -> Any:
    """Normalize over the axes `axis`, every other place by itself.

    `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the biased variance.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers.
        gamma, beta: (n,), one value for each place of `axis`, Variables or real numbers; None leaves the factor or
            the term out.
        axis: an axis, or several; not the batch's.
        epsilon: > 0.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit, or a parameter out of range.

    Source: Ba, Kiros and Hinton 2016, as Keras 3.

    Example:
        >>> from densor import ops
        >>> ops.layer_norm([[1.0, 3.0]], epsilon=1e-12).tolist()
        [[-1.0, 1.0]]
    """
    return _over_axes("layer_norm", "layer", x, gamma, beta, axis, epsilon)


def rms_norm(x: Any, gamma: Any = None, *, axis: int | Sequence[int] = -1, epsilon: float = 1e-6) -> Any:
    """Divide by the root mean square over the axes `axis`: `y = gamma * x / sqrt(mean(x**2) + epsilon)`.

    Args:
        x, gamma, axis, epsilon: as for `layer_norm`.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        As `layer_norm`.

    Source: Zhang and Sennrich 2019, as Keras 3 `rms_normalization`.

    Example:
        >>> from densor import ops
        >>> ops.rms_norm([[3.0, 3.0]], epsilon=1e-12).tolist()
        [[1.0, 1.0]]
    """
    return _over_axes("rms_norm", "rms", x, gamma, None, axis, epsilon)


def unit_norm(x: Any, *, axis: int | Sequence[int] = -1) -> Any:
    """Divide by the Euclidean length over the axes `axis`: `y = x / max(sqrt(sum(x**2)), 1e-12)`.

    Args:
        x, axis: as for `layer_norm`.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`; zeros stay zeros.

    Raises:
        As `layer_norm`.

    Source: Keras 3 `UnitNormalization`.

    Example:
        >>> from densor import ops
        >>> ops.unit_norm([[0.0, 2.0]]).tolist()
        [[0.0, 1.0]]
    """
    return _over_axes("unit_norm", "unit", x, None, None, axis, _UNIT_EPSILON)


def group_norm(
    x: Any, gamma: Any = None, beta: Any = None, *, groups: int = 32, axis: int = -1, epsilon: float = 1e-3
) -> Any:
    """Normalize each group of channels of each sample, over all its other axes.

    `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the biased variance.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers.
        gamma, beta: (channels,), Variables or real numbers, or None.
        groups: how many groups of neighbouring channels; divides their number. -1: each channel is one
            (instance normalization).
        axis: the axis of the channels.
        epsilon: > 0.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        As `layer_norm`; ValueError where `groups` does not divide the channels.

    Source: Wu and He 2018, as Keras 3.

    Example:
        >>> from densor import ops
        >>> ops.group_norm([[1.0, 3.0, 10.0, 30.0]], groups=2, epsilon=1e-12).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """
    function = "group_norm"
    epsilon = number(function, "epsilon", epsilon, low=0.0, include_low=False)
    groups = integer(function, "groups", groups, low=-1)
    x = x if isinstance(x, Tensor) else array_of(function, "x", x)
    (channel_axis,) = axes_of(function, axis, x.shape)
    channels = x.shape[channel_axis]
    groups = channels if groups == -1 else groups
    if groups == 0 or channels % groups:
        raise bad_value(
            function, "groups", f"{groups} does not divide the {channels} channels of shape {x.shape}"
        )
    # Each group of a sample becomes a row: (batch, groups, places, channels of the group).
    others = [a for a in range(1, x.ndim) if a != channel_axis]
    places, inner = math.prod(x.shape[a] for a in others), channels // groups
    order = (0, *others, channel_axis)
    rows = transpose(x, order) if order != tuple(range(x.ndim)) else x
    split = reshape_rows(rows, (places, groups, inner))
    apart = groups > 1 and places > 1
    split = transpose(split, (0, 2, 1, 3)) if apart else split
    y = _rows(function, "layer", split, (gamma, beta), channels, epsilon, places * inner, groups)
    y = reshape_rows(transpose(y, (0, 2, 1, 3)) if apart else y, tuple(x.shape[a] for a in order[1:]))
    return transpose(y, tuple(order.index(a) for a in range(x.ndim))) if rows is not x else y


def layer_norm_forward(
    x: Any, gamma: Any = None, beta: Any = None, *, epsilon: float = 1e-3, kind: str = "layer"
) -> tuple[Float32, Float32]:
    """`layer_norm`, `rms_norm` or `unit_norm` over the last axis of arrays, with what the gradient needs.

    Args:
        x, gamma, beta, epsilon: as for `layer_norm`. kind: "layer", "rms" or "unit".

    Returns:
        `(y, statistics)`: float32 shaped like `x`, and (rows, 3).

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit, or a parameter out of range.

    Source: as `layer_norm`.

    Example:
        >>> from densor import ops
        >>> y, statistics = ops.layer_norm_forward([[1.0, 3.0]])
        >>> statistics[:, 0].tolist()
        [2.0]
    """
    function = "layer_norm_forward"
    flat, shape = matrix(function, "x", x)
    scale, shift = (_affine(function, n, v, shape[-1]) for n, v in (("gamma", gamma), ("beta", beta)))
    y, statistics = empty_like(flat), empty((flat.shape[0], STATISTICS), flat)
    _core.layer_norm_forward(y, statistics, flat, scale, shift, epsilon, kind).run()
    return y.reshape(shape), statistics


def layer_norm_backward(
    dy: Any, x: Any, statistics: Any, gamma: Any = None, *, epsilon: float = 1e-3, kind: str = "layer"
) -> tuple[Float32, Float32, Float32]:
    """The gradients of `layer_norm_forward`.

    With `h` the normalized rows and `g = dy * gamma`: `dgamma = sum(dy * h)` and `dbeta = sum(dy)` over the rows,
    `dx = (g - mean(g) - h * mean(g * h)) / deviation` over the columns; without `mean(g)` for "rms"; for "unit"
    with the sum of `g * h`.

    Args:
        dy: (..., columns), the gradient of the output. x: the input. statistics: from the forward call.
        gamma: (columns,) or None. epsilon, kind: as in the forward call.

    Returns:
        `(dx, dgamma, dbeta)`: float32 shaped like `x`, `(columns,)` and `(columns,)`.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit.

    Source: the chain rule.

    Example:
        >>> from densor import ops
        >>> y, statistics = ops.layer_norm_forward([[1.0, 3.0]])
        >>> ops.layer_norm_backward([[1.0, 1.0]], [[1.0, 3.0]], statistics)[0].tolist()
        [[0.0, 0.0]]
    """
    function = "layer_norm_backward"
    flat, shape = matrix(function, "x", x)
    upstream, dy_shape = matrix(function, "dy", dy)
    require_shape(function, "dy", dy_shape, shape)
    saved = array_of(function, "statistics", statistics)
    scale = _affine(function, "gamma", gamma, shape[-1])
    dx = empty_like(flat)
    dgamma, dbeta = (empty((1, shape[-1]), flat) for _ in range(2))
    _core.layer_norm_backward(dx, dgamma, dbeta, upstream, flat, saved, scale, epsilon, kind).run()
    return dx.reshape(shape), dgamma.reshape(shape[-1]), dbeta.reshape(shape[-1])


def _over_axes(
    function: str, kind: str, x: Any, gamma: Any, beta: Any, axis: int | Sequence[int], epsilon: float
) -> Any:
    epsilon = number(function, "epsilon", epsilon, low=0.0, include_low=False)
    rows, back = as_last(function, x, axis)
    columns = rows.shape[-1]
    return back(_rows(function, kind, rows, (gamma, beta), columns, epsilon, columns, 1))


def _rows(
    function: str,
    kind: str,
    x: Any,
    parameters: tuple[Any, Any],
    values: int,
    epsilon: float,
    columns: int,
    groups: int,
) -> Any:
    """Rows of `columns` values of a tensor or an array; gamma and beta have `values` values."""
    named = zip(("gamma", "beta"), parameters, strict=True)
    if isinstance(x, Tensor):
        gamma, beta = (None if v is None else column_parameter(function, n, v, values) for n, v in named)
        return LayerNormNode(x, gamma, beta, kind, epsilon, columns, groups).output
    scale, shift = (_affine(function, n, v, values, groups) for n, v in named)
    flat = x.reshape(x.size // columns if columns else 0, columns)
    y, statistics = empty_like(flat), empty((flat.shape[0], STATISTICS), flat)
    _core.layer_norm_forward(y, statistics, flat, scale, shift, epsilon, kind).run()
    return y.reshape(x.shape)


def _affine(function: str, argument: str, value: Any, size: int, groups: int = 1) -> Float32 | None:
    if value is None:
        return None
    array = array_of(function, argument, value)
    require_shape(function, argument, array.shape, (size,))
    return array.reshape(groups, size // groups)
