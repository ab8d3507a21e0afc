"""What every layer takes: keyword arguments, with an error for those that it does not, and inputs."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor._array import float32_array, real_array
from densor._check import bad_type, bad_value, boolean, positive_int, suggestion
from densor.graph import Tensor
from densor.graph.structure import flat
from densor.ops._weights import ALONE

__all__ = ["declared_shape", "input_array", "mode_of", "require_batches", "unknown_keyword"]

Shape = tuple[int | None, ...]


def declared_shape(function: str, keywords: dict[str, Any]) -> Shape | None:
    """Take `input_shape` or `input_dim` out of the keywords."""
    if "input_dim" in keywords:
        keywords.setdefault("input_shape", (keywords.pop("input_dim"),))
    shape = keywords.pop("input_shape", None)
    if shape is None:
        return None
    if not isinstance(shape, (list, tuple)):
        raise bad_type(function, "input_shape", f"expected a tuple of ints, got {shape!r}")
    return (None, *(positive_int(function, "input_shape", size) for size in shape))


def input_array(function: str, value: Any) -> NDArray[Any]:
    """An input of rows, of any real dtype."""
    array = real_array(function, "inputs", value)
    if array.ndim == 0:
        raise bad_value(function, "inputs", f"expected an array of rows, got the number {value!r}")
    # The gather converts every dtype; doubles are checked here for values beyond float32.
    return float32_array(function, "inputs", array) if array.dtype == np.float64 else array


def require_batches(function: str, tensors: Any, argument: str = "inputs") -> None:
    """Raise TypeError unless these are symbolic tensors, each with a batch."""
    for tensor in flat(tensors):
        if not isinstance(tensor, Tensor):
            kind = type(tensor).__name__
            raise bad_type(function, argument, f"expected only symbolic tensors, got {kind} as well")
        if tensor.of_weights:
            raise bad_type(function, argument, ALONE)


def mode_of(function: str, training: Any) -> bool:
    """The argument `training` of a call."""
    if isinstance(training, Tensor | np.ndarray):
        raise bad_type(
            function, "training", f"must be True or False, got an array or tensor of shape {training.shape}; several "
            "inputs go into a list, layer([a, b]), and call(self, inputs) takes it apart"
        )  # fmt: skip
    return boolean(function, "training", training)


def unknown_keyword(cls: type, keyword: str) -> TypeError:
    names = [
        name
        for base in cls.__mro__
        if base is not object and "__init__" in vars(base)
        for name, parameter in inspect.signature(vars(base)["__init__"]).parameters.items()
        if name != "self" and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    allowed = list(dict.fromkeys([*names, "input_shape", "input_dim", "learning_rate_multiplier"]))
    near = suggestion(keyword, allowed)
    return bad_type(
        cls.__name__, keyword, f"unexpected keyword argument{near}; there are {', '.join(allowed)}"
    )
