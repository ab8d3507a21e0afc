"""Adadelta: steps in the units of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer
from densor.schedules import LearningRateSchedule


class Adadelta(Optimizer):
    """a = rho * a + (1 - rho) * g^2; step = g * sqrt(d + epsilon) / sqrt(a + epsilon); w -= lr * step,

    and then d = rho * d + (1 - rho) * step^2. Source: Zeiler (2012), who has a rate of 1.0.

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        rho: how much of the old means is kept, in [0, 1) (0.95).
        epsilon: greater than 0 (1e-7).

    The other arguments are those of `Optimizer`.

    >>> Adadelta(1.0).coefficients(0, 1)  # decay, lr, rho, epsilon
    array([[0.0e+00, 1.0e+00, 9.5e-01, 1.0e-07]], dtype=float32)
    """

    rule = "adadelta"
    slots = ("accumulated_grad", "accumulated_delta_var")
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        rho: float = 0.95,
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
        self.rho = _check.number("Adadelta", "rho", rho, low=0, high=1, include_high=False)
        self.epsilon = _check.number("Adadelta", "epsilon", epsilon, low=0, include_low=False)

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        return rates, self.rho, self.epsilon

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "epsilon": self.epsilon,
        }
