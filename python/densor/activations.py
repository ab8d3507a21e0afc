"""Activation functions by name: `relu`, `sigmoid`, ... on symbolic tensors and arrays, as `keras.activations`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor import ops
from densor._check import bad_type, choice, show
from densor._registry import function_name, own_object
from densor.ops import celu as celu
from densor.ops import elu as elu
from densor.ops import exp as exponential
from densor.ops import gelu as gelu
from densor.ops import glu as glu
from densor.ops import hard_shrink as hard_shrink
from densor.ops import hard_sigmoid as hard_sigmoid
from densor.ops import hard_silu as hard_silu
from densor.ops import hard_tanh as hard_tanh
from densor.ops import leaky_relu as leaky_relu
from densor.ops import linear as linear
from densor.ops import log_sigmoid as log_sigmoid
from densor.ops import log_softmax as log_softmax
from densor.ops import mish as mish
from densor.ops import relu6 as relu6
from densor.ops import selu as selu
from densor.ops import sigmoid as sigmoid
from densor.ops import silu as silu
from densor.ops import soft_shrink as soft_shrink
from densor.ops import softmax as softmax
from densor.ops import softplus as softplus
from densor.ops import softsign as softsign
from densor.ops import sparse_plus as sparse_plus
from densor.ops import sparse_sigmoid as sparse_sigmoid
from densor.ops import sparsemax as sparsemax
from densor.ops import squareplus as squareplus
from densor.ops import tanh as tanh
from densor.ops import tanh_shrink as tanh_shrink
from densor.ops import threshold as threshold

Activation = Callable[..., Any]

hard_swish = hard_silu
swish = silu


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """`x` above `threshold`, at most `max_value`; below it `negative_slope * (x - threshold)`.

    Args:
        x: a symbolic tensor, or real numbers of any shape with at least one axis.
        negative_slope: >= 0. max_value: >= 0, None for no bound. threshold: >= 0.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`. The derivative at 0 is 0, with a slope 1.

    Raises:
        TypeError: not real numbers. ValueError: an argument out of range.

    Example:
        >>> from densor import activations
        >>> activations.relu([-2.0, 3.0], negative_slope=0.5).tolist()
        [-1.0, 3.0]
    """
    return ops.bounded_relu(x, negative_slope, max_value, threshold)


_FUNCTIONS: dict[str, Activation] = {
    "linear": linear,
    "relu": relu,
    "relu6": relu6,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "celu": celu,
    "selu": selu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "silu": silu,
    "swish": silu,
    "gelu": gelu,
    "mish": mish,
    "exponential": exponential,
    "softplus": softplus,
    "softsign": softsign,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "log_sigmoid": log_sigmoid,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "hard_tanh": hard_tanh,
    "hard_shrink": hard_shrink,
    "soft_shrink": soft_shrink,
    "tanh_shrink": tanh_shrink,
    "threshold": threshold,
    "squareplus": squareplus,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "sparsemax": sparsemax,
    "glu": glu,
}


def get(identifier: str | Activation | None) -> Activation:
    """The function for a name; a callable comes back as it is, None is `linear`.

    Names are those of this module, and of the program's own functions that were registered
    (`utils.register_keras_serializable`) or stand in a `utils.custom_object_scope`.

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
        own: Activation | None = None if identifier in _FUNCTIONS else own_object(identifier)
        if own is not None:
            return own
        return _FUNCTIONS[choice("activations.get", "identifier", identifier, _FUNCTIONS)]
    if callable(identifier):
        return identifier
    raise bad_type("activations.get", "identifier", f"must be a name or callable, got {show(identifier)}")


def serialize(activation: Activation) -> str:
    """The name of an activation function.

    A function of the program's own is named as it was registered, or else by its `__name__`, under which
    `custom_objects` must know it where a file is read.

    Raises:
        ValueError: a function that no name can tell from others: a lambda, or one called like one of this module.

    Example:
        >>> from densor import activations
        >>> activations.serialize(activations.mish)
        'mish'
    """
    for name, function in _FUNCTIONS.items():
        if function is activation:
            return name
    return function_name("activations.serialize", "activation", activation, _FUNCTIONS)


def deserialize(name: str) -> Activation:
    """The function that `serialize` named."""
    return get(name)
