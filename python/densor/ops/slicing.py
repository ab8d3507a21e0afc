"""Parts of arrays along an axis: `x[:, :2]`, split, take, stack, and axes of length 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from densor import _core
from densor._array import real_array
from densor._check import bad_type, bad_value, integer, show
from densor.graph import Lowering, Node, Tensor
from densor.ops._eager import empty, operand
from densor.ops.concatenate import concatenate
from densor.ops.reshape import ReshapeNode, identity

__all__ = ["SliceNode", "expand_dims", "get_item", "split", "squeeze", "stack", "take"]


class SliceNode(Node):
    """y = some places of x, side by side, along `axis` (>= 1): as matrices, some columns."""

    stem = "slice_columns"

    def __init__(self, x: Tensor, axis: int, first: int, count: int) -> None:
        self.after = math.prod(size for size in x.shape[axis + 1 :] if size is not None)
        self.first = first
        super().__init__([x], (*x.shape[:axis], count, *x.shape[axis + 1 :]))
        self.columns = [tensor.shape[axis] * self.after for tensor in (x, self.output)]  # type: ignore[operator]

    def forward(self, lowering: Lowering) -> None:
        wide, narrow = self.columns
        lowering.emit(
            "slice_columns",
            y=lowering.result(self.output, narrow),
            x=lowering.value(self.inputs[0], wide),
            first=self.first * self.after,
        )

    def backward(self, lowering: Lowering) -> None:
        wide, narrow = self.columns
        dx = lowering.contribution(self.inputs[0], wide)
        if dx is not None:
            dy = lowering.gradient(self.output, narrow)
            lowering.emit("slice_columns_backward", dx=dx, dy=dy, first=self.first * self.after)


def get_item(x: Any, key: Any) -> Any:
    """`x[key]`: places of the axes, of a symbolic tensor of those behind the batch; `tensor[key]` means the same.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers.
        key: what stands between the brackets: integers, slices, `...` and `None`; for the batch of a symbolic tensor
            `:` or `...`.

    Returns:
        A symbolic tensor, or a float32 array.

    Raises:
        TypeError: something else in the key. ValueError: a place that is not there, or of a symbolic tensor no place
            at all, or rows of the batch.

    Source: Keras 3 `ops.get_item`.

    Example:
        >>> import densor
        >>> x = densor.Input((4,))
        >>> x[:, 1:3].shape, x[:, -1].shape
        ((None, 2), (None,))
        >>> densor.ops.get_item([[1.0, 2.0, 3.0]], (slice(None), slice(None, None, 2))).tolist()
        [[1.0, 3.0]]
    """
    array = operand("get_item", x)
    shape: list[int | None] = []
    axis = 0  # of what is left of the array
    for part in _per_axis(key, array.shape):
        if part is None:
            shape.append(1)
            continue
        if axis or not isinstance(array, Tensor):
            places = _places(part, array.shape[axis], key)
            if isinstance(array, Tensor) and not places:
                raise bad_value("get_item", "key", f"{show(key)} leaves nothing of shape {array.shape}; symbolic "
                                "tensors have at least one value in a row")  # fmt: skip
            array = _taken(array, axis, places)
        elif part != slice(None):
            raise _not_the_batch("get_item", "key", key)
        if not isinstance(part, int):
            shape.append(array.shape[axis])
        axis += 1
    if isinstance(array, Tensor) and shape[:1] != [None]:
        raise _not_the_batch("get_item", "key", key)
    return _seen_as(array, tuple(shape))


def _per_axis(key: Any, shape: Sequence[int | None]) -> list[Any]:
    """One slice or integer for each axis, in order, and None for each new axis."""
    parts = list(key) if isinstance(key, tuple) else [key]
    for part in parts:
        number = isinstance(part, int | np.integer) and not isinstance(part, bool)
        if not (number or part is None or part is Ellipsis or isinstance(part, slice)):
            raise bad_type(
                "get_item",
                "key",
                f"takes integers, slices, `...` and None; ops.take() takes lists; got {show(part)}",
            )
    parts = [int(part) if isinstance(part, np.integer) else part for part in parts]
    given = sum(part is not None and part is not Ellipsis for part in parts)
    if given > len(shape) or sum(part is Ellipsis for part in parts) > 1:
        raise bad_value("get_item", "key", f"{show(key)} is no key for shape {tuple(shape)}")
    rest = [slice(None)] * (len(shape) - given)
    place = next((i for i, part in enumerate(parts) if part is Ellipsis), None)
    return [*parts, *rest] if place is None else [*parts[:place], *rest, *parts[place + 1 :]]


def _places(part: slice | int, size: int, key: Any) -> range:
    if isinstance(part, slice):
        try:
            found = range(size)[part]
        except (TypeError, ValueError) as error:
            raise bad_value("get_item", "key", f"{show(key)}: {error}") from None
        return found
    if not -size <= part < size:
        raise bad_value("get_item", "key", f"{part} is outside an axis of length {size}")
    return range(part % size, part % size + 1)


def take(x: Any, indices: int | Sequence[Any], axis: int | None = None) -> Any:
    """The places of an axis that `indices` names, in this order.

    Args:
        x: a symbolic tensor, or real numbers.
        indices: an integer, which takes the axis away, a list of them, or an array, whose axes then stand in the place
            of that one; negative ones count from the end.
        axis: any axis, of a symbolic tensor any but the batch's; negative counts from the last. None: that of all
            values in a row, of which a symbolic tensor has none.

    Returns:
        A symbolic tensor, or a float32 array.

    Raises:
        TypeError: not real numbers, or indices that are no integers. ValueError: an axis or a place that is not there.

    Source: Keras 3 `ops.take`, which takes symbolic indices as well.

    Example:
        >>> from densor import ops
        >>> ops.take([[1.0, 2.0, 3.0]], [2, 0], axis=1).tolist()
        [[3.0, 1.0]]
    """
    array = operand("take", x)
    if axis is None:
        if isinstance(array, Tensor):
            raise bad_value("take", "axis", f"is needed for a symbolic tensor, whose batch stays: {array!r}")
        array, axis = array.reshape(array.size), 0
    place = _axis("take", axis, array)
    size = array.shape[place]
    listed = real_array("take", "indices", list(indices) if isinstance(indices, range) else indices)
    if listed.size == 0 and isinstance(array, Tensor):
        raise bad_value("take", "indices", "expected at least one for a symbolic tensor, got none")
    flat = listed.reshape(-1).tolist()
    found = [integer("take", "indices", index, -size, size - 1) % size for index in flat]
    return _seen_as(
        _taken(array, place, found), (*array.shape[:place], *listed.shape, *array.shape[place + 1 :])
    )


def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Cut an array into parts along an axis.

    Args:
        x: a symbolic tensor, or real numbers.
        indices_or_sections: into how many equal parts, or the places at which all parts but the first begin.
        axis: any axis, of a symbolic tensor any but the batch's: give it, 0 is only Keras' default.

    Returns:
        A list of symbolic tensors, or of float32 arrays.

    Raises:
        TypeError: not real numbers, or places that are no integers. ValueError: parts that are not equal or empty, or
            an axis that is not there.

    Source: Keras 3 `ops.split`.

    Example:
        >>> from densor import ops
        >>> [part.tolist() for part in ops.split([[1.0, 2.0, 3.0]], [1], axis=1)]
        [[[1.0]], [[2.0, 3.0]]]
    """
    array = operand("split", x)
    place = _axis("split", axis, array)
    size = array.shape[place]
    if hasattr(indices_or_sections, "__len__"):
        cuts = [integer("split", "indices_or_sections", cut) for cut in indices_or_sections]  # type: ignore[union-attr]
    else:
        sections = integer("split", "indices_or_sections", indices_or_sections, low=1)
        if size % sections:
            raise bad_value(
                "split", "indices_or_sections", f"{sections} equal parts of length {size} do not exist"
            )
        cuts = list(range(size // sections, size, size // sections)) if size else []
    bounds = [0, *(cut + size if cut < 0 else cut for cut in cuts), size]
    if any(end <= begin for begin, end in pairwise(bounds)):
        raise bad_value(
            "split",
            "indices_or_sections",
            f"{show(indices_or_sections)} leaves a part of length {size} empty",
        )
    return [_taken(array, place, range(begin, end)) for begin, end in pairwise(bounds)]


def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Put arrays of one shape behind one another along a new axis.

    Args:
        x: a list of symbolic tensors, or of real numbers.
        axis: the place of the new axis, with symbolic tensors not before the batch: give it, 0 is only Keras' default.

    Raises:
        TypeError: no list, or symbolic tensors mixed with arrays. ValueError: shapes that differ, or no such axis.

    Source: Keras 3 `ops.stack`.

    Example:
        >>> from densor import ops
        >>> ops.stack([[1.0, 2.0], [3.0, 4.0]], axis=-1).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
    """
    if not isinstance(x, (list, tuple)):
        raise bad_type("stack", "x", f"must be a list of arrays, got {type(x).__name__}")
    arrays = [operand("stack", item) for item in x]
    if not arrays:
        raise bad_value("stack", "x", "expected at least one array, got none")
    place = _axis("stack", axis, arrays[0], new=True)
    for index, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise bad_value("stack", "x", f"shape {array.shape} of item {index} is not {arrays[0].shape}")
    return concatenate([_widened(array, place) for array in arrays], axis=place)


def expand_dims(x: Any, axis: int) -> Any:
    """`x` with a new axis of length 1 at this place; with symbolic tensors not before the batch.

    Raises:
        TypeError: not real numbers. ValueError: no such place.

    Source: Keras 3 `ops.expand_dims`.

    Example:
        >>> from densor import ops
        >>> ops.expand_dims([[1.0, 2.0]], -1).tolist()
        [[[1.0], [2.0]]]
    """
    array = operand("expand_dims", x)
    return _widened(array, _axis("expand_dims", axis, array, new=True))


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """`x` without axes of length 1: without this one, these, or by default all of them (never the batch's).

    Raises:
        TypeError: not real numbers. ValueError: an axis that is not there or is longer.

    Source: Keras 3 `ops.squeeze`.

    Example:
        >>> from densor import ops
        >>> ops.squeeze([[[1.0, 2.0]]], 1).tolist()
        [[1.0, 2.0]]
    """
    array = operand("squeeze", x)
    if axis is None:
        axes = [place for place, size in enumerate(array.shape) if size == 1]
    else:
        listed = list(axis) if isinstance(axis, (list, tuple)) else [axis]
        axes = [_axis("squeeze", item, array) for item in listed]
        if any(array.shape[place] != 1 for place in axes):
            raise bad_value("squeeze", "axis", f"{axis} is longer than 1 in shape {array.shape}")
    return _seen_as(array, tuple(size for place, size in enumerate(array.shape) if place not in axes))


def _axis(function: str, axis: Any, array: Any, new: bool = False) -> int:
    """The axis counted from the front; `new`: of the array that has one more."""
    places: int = array.ndim + new
    place = integer(function, "axis", axis)
    if not -places <= place < places:
        raise bad_value(function, "axis", f"{axis} is outside the axes of shape {array.shape}")
    place %= places
    if place == 0 and isinstance(array, Tensor):
        raise _not_the_batch(function, "axis", axis)
    return place


def _not_the_batch(function: str, argument: str, value: Any) -> ValueError:
    return bad_value(
        function,
        argument,
        f"the first axis of a symbolic tensor is the batch, which stays whole; got {show(value)}",
    )


def _widened(array: Any, place: int) -> Any:
    return _seen_as(array, (*array.shape[:place], 1, *array.shape[place:]))


def _seen_as(array: Any, shape: tuple[int | None, ...]) -> Any:
    """The same values under another shape."""
    if isinstance(array, Tensor):
        return array if array.shape == shape else ReshapeNode(array, shape).output
    return array.reshape(shape)


def _taken(array: Any, axis: int, places: Sequence[int]) -> Any:
    """These places of an axis, one copy for each run of them that has one stride."""
    if list(places) == list(range(array.shape[axis])):
        return identity(array)
    if len(places) == 0:
        return empty((*array.shape[:axis], 0, *array.shape[axis + 1 :]), array)
    parts: list[Any] = []
    done = 0
    while done < len(places):
        count, step = 1, 1
        if done + 1 < len(places) and places[done + 1] > places[done]:
            step = places[done + 1] - places[done]
            while done + count < len(places) and places[done + count] - places[done + count - 1] == step:
                count += 1
        parts += _run(array, axis, places[done], step, count)
        done += count
    return parts[0] if len(parts) == 1 else concatenate(parts, axis=axis)


def _run(array: Any, axis: int, first: int, step: int, count: int) -> list[Any]:
    """The places first, first + step and so on: of every group of `step` the first; the last group may be cut off."""
    if step == 1:
        return [_places_side_by_side(array, axis, first, count)]
    whole = count if first + count * step <= array.shape[axis] else count - 1
    before, after = array.shape[:axis], array.shape[axis + 1 :]
    parts = []
    if whole:
        groups = _seen_as(
            _places_side_by_side(array, axis, first, whole * step), (*before, whole, step, *after)
        )
        picked = _places_side_by_side(groups, axis + 1, 0, 1)
        parts.append(_seen_as(picked, (*before, whole, *after)))
    if whole < count:
        parts.append(_places_side_by_side(array, axis, first + whole * step, 1))
    return parts


def _places_side_by_side(array: Any, axis: int, first: int, count: int) -> Any:
    if isinstance(array, Tensor):
        return SliceNode(array, axis, first, count).output
    before, after = math.prod(array.shape[:axis]), math.prod(array.shape[axis + 1 :])
    y = empty((before, count * after), array)
    _core.slice_columns(y, array.reshape(before, array.shape[axis] * after), first * after).run()
    return y.reshape((*array.shape[:axis], count, *array.shape[axis + 1 :]))


Tensor.operators["get_item"] = get_item
