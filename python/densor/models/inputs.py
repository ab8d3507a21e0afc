"""How the features of a model are given: one array, a list of arrays, or a dict by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from densor._check import bad_type, bad_value, suggestion
from densor.graph import Tensor
from densor.graph.structure import flat, packed
from densor.models.data import Array, as_features

__all__ = ["Inputs", "arrays_of_any_shape"]

Shape = tuple[int, ...]


class Inputs:
    """The inputs of a built model.

    Args:
        structure: its symbolic tensors: one, a list or a dict.
        names: of the inputs, in the order of `structure`; by default the keys of the dict, or the tensors' names.
    """

    def __init__(self, structure: Any, names: Sequence[str] | None = None) -> None:
        tensors: list[Tensor] = flat(structure)
        self.structure = structure
        self.keys = list(structure) if isinstance(structure, Mapping) else []
        self.names = list(names or self.keys) or [
            tensor.name or f"input_{place}" for place, tensor in enumerate(tensors, start=1)
        ]
        self.shapes: list[Shape] = [
            tuple(size for size in tensor.shape[1:] if size is not None) for tensor in tensors
        ]
        self.one = len(tensors) == 1 and not self.keys

    def by_place(self, function: str, value: Any, argument: str = "inputs") -> list[Any]:
        """The parts of a list, or of a dict by the inputs' names or keys, in the order of the inputs.

        Raises:
            TypeError: something that cannot be several inputs. ValueError: too many, too few, or an unknown name.
        """
        count = len(self.shapes)
        if isinstance(value, Mapping):
            names = self.keys if value and set(value) <= set(self.keys) else self.names
            for name in value:
                if name not in names:
                    near = suggestion(name, names)
                    raise bad_value(
                        function, argument, f"there is no input {name!r}{near}; there are {names}"
                    )
            if missing := [name for name in names if name not in value]:
                raise bad_value(function, argument, f"input {missing[0]!r} is missing")
            return [value[name] for name in names]
        if self.one and not (isinstance(value, list | tuple) and len(value) == 1 and _is_part(value[0])):
            return [value]
        if not isinstance(value, list | tuple):
            raise bad_type(
                function, argument,
                f"the model has {count} inputs; give a list or a dict of them {self.names}, got {type(value).__name__}",
            )  # fmt: skip
        if len(value) != count:
            raise bad_value(function, argument, f"expected {count} inputs {self.names}, got {len(value)}")
        return list(value)

    def arrays(self, function: str, value: Any, argument: str = "x") -> tuple[Array, ...]:
        """The checked arrays of features, with as many rows each."""
        if self.one:
            # `predict` of one row passes here: asking an array whether it is a dict or a list takes a microsecond.
            if type(value) is not np.ndarray:
                (value,) = self.by_place(function, value, argument)
            return (as_features(function, argument, value, self.shapes[0]),)
        found = []
        for name, part, shape in zip(
            self.names, self.by_place(function, value, argument), self.shapes, strict=True
        ):
            try:
                found.append(as_features(function, argument, part, shape))
            except (TypeError, ValueError) as error:
                raise type(error)(str(error).replace("': ", f"': input '{name}': ", 1)) from None
        return _equally_long(function, argument, self.names, found)


def arrays_of_any_shape(function: str, value: Any, argument: str = "x") -> tuple[Any, tuple[Array, ...]]:
    """The features for a model that is not built: their form, and the arrays."""
    several = isinstance(value, list | tuple) and len(value) > 1 and all(map(_is_part, value))
    if not several and not isinstance(value, Mapping):
        return None, (as_features(function, argument, value, None),)
    names = list(value) if isinstance(value, Mapping) else [str(place) for place in range(len(value))]
    arrays = [as_features(function, argument, part, None) for part in flat(value)]
    return packed(value, names), _equally_long(function, argument, names, arrays)


def _is_part(value: Any) -> bool:
    """Whether a thing in a list is an input of its own, and not a row of numbers."""
    return getattr(value, "ndim", 0) > 1 or hasattr(value, "columns")


def _equally_long(
    function: str, argument: str, names: Sequence[str], arrays: Sequence[Array]
) -> tuple[Array, ...]:
    for name, array in zip(names, arrays, strict=True):
        if len(array) != len(arrays[0]):
            raise bad_value(
                function, argument,
                f"input {name!r} has {len(array)} rows, input {names[0]!r} has {len(arrays[0])}",
            )  # fmt: skip
    return tuple(arrays)
