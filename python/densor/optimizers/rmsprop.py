"""RMSprop: the gradient over the root of its mean square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.optimizers.optimizer import Column, Optimizer
from densor.schedules import LearningRateSchedule


class RMSprop(Optimizer):
    """v = rho * v + (1 - rho) * g^2, then w -= lr * g / sqrt(v + epsilon).

    centered: a = rho * a + (1 - rho) * g, and v - a^2 + epsilon under the root. With momentum, the step is
    gathered in m = momentum * m + lr * g / sqrt(...), and w -= m. epsilon is inside the root, as in Keras;
    PyTorch has it outside. Source: Tieleman and Hinton, Coursera lecture 6.5 (2012).

    Args:
        learning_rate: a float greater than 0, or a schedule (0.001).
        rho: how much of the old mean square is kept, in [0, 1) (0.9).
        momentum: in [0, 1) (0.0).
        epsilon: greater than 0 (1e-7).
        centered: whether the variance replaces the mean square (False).

    The other arguments are those of `Optimizer`.

    >>> RMSprop(0.5).coefficients(0, 1)  # decay, lr, rho, epsilon
    array([[0.e+00, 5.e-01, 9.e-01, 1.e-07]], dtype=float32)
    """

    adaptive = True

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any] = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.rho = _check.number("RMSprop", "rho", rho, low=0, high=1, include_high=False)
        self.momentum = _check.number("RMSprop", "momentum", momentum, low=0, high=1, include_high=False)
        self.epsilon = _check.number("RMSprop", "epsilon", epsilon, low=0, include_low=False)
        self.centered = _check.boolean("RMSprop", "centered", centered)
        self.rule = "rmsprop" + "_centered" * self.centered + "_momentum" * (self.momentum > 0)
        self.cycles_momentum = self.momentum > 0
        self.slots = (
            "velocity",
            *(["momentum"] if self.momentum else []),
            *(["average_gradient"] if self.centered else []),
        )

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        common = (rates, self.rho, self.epsilon)
        return (*common, self._momenta(t, self.momentum)) if self.momentum else common

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
