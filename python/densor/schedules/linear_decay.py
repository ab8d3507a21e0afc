"""A learning rate that falls along a straight line to zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates


@register
class LinearDecay(FormulaSchedule):
    """rate(t) = initial_learning_rate * (1 - min(t, T) / T), T = decay_steps: zero from step T on.

    Keras' `PolynomialDecay` with power 1 ends at 0.0001 instead, unless told otherwise.

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        decay_steps: the number of steps, greater than 0.
        name: only kept ("LinearDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> LinearDecay(0.1, decay_steps=10).values(8, 3).round(3)
    array([0.02, 0.01, 0.  ])
    """

    def __init__(self, initial_learning_rate: float, decay_steps: float, name: str = "LinearDecay") -> None:
        where = "LinearDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.decay_steps = _check.number(where, "decay_steps", decay_steps, low=0, include_low=False)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        return self.initial_learning_rate * (1.0 - np.minimum(t, self.decay_steps) / self.decay_steps)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "name": self.name,
        }
