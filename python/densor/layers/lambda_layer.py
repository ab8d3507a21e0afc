"""A function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from densor import activations
from densor._check import bad_type, unsupported
from densor.graph import Tensor
from densor.layers._registry import register
from densor.layers.layer import Layer

__all__ = ["Lambda"]


@register
class Lambda(Layer):
    """`y = function(inputs, **arguments)`, a function written in `densor.ops` and traced into the program.

    Args:
        function: takes symbolic tensors; `training` is passed if its signature has it.
        output_shape: ignored, the trace knows it. mask: None.
        arguments: further keyword arguments. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError: nothing that can be called. ValueError, when a model is saved: files hold no code, they name
            functions of `densor.activations` and registered ones (`densor.utils.register_keras_serializable`).

    Source: Keras 3 `Lambda`, whose files hold bytecode; those are refused.

    Example:
        >>> from densor import layers
        >>> layers.Lambda(lambda x: x * x)([[1.0, 3.0]]).tolist()
        [[1.0, 9.0]]
    """

    def __init__(
        self,
        function: Callable[..., Any] | str,
        output_shape: Any = None,
        mask: None = None,
        arguments: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        unsupported("Lambda", "mask", mask, None)
        if isinstance(function, str):
            function = activations.get(function)
        if not callable(function) or isinstance(function, type):
            raise bad_type("Lambda", "function", f"expected a function of tensors, got {function!r}")
        if arguments is not None and not isinstance(arguments, Mapping):
            raise bad_type("Lambda", "arguments", f"expected a dict of keyword arguments, got {arguments!r}")
        self.function = function
        self.arguments = dict(arguments or {})

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        arguments = dict(self.arguments)
        if "training" in inspect.signature(self.function).parameters:
            arguments["training"] = training
        return self.function(inputs, **arguments)

    def get_config(self) -> dict[str, Any]:
        own = {"function": activations.serialize(self.function), "arguments": self.arguments}
        return super().get_config() | own
