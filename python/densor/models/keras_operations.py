"""Functions of `densor.ops` between layers, as `.keras` files have them: operations, which are no layers.

Keras writes the class of an operation, what its constructor takes, and for its call everything else: tensors, numbers,
arrays, the key of a slice. Class and arguments are named as here but for `_CLASSES`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from densor import ops
from densor._check import bad_value, show
from densor.layers.operation import Operation
from densor.ops._between import FORMULAS

__all__ = ["described", "is_operation", "operation_of"]

_MODULE = "keras.src.ops."
# Parameters without a default that go to the call.
_OPERANDS = {"x", "xs", "a", "b", "x1", "x2", "condition", "indices", "key", "variable"}
_NOT_IN_KERAS = {
    "bounded_relu",
    "flatten",
    "linear",
    "mish",
    "rescale",
    "sparsemax",
    "unit_norm",
}  # or not the same
# Arguments that Keras has not, and their only value there.
_OURS = {("relu", "negative_slope"): 0.0, ("silu", "beta"): 1.0}
_DTYPES = (None, "float32", "bfloat16", "bool")  # to which symbolic tensors are cast as in Keras
# What Keras writes about arguments that Densor has not, where they change nothing.
_WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    "initial": (None,), "decimals": (0,), "dtype": (None, "float32"), "sparse": (None, False), "ragged": (None, False),
    "axis": (-1,),
}  # fmt: skip


def _class_of(function: str) -> str:
    return "".join(part.capitalize() for part in function.split("_"))


_CLASSES = {_class_of(name): name for name in FORMULAS if name not in _NOT_IN_KERAS} | {
    "TrueDivide": "divide"
}
_PLACES = (
    dict.fromkeys(("cast", "convert_to_tensor"), "core")
    | dict.fromkeys(("erf", "logsumexp", "rsqrt"), "math")
    | {"norm": "linalg", "stop_gradient": "core", "unstack": "core"}
)
_ACTIVATIONS = {
    "celu", "elu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "log_sigmoid",
    "log_softmax", "one_hot", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh_shrink", "threshold",
}  # fmt: skip


def _parameters(function: str) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(getattr(ops, function)).parameters


def _operands(function: str) -> list[str]:
    """The names of what goes to the call, in order."""
    return [
        name
        for name, parameter in _parameters(function).items()
        if name in _OPERANDS and parameter.default is parameter.empty
    ]


def described(operation: Operation, inputs: Sequence[Any]) -> tuple[dict[str, Any], list[Any]]:
    """What Keras writes of an operation, and the arguments of its call on these inputs, as they are named there.

    Raises:
        ValueError: Keras has no such operation, or not with these arguments.
    """
    function = operation.function
    bound = inspect.signature(getattr(ops, function)).bind(*operation.arguments, **operation.keywords)
    bound.apply_defaults()
    values = {name: _written(value, inputs) for name, value in bound.arguments.items()}
    arguments = [values.pop(name) for name in _operands(function)]
    settings: dict[str, Any] = {"name": operation.name}
    for name, value in values.items():
        if (function, name) in _OURS and value == _OURS[function, name]:
            continue
        if (function, name) in _OURS or _has_tensor(value):
            raise _not_in_keras(operation, f"{name}={show(bound.arguments[name])}")
        settings[name] = value
    if function in _NOT_IN_KERAS:
        raise _not_in_keras(operation, f"the function {function}()")
    name = _class_of(function)
    place = "nn" if function in _ACTIVATIONS else _PLACES.get(function, "numpy")
    config = {"module": _MODULE + place, "class_name": name, "config": settings, "registered_name": name}
    return config, arguments


def _not_in_keras(operation: Operation, what: str) -> ValueError:
    return bad_value(
        "save", "filepath", f"{operation.name!r}: {what} is not in Keras; save under a name that does not end in .keras"
    )  # fmt: skip


def _written(value: Any, inputs: Sequence[Any]) -> Any:
    """An argument as Keras writes it."""
    if isinstance(value, list | tuple):
        return [_written(item, inputs) for item in value]
    if not isinstance(value, Mapping):
        return value
    ((kind, content),) = value.items()
    if kind == "input":
        return inputs[content]
    if kind == "tuple":
        return [_written(item, inputs) for item in content]
    if kind == "slice":
        return {"class_name": "__slice__", "config": dict(zip(_SLICE, content, strict=True))}
    if kind == "ellipsis":
        return {"class_name": "__ellipsis__", "config": {}}
    return {"class_name": "__numpy__", "config": {"value": content, "dtype": "float32"}}


_SLICE = ("start", "stop", "step")


def _has_tensor(value: Any) -> bool:
    return any(map(_has_tensor, value)) if isinstance(value, list) else isinstance(value, Mapping)


def is_operation(config: Any) -> bool:
    """Whether a configuration in a `.keras` file is that of an operation made here."""
    if not isinstance(config, Mapping):
        return False
    module, name = config.get("module"), config.get("class_name")
    return (
        isinstance(module, str) and module.startswith(_MODULE) and isinstance(name, str) and name in _CLASSES
    )


def operation_of(config: Mapping[str, Any]) -> tuple[Operation, list[Any]]:
    """The operation of a configuration, and the origins (layer, call, number) of its inputs.

    Raises:
        TypeError, ValueError: not the configuration of an operation, or arguments that Densor does not support.
    """
    name, settings, nodes = config["class_name"], config.get("config"), config.get("inbound_nodes")
    function = _CLASSES[name]
    node = nodes[0] if isinstance(nodes, list) and len(nodes) == 1 else None
    given = node.get("args") if isinstance(node, Mapping) else None
    if not isinstance(settings, Mapping) or not isinstance(given, list):
        raise TypeError(f"the operation {name} must have a configuration and one call with arguments")
    named = node.get("kwargs") if isinstance(node, Mapping) else None
    operands = _operands(function)
    if len(given) != len(operands) or named:
        raise ValueError(
            f"{name}: a call must have {len(operands)} arguments and none by name, "
            f"got {len(given)} and {show(named or {})}"
        )
    histories: list[Any] = []
    arguments = [_read(item, histories) for item in given]
    if function == "get_item" and isinstance(arguments[1], list):
        arguments[1] = {"tuple": arguments[1]}
    keywords = _keywords(name, function, settings)
    return Operation(function, arguments, keywords, name=settings.get("name")), histories


def _keywords(name: str, function: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    known = set(_parameters(function)) - set(_operands(function))
    keywords: dict[str, Any] = {}
    for key, value in settings.items():
        if key in known and (key != "dtype" or value in _DTYPES):
            keywords[key] = _read(value, None)
        elif key != "name" and value not in _WITHOUT_EFFECT.get(key, ()):
            raise ValueError(f"{name}: the argument {key}={show(value)} is not supported")
    return keywords


def _read(value: Any, histories: list[Any] | None) -> Any:
    """An argument as `Operation` takes it; the origins of tensors go to `histories` (None: there are none)."""
    if isinstance(value, list):
        return [_read(item, histories) for item in value]
    if not isinstance(value, Mapping):
        return value
    kind, settings = value.get("class_name"), value.get("config")
    if kind == "__tuple__" and isinstance(value.get("items"), list):
        return {"tuple": _read(value["items"], histories)}
    if isinstance(settings, Mapping):
        if kind == "__keras_tensor__" and histories is not None:
            histories.append(settings.get("keras_history"))
            return {"input": len(histories) - 1}
        if kind == "__slice__":
            return {"slice": [settings.get(key) for key in _SLICE]}
        if kind == "__ellipsis__":
            return {"ellipsis": True}
        if kind == "__numpy__" and isinstance(settings.get("value"), list):
            return {"array": settings["value"]}
    raise TypeError(f"{show(value)} describes no argument of a function")
