"""Power scheduling, and its forms that have names of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates


@register
class PowerDecay(FormulaSchedule):
    """rate(t) = initial_learning_rate / (1 + t / decay_steps)^power.

    After decay_steps steps the rate has fallen to a half (power 1), after as many again to a third, and so on:
    ever more slowly. Source: Géron, "Hands-On Machine Learning", chapter 11, "power scheduling".

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        decay_steps: the number of steps that make one unit of time, greater than 0.
        power: the exponent, at least 0 (1.0).
        staircase: whether t / decay_steps is rounded down (False).
        name: only kept ("PowerDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> PowerDecay(0.1, decay_steps=10, power=2.0)(10)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        power: float = 1.0,
        staircase: bool = False,
        name: str = "PowerDecay",
    ) -> None:
        where = "PowerDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.decay_steps = _check.number(where, "decay_steps", decay_steps, low=0, include_low=False)
        self.power = _check.number(where, "power", power, low=0)
        self.staircase = _check.boolean(where, "staircase", staircase)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        stage = t / self.decay_steps
        if self.staircase:
            stage = np.floor(stage)
        rates: Rates = self.initial_learning_rate / (1.0 + stage) ** self.power
        return rates

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "power": self.power,
            "staircase": self.staircase,
            "name": self.name,
        }


@register
class TimeBasedDecay(FormulaSchedule):
    """rate(t) = initial_learning_rate / (1 + k * t): the "1/t decay", and what Keras 2 meant by `decay=k`.

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        k: how fast the rate falls, per step, at least 0.
        name: only kept ("TimeBasedDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> TimeBasedDecay(0.1, k=0.5)(2)
    0.05
    """

    def __init__(self, initial_learning_rate: float, k: float, name: str = "TimeBasedDecay") -> None:
        where = "TimeBasedDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.k = _check.number(where, "k", k, low=0)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        return self.initial_learning_rate / (1.0 + self.k * t)

    def get_config(self) -> dict[str, Any]:
        return {"initial_learning_rate": self.initial_learning_rate, "k": self.k, "name": self.name}


@register
class InverseSquareRootDecay(FormulaSchedule):
    """rate(t) = initial_learning_rate / sqrt(1 + t / decay_steps).

    With decay_steps = 1 it is a / sqrt(n) for the steps n = 1, 2, ...

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        decay_steps: the number of steps that make one unit of time, greater than 0 (1).
        name: only kept ("InverseSquareRootDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> InverseSquareRootDecay(0.1)(3)
    0.05
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: float = 1, name: str = "InverseSquareRootDecay"
    ) -> None:
        where = "InverseSquareRootDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.decay_steps = _check.number(where, "decay_steps", decay_steps, low=0, include_low=False)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        return self.initial_learning_rate / np.sqrt(1.0 + t / self.decay_steps)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "name": self.name,
        }
