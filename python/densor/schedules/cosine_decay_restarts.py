"""Cosine decay of the learning rate with warm restarts."""

from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates


@register
class CosineDecayRestarts(FormulaSchedule):
    """rate(t) = initial_learning_rate * ((1 - alpha) * m_mul^i * (1 + cos(pi * f)) / 2 + alpha).

    i is the number of the cycle that t is in, and f in [0, 1) how much of it has passed. Cycle i is
    first_decay_steps * t_mul^i steps long. Source: Loshchilov and Hutter, "SGDR" (2016).

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        first_decay_steps: the length of the first cycle in steps, greater than 0.
        t_mul: how much longer each cycle is than the one before, at least 1 (2.0).
        m_mul: how much higher each cycle starts than the one before, at least 0 (1.0).
        alpha: the lowest rate as a fraction of the initial one, in [0, 1] (0.0).
        name: only kept ("SGDRDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> CosineDecayRestarts(0.1, first_decay_steps=10).values(9, 2).round(4)
    array([0.0024, 0.1   ])
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        where = "CosineDecayRestarts"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.first_decay_steps = _check.number(
            where, "first_decay_steps", first_decay_steps, 0, include_low=False
        )
        self.t_mul = _check.number(where, "t_mul", t_mul, low=1)
        self.m_mul = _check.number(where, "m_mul", m_mul, low=0)
        self.alpha = _check.number(where, "alpha", alpha, low=0, high=1)
        self.name = _check.optional_name(where, name, "SGDRDecay")

    def formula(self, t: Rates) -> Rates:
        time = t / self.first_decay_steps  # in first cycles
        cycle = self._cycle(time)
        passed = (time - self._start(cycle)) / self.t_mul**cycle
        height = 0.5 * self.m_mul**cycle * (1.0 + np.cos(np.pi * passed))
        return self.initial_learning_rate * ((1.0 - self.alpha) * height + self.alpha)

    def _cycle(self, time: Rates) -> Rates:
        if self.t_mul == 1.0:
            return np.floor(time)
        cycle: Rates = np.floor(np.log1p(time * (self.t_mul - 1.0)) / np.log(self.t_mul))
        # The logarithms may round to the wrong side of a restart.
        cycle += self._start(cycle + 1.0) <= time
        cycle -= self._start(cycle) > time
        return cycle

    def _start(self, cycle: Rates) -> Rates:
        """When `cycle` starts: 1 + t_mul + ... + t_mul^(cycle - 1)."""
        if self.t_mul == 1.0:
            return cycle
        start: Rates = (self.t_mul**cycle - 1.0) / (self.t_mul - 1.0)
        return start

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
