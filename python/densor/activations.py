"""Activation functions by name: `relu`, `sigmoid`, ... on symbolic tensors and arrays, as `keras.activations`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor import ops
from densor._check import bad_type, choice, show, unsupported
from densor.ops import elu as elu
from densor.ops import gelu as gelu
from densor.ops import leaky_relu as leaky_relu
from densor.ops import linear as linear
from densor.ops import selu as selu
from densor.ops import sigmoid as sigmoid
from densor.ops import silu as silu
from densor.ops import softplus as softplus
from densor.ops import swish as swish
from densor.ops import tanh as tanh

Activation = Callable[..., Any]


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """`max(x, 0)`, or `negative_slope * x` below 0; the derivative at 0 is 0 (that of leaky_relu is 1).

    Args:
        x: a symbolic tensor, or real numbers of any shape with at least one axis.
        negative_slope: >= 0.
        max_value, threshold: only None and 0.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: an argument out of range.

    Example:
        >>> from densor import activations
        >>> activations.relu([-2.0, 3.0], negative_slope=0.5).tolist()
        [-1.0, 3.0]
    """
    unsupported("relu", "max_value", max_value, None)
    unsupported("relu", "threshold", threshold, 0.0)
    return ops.relu(x, negative_slope)


def softmax(x: Any, axis: int = -1) -> Any:
    """Softmax over the last axis, `ops.softmax`; `axis` must be -1."""
    unsupported("softmax", "axis", axis, -1)
    return ops.softmax(x)


_FUNCTIONS: dict[str, Activation] = {
    "linear": linear,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "silu": silu,
    "swish": silu,
    "gelu": gelu,
    "softplus": softplus,
    "softmax": softmax,
}


def get(identifier: str | Activation | None) -> Activation:
    """The function for a name; a callable comes back as it is, None is `linear`.

    Raises:
        ValueError: an unknown name; the message lists the names and the nearest one.
        TypeError: neither a name nor callable.

    Example:
        >>> from densor import activations
        >>> activations.get("relu") is activations.relu
        True
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        return _FUNCTIONS[choice("activations.get", "identifier", identifier, _FUNCTIONS)]
    if callable(identifier):
        return identifier
    raise bad_type("activations.get", "identifier", f"must be a name or callable, got {show(identifier)}")


def serialize(activation: Activation) -> str:
    """The name of an activation function.

    Raises:
        ValueError: it is not one of this module, so that a file could not name it.
    """
    for name, function in _FUNCTIONS.items():
        if function is activation:
            return name
    known = ", ".join(_FUNCTIONS)
    raise ValueError(
        f"activations.serialize(): argument 'activation': {activation!r} cannot be written to a config; "
        f"use one of {known}, or a layer"
    )


def deserialize(name: str) -> Activation:
    """The function that `serialize` named."""
    return get(name)
