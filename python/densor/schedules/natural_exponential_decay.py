"""Exponential decay with the base e."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates


@register
class NaturalExponentialDecay(FormulaSchedule):
    """rate(t) = initial_learning_rate * exp(-k * t).

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        k: how fast the rate falls, per step, at least 0.
        name: only kept ("NaturalExponentialDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> round(NaturalExponentialDecay(1.0, k=0.5)(2), 6)
    0.367879
    """

    def __init__(self, initial_learning_rate: float, k: float, name: str = "NaturalExponentialDecay") -> None:
        where = "NaturalExponentialDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.k = _check.number(where, "k", k, low=0)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        return self.initial_learning_rate * np.exp(-self.k * t)

    def get_config(self) -> dict[str, Any]:
        return {"initial_learning_rate": self.initial_learning_rate, "k": self.k, "name": self.name}
