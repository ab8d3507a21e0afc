"""1cycle scheduling: up, down, and then nearly to zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates

_SHAPES = ("linear", "cosine")


@register
class OneCycle(FormulaSchedule):
    """The rate rises from start to peak in `rise_steps`, falls back to start, and ends at `final_learning_rate`.

    With f the share of a leg that is over, a leg from a to b is a + (b - a) * f, or with anneal="cosine"
    a + (b - a) * (1 - cos(pi * f)) / 2. By default the two long legs have equal length and the last one takes a
    tenth of the steps. With final_steps=0 the fall goes straight to final_learning_rate. From `total_steps` on the
    rate stays there. Sources: Smith, "A disciplined approach to neural network hyper-parameters" (2018); the
    defaults are those of Géron, "Hands-On Machine Learning", chapter 11.

    Args:
        max_learning_rate: the peak, greater than 0.
        total_steps: the number of steps of the whole cycle, at least 1.
        initial_learning_rate: where the rate starts (max_learning_rate / 10).
        final_learning_rate: where it ends (initial_learning_rate / 1000).
        rise_steps: the number of steps to the peak (half of what final_steps leaves).
        final_steps: the number of steps of the last leg (total_steps // 10 + 1).
        anneal: "linear" or "cosine" ("linear").
        momentum_range: (low, high), each in [0, 1), lets the momentum of SGD or RMSprop or beta_1 of the Adam
            family go from high to low while the rate rises, back while it falls, and stay high at the end;
            Smith's advice is (0.85, 0.95). None leaves it alone (None).
        name: only kept ("OneCycle").

    Raises TypeError or ValueError for an argument outside these.

    >>> OneCycle(1.0, total_steps=10).values(0, 9)
    array([0.1  , 0.325, 0.55 , 0.775, 1.   , 0.775, 0.55 , 0.325, 0.1  ])
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        initial_learning_rate: float | None = None,
        final_learning_rate: float | None = None,
        rise_steps: int | None = None,
        final_steps: int | None = None,
        anneal: str = "linear",
        momentum_range: Sequence[float] | None = None,
        name: str = "OneCycle",
    ) -> None:
        where = "OneCycle"
        self.max_learning_rate = _check.number(
            where, "max_learning_rate", max_learning_rate, low=0, include_low=False
        )
        self.total_steps = _check.positive_int(where, "total_steps", total_steps)
        start = self.max_learning_rate / 10 if initial_learning_rate is None else initial_learning_rate
        self.initial_learning_rate = _check.number(where, "initial_learning_rate", start, low=0)
        end = self.initial_learning_rate / 1000 if final_learning_rate is None else final_learning_rate
        self.final_learning_rate = _check.number(where, "final_learning_rate", end, low=0)
        last = self.total_steps // 10 + 1 if final_steps is None else final_steps
        self.final_steps = _check.integer(where, "final_steps", last, 0, self.total_steps)
        rest = self.total_steps - self.final_steps
        self.rise_steps = (
            None if rise_steps is None else _check.integer(where, "rise_steps", rise_steps, 0, rest)
        )
        self.anneal = _check.choice(where, "anneal", anneal, _SHAPES)
        self.momentum_range = _momentum_range(where, momentum_range)
        self.name = _check.optional_name(where, name, where)
        peak = rest // 2 if self.rise_steps is None else self.rise_steps
        back = 2 * peak if self.rise_steps is None and self.final_steps else rest
        self._corners = (0, peak, back, self.total_steps)

    def formula(self, t: Rates) -> Rates:
        start, end = self.initial_learning_rate, self.final_learning_rate
        back = start if self.final_steps else end
        return self._legs(t, (start, self.max_learning_rate, back, end))

    def momenta(self, first_step: int, steps: int) -> Rates | None:
        if self.momentum_range is None:
            return None
        low, high = self.momentum_range
        t = np.arange(first_step, first_step + steps, dtype=np.float64)
        return self._legs(t, (high, low, high, high))

    def _legs(self, t: Rates, heights: Sequence[float]) -> Rates:
        """The way from height to height between the corners; the last height ever after."""
        values = np.full(t.shape, heights[-1])
        for left, right, low, high in zip(
            self._corners, self._corners[1:], heights, heights[1:], strict=False
        ):
            inside = (t >= left) & (t < right)
            share = (t[inside] - left) / max(right - left, 1)
            if self.anneal == "cosine":
                share = 0.5 * (1.0 - np.cos(np.pi * share))
            values[inside] = low + (high - low) * share
        return values

    def get_config(self) -> dict[str, Any]:
        return {
            "max_learning_rate": self.max_learning_rate,
            "total_steps": self.total_steps,
            "initial_learning_rate": self.initial_learning_rate,
            "final_learning_rate": self.final_learning_rate,
            "rise_steps": self.rise_steps,
            "final_steps": self.final_steps,
            "anneal": self.anneal,
            "momentum_range": None if self.momentum_range is None else list(self.momentum_range),
            "name": self.name,
        }


def _momentum_range(where: str, value: Sequence[float] | None) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise _check.bad_type(where, "momentum_range", f"must be two numbers, got {_check.show(value)}")
    low, high = (_check.number(where, "momentum_range", end, 0, 1, include_high=False) for end in value)
    if low > high:
        raise _check.bad_value(where, "momentum_range", f"must be (low, high), got {_check.show(value)}")
    return low, high
