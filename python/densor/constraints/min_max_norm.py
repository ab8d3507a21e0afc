"""Constraints on the norms of the vectors that enter each unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _check, ops
from densor.constraints.constraint import Constraint
from densor.graph import Lowering, Variable
from densor.graph.lowering import Reshaped
from densor.ops.norm_constraint import vectors_along


class MinMaxNorm(Constraint):
    """`w * (rate * clip(n, min_value, max_value) + (1 - rate) * n) / (n + 1e-7)`, n the norms along `axis`.

    Args:
        min_value, max_value: 0 <= min_value <= max_value (0.0, 1.0).
        rate: in [0, 1]; 1 goes all the way in one step (1.0).
        axis: 0 is the vector that enters each unit of a `Dense`; a list for axes that follow one another (0).

    >>> MinMaxNorm(max_value=2.5)([[3.0], [4.0]]).round(3).tolist()
    [[1.5], [2.0]]
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        where = type(self).__name__
        self.min_value = _check.number(where, "min_value", min_value, low=0)
        self.max_value = _check.number(where, "max_value", max_value, low=self.min_value)
        self.rate = _check.number(where, "rate", rate, low=0, high=1)
        self.axis = _checked_axis(where, axis)

    def __call__(self, w: Any) -> NDArray[np.float32]:
        return ops.norm_constraint(w, self.min_value, self.max_value, self.rate, self.axis)

    def check(self, function: str, shape: tuple[int, ...]) -> None:
        vectors_along(function, self.axis, shape)

    def emit(self, lowering: Lowering, variable: Variable) -> None:
        shape = vectors_along(type(self).__name__, self.axis, variable.shape)
        w = Reshaped(variable, shape)
        lowering.emit("norm_constraint", w=w, low=self.min_value, high=self.max_value, rate=self.rate)

    def get_config(self) -> dict[str, Any]:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


class MaxNorm(MinMaxNorm):
    """`w * min(n, max_value) / (n + 1e-7)`, n the norms along `axis`.

    Args:
        max_value: at least 0 (2).
        axis: as for `MinMaxNorm` (0).

    Source: Srivastava et al. (2014), section 5.1.

    >>> MaxNorm(2.5)([[3.0], [4.0]]).round(3).tolist()
    [[1.5], [2.0]]
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        super().__init__(0.0, max_value, 1.0, axis)

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(MinMaxNorm):
    """`w / (n + 1e-7)`, n the norms along `axis`.

    Args:
        axis: as for `MinMaxNorm` (0).

    >>> UnitNorm()([3.0, 4.0]).round(3)
    array([0.6, 0.8], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        super().__init__(1.0, 1.0, 1.0, axis)

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


def _checked_axis(where: str, axis: object) -> int | list[int]:
    if isinstance(axis, list | tuple):
        axes = [_check.integer(where, "axis", a) for a in axis]
        if not axes:
            raise _check.bad_value(where, "axis", "must name at least one axis, got []")
        return axes
    return _check.integer(where, "axis", axis)
