"""A warm-up in front of any schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import deserialize, register, serialize
from densor.schedules.learning_rate_schedule import LearningRateSchedule, Rates, Steps


@register
class WarmUp(LearningRateSchedule):
    """rate(t) = a + (b - a) * t / warmup_steps while t < warmup_steps, then the schedule's rate of t - warmup_steps.

    a is `initial_learning_rate`, b the first rate of the schedule.

    Args:
        learning_rate: the schedule that follows, its configuration, or a float for a constant rate.
        warmup_steps: the number of steps of the warm-up, at least 0.
        initial_learning_rate: the rate of step 0, at least 0 (0.0).
        name: only kept ("WarmUp").

    Raises TypeError or ValueError for an argument outside these.

    >>> from densor.schedules import LinearDecay
    >>> WarmUp(LinearDecay(1.0, 4), warmup_steps=2).values(0, 7)
    array([0.  , 0.5 , 1.  , 0.75, 0.5 , 0.25, 0.  ])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any],
        warmup_steps: int,
        initial_learning_rate: float = 0.0,
        name: str = "WarmUp",
    ) -> None:
        where = "WarmUp"
        if isinstance(learning_rate, Mapping):
            learning_rate = deserialize(learning_rate)
        if not isinstance(learning_rate, LearningRateSchedule):
            learning_rate = _check.number(where, "learning_rate", learning_rate, low=0)
        self.learning_rate = learning_rate
        self.warmup_steps = _check.integer(where, "warmup_steps", warmup_steps, low=0)
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.name = _check.optional_name(where, name, where)

    def __call__(self, step: Steps) -> Any:
        t = np.asarray(step)
        if t.dtype.kind not in "iuf":
            raise _check.bad_type(
                "WarmUp", "step", f"must be a number or an array of them, got {_check.show(step)}"
            )
        rates = [float(self.values(int(one), 1)[0]) for one in np.atleast_1d(t).reshape(-1)]
        return np.reshape(rates, t.shape) if t.ndim else rates[0]

    def values(self, first_step: int, steps: int) -> Rates:
        rising = max(0, min(self.warmup_steps - first_step, steps))
        rates = np.empty(steps)
        if rising:
            peak = self._after(0, 1)[0]
            t = np.arange(first_step, first_step + rising, dtype=np.float64)
            rates[:rising] = (
                self.initial_learning_rate + (peak - self.initial_learning_rate) * t / self.warmup_steps
            )
        if rising < steps:
            rates[rising:] = self._after(first_step + rising - self.warmup_steps, steps - rising)
        return rates

    def momenta(self, first_step: int, steps: int) -> Rates | None:
        if not isinstance(self.learning_rate, LearningRateSchedule):
            return None
        first = self.learning_rate.momenta(0, 1)
        if first is None:
            return None
        rising = max(0, min(self.warmup_steps - first_step, steps))
        later = self.learning_rate.momenta(first_step + rising - self.warmup_steps, steps - rising)
        return np.concatenate([np.full(rising, first[0]), [] if later is None else later])

    def _after(self, first_step: int, steps: int) -> Rates:
        if isinstance(self.learning_rate, LearningRateSchedule):
            return np.asarray(self.learning_rate.values(first_step, steps), np.float64)
        return np.full(steps, self.learning_rate)

    def get_config(self) -> dict[str, Any]:
        rate = self.learning_rate
        return {
            "learning_rate": serialize(rate) if isinstance(rate, LearningRateSchedule) else rate,
            "warmup_steps": self.warmup_steps,
            "initial_learning_rate": self.initial_learning_rate,
            "name": self.name,
        }
