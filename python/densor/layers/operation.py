"""A function of `densor.ops` between layers, as the layer that a functional model makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from densor import ops
from densor._check import bad_type, bad_value, show
from densor.graph import Tensor, Written
from densor.layers._naming import unique_name
from densor.layers._registry import register
from densor.layers.layer import Layer
from densor.ops._between import FORMULAS

__all__ = ["Operation"]


@register
class Operation(Layer):
    """`y = function(*arguments, **keywords)` on a list of inputs, which stand among the arguments.

    Args:
        function: a name of `densor.ops`.
        arguments, keywords: numbers, strings, None and lists of them; `{"input": n}` is the n-th input,
            `{"tuple": [...]}`, `{"slice": [start, stop, step]}`, `{"ellipsis": true}` and `{"array": [...]}` what JSON
            lacks. name, trainable, dtype: as for `Layer`.

    Raises:
        TypeError, ValueError: an unknown function, or other arguments.
    """

    def __init__(self, function: str, arguments: list[Any], keywords: dict[str, Any], **options: Any) -> None:
        if function not in FORMULAS:
            raise bad_value("Operation", "function", f"densor.ops has no formula {show(function)}")
        if not isinstance(arguments, list) or not isinstance(keywords, Mapping):
            raise bad_type("Operation", "arguments", "expected a list, and keywords in a dict")
        super().__init__(**options)
        self.function, self.arguments, self.keywords = function, arguments, dict(keywords)

    @classmethod
    def of(cls, written: Written) -> tuple[Operation, list[Tensor]]:
        """The layer that does what was written between layers, and its inputs."""
        inputs: list[Tensor] = []
        arguments = [_noted(written.function, item, inputs) for item in written.arguments]
        keywords = {key: _noted(written.function, item, inputs) for key, item in written.keywords.items()}
        return cls(written.function, arguments, keywords, name=unique_name(written.function)), inputs

    def call(self, inputs: list[Tensor]) -> Any:
        arguments = [_read(item, inputs) for item in self.arguments]
        keywords = {key: _read(item, inputs) for key, item in self.keywords.items()}
        return getattr(ops, self.function)(*arguments, **keywords)

    def _cast_inputs(self, inputs: Any) -> Any:
        return inputs  # a function computes in the dtype of what it gets

    def get_config(self) -> dict[str, Any]:
        own = {"function": self.function, "arguments": self.arguments, "keywords": self.keywords}
        return super().get_config() | own


def _noted(function: str, item: Any, inputs: list[Tensor]) -> Any:
    """An argument in the form of the configuration; tensors go to `inputs`."""
    if isinstance(item, Tensor):
        inputs.append(item)
        return {"input": len(inputs) - 1}
    if isinstance(item, tuple):
        return {"tuple": [_noted(function, part, inputs) for part in item]}
    if isinstance(item, list):
        return [_noted(function, part, inputs) for part in item]
    if isinstance(item, slice):
        return {"slice": [_noted(function, part, inputs) for part in (item.start, item.stop, item.step)]}
    if item is Ellipsis:
        return {"ellipsis": True}
    if isinstance(item, np.ndarray):
        return {"array": item.tolist()}
    if isinstance(item, np.generic):
        return item.item()
    if item is None or isinstance(item, bool | int | float | str):
        return item
    kind = type(item).__name__
    raise bad_type(function, "arguments", f"between layers there are tensors, numbers and arrays, no {kind}; "
                   "write it in a layer's call()")  # fmt: skip


def _read(item: Any, inputs: list[Tensor]) -> Any:
    """The argument that the configuration describes."""
    if isinstance(item, list):
        return [_read(part, inputs) for part in item]
    if not isinstance(item, Mapping):
        return item
    kind, value = next(iter(item.items())) if len(item) == 1 else (None, None)
    if kind == "input" and type(value) is int and 0 <= value < len(inputs):
        return inputs[value]
    if kind == "tuple" and isinstance(value, list):
        return tuple(_read(part, inputs) for part in value)
    if kind == "slice" and isinstance(value, list) and len(value) == 3:
        return slice(*value)
    if kind == "ellipsis":
        return Ellipsis
    if kind == "array" and isinstance(value, list):
        return np.asarray(value, np.float32)
    raise bad_value("Operation", "arguments", f"{show(item)} describes no argument")
