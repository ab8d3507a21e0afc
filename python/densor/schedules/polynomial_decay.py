"""Polynomial decay of the learning rate to an end value."""

from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates


@register
class PolynomialDecay(FormulaSchedule):
    """rate(t) = (initial_learning_rate - end_learning_rate) * (1 - min(t, T) / T) ^ power + end_learning_rate.

    T = decay_steps; with `cycle`, T is the smallest multiple of decay_steps that is at least t, and t is not cut.

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        decay_steps: the number of steps of the decay, greater than 0.
        end_learning_rate: the rate after them, at least 0 (0.0001, as in Keras: not 0).
        power: the exponent, at least 0; 1 is a straight line (1.0).
        cycle: whether the rate rises again after the end, over ever longer cycles (False).
        name: only kept ("PolynomialDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> PolynomialDecay(0.5, decay_steps=100, end_learning_rate=0.0)(50)
    0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        where = "PolynomialDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.decay_steps = _check.number(where, "decay_steps", decay_steps, low=0, include_low=False)
        self.end_learning_rate = _check.number(where, "end_learning_rate", end_learning_rate, low=0)
        self.power = _check.number(where, "power", power, low=0)
        self.cycle = _check.boolean(where, "cycle", cycle)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        if self.cycle:
            fraction = t / (self.decay_steps * np.maximum(np.ceil(t / self.decay_steps), 1.0))
        else:
            fraction = np.minimum(t, self.decay_steps) / self.decay_steps
        span = self.initial_learning_rate - self.end_learning_rate
        return span * (1.0 - fraction) ** self.power + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }
