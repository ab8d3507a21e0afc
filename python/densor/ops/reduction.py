"""Sums, means and extrema over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from densor._check import bad_value, boolean, integer
from densor.graph import Tensor
from densor.ops._eager import array_of, copy_of, operand, transposed
from densor.ops.arithmetic import absolute, exp, log, sqrt, square
from densor.ops.comparison import not_equal, where
from densor.ops.expression import reduction
from densor.ops.reshape import ReshapeNode
from densor.ops.total import TotalNode

__all__ = ["all", "any", "count_nonzero", "logsumexp", "max", "mean", "min", "norm", "std", "sum", "var"]

Axes = int | Sequence[int] | None


def _axes(function: str, axis: Axes, ndim: int) -> tuple[int, ...]:
    """The axes as numbers from 0 on, in ascending order; all of them for None."""
    if axis is None:
        return tuple(range(ndim))
    items = axis if isinstance(axis, (list, tuple)) else [axis]
    found = {integer(function, "axis", item, -ndim, ndim - 1) % ndim for item in items}
    return tuple(sorted(found))


def _reduced(function: str, operation: str, x: Any, axis: Axes, keepdims: bool) -> Any:
    boolean(function, "keepdims", keepdims)
    if isinstance(x, Tensor):
        return _reduced_tensor(function, operation, x, axis, keepdims)
    array: Any = array_of(function, "x", x)
    axes = _axes(function, axis, array.ndim)
    others = [i for i in range(array.ndim) if i not in axes]
    kept = tuple(1 if i in axes else size for i, size in enumerate(array.shape))
    shape = kept if keepdims else tuple(array.shape[i] for i in others)
    if not axes:
        return copy_of(function, "x", array)
    columns = math.prod(array.shape[i] for i in axes)
    if columns == 0:
        raise bad_value(function, "x", f"nothing to reduce: shape {array.shape}, axis {axis}")
    rows = transposed(array, [*others, *axes]).reshape(math.prod(array.shape[i] for i in others), columns)
    return reduction(operation, rows).reshape(shape)


def _reduced_tensor(function: str, operation: str, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
    axes = _axes(function, axis, x.ndim)
    if not x.batched or not axes:
        return x
    last = axes == (x.ndim - 1,) and x.ndim > 1
    everything = axes == tuple(range(x.ndim))
    if not last and not everything and axes != tuple(range(1, x.ndim)):
        raise bad_value(
            function, "axis", f"symbolic tensors are reduced over the last axis, over all but the batch, or over "
            f"everything; got {axis!r} for shape {x.shape}"
        )  # fmt: skip
    flat = x if last else ReshapeNode(x, (None, x.features)).output
    reduced: Tensor = flat if flat.columns == 1 and flat.ndim > 1 else reduction(operation, flat)
    if everything:
        if operation not in ("sum", "mean") or keepdims:
            raise bad_value(function, "axis", "over the batch there are sum and mean, without keepdims")
        return TotalNode(reduced, operation == "mean").output
    if last:
        return reduced if keepdims else ReshapeNode(reduced, x.shape[:-1]).output
    return ReshapeNode(reduced, (None, *(1,) * (x.ndim - 1)) if keepdims else (None,)).output


def sum(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """The sum over axes.

    Args:
        x: a symbolic tensor, or real numbers.
        axis: an axis or several; None means all. Symbolic tensors take the last one, all but the batch, or all.
        keepdims: whether the axes stay with length 1.

    Returns:
        A symbolic tensor, or a new float32 array.

    Raises:
        TypeError: not real numbers. ValueError: an axis that is not there or cannot be reduced.

    Source: Keras 3 `ops.sum`.

    Example:
        >>> from densor import ops
        >>> ops.sum([[1.0, 2.0], [3.0, 4.0]], axis=-1).tolist()
        [3.0, 7.0]
    """
    return _reduced("sum", "sum", x, axis, keepdims)


def mean(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """The mean over axes; arguments as for `sum`.

    Example:
        >>> from densor import ops
        >>> ops.mean([[1.0, 2.0], [3.0, 4.0]], axis=-1).tolist()
        [1.5, 3.5]
    """
    return _reduced("mean", "mean", x, axis, keepdims)


def max(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """The largest value over axes; arguments as for `sum`. Equal ones share the gradient.

    Example:
        >>> from densor import ops
        >>> ops.max([[1.0, 2.0], [3.0, 4.0]], axis=-1).tolist()
        [2.0, 4.0]
    """
    return _reduced("max", "highest", x, axis, keepdims)


def min(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """The smallest value over axes; arguments as for `sum`. Equal ones share the gradient.

    Example:
        >>> from densor import ops
        >>> ops.min([[1.0, 2.0], [3.0, 4.0]], axis=-1).tolist()
        [1.0, 3.0]
    """
    return _reduced("min", "lowest", x, axis, keepdims)


def var(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """The variance over axes, divided by their number; arguments as for `sum`.

    Example:
        >>> from densor import ops
        >>> ops.var([[1.0, 3.0]], axis=-1).tolist()
        [1.0]
    """
    centre = mean(x, axis=axis, keepdims=True)
    difference = operand("var", x) - centre
    return mean(square(difference), axis=axis, keepdims=keepdims)


def std(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """The standard deviation over axes: the root of `var`.

    Example:
        >>> from densor import ops
        >>> ops.std([[1.0, 3.0]], axis=-1).tolist()
        [1.0]
    """
    return sqrt(var(x, axis=axis, keepdims=keepdims))


def logsumexp(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))` over axes without overflow; arguments as for `sum`.

    Example:
        >>> from densor import ops
        >>> ops.logsumexp([[1000.0, 1000.0]], axis=-1).round(2).tolist()
        [1000.6900024414062]
    """
    top = max(x, axis=axis, keepdims=True)
    finite = where(abs(top) < math.inf, top, 0.0) if not isinstance(top, Tensor) else top
    shifted = operand("logsumexp", x) - finite
    total = log(sum(exp(shifted), axis=axis, keepdims=True)) + finite
    return total if keepdims else max(total, axis=axis)


def any(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """1 where something along the axes is not 0, else 0, as float32; arguments as for `sum`.

    Example:
        >>> from densor import ops
        >>> ops.any([[0.0, 2.0], [0.0, 0.0]], axis=-1).tolist()
        [1.0, 0.0]
    """
    return max(not_equal(x, 0.0), axis=axis, keepdims=keepdims)


def all(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """1 where nothing along the axes is 0, else 0, as float32; arguments as for `sum`.

    Example:
        >>> from densor import ops
        >>> ops.all([[1.0, 2.0], [0.0, 1.0]], axis=-1).tolist()
        [1.0, 0.0]
    """
    return min(not_equal(x, 0.0), axis=axis, keepdims=keepdims)


def count_nonzero(x: Any, axis: Axes = None) -> Any:
    """How many along the axes are not 0, as float32; arguments as for `sum`.

    Example:
        >>> from densor import ops
        >>> ops.count_nonzero([[1.0, 2.0], [0.0, 1.0]], axis=-1).tolist()
        [2.0, 1.0]
    """
    return sum(not_equal(x, 0.0), axis=axis)


def norm(x: Any, ord: float | str | None = None, axis: Axes = None, keepdims: bool = False) -> Any:
    """The length of vectors: of all values, or of those along the axes.

    Args:
        x, axis, keepdims: as for `sum`.
        ord: None, 2 or "euclidean" the root of the sum of squares, 1 the sum of magnitudes, infinity the largest
            magnitude. With 1, 2 and infinity `axis` is one axis, or `x` has only one: the norms of matrices that Keras
            means otherwise are not offered.

    Raises:
        TypeError: not real numbers. ValueError: another `ord`, or as for `sum`.

    Source: Keras 3 `ops.norm`.

    Example:
        >>> from densor import ops
        >>> ops.norm([[3.0, 4.0]], axis=-1).tolist()
        [5.0]
    """
    array = operand("norm", x)
    if ord not in (None, 1, 2, math.inf, "euclidean"):
        raise bad_value("norm", "ord", f"expected None, 1, 2, infinity or 'euclidean', got {ord!r}")
    if isinstance(ord, int | float) and len(_axes("norm", axis, array.ndim)) != 1:
        raise bad_value("norm", "ord", f"{ord!r} is for vectors: name one axis of shape {array.shape}")
    if ord == math.inf:
        return max(absolute(array), axis=axis, keepdims=keepdims)
    if ord == 1:
        return sum(absolute(array), axis=axis, keepdims=keepdims)
    return sqrt(sum(square(array), axis=axis, keepdims=keepdims))
