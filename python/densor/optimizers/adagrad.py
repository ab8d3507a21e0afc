"""Adagrad: the gradient over the root of the sum of all its squares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer
from densor.schedules import LearningRateSchedule


class Adagrad(Optimizer):
    """a += g^2, then w -= lr * g / sqrt(a + epsilon).

    Source: Duchi, Hazan, Singer (2011).

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        initial_accumulator_value: what a starts with, at least 0 (0.1).
        epsilon: greater than 0 (1e-7).

    The other arguments are those of `Optimizer`.

    >>> Adagrad(0.5).coefficients(0, 1)  # decay, lr, epsilon
    array([[0.e+00, 5.e-01, 1.e-07]], dtype=float32)
    """

    rule = "adagrad"
    slots = ("accumulator",)
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value = _check.number(
            "Adagrad", "initial_accumulator_value", initial_accumulator_value, low=0
        )
        self.epsilon = _check.number("Adagrad", "epsilon", epsilon, low=0, include_low=False)

    def initial_slot(self, name: str) -> float:
        return self.initial_accumulator_value if name == "accumulator" else super().initial_slot(name)

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        return rates, self.epsilon

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }
