"""FTRL: follow the regularized leader."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer
from densor.schedules import LearningRateSchedule


class Ftrl(Optimizer):
    """a' = a + g^2; z += g + 2 * shrinkage * w - (p(a') - p(a)) / lr * w, with p(x) = x^(-learning_rate_power);

    w = (clip(z, -l1, l1) - z) / (p(a') / lr + 2 * l2 + beta / lr). Weights whose |z| stays within l1 are exactly 0.
    At a learning rate of exactly 0 nothing changes (Keras divides by it: NaN).
    Source: McMahan et al. (2013), as in Keras.

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        learning_rate_power: at most 0; -0.5 is the root of the paper, 0 a fixed rate (-0.5).
        initial_accumulator_value: what a starts with, at least 0 (0.1).
        l1_regularization_strength, l2_regularization_strength: at least 0 (0.0).
        l2_shrinkage_regularization_strength: an l2 penalty on the gradient alone, at least 0 (0.0).
        beta: at least 0 (0.0).

    The other arguments are those of `Optimizer`.

    >>> Ftrl(0.5).coefficients(0, 1)  # decay, lr, l1, l2, beta, shrinkage, exponent
    array([[0. , 0.5, 0. , 0. , 0. , 0. , 0.5]], dtype=float32)
    """

    rule = "ftrl"
    slots = ("accumulator", "linear")
    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        strength = functools.partial(_check.number, "Ftrl", low=0)
        self.learning_rate_power = _check.number("Ftrl", "learning_rate_power", learning_rate_power, high=0)
        self.initial_accumulator_value = strength("initial_accumulator_value", initial_accumulator_value)
        self.l1_regularization_strength = strength("l1_regularization_strength", l1_regularization_strength)
        self.l2_regularization_strength = strength("l2_regularization_strength", l2_regularization_strength)
        self.l2_shrinkage_regularization_strength = strength(
            "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength
        )
        self.beta = strength("beta", beta)
        if self.learning_rate_power != -0.5:
            self.rule = "ftrl_power"

    def initial_slot(self, name: str) -> float:
        return self.initial_accumulator_value if name == "accumulator" else super().initial_slot(name)

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        return (
            rates, self.l1_regularization_strength, self.l2_regularization_strength, self.beta,
            self.l2_shrinkage_regularization_strength, -self.learning_rate_power,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
