"""Exponential decay of the learning rate."""

from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates


@register
class ExponentialDecay(FormulaSchedule):
    """rate(t) = initial_learning_rate * decay_rate ^ (t / decay_steps).

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        decay_steps: the number of steps that multiply the rate by `decay_rate` once, greater than 0.
        decay_rate: the factor, at least 0.
        staircase: whether t / decay_steps is rounded down, so that the rate falls in stairs (False).
        name: only kept ("ExponentialDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        where = "ExponentialDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.decay_steps = _check.number(where, "decay_steps", decay_steps, low=0, include_low=False)
        self.decay_rate = _check.number(where, "decay_rate", decay_rate, low=0)
        self.staircase = _check.boolean(where, "staircase", staircase)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        stage = t / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (np.floor(stage) if self.staircase else stage)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }
