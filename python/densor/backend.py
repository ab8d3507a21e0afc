"""Keras' `backend`: the few functions of it that programs for Densor still need."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor._check import bad_type, show
from densor.config import backend as backend
from densor.config import epsilon as epsilon
from densor.config import floatx as floatx
from densor.config import set_epsilon as set_epsilon
from densor.config import set_floatx as set_floatx
from densor.graph import Tensor, Variable
from densor.layers import reset_names
from densor.optimizers.learning_rate import Reading

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "get_value", "is_keras_tensor", "set_epsilon", "set_floatx",
    "set_value",
]  # fmt: skip


def clear_session() -> None:
    """Count layer names from the start again: the next Dense is `dense`. Models stay as they are.

    Example:
        >>> import densor
        >>> densor.backend.clear_session()
        >>> densor.layers.Dense(3).name
        'dense'
    """
    reset_names()


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is symbolic: an `Input`, or what layers and operations make of one.

    Example:
        >>> import densor
        >>> densor.backend.is_keras_tensor(densor.Input((2,))), densor.backend.is_keras_tensor([1.0])
        (True, False)
    """
    return isinstance(x, Tensor)


def get_value(x: Any) -> NDArray[Any]:
    """The value of a variable, a learning rate or an array, as a new array.

    Example:
        >>> import densor
        >>> optimizer = densor.optimizers.SGD(0.5)
        >>> float(densor.backend.get_value(optimizer.learning_rate))
        0.5
    """
    return np.array(x)


def set_value(x: Any, value: Any) -> None:
    """Overwrite a variable, or the learning rate or the iterations of the optimizer that `x` was read from.

    Raises:
        TypeError: `x` is neither, or `value` is not real numbers.
        ValueError: `value` does not fit.
    """
    if not isinstance(x, Variable | Reading):
        raise bad_type("set_value", "x", f"must be a variable, a learning rate or iterations, got {show(x)}")
    x.assign(value)
