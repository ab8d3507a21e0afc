"""Decay of the learning rate with the inverse of time."""

from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates


@register
class InverseTimeDecay(FormulaSchedule):
    """rate(t) = initial_learning_rate / (1 + decay_rate * t / decay_steps).

    Power scheduling with exponent 1 in Géron's words.

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        decay_steps: the number of steps that make one unit of time, greater than 0.
        decay_rate: how much a unit of time adds to the divisor, at least 0.
        staircase: whether t / decay_steps is rounded down (False).
        name: only kept ("InverseTimeDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(30)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        where = "InverseTimeDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.decay_steps = _check.number(where, "decay_steps", decay_steps, low=0, include_low=False)
        self.decay_rate = _check.number(where, "decay_rate", decay_rate, low=0)
        self.staircase = _check.boolean(where, "staircase", staircase)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        stage = t / self.decay_steps
        if self.staircase:
            stage = np.floor(stage)
        return self.initial_learning_rate / (1.0 + self.decay_rate * stage)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }
