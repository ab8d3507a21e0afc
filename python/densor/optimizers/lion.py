"""Lion: the sign of a mean gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer
from densor.schedules import LearningRateSchedule


class Lion(Optimizer):
    """w -= lr * sign(beta_1 * m + (1 - beta_1) * g), then m = beta_2 * m + (1 - beta_2) * g; sign(0) is 0.

    Every weight moves by the rate, so rates are 3 to 10 times smaller than Adam's, and decay as much larger.
    Source: Chen et al. (2023).

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        beta_1: the share of m in the step, in [0, 1) (0.9).
        beta_2: how much of the old mean gradient is kept, in [0, 1) (0.99).

    The other arguments are those of `Optimizer`.

    >>> Lion(0.5).coefficients(0, 1)  # decay, lr, beta_1, beta_2
    array([[0.  , 0.5 , 0.9 , 0.99]], dtype=float32)
    """

    rule = "lion"
    slots = ("momentum",)
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1 = _check.number("Lion", "beta_1", beta_1, low=0, high=1, include_high=False)
        self.beta_2 = _check.number("Lion", "beta_2", beta_2, low=0, high=1, include_high=False)

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        return rates, self.beta_1, self.beta_2

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
        }
