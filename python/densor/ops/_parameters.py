"""Variables of any shape, one value per column, as the vectors that the kernels read."""

from __future__ import annotations

import math
from typing import Any

from densor.graph import Variable
from densor.graph.lowering import Reshaped
from densor.ops._eager import parameter

__all__ = ["column_parameter", "vector"]


def column_parameter(function: str, argument: str, value: Any, columns: int) -> Variable:
    """A variable with `columns` values, whatever its shape; an array must have shape (columns,)."""
    shape = value.shape if isinstance(value, Variable) else (columns,)
    return parameter(function, argument, value, shape if math.prod(shape) == columns else (columns,))


def vector(variable: Variable | None) -> Variable | Reshaped | None:
    """The variable as one axis of values."""
    return variable if variable is None or len(variable.shape) == 1 else Reshaped(variable, (variable.size,))
