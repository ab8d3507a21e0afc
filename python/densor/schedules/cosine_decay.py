"""A learning rate that falls along half a cosine, after an optional linear warm-up."""

from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates


@register
class CosineDecay(FormulaSchedule):
    """rate(t) = peak * ((1 - alpha) * (1 + cos(pi * min(s, T) / T)) / 2 + alpha), T = decay_steps.

    Without `warmup_target`, peak = initial_learning_rate and s = t. With it, the rate first rises in a straight
    line from initial_learning_rate to peak = warmup_target over warmup_steps; then s = t - warmup_steps.
    Source: Loshchilov and Hutter, "SGDR" (2016).

    Args:
        initial_learning_rate: the rate of step 0, at least 0.
        decay_steps: the number of steps of the decay, not counting the warm-up, greater than 0.
        alpha: the rate after them as a fraction of the peak, in [0, 1] (0.0).
        name: only kept ("CosineDecay").
        warmup_target: the rate after the warm-up, or None for no warm-up.
        warmup_steps: the number of steps of the warm-up, at least 0 (0).

    Raises TypeError or ValueError for an argument outside these.

    >>> CosineDecay(0.1, decay_steps=100)(50)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        where = "CosineDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.decay_steps = _check.number(where, "decay_steps", decay_steps, low=0, include_low=False)
        self.alpha = _check.number(where, "alpha", alpha, low=0, high=1)
        self.name = _check.optional_name(where, name, where)
        self.warmup_target: float | None = None
        if warmup_target is not None:
            self.warmup_target = _check.number(where, "warmup_target", warmup_target, low=0)
        self.warmup_steps = _check.number(where, "warmup_steps", warmup_steps, low=0)

    def formula(self, t: Rates) -> Rates:
        if self.warmup_target is None:
            return self._decayed(self.initial_learning_rate, t)
        rates = self._decayed(self.warmup_target, t - self.warmup_steps)
        warming = t < self.warmup_steps  # never, where warmup_steps is 0
        risen = t[warming] / self.warmup_steps if warming.any() else 0.0
        rates[warming] = (
            self.initial_learning_rate + (self.warmup_target - self.initial_learning_rate) * risen
        )
        return rates

    def _decayed(self, peak: float, t: Rates) -> Rates:
        cosine = 0.5 * (1.0 + np.cos(np.pi * np.minimum(t, self.decay_steps) / self.decay_steps))
        return peak * ((1.0 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }
