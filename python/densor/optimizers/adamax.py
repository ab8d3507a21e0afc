"""Adamax: Adam with the largest gradient in place of the mean square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer
from densor.schedules import LearningRateSchedule


class Adamax(Optimizer):
    """m += (1 - beta_1) * (g - m); u = max(beta_2 * u, |g|); w -= lr / (1 - beta_1^t) * m / (u + epsilon).

    Source: Kingma and Ba, "Adam" (2014), section 7.1.

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        beta_1: how much of the old mean gradient is kept, in [0, 1) (0.9).
        beta_2: how much of the old largest gradient is kept, in [0, 1) (0.999).
        epsilon: greater than 0 (1e-7).

    The other arguments are those of `Optimizer`.

    >>> Adamax(0.5, epsilon=0.25).coefficients(0, 1)  # decay, lr / (1 - beta_1^t), beta_1, beta_2, epsilon
    array([[0.   , 5.   , 0.9  , 0.999, 0.25 ]], dtype=float32)
    """

    rule = "adamax"
    slots = ("momentum", "norm")
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
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
        self.beta_1 = _check.number("Adamax", "beta_1", beta_1, low=0, high=1, include_high=False)
        self.beta_2 = _check.number("Adamax", "beta_2", beta_2, low=0, high=1, include_high=False)
        self.epsilon = _check.number("Adamax", "epsilon", epsilon, low=0, include_low=False)

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        return rates / (1.0 - self.beta_1**t), self.beta_1, self.beta_2, self.epsilon

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
