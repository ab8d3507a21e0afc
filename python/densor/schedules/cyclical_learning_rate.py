"""A learning rate that goes up and down between two bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates

_MODES = ("triangular", "triangular2", "exponential")


@register
class CyclicalLearningRate(FormulaSchedule):
    """rate(t) = low + (high - low) * max(0, 1 - |t / s - 2c + 1|) * scale, s = step_size, c = floor(1 + t / 2s).

    One cycle is a rise and a fall of `step_size` steps each. The scale is 1 ("triangular"), half of it with every
    cycle ("triangular2", 2^(1 - c)), or gamma^t ("exponential"). Source: Smith, "Cyclical learning rates for
    training neural networks" (2015).

    Args:
        initial_learning_rate: the lower bound, at least 0.
        maximal_learning_rate: the upper bound, not below the lower one.
        step_size: the number of steps of half a cycle, greater than 0; Smith: 2 to 8 epochs.
        mode: "triangular", "triangular2" or "exponential" ("triangular").
        gamma: of the exponential mode, in (0, 1] (1.0).
        name: only kept ("CyclicalLearningRate").

    Raises TypeError or ValueError for an argument outside these.

    >>> CyclicalLearningRate(0.0, 1.0, step_size=2).values(0, 6)
    array([0. , 0.5, 1. , 0.5, 0. , 0.5])
    """

    def __init__(
        self,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        mode: str = "triangular",
        gamma: float = 1.0,
        name: str = "CyclicalLearningRate",
    ) -> None:
        where = "CyclicalLearningRate"
        low = _check.number(where, "initial_learning_rate", initial_learning_rate, low=0)
        self.initial_learning_rate = low
        self.maximal_learning_rate = _check.number(
            where, "maximal_learning_rate", maximal_learning_rate, low=low
        )
        self.step_size = _check.number(where, "step_size", step_size, low=0, include_low=False)
        self.mode = _check.choice(where, "mode", mode, _MODES)
        self.gamma = _check.number(where, "gamma", gamma, 0, 1, include_low=False)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        cycle = np.floor(1.0 + t / (2.0 * self.step_size))
        height = np.maximum(0.0, 1.0 - np.abs(t / self.step_size - 2.0 * cycle + 1.0))
        scale: Any = 1.0
        if self.mode == "triangular2":
            scale = 2.0 ** (1.0 - cycle)
        elif self.mode == "exponential":
            scale = self.gamma**t
        span = self.maximal_learning_rate - self.initial_learning_rate
        rates: Rates = self.initial_learning_rate + span * height * scale
        return rates

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "maximal_learning_rate": self.maximal_learning_rate,
            "step_size": self.step_size,
            "mode": self.mode,
            "gamma": self.gamma,
            "name": self.name,
        }
