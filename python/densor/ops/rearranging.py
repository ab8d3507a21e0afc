"""The same values in other places: axes exchanged, turned round, repeated, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor._check import bad_type, bad_value, integer
from densor.graph import Tensor
from densor.ops._eager import operand
from densor.ops.concatenate import concatenate
from densor.ops.slicing import take
from densor.ops.transpose import transpose

__all__ = ["flip", "hstack", "moveaxis", "ravel", "repeat", "swapaxes", "tile", "unstack", "vstack"]


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """`x` with two of its axes exchanged; the batch of a symbolic tensor stays.

    Raises:
        TypeError: not real numbers. ValueError: an axis that is not there, or the batch of a symbolic tensor.

    Source: Keras 3 `ops.swapaxes`.

    Example:
        >>> from densor import ops
        >>> ops.swapaxes([[1.0, 2.0]], 0, 1).tolist()
        [[1.0], [2.0]]
    """
    array = operand("swapaxes", x)
    one, other = _axis("swapaxes", "axis1", axis1, array), _axis("swapaxes", "axis2", axis2, array)
    order = list(range(array.ndim))
    order[one], order[other] = other, one
    return transpose(array, order)


def moveaxis(x: Any, source: int, destination: int) -> Any:
    """`x` with one of its axes in another place, the others in their order; the batch of a symbolic tensor stays.

    Raises:
        TypeError: not real numbers. ValueError: an axis that is not there, or the batch of a symbolic tensor.

    Source: Keras 3 `ops.moveaxis`, which moves several at once as well.

    Example:
        >>> from densor import ops
        >>> ops.moveaxis([[[1.0], [2.0]]], 1, 2).shape
        (1, 1, 2)
    """
    array = operand("moveaxis", x)
    start, end = (
        _axis("moveaxis", "source", source, array),
        _axis("moveaxis", "destination", destination, array),
    )
    order = [axis for axis in range(array.ndim) if axis != start]
    order.insert(end, start)
    return transpose(array, order)


def flip(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """`x` from back to front along an axis, several, or all of them; a symbolic tensor not along its batch.

    Raises:
        TypeError: not real numbers. ValueError: an axis that is not there, or the batch of a symbolic tensor.

    Source: Keras 3 `ops.flip`.

    Example:
        >>> from densor import ops
        >>> ops.flip([[1.0, 2.0, 3.0]], axis=1).tolist()
        [[3.0, 2.0, 1.0]]
    """
    array = operand("flip", x)
    axes = range(array.ndim) if axis is None else axis if isinstance(axis, list | tuple) else [axis]
    for item in axes:
        place = _axis("flip", "axis", item, array)
        _not_the_batch("flip", "axis", place, array)
        array = take(array, range(array.shape[place])[::-1], axis=place)
    return array


def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Each place of an axis several times, one after the other.

    Args:
        x: a symbolic tensor, or real numbers.
        repeats: how often, or a list that says it for each place.
        axis: any, of a symbolic tensor not the batch's. None: that of all values in a row, which a symbolic tensor
            does not have.

    Raises:
        TypeError: not real numbers. ValueError: another number of repeats, or no such axis.

    Source: Keras 3 `ops.repeat`.

    Example:
        >>> from densor import ops
        >>> ops.repeat([[1.0, 2.0]], 2, axis=1).tolist()
        [[1.0, 1.0, 2.0, 2.0]]
    """
    array = operand("repeat", x)
    if axis is None:
        if isinstance(array, Tensor):
            raise bad_value(
                "repeat", "axis", f"is needed for a symbolic tensor, whose batch stays: {array!r}"
            )
        array, axis = array.reshape(array.size), 0
    place = _axis("repeat", "axis", axis, array)
    _not_the_batch("repeat", "axis", place, array)
    size = array.shape[place]
    counts = list(repeats) if isinstance(repeats, list | tuple) else [repeats] * size
    if len(counts) != size:
        raise bad_value(
            "repeat", "repeats", f"expected {size} numbers, one for each place, got {len(counts)}"
        )
    times = [integer("repeat", "repeats", count, low=0) for count in counts]
    return take(array, [index for index, count in enumerate(times) for _ in range(count)], axis=place)


def tile(x: Any, repeats: int | Sequence[int]) -> Any:
    """`x` several times side by side along its axes.

    Args:
        x: a symbolic tensor, or real numbers.
        repeats: how often along each axis; fewer numbers are those of the last axes. 1 for the batch of a symbolic
            tensor.

    Raises:
        TypeError: not real numbers. ValueError: more numbers than axes, or batches side by side.

    Source: Keras 3 `ops.tile`.

    Example:
        >>> from densor import ops
        >>> ops.tile([[1.0, 2.0]], (2, 2)).tolist()
        [[1.0, 2.0, 1.0, 2.0], [1.0, 2.0, 1.0, 2.0]]
    """
    array = operand("tile", x)
    given = list(repeats) if isinstance(repeats, list | tuple) else [repeats]
    times = [integer("tile", "repeats", count, low=1) for count in given]
    if len(times) > array.ndim:
        raise bad_value(
            "tile", "repeats", f"expected at most {array.ndim} numbers for shape {array.shape}, got {times}"
        )
    for place, count in enumerate([1] * (array.ndim - len(times)) + times):
        if count > 1:
            _not_the_batch("tile", "repeats", place, array)
            array = concatenate([array] * count, axis=place)
    return array


def hstack(xs: Sequence[Any]) -> Any:
    """Arrays side by side: along the second axis, those of one axis along it.

    Raises:
        TypeError, ValueError: as `concatenate`.

    Source: Keras 3 `ops.hstack`.

    Example:
        >>> from densor import ops
        >>> ops.hstack([[[1.0], [2.0]], [[3.0], [4.0]]]).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
    """
    arrays = _listed("hstack", xs)
    return concatenate(arrays, axis=min(1, arrays[0].ndim - 1))


def vstack(xs: Sequence[Any]) -> Any:
    """Arrays below one another, those of one axis as rows; symbolic tensors cannot be, their batches stay apart.

    Raises:
        TypeError, ValueError: as `concatenate`.

    Source: Keras 3 `ops.vstack`.

    Example:
        >>> from densor import ops
        >>> ops.vstack([[1.0, 2.0], [3.0, 4.0]]).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    arrays = [item.reshape(1, item.size) if item.ndim == 1 else item for item in _listed("vstack", xs)]
    return concatenate(arrays, axis=0)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The parts of `x` along an axis, each without it.

    Args:
        x: a symbolic tensor, or real numbers.
        num: how many there are, if the caller wants to be sure. axis: of a symbolic tensor not the batch's.

    Raises:
        TypeError: not real numbers. ValueError: another number, or no such axis.

    Source: Keras 3 `ops.unstack`.

    Example:
        >>> from densor import ops
        >>> [part.tolist() for part in ops.unstack([[1.0, 2.0]], axis=1)]
        [[1.0], [2.0]]
    """
    array = operand("unstack", x)
    place = _axis("unstack", "axis", axis, array)
    _not_the_batch("unstack", "axis", place, array)
    size = array.shape[place]
    if num is not None and integer("unstack", "num", num) != size:
        raise bad_value(
            "unstack", "num", f"there are {size} along axis {axis} of shape {array.shape}, got {num}"
        )
    return [take(array, index, axis=place) for index in range(size)]


def ravel(x: Any) -> Any:
    """The values of an array in a row.

    Raises:
        TypeError: a symbolic tensor, whose batch stays (see `flatten`), or not real numbers.

    Source: Keras 3 `ops.ravel`.

    Example:
        >>> from densor import ops
        >>> ops.ravel([[1.0, 2.0]]).tolist()
        [1.0, 2.0]
    """
    if isinstance(x, Tensor):
        raise bad_type(
            "ravel", "x", f"{x!r} is symbolic, and its batch stays; flatten() makes a row of each row"
        )
    array = operand("ravel", x)
    return array.reshape(array.size)


def _listed(function: str, xs: Any) -> list[Any]:
    if not isinstance(xs, list | tuple):
        raise bad_type(function, "xs", f"must be a list of arrays, got {type(xs).__name__}")
    if not xs:
        raise bad_value(function, "xs", "expected at least one array, got none")
    arrays = [operand(function, item) for item in xs]
    if any(array.ndim == 0 for array in arrays):
        raise bad_value(function, "xs", "expected arrays with axes, got a number")
    return arrays


def _axis(function: str, argument: str, axis: Any, array: Any) -> int:
    """The axis counted from the front."""
    if not -array.ndim <= integer(function, argument, axis) < array.ndim:
        raise bad_value(function, argument, f"{axis} is outside the axes of shape {array.shape}")
    return int(axis) % int(array.ndim)


def _not_the_batch(function: str, argument: str, place: int, array: Any) -> None:
    if place == 0 and isinstance(array, Tensor):
        raise bad_value(
            function, argument, "the first axis of a symbolic tensor is the batch, which stays as it is"
        )
