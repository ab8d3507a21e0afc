"""RAdam: Adam that rectifies the variance of its first steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer, float32
from densor.schedules import LearningRateSchedule


class RAdam(Optimizer):
    """Adam's m and v with bias corrections, and no division by the root of v while its variance is unbounded.

    With rho_max = 2 / (1 - beta_2) - 1 and rho = rho_max - 2 * t * beta_2^t / (1 - beta_2^t):
    w -= lr * r * m' / (sqrt(v) + epsilon) * sqrt(1 - beta_2^t) where rho > 5, else w -= lr * m',
    with m' = m / (1 - beta_1^t) and r = sqrt((rho - 4) * (rho - 2) * rho_max / ((rho_max - 4) * (rho_max - 2) * rho)).
    The rule of PyTorch (whose epsilon is 1e-8); Keras has none. Source: Liu et al. (2019).

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        beta_1: how much of the old mean gradient is kept, in [0, 1) (0.9).
        beta_2: how much of the old mean square is kept, in [0, 1) (0.999).
        epsilon: greater than 0 (1e-7).

    The other arguments are those of `Optimizer`.

    >>> RAdam(0.5).coefficients(0, 1).round(3)  # decay, alpha, betas, factor of the root, epsilon or 1
    array([[0.   , 5.   , 0.9  , 0.999, 0.   , 1.   ]], dtype=float32)
    """

    rule = "radam"
    slots = ("momentum", "velocity")
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
        self.beta_1 = _check.number("RAdam", "beta_1", beta_1, low=0, high=1, include_high=False)
        self.beta_2 = _check.number("RAdam", "beta_2", beta_2, low=0, high=1, include_high=False)
        self.epsilon = _check.number("RAdam", "epsilon", epsilon, low=0, include_low=False)

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        beta_1, beta_2 = float32(self.beta_1), float32(self.beta_2)  # what the native pass averages with
        power = beta_2**t
        longest = 2.0 / (1.0 - beta_2) - 1.0
        length = longest - 2.0 * t * power / (1.0 - power)
        rectified = length > 5.0
        safe = np.where(rectified, length, 6.0)
        ratio = (safe - 4.0) * (safe - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * safe)
        scale = np.where(rectified, np.sqrt(np.where(rectified, ratio, 1.0) * (1.0 - power)), 1.0)
        alpha = rates / (1.0 - beta_1**t) * scale
        return alpha, beta_1, beta_2, rectified.astype(np.float64), np.where(rectified, self.epsilon, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
