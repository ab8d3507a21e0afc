"""AdamW that needs no schedule: it trains where a running mean of its weights is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.graph import Arena
from densor.optimizers.optimizer import Column, Optimizer, float32
from densor.schedules import LearningRateSchedule


class ScheduleFreeAdamW(Optimizer):
    """v += (1 - beta_2) (g^2 - v); z -= lr g / (sqrt(v / (1 - beta_2^t)) + epsilon); x += (z - x) / t;

    w = (1 - beta_1) z + beta_1 x. z begins at the weights, and x is what w and z imply.
    Source: Defazio et al. (2024), as in Keras 3.

    Args:
        learning_rate: a float greater than 0, or a schedule (0.0025).
        beta_1: the share of the mean x in the weights, in (0, 1] (0.9).
        beta_2: how much of the old mean square is kept, in [0, 1) (0.999).
        epsilon: greater than 0 (1e-8).
        warmup_steps: over so many updates the learning rate grows to its value, at least 0 (0).

    The other arguments are those of `Optimizer`.

    >>> ScheduleFreeAdamW(1.0, warmup_steps=4).coefficients(0, 5)[:, 1].tolist()
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    rule = "schedule_free"
    slots = ("momentum", "velocity")
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float | str = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **legacy: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **legacy,
        )  # fmt: skip
        where = "ScheduleFreeAdamW"
        self.beta_1 = _check.number(where, "beta_1", beta_1, low=0, high=1, include_low=False)
        self.beta_2 = _check.number(where, "beta_2", beta_2, low=0, high=1, include_high=False)
        self.epsilon = _check.number(where, "epsilon", epsilon, low=0, include_low=False)
        self.warmup_steps = _check.integer(where, "warmup_steps", warmup_steps, low=0)

    def start_average(self, arena: Arena) -> None:
        super().start_average(arena)
        arena.slots[0][...] = arena.parameters  # z

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        if self.warmup_steps:
            rates = rates * np.minimum(t / self.warmup_steps, 1.0)
        beta_2 = float32(self.beta_2)  # what the native pass averages with
        return rates, float32(self.beta_1), beta_2, 1.0 / (1.0 - beta_2**t), self.epsilon, 1.0 / t

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }
